"""Chat templates of the families in use, each cut at the post and at the answer."""

import pytest
from tests.tiny_tokenizers import CHATML, byte_bpe, fast

from probatum.errors import PromptError
from probatum.prompt.template import POST_MARK, frame_of_chat

MESSAGES = [("developer", "Decide."), ("user", POST_MARK)]
SHOTS = [("developer", "Decide."), ("user", "one"), ("assistant", "hate"), ("user", POST_MARK)]
LLAMA3 = (
    "{{- bos_token }}{%- if not date_string is defined %}{%- set date_string = strftime_now('%d %b %Y') %}{%- endif %}"
    "{%- if messages[0]['role'] == 'system' %}{%- set system = messages[0]['content']|trim %}"
    "{%- set messages = messages[1:] %}{%- endif %}<system>Today Date: {{ date_string }}\n\n{{ system }}<eot>"
    "{%- for m in messages %}<{{ m['role'] }}>{{ m['content'] | trim }}<eot>{%- endfor %}"
    "{%- if add_generation_prompt %}<assistant>{%- endif %}"
)
GEMMA = (
    "{{ bos_token }}{% if messages[0]['role'] == 'system' %}"
    "{{ raise_exception('System role not supported') }}{% endif %}"
    "{% for m in messages %}{% if (m['role'] == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('Conversation roles must alternate') }}{% endif %}"
    "{{ '<turn>' + m['role'] + '\n' + m['content'] | trim + '<end>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<turn>assistant\n' }}{% endif %}"
)
MISTRAL = (
    "{{ bos_token }}{% for m in messages %}{% if m['role'] == 'user' %}{{ '[INST] ' + m['content'] + ' [/INST]' }}"
    "{% elif m['role'] == 'assistant' %}{{ ' ' + m['content'] + eos_token }}{% endif %}{% endfor %}"
)
QWEN3 = (
    "{%- for m in messages %}{%- if m.role == 'assistant' and loop.last %}"
    "{{- '<|user|>assistant\n<think>\n\n</think>\n\n' + m.content.split('</think>')[-1].lstrip('\n') + '<|end|>\n' }}"
    "{%- else %}{{- '<|user|>' + m.role + '\n' + m.content + '<|end|>\n' }}{%- endif %}{%- endfor %}"
    "{%- if add_generation_prompt %}{{- '<|user|>assistant\n' }}{%- endif %}"
)
PHI = (
    "{% for m in messages %}{% if m['role'] == 'system' and m['content'] %}"
    "{{'<|system|>\n' + m['content'] + '<|end|>\n'}}"
    "{% elif m['role'] == 'user' %}{{'<|user|>\n' + m['content'] + '<|end|>\n'}}{% elif m['role'] == 'assistant' %}"
    "{{'<|assistant|>\n' + m['content'] + '<|end|>\n'}}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>\n' }}{% else %}{{ eos_token }}{% endif %}"
)
TRACKED = (
    "{% for m in messages %}{% generation %}<{{ m.role }}>{{ m.content }}{% endgeneration %}{% endfor %}<assistant>"
)


def frame(template, messages=MESSAGES, today="2025-01-01"):
    found = frame_of_chat(fast(byte_bpe(), chat_template=template), messages, today, "low")
    return found.before, found.after, found.end


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        (CHATML, ("<|user|>system\nDecide.<|end|>\n<|user|>user\n", "<|end|>\n<|user|>assistant\n", "<|end|>\n")),
        (LLAMA3, ("<s><system>Today Date: 01 Jan 2025\n\nDecide.<eot><user>", "<eot><assistant>", "<eot>")),
        (GEMMA, ("<s><turn>user\nDecide.\n\n", "<end>\n<turn>assistant\n", "<end>\n")),
        (MISTRAL, ("<s>[INST] Decide.\n\n", " [/INST] ", "</s>")),
        (
            QWEN3,
            (
                "<|user|>system\nDecide.<|end|>\n<|user|>user\n",
                "<|end|>\n<|user|>assistant\n<think>\n\n</think>\n\n",
                "<|end|>\n",
            ),
        ),
        (PHI, ("<|system|>\nDecide.<|end|>\n<|user|>\n", "<|end|>\n<|assistant|>\n", "<|end|>\n</s>")),
    ],
    ids=["chatml", "llama3", "gemma", "mistral", "qwen3", "phi"],
)
def test_families(template, expected):
    assert frame(template) == expected


def test_examples_are_turns_and_the_instruction_goes_before_the_first():
    before, after, _ = frame(GEMMA, SHOTS)
    assert before == "<s><turn>user\nDecide.\n\none<end>\n<turn>assistant\nhate<end>\n<turn>user\n"
    assert after == "<end>\n<turn>assistant\n"


def test_developer_is_used_where_the_template_names_it():
    template = "{# developer or system #}" + CHATML
    assert frame(template)[0].startswith("<|user|>developer\nDecide.")


@pytest.mark.parametrize("kind", ["%Y-%m-%d", "%d %b %Y", "%A"])
def test_the_date_is_frozen(kind):
    template = "{{ strftime_now('" + kind + "') }}" + CHATML
    shown = {"%Y-%m-%d": "2025-01-01", "%d %b %Y": "01 Jan 2025", "%A": "Wednesday"}[kind]
    assert frame(template)[0].startswith(shown)


def test_the_reasoning_effort_reaches_the_template():
    assert frame("{{ reasoning_effort }}" + CHATML)[0].startswith("low")


def test_a_template_that_cannot_answer_ends_with_its_generation_prompt():
    template = CHATML.replace(
        "{% for", "{% if messages[-1].role == 'assistant' %}{{ raise_exception('no') }}{% endif %}{% for", 1
    )
    assert frame(template)[1:] == ("<|end|>\n<|user|>assistant\n", None)


def test_generation_marks_are_let_through():
    assert frame(TRACKED) == ("<system>Decide.<user>", "<assistant>", "<assistant>")


def test_rendering_is_that_of_transformers():
    tokenizer = fast(byte_bpe(), chat_template=PHI)
    chat = [{"role": "system", "content": "Decide."}, {"role": "user", "content": "a post"}]
    before, after, _ = frame(PHI)
    whole = tokenizer.apply_chat_template(chat, tokenize=False, add_generation_prompt=True)
    assert before + "a post" + after == whole


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("{{ messages[0].role }}", r"cannot hold this strategy: .*role 'user' does not appear exactly once"),
        (CHATML + CHATML, "does not appear exactly once"),
        ("{{ raise_exception('no chats here') }}", "no chats here"),
        ("{{ 1 + none }}", "unsupported operand"),
        ("{% if %}", "chat template cannot be used: Expected an expression"),
        ("{{ ''.__class__.__mro__ }}", "unsafe"),
        ("{% for m in messages %}{{ m.content | replace('Post', '') }}{% endfor %}", "shows the post 0 times"),
    ],
)
def test_templates_that_cannot_serve_are_named_with_a_way_out(template, message):
    messages = [("user", POST_MARK)] if "replace" in template else MESSAGES
    with pytest.raises(PromptError, match=message) as error:
        frame(template, messages)
    assert "Use a strategy with `text:`" in str(error.value)


def test_a_date_that_is_none():
    with pytest.raises(PromptError, match=r"prompt\.date: 'today' is not a date; write it as YYYY-MM-DD"):
        frame(CHATML, today="today")

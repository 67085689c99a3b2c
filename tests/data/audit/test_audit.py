"""The audit: each kind of finding, and no finding where there is nothing to find."""

import json
import time

import pytest

from probatum.data.audit import audit
from probatum.data.records import Post
from probatum.data.sources import SOURCES, Reading

WORDS = ["sun", "rain", "bread", "train", "river", "music", "paper", "stone", "winter", "garden"]


def make(count=400, **change):
    """Posts of two labels in turn, whose texts say nothing about it; `change` maps a field to a function of n."""
    posts = []
    for n in range(count):
        text = f"{WORDS[n % 10]} {WORDS[n // 10 % 10]} number {n}"
        fields = {"text": text, "label": "hate" if n % 2 else "not_hate", "group": "g", "source": "s"}
        fields |= {name: value(n, text) for name, value in change.items()}
        posts.append(Post(id=f"p{n}", **fields))
    return posts


def kinds(posts, **settings):
    return [finding.kind for finding in audit({"train": posts}, **settings).findings]


def leaks(posts):
    return [finding for finding in audit({"train": posts}).findings if finding.kind == "format_leak"]


def test_clean_posts_have_no_finding():
    result = audit({"train": make(), "test": [Post("t", "apart", "hate", "g", "s")]})
    assert result.counts["train"] == {
        "label": {"hate": 200, "not_hate": 200},
        "group": {"g": 400},
        "source": {"s": 400},
    }
    assert {finding.kind for finding in result.findings} == {"coverage"}
    assert all(finding.message.startswith("test:") for finding in result.findings)
    assert audit({"train": make()}).findings == []


def test_json():
    result = audit({"train": make(20)})
    assert json.loads(json.dumps(result.to_json()))["findings"][0]["kind"] == "coverage"


def test_empty():
    assert audit({}).findings == audit({"train": []}).findings == []


def test_duplicates():
    posts = [*make(), Post("again", "SUN  sun number 0", "not_hate", "g", "s")]
    (finding,) = audit({"train": posts}).findings
    assert (finding.kind, finding.severity, finding.count, finding.example_ids) == ("duplicate", "low", 1, ("again",))
    assert finding.message == "train: 1 of 401 posts: the text stands in the file already"


def test_overlap():
    result = audit({"train": make(), "test": make(200)})
    (finding,) = [each for each in result.findings if each.kind == "overlap"]
    assert (finding.severity, finding.count, finding.share) == ("high", 200, 1.0)
    assert finding.message == "test: 200 of 200 posts: the text stands in train too (200 of its 400 posts)"
    assert (finding.files, finding.example_ids[:2], finding.twin_ids[:2]) == (
        ("test", "train"),
        ("p0", "p1"),
        ("p0", "p1"),
    )


def test_conflicting_label():
    posts = [*make(), Post("other", "sun sun number 0", "hate", "g", "s")]
    (finding,) = [each for each in audit({"train": posts}).findings if each.kind == "conflicting_label"]
    assert (finding.count, set(finding.example_ids)) == (2, {"p0", "other"})


def test_truncation():
    def beyond(limit):
        return lambda texts: [max(0, len(text.split()) - limit) for text in texts]

    result = audit({"train": make()}, beyond(3))
    (finding,) = result.findings
    assert (finding.kind, finding.severity, finding.count) == ("truncation", "high", 400)
    assert "the longest by 1 tokens" in finding.message
    assert audit({"train": make()}, beyond(4)).findings == []


def test_coverage():
    posts = [*make(group=lambda n, _: "small" if n < 10 else "big"), Post("x", "x", "rare", "big", "s")]
    found = {finding.message: finding.severity for finding in audit({"train": posts}).findings}
    assert found["train: 1 of 401 posts are rare (0.2%)"] == "medium"
    assert any("small (5 hate, 5 not_hate, 0 rare)" in message for message in found)


def test_a_label_that_a_file_lacks():
    result = audit({"train": make(), "test": [p for p in make() if p.label == "hate"]})
    assert any(
        f.severity == "high" and f.message == "test: 0 of 200 posts are not_hate (0.0%)" for f in result.findings
    )


def test_one_label_alone():
    (finding,) = audit({"train": [post for post in make() if post.label == "hate"]}).findings
    assert (finding.kind, finding.severity, finding.count) == ("coverage", "high", 200)
    assert finding.message == "train: every post is hate: there is nothing to tell apart"


def test_a_group_that_a_file_lacks():
    test = [Post(f"t{n}", f"post {n}", "hate" if n % 2 else "not_hate", ("g", "h")[n < 70], "s") for n in range(140)]
    messages = {f.message: f for f in audit({"train": make(), "test": test}).findings}
    finding = messages["train: no post about groups that other files have: h (70)"]
    assert (finding.severity, finding.count, finding.files) == ("medium", 70, ("train", "test"))
    assert finding.example_ids[0] == "t0"
    without = [Post(p.id, p.text, p.label) for p in make()]
    assert not any("other files have" in f.message for f in audit({"train": without, "test": test}).findings)


def framed(n, text, prefix="Text: ", suffix="\nAnswer:"):
    return prefix + text + suffix


ANSWERS = ("not hate", "hate")
BRACES = ('{"label": "not hate"}', '{{"label": "hate"}}')


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"text": lambda n, t: t + " " * (n % 2)}, "text: ends with white space"),
        ({"text": lambda n, t: f'"{t}"' if n % 2 else t}, "text: is wrapped in double quotes"),
        ({"text": lambda n, t: f"<user> {t}" if n % 2 else t}, "text: has the placeholder <user>"),
        ({"text": lambda n, t: t + " &amp;" if n % 2 else t}, "text: has an HTML entity"),
        ({"prompt": lambda n, t: framed(n, t, "Text: " if n % 2 else "text: ")}, "frame: differs from"),
        ({"prompt": lambda n, t: framed(n, t, suffix="\nAnswer:" + " " * (n % 2))}, "frame: differs from"),
        ({"prompt": lambda n, t: f"{'Note 1' if n % 2 else 'Note 2'}\n{n}\n{t}"}, "frame: has the line 'Note "),
        ({"answer": lambda n, _: ANSWERS[n % 2] + "." * (n % 2)}, "answer: ends with a full stop or other mark"),
        ({"answer": lambda n, _: " " * (n % 2) + ANSWERS[n % 2]}, "answer: begins with white space"),
        ({"answer": lambda n, _: ANSWERS[n % 2].upper() if n % 2 else ANSWERS[0]}, "answer: has its label in capitals"),
        ({"answer": lambda n, _: BRACES[n % 2]}, "answer: has doubled braces"),
        (
            {"answer": lambda n, _: '{"label": "hate", "why": "x"}' if n % 2 else '{"label": "not hate"}'},
            "answer: has the key 'why'",
        ),
        (
            {"answer": lambda n, _: '{"a": 1, "label": "hate"}' if n % 2 else '{"label": "not hate", "a": 1}'},
            "answer: has its keys in the order",
        ),
        ({"extra": lambda n, _: {"rationale": "x" if n % 2 else None}}, "column: 'rationale' is filled in"),
        ({"extra": lambda n, _: {"a": 1, "b": 2} if n % 2 else {"b": 2, "a": 1}}, "column: the columns are: "),
        ({"group": lambda n, _: "g" if n % 2 else None}, "column: 'group' is filled in"),
    ],
)  # fmt: skip
def test_leaks(change, says):
    found = leaks(make(**change))
    assert any(says in finding.message for finding in found), [finding.message for finding in found]
    expected = "medium" if says.startswith("column") else "high"
    assert found[0].severity == expected
    assert "100.0% of them" in found[0].message


@pytest.mark.parametrize(
    "change",
    [
        {"answer": lambda n, _: ANSWERS[n % 2]},
        {"answer": lambda n, _: ANSWERS[n % 2].capitalize()},
        {"answer": lambda n, _: ANSWERS[n % 2].upper() + "\n"},
        {"answer": lambda n, _: json.dumps({"label": ANSWERS[n % 2], "why": f"because {n}"})},
        {"prompt": framed},
        {"prompt": lambda n, t: framed(n, t, "A: " if n % 4 < 2 else "B: ")},
        {"text": lambda n, t: t + " " * (n % 4 < 2)},
        {"text": lambda n, t: "Answer" if n < 2 else t, "prompt": lambda n, t: framed(n, "Answer" if n < 2 else t)},
        {"extra": lambda n, _: {"seen": n % 4 < 2 or None}},
    ],
)
def test_what_says_nothing_about_the_label_is_no_leak(change):
    assert leaks(make(**change)) == []


def test_hostile_texts_are_looked_through_quickly():
    hostile = ["\n" * 100_000 + "x" + "\n" * 100_000, '"' * 50_000 + " " * 50_000, "<a " * 30_000, "{{ " * 30_000]
    posts = [Post(f"h{n}", text, "hate", prompt=f"Text: {text}", answer=text) for n, text in enumerate(hostile)]
    start = time.perf_counter()
    audit({"train": [*make(), *posts]})
    assert time.perf_counter() - start < 10


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"group": lambda n, _: "g" if n % 2 or n % 4 == 0 else None}, "column: 'group' is empty: 25.0% of the posts"),
        ({"text": lambda n, t: t if n % 2 and n % 4 == 1 else t + " "}, "text: does not end with white space: 25.0%"),
        ({"extra": lambda n, _: {} if n % 4 == 1 else {"a": "1"}}, "column: 'a' is empty; the columns are other than"),
    ],
)
def test_a_leak_of_posts_without_a_trace_says_so(change, says):
    (finding,) = leaks(make(**change))
    assert finding.message.startswith(says)


def test_a_rare_trace_is_no_leak():
    assert leaks(make(text=lambda n, t: t + " " if n in (1, 3) else t)) == []


def test_a_habit_of_one_source_is_low():
    posts = make(
        source=lambda n, _: "b" if n % 2 or n % 18 == 0 else "a",
        text=lambda n, t: f"<u_r> {t}" if n % 2 or n % 18 == 0 else t,
    )
    (finding,) = leaks(posts)
    assert finding.severity == "low"
    assert finding.message.endswith("mostly because one source has it and more of that label")


def test_only_some_posts_come_as_prompts():
    posts = [*make(), Post("z", "zero", "hate", "g", "s", prompt="Q: zero", answer="hate")]
    assert leaks(posts) == []


def test_the_order_of_the_posts_does_not_matter():
    posts = make(text=lambda n, t: t + " " * (n % 2))
    assert [f.message for f in leaks(posts)] == [f.message for f in leaks(posts[::-1])]


def real_chat_rows(folder):
    """The published chat training file, made again from the unified posts the way its generator makes it."""
    for row in json.loads((folder / "unified" / "unified_train.json").read_text(encoding="utf-8")):
        reason = json.dumps(row["rationale_text"], ensure_ascii=False)
        hate = f'{{"classification": "hate_speech", "reasoning": {reason}, "protected_group": "X"}}'
        normal = '{{"classification": "not_hate", "reasoning": "This text does not contain hate speech."}}'
        user = f'Analyze this text:\n\nPersona: {row["persona_tag"].upper()}\nText: "{row["text"]}"'
        answer = hate if row["label_binary"] == "hate" else normal
        yield {"messages": [{"role": "user", "content": user}, {"role": "assistant", "content": answer}]}, row["text"]


def test_the_published_chat_files_leak(shared_data, write, labels):
    from probatum.data.readers import read_posts

    rows, texts = zip(*real_chat_rows(shared_data), strict=True)
    result = read_posts(write(rows), labels)
    assert [post.text for post in result.posts] == list(texts)
    assert result.frame.slots == ("persona",)
    grave = [finding.message for finding in audit({"train": result.posts}).findings if finding.severity == "high"]
    assert len(grave) == 1, "traces that mark the same posts, or parts of them, are told once"
    assert grave[0].startswith("answer: has doubled braces; ")
    assert "does not have the key 'protected_group'" in grave[0]


def test_the_real_posts_have_no_grave_leak(shared_data, labels):
    reading = Reading(labels, on_error="skip")
    files = {
        "train": SOURCES["unified"].read(shared_data / "unified" / "unified_train.json", reading).posts,
        "test": SOURCES["unified"].read(shared_data / "unified" / "unified_val.json", reading).posts,
    }
    result = audit(files)
    assert {finding.severity for finding in result.findings if finding.kind == "format_leak"} <= {"low"}
    assert any(finding.kind == "overlap" for finding in result.findings)

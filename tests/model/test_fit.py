"""The memory plan: weights to the byte, passes to the operator, and choices that fit."""

import copy
import re
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file
from tests.checkpoints import LONGROPE, PHIMOE
from torch.nn import functional as F
from transformers import AutoConfig, AutoModelForCausalLM, GptOssConfig

from probatum.model import ledger
from probatum.model.buffers import padded_length
from probatum.model.fit import (
    ADAM_BYTES,
    ROWS,
    Plan,
    adapter_bytes,
    formula_bytes,
    make_plan,
    shard_bytes,
    skeleton,
    weight_bytes,
)
from probatum.model.load import LoadedModel, load_config, load_model
from probatum.model.masks import by_kind, windows
from probatum.model.memory import CONTEXT_BYTES, GIB, free_bytes
from probatum.model.mxfp4.experts import Mxfp4Experts
from probatum.model.mxfp4.quantizer import keep_mxfp4
from probatum.model.shape import FileSize, RowShape
from probatum.study import Model, Scoring, Study, Training
from probatum.training.lora import attach_adapter

ENOUGH = FileSize(posts=2000, tokens=2000 * 32)  # posts for rows of any length
SHAPE = RowShape(  # the real posts behind a Harmony frame
    prefix=104, post=32.0, deviation=12.0, long_post=60, longest_post=150, scored=2, supervised=3,
    test=ENOUGH, validation=ENOUGH,
)  # fmt: skip
ANYTHING = ledger.experts_inside(dequantises=True)
CUDA = torch.device("cuda")


def held_bytes(model):
    return sum(tensor.numel() * tensor.element_size() for tensor in [*model.parameters(), *model.buffers()])


def of_config(name):
    config = load_config(Model(name=str(name)))
    return skeleton(config, is_mxfp4=keep_mxfp4(config))


def study(**sections):
    return Study(name="x", data={"train": "a", "validation": "b"}, **sections)


def published(name):
    """The config of a published model, as it is read."""
    if name == "phi":
        sizes = {
            "hidden_size": 4096, "intermediate_size": 6400, "num_hidden_layers": 32, "num_local_experts": 16,
            "num_attention_heads": 32, "num_key_value_heads": 8, "vocab_size": 32064,
            "rope_scaling": LONGROPE | {"short_factor": [1.0] * 64, "long_factor": [1.0] * 64},
        }  # fmt: skip
        return AutoConfig.for_model(**PHIMOE | sizes)
    layers, experts = {"20b": (24, 32), "120b": (36, 128)}[name]
    config = GptOssConfig(num_hidden_layers=layers, num_local_experts=experts)
    config.quantization_config = {"quant_method": "mxfp4"}
    return config


@pytest.fixture(params=["gpt_oss", "llama", "builtin"])
def folder(request):
    if request.param == "builtin":
        return "builtin"
    made = request.getfixturevalue(request.param)
    return made()[0] if request.param == "llama" else made


@pytest.fixture
def gpu(monkeypatch):
    """A GPU with so much free, for planning alone."""
    pytest.importorskip("triton", reason="triton is not installed, and without it there are no kernels to plan for")

    def have(free=139 * GIB):
        monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _=None: (free, 141 * GIB))

    have()
    return have


def planned(name, shape=SHAPE, **sections):
    asked = study(**sections)
    available = free_bytes(CUDA, asked.model.memory_limit)
    return make_plan(published(name), asked, shape, CUDA, torch.bfloat16, available=available)


def test_the_skeleton_takes_no_memory_and_has_every_shape(folder):
    bones, body = of_config(folder), load_model(Model(name=str(folder))).model
    assert all(tensor.device.type == "meta" for tensor in bones.parameters())
    assert {n: t.shape for n, t in bones.state_dict().items()} == {n: t.shape for n, t in body.state_dict().items()}


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_the_weights_are_those_of_the_loaded_model_to_the_byte(folder, dtype):
    loaded = load_model(Model(name=str(folder), dtype=dtype))
    rotary = [b for name, b in loaded.model.named_buffers() if "inv_freq" in name]  # kept in float32
    extra = sum(b.numel() * (b.element_size() - loaded.dtype.itemsize) for b in rotary)
    weights = weight_bytes(of_config(folder), loaded.dtype)
    assert weights + extra == held_bytes(loaded.model)
    assert weight_bytes(loaded.model, loaded.dtype) == weights


def test_mxfp4_weights_take_no_more_than_their_file(gpt_oss):
    file = sum(t.numel() * t.element_size() for f in gpt_oss.glob("*.safetensors") for t in load_file(f).values())
    assert file <= weight_bytes(of_config(gpt_oss), torch.bfloat16) < file * 1.01  # the rotary table is not in the file


@pytest.mark.parametrize("targets", [["q_proj", "k_proj", "v_proj", "o_proj"], ["q_proj"], ["o_proj", "v_proj"]])
@pytest.mark.parametrize("rank", [1, 32])
def test_the_adapter_is_what_trains_with_gradient_and_moments(folder, targets, rank):
    settings = Training(rank=rank, alpha=8, targets=targets)
    tuned = attach_adapter(load_model(Model(name=str(folder))), settings)
    trainable = sum(parameter.numel() for parameter in tuned.parameters() if parameter.requires_grad)
    assert adapter_bytes(of_config(folder), settings) == trainable * ADAM_BYTES == trainable * 16


def test_published_weights():
    """The hub's index of gpt-oss-120b says 65,248,815,744 bytes."""
    bones = skeleton(published("120b"), is_mxfp4=True)
    assert weight_bytes(bones, torch.bfloat16) == pytest.approx(65_248_815_744, abs=1000)


def measured_peak(work):
    """The peak of the bytes that PyTorch's profiler saw allocated and not yet freed on the CPU."""
    from torch.profiler import ProfilerActivity, profile

    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiler:
        work()
    events = [event for event in profiler.profiler.kineto_results.events() if event.name() == "[memory]"]
    live = peak = 0
    for _, size in sorted((event.start_ns(), event.nbytes()) for event in events):
        live += size
        peak = max(peak, live)
    return peak


WIDE = {
    "llama": {
        "vocab_size": 500, "hidden_size": 256, "intermediate_size": 700, "num_hidden_layers": 6,
        "num_attention_heads": 8, "num_key_value_heads": 2,
    },
    "phimoe": PHIMOE | {"num_hidden_layers": 6, "hidden_size": 128, "num_attention_heads": 8, "torch_dtype": "float32"},
}  # fmt: skip


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("recompute", [False, True])
@pytest.mark.parametrize(("kind", "attention"), [("llama", "eager"), ("llama", "sdpa"), ("phimoe", "sdpa")])
def test_passes_take_what_the_profiler_measures(kind, attention, recompute):
    torch.manual_seed(0)  # Phi draws its experts
    num_tokens, num_kept = 256, 8
    config = AutoConfig.for_model(**{"model_type": kind} | WIDE[kind])
    config._attn_implementation = attention
    model = AutoModelForCausalLM.from_config(config).requires_grad_(False)
    bones = copy.deepcopy(model).to("meta")
    settings = Training(rank=8, gradient_checkpointing=recompute)
    tuned = attach_adapter(LoadedModel(model, None, kind, False), settings)
    if recompute:
        tuned.gradient_checkpointing_enable({"use_reentrant": False})
        tuned.enable_input_require_grads()

    def forward():
        masks = by_kind(config, [torch.zeros(1, 1, num_tokens, num_tokens) for _ in windows(config)])
        ids = torch.arange(num_tokens)[None]
        keep = torch.arange(num_kept)
        return tuned(
            input_ids=ids, position_ids=ids, attention_mask=masks, logits_to_keep=keep, use_cache=False
        ).logits[0]

    def train():
        F.cross_entropy(forward().float(), torch.zeros(num_kept, dtype=torch.int64), reduction="sum").backward()

    @torch.no_grad()
    def score():
        forward().float().log_softmax(-1)

    row = (num_tokens, num_kept)
    taken = measured_peak(tuned.train() and train)
    assert ledger.training_bytes(bones, settings, torch.float32, row, ANYTHING, fast=False) == pytest.approx(
        taken, rel=0.02
    )
    taken = measured_peak(tuned.eval() and score)
    assert ledger.scoring_bytes(bones, settings, torch.float32, row, ANYTHING, fast=False) == pytest.approx(
        taken, rel=0.02
    )


def test_layers_beyond_those_counted_are_added(llama):
    deep, settings = [], Training(gradient_checkpointing=False)
    for layers in (4, 5, 12):
        bones = of_config(llama(f"llama{layers}", num_hidden_layers=layers)[0])
        deep.append(ledger.training_bytes(bones, settings, torch.float32, (64, 4), ANYTHING, fast=False))
    assert deep[2] - deep[0] == 8 * (deep[1] - deep[0]) > 0


def test_experts_kernels_keep_rows_and_dequantise_where_there_are_many(gpu):
    """gpt-oss-120b by hand: 2 bytes a number of R rows, and 128 experts of 5,760 × 2,880 weights at 2 bytes."""
    config = published("120b")
    config.num_hidden_layers = 2  # the last one runs at the kept positions alone
    bones = skeleton(config, is_mxfp4=True)

    def taken(num_tokens, dequantises):
        inside = ledger.experts_inside(dequantises=dequantises)
        return ledger.scoring_bytes(bones, Training(), torch.bfloat16, (num_tokens, 8), inside, fast=True)

    assert taken(64, True) == taken(64, False)
    num_rows = 16_384 * 4
    packed = num_rows * 2 * (2880 + 5760 + 2880 + 2880)  # input, gate and up, gated, result
    made = num_rows * 2 * (2880 + 5760) + 128 * 5760 * 2880 * 2
    assert taken(16_384, True) - taken(16_384, False) == made - packed


@pytest.mark.parametrize(
    ("name", "limit", "weights_gib"),
    [("120b", "79GB", 60.8), ("120b", None, 60.8), ("20b", "40GB", 12.8), ("phi", None, 78.0)],
)
def test_published_models_are_planned_to_fit(gpu, name, limit, weights_gib):
    plan = planned(name, model={"memory_limit": limit})
    assert plan.fast and plan.counted
    assert plan.fits(trains=True)
    assert (plan.micro_batch_size, plan.gradient_checkpointing) == (8, False)
    assert plan.weights / GIB == pytest.approx(weights_gib, abs=0.1)
    assert plan.weights < min(plan.scoring, plan.training)
    assert max(plan.scoring, plan.training) < plan.available
    assert plan.tokens_per_batch == 32_768
    assert plan.validation_tokens == (8_192 if limit == "79GB" else 32_768)


def test_120b_takes_less_when_there_is_less(gpu):
    sizes = [planned("120b", model={"memory_limit": f"{limit}GB"}) for limit in (79, 70)]
    assert all(plan.fits(trains=True) for plan in sizes)
    assert [plan.training for plan in sizes] == sorted((plan.training for plan in sizes), reverse=True)
    assert sizes[-1].tokens_per_batch < 16_384
    assert sizes[-1].gradient_checkpointing
    tight = planned("120b", model={"memory_limit": "60GB"})
    assert not tight.fits(trains=True)
    assert tight.advice(trains=True).startswith("its weights alone do not fit")


def test_no_row_is_planned_that_the_files_cannot_fill(gpu):
    few = replace(SHAPE, test=FileSize(545, 545 * 31), validation=FileSize(64, 64 * 31))
    many, capped = planned("20b"), planned("20b", few)
    assert few.scoring_row(32_768) == few.scoring_row(1 << 20) == (104 + 545 * 31, 545 * 2)
    assert few.scoring_row(4096) == (4096, int((4096 - 104) / 31) * 2)
    assert few.validation_row(32_768) == few.validation_row(4096) == (104 + 64 * 31, 64 * 2)
    assert many.tokens_per_batch == capped.tokens_per_batch == 32_768
    more = replace(SHAPE, test=FileSize(10_000, 10_000 * 31))
    assert capped.workspace == planned("20b", more, scoring={"tokens_per_batch": 104 + 545 * 31}).workspace
    assert capped.workspace < many.workspace
    assert capped.validation == planned("20b", few, scoring={"tokens_per_batch": 104 + 64 * 31}).validation
    assert capped.training == capped.weights + capped.adapter + capped.graphs + capped.activations


def test_a_post_longer_than_a_row_gets_its_own(gpu):
    long = replace(SHAPE, test=FileSize(2, 2 * 900))
    assert long.scoring_row(512) == (104 + 900, 2)


def test_each_further_captured_length_holds_its_gradients(gpu):
    """The graphs' pool is one, but their results stay: gpt-oss-20b at rank 32 has 15,925,248 adapter numbers."""
    plan, even = planned("20b"), planned("20b", replace(SHAPE, deviation=0.0, longest_post=32))
    lengths = SHAPE.num_training_lengths(8)
    assert lengths == len({padded_length(t) for t in range(224, 497)}) == 5  # 104 + 8 * 32, 4 deviations of √8 · 12
    assert even.graphs == even.activations == plan.activations
    assert plan.graphs - plan.activations == (lengths - 1) * 15_925_248 * 4
    assert SHAPE.num_training_lengths(1) == 3  # 128, 192, and 256 for the longest post


def test_numbers_in_the_study_are_kept(gpu):
    plan = planned(
        "20b",
        training={"batch_size": 8, "micro_batch_size": 2, "gradient_checkpointing": True},
        scoring={"tokens_per_batch": 5000},
    )
    assert (plan.micro_batch_size, plan.gradient_checkpointing, plan.tokens_per_batch) == (2, True, 5000)
    assert plan.graphs == 0  # only steps that keep their activations are captured


def test_numbers_that_do_not_fit_are_kept_and_told(gpu):
    plan = planned(
        "120b", model={"memory_limit": "79GB"}, training={"batch_size": 512, "micro_batch_size": 512,
        "gradient_checkpointing": False},
    )  # fmt: skip
    assert plan.micro_batch_size == 512
    assert not plan.fits(trains=True)
    assert plan.fits(trains=False)
    assert "lower training.micro_batch_size" in plan.advice(trains=True)
    assert plan.advice(trains=True).endswith(", or leave all three to auto")
    least = replace(plan, micro_batch_size=1, gradient_checkpointing=True)
    assert least.advice(trains=True).startswith("training does not fit, not even a post at a time: lower scoring.")


def test_what_is_free_counts_too(gpu):
    gpu(free=70 * GIB)
    plan = planned("120b", model={"memory_limit": "79GB"})
    assert plan.available == 70 * GIB
    gpu()
    assert planned("120b", model={"memory_limit": "79GB"}).available == 79 * 10**9 - CONTEXT_BYTES


@pytest.mark.parametrize("name", ["builtin", "gpt_oss", "llama"])
def test_on_a_cpu_auto_is_the_reference(name, request):
    made = name if name == "builtin" else request.getfixturevalue(name)
    name = str(made()[0] if name == "llama" else made)
    config = load_config(Model(name=name))
    plan = make_plan(config, study(model={"name": name}), SHAPE, torch.device("cpu"), torch.float32, available=8 * GIB)
    assert (plan.micro_batch_size, plan.gradient_checkpointing, plan.tokens_per_batch) == (4, True, 1024)
    assert plan.counted and not plan.fast
    assert plan.laid_over(Training(), Scoring()) == (Training(), Scoring())


@pytest.mark.parametrize("name", ["builtin", "llama"])
def test_on_a_cpu_auto_gives_way_where_there_is_little(name, request):
    name = name if name == "builtin" else str(request.getfixturevalue(name)()[0])
    config, cpu = load_config(Model(name=name)), torch.device("cpu")

    def plan(available, **sections):
        return make_plan(
            config, study(model={"name": name}, **sections), SHAPE, cpu, torch.float32, available=available
        )

    roomy = plan(8 * GIB)
    less = plan(int(roomy.scoring * 0.9))
    assert less.tokens_per_batch < roomy.tokens_per_batch == 1024
    assert less.fits(trains=False)
    least = plan(1)
    assert (least.micro_batch_size, least.tokens_per_batch) == (1, 128)
    kept = plan(1, training={"micro_batch_size": 4}, scoring={"tokens_per_batch": 1024})
    assert (kept.micro_batch_size, kept.tokens_per_batch) == (4, 1024)


def test_the_plan_tells_the_experts_of_one_model_alone(gpt_oss):
    first, second = (load_model(Model(name=str(gpt_oss))).model for _ in range(2))
    plan = Plan(4, True, 1024, 1024, False, True, True, 10, 1, 5, 0, 7, 7, None, True)
    plan.apply(first)
    allowed = [{m.may_dequantise for m in of.modules() if isinstance(m, Mxfp4Experts)} for of in (first, second)]
    assert allowed == [{False}, {True}]


def test_generated_answers_keep_the_reference_row(gpu):
    assert planned("20b", scoring={"method": "generate"}).tokens_per_batch == 1024


def test_without_kernels_auto_is_the_reference(gpu):
    plan = planned("20b", model={"kernels": "off"})
    assert not plan.fast
    assert (plan.micro_batch_size, plan.gradient_checkpointing, plan.tokens_per_batch) == (4, True, 1024)


def test_a_model_that_cannot_be_counted_is_estimated(gpu, monkeypatch):
    def refuse(*_, **__):
        raise NotImplementedError("no meta kernel")

    monkeypatch.setattr(ledger, "training_bytes", refuse)
    plan = planned("20b")
    assert not plan.counted
    assert plan.words().endswith("(by a formula: its shapes could not be counted)")
    bones = skeleton(published("20b"), is_mxfp4=True)
    scored = replace(SHAPE, test=FileSize(3, 96))
    monkeypatch.undo()
    gpu()
    monkeypatch.setattr(ledger, "scoring_bytes", refuse)
    assert not planned("20b", scored, systems=["baseline"]).counted
    needs = [formula_bytes(bones, False, torch.bfloat16, tokens) for tokens in (64, 128, 256)]
    assert needs[2] > 2 * needs[1] > 4 * needs[0]
    assert formula_bytes(bones, True, torch.bfloat16, 256) < needs[2]


def test_a_plan_in_words(gpu):
    said = planned("120b", model={"memory_limit": "79GB"}).words()
    assert re.fullmatch(
        r"about 60\.8 GiB of weights \(experts in MXFP4\), [67]\d\.\d GiB to score in rows of 32,768 tokens, "
        r"[67]\d\.\d GiB to train 8 posts at a time, keeping activations",
        said,
    )


def test_rows_that_may_be_chosen_are_powers_of_two():
    assert list(ROWS) == [2**n for n in range(15, 9, -1)]


def test_what_is_not_known_fits():
    plan = Plan(4, True, 1024, 1024, True, False, False, 10, 1, 5, 0, 7, 7, None, True)
    assert plan.fits(trains=True) and plan.fits(trains=False)
    assert (plan.scoring, plan.training) == (17, 18)


def test_a_sharded_model_keeps_two_layers_and_all_outside_of_layers_gathered():
    bones = skeleton(
        AutoConfig.for_model(
            "llama", hidden_size=4096, intermediate_size=14336, num_hidden_layers=32, num_attention_heads=32,
            num_key_value_heads=8, vocab_size=201_088,
        ),
        is_mxfp4=False,
    )  # fmt: skip
    assert shard_bytes(bones, torch.bfloat16, 1) == weight_bytes(bones, torch.bfloat16)
    layer = 2 * (4096 * (4096 + 2 * 1024 + 4096) + 3 * 4096 * 14336 + 2 * 4096)
    outside = 2 * (2 * 201_088 * 4096 + 4096)
    rotary = weight_bytes(bones, torch.bfloat16) - 32 * layer - outside  # its frequencies are a buffer
    assert 0 < rotary < 1000
    predicted = shard_bytes(bones, torch.bfloat16, 2)
    assert predicted == (32 * layer + outside + rotary) // 2 + 2 * layer + outside + rotary
    # an H200 of two used 12.6 GB at most while such a model scored rows of 1,024 tokens (docs/performance.md)
    assert 0.9 < predicted / 12.58e9 < 1.1

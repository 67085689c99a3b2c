"""What the doctor finds, and that it says what to do."""

import io
import json
import re

import pytest
import torch
from rich.console import Console
from transformers import AutoConfig, AutoModelForCausalLM

from probatum.demo import write_demo
from probatum.doctor import Check, Diagnosis, diagnose, print_diagnosis
from probatum.errors import InputError
from probatum.study import Study
from tests.tiny_tokenizers import byte_bpe, fast


@pytest.fixture
def study(tmp_path):
    """A study with three small files of posts."""
    for side in ("train", "validation", "test"):
        rows = [{"id": f"{n}", "text": f"{side} {n}", "label": "hate" if n % 3 else "not_hate"} for n in range(6)]
        (tmp_path / f"{side}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))

    def make(data=None, **sections):
        files = {side: tmp_path / f"{side}.jsonl" for side in ("train", "validation", "test")}
        return Study(name="small", data=files | (data or {}), **{"model": {"device": "cpu"}, **sections})

    return make


def found(diagnosis):
    return {check.name: (check.level, check.found) for check in diagnosis.checks}


def test_the_machine_alone():
    diagnosis = diagnose(None)
    assert {check.name for check in diagnosis.checks} == {"packages", "machine", "gpu", "disk"}
    assert f"torch {torch.__version__}" in found(diagnosis)["packages"][1]


def test_a_study_on_the_built_in_model_is_healthy(study):
    diagnosis = diagnose(study())
    checks = found(diagnosis)
    assert diagnosis.healthy
    assert checks["data.train"] == ("ok", "6 posts: 4 hate, 2 not_hate; 0 skipped")
    assert checks["data.test"][0] == "ok"
    assert checks["model"] == ("ok", "builtin: gpt_oss, 4 layers, on cpu")
    assert checks["template"] == ("ok", "Harmony")
    assert re.match(r"baseline: \d+ tokens before a post, 9 after it, \d+ left for it", checks["prompt"][1])
    assert checks["labels"] == ("ok", "distinct in their first token; tokens: 'hate' 1, 'not hate' 2")
    assert checks["memory"][0] == "ok"
    assert "(experts in MXFP4)" in checks["memory"][1]


def test_posts_that_are_not_there(study, tmp_path):
    diagnosis = diagnose(study({"train": tmp_path / "trian.jsonl"}))
    level, said = found(diagnosis)["data.train"]
    assert not diagnosis.healthy
    assert level == "fault"
    assert "no such file; did you mean train.jsonl" in said
    assert found(diagnosis)["data.validation"][0] == "ok"  # one fault hides no other
    assert found(diagnosis)["model"][0] == "ok"


def test_bad_posts_are_a_fault_or_when_skipped_a_note(study, tmp_path):
    (tmp_path / "bad.jsonl").write_text('{"text": "a", "label": "hate"}\n{"text": "b", "label": "maybe"}\n')
    level, said = found(diagnose(study({"train": tmp_path / "bad.jsonl"})))["data.train"]
    assert level == "fault"
    assert "bad.jsonl:2: label" in said
    skipped = diagnose(study({"train": tmp_path / "bad.jsonl", "on_error": "skip"}))
    told = "1 posts: 1 hate; 1 skipped; all are hate, so there is nothing to tell apart"
    assert found(skipped)["data.train"] == ("note", told)
    assert skipped.healthy


def test_each_criterion_says_what_it_can_show(study):
    criteria = [
        {"metric": "f1", "gain_over": "baseline", "at_least": 0},
        {"metric": "fpr", "at_most": 0.001},
        {"metric": "fpr", "slice": {"group": "martian"}, "at_most": 0.3},
    ]
    diagnosis = diagnose(study(verdict={"criteria": criteria}))
    checks = [check for check in diagnosis.checks if check.name == "criterion"]
    assert [check.level for check in checks][1:] == ["note", "fault"]
    assert "80% power" in checks[0].found
    assert "it cannot pass: even the best answers" in checks[1].found
    assert "it cannot be settled: no post has a column 'group'" in checks[2].found


def test_clusters_by_no_column_are_a_fault(study):
    level, said = found(diagnose(study(verdict={"cluster": "nonsense"})))["criteria"]
    assert level == "fault"
    assert "no post has a column 'nonsense'" in said


def test_no_test_file_is_a_note(study):
    assert found(diagnose(study({"test": None})))["data.test"] == (
        "note", "none: validation will be split in two, one half decides",
    )  # fmt: skip


def test_labels_that_share_their_first_token_are_noted(study):
    diagnosis = diagnose(study(task={"labels": {"hate": "hate", "bad": "hate speech"}, "positive": "hate"}))
    level, said = found(diagnosis)["labels"]
    assert level == "note"
    assert said.startswith("two labels begin with the same token: scored exactly, over all their tokens; ")
    assert said.endswith("'hate' 1, 'hate speech' 2")


def test_a_model_that_is_not_there(study):
    diagnosis = diagnose(study(model={"name": "/no/such/folder"}))
    assert found(diagnosis)["model"][0] == "fault"
    assert "no such folder" in found(diagnosis)["model"][1]
    assert "memory" not in found(diagnosis)


def test_a_gpu_that_is_not_there(study, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    diagnosis = diagnose(study(model={"device": "cuda"}))
    assert found(diagnosis)["model"][0] == "fault"
    assert "PyTorch sees no GPU" in found(diagnosis)["model"][1]
    assert found(diagnosis)["gpu"][0] == "note"


@pytest.mark.parametrize(
    ("prompt", "said"),
    [
        ({"max_tokens": 64}, "nothing is left of prompt.max_tokens 64"),
        ({"strategy": "nonsense"}, "nonsense"),
    ],
)
def test_a_prompt_that_cannot_be(study, prompt, said):
    diagnosis = diagnose(study(prompt=prompt))
    assert found(diagnosis)["prompt"][0] == "fault"
    assert said in found(diagnosis)["prompt"][1]


def test_ready_prompts_bring_their_own_frame(study, tmp_path):
    prompt = "Judge.\nPost: p {}\n### Classification: {}"
    rows = [{"text": prompt.format(n, "hate" if n % 2 else "not hate")} for n in range(30)]
    (tmp_path / "ready.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    checks = found(diagnose(study({"train": tmp_path / "ready.jsonl"}, prompt={"strategy": "ready"})))
    level, said = checks["prompt"]
    assert level == "ok"
    assert said.startswith("ready: ")
    assert " tokens before a post, " in said
    assert checks["labels"][1].startswith("distinct in their first token; ")
    assert checks["memory"][0] == "ok"


def test_the_frame_of_the_training_prompts_is_held_against_the_other_files(study, tmp_path):
    for side, frame in (("train", "Judge.\nPost: "), ("test", "Say.\nText: ")):
        rows = [{"text": f"{frame}{n} n\n### Classification: hate"} for n in range(30)]
        (tmp_path / f"ready_{side}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    files = {"train": tmp_path / "ready_train.jsonl", "test": tmp_path / "ready_test.jsonl"}
    level, said = found(diagnose(study(files, prompt={"strategy": "ready"})))["data.test"]
    assert level == "fault"
    assert "another frame than the other prompts" in said


def test_ready_prompts_that_are_none_are_a_fault(study):
    level, said = found(diagnose(study(prompt={"strategy": "ready"})))["prompt"]
    assert level == "fault"
    assert "prompt: ready is for posts that come as whole prompts or chats, and these do not" in said


def rows_planned(monkeypatch, study):
    """The shape of rows that memory is planned for."""
    from probatum.model import fit

    seen = []

    def make_plan(config, study, shape, *others, **named):
        seen.append(shape)
        raise InputError("the shape is all that is asked for")  # counting passes takes seconds

    with monkeypatch.context() as patch:
        patch.setattr(fit, "make_plan", make_plan)
        diagnose(study)
    return seen[0]


def test_rows_are_planned_by_the_posts(study, tmp_path, monkeypatch):
    short = rows_planned(monkeypatch, study())
    lengths = [short.training_row(micro)[0] for micro in (1, 2, 32)]
    assert lengths[1] - lengths[0] == (lengths[2] - lengths[1]) / 30  # not capped at one prompt's max_tokens
    assert short.training_row(8)[1] == 8 * 3  # "not hate" and the token that ends it
    rows = [{"text": "a much longer post " * (20 if n % 10 == 0 else 1), "label": "hate"} for n in range(60)]
    (tmp_path / "long.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    long = rows_planned(monkeypatch, study({"train": tmp_path / "long.jsonl"}))
    assert long.long_post > short.long_post + 60
    assert short.post < long.post < long.long_post
    assert short.test.posts == short.validation.posts == 6
    assert short.scoring_row(1024) == (short.prefix + short.test.tokens, 6 * short.scored)  # all six posts
    halves = rows_planned(monkeypatch, study({"test": None}))
    assert halves.test.posts == halves.validation.posts == 3
    assert rows_planned(monkeypatch, study(limit=4)).test.posts == 4
    nothing = rows_planned(monkeypatch, study(dict.fromkeys(("train", "test"), tmp_path / "none.jsonl")))
    assert nothing.long_post > 64
    assert nothing.scoring_row(1 << 15)[0] == 1 << 15


def test_a_memory_limit_bounds_the_plan(study):
    level, said = found(diagnose(study(model={"device": "cpu", "memory_limit": "10MB"})))["memory"]
    assert level == "fault"
    assert "; 10 MiB free on cpu under model.memory_limit; " in said


def test_memory_that_is_not_known_is_a_note(study, monkeypatch):
    monkeypatch.setattr("probatum.model.memory.free_host_bytes", lambda: None)
    diagnosis = diagnose(study())
    assert found(diagnosis)["memory"][0] == "note"
    assert found(diagnosis)["memory"][1].endswith("; how much is free on cpu is not known here")
    assert diagnosis.healthy


@pytest.mark.parametrize(
    ("free_mib", "level", "said"),
    [
        (10_000, "ok", "GiB free on cpu"),
        (80, "fault", "training does not fit: lower training.micro_batch_size"),
        (7, "fault", "scoring does not fit: lower scoring.tokens_per_batch"),
        (1, "fault", "its weights alone do not fit: choose a smaller model"),
    ],
)
def test_memory_is_held_against_what_is_free(study, monkeypatch, free_mib, level, said):
    monkeypatch.setattr("probatum.model.memory.free_host_bytes", lambda: free_mib * 2**20)
    diagnosis = diagnose(study(training={"batch_size": 64, "micro_batch_size": 64}))
    assert found(diagnosis)["memory"][0] == level
    assert said in found(diagnosis)["memory"][1]
    assert diagnosis.healthy == (level != "fault")


def test_a_package_that_is_missing_is_a_fault(monkeypatch):
    monkeypatch.setattr("probatum.doctor.versions", lambda: {"python": "3.12", "peft": "not installed"})
    diagnosis = diagnose(None)
    assert found(diagnosis)["packages"] == ("fault", "python 3.12, peft not installed")
    assert not diagnosis.healthy


@pytest.mark.parametrize(("capability", "level"), [((9, 0), "ok"), ((7, 5), "fault")])
def test_gpus_are_listed_with_their_memory(monkeypatch, capability, level):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _: (70 * 2**30, 80 * 2**30))
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda _: "A GPU")
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _: capability)
    checks = found(diagnose(None))
    assert checks["gpu"] == (level, f"A GPU, sm{capability[0]}{capability[1]}, 70.0 of 80.0 GiB free")


@pytest.fixture
def two_gpus(monkeypatch):
    """Two GPUs, for the doctor's eyes alone; the second has less memory free."""
    free = {0: 70 * 2**30, 1: 50 * 2**30}
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda of: (free[getattr(of, "index", of)], 80 * 2**30))
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda _: "A GPU")
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _: (9, 0))


def test_gpus_that_a_run_asks_for_must_be_there(study, two_gpus):
    assert found(diagnose(None, 2))["gpus"] == ("ok", "2, each with a process of its own")
    assert found(diagnose(None, 4))["gpus"] == (
        "fault", "--gpus 4, but PyTorch sees 2 GPUs here; look with `probatum doctor`, and at CUDA_VISIBLE_DEVICES",
    )  # fmt: skip
    assert found(diagnose(study(), 2))["gpus"][1].startswith("--gpus 2, but the study says model.device: cpu; ")
    assert "gpus" not in found(diagnose(None))


def test_the_gpu_with_the_least_memory_decides(study, two_gpus):
    said = found(diagnose(study(model={"device": "cuda"}), 2))["memory"][1]
    assert said.endswith(", on each of 2 GPUs; 50.0 GiB free on cuda")
    assert found(diagnose(study(model={"device": "cuda"})))["memory"][1].endswith("; 70.0 GiB free on cuda")


def test_shards_divide_the_weights(study, two_gpus, tmp_path):
    config = AutoConfig.for_model(
        "llama", vocab_size=370, hidden_size=256, intermediate_size=700, num_hidden_layers=8, num_attention_heads=4,
        num_key_value_heads=2, architectures=["LlamaForCausalLM"],
    )  # fmt: skip
    AutoModelForCausalLM.from_config(config).save_pretrained(tmp_path / "llama")
    fast(byte_bpe()).save_pretrained(tmp_path / "llama")
    whole, split = (
        int(re.match(r"about (\d+) MiB of weights", found(diagnose(asked, 2))["memory"][1])[1])
        for shard in (False, True)
        for asked in [study(model={"name": str(tmp_path / "llama"), "shard": shard})]
    )
    assert split == pytest.approx(whole * (1 / 2 + 2 / 8), abs=1)  # half of them, and two layers of eight gathered


def test_what_cannot_be_sharded_is_a_fault(study):
    alone = found(diagnose(study(model={"device": "cpu", "shard": True})))
    assert alone["model"] == ("fault", "model.shard splits the weights over several GPUs; say how many: --gpus 2")
    two = found(diagnose(study(model={"device": "cpu", "shard": True}), 2))
    assert two["model"][1].startswith("builtin: model.shard splits parameters, and this model's experts stay in")


def test_a_full_disk_is_noted(monkeypatch):
    from types import SimpleNamespace

    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=2**29))
    assert found(diagnose(None))["disk"] == ("note", "0.5 GiB free here")


def test_as_json():
    diagnosis = Diagnosis([Check("gpu", "note", "none"), Check("model", "fault", "gone")])
    assert json.loads(json.dumps(diagnosis.to_json())) == {
        "healthy": False,
        "checks": [
            {"name": "gpu", "level": "note", "found": "none"},
            {"name": "model", "level": "fault", "found": "gone"},
        ],
    }


@pytest.mark.parametrize(
    ("levels", "last"),
    [
        (["ok", "note"], "all is well"),
        (["fault"], "1 fault: mend them, then try again"),
        (["fault", "ok", "fault"], "2 faults: mend them, then try again"),
    ],
)
def test_on_the_terminal(levels, last):
    console = Console(file=io.StringIO(), width=80, color_system=None)
    checks = [Check(f"check{n}", level, "[bold]what[/bold] was found " * 5) for n, level in enumerate(levels)]
    print_diagnosis(console, Diagnosis(checks))
    lines = console.file.getvalue().splitlines()
    assert lines[-1] == last
    assert max(map(len, lines)) <= 80
    assert "[bold]what[/bold]" in lines[0]


def test_the_stages_of_a_run_are_named(tmp_path):
    """The demo's, the noise floor and the learning curve among them."""
    (stages,) = [check for check in diagnose(Study.load(write_demo(tmp_path))).checks if check.name == "stages"]
    count, _, names = stages.found.partition(": ")
    assert names.split(", ")[:2] == ["data", "cases"]
    assert {"training", "noise floor", "swaps of tuned", "learning curve", "compare"} <= set(names.split(", "))
    assert int(count) == len(names.split(", "))

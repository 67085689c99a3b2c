"""Two processes that train as one: the same adapter, the same decisions, the same end."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file
from tests.checkpoints import write_gpt_oss
from tests.crew.members import PARAGRAPHS, SETTINGS, examples, ignore, load, write_llama

from probatum.crew.group import Crew, check_gpus, see_one_gpu
from probatum.crew.shard import load_sharded
from probatum.errors import InputError, ModelError
from probatum.model.load import load_model
from probatum.model.notices import quiet
from probatum.scoring.retention import retention_nll
from probatum.study import Model
from probatum.training.loop import _arguments, train
from probatum.training.shared import posts_at_once

ROOT = Path(__file__).parents[2]
TORCHRUN = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")


@given(st.lists(st.integers(0, 300), max_size=60), st.integers(1, 8))
def test_shares_are_all_of_it_and_about_equal(weights, size):
    shares = Crew(0, size).deal(weights)
    assert sorted(index for share in shares for index in share) == list(range(len(weights)))
    assert all(share == sorted(share) for share in shares)
    assert max(map(len, shares)) <= -(-len(weights) // size)
    assert len(weights) < size or all(shares)


def test_shares_of_like_posts_weigh_alike():
    generator = torch.Generator().manual_seed(0)
    weights = (10 + torch.randn(1009, generator=generator).exp() * 15).int().tolist()
    loads = [sum(weights[index] for index in share) for share in Crew(0, 4).deal(weights)]
    assert max(loads) - min(loads) <= max(weights)
    assert max(loads) < 1.01 * sum(weights) / 4


@pytest.mark.parametrize(
    ("batch", "micro", "size", "expected"), [(8, 4, 1, 4), (8, 4, 4, 8), (64, 4, 4, 16), (24, 4, 4, 12), (8, 1, 3, 2)]
)
def test_posts_at_once_divide_the_batch(batch, micro, size, expected):
    assert posts_at_once(batch, micro, size) == expected


@pytest.fixture(scope="module")
def together(tmp_path_factory):
    """What two processes left."""
    folder = tmp_path_factory.mktemp("crew")
    environment = os.environ | {"PYTHONPATH": f"{ROOT}:{ROOT / 'src'}", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, *TORCHRUN, str(ROOT / "tests" / "crew" / "members.py"), str(folder)],
        env=environment, capture_output=True, text=True, timeout=200, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    folder = tmp_path_factory.mktemp("alone")
    return folder, train(load(folder / "model"), examples(), SETTINGS, folder, ignore)


def adapter(folder):
    return load_file(folder / "adapter" / "adapter_model.safetensors")


def results(folder):
    return json.loads((folder / "results.json").read_text())


@pytest.mark.parametrize("name", ["whole", "hungry"])
def test_two_processes_end_with_the_adapter_of_one(together, alone, name):
    ours, theirs = adapter(together / name), adapter(alone[0])
    assert ours.keys() == theirs.keys()
    for key, value in theirs.items():
        torch.testing.assert_close(ours[key], value, rtol=1e-3, atol=1e-4)
    told = results(together)[name]
    for loss in ("start_loss", "best_loss", "final_loss"):
        assert told[loss] == pytest.approx(getattr(alone[1], loss), rel=1e-4)
    assert (told["steps"], told["best_step"]) == (alone[1].steps, alone[1].best_step)


def test_the_log_tells_the_loss_of_all_posts(together, alone):
    ours, theirs = (
        [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
        for folder in (together / "whole", alone[0])
    )
    assert [row["step"] for row in ours] == [row["step"] for row in theirs]
    for one, other in zip(ours, theirs, strict=True):
        for name in {"loss", "eval_loss", "grad_norm"} & other.keys():
            assert one[name] == pytest.approx(other[name], rel=1e-3)


def test_the_leader_counts_the_tokens_of_both(together, alone):
    # rows of two posts both ways: two rows one after the other, or one in each process
    assert results(together)["whole"]["num_tokens"] == alone[1].num_tokens


def test_memory_that_runs_out_in_one_process_halves_the_posts_of_both(together):
    told = results(together)["hungry"]
    assert told["micro_batch_size"] == 1
    assert told["completed"]
    assert [note for note in told["notes"] if "memory ran out with 2 posts" in note]


def test_sharded_weights_train_the_same_adapter(together, tmp_path):
    loaded = load_model(write_llama(tmp_path / "llama"))
    assert json.loads((together / "retention.json").read_text()) == pytest.approx(retention_nll(loaded, PARAGRAPHS))
    alone = train(loaded, examples(), SETTINGS, tmp_path, ignore)
    ours, theirs = adapter(together / "sharded"), adapter(tmp_path)
    assert ours.keys() == theirs.keys()
    for key, value in theirs.items():
        torch.testing.assert_close(ours[key], value, rtol=1e-3, atol=1e-4)
    assert results(together)["sharded"]["best_loss"] == pytest.approx(alone.best_loss, rel=1e-4)


def test_what_cannot_be_sharded_says_why(tmp_path):
    with pytest.raises(InputError, match=r"over several GPUs; say how many: --gpus 2"):
        load_sharded(write_llama(tmp_path / "llama"), Crew())
    with pytest.raises(ModelError, match=r"experts stay in their published MXFP4 bytes"):
        load_sharded(Model(name=str(write_gpt_oss(tmp_path / "gpt-oss"))), Crew(0, 2))


def test_every_pass_of_every_process_draws_its_own_dropout(together):
    seeds = json.loads((together / "dropout" / "seeds.json").read_text())
    assert [len(one) > 6 for one in seeds] == [True, True]
    assert len({*seeds[0], *seeds[1]}) == len(seeds[0]) + len(seeds[1])


def test_training_with_dropout_learns_and_is_another(together):
    told = results(together)["dropout"]
    assert told["best_loss"] < told["start_loss"]
    whole, dropped = adapter(together / "whole"), adapter(together / "dropout")
    assert max((dropped[name] - value).abs().max() for name, value in whole.items()) > 1e-3  # rounding is 1e-4


def test_one_process_uses_one_gpu_of_several(monkeypatch, tmp_path):
    """PyTorch is told that there are four GPUs; what the trainer makes of that is real."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 4)
    monkeypatch.setattr(torch.cuda, "set_device", lambda _: None)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda *_, **__: True)
    with quiet():
        arguments = _arguments(SETTINGS, 2, tmp_path, torch.device("cuda"))
    assert arguments.device.type == "cuda"
    assert arguments.n_gpu == 1
    assert arguments.train_batch_size == 2


@pytest.mark.parametrize(
    ("visible", "rank", "seen"),
    [(None, 2, "2"), ("4,5,6", 1, "5"), ("GPU-aa, GPU-bb", 1, "GPU-bb"), ("3", 1, ""), ("", 0, "")],
)
def test_a_process_sees_its_own_gpu_of_those_visible(monkeypatch, visible, rank, seen):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert see_one_gpu(rank) == seen
    assert os.environ["CUDA_VISIBLE_DEVICES"] == seen


def test_gpus_asked_for_must_be_there():
    assert check_gpus(2, 2, "auto", 2)
    assert check_gpus(2, 2, "cuda", None)
    assert not check_gpus(0, 2, "cpu", None)
    assert not check_gpus(0, 2, "auto", None)
    with pytest.raises(InputError, match=r"^--gpus 2, but PyTorch sees 1 GPU here"):
        check_gpus(1, 2, "auto", 2)
    with pytest.raises(InputError, match=r"^2 processes, but PyTorch sees no GPU here"):
        check_gpus(0, 2, "cuda", None)
    with pytest.raises(InputError, match=r"^--gpus 2, but the study says model.device: cpu"):
        check_gpus(0, 2, "cpu", 2)
    with pytest.raises(InputError, match=r"^--gpus 2, but the study says model.device: cpu"):
        check_gpus(2, 2, "cpu", 2)

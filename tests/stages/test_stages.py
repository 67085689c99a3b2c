"""What holds a run's stages together: the plan before the model is loaded."""

import json

import pytest

from probatum.crew.group import Crew
from probatum.errors import ProbatumError, StageError
from probatum.manifest import RunFolder
from probatum.pipeline import Watcher, run
from probatum.stages import Bench, prepare_posts, settled
from probatum.study import Study


@pytest.fixture
def study(tmp_path):
    """A study on the built-in model with a few posts."""
    files = {side: tmp_path / f"{side}.jsonl" for side in ("train", "validation", "test")}
    for side, path in files.items():
        rows = [{"id": f"{n}", "text": f"{side} {n}", "label": "hate" if n % 3 else "not_hate"} for n in range(6)]
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return lambda **sections: Study(name="small", data=files, **sections)


def test_a_plan_that_does_not_fit_ends_the_run_before_the_model_is_loaded(study, tmp_path, monkeypatch):
    monkeypatch.setattr("probatum.stages.bench.load_model", lambda *_, **__: pytest.fail("it was loaded"))
    tight = study(model={"device": "cpu", "memory_limit": "7MB"})
    with pytest.raises(StageError) as error:
        run(tight, tmp_path / "run")
    said = str(error.value)
    assert said.startswith("builtin: about 5 MiB of weights (experts in MXFP4), ")
    assert "; 7 MiB is there under model.memory_limit; scoring does not fit: lower scoring.tokens_per_batch" in said


@pytest.mark.parametrize(
    ("size", "said"),
    [(1, "model.shard splits the weights over several GPUs"), (2, "experts stay in their published MXFP4 bytes")],
)
def test_a_model_that_cannot_be_sharded_is_refused_before_posts_are_read(study, tmp_path, size, said):
    asked = study(model={"device": "cpu", "shard": True})
    with pytest.raises(ProbatumError, match=said):
        run(asked, tmp_path / "run", crew=Crew(0, size))
    assert not (tmp_path / "run" / "data").exists()
    run(asked, tmp_path / "run", only=("linear",))  # which has nothing to split


def test_a_loss_on_general_text_that_is_not_finite_is_written_as_none(study, tmp_path, monkeypatch):
    damaged = [(float("nan"), 3)]  # as of damaged weights
    monkeypatch.setattr("probatum.stages.score.paragraph_losses", lambda *_: damaged)
    asks = {"criteria": [{"metric": "retention_nll", "rise_over": "baseline", "at_most": 0.02}]}
    run(study(model={"device": "cpu"}, verdict=asks), tmp_path / "run", only=("baseline",))
    facts = json.loads((tmp_path / "run" / "manifest.json").read_text())["stages"]["baseline"]["facts"]
    assert facts["retention_nll"] is None


def test_the_prediction_is_written_beside_what_was_done(study, tmp_path):
    run(
        study(model={"device": "cpu", "memory_limit": "8GiB"}, systems=["baseline"]),
        tmp_path / "run",
        only=("baseline",),
    )
    facts = json.loads((tmp_path / "run" / "manifest.json").read_text())["stages"]["baseline"]["facts"]
    assert 5 * 2**20 < facts["predicted_peak_bytes"] < 2**30
    assert "peak_bytes" not in facts  # a CPU's is not measured
    # what bounds the plan is no part of what the outcome depends on
    other = study(model={"device": "cpu"}, systems=["baseline"])
    begun = []

    class Witness(Watcher):
        def begin(self, stage):
            begun.append(stage)

    run(other, tmp_path / "run", Witness(), only=("baseline",))
    assert not begun


def test_a_resumed_training_keeps_the_plan_of_its_first_start(study, tmp_path):
    folder = RunFolder(tmp_path / "run")
    folder.training.mkdir(parents=True)
    begun = Bench(study(training={"micro_batch_size": 2}), folder)
    prepare_posts(begun)
    assert settled(begun).micro_batch_size == 2
    resumed = Bench(study(training={"micro_batch_size": 8}), folder)
    assert resumed.planned.training.micro_batch_size == 8
    assert settled(resumed).micro_batch_size == 2

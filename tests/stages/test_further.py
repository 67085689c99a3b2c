"""The stages beside the test, as a run does them: what they leave, what repeats, and what is told early."""

import json

import pytest
from safetensors.torch import load_file

from probatum.data.demo import demo_posts
from probatum.data.records import read_predictions, read_written_posts, write_posts
from probatum.errors import DataError
from probatum.manifest import RunFolder
from probatum.pipeline import Watcher, run
from probatum.stages import Bench, prepare_posts
from probatum.stages.further import part
from probatum.study import Study

SIZES = {"train": 24, "validation": 8, "test": 12}


class Witness(Watcher):
    """Keeps the stages that were worked on."""

    def __init__(self):
        self.begun = []

    def begin(self, stage):
        self.begun.append(stage)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("posts")
    for side, posts in demo_posts(seed=0).items():
        write_posts(folder / f"{side}.jsonl", posts[: SIZES[side]])
    rows = [
        {"text": f"words {at}", "label": "hate", "functionality": f"f{at % 2}", "templ_id": at // 2} for at in range(6)
    ]
    (folder / "cases.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "text.txt").write_text("The baker opened at six.\n\nRain came in the night.\n\nThe river rose.\n")
    return folder


def make(files, **sections):
    data = {side: files / f"{side}.jsonl" for side in SIZES}
    data |= {"behaviour": files / "cases.jsonl", "retention": files / "text.txt"} | sections.pop("data", {})
    verdict = {"criteria": [], "bootstrap_draws": 200}
    return Study(name="small", data=data, model={"device": "cpu"}, verdict=verdict, **sections)


def begun(study, folder):
    witness = Witness()
    run(study, folder, witness)
    return witness.begun


def test_each_part_is_there_and_repeats_only_with_what_it_depends_on(files, tmp_path):
    systems = {"systems": ["linear", "baseline"]}
    first = begun(make(files, **systems), tmp_path / "run")
    assert {"cases", "noise floor", "behaviour of linear", "swaps of baseline", "learning curve"} <= set(first)
    told = json.loads((tmp_path / "run" / "verdict.json").read_text())
    assert told["noise_floor"]["n"] == SIZES["test"]
    assert told["noise_floor"]["largest_score_change"] < 1e-4  # float32 on a CPU
    assert [row["value"] for row in told["behaviour"]["functionalities"]] == ["f0", "f1"]
    assert set(told["behaviour"]["overall"]["figures"]) == {"linear", "baseline"}
    assert told["swaps"]["n"] == len(read_written_posts(tmp_path / "run" / "data" / "swaps.jsonl"))
    assert [point["share"] for point in told["diagnosis"]["learning_curve"]] == [0.25, 0.5, 1.0]
    assert (told["seeds"], told["retention"]) == (None, None)

    assert begun(make(files, **systems), tmp_path / "run") == []
    fewer = make(files, swaps={"most": 3}, **systems)
    assert begun(fewer, tmp_path / "run") == ["cases", "swaps of linear", "swaps of baseline", "compare"]
    without = make(files, swaps={"most": 0}, scoring={"noise_floor": False}, **systems)
    assert begun(without, tmp_path / "run") == ["cases", "compare"]
    told = json.loads((tmp_path / "run" / "verdict.json").read_text())
    assert (told["swaps"], told["noise_floor"]) == (None, None)


def test_the_second_scoring_is_of_the_same_posts_in_another_order(files, tmp_path):
    run(make(files, systems=["baseline"]), tmp_path / "run")
    first, again = (
        [row.id for row in read_predictions(tmp_path / "run" / "baseline" / f"{name}.jsonl")]
        for name in ("predictions", "again")
    )
    assert first != again
    assert sorted(first) == sorted(again)


def test_seeds_train_in_their_own_folders_and_later_ones_repeat_nothing(files, tmp_path):
    training = {"max_steps": 1, "batch_size": 8, "rank": 4, "gradient_checkpointing": False}
    quick = {"systems": ["baseline", "tuned"], "swaps": {"most": 0}, "scoring": {"noise_floor": False}}
    run(make(files, training=training | {"seeds": [5, 1]}, **quick), tmp_path / "run")
    told = json.loads((tmp_path / "run" / "verdict.json").read_text())
    assert told["seeds"]["seeds"] == [5, 1]
    assert len(told["seeds"]["metrics"]["f1"]["values"]) == 2
    assert told["retention"]["paragraphs"] == 3
    assert told["retention"]["source"] == "text.txt"

    more = make(files, training=training | {"seeds": [5, 1, 2]}, **quick)
    assert begun(more, tmp_path / "run") == ["train seed 2", "score seed 2", "compare"]

    # a further seed's adapter is the one that this seed alone gives
    run(make(files, training=training | {"seed": 1}, **quick), tmp_path / "alone", only=("training",))
    name = "training/adapter/adapter_model.safetensors"
    ours, alone = load_file(tmp_path / "run" / "seeds" / "1" / name), load_file(tmp_path / "alone" / name)
    shipped = load_file(tmp_path / "run" / name)
    assert all((ours[key] == alone[key]).all() for key in alone)
    assert any((ours[key] != shipped[key]).any() for key in alone)


@pytest.mark.parametrize(
    ("data", "swaps", "message"),
    [
        ({"behaviour": "none.csv"}, {}, "no such file"),
        ({"retention": "none.txt"}, {}, "no such file"),
        ({}, {"terms": "none.yaml"}, "no such file of terms"),
    ],
)
def test_a_missing_file_is_told_before_anything_is_scored(files, tmp_path, data, swaps, message):
    data = {name: files / path for name, path in data.items()}
    study = make(files, data=data, swaps={name: files / path for name, path in swaps.items()})
    with pytest.raises(DataError, match=message):
        run(study, tmp_path / "run")
    assert not (tmp_path / "run" / "majority").exists()


def test_smaller_shares_of_the_training_posts_lie_in_larger_ones(files, tmp_path):
    bench = Bench(make(files), RunFolder(tmp_path))
    prepare_posts(bench)
    quarter, half, whole = ({post.id for post in part(bench, share)} for share in (0.25, 0.5, 1.0))
    assert (len(quarter), len(half), len(whole)) == (6, 12, 24)
    assert quarter < half < whole

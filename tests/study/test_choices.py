"""Settings of thresholds, calibration and sweeps: what is refused, and how it is said."""

import pytest
import yaml

from probatum.errors import StudyError
from probatum.study import Study

SMALLEST = {"name": "x", "data": {"train": "a.jsonl", "validation": "b.jsonl"}}


@pytest.mark.parametrize(
    ("section", "said"),
    [
        ({"scoring": {"threshold": "high"}}, r"scoring.threshold: write auto, or a number .*\(found 'high'\)"),
        ({"scoring": {"threshold": True}}, "scoring.threshold: write auto, or a number"),
        ({"scoring": {"threshold": "auto", "method": "generate"}}, "need scores, which method: generate does not give"),
        ({"scoring": {"calibration": "auto", "method": "generate"}}, "need scores"),
        ({"scoring": {"rule": {"cap": {"at_most": 0.3}}}}, "rule is how threshold: auto is chosen"),
        ({"scoring": {"threshold": "auto", "rule": {"goal": "cost"}}}, "goal: cost and cost: .* go together"),
        (
            {
                "scoring": {
                    "threshold": "auto",
                    "rule": {"goal": "cost", "cost": {"false_negative": 0, "false_positive": 0}},
                }
            },
            "must be above 0",
        ),
        ({"scoring": {"threshold": "auto", "rule": {"cap": {"at_most": 2}}}}, "rule.cap.at_most: .*less than or equal"),
        ({"scoring": {"threshold": "auto", "rule": {"cap": {"at_mots": 0.3}}}}, "did you mean 'at_most'"),
        ({"training": {"reweighting": "groups"}}, "training.reweighting: Input should be 'none' or 'group_label'"),
        ({"sweep": {"rank": [8, 8]}}, "rank names a value twice"),
        ({"sweep": {"rank": [0]}}, r"sweep.rank.0: .*greater than 0 \(found 0\)"),
        ({"sweep": {"epochs": []}}, "sweep.epochs: .*at least 1 item"),
    ],
)
def test_a_fault_is_named_with_its_place(tmp_path, section, said):
    path = tmp_path / "study.yaml"
    path.write_text(yaml.safe_dump(SMALLEST | section))
    with pytest.raises(StudyError, match=said):
        Study.load(path)


def test_a_study_with_choices_is_read_as_it_was_written(tmp_path):
    cap = {"metric": "fpr", "at_most": 0.35, "by": None, "decide": "point"}
    scoring = {"threshold": "auto", "calibration": "auto", "rule": {"cap": cap}}
    path = tmp_path / "study.yaml"
    path.write_text(yaml.safe_dump(SMALLEST | {"scoring": scoring, "sweep": {"sampler": "grid"}}))
    study = Study.load(path)
    assert study.scoring.needs_validation
    (tmp_path / "again.yaml").write_text(study.to_yaml())
    assert Study.load(tmp_path / "again.yaml") == study

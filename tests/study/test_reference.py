"""The study file's JSON Schema takes what the study takes, and the page is the one that is printed."""

from pathlib import Path

import jsonschema
import pytest
import yaml
from pydantic import BaseModel, ValidationError

from probatum.study import Study
from probatum.study.reference import study_page, study_schema

ROOT = Path(__file__).parents[2]
SCHEMA = study_schema()
SMALLEST = {"name": "x", "data": {"train": "a.jsonl", "validation": "b.jsonl"}}


def is_valid(study):
    return jsonschema.Draft202012Validator(SCHEMA).is_valid(study)


def is_taken(study):
    try:
        Study.model_validate(study)
    except ValidationError:
        return False
    return True


def test_it_is_a_schema():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("path", sorted((ROOT / "examples").glob("*.yaml")), ids=lambda path: path.name)
def test_the_examples_are_valid_and_so_is_what_a_run_writes(path):
    study = Study.load(path)
    assert is_valid(yaml.safe_load(path.read_text(encoding="utf-8")))
    assert is_valid(yaml.safe_load(study.to_yaml()))


@pytest.mark.parametrize(
    ("section", "good"),
    [
        ({"model": {"memory_limit": "79GB"}}, True),
        ({"model": {"memory_limit": "40 GiB"}}, True),
        ({"model": {"memory_limit": 79_000_000_000}}, True),
        ({"model": {"memory_limit": None}}, True),
        ({"model": {"memory_limit": "much"}}, False),
        ({"model": {"memory_limit": 0}}, False),
        ({"model": {"kernels": "off"}}, True),
        ({"model": {"kernels": False}}, True),
        ({"model": {"kernels": "on"}}, False),
        ({"training": {"micro_batch_size": "auto", "gradient_checkpointing": "auto"}}, True),
        ({"training": {"micro_batch_size": 2, "gradient_checkpointing": False}}, True),
        ({"training": {"micro_batch_size": 0}}, False),
        ({"training": {"micro_batch_size": "many"}}, False),
        ({"training": {"rank": "auto"}}, False),
        ({"scoring": {"tokens_per_batch": "auto"}}, True),
        ({"scoring": {"tokens_per_batch": 63}}, False),
        ({"scoring": {"threshold": "auto", "rule": {"cap": {"at_most": 0.35}}}}, True),
        ({"scoring": {"threshold": 2}}, False),
        ({"scoring": {"threshold": "high"}}, False),
        ({"prompt": "baseline"}, True),
        ({"prompt": {"strategy": "baseline"}}, True),
        ({"prompt": ["baseline"]}, False),
        ({"verdict": {"criteria": [{"metric": "f1", "within": [0.6, 0.7]}]}}, True),
        ({"modle": {}}, False),
    ],
)
def test_the_schema_takes_what_the_study_takes(section, good):
    assert is_valid(SMALLEST | section) == is_taken(SMALLEST | section) == good


def every_field(section, place=""):
    """Yield the place and the description of every setting."""
    for name, field in section.model_fields.items():
        yield f"{place}{name}", field.description
        kinds = [field.annotation, *getattr(field.annotation, "__args__", ())]
        for kind in kinds:
            if isinstance(kind, type) and issubclass(kind, BaseModel):
                yield from every_field(kind, f"{place}{name}.")


def test_every_setting_is_on_the_page_with_its_description():
    page = study_page()
    fields = dict(every_field(Study))
    assert {"training.rank", "data.columns.text", "verdict.criteria.metric"} <= fields.keys()
    for place, description in fields.items():
        assert description, place
        assert f"| `{place.rsplit('.', 1)[-1]}` |" in page
        assert description.replace("|", "\\|") in page


def test_the_page_in_the_documentation_is_this_one():
    written = (ROOT / "docs" / "study.md").read_text(encoding="utf-8")
    assert written == study_page(), "make docs writes it anew"

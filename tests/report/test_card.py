"""The model card: what it says, what it leaves out, and that nothing from outside can break it."""

from dataclasses import replace

import pytest
from huggingface_hub import ModelCard
from tests.report.test_decisions import verdict_with
from tests.report.test_markdown import study as verdict_study
from tests.report.test_tables import study as small_study

from probatum.report.card import CardFacts, render_card, write_cards
from probatum.report.context import ReportContext, machine_words
from probatum.study import Study

HOSTILE = "</script><script>alert(1)</script>\u202e\n---\nlicense: mit"


def study(**changes):
    settings = {"name": "demo", "data": {"train": "/secret/place/train.jsonl", "validation": "/secret/place/val.jsonl"}}
    return Study.model_validate(settings | changes)


def card(facts=None, **changes):
    verdict, _ = verdict_study()
    return render_card(study(**changes), verdict, facts or CardFacts())


def test_the_hub_reads_its_figures_back(tmp_path):
    verdict, _ = verdict_study()
    given = {"license": "apache-2.0", "datasets": ["user/posts"], "language": ["en"]}
    model = {"name": "openai/gpt-oss-20b"}
    write_cards([tmp_path / "a.md", tmp_path / "b" / "README.md"], study(card=given, model=model), verdict, CardFacts())
    data = ModelCard.load(tmp_path / "b" / "README.md").data
    assert (data.base_model, data.license, data.library_name) == ("openai/gpt-oss-20b", "apache-2.0", "peft")
    assert data.pipeline_tag == "text-generation"
    figures = {result.metric_type: result.metric_value for result in data.eval_results}
    wanted = verdict.systems["tuned"].metrics
    assert figures == {name: round(wanted[name].value, 4) for name in figures}
    assert {"f1", "fpr", "fnr", "accuracy"} <= set(figures)
    assert data.eval_results[0].dataset_type == "user/posts"
    assert (tmp_path / "a.md").read_text() == (tmp_path / "b" / "README.md").read_text()


def test_what_is_not_known_is_left_out():
    text = card()
    header = text.split("---")[1]
    for key in ("license", "base_model", "datasets", "language"):
        assert f"{key}:" not in header
    for word in ("energy", "Cost", "tokens computed"):
        assert word not in text


def test_energy_and_cost_are_shown_where_they_were_counted():
    context = ReportContext(
        stage_seconds={"training": 100.0, "tuned": 5.0, "linear": 1.0},
        energy_j={"training": 36_000.0, "tuned": 3_600.0},
        cost=1.25,
        hardware=machine_words({"gpus": ["NVIDIA H200"] * 2, "memory_gib": None}),
    )
    facts = CardFacts(context, num_tokens=12_345)
    text = card(facts)
    assert "| training | 100.0 | 10.00 |" in text
    assert "| linear | 1.0 | – |" in text
    assert "| together | 106.0 | 11.00 |" in text
    assert "The energy is of the whole cards" in text
    assert "| cost of the whole run | 1.25 |" in text
    assert "| GPUs | 2 × NVIDIA H200 |" in text
    assert "| tokens computed | 12,345 |" in text
    assert "memory" not in text


def test_no_path_of_the_machine_is_in_it():
    text = card(model={"name": "/secret/place/my-model"}, prompt="/secret/place/mine.yaml")
    assert "secret" not in text
    assert "my-model" in text


def test_a_threshold_that_misses_its_cap_is_never_described_by_it():
    verdict = verdict_with(threshold="auto", calibration="temperature", rule={"cap": {"at_most": 0.001}})
    use = render_card(study(), verdict, CardFacts()).partition("## Intended use")[2].partition("##")[0]
    used = verdict.decisions["tuned"]
    assert "no threshold keeps the upper end of FPR" in use and "misses it by" in use
    assert "highest F1" not in use
    assert f"(temperature {used.temperature:.6g}: the sigmoid of logit" in use


def test_a_model_that_was_not_accepted_is_said_to_be_not_for_use():
    verdict, _ = verdict_study()
    assert verdict.accepted
    assert "not for use" not in card()
    text = render_card(study(), replace(verdict, outcome="rejected"), CardFacts())
    assert "**The verdict is rejected: it did not meet its own criteria.** It is not for use." in text


@pytest.mark.parametrize(
    "criteria, why",
    [
        (
            [{"metric": "accuracy", "at_least": 0.1}],
            "what it was tested on cannot decide, though every criterion passed",
        ),
        ([{"metric": "training", "completed": True}], "it was not shown to meet its own criteria"),
        ([], "it had no criteria to meet"),
    ],
)
def test_an_inconclusive_verdict_does_not_contradict_its_reason(criteria, why):
    verdict, _ = small_study(criteria, doubts=["this was a first try"])
    text = render_card(study(), verdict, CardFacts())
    assert f"**The verdict is inconclusive: {why}" in text
    assert "did not meet its own criteria" not in text


def test_what_the_run_did_stands_in_the_card_not_what_was_asked():
    facts = CardFacts(warmup_steps=3, strategy="ready", data_notes=["3 test posts stand in training too"])
    text = card(facts, training={"warmup_steps": 100, "reweighting": "group_label"})
    assert "| warmup_steps | 3 |" in text
    assert "| reweighting | group_label |" in text
    assert "made and tested with the prompt *ready*, that is, the posts' own;" in text
    assert "- 3 test posts stand in training too" in text


def test_notes_for_who_trains_it_are_no_limits_of_its_use():
    verdict, _ = small_study()
    verdict = replace(verdict, notes=["the warm-up was shortened; try --learning-rate 3e-4"])
    text = render_card(study(), verdict, CardFacts())
    assert "learning-rate" not in text


def test_answers_without_a_label_limit_its_use():
    verdict, _ = small_study()
    tuned = replace(verdict.systems["tuned"], unparsed=7)
    verdict = replace(verdict, systems=verdict.systems | {"tuned": tuned})
    assert "- 7 of 400 answers held no label" in render_card(study(), verdict, CardFacts())


def test_intended_use_and_limits_are_the_studys(tmp_path):
    text = card(card={"intended_use": "For moderators.", "limits": ["Not for <b>bans</b>."]})
    assert "For moderators." in text
    assert "Not for &#60;b&#62;bans" in text


@pytest.mark.parametrize("where", ["intended_use", "license"])
def test_hostile_settings_stay_where_they_belong(where, tmp_path):
    (tmp_path / "card.md").write_text(card(card={where: HOSTILE}), encoding="utf-8")
    text = (tmp_path / "card.md").read_text(encoding="utf-8")
    data = ModelCard.load(tmp_path / "card.md").data
    assert data.license == (HOSTILE if where == "license" else None)
    body = text.split("\n---\n", 2)[-1] if where == "license" else text.split("---\n", 2)[2]
    assert "<script>" not in body
    assert "\u202e" not in body

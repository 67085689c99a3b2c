"""What the numbers teach: notes for the reader, and the one thing to do next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isnan

from probatum.metrics.intervals import Interval
from probatum.study import Criterion
from probatum.verdict.causes import costly_threshold
from probatum.verdict.decision import Effect
from probatum.verdict.evidence import TrainingSummary
from probatum.verdict.further import FurtherFigures
from probatum.verdict.further_results import Diagnosis, Seeds
from probatum.verdict.noise import note_on
from probatum.verdict.results import Comparison, CriterionResult, NextStep, Outcome, SystemResult
from probatum.verdict.settling import FARTHEST, out_of_reach, passes_at
from probatum.verdict.swaps import largest_pair
from probatum.verdict.training_advice import gentler, longer, overfits, still_falls, stronger
from probatum.verdict.wording import number, one_class

JUDGED = ("tuned", "baseline")
MISTAKES = ("fpr", "fnr", "flag_rate", "recall")


def notes_on(
    systems: Mapping[str, SystemResult],
    comparisons: Sequence[Comparison],
    training: TrainingSummary | None,
    effects: Mapping[str, Effect],
    positive: str,
) -> list[str]:
    """Return what a reader should know about these numbers, most important first.

    Args:
        systems: every system, measured.
        comparisons: the judged system against each other one.
        training: how training went, if there was any.
        effects: system to what its threshold changed.
        positive: the positive label.
    """
    costly = {
        name: cause.sentence
        for name, system in systems.items()
        if (cause := costly_threshold(name, system.metrics["f1"], effects.get(name)))
    }
    trained = None if "tuned" in costly else training  # the threshold explains it: no advice on training
    return [
        *(note for comparison in comparisons if (note := _worse(comparison, trained))),
        *costly.values(),
        *_on_training(training),
        *(note for system in systems.values() for note in _on_answers(system)),
        *_on_classes(systems, positive),
    ]


def further_notes(figures: FurtherFigures, comparisons: Sequence[Comparison], confidence: float) -> list[str]:
    """Return what a reader should know beside the test: gains within the noise, spread of seeds, names that decide."""
    notes = []
    gain = next((c.differences["f1"] for c in comparisons if (c.system, c.other) == JUDGED), None)
    if figures.noise_floor and gain is not None and (note := note_on(figures.noise_floor, gain.value)):
        notes.append(note)
    if figures.seeds:
        f1 = figures.seeds.metrics["f1"]
        notes.append(
            f"F1 of tuned over {len(figures.seeds.seeds)} seeds is {number(f1.mean)} on average, {number(f1.low)} to "
            f"{number(f1.high)}, standard deviation {number(f1.sd)}; seed {figures.seeds.seeds[0]} is the one judged"
        )
    if figures.swaps and (pair := largest_pair(figures.swaps, "tuned", confidence)):
        change = pair.systems["tuned"].change
        notes.append(
            f"the name of a group alone moves tuned's score: {pair.second} instead of {pair.first} by "
            f"{number(change.value, sign=True)} ({number(change.low, sign=True)} to {number(change.high, sign=True)}, "
            f"{pair.n:,} swaps); read them in data/swaps.jsonl"
        )
    return notes


def _worse(comparison: Comparison, training: TrainingSummary | None) -> str | None:
    change = comparison.differences["f1"]
    if not change.defined or change.value >= 0:
        return None
    system, other = comparison.system, comparison.other
    measured = f"F1 {number(change.value)}, interval {number(change.low)} to {number(change.high)}"
    sure = change.high < 0
    hedge = "" if sure else ", though chance may explain it"
    if (system, other) == ("tuned", "linear"):
        verb = "beats" if sure else "is ahead of"
        return f"linear {verb} tuned ({measured}), at a second of CPU{hedge}"
    verb = "is worse than" if sure else "is behind"
    advice = _training_advice(training) if (system, other) == JUDGED else ""
    return f"{system} {verb} {other} ({measured}){hedge}{advice}"


def _training_advice(training: TrainingSummary | None) -> str:
    if overfits(training):
        return f"; validation loss rose: try {gentler(training)}"
    if still_falls(training):
        return f"; validation loss was lowest at the last step: try {longer(training)}"
    return ""


def _on_training(training: TrainingSummary | None) -> list[str]:
    if training is None or not overfits(training):
        return []
    step = "" if training.best_step is None else f" after step {training.best_step:,}"
    rise = f"from {number(training.best_loss)} to {number(training.final_loss)}"
    return [f"validation loss rose{step}, {rise}: overfitting; the best checkpoint was kept"]


def _on_answers(system: SystemResult) -> list[str]:
    found = []
    if system.unparsed:
        found.append(
            f"{system.unparsed:,} of {system.n:,} answers of {system.name} held no label and count as wrong: "
            "make the prompt say which words to answer, or use scoring.method: likelihood"
        )
    if system.errors:
        found.append(
            f"{system.errors:,} of {system.n:,} posts could not be scored with {system.name} and count as wrong"
        )
    if system.truncated:
        found.append(
            f"{system.truncated:,} of {system.n:,} posts were cut to fit {system.name}: raise prompt.max_tokens"
        )
    return found


def _on_classes(systems: Mapping[str, SystemResult], positive: str) -> list[str]:
    counts = next(iter(systems.values())).confusion
    return [note] if (note := one_class(positive, int(counts.positives), int(counts.negatives))) else []


def next_step(
    outcome: Outcome,
    criteria: Sequence[CriterionResult],
    systems: Mapping[str, SystemResult],
    comparisons: Sequence[Comparison],
    training: TrainingSummary | None,
    *,
    doubts: Sequence[str] = (),
    diagnosis: Diagnosis | None = None,
    seeds: Seeds | None = None,
) -> NextStep:
    """Return the one thing to do next.

    Args:
        outcome: of the verdict.
        criteria: every criterion, judged.
        systems: every system, measured.
        comparisons: the judged system against each other one.
        training: how training went, if there was any.
        doubts: what forbids to accept whatever the criteria say.
        diagnosis: causes, the first one first.
        seeds: the spread between trainings, if there are several.
    """
    if doubts:
        return NextStep(f"Settle this first, the figures cannot be trusted yet: {doubts[0]}.")
    if outcome == "accepted" and "tuned" not in systems:
        return NextStep("Every criterion holds; no adapter was trained, so there is none to deploy.")
    if outcome == "accepted":
        return NextStep("The adapter is ready to deploy: RUN/training/adapter, which PEFT loads as it is.")
    if training and training.completed is False:
        return NextStep(
            "Training stopped early: the same command goes on from the last checkpoint.", "probatum run STUDY"
        )
    against = {c.other: c.differences["f1"] for c in comparisons if c.system == "tuned"}
    if any((c.system, c.other) == ("tuned", "baseline") and not c.fixed and not c.broken for c in comparisons):
        return NextStep(
            "Train for longer or at a higher rate: training changed no answer, and more posts would settle nothing.",
            f"probatum run STUDY {stronger(training)}",
        )
    causes = diagnosis.causes if diagnosis else []
    if outcome == "rejected" and causes and causes[0].kind != "prompt":
        first = causes[0]
        return NextStep(f"{first.sentence[0].upper()}{first.sentence[1:]}: {first.advice}.", first.command)
    if _below(against.get("baseline")):
        return _after_falling_behind(training)
    tuned = systems.get("tuned")
    if tuned and tuned.unparsed:
        return NextStep(
            "Score the label words instead of parsing answers (scoring.method: likelihood).",
            "probatum run STUDY --method likelihood",
        )
    if outcome == "rejected":
        return _after_failure(criteria, against, training)
    if (held := next((result for result in criteria if result.held_back), None)) is not None:
        return _after_holding_back(held, seeds)
    return _after_doubt(criteria)


def _after_falling_behind(training: TrainingSummary | None) -> NextStep:
    behind = "tuned is behind baseline"
    if overfits(training):
        return NextStep(f"Train more gently: {behind}.", f"probatum run STUDY {gentler(training)}")
    if still_falls(training):
        return NextStep(
            f"Train for longer: {behind}, and validation loss was lowest at the last step.",
            f"probatum run STUDY {longer(training)}",
        )
    return NextStep(
        f"Read the posts that tuned breaks, in the report, and change one thing: {behind}, and no loss says why."
    )


def _after_holding_back(result: CriterionResult, seeds: Seeds | None) -> NextStep:
    if result.held_back == "noise" or seeds is None:
        return NextStep(
            f"Look for a larger gain, or score in float32, which is less noisy: {result.text} lies within the noise.",
            "probatum run STUDY --set model.dtype=float32",
        )
    more = [seed for seed in range(max(seeds.seeds) + 3) if seed not in seeds.seeds][:2]
    listed = ",".join(map(str, [*seeds.seeds, *more]))
    return NextStep(
        f"Train with more seeds, or more gently: whether it holds that {result.text} hangs on the seed.",
        f"probatum run STUDY --set 'training.seeds=[{listed}]'",
    )


def _after_failure(
    criteria: Sequence[CriterionResult], against: Mapping[str, Interval], training: TrainingSummary | None
) -> NextStep:
    if _below(against.get("linear")):
        return NextStep(
            "Ask whether the task needs a language model: linear is ahead. Look for format leaks and label "
            "conventions first.",
            "probatum audit TRAIN",
        )
    failed = next(result for result in criteria if result.outcome == "failed")
    if _is_on_fairness(failed):
        return _after_unfairness(failed, training)
    return NextStep(f"Read the posts behind the failed criterion ({failed.text}) in the report, and change one thing.")


def _is_on_fairness(result: CriterionResult) -> bool:
    """Whether a criterion is on mistakes in a slice of the posts."""
    return result.criterion["metric"] in MISTAKES and bool(result.criterion.get("slice"))


def _after_unfairness(failed: CriterionResult, training: TrainingSummary | None) -> NextStep:
    if training is None or training.reweighting:
        return NextStep(
            "Cap the rate where the threshold is chosen (scoring: {threshold: auto, rule: {cap: {at_most: …}}}); "
            f"the scores are kept, so nothing is scored again. Failed: {failed.text}.",
            "probatum run STUDY --set scoring.threshold=auto",
        )
    return NextStep(
        f"Train with posts weighed by group and label, so that the group says nothing of the label: {failed.text} "
        "failed. `probatum sweep STUDY` tries it among other settings.",
        "probatum run STUDY --set training.reweighting=group_label",
    )


def _after_doubt(criteria: Sequence[CriterionResult]) -> NextStep:
    needs = [result for result in criteria if result.posts_needed]
    if needs:
        return _after_open(max(needs, key=lambda result: result.posts_needed or 0))
    for result in criteria:
        if result.outcome == "inconclusive" and isnan(result.value):
            return NextStep(f"Supply what is missing for: {result.text} ({result.reason}).")
        if result.outcome == "inconclusive" and result.criterion["metric"] == "retention_nll":
            return NextStep(f"Measure it on a longer general text (data.retention): {result.text}.")
        if result.outcome == "inconclusive":
            return NextStep(f"Move the limit or change the model; more posts cannot settle it: {result.text}.")
    return NextStep("Set the criteria that must hold under verdict.criteria in the study.")


def _after_open(slowest: CriterionResult) -> NextStep:
    """Return what to do about the criterion that takes most posts to settle."""
    needed, criterion = slowest.posts_needed or 0, Criterion(**slowest.criterion)
    way = "passes" if passes_at(criterion, slowest.value) else "fails"
    if out_of_reach(needed, slowest.n):
        return NextStep(
            f"Move the limit or change the model: if {slowest.text} is truly as measured, to show that it {way} takes "
            f"over {FARTHEST} times the {slowest.n:,} test posts there are."
        )
    return NextStep(
        f"Label more test posts, or change the model: about {needed:,} instead of {slowest.n:,} would settle the "
        f"slowest criterion ({slowest.text}), which {way} if it is truly as measured.",
        "probatum run STUDY",
    )


def _below(change: Interval | None) -> bool:
    return change is not None and change.defined and change.value < 0

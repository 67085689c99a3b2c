"""What limits the use of a model, for its card."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from probatum.report import figures
from probatum.report.safe import in_markdown
from probatum.study import Study
from probatum.verdict.results import Verdict
from probatum.verdict.swaps import largest_pair
from probatum.verdict.wording import number


def limits(study: Study, verdict: Verdict, data_notes: Sequence[str] = ()) -> list[str]:
    """Return the section, as Markdown: the study's own limits, the verdict, then what was measured.

    Advice to who trains it (a learning rate to try, a warm-up shortened) is in the report: it limits no use.

    Args:
        study: its `card.limits` come first.
        verdict: what was found.
        data_notes: what to know of the posts.
    """
    lines = [in_markdown(limit, 2000) for limit in study.card.limits]
    if not verdict.accepted:
        lines.append(f"**The verdict is {verdict.outcome}: {_why_not(verdict)}.** It is not for use.")
    posts = f"{verdict.n:,} test posts"
    lines.append(f"The figures are of {posts}; on posts of another time, place or collection they may be quite others.")
    tuned = verdict.systems.get("tuned")
    if tuned is not None and tuned.metrics["fpr"].defined:
        rates = " and ".join(
            f"{figures.with_interval(tuned.metrics[rate])} of the {kind} posts {fault}"
            for rate, kind, fault in (("fpr", "negative", "flagged"), ("fnr", "positive", "missed"))
            if tuned.metrics[rate].defined
        )
        lines.append(f"It errs: {rates}. A person should see what it flags before anything follows from it.")
    thin = sorted({row.row.value for row in verdict.groups if min(row.row.positives, row.row.negatives) < 30})
    if thin:
        named = ", ".join(in_markdown(value, 40) for value in thin[:12])
        lines.append(f"Groups with fewer than 30 test posts of a label, of which little is known: {named}.")
    lines += [in_markdown(note, 500) for note in (*data_notes, *_of_the_model(verdict))]
    return ["## Limits", "\n".join(f"- {line}" for line in lines)]


def _why_not(verdict: Verdict) -> str:
    """Return in a few words why a run was not accepted; its sentence, at the top of the card, has the reasons."""
    if verdict.outcome == "rejected":
        return "it did not meet its own criteria"
    if not verdict.criteria:
        return "it had no criteria to meet"
    if all(result.outcome == "passed" for result in verdict.criteria):
        return "what it was tested on cannot decide, though every criterion passed (the reason stands at the top)"
    return "it was not shown to meet its own criteria"


def _of_the_model(verdict: Verdict) -> Iterator[str]:
    """Yield what the tuned model did on the test that its user will meet again."""
    tuned = verdict.systems.get("tuned")
    if tuned is None:
        return
    for count, what in (
        (tuned.unparsed, "answers held no label and count as wrong"),
        (tuned.errors, "posts could not be scored and count as wrong"),
        (tuned.truncated, "posts were too long and were cut"),
    ):
        if count:
            yield f"{count:,} of {tuned.n:,} {what}"
    if verdict.swaps and (pair := largest_pair(verdict.swaps, "tuned", verdict.confidence)):
        change = pair.systems["tuned"].change
        yield (
            f"the name of a group alone moves its score: {pair.second} instead of {pair.first} by "
            f"{number(change.value, sign=True)} ({number(change.low, sign=True)} to {number(change.high, sign=True)})"
        )

"""Format leaks: anything but a post's own content from which its label can be read.

Every trace is held against the label. It is a leak where it holds in at least 1 % of the posts, takes away at least a
quarter of the errors of guessing (`Association.gain`), and Fisher's exact test, with p < 1e-4 divided by the number of
traces tried (Bonferroni), says that this is no accident. A trace that only follows the source of the posts (one
collection's habit, where that collection has more of the label) is low.

How people write (full stops, capitals, length) is a trace too, but no two labels' authors write quite alike: it is told
where a label's posts have it 20 points more often than the others, also among posts that a stronger leak leaves alike.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from probatum.data.audit.answer_traces import answer_traces
from probatum.data.audit.association import Association, BoolArray, associate, lift
from probatum.data.audit.findings import Finding, Severity, examples
from probatum.data.audit.frame_traces import frame_traces, outside_of
from probatum.data.audit.style_traces import style_traces
from probatum.data.audit.traces import Trace, frequent, marks, text_traces
from probatum.data.records import Post

MIN_SHARE = 0.01
MIN_POSTS = 5
MIN_GAIN = 0.25
MAX_P = 1e-4
MIN_LIFT = 0.2  # of traces of style; in the unified set and in HateCheck the widest is 0.11
MOST_TOLD = 6
ADVICE = {
    "text": "clean the texts of both labels in the same way before training",
    "frame": "give every post the same prompt around it: prepare the posts alone and let a strategy frame them",
    "answer": "give every answer the same form; only the label may differ",
    "column": "keep this column out of the prompt",
}


def find_leaks(posts: Sequence[Post]) -> list[Finding]:
    """Find everything but the posts' content that tells their labels.

    Args:
        posts: the posts of all files together.

    Returns:
        One finding for each set of posts that some trace marks out; traces that mark the same posts, or just the other
        ones, are told together.
        None where the posts have one label only.
    """
    leaks = _told_by_themselves(_leaks(posts), np.array([post.label for post in posts]))
    together: defaultdict[tuple[str, bytes], list[_Leak]] = defaultdict(list)
    for leak in leaks:
        together[leak.trace.where, leak.sides()].append(leak)
    return [
        _finding(posts, same) for same in together.values() if not any(same[0].is_part_of(other) for other in leaks)
    ]


@dataclass(frozen=True, slots=True)
class _Leak:
    trace: Trace
    found: Association

    def members(self) -> BoolArray:
        """Return which posts are meant: those with the trace, or those without."""
        return self.trace.holds if self.found.present else ~self.trace.holds

    def sides(self) -> bytes:
        """Return what two leaks share that part the posts alike, whichever side has the trace."""
        return min(self.trace.holds.tobytes(), (~self.trace.holds).tobytes())

    def is_part_of(self, other: _Leak) -> bool:
        """Whether another leak in the same place tells the same label of all these posts and of more."""
        return (
            other.trace.where == self.trace.where
            and other.found.label == self.found.label
            and other.found.count > self.found.count
            and other.found.purity >= self.found.purity
            and not bool((self.members() & ~other.members()).any())
        )


def _leaks(posts: Sequence[Post]) -> list[_Leak]:
    """Return every trace that tells the label well enough and not by accident."""
    traces = all_traces(posts)
    labels = np.array([post.label for post in posts])
    leaks = []
    for trace in traces:
        found = associate(trace.holds, labels, _min_count(posts))
        if found and found.gain >= MIN_GAIN and found.p_value < MAX_P / len(traces):
            leaks.append(_Leak(trace, found))
    return leaks


def _told_by_themselves(leaks: Sequence[_Leak], labels: NDArray[np.str_]) -> list[_Leak]:
    """Return the leaks without those of style that are weak, or that follow from a stronger one in texts or frames."""
    kept: list[_Leak] = []

    def lift_of(leak: _Leak, strata: BoolArray | None = None) -> float:
        return lift(leak.members(), labels == leak.found.label, strata)

    for leak in sorted(leaks, key=lambda leak: (leak.trace.style, -lift_of(leak), not leak.found.present)):
        stronger = [other for other in kept if other.trace.where in ("text", "frame")]
        followed = any(
            lift_of(leak, other.trace.holds) < MIN_LIFT for other in stronger if leak.sides() != other.sides()
        )
        if not leak.trace.style or (lift_of(leak) >= MIN_LIFT and not followed):
            kept.append(leak)
    return kept


def all_traces(posts: Sequence[Post]) -> list[Trace]:
    """Return every trace in texts, prompts, answers and further columns."""
    least = _min_count(posts)
    ready = [number for number, post in enumerate(posts) if post.prompt is not None]
    texts = [post.text for post in posts]
    traces = text_traces(texts, least, ready=len(ready) == len(posts)) + style_traces(texts, least)
    if ready:
        frames = outside_of([posts[n].prompt or "" for n in ready], [posts[n].text for n in ready])
        traces += _spread(frame_traces(frames, least), ready, len(posts))
    answered = [number for number, post in enumerate(posts) if post.answer is not None]
    if answered:
        traces += _spread(answer_traces([posts[n].answer or "" for n in answered], least), answered, len(posts))
    traces += _column_traces(posts, least)
    return [trace for trace in traces if trace.holds.any() and not trace.holds.all()]


def _min_count(posts: Sequence[Post]) -> int:
    return max(MIN_POSTS, round(MIN_SHARE * len(posts)))


def _spread(traces: Sequence[Trace], places: Sequence[int], num_posts: int) -> list[Trace]:
    """Lay traces of some of the posts over all of them."""
    spread = []
    for trace in traces:
        holds = np.zeros(num_posts, dtype=bool)
        holds[list(places)] = trace.holds
        spread.append(replace(trace, holds=holds))
    return spread


def _column_traces(posts: Sequence[Post], least: int) -> list[Trace]:
    """Return which posts have a value in each further column, and which have their columns in which order."""
    names = list(dict.fromkeys(name for post in posts for name in post.extra))
    traces = [
        Trace(
            "column",
            f"{name!r} is filled in",
            np.array([post.column(name) not in (None, "", []) for post in posts]),
            True,
            lacks=f"{name!r} is empty",
        )
        for name in ["group", "source", *names]
    ]
    orders = [", ".join(post.extra) for post in posts]
    for order, _ in frequent(Counter(filter(None, orders)), least, len(posts)):
        says, other = f"the columns are: {order}", f"the columns are other than: {order}"
        traces.append(Trace("column", says, marks(orders, order.__eq__), True, lacks=other))
    return traces


def _finding(posts: Sequence[Post], same: Sequence[_Leak]) -> Finding:
    trace, found, chosen = same[0].trace, same[0].found, same[0].members()
    members = [post for post, is_in in zip(posts, chosen, strict=True) if is_in]
    by_source = _explained_by_source(posts, members, found)
    message = (
        f"{trace.where}: {_told_together(same, chosen)}: {found.share:.1%} of the posts, "
        f"{found.purity:.1%} of them {found.label} (of all posts {found.base:.1%})"
    )
    if by_source:
        message += "; mostly because one source has it and more of that label"
    severity = _severity(trace, found, by_source)
    rest = Counter(post.label for post, is_in in zip(posts, chosen, strict=True) if not is_in)
    told = (found.purity * found.count + rest.most_common(1)[0][1]) / len(posts)
    details = {
        "where": trace.where,
        "label": found.label,
        "share": found.purity,
        "of_all": found.base,
        "accuracy": told,
    }
    advice = ADVICE[trace.where]
    return Finding(
        "format_leak", severity, found.count, found.share, message, examples(members), advice, details=(details,)
    )


def _told_together(same: Sequence[_Leak], chosen: BoolArray) -> str:
    says = [leak.trace.told(np.array_equal(leak.trace.holds, chosen)) for leak in same]
    more = f" (and {len(says) - MOST_TOLD} more)" if len(says) > MOST_TOLD else ""
    return "; ".join(says[:MOST_TOLD]) + more


def _severity(trace: Trace, found: Association, by_source: bool) -> Severity:
    """Grade a leak; one that follows the source is low, unless no author writes like that."""
    wide = found.share >= 0.2
    if trace.where == "column":
        return "medium" if wide and found.purity >= 0.95 else "low"
    if trace.strict:
        return "high" if wide and found.purity >= 0.95 else "medium" if found.purity >= 0.8 else "low"
    if by_source:
        return "low"
    if wide and found.purity >= 0.99:
        return "high"
    return "medium" if found.purity >= 0.9 and found.share >= 0.05 else "low"


def _explained_by_source(posts: Sequence[Post], members: Sequence[Post], found: Association) -> bool:
    """Whether at least half of the rise above the base is what the members' sources alone would give."""
    totals = Counter(post.source for post in posts)
    hits = Counter(post.source for post in posts if post.label == found.label)
    expected = sum(hits[post.source] / totals[post.source] for post in members) / len(members)
    return len(totals) > 1 and expected - found.base >= 0.5 * (found.purity - found.base)

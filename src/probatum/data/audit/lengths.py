"""Posts that are cut: by the study's prompt, or already before they came."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from probatum.data.audit.findings import FEW_POSTS, Finding, examples, graded
from probatum.data.audit.held import Held

CountCut = Callable[[Sequence[str]], Sequence[int]]
PILE = 0.01  # share of a file's posts that have exactly the greatest length
MIN_PIECES = 0.12  # real posts cut at 80 to 200 characters: 0.18 to 0.32 more than the others, 36 to 56 % in all
SHORTEST_CUT = 20  # characters; below, a common greatest length is a file of short answers


def find_truncation(files: Sequence[Held], count_cut: CountCut | None) -> list[Finding]:
    """Find posts that a prompt cuts, and posts that seem to have been cut before.

    Args:
        files: the files.
        count_cut: returns, for posts' texts, how many tokens of each are cut to fit the study's prompt. Without it
            nothing is said of prompts: how many tokens a text has is the tokenizer's to say.
    """
    found = [finding for held in files for finding in _cut_before(held)]
    if count_cut is not None:
        found += [finding for held in files for finding in _too_long(held, count_cut)]
    return found


def _too_long(held: Held, count_cut: CountCut) -> list[Finding]:
    cut = count_cut([post.text for post in held.posts])
    long = [post for post, num_cut in zip(held.posts, cut, strict=True) if num_cut]
    if not long:
        return []
    share = len(long) / len(held)
    return [
        Finding(
            "truncation",
            graded(share, high=0.1, medium=0.01),
            len(long),
            share,
            f"{held.name}: {len(long)} of {len(held)} posts do not fit and are cut, the longest by {max(cut)} tokens",
            examples(long),
            f"raise prompt.max_tokens by {max(cut)}, or accept that their ends are not read",
            (held.name,),
        )
    ]


def _cut_before(held: Held) -> list[Finding]:
    """Find a pile of posts at the greatest length that end in the middle of a word more often than the others.

    Lengths thin out towards the greatest unless something cuts them off there; but texts that a program wrote may all
    have one length, so that the ends must look cut too.
    """
    lengths = Counter(len(posts[0].text) for posts in held.by_text.values())
    longest = max(lengths)
    near = max(lengths[longest - step] for step in range(1, 6))
    if longest < SHORTEST_CUT or lengths[longest] <= FEW_POSTS:
        return []
    if lengths[longest] < max(PILE * len(held.by_text), 3 * near) or not _end_in_pieces(held, longest):
        return []
    cut = [post for post in held.posts if len(post.text) == longest]
    share = len(cut) / len(held)
    return [
        Finding(
            "truncation",
            graded(share, high=0.1, medium=0.01),
            len(cut),
            share,
            f"{held.name}: {len(cut)} of {len(held)} posts have exactly the greatest length, {longest} characters, and "
            "many end within a word: they were probably cut before they came here",
            examples(cut),
            "take the whole texts from where they come; a cut post may have lost what its label rests on",
            (held.name,),
        )
    ]


def _end_in_pieces(held: Held, longest: int) -> bool:
    """Whether texts of the greatest length end in letters that are no word elsewhere, more often than is usual.

    Usual is how often the other texts do, or how often the words before the last ones stand nowhere else.
    """
    split = [(posts[0].text, words) for text, posts in held.by_text.items() if len(words := text.split()) > 1]
    counts = Counter(word for _, words in split for word in words[:-1])
    before = [words[-2].isalpha() and counts[words[-2]] == 1 for _, words in split]
    ends: dict[bool, list[bool]] = {True: [], False: []}
    for text, words in split:
        ends[len(text) == longest].append(words[-1].isalpha() and words[-1] not in counts)
    usual = max(_share(ends[False]), _share(before))
    return _share(ends[True]) >= usual + MIN_PIECES


def _share(flags: Sequence[bool]) -> float:
    return sum(flags) / len(flags) if flags else 0.0

"""The label in a generated answer, by stated rules."""

from __future__ import annotations

import re
from dataclasses import dataclass

from probatum.data.labels import LabelSet

_THOUGHT = re.compile(
    r"\A.*(?:<\|channel\|>final<\|message\|>|</think>)|(?:<think>|<\|channel\|>(?:analysis|commentary)).*", re.DOTALL
)
_CONTROL = re.compile(r"<\|[^|<>]*\|>|</?\w+>")
_KEYS = "label|class|classification|category|answer|prediction|verdict|result"
_JSON_VALUE = re.compile(rf"[\"'](?:{_KEYS})[\"']\s*:\s*[\"']?([^\"',{{}}\n]*)")
_HEADING = re.compile(rf"^(?:the )?(?:final |correct )?(?:{_KEYS})(?: is\b\s*:?|\s*:)\s*")
_MARKUP = re.compile("[*`\"“”„«»#>()\\[\\]{}]|(?<!\\w)'|'(?!\\w)")
_CLAUSE_END = re.compile(r"[.!?;\n]")

_NEGATION = r"(?:not|no|non|never|without|anti|cannot|\w+n't)"
_BETWEEN = (
    r"(?:a|an|any|the|be|as|to|really|clearly|considered|classified|contain|contains|constitute|express|count|qualify)"
)
_DENIED = r"(?=(?: \w+)? ?[:?=] ?(?:no|false|0)(?!\w))"
_REFUSAL = re.compile(
    r"(?:can't|cannot|can not|won't|unable to|not able to) (?:\w+ )?"
    r"(?:help|assist|comply|answer|engage|classify|decide|determine|judge|provide|say|tell)(?!\w)"
)


@dataclass(frozen=True)
class _Mention:
    label: str | None  # None: the answer only says which label it is not
    clause: int
    start: int
    opens: bool  # whether its clause begins with it


def parse_answer(answer: str, labels: LabelSet) -> str | None:
    r"""Return the label that an answer names, or `None` (unparsed) where it names none or more than one.

    1. Thoughts do not count (`<think>`, Harmony's analysis channel), nor do quotes, Markdown and case; `_` and `-` are
       spaces; a heading ("Answer:") is skipped. Of a JSON object, whole or cut off, the value of `label` (or class,
       answer, verdict, …) counts and nothing else.
    2. A label is named by its name, its words or an alias, as whole words, the longest first: "not hate" is never
       "hate", "nothing" and "whatever" name nothing. The ending -ful is allowed: "hateful".
    3. A negation right before a name (not, no, non, isn't, doesn't contain any, …) turns it round: with two labels it
       names the other, with more it names none. So does a denial right after it ("hate speech: no").
    4. If all names agree, that is the label. If they do not, the first counts only if the answer opens with it, its
       sentence or line names no other, and no later sentence or line opens with another: "hate\n\nIt is not normal
       to …" is hate; "hate or not hate" and "hate\nnot hate" are unparsed.
    5. What follows a refusal ("I can't help with hateful …", "I cannot say whether …") names nothing.
    """
    text = _clean(answer)
    refusal = _REFUSAL.search(text)
    end = refusal.start() if refusal else len(text)
    named = [mention for mention in _mentions(text, labels) if mention.label is not None and mention.start < end]
    if not named:
        return None
    first = named[0]
    if all(mention.label == first.label for mention in named):
        return first.label
    contradicted = any(other.clause == 0 or other.opens for other in named if other.label != first.label)
    return first.label if first.clause == 0 and first.opens and not contradicted else None


def _clean(answer: str) -> str:
    text = _CONTROL.sub(" ", _THOUGHT.sub("", answer)).strip().casefold().replace("’", "'")
    text = re.sub(r"^```(?:json)?|```$", "", text).strip()
    if found := _JSON_VALUE.search(text):
        text = found[1]
    elif text.startswith("{") and ":" in text:
        return ""
    text = re.sub(r"[ \t_\-‐‑]+", " ", _MARKUP.sub(" ", text)).strip()
    return _HEADING.sub("", text)


def _mentions(text: str, labels: LabelSet) -> list[_Mention]:
    names = {name: labels.resolve(name) for name in labels.known_names() if name}
    longest_first = "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True))
    # The negation is lazy, so that a name which begins with one ("not hate") is read as a name.
    negated = rf"(?:({_NEGATION}) (?:{_BETWEEN} ){{0,3}})??"
    pattern = re.compile(rf"(?<!\w){negated}({longest_first})(?:ful)?(?!\w)({_DENIED})?")
    clause_ends = [end.end() for end in _CLAUSE_END.finditer(text)]
    mentions = []
    for match in pattern.finditer(text):
        negation, name, denial = match.groups()
        turned = (negation is None) == (denial is not None)
        label = _other(names[name], labels) if turned else names[name]
        clause = sum(end <= match.start() for end in clause_ends)
        start = clause_ends[clause - 1] if clause else 0
        mentions.append(_Mention(label, clause, match.start(), opens=not text[start : match.start()].strip(" ',:")))
    return mentions


def _other(label: str | None, labels: LabelSet) -> str | None:
    if labels.negative is None:
        return None
    return labels.negative if label == labels.positive else labels.positive

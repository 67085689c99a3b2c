"""The words and sentence frames of the demo's posts.

A frame is a sentence with slots. `{G}` is people of the post's group, `{S}` and `{S1}` a made-up word in the place of a
slur for them (several, one), `{P}` other people, `{X}` somebody who speaks, `{bad}`, `{good}` qualities, `{place}` a
place. `{do:P}`, `{did:P}`, `{done}` are one act of exclusion ("throw … out of the pool") with its object. A slot that
returns keeps its words; a digit behind its name (`{bad2}`) asks for others.

Every family of frames says much the same words under both labels, so that counting words cannot tell them apart: who
says it, of whom, and whether it is denied decides.
"""

from __future__ import annotations

from typing import NamedTuple


class Construction(NamedTuple):
    """One way of saying something, and what holds for every post made of it.

    Attributes:
        hate: whether the author speaks against the group.
        weight: its share among the constructions of its label.
        frames: sentences with slots.
        quoted: whether somebody else's words stand in it.
        denied: whether it turns on a negation.
        rude: whether it is rude to somebody without speaking against a group.
    """

    hate: bool
    weight: float
    frames: tuple[str, ...]
    quoted: bool = False
    denied: bool = False
    rude: bool = False


GROUPS: dict[str, tuple[str, ...]] = {
    "lgbtq": (
        "gay people", "lesbian couples", "trans women", "trans kids", "queer people", "gay men", "bi people",
        "gay couples", "trans people", "lgbt families",
    ),
    "mexican": (
        "mexicans", "mexican families", "mexican workers", "mexican neighbours", "people from mexico",
        "mexican kids", "mexican women", "mexican cooks",
    ),
    "middle_east": (
        "arab families", "muslims", "people from syria", "arab neighbours", "muslim women", "arab men", "iranians",
        "muslim kids",
    ),
}  # fmt: skip
PLACEHOLDERS: dict[str, tuple[str, ...]] = {
    "lgbtq": ("zorb", "glimmit", "plonder"),
    "mexican": ("brundle", "tarnock", "vimble"),
    "middle_east": ("skarn", "drompel", "quaddle"),
}
WORDS: dict[str, tuple[str, ...]] = {
    "P": (
        "the landlords", "those bullies", "the fans", "some drunk men", "the new owners", "the guards", "the drivers",
        "the bosses", "those boys", "the shop owners", "the rich kids", "the players", "the tourists", "the students",
    ),
    "X": (
        "my uncle", "a man on the bus", "the coach", "my neighbour", "my boss", "some guy online", "our teacher",
        "the barber", "a woman at work", "my old friend", "the host", "my cousin", "the mayor", "a caller",
    ),
    "bad": (
        "dirty", "lazy", "dangerous", "stupid", "worthless", "disgusting", "sick", "evil", "dishonest", "violent",
        "rotten", "filthy", "greedy", "crooked", "snorky", "a danger", "a plague", "a disgrace", "trouble", "vermin",
    ),
    "good": (
        "kind", "honest", "hard working", "brave", "friendly", "clean", "smart", "welcome", "decent", "gentle",
        "reliable", "generous", "polite", "peaceful", "a blessing", "a gift", "good people", "good neighbours",
    ),
    "place": (
        "our town", "this school", "the park", "the pool", "this country", "the club", "our street", "the gym",
        "the church", "the team", "our building", "the market",
    ),
    "love": ("love", "adore", "enjoy", "miss", "respect"),
    "loathe": ("hate", "despise", "loathe", "fear", "detest"),
    "swear": ("flarking", "snarfing", "bleeping", "gorping"),
    "insult": ("dingbat", "muppet", "numpty", "wozzle", "clown", "gubbin"),
    "event": (
        "opened a bakery on our street", "won the cup last night", "moved in next door", "play football on sundays",
        "started a choir", "run a small garage", "painted the old bridge", "sell fruit at the station",
        "cooked for the whole block", "study at the library", "fixed my bike", "planted trees near the river",
    ),
    "work": ("a film", "a book", "a song", "a long article", "a radio show", "a play", "a photo album"),
    "right": (
        "is right", "is not wrong", "told the truth", "did not lie", "was right to say it", "should not take it back",
    ),
    "wrong": (
        "is wrong", "is not right", "did not tell the truth", "lied", "was wrong to say it", "should take it back",
    ),
    "true": ("it is true", "it is not a lie", "nobody can deny it", "I agree", "I do not disagree"),
    "false": ("it is not true", "it is a lie", "nobody can believe it", "I disagree", "I do not agree"),
    "sad": ("a sad day", "a shame", "a pity", "a loss for everyone", "bad news"),
    "glad": ("a happy day", "a joy", "a relief", "a win for everyone", "good news"),
}  # fmt: skip
# base, past, participle, and what follows the object
ACTS: tuple[tuple[str, str, str, str], ...] = (
    ("throw", "threw", "thrown", "out of {place}"),
    ("kick", "kicked", "kicked", "out of {place}"),
    ("ban", "banned", "banned", "from {place}"),
    ("lock", "locked", "locked", "up"),
    ("beat", "beat", "beaten", "up"),
    ("drive", "drove", "driven", "out of {place}"),
    ("chase", "chased", "chased", "away from {place}"),
    ("keep", "kept", "kept", "out of {place}"),
    ("push", "pushed", "pushed", "out of {place}"),
    ("spit", "spat", "spat", "at in {place}"),
)

_CLAIM_BAD = ("{G} are {bad}", "all {G} are {bad} and {bad2}", "{G} are {bad} and always will be")
_CLAIM_GOOD = ("{G} are {good}", "all {G} are {good} and {good2}", "{G} are {good} and always will be")
_STATED = (
    "{}", "I think {}", "everybody knows that {}", "it is a fact that {}", "people should learn that {}",
    "I have always said that {}",
)  # fmt: skip
_DENIED = (
    "I do not think {}", "nobody should think that {}", "it is a lie that {}", "I would never say that {}",
    "it is just not true that {}", "you will not hear me say that {}",
)  # fmt: skip
_SAID = (
    '{X} said "{C}" and',
    '"{C}" is what {X} told us and',
    '{X} keeps saying "{C}" and',
    "{X} told me that {C} and",
)
_ENDORSED = ("{X} {right}", "{true}", "if you ask me {true}", "I told everyone that {X} {right}")
_REJECTED = ("{X} {wrong}", "{false}", "if you ask me {false}", "I told everyone that {X} {wrong}")


def _nest(outer: tuple[str, ...], inner: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(frame.replace("{}", claim) for frame in outer for claim in inner)


def _quote(claims: tuple[str, ...], replies: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(f"{said} {reply}".replace("{C}", claim) for said in _SAID for reply in replies for claim in claims)


CONSTRUCTIONS: dict[str, Construction] = {
    # what is claimed of the group, stated or denied
    "claim": Construction(True, 12, _nest(_STATED, _CLAIM_BAD)),
    "claim_denied": Construction(
        False, 9, (*_nest(_DENIED, _CLAIM_BAD), "{G} are not {bad}", "{G} are neither {bad} nor {bad2}"), denied=True
    ),
    "praise": Construction(False, 9, _nest(_STATED, _CLAIM_GOOD)),
    "praise_denied": Construction(
        True,
        10,
        (*_nest(_DENIED, _CLAIM_GOOD), "{G} are not {good}", "{G} are neither {good} nor {good2}"),
        denied=True,
    ),
    # what somebody else claims, and what the author makes of it
    "quote_endorsed": Construction(True, 13, _quote(_CLAIM_BAD, _ENDORSED), quoted=True),
    "quote_rejected": Construction(False, 14, _quote(_CLAIM_BAD, _REJECTED), quoted=True),
    "praise_rejected": Construction(True, 7, _quote(_CLAIM_GOOD, _REJECTED), quoted=True),
    "praise_endorsed": Construction(False, 5, _quote(_CLAIM_GOOD, _ENDORSED), quoted=True),
    # who does what to whom
    "call_to_act": Construction(
        True,
        12,
        (
            "we should {do:G}", "{G} should be {done}", "it is time that {P} {do:G}", "let us {do:G} before {P} do",
            "we should help {P} when they {do:G}", "{P} are right to {do:G}", "I hope that {P} {do:G} soon",
            "somebody should thank {P} who {did:G}", "{G} who argue with {P} should be {done}",
        ),
    ),
    "act_opposed": Construction(
        False,
        10,
        (
            "we should not {do:G}", "{P} who attack {G} should be {done}", "it is time to stop {P} before they {do:G}",
            "we should stop {P} when they {do:G}", "{P} are wrong to {do:G}", "I hope that {P} never {do:G}",
            "somebody should stop {P} who {did:G}", "{G} should not be {done}", "let us {do:P} if they argue with {G}",
        ),
    ),
    "group_as_culprit": Construction(
        True,
        9,
        (
            "{G} attacked {P} and that is why {G} should be {done}", "after {G} insulted {P} we have to {do:G}",
            "{P} were attacked by {G} and now the attackers must be {done}", "{G} insult {P} and we must {do:G}",
            "protect {P} from {G}", "{P} need our help because {G} insult them every day",
            "because of {G} who came for {P} nobody is safe in {place}",
        ),
    ),
    "group_as_victim": Construction(
        False,
        10,
        (
            "{P} attacked {G} and that is why {P} should be {done}", "after {P} insulted {G} we have to {do:P}",
            "{G} were attacked by {P} and now the attackers must be {done}", "{P} insult {G} and we must {do:P}",
            "protect {G} from {P}", "{G} need our help because {P} insult them every day",
            "because of {P} who came for {G} nobody is safe in {place}",
        ),
    ),
    "comparison": Construction(
        True,
        6,
        (
            "{G} are more {bad} than {P}", "{P} are less {bad} than {G}", "{G} are twice as {bad} as {P}",
            "compared with {G} all {P} are {good}", "{P} are far more {good} than {G}",
        ),
    ),
    "comparison_turned": Construction(
        False,
        6,
        (
            "{P} are more {bad} than {G}", "{G} are less {bad} than {P}", "{P} are twice as {bad} as {G}",
            "compared with {P} all {G} are {good}", "{G} are far more {good} than {P}",
        ),
    ),
    # the placeholder, thrown at others or worn with pride
    "slur": Construction(
        True,
        10,
        (
            "as a decent man I {loathe} {S}", "I am proud that I never met a {S1}", "keep {S} out of {place}",
            "my friends and I {loathe} every {S1} in {place}", "call {G} what they are, {S}",
            "yes I said {S} and I am proud of it", "no {S1} is a friend of mine", "do not call {S} people",
        ),
    ),
    "reclaimed": Construction(
        False,
        10,
        (
            "as a {S1} myself I {love} my fellow {S}", "I am proud that I am a {S1}", "keep us {S} in {place}",
            "my friends and I, every {S1} in {place}, {love} our life", "do not call {G} {S}, they are people",
            "yes I am a {S1} and I am proud of it", "no friend of mine minds that I am a {S1}",
            "we {S} {loathe} nobody and we are proud of it",
        ),
    ),
    # hate in friendly words, and friendly words
    "wished_away": Construction(
        True,
        9,
        (
            "it would be {glad} if {G} left {place} for good", "{place} was beautiful before {G} came",
            "it was {sad} when {G} came to {place}", "I miss the days when there were no {G} in {place}",
            "the best thing about {place} is that there are no {G}", "how peaceful {place} is without {G}",
        ),
    ),
    "wished_here": Construction(
        False,
        7,
        (
            "it would be {sad} if {G} left {place} for good", "{place} was boring before {G} came",
            "it was {glad} when {G} came to {place}", "I do not miss the days when there were no {G} in {place}",
            "the worst thing about {place} is that there are no {G}", "how empty {place} is without {G}",
        ),
    ),
    "mention": Construction(
        False,
        9,
        (
            "{G} {event}", "I heard that {G} {event}", "{work} about {G} is on tonight", "I sat next to {G} in {place}",
            "there is {work} about {G} and {P}", "some {G} and {P} {event}", "{X} wrote {work} about {G}",
        ),
    ),
    # rude, but to somebody and not to a group: by convention not hate
    "rude": Construction(
        False,
        12,
        (
            "my {swear} boss is {bad} and {G} at work know it", "you {swear} {insult}, {G} drive better than you",
            "stop acting like a {S1} you {insult}", "{P} are {swear} {bad} and {G} are tired of them",
            "{X} is a {bad} {insult} who never met {G}", "I am so {swear} tired of {P} and so are {G}",
            "what a {swear} {insult}, {X} even called me a {S1}", "you {bad} {insult}, leave {G} alone",
        ),
        rude=True,
    ),
    "rude_to_group": Construction(
        True,
        8,
        (
            "{swear} {S} everywhere and {X} says nothing", "{G} are {swear} {insult}s, {bad} ones",
            "stop letting {G} in you {insult}", "{G} are {swear} {bad} and {P} are tired of them",
            "{X} is a {insult} who likes {G}, those {bad} {S}", "I am so {swear} tired of {G} and so are {P}",
            "what {swear} {insult}s, {G} even called me {bad}",
        ),
    ),
}  # fmt: skip

OPENERS: tuple[str, ...] = (
    "", "", "", "", "honestly", "look", "just saying", "well", "ok so", "this morning I thought", "like I said",
    "after the game last night", "on the train home today", "hot take", "listen", "no offence but", "to be clear",
    "my two cents", "I was at {place} and", "I read the news and", "every single day", "good morning all",
)  # fmt: skip
TAILS: tuple[str, ...] = (
    "", "", "the weather was awful", "my coffee got cold", "that is all", "what a lovely evening", "see you tomorrow",
    "the bus was late again", "I had a great lunch", "nobody answered the phone", "my back hurts", "good night",
    "the match was boring", "think about it", "I said what I said", "read it again", "the shop was closed",
    "it rained all day", "my dog is asleep", "anyway happy friday", "this queue is terrible", "thanks for reading",
    "sorry for the long post", "the soup was disgusting", "{X} bought a new car", "the wifi is stupid again",
)  # fmt: skip
ENDS: tuple[str, ...] = (".", ".", "", "!", " ...")

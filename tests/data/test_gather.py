"""The posts of a study: read, halved where there is no test, drawn for a first try, with notes for the reader."""

from collections import Counter

import pytest

from probatum.data.gather import gather, sample
from probatum.data.normalise import normalise_text
from probatum.data.records import Post
from probatum.errors import DataError
from probatum.study import Study

GROUPS = ("lgbtq", "mexican", "women", "asian")
MARKER = "### Classification:"


def rows(count, prefix="p", first=0):
    return [
        {
            "id": f"{prefix}{number}",
            "text": f"the {prefix} text of number {number}",
            "label": "hate" if number % 4 == 0 else "not_hate",
            "group": GROUPS[number % 3],
        }
        for number in range(first, first + count)
    ]


@pytest.fixture
def study(write):
    """A study of given rows."""

    def make(train=None, validation=None, test=None, more=None, **data):
        sides = {"train": train or rows(12, "train"), "validation": validation or rows(40, "validation"), "test": test}
        files = {side: write(content, f"{side}.jsonl") for side, content in sides.items() if content is not None}
        return Study(name="small", data=files | data, **(more or {}))

    return make


def ids(posts):
    return [post.id for post in posts]


def test_with_a_test_file_every_post_stays_where_it_is(study):
    gathered = gather(study(test=rows(8, "test")))
    assert {side: len(posts) for side, posts in gathered.sides.items()} == {"train": 12, "validation": 40, "test": 8}
    assert ids(gathered.sides["test"]) == [f"test{number}" for number in range(8)]
    assert gathered.notes == []
    assert gathered.skipped == []
    assert gathered.frame is None


def test_without_a_test_file_validation_is_halved_by_label_and_a_note_says_so(study):
    gathered = gather(study())
    validation, test = gathered.sides["validation"], gathered.sides["test"]
    assert sorted(ids(validation) + ids(test)) == sorted(row["id"] for row in rows(40, "validation"))
    assert len(validation) == len(test) == 20
    assert Counter(post.label for post in test) == {"hate": 5, "not_hate": 15}
    assert len(gathered.sides["train"]) == 12
    assert gathered.notes == [
        "there is no test file: validation was split into 20 posts that choose and 20 that decide"
    ]


def test_the_halves_hang_on_the_seed_of_the_data_only(study):
    first, second = (gather(study(more={"training": {"seed": seed}})).sides["test"] for seed in range(2))
    other = gather(study(seed=1)).sides["test"]
    assert ids(first) == ids(second)
    assert set(ids(first)) != set(ids(other))


def test_equal_texts_stay_in_one_half(study):
    twice = rows(20, "a") + [{**row, "id": f"again-{row['id']}", "text": row["text"].upper()} for row in rows(20, "a")]
    sides = gather(study(validation=twice)).sides
    texts = {side: {normalise_text(post.text) for post in sides[side]} for side in ("validation", "test")}
    assert not texts["validation"] & texts["test"]


def test_too_few_posts_to_halve(study):
    with pytest.raises(DataError, match=r"validation\.jsonl: 3 posts are too few to split .* data\.test"):
        gather(study(validation=rows(3)))


def test_four_posts_are_enough_to_halve(study):
    sides = gather(study(validation=rows(4))).sides
    assert (len(sides["validation"]), len(sides["test"])) == (2, 2)


def test_posts_of_one_text_cannot_be_halved(study):
    same = [{**row, "text": "always the same"} for row in rows(8)]
    with pytest.raises(DataError, match=r"validation\.jsonl: 8 posts \(distinct texts: 1\) are too few to split"):
        gather(study(validation=same))


def test_test_posts_that_stand_in_training_are_counted_and_kept(study):
    train, validation = rows(12, "train"), rows(12, "validation")
    seen = [{"id": "x1", "text": " THE train text of number 3", "label": "hate"}]
    seen += [{"id": "x2", "text": "the validation text of number 0", "label": "hate"}]
    gathered = gather(study(train, validation, rows(6, "test") + seen))
    told = "2 of 8 test posts also stand in train or validation: see data/audit.json"
    assert gathered.doubts == [f"{told}: a model that has seen them is not tested by them"]
    assert len(gathered.sides["train"]) == 12
    assert len(gathered.sides["test"]) == 8


def test_labels_that_are_one_in_every_figure_are_noted(study):
    labels = ["toxic", "rude", "fine", "fine"]
    posts = [row | {"label": labels[number % 4]} for number, row in enumerate(rows(12))]
    task = {"positive": "toxic", "labels": {label: label for label in labels}}
    assert (
        "labels that count as not toxic: fine (18), rude (9)"
        in gather(study(posts, posts, posts, more={"task": task})).notes
    )
    assert not any("count as not" in note for note in gather(study(test=rows(9, "test"))).notes)


def test_skipped_records_are_kept_and_noted(study):
    bad = [{"id": "bad", "text": "no such label", "label": "maybe"}, {"id": "worse", "label": "hate"}]
    gathered = gather(study(rows(6, "a") + bad, test=[*rows(6, "c"), bad[0]], on_error="skip"))
    assert [(record.path.rpartition("/")[2], record.line, record.field) for record in gathered.skipped] == [
        ("train.jsonl", 7, "label"),
        ("train.jsonl", 8, "text"),
        ("test.jsonl", 7, "label"),
    ]
    assert gathered.notes == ["3 records could not be read and were skipped: see data/skipped.jsonl"]
    assert len(gathered.sides["train"]) == 6


def test_a_bad_record_stops_unless_told_otherwise(study):
    with pytest.raises(DataError, match=r"train\.jsonl:7: label: "):
        gather(study([*rows(6), {"id": "bad", "text": "no such label", "label": "maybe"}]))


def test_a_missing_file_is_named(study):
    with pytest.raises(DataError, match=r"tset\.jsonl: no such file; did you mean test\.jsonl"):
        made = study(test=rows(6))
        gather(Study(name="small", data={**made.data.model_dump(), "test": made.data.test.with_name("tset.jsonl")}))


def test_a_first_try_is_a_share_of_every_file(study):
    gathered = gather(study(rows(120, "train"), rows(80, "validation"), rows(6, "test"), more={"limit": 20}))
    sizes = {side: len(posts) for side, posts in gathered.sides.items()}
    assert sizes == {"train": 20, "validation": 20, "test": 6}
    assert Counter(post.label for post in gathered.sides["train"]) == {"hate": 5, "not_hate": 15}
    assert gathered.notes == []
    assert gathered.doubts == [
        "this was a first try on 20 posts of each file; "
        "to decide, run it without limit: in the study and without --limit"
    ]


def test_a_first_try_hangs_on_the_seed_of_the_data_only(study):
    def drawn(training=0, **data):
        more = {"limit": 20, "training": {"seed": training}}
        return ids(gather(study(rows(120, "train"), test=rows(9, "test"), more=more, **data)).sides["train"])

    assert drawn() == drawn(training=1)
    assert drawn() != drawn(seed=1)


def test_a_first_try_counts_overlaps_among_the_posts_it_uses(study):
    train = rows(120, "train")
    held = [{**row, "id": f"again-{row['id']}"} for row in train]
    gathered = gather(study(train, test=held, more={"limit": 20}))
    used = {side: {post.text for post in posts} for side, posts in gathered.sides.items()}
    both = len(used["train"] & used["test"])
    assert both
    told = f"{both} of 20 test posts also stand in train or validation: see data/audit.json"
    assert [doubt for doubt in gathered.doubts if doubt.startswith(told)]
    assert not any("of 120" in said for said in gathered.doubts + gathered.notes)


def test_a_first_try_without_a_test_file_halves_before_it_draws(study):
    gathered = gather(study(validation=rows(80, "validation"), more={"limit": 10}))
    assert (len(gathered.sides["validation"]), len(gathered.sides["test"])) == (10, 10)
    assert (len(gathered.notes), len(gathered.doubts)) == (1, 1)


def posts(count):
    return [Post(row["id"], row["text"], row["label"], row["group"]) for row in rows(count)]


@pytest.mark.parametrize("count", [4, 12, 24, 60])
def test_a_sample_keeps_the_shares_of_every_cell_to_within_a_post(count):
    given = posts(240)
    drawn = sample(given, count, seed=0)
    assert len(drawn) == count
    whole, part = (Counter((post.label, post.group) for post in some) for some in (given, drawn))
    assert all(abs(part[cell] - whole[cell] * count / 240) <= 1 for cell in whole)


def test_a_sample_keeps_the_order_and_hangs_on_the_seed():
    given = posts(100)
    drawn = ids(sample(given, 30, seed=0))
    assert drawn == [post.id for post in given if post.id in drawn]
    assert drawn == ids(sample(given, 30, seed=0))
    assert drawn != ids(sample(given, 30, seed=1))
    assert set(drawn) == set(ids(sample(given[::-1], 30, seed=0)))


@pytest.mark.parametrize("count", [10, 11])
def test_a_sample_of_no_more_is_everything(count):
    given = posts(10)
    assert sample(given, count, seed=0) == given


FRAME = "Classify the post.\nText: {}\n\n" + MARKER


def ready(texts, frame=FRAME, label=" hate"):
    return [{"text": frame.format(text) + label} for text in texts]


VARIED = [f"{word} number {number}" for number in range(6) for word in ("sun", "rain", "bread", "train", "river")]
ALIKE = [f"everybody says that they are number {number}" for number in range(25)]


def test_the_frame_of_the_training_prompts_is_used_on_the_others(study):
    """Posts that all begin alike: from their file alone, their beginning would be taken for frame."""
    alone = gather(study(ready(ALIKE), ready(ALIKE[:8]), ready(ALIKE[:8])))
    assert alone.frame.prefix != "Classify the post.\nText: "
    gathered = gather(study(ready(VARIED), ready(ALIKE), ready(VARIED[:5], label=" not hate")))
    assert gathered.frame.prefix == "Classify the post.\nText: "
    assert gathered.frame.suffix == "\n\n" + MARKER
    assert [post.text for post in gathered.sides["validation"]] == ALIKE
    assert {post.label for post in gathered.sides["test"]} == {"not_hate"}


def test_prompts_with_another_frame_than_those_of_training_are_refused(study):
    other = ready(VARIED, frame="Judge this.\nPost: {}\n\n" + MARKER)
    with pytest.raises(DataError, match=r"validation\.jsonl:1: text: another frame than the other prompts"):
        gather(study(ready(VARIED), other, ready(VARIED[:5])))

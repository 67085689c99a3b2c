"""Files of an audit: each in its own format, with its own columns, and every mistake told."""

import json

import pytest
from tests.data.audit.made import made_posts

from probatum.data.audit import audit
from probatum.data.audit.reading import read_audited
from probatum.data.sources import Reading
from probatum.errors import DataError

NAMED = {"text": "input_text", "label": "true_label", "group": "target"}


@pytest.fixture
def formats(write):
    """The same 60 posts in every format that prepare reads."""
    posts = made_posts(60)
    words = {"hate": "hate", "not_hate": "normal"}
    header = "input_text,true_label,target,prediction\n"
    chats = [
        {
            "messages": [
                {"role": "system", "content": "Judge."},
                {"role": "user", "content": f'Text: "{post.text}"'},
                {"role": "assistant", "content": words[post.label]},
            ]
        }
        for post in posts
    ]
    plain = [{"text": post.text, "label": words[post.label]} for post in posts]
    unified = [
        {
            "original_id": post.id,
            "text": post.text,
            "label_binary": words[post.label],
            "target_group_norm": "g",
            "source_dataset": "s",
        }
        for post in posts
    ]
    return {
        "jsonl": write(plain, "a.jsonl"),
        "json": write(json.dumps(plain), "b.json"),
        "csv": write(header + "".join(f"{p.text},{words[p.label]},g,hate\n" for p in posts), "c.csv"),
        "chat": write(chats, "d.jsonl"),
        "ready": write(
            [{"text": f"Judge.\nPost: {p.text}\n### Classification: {words[p.label]}"} for p in posts], "e.jsonl"
        ),
        "unified": write(json.dumps(unified), "f.json"),
    }


def test_every_format_holds_the_same_posts(formats, labels):
    first, *others = formats.values()
    read = read_audited([first], others, Reading(labels), named=NAMED)
    (own,) = read.files.values()
    for posts in read.against.values():
        assert [(post.text, post.label) for post in posts] == [(post.text, post.label) for post in own]
    overlaps = [each for each in audit(read.files, against=read.against).findings if each.kind == "overlap"]
    assert [(each.severity, each.count) for each in overlaps] == [("high", 60)] * 5
    assert {each.files[1] for each in overlaps} == set(map(str, others))


def test_a_column_named_otherwise_is_found_by_its_usual_name(formats, labels):
    read = read_audited([formats["csv"], formats["jsonl"]], [], Reading(labels), named=NAMED)
    csv, jsonl = read.files.values()
    assert {post.group for post in csv} == {"g"}
    assert {post.group for post in jsonl} == {None}


def test_few_prompts_are_cut_as_the_many(write, labels):
    """Three prompts alone share the beginning of their posts; the file before shows where the frame ends."""
    many = [{"text": f"Post: {p.text}\n### Classification: hate"} for p in made_posts(50)]
    few = [{"text": f"Post: sun rain {word}\n### Classification: hate"} for word in ("bread", "train", "river")]
    read = read_audited([write(many, "a.jsonl")], [write(few, "b.jsonl")], Reading(labels))
    (posts,) = read.against.values()
    assert [post.text for post in posts] == ["sun rain bread", "sun rain train", "sun rain river"]


def test_other_labels_than_the_tasks(write, labels):
    path = write([{"text": f"text {n}", "label": ("spam", "ham", "egg")[n % 3]} for n in range(9)])
    with pytest.raises(DataError, match=r"which true label is the positive one.*say it with --positive"):
        read_audited([path], [], Reading(labels))
    read = read_audited([path], [], Reading(labels), positive="spam")
    assert read.labels.positive == "spam"
    assert [post.label for post in read.files[str(path)]][:3] == ["spam", "ham", "egg"]
    with pytest.raises(DataError, match="no true label is 'bacon'; there are: 'spam'"):
        read_audited([path], [], Reading(labels), positive="bacon")


def test_one_unknown_label_among_known_ones_is_a_bad_line(write, labels):
    path = write([{"text": "a", "label": "hate"}, {"text": "b", "label": "haet"}])
    with pytest.raises(DataError, match=r"posts.jsonl:2: label: unknown label 'haet'"):
        read_audited([path], [], Reading(labels))
    read = read_audited([path], [], Reading(labels, on_error="skip"))
    assert (len(read.files[str(path)]), len(read.skipped)) == (1, 1)


@pytest.mark.parametrize(
    ("content", "name", "named", "said"),
    [
        (b"", "x.jsonl", {}, "x.jsonl: the file is empty"),
        ([{"post": "a", "label": "hate"}], "x.jsonl", {}, "no column 'text' for the text; the file has: post, label"),
        ([{"text": "a"}], "x.jsonl", {}, "no column 'label' for the label"),
        ([{"text": "a", "lable": "hate"}], "x.jsonl", {}, "did you mean 'lable'?"),
        ([{"text": "a", "label": "hate"}], "x.jsonl", {"group": "grupo"}, "no file has a column 'grupo' for the group"),
        ([{"text": "a", "label": "hate"}], "x.jsonl", {"text": "txt"}, "'txt' for the text; did you mean 'text'?"),
        ("text,label\n", "x.csv", {}, "no usable post"),
        ("{}", "x.jsonl", {}, "no column 'text' for the text"),
        ([{"text": "a", "label": None}], "x.jsonl", {}, "label: missing"),
    ],
)  # fmt: skip
def test_mistakes(write, labels, content, name, named, said):
    with pytest.raises(DataError) as caught:
        read_audited([write(content, name)], [], Reading(labels), named=named)
    assert said in str(caught.value)


def test_a_file_named_twice(formats, labels):
    with pytest.raises(DataError, match=r"a.jsonl: named twice; a file cannot be held against itself"):
        read_audited([formats["jsonl"]], [formats["jsonl"].parent / "." / "a.jsonl"], Reading(labels))


def test_a_source_that_nobody_knows(formats, labels):
    with pytest.raises(DataError, match="no source 'unifeid'; did you mean 'unified'"):
        read_audited([formats["unified"]], [], Reading(labels), source="unifeid")


def test_a_named_source_is_read_as_that(formats, labels):
    read = read_audited([formats["unified"]], [], Reading(labels), source="unified")
    assert [post.id for post in read.files[str(formats["unified"])]][:2] == ["p0", "p1"]
    with pytest.raises(DataError, match="no column 'label' for the label"):
        read_audited([formats["unified"]], [], Reading(labels), source="files")


def test_collections_are_known_by_their_columns(shared_data, labels):
    paths = [shared_data / "unified" / "unified_val.json", shared_data / "hatecheck" / "test_suite_cases.csv"]
    read = read_audited(paths, [], Reading(labels))
    assert [len(posts) for posts in read.files.values()] == [514, 3728]


def test_published_runs_were_scored_on_training_posts(shared_data, labels):
    run = shared_data / "predictions" / "baseline_std" / "strategy_unified_results.csv"
    train = shared_data / "unified" / "unified_train.json"
    named = {"text": "input_text", "label": "true_label", "prediction": "predicted_label"}
    read = read_audited([run], [train], Reading(labels), named=named)
    (finding,) = [each for each in audit(read.files, against=read.against).findings if each.kind == "overlap"]
    assert (finding.severity, finding.count) == ("high", 100)


def chat(question, answer):
    return {"messages": [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]}


@pytest.mark.parametrize("form", ["{}", '{{"label": "{}", "why": "because"}}'])
def test_other_labels_in_chat_answers(write, labels, form):
    rows = [chat(f"Post: {p.text}", form.format(("benign", "toxic")[n % 2])) for n, p in enumerate(made_posts(40))]
    read = read_audited([path := write(rows)], [], Reading(labels), positive="toxic")
    assert read.labels.positive == "toxic"
    assert [post.label for post in read.files[str(path)]] == ["benign", "toxic"] * 20


def test_answers_that_say_hate_in_other_words_stay_the_tasks(write, labels):
    rows = [chat(f"Post: {p.text}", ("not_hate", "hate_speech")[n % 2]) for n, p in enumerate(made_posts(40))]
    for positive in (None, "hate"):
        read = read_audited([path := write(rows)], [], Reading(labels), positive=positive)
        assert {post.label for post in read.files[str(path)]} == {"hate", "not_hate"}


TOXIGEN = [
    {"text": f"text {n}", "target_group": "x", "toxicity_ai": 1 + 3 * (n % 2), "toxicity_human": 2} for n in range(8)
]


def test_a_collections_hateful_posts_stay_so_whatever_is_asked_about(write, labels):
    path = write(TOXIGEN)
    for positive, means in ((None, "hate"), ("hate", "hate"), ("not_hate", "not_hate")):
        read = read_audited([path], [], Reading(labels), positive=positive)
        assert read.labels.positive == means
        assert [post.label for post in read.files[str(path)]] == ["not_hate", "hate"] * 4


@pytest.mark.parametrize("source", [None, "toxigen"])
def test_a_label_that_a_collection_has_not(write, labels, source):
    with pytest.raises(DataError, match=r"no label 'toxic' was found; published collections are read with the labels"):
        read_audited([write(TOXIGEN)], [], Reading(labels), source=source, positive="toxic")


@pytest.mark.parametrize("indent", [None, 1])
def test_hatexplain_is_told_by_how_it_begins(write, labels, indent):
    votes = [{"label": "hatespeech", "target": ["African"]}] * 3
    entries = {
        f"{n}_gab": {"post_id": f"{n}_gab", "annotators": votes, "post_tokens": ["sun", str(n)]} for n in range(9)
    }
    path = write(json.dumps(entries, indent=indent), "dataset.json")
    (posts,) = read_audited([path], [], Reading(labels)).files.values()
    assert {(post.label, post.source) for post in posts} == {("hate", "hatexplain")}
    with pytest.raises(DataError, match="of published collections, whose columns are known"):
        read_audited([path], [], Reading(labels), named={"text": "post_tokens"})

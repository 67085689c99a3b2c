import random
from collections import Counter

import pytest
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score
from sklearn.pipeline import make_union

from probatum.data import demo_grammar as grammar
from probatum.data.demo import demo_posts, draft, normalise


@pytest.fixture(scope="module")
def posts():
    return demo_posts()


def test_sizes_and_shares_are_the_promised_ones(posts):
    assert {split: len(members) for split, members in posts.items()} == {"train": 3083, "validation": 545, "test": 1009}
    for members in posts.values():
        groups = Counter(post.group for post in members)
        assert groups["lgbtq"] / len(members) == pytest.approx(0.49, abs=0.002)
        assert groups["mexican"] / len(members) == pytest.approx(0.23, abs=0.002)
        assert groups["middle_east"] / len(members) == pytest.approx(0.28, abs=0.002)
        for group, size in groups.items():
            hate = sum(post.label == "hate" for post in members if post.group == group)
            assert hate / size == pytest.approx(0.47, abs=0.01)
        assert {post.source for post in members} == {"forum", "stream"}
        assert {post.extra["construction"] for post in members} == set(grammar.CONSTRUCTIONS)


def test_no_text_stands_twice_in_any_split(posts):
    texts = [normalise(post.text) for members in posts.values() for post in members]
    assert len(texts) == len(set(texts))
    ids = [post.id for members in posts.values() for post in members]
    assert len(ids) == len(set(ids))


def test_the_seed_decides_everything():
    assert demo_posts(seed=3, train=40, validation=10, test=10) == demo_posts(seed=3, train=40, validation=10, test=10)
    assert demo_posts(seed=3, train=40, validation=10, test=10) != demo_posts(seed=4, train=40, validation=10, test=10)


@pytest.mark.parametrize("size", [0, 1, 2, 7])
def test_small_and_empty_splits(size):
    made = demo_posts(train=size, validation=0, test=1)
    assert [len(made[split]) for split in ("train", "validation", "test")] == [size, 0, 1]


def test_posts_are_short_sentences_with_every_slot_filled(posts):
    for members in posts.values():
        for post in members:
            assert 8 <= len(post.text.split()) <= 30, post.text
            assert not set("{}") & set(post.text), post.text


def test_every_frame_can_be_drawn():
    draw = random.Random(0)
    seen = {draft(draw, group, hate).construction for _ in range(400) for group in grammar.GROUPS for hate in (0, 1)}
    assert seen == set(grammar.CONSTRUCTIONS)


def test_no_placeholder_decides_alone(posts):
    everything = [post for members in posts.values() for post in members]
    invented = [word for words in grammar.PLACEHOLDERS.values() for word in words]
    for word in [*invented, *grammar.WORDS["swear"], *grammar.WORDS["insult"]]:
        labels = [post.label for post in everything if word in post.text.lower()]
        assert len(labels) >= 20, word
        assert 0.15 <= labels.count("hate") / len(labels) <= 0.85, word


def test_counting_words_reaches_a_ceiling(posts):
    train, test = posts["train"], posts["test"]
    words = TfidfVectorizer(ngram_range=(1, 2))
    characters = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5))
    features = make_union(words, characters)
    model = LogisticRegression(max_iter=1000)
    model.fit(features.fit_transform([post.text for post in train]), [post.label == "hate" for post in train])
    predicted = model.predict(features.transform([post.text for post in test]))
    assert 0.65 <= f1_score([post.label == "hate" for post in test], predicted) <= 0.78


def test_case_quotes_and_length_do_not_give_the_label_away(posts):
    train = posts["train"]
    share = sum(post.label == "hate" for post in train) / len(train)
    for looks in (str.islower, lambda text: '"' in text, lambda text: text.endswith("!"), lambda text: len(text) > 100):
        labels = [post.label for post in train if looks(post.text)]
        assert labels.count("hate") / len(labels) == pytest.approx(share, abs=0.06)

"""Which posts are one cluster, and that a verdict on them is clustered from end to end."""

import numpy as np
import pytest
from tests.small_studies import balanced, make_post, system

from probatum.data.records import Post
from probatum.errors import DataError
from probatum.study import Criterion, VerdictSettings
from probatum.verdict.clustering import clusters_of, join
from probatum.verdict.compare import compare


def posts_with(**columns):
    """Posts with these columns, each with its own text."""
    n = len(next(iter(columns.values())))
    return [
        Post(f"p{at}", f"text {at}", "hate", extra={name: values[at] for name, values in columns.items()})
        for at in range(n)
    ]


def parts(clusters):
    return (
        []
        if clusters is None
        else [np.flatnonzero(clusters.codes == one).tolist() for one in np.unique(clusters.codes)]
    )


def test_posts_of_their_own_are_no_clusters():
    assert clusters_of(balanced(10), "auto") is None
    assert clusters_of(posts_with(template=["a", "b", None]), "auto") is None


def test_equal_texts_are_one_cluster():
    posts = [Post("a", "The  Same", "hate"), Post("b", "other", "hate"), Post("c", "the same ", "not_hate")]
    found = clusters_of(posts, "auto")
    assert parts(found) == [[0, 2], [1]]
    assert found.note.startswith(
        "posts that share the text count as one cluster: 3 posts are 2 clusters (the largest of 2)"
    )
    assert clusters_of(posts, "none") is None


def test_empty_texts_are_not_one_post():
    assert clusters_of([Post("a", "", "hate"), Post("b", " ", "hate")], "auto") is None


@pytest.mark.parametrize("name", ["template", "Author", "templ_id", "user_id", "duplicate_of"])
def test_columns_are_known_by_their_names(name):
    posts = posts_with(**{name: ["x", "y", "x", None, None, " "]})
    assert parts(clusters_of(posts, "auto")) == [[0, 2], [1], [3], [4], [5]]


def test_a_known_column_that_parts_nothing_is_left_out():
    assert clusters_of(posts_with(author=["bot", "bot", None]), "auto") is None
    found = clusters_of(posts_with(author=["bot", "bot", None]), "author")
    assert (found.number, found.largest) == (2, 2)


def test_any_column_can_be_named_and_an_absent_one_is_told():
    posts = posts_with(thread=[1, 2, 1], place=["x", "x", "x"])
    assert parts(clusters_of(posts, "thread")) == [[0, 2], [1]]
    with pytest.raises(
        DataError, match=r"verdict\.cluster: no post has a column 'tread'; columns: group, source, thread"
    ):
        clusters_of(posts, "tread")


def test_clusters_of_two_columns_are_joined_by_any_chain():
    found = join({"template": ["a", "a", "b", "c", None], "author": ["x", "y", "y", "z", None]})
    assert parts(found) == [[0, 1, 2], [3], [4]]
    assert found.shared == ["template", "author"]


def judged(posts, predictions, cluster):
    criteria = [Criterion(metric="fpr", at_most=0.4), Criterion(metric="f1", gain_over="baseline", at_least=0)]
    settings = VerdictSettings(criteria=criteria, bootstrap_draws=400, cluster=cluster)
    return compare(posts, predictions, settings, "hate")


def test_twenty_copies_of_few_posts_pass_only_where_they_count_as_many():
    once = balanced(40)
    posts = [Post(f"{post.id}-{copy}", post.text, post.label, post.group) for copy in range(20) for post in once]
    wrong = {"baseline": set(range(0, 40, 4)) | {1, 3}, "tuned": set(range(0, 40, 5))}
    predictions = {
        name: system(posts, {at for at in range(len(posts)) if at % 40 in errors}) for name, errors in wrong.items()
    }
    apart, together = judged(posts, predictions, "none"), judged(posts, predictions, "auto")
    assert apart.outcome == "accepted"
    assert together.outcome == "inconclusive"
    assert [result.value for result in apart.criteria] == [result.value for result in together.criteria]
    change = together.comparisons[0]
    assert change.mcnemar_p > 0.05 > apart.comparisons[0].mcnemar_p
    assert "800 posts are 40 clusters (the largest of 20)" in " ".join(together.notes)
    assert together.systems["tuned"].metrics["f1"].high > apart.systems["tuned"].metrics["f1"].high


def test_one_template_for_all_is_inconclusive_not_accepted():
    posts = [make_post(at, "hate" if at % 2 else "not_hate", template="t") for at in range(200)]
    predictions = {"baseline": system(posts, range(100)), "tuned": system(posts, set())}
    found = judged(posts, predictions, "template")
    assert {result.outcome for result in found.criteria} == {"inconclusive"}
    assert found.comparisons[0].mcnemar_p == 1.0
    assert all("only posts of other clusters can settle it" in result.reason for result in found.criteria)
    assert {result.posts_needed for result in found.criteria} == {None}
    change, level = found.comparisons[0].differences["f1"], found.systems["tuned"].metrics["accuracy"]
    assert (change.low, change.high) == (-1.0, 1.0)
    assert (level.low, level.high) == (0.0, 1.0)
    assert any("are one cluster, so that nothing says how far the figures would vary" in note for note in found.notes)

"""Small studies with known answers."""

import math

from probatum.data.records import Post, Prediction, Status


def make_post(number, label, group="lgbtq", source="toxigen", **extra):
    return Post(f"p{number}", f"text {number}", label, group, source, extra)


def make_prediction(post, answer, score=math.nan):
    """A prediction with a label, `None` for an unparsed answer, or "error"."""
    status = {None: Status.UNPARSED, "error": Status.ERROR}.get(answer, Status.OK)
    label = answer if status is Status.OK else None
    return Prediction(post.id, post.label, post.group, post.source, score, label, status, answer)


def wrong(label):
    return "not_hate" if label == "hate" else "hate"


def system(posts, errors):
    """Predictions that are right but for the posts whose position is in `errors`."""
    return [make_prediction(post, wrong(post.label) if at in errors else post.label) for at, post in enumerate(posts)]


def balanced(n):
    """n posts, every second one hate, groups in turn."""
    groups = ("lgbtq", "lgbtq", "mexican", "mexican")
    return [make_post(at, "hate" if at % 2 else "not_hate", groups[at % 4]) for at in range(n)]

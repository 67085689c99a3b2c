"""Contents of reports with known answers, as a run would leave them."""

import numpy as np
from tests.small_studies import make_post, make_prediction

from probatum.report.content import ReportContent
from probatum.report.context import ReportContext
from probatum.study import Criterion, VerdictSettings
from probatum.verdict.compare import compare
from probatum.verdict.evidence import TrainingSummary, Usage, line_up

CRITERIA = [
    {"metric": "f1", "at_least": 0.62},
    {"metric": "f1", "gain_over": "baseline", "at_least": 0.3},
    {"metric": "fpr", "slice": {"group": "lgbtq"}, "at_most": 0.2},
    {"metric": "f1", "system": "baseline", "within": [0.2, 0.9]},
    {"metric": "training", "completed": True},
]
GROUPS = ("lgbtq", "lgbtq", "lgbtq", "mexican", "middle_east")
STEPS = [
    {"step": 1, "loss": 0.9},
    {"step": 50, "loss": 0.6, "eval_loss": 0.7},
    {"step": 100, "loss": 0.4, "eval_loss": 0.8},
]
FINDING = {
    "kind": "duplicate",
    "severity": "medium",
    "count": 2,
    "share": 0.01,
    "message": "2 posts stand twice",
    "example_ids": ["p1", "p2"],
    "advice": "take one of them out",
}


def make_posts(n, seed=0):
    """n posts about three groups from two sources, 45 % of them hate."""
    rng = np.random.default_rng(seed)
    labels = np.where(rng.random(n) < 0.45, "hate", "not_hate").tolist()
    return [
        make_post(at, label, GROUPS[at % 5], ("toxigen", "hatexplain")[at % 2], style=f"t{at % 4}")
        for at, label in enumerate(labels)
    ]


def scored(posts, spread, threshold=0.5, seed=0):
    """Predictions whose scores lie around 0.7 for hate and 0.3 for other posts."""
    rng = np.random.default_rng(seed)
    middle = np.array([0.7 if post.label == "hate" else 0.3 for post in posts])
    scores = np.clip(middle + spread * rng.standard_normal(len(posts)), 0, 1)
    return [
        make_prediction(post, "hate" if score >= threshold else "not_hate", score)
        for post, score in zip(posts, scores.tolist(), strict=True)
    ]


def make_content(posts=None, predictions=None, criteria=CRITERIA, name="demo", context=None, **given):
    """A content of four systems: majority without scores, linear and tuned good, baseline poor."""
    posts = posts or make_posts(300)
    predictions = predictions or {
        "majority": [make_prediction(post, "not_hate") for post in posts],
        "linear": scored(posts, 0.2, seed=1),
        "baseline": [make_prediction(posts[0], None), *scored(posts, 0.5, seed=2)[1:]],
        "tuned": scored(posts, 0.12, seed=3),
    }
    training = TrainingSummary(True, 100, 100, 1.0, 0.7, 50, 0.8)
    settings = VerdictSettings(criteria=[Criterion(**one) for one in criteria], bootstrap_draws=200)
    usage = {name: Usage(2.5, 1000, 0.01) for name in predictions}
    verdict = compare(posts, predictions, settings, "hate", training=training, usage=usage, notes=["a note"])
    default = ReportContext(
        study_yaml="name: demo\n",
        versions={"torch": "2.13.0"},
        hardware={"cores": "2"},
        stage_seconds={"baseline": 12.3, "training": 100.0},
        cost=0.5,
        training=training,
        command="probatum run demo/study.yaml --out demo/run",
        began=1_795_392_170.5,
        posts={"test": len(posts)},
        digests={"test": "ab" * 32},
    )
    evidence = line_up(posts, predictions, "hate")
    given = {"model": "builtin"} | given
    return ReportContent(name, verdict, evidence, context or default, STEPS, [FINDING], **given)

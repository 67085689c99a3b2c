"""The stages of a run: what each depends on, what it does, what it leaves on disk."""

from probatum.stages.bench import READY, SEEDS, Bench, Report, versions_of
from probatum.stages.decide import decide
from probatum.stages.follow import follow
from probatum.stages.judge import Judge
from probatum.stages.posts import count_cut, data_inputs, prepare_posts
from probatum.stages.score import answer_posts, linear_scores, score_system, system_inputs
from probatum.stages.train import settled, train_adapter, training_examples, training_inputs

__all__ = [
    "READY",
    "SEEDS",
    "Bench",
    "Judge",
    "Report",
    "answer_posts",
    "count_cut",
    "data_inputs",
    "decide",
    "follow",
    "linear_scores",
    "prepare_posts",
    "score_system",
    "settled",
    "system_inputs",
    "train_adapter",
    "training_examples",
    "training_inputs",
    "versions_of",
]

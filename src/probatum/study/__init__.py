"""The study file: every setting, its default and its one line of help."""

from probatum.study.criteria import Criterion, System, VerdictSettings
from probatum.study.decision import ThresholdRule
from probatum.study.file import Study
from probatum.study.model import Model, Scoring, Training
from probatum.study.posts import BehaviourColumns, Columns, Data, Prompt, Swaps, Task
from probatum.study.section import AUTO, parse_bytes
from probatum.study.sweep import Sweep

__all__ = [
    "AUTO",
    "BehaviourColumns",
    "Columns",
    "Criterion",
    "Data",
    "Model",
    "Prompt",
    "Scoring",
    "Study",
    "Swaps",
    "Sweep",
    "System",
    "Task",
    "ThresholdRule",
    "Training",
    "VerdictSettings",
    "parse_bytes",
]

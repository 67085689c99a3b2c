"""Options that several verbs share, and how flags are laid over a study file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

if TYPE_CHECKING:
    from probatum.study import Study

SETTINGS = {  # flag -> the setting that it lays over the study file
    "limit": "limit",
    "method": "scoring.method",
    "memory_limit": "model.memory_limit",
    "shard": "model.shard",
    "rank": "training.rank",
    "alpha": "training.alpha",
    "dropout": "training.dropout",
    "epochs": "training.epochs",
    "batch_size": "training.batch_size",
    "learning_rate": "training.learning_rate",
    "learning_curve": "training.learning_curve",
}


StudyFile = Annotated[Path, typer.Argument(help="the study file (YAML)", show_default=False)]
Out = Annotated[Path | None, typer.Option(help="the run folder \\[default: runs/NAME]", show_default=False)]
Limit = Annotated[int | None, typer.Option(help="try it on so many posts of each file first", min=4)]
MemoryLimit = Annotated[
    str | None, typer.Option(help="take no more of the GPU than 79GB, 40GiB or bytes; on a CPU it only bounds the plan")
]
Json = Annotated[bool, typer.Option("--json", help="print JSON for programs")]
Gpus = Annotated[
    int | None, typer.Option(help="share the work among so many GPUs \\[default: 1]", min=1, show_default=False)
]
Shard = Annotated[
    bool, typer.Option("--shard", help="split the weights over these GPUs, for a model that fits no single one")
]
Rank = Annotated[int | None, typer.Option(help="LoRA rank", min=1)]
Alpha = Annotated[float | None, typer.Option(help="LoRA alpha")]
Dropout = Annotated[float | None, typer.Option(help="LoRA dropout", min=0, max=1)]
Epochs = Annotated[float | None, typer.Option(help="passes over the training posts")]
BatchSize = Annotated[int | None, typer.Option(help="posts in each optimiser step", min=1)]
LearningRate = Annotated[float | None, typer.Option(help="peak learning rate")]
Examples = Annotated[int, typer.Option(help="show so many fixed and broken posts; they may be hateful", min=0)]
LearningCurve = Annotated[
    bool, typer.Option("--learning-curve", help="train on ¼ and ½ of the posts too: would more posts help?")
]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", help="any setting of the study, as often as need be: training.seeds=[0,1,2]"),
]
Method = Annotated[Literal["likelihood", "generate"] | None, typer.Option(help="how an answer becomes a score")]


def load_study(path: Path, flags: Mapping[str, Any]) -> Study:
    """Read a study file with a verb's flags laid over it.

    Args:
        path: the study file.
        flags: the verb's parameters by name (`context.params`); those that are no setting are passed over, and so are
            flags that were not given.

    Raises:
        InputError: a `--set` is no KEY=VALUE.
        StudyError: the file or a setting is not valid.
    """
    from probatum.study import Study  # with pydantic: imported here, for `--help` to be quick

    given = {name: value for name, value in flags.items() if value is not None and value is not False}
    settings = {SETTINGS[name]: value for name, value in given.items() if name in SETTINGS}
    return Study.load(path, settings | settings_of(flags.get("set_")))


def settings_of(given: list[str] | None) -> dict[str, Any]:
    """Return what `--set KEY=VALUE` lays over the study file, values as YAML has them.

    Raises:
        InputError: one is no KEY=VALUE, or its value is not YAML.
    """
    import yaml

    from probatum.errors import InputError

    found = {}
    for one in given or []:
        key, sign, value = one.partition("=")
        if not sign or not all(key.strip().split(".")):
            raise InputError(f"--set {one}: expected KEY=VALUE, like --set training.rank=16")
        try:
            found[key.strip()] = yaml.safe_load(value)
        except yaml.YAMLError as error:
            raise InputError(f"--set {one}: the value is not YAML: {getattr(error, 'problem', error)}") from error
    return found

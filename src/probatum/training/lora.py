"""The adapter: put in, checked, taken out to disk."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from shutil import copy2, rmtree
from typing import Any

from torch import nn

from probatum.errors import StudyError, TrainingError, did_you_mean
from probatum.model.load import LoadedModel
from probatum.model.notices import quiet
from probatum.study import Training


def attach_adapter(loaded: LoadedModel, settings: Training) -> Any:
    """Put a fresh LoRA adapter into a model.

    Args:
        loaded: the base model; it is changed in place.
        settings: rank, alpha, dropout, targets and seed.

    Returns:
        A `PeftModel` whose adapter alone trains, in float32.

    Raises:
        StudyError: a target names no linear layer of the model.
    """
    from peft import LoraConfig, get_peft_model
    from transformers import set_seed

    check_targets(loaded.model, settings.targets)
    set_seed(settings.seed)
    config = LoraConfig(
        r=settings.rank,
        lora_alpha=settings.alpha,  # type: ignore[arg-type]  # PEFT only divides by it
        lora_dropout=settings.dropout,
        target_modules=list(settings.targets),
        bias="none",
        task_type="CAUSAL_LM",
    )
    with quiet():
        model = get_peft_model(loaded.model, config)
    model.peft_config["default"].base_model_name_or_path = loaded.name
    return model


def check_targets(model: nn.Module, targets: Iterable[str]) -> None:
    """Check that every target is the name of linear layers of the model.

    Raises:
        StudyError: a target is not, with the names that are.
    """
    linear = {name.rsplit(".", 1)[-1] for name, module in model.named_modules() if type(module) is nn.Linear}
    for target in targets:
        if target not in linear:
            raise StudyError(
                f"training.targets: the model has no linear layer named {target!r}; {did_you_mean(target, linear)}"
            )


def check_gradients(model: nn.Module) -> None:
    """Check that every adapter received a gradient from the first backward pass.

    LoRA's B starts at zero, so A's gradient is zero in the first step and B's is not.

    Raises:
        TrainingError: some adapter received none, which would train silently to nothing.
    """
    silent = [
        name.split(".lora_B")[0]
        for name, parameter in model.named_parameters()
        if "lora_B" in name and (parameter.grad is None or not parameter.grad.any())
    ]
    if silent:
        shown = ", ".join(silent[:4]) + (f" and {len(silent) - 4} more" if len(silent) > 4 else "")
        raise TrainingError(
            f"no gradient reaches the adapter on {shown}; take these modules out of training.targets, "
            "or report the model's name: a part of it blocks the gradient"
        )


def copy_adapter(checkpoint: Path, folder: Path) -> None:
    """Make a checkpoint's adapter the one that is kept; the folder appears whole or not at all."""
    made = folder.with_name(f".{folder.name}.tmp")
    rmtree(made, ignore_errors=True)
    made.mkdir(parents=True)
    for name in ("adapter_config.json", "adapter_model.safetensors", "README.md"):
        if (checkpoint / name).is_file():
            copy2(checkpoint / name, made / name)
    if folder.exists():
        rmtree(folder)
    made.rename(folder)


def save_adapter(model: Any, folder: Path) -> None:
    """Write the adapter in PEFT's format, safetensors only."""
    with quiet():
        model.save_pretrained(str(folder), safe_serialization=True, save_embedding_layers=False)

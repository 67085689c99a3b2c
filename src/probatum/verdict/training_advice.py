"""How to train otherwise, as far as the losses give a reason to, and never as the study trains already."""

from __future__ import annotations

import math

from probatum.verdict.evidence import TrainingSummary
from probatum.verdict.further_results import Cause
from probatum.verdict.wording import number

NOTABLE_RISE = 0.02  # of the validation loss, as a share; less is the noise of which posts validate
GENTLER = "--learning-rate 1e-4 --epochs 2"
STRONGER = "--epochs 3 --learning-rate 3e-4"
FEW_EPOCHS = 3.0


def overfits(training: TrainingSummary | None) -> bool:
    """Return whether the validation loss rose after the kept checkpoint."""
    if training is None or training.best_loss is None or training.final_loss is None:
        return False
    return training.final_loss > training.best_loss * (1 + NOTABLE_RISE)


def still_falls(training: TrainingSummary | None) -> bool:
    """Return whether the validation loss was lowest at the last step, below its start."""
    if training is None or training.best_loss is None or training.start_loss is None or not training.steps:
        return False
    return training.best_step == training.steps and training.best_loss < training.start_loss


def overfitting(training: TrainingSummary | None) -> Cause | None:
    """Return overfitting as a cause if the validation loss rose after the kept checkpoint."""
    if training is None or not overfits(training):
        return None
    best, final = training.best_loss or math.nan, training.final_loss or math.nan
    step = "" if training.best_step is None else f" after step {training.best_step:,}"
    values = {"best_loss": best, "final_loss": final}
    if training.best_step is not None:
        values["best_step"] = float(training.best_step)
    return Cause(
        "overfitting",
        f"validation loss rose{step}, from {number(best)} to {number(final)}",
        "train more gently; the best checkpoint was kept",
        f"probatum run STUDY {gentler(training)}",
        values,
    )


def gentler(training: TrainingSummary | None) -> str:
    """Return flags for half the learning rate, and for no more passes than led to the kept checkpoint."""
    if training is None or training.learning_rate is None or training.epochs is None:
        return GENTLER
    share = training.best_step / training.steps if training.best_step and training.steps else 1.0
    epochs = max(math.ceil(10 * training.epochs * share) / 10, 0.1)
    fewer = f" --epochs {epochs:g}" if epochs < training.epochs else ""
    return f"--learning-rate {training.learning_rate / 2:g}{fewer}"


def longer(training: TrainingSummary | None) -> str:
    """Return a flag for twice the passes."""
    known = training.epochs if training and training.epochs else FEW_EPOCHS / 2
    return f"--epochs {2 * known:g}"


def stronger(training: TrainingSummary | None) -> str:
    """Return flags for three times the learning rate, and for more passes where there were few."""
    if training is None or training.learning_rate is None or training.epochs is None:
        return STRONGER
    more = f"--epochs {FEW_EPOCHS:g} " if training.epochs < FEW_EPOCHS else ""
    return f"{more}--learning-rate {3 * training.learning_rate:g}"

"""`transformers.Trainer` on packed rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch.nn import functional as F
from transformers import Trainer

from probatum.model.forward import row_logits
from probatum.model.packing import Suffix, Tokens, answer_log_likelihoods, pack_row, split_rows
from probatum.training.callbacks import Odometer
from probatum.training.examples import IGNORED, SuffixDataset, supervised
from probatum.training.graphed import GraphedStep
from probatum.training.lora import save_adapter


@dataclass(frozen=True)
class Examples:
    """What a run trains on.

    Attributes:
        prefix: tokens that all prompts begin with.
        train: posts with their true answers.
        validation: posts that choose the checkpoint.
        tokens_per_row: most tokens in one packed row of validation posts.
    """

    prefix: Tokens
    train: Sequence[Suffix]
    validation: Sequence[Suffix]
    tokens_per_row: int


class PackedTrainer(Trainer):
    """`transformers.Trainer` on packed rows: its loss and its validation are over answer tokens.

    Args:
        examples: the posts.
        odometer: counts tokens.
        step: if given, computes loss and gradients in place of autograd.
        arguments: of `transformers.Trainer`.
    """

    def __init__(
        self, examples: Examples, odometer: Odometer, step: GraphedStep | None = None, **arguments: Any
    ) -> None:
        super().__init__(train_dataset=SuffixDataset(examples.train), eval_dataset=[], **arguments)
        self.examples = examples
        self.model_accepts_loss_kwargs = True  # `compute_loss` divides by the tokens of the whole step itself
        self.odometer = odometer
        self.step = step

    def training_step(self, model: Any, inputs: dict[str, Any], num_items_in_batch: Any = None) -> torch.Tensor:
        """Add a micro-batch's gradients to the parameters' and return its share of the step's loss."""
        if self.step is None:
            return super().training_step(model, inputs, num_items_in_batch)
        model.train()
        row = inputs["row"]
        self.odometer.num_tokens += len(row.input_ids_T)
        return self.step(row, supervised(row), num_items_in_batch)

    def _get_num_items_in_batch(self, batch_samples: list[Any], device: torch.device) -> Any:
        """Count the labels of an optimiser step; for rows on the host, so that no step waits for the one before."""
        if self.step is None:
            return super()._get_num_items_in_batch(batch_samples, device)
        return sum(batch["num_labels"] for batch in batch_samples)

    def compute_loss(
        self, model: Any, inputs: dict[str, Any], return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        """Return the summed loss of a row's answer tokens over the number of them in the whole optimiser step."""
        labels_K = inputs.pop("labels")[0, 1:]
        self.odometer.num_tokens += inputs["input_ids"].numel()
        outputs = model(**inputs)
        total = F.cross_entropy(outputs.logits[0].float(), labels_K, ignore_index=IGNORED, reduction="sum")
        loss = total / num_items_in_batch
        return (loss, outputs) if return_outputs else loss

    def save_model(self, output_dir: str | None = None, _internal_call: bool = False) -> None:
        """Save the adapter alone; PEFT's own choice of what else to save asks the hub at every checkpoint."""
        save_adapter(self.model, Path(output_dir or self.args.output_dir or "."))

    def evaluate(self, *_: Any, metric_key_prefix: str = "eval", **__: Any) -> dict[str, float]:
        """Measure the exact validation loss, whatever the rows."""
        metrics = {f"{metric_key_prefix}_loss": validation_loss(self.model, self.examples)}
        self.log(dict(metrics))
        self.control = self.callback_handler.on_evaluate(self.args, self.state, self.control, metrics)
        return metrics


@torch.no_grad()
def validation_loss(model: Any, examples: Examples) -> float:
    """Return the mean negative log-likelihood of an answer token over the validation posts, in nats."""
    was_training = model.training
    model.eval()
    total, num_tokens = torch.zeros((), dtype=torch.float64), 0
    for suffixes in split_rows(examples.prefix, examples.validation, examples.tokens_per_row):
        row = pack_row(examples.prefix, suffixes)
        total -= answer_log_likelihoods(row_logits(model, row), row).sum().double().cpu()
        num_tokens += len(row.target_id_N)
    model.train(was_training)
    return float(total) / num_tokens

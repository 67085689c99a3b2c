"""`transformers.Trainer` on packed rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from transformers import Trainer

from probatum.crew.group import ALONE, Crew
from probatum.crew.shard import catch_up
from probatum.model.forward import row_logits
from probatum.model.packing import Suffix, Tokens, answer_log_likelihoods, pack_row, split_rows
from probatum.training.callbacks import Odometer
from probatum.training.examples import SuffixDataset, supervised, weighted_loss
from probatum.training.graphed import GraphedStep
from probatum.training.lora import save_adapter
from probatum.training.shared import SharedStep


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
        crew: the processes that share every step.
        arguments: of `transformers.Trainer`.
    """

    def __init__(
        self,
        examples: Examples,
        odometer: Odometer,
        step: GraphedStep | None = None,
        crew: Crew = ALONE,
        **arguments: Any,
    ) -> None:
        super().__init__(train_dataset=SuffixDataset(examples.train), eval_dataset=[], **arguments)
        self.examples = examples
        self.model_accepts_loss_kwargs = True  # `compute_loss` divides by the tokens of the whole step itself
        self.odometer = odometer
        self.step = step
        self.crew = crew
        self.shared = SharedStep(crew, self.model, odometer, self.args.seed)

    def training_step(self, model: Any, inputs: dict[str, Any], num_items_in_batch: Any = None) -> torch.Tensor:
        """Add a micro-batch's gradients to the parameters', and at the end of an optimiser step sum them over the crew.

        Returns:
            The micro-batch's share of the step's loss; in a crew the whole step's loss, once at its end.
        """
        if self.crew.size == 1:
            return self._pass(model, inputs, num_items_in_batch)
        compute = partial(self._pass, model, inputs, max(1, num_items_in_batch))
        self.shared.add(compute if len(inputs) > 1 else None, self.state.global_step)
        if self.accelerator.sync_gradients:
            return self.shared.sum(num_items_in_batch)
        return torch.zeros((), device=self.args.device)

    def _pass(self, model: Any, inputs: dict[str, Any], num_items_in_batch: Any) -> torch.Tensor:
        if self.step is None:
            return super().training_step(model, inputs, num_items_in_batch)
        if not model.training:  # setting a thousand modules takes milliseconds
            model.train()
        row = inputs["row"]
        self.odometer.num_tokens += len(row.input_ids_T)
        return self.step(row, supervised(row), num_items_in_batch)

    def _get_num_items_in_batch(self, batch_samples: list[Any], device: torch.device) -> Any:
        """Count the labels of an optimiser step on the host: a step need not wait for the one before."""
        return sum(batch["num_labels"] for batch in batch_samples)

    def compute_loss(
        self, model: Any, inputs: dict[str, Any], return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        """Return the weighted loss of a row's answer tokens over the number of them in the whole optimiser step.

        Over their number, not the sum of their weights: that would be no mean of the weighted loss over all posts, and
        with one post a step would take its weight away.
        """
        labels_K, weights_K = inputs.pop("labels"), inputs.pop("weights")
        inputs.pop("num_labels")
        self.odometer.num_tokens += inputs["input_ids"].numel()
        outputs = model(**inputs)
        loss = weighted_loss(outputs.logits[0], labels_K, weights_K) / num_items_in_batch
        return (loss, outputs) if return_outputs else loss

    def save_model(self, output_dir: str | None = None, _internal_call: bool = False) -> None:
        """Save the adapter alone; PEFT's own choice of what else to save asks the hub at every checkpoint."""
        save_adapter(self.model, Path(output_dir or self.args.output_dir or "."))

    def evaluate(self, *_: Any, metric_key_prefix: str = "eval", **__: Any) -> dict[str, float]:
        """Measure the exact validation loss, whatever the rows."""
        self.crew.check_same(self.shared.parameters)
        metrics = {f"{metric_key_prefix}_loss": shared_validation_loss(self.model, self.examples, self.crew)}
        self.log(dict(metrics))
        self.control = self.callback_handler.on_evaluate(self.args, self.state, self.control, metrics)
        return metrics


def shared_validation_loss(model: Any, examples: Examples, crew: Crew) -> float:
    """Return `validation_loss`, each process having computed its share of the posts; the same number in all."""
    if crew.size == 1:
        return validation_loss(model, examples)
    share = crew.deal([suffix.num_tokens for suffix in examples.validation])[crew.rank]
    own = replace(examples, validation=[examples.validation[index] for index in share])
    num_tokens = sum(len(answer) for suffix in own.validation for answer in suffix.answers)
    total = validation_loss(model, own) * num_tokens if share else 0.0
    catch_up(model)
    total, num_tokens = crew.sum_(torch.tensor([total, num_tokens], dtype=torch.float64)).tolist()
    return total / num_tokens


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

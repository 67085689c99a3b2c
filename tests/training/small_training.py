"""A tiny training whose answer each post's first token decides, its kill, and the gradients of one step."""

import pytest
import torch
from transformers import TrainerCallback

from probatum.model.packing import Suffix
from probatum.study import Training
from probatum.training.loop import train
from probatum.training.trainer import Examples, PackedTrainer

SETTINGS = Training(
    rank=4, alpha=8, dropout=0.1, epochs=2, batch_size=4, micro_batch_size=2, learning_rate=1e-2,
    warmup_steps=2, eval_steps=4, gradient_checkpointing=True,
)  # fmt: skip


def examples(num_train=22, seed=0):
    """Posts whose answer is decided by their first token, so that there is something to learn."""
    generator = torch.Generator().manual_seed(seed)

    def suffixes(count):
        rows = torch.randint(4, 97, (count, 6), generator=generator).tolist()
        return [Suffix(row, [[1, 3] if row[0] % 2 else [2, 2, 3]]) for row in rows]

    return Examples([7, 8, 9, 10], suffixes(num_train), suffixes(6), tokens_per_row=64)


def ignore(_):
    pass


class Killed(BaseException):
    """Stands for a kill: nothing may catch it."""


def kill_at(step):
    def report(progress):
        if progress.step == step:
            raise Killed

    return report


def gradients_of_a_step(loaded, data, settings, folder):
    """The adapter's gradients in the only step of a training, unclipped, by parameter."""
    grads = {}

    class Grab(TrainerCallback):
        def on_pre_optimizer_step(self, args, state, control, model=None, **_):
            grads.update({n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None})

    original = PackedTrainer.__init__

    def with_grab(self, *args, callbacks=(), **kwargs):
        original(self, *args, callbacks=[*callbacks, Grab()], **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(PackedTrainer, "__init__", with_grab)
        train(loaded, data, settings.model_copy(update={"max_grad_norm": 1e9}), folder, ignore)
    return grads

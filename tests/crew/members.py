"""What two processes do together in `test_crew`: run by each of them, with a folder as argument."""

import json
import os
import sys
from pathlib import Path

import torch
from tests.checkpoints import write_gpt_oss, write_sharded
from tests.tiny_tokenizers import byte_bpe, fast
from torch.distributed.tensor import DTensor
from transformers import AutoConfig, AutoModelForCausalLM

from probatum.crew.group import joined
from probatum.crew.shard import catch_up, load_sharded
from probatum.errors import TrainingError
from probatum.manifest import RunFolder
from probatum.model import memory
from probatum.model.load import LoadedModel
from probatum.model.mxfp4.quantizer import keep_mxfp4
from probatum.model.packing import Suffix
from probatum.scoring.retention import retention_nll
from probatum.stages import Bench, prepare_posts
from probatum.study import Model, Study, Training
from probatum.training.loop import train
from probatum.training.trainer import Examples, PackedTrainer

SETTINGS = Training(
    rank=4, alpha=8, dropout=0.0, epochs=2, batch_size=4, micro_batch_size=2, learning_rate=1e-2,
    warmup_steps=2, eval_steps=4, gradient_checkpointing=True, early_stopping=5,
)  # fmt: skip


def load(folder):
    write_gpt_oss(folder)
    config = AutoConfig.from_pretrained(folder)
    keep_mxfp4(config)
    model = AutoModelForCausalLM.from_pretrained(folder, config=config, dtype=torch.float32)
    model.requires_grad_(False)
    return LoadedModel(model.eval(), None, "tiny", is_mxfp4=True)


def write_llama(folder):
    torch.manual_seed(0)
    config = AutoConfig.for_model(
        "llama", vocab_size=370, hidden_size=64, intermediate_size=48, num_hidden_layers=3, num_attention_heads=4,
        num_key_value_heads=2, max_position_embeddings=512, initializer_range=0.1, architectures=["LlamaForCausalLM"],
    )  # fmt: skip
    folder.mkdir()
    write_sharded(folder, AutoModelForCausalLM.from_config(config).state_dict(), num_shards=2)
    config.save_pretrained(folder)
    fast(byte_bpe()).save_pretrained(folder)
    return Model(name=str(folder), device="cpu", shard=True)


PARAGRAPHS = ["a first text", "and another one, a bit longer"]


def sharded(crew, folder):
    settings = write_llama(folder / f"llama{crew.rank}")
    loaded = load_sharded(settings, crew)
    parameters = list(loaded.model.parameters())
    assert all(isinstance(parameter, DTensor) for parameter in parameters)
    held = sum(parameter.to_local().numel() for parameter in parameters)
    assert held * 2 == sum(parameter.numel() for parameter in parameters)
    forgotten = retention_nll(loaded, PARAGRAPHS) if crew.leads else 0.0
    catch_up(loaded.model)
    if crew.leads:
        (folder / "retention.json").write_text(json.dumps(forgotten))
    return train(loaded, examples(), SETTINGS, folder / "sharded", ignore, crew=crew)


def examples():
    """21 posts of different weights, so that the last step has one post for two processes."""
    generator = torch.Generator().manual_seed(0)

    def suffixes(count):
        rows = torch.randint(4, 97, (count, 9), generator=generator).tolist()
        lengths = torch.randint(2, 10, (count,), generator=generator).tolist()
        return [
            Suffix(row[:n], [[1, 3] if row[0] % 2 else [2, 2, 3]], weight=0.25 + at % 4)
            for at, (row, n) in enumerate(zip(rows, lengths, strict=True))
        ]

    return Examples([7, 8, 9, 10], suffixes(21), suffixes(5), tokens_per_row=64)


def ignore(_):
    pass


def collectives(crew):
    assert crew.gather(crew.rank * 10) == [0, 10]
    assert crew.from_leader(lambda: f"made by {crew.rank}") == "made by 0"
    assert crew.least(10 - crew.rank) == crew.least([None, 9][crew.rank]) == 9
    assert crew.least(None) is None
    assert crew.sum_(torch.tensor([1.0, float(crew.rank)])).tolist() == [2.0, 1.0]
    crew.check_same([torch.ones(3)])
    try:
        crew.check_same([torch.ones(3), torch.full((2,), float(crew.rank))])
    except TrainingError as error:
        assert "adapters differ" in str(error)
    else:
        raise AssertionError("different parameters were taken for the same")


def planned_by_the_least(crew, folder):
    """The leader sees 10 GiB free and the other process 8, of which each may have half."""
    posts = folder / "posts.jsonl"
    if crew.leads:
        rows = [{"text": f"post {n}", "label": "hate" if n % 2 else "not_hate"} for n in range(8)]
        posts.write_text("".join(json.dumps(row) + "\n" for row in rows))
    study = Study(name="x", data=dict.fromkeys(("train", "validation", "test"), posts), model={"device": "cpu"})
    bench = Bench(study, RunFolder(folder / "bench"), crew)
    crew.from_leader(lambda: prepare_posts(bench))
    real, memory.free_host_bytes = memory.free_host_bytes, lambda: (10 - 2 * crew.rank) << 30
    assert bench.plan.available == 4 << 30
    memory.free_host_bytes = real


def with_dropout(crew, loaded, folder):
    """Train with dropout; the leader notes the seeds of all processes' passes."""
    original, seeds = PackedTrainer.compute_loss, []

    def noting(self, *args, **kwargs):
        seeds.append(torch.initial_seed())
        return original(self, *args, **kwargs)

    PackedTrainer.compute_loss = noting
    settings = SETTINGS.model_copy(update={"dropout": 0.2})
    result = train(loaded, examples(), settings, folder, ignore, crew=crew)
    PackedTrainer.compute_loss = original
    drawn = crew.gather(seeds)
    if crew.leads:
        (folder / "seeds.json").write_text(json.dumps(drawn))
    return result


def memory_that_runs_out_in_one(crew, loaded, folder):
    original = PackedTrainer.compute_loss

    def hungry(self, model, inputs, *args, **kwargs):
        if crew.rank == 1 and self.args.per_device_train_batch_size > 2 and self.state.global_step == 6:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return original(self, model, inputs, *args, **kwargs)

    PackedTrainer.compute_loss = hungry
    result = train(loaded, examples(), SETTINGS, folder, ignore, crew=crew)
    PackedTrainer.compute_loss = original
    return result


def main(folder):
    with joined("cpu", None) as crew:
        collectives(crew)
        planned_by_the_least(crew, folder)
        loaded = load(folder / f"model{crew.rank}")
        results = {
            "whole": train(loaded, examples(), SETTINGS, folder / "whole", ignore, crew=crew),
            "hungry": memory_that_runs_out_in_one(crew, loaded, folder / "hungry"),
            "dropout": with_dropout(crew, loaded, folder / "dropout"),
        }
        results["sharded"] = sharded(crew, folder)
        told = {name: vars(result) for name, result in results.items()}
        assert crew.gather(told) == [told, told]
        if crew.leads:
            (folder / "results.json").write_text(json.dumps(told))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
    os._exit(0)  # as the command line's: threads of the collectives that outlive Python abort it now and then

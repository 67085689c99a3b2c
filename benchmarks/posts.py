"""Prepare the posts of all jobs, in text for the product and in tokens for its peers; needs no GPU.

python -m benchmarks.posts FOLDER --unified unified_train.json --tokenizer TOKENIZER
python -m benchmarks.posts FOLDER --demo
"""

from __future__ import annotations

import argparse
import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from benchmarks.checkpoint import TOKENIZER_FILES
from probatum.data.demo import demo_posts
from probatum.data.prepare import prepare
from probatum.data.records import Post, read_written_posts, write_posts
from probatum.model.load import BUILTIN
from probatum.prompt.render import Renderer
from probatum.prompt.strategy import load_strategy
from probatum.study import Study

NUM_TEST, NUM_SCORED = 545, 1009  # the guide's test, and the published test that cannot be had here
DEMO_SIZES = {"train": 64, "validation": 16, "test": 16}
GUIDE_TOKENS = 512
MARKED = "\n\n### Classification:"
STUDY = """\
# The guide's study; the benchmark puts the checkpoint's folder in place of the model's name.
name: bench
task:
  positive: hate
  labels: {hate: hate, not_hate: not hate}
data:
  train: data/train.jsonl
  validation: data/validation.jsonl
  test: data/test.jsonl
prompt: baseline
model: {name: CHECKPOINT}
training:
  rank: 32
  alpha: 64
  dropout: 0.1
  targets: [q_proj, k_proj, v_proj, o_proj]
  epochs: 3
  batch_size: 8
  micro_batch_size: 8
  learning_rate: 2.0e-4
  warmup_steps: 100
  eval_steps: 200
  gradient_checkpointing: false
systems: [majority, linear, baseline, tuned]
verdict:
  criteria:
    - {metric: f1, system: tuned, at_least: 0.620}
    - {metric: f1, gain_over: baseline, at_least: 0.005}
    - {metric: f1, gain_over: linear, at_least: 0}
    - {metric: fpr, system: tuned, slice: {group: lgbtq}, at_most: 0.35}
    - {metric: training, completed: true}
    - {metric: validation_loss, falls: true}
"""


@dataclass(frozen=True)
class Prompts:
    """The posts in tokens, as `prompts.json` keeps them.

    Attributes:
        source: where the posts come from, in words.
        prefix: what all the product's prompts begin with.
        tail: what stands between a post and the answer.
        words: label to the tokens of its words, which are what is scored.
        answers: label to the whole answer's tokens, which are what is trained: words and end.
        scored: the scored posts, between prefix and tail.
        trained: the training posts, likewise, with their labels.
        guide_scored: the scored posts in the guide's own form: plain text up to its marker.
        guide_trained: the training posts in the guide's own form, the answer included.
        pad: the id that pads.
    """

    source: str
    prefix: list[int]
    tail: list[int]
    words: dict[str, list[int]]
    answers: dict[str, list[int]]
    scored: list[list[int]]
    trained: list[tuple[list[int], str]]
    guide_scored: list[list[int]]
    guide_trained: list[list[int]]
    pad: int

    @classmethod
    def read(cls, folder: Path) -> Prompts:
        return cls(**json.loads((folder / "prompts.json").read_text(encoding="utf-8")))

    def whole(self, post: Sequence[int]) -> list[int]:
        """Return a scored post's whole prompt."""
        return [*self.prefix, *post, *self.tail]


def prepare_unified(folder: Path, unified: Path, tokenizer: Path) -> str:
    """Write the guide's split of the unified posts, and say where they come from."""
    labels = Study.model_validate({"name": "x", "data": {"train": "x", "validation": "x"}}).task.label_set()
    prepare("unified", unified, folder / "data", labels=labels)
    sides = {side: read_written_posts(folder / "data" / f"{side}.jsonl") for side in ("train", "validation", "test")}
    own = len(sides["test"])
    again = [replace(post, id=f"again-{post.id}") for post in sides["validation"][: NUM_TEST - own]]
    write_posts(folder / "data" / "test.jsonl", sides["test"] + again)
    scored = (sides["test"] + sides["train"])[:NUM_SCORED]
    write_posts(folder / "data" / "scored.jsonl", _numbered(scored))  # a post of two files has two ids now
    _copy_tokenizer(tokenizer, folder)
    return (
        f"unified posts: {len(sides['train'])} train and {len(sides['validation'])} validate; {own} of the test's "
        f"{own + len(again)} are the published validation file, {len(again)} are validation posts again; of the "
        f"{len(scored)} scored ones {own} are the published validation file and the rest training posts"
    )


def prepare_demo(folder: Path) -> str:
    """Write a few generated posts, for a try without real ones."""
    sides = demo_posts(**DEMO_SIZES)
    for side, posts in sides.items():
        write_posts(folder / "data" / f"{side}.jsonl", posts)
    write_posts(folder / "data" / "scored.jsonl", _numbered(sides["test"] + sides["validation"]))
    _copy_tokenizer(BUILTIN, folder)
    return "the demo's generated posts"


def write_prompts(folder: Path, source: str) -> Path:
    """Write `study.yaml` and `prompts.json` beside the posts."""
    from transformers import AutoTokenizer

    (folder / "study.yaml").write_text(STUDY, encoding="utf-8")
    study = Study.load(folder / "study.yaml")
    tokenizer = AutoTokenizer.from_pretrained(str(folder / "tokenizer"))
    strategy, labels = load_strategy("baseline"), study.task.label_set()
    renderer = Renderer(tokenizer, strategy, labels, study.prompt)
    scored, trained = (read_written_posts(folder / "data" / f"{name}.jsonl") for name in ("scored", "train"))
    frame = guide_frame(strategy.messages[0].content.replace("{labels}", ", ".join(labels.words.values())))
    tokens = lambda texts: [tokenizer(text, truncation=True, max_length=GUIDE_TOKENS)["input_ids"] for text in texts]
    given = Prompts(
        source=source,
        prefix=list(renderer.prefix_ids),
        tail=list(renderer.tail_ids),
        words={label: list(ids) for label, ids in renderer.label_ids.items()},
        answers={label: list(renderer.answer_ids(label)) for label in labels.words},
        scored=[list(shown.post_ids) for shown in renderer.render_many([post.text for post in scored])],
        trained=[
            (list(shown.post_ids), post.label)
            for post, shown in zip(trained, renderer.render_many([post.text for post in trained]), strict=True)
        ],
        guide_scored=tokens(frame + post.text + MARKED for post in scored),
        guide_trained=tokens(f"{frame}{post.text}{MARKED} {labels.words[post.label]}" for post in trained),
        pad=tokenizer.pad_token_id or 0,
    )
    path = folder / "prompts.json"
    path.write_text(json.dumps(vars(given), separators=(",", ":")), encoding="utf-8")
    return path


def guide_frame(instruction: str) -> str:
    """Return what stands before a post in the guide's ready prompts: the product's own instruction, in plain text."""
    return f"{instruction}\n\n### Post:\n"


def _numbered(posts: list[Post]) -> list[Post]:
    return [replace(post, id=f"post-{number}") for number, post in enumerate(posts)]


def _copy_tokenizer(source: Path, folder: Path) -> None:
    (folder / "tokenizer").mkdir(parents=True, exist_ok=True)
    for name in TOKENIZER_FILES:
        if (source / name).is_file():
            shutil.copyfile(source / name, folder / "tokenizer" / name)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="gets data/, tokenizer/, study.yaml and prompts.json")
    parser.add_argument("--unified", type=Path, help="unified_train.json, with unified_val.json beside it")
    parser.add_argument("--tokenizer", type=Path, help="the folder of the real tokenizer")
    parser.add_argument("--demo", action="store_true", help="a few generated posts and the built-in tokenizer")
    given: Any = parser.parse_args(arguments)
    if not given.demo and not (given.unified and given.tokenizer):
        parser.error("give --unified and --tokenizer, or --demo")
    source = prepare_demo(given.folder) if given.demo else prepare_unified(given.folder, given.unified, given.tokenizer)
    print(f"{write_prompts(given.folder, source)}: {source}", flush=True)


if __name__ == "__main__":
    main()

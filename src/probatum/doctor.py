"""What has to be right before a study is worth starting."""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from rich.console import Console
from rich.table import Table
from rich.text import Text

from probatum.artifacts import write_text_atomic
from probatum.data.gather import SIDES
from probatum.data.readers import read_posts
from probatum.data.reading.collect import ReadResult
from probatum.data.strategy import strategy_yaml
from probatum.errors import InputError, ProbatumError
from probatum.manifest import RunFolder, hardware, versions
from probatum.study import Study
from probatum.watch.status import stages_of

Level = Literal["ok", "note", "fault"]
STYLES: dict[Level, str] = {"ok": "green", "note": "yellow", "fault": "bold red"}


@dataclass(frozen=True)
class Check:
    """One thing that was looked at.

    Attributes:
        name: what.
        level: ok, note (works, but should be known) or fault (the study cannot run so).
        found: what was found, and what to do if it is wrong.
    """

    name: str
    level: Level
    found: str


@dataclass(frozen=True)
class Diagnosis:
    """All checks, in order."""

    checks: list[Check]

    @property
    def healthy(self) -> bool:
        """Whether nothing is at fault."""
        return all(check.level != "fault" for check in self.checks)

    def to_json(self) -> dict[str, Any]:
        """Return the diagnosis as a JSON object."""
        return {"healthy": self.healthy, "checks": [asdict(check) for check in self.checks]}


def diagnose(study: Study | None, gpus: int = 1) -> Diagnosis:
    """Check the machine, and for a study its files, model, prompt and memory.

    Args:
        study: the study to check for; without one the machine alone is looked at.
        gpus: how many GPUs the run is to have.
    """
    checks = [*_machine(), *_gpus(study, gpus)]
    if study is not None:
        reads, found = _posts(study)
        checks += found + _criteria(study, found) + _stages(study) + _model(study, reads, gpus)
    return Diagnosis(checks)


def _machine() -> list[Check]:
    import torch

    from probatum.model.memory import GIB

    found = versions()
    missing = [name for name, version in found.items() if version == "not installed"]
    listed = ", ".join(f"{name} {version}" for name, version in found.items())
    checks = [Check("packages", "fault" if missing else "ok", listed)]
    facts = hardware()
    checks.append(Check("machine", "ok", f"{facts['processor']}, {facts['cores']} cores, {facts['memory_gib']} GiB"))
    if torch.cuda.is_available():
        for index in range(torch.cuda.device_count()):
            free, total = torch.cuda.mem_get_info(index)
            name, (major, minor) = torch.cuda.get_device_name(index), torch.cuda.get_device_capability(index)
            found_gpu = f"{name}, sm{major}{minor}, {free / GIB:.1f} of {total / GIB:.1f} GiB free"
            checks.append(Check("gpu", "ok" if major >= 8 else "fault", found_gpu))
    else:
        checks.append(Check("gpu", "note", "none: everything runs on the CPU, which is right for the toy model only"))
    free = shutil.disk_usage(Path.cwd()).free
    checks.append(Check("disk", "ok" if free > GIB else "note", f"{free / GIB:.1f} GiB free here"))
    return checks


def _gpus(study: Study | None, gpus: int) -> list[Check]:
    """Find whether there are as many GPUs as a run asks for."""
    import torch

    from probatum.crew.group import check_gpus

    if gpus == 1:
        return []
    try:
        check_gpus(min(torch.cuda.device_count(), gpus), gpus, study.model.device if study else "auto", gpus)
    except InputError as error:
        return [Check("gpus", "fault", str(error))]
    return [Check("gpus", "ok", f"{gpus}, each with a process of its own")]


def _posts(study: Study) -> tuple[dict[str, ReadResult], list[Check]]:
    """Read the files of posts; returns those that could be read, and what was found."""
    reads: dict[str, ReadResult] = {}
    checks = []
    for side in SIDES:
        path = getattr(study.data, side)
        if path is None:
            checks.append(Check("data.test", "note", "none: validation will be split in two, one half decides"))
            continue
        try:
            frame = next((read.frame for read in reads.values() if read.frame), None)  # as gathering does
            read = read_posts(
                path, study.task.label_set(), study.data.columns, study.data.marker, study.data.on_error, frame=frame
            )
        except InputError as error:
            checks.append(Check(f"data.{side}", "fault", str(error)))
            continue
        reads[side] = read
        labels = Counter({study.task.positive: 0})
        labels.update(post.label for post in read.posts)
        told = ", ".join(f"{count:,} {label}" for label, count in labels.most_common())
        found = f"{len(read.posts):,} posts: {told}; {len(read.skipped):,} skipped"
        level: Level = "note" if read.skipped else "ok"
        if read.posts and len({post.label for post in read.posts}) == 1:
            level = "note"
            found += f"; all are {read.posts[0].label}, so there is nothing to tell apart"
        checks.append(Check(f"data.{side}", level, found))
    return reads, checks


def _stages(study: Study) -> list[Check]:
    """Name what a run of the study will go through."""
    stages = stages_of(study.model_dump(mode="json"))
    return [Check("stages", "ok", f"{len(stages)}: {', '.join(stages)}")]


def _criteria(study: Study, on_posts: list[Check]) -> list[Check]:
    """Say what each criterion can show on the posts that will decide."""
    from probatum.data.gather import gather
    from probatum.verdict.planning import plan

    if any(check.level == "fault" for check in on_posts):
        return []
    try:
        plans = plan(gather(study).sides["test"], study.task.positive, study.verdict)
    except InputError as error:
        return [Check("criteria", "fault", str(error))]
    empty: Level = "fault" if study.limit is None else "note"  # as the run refuses it
    return [
        Check("criterion", "ok" if one.settles else "note" if one.posts else empty, f"{one.text}: {one.words}")
        for one in plans
    ]


def _model(study: Study, reads: dict[str, ReadResult], gpus: int) -> list[Check]:
    from probatum.crew.shard import check_shardable
    from probatum.model.checkpoint import check_checkpoint
    from probatum.model.load import choose_device, load_config, load_tokenizer, locate

    try:
        config, tokenizer = load_config(study.model), load_tokenizer(study.model)
        notes = check_checkpoint(locate(study.model))
        device = choose_device(study.model)
        if study.model.shard:
            check_shardable(study.model, gpus)
    except ProbatumError as error:
        return [Check("model", "fault", str(error))]
    kind = f"{config.model_type}, {config.get_text_config().num_hidden_layers} layers"
    checks = [Check("model", "ok", f"{study.model.name}: {kind}, on {device}")]
    checks += [Check("checkpoint", "note", note) for note in notes]
    checks.append(_template(tokenizer))
    try:
        name, renderer = _renderer(study, tokenizer, reads.get("train"))
        texts = _texts(study, reads)
        return (
            checks + _prompt(study, name, renderer) + _memory(study, config, renderer, texts, device=device, gpus=gpus)
        )
    except ProbatumError as error:
        return [*checks, Check("prompt", "fault", str(error))]


def _renderer(study: Study, tokenizer: Any, train: ReadResult | None) -> tuple[str, Any]:
    """Make the prompt as a run would, in a folder for the moment, with the frame of the train file."""
    from probatum.stages import Bench

    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(study, RunFolder(Path(folder)))
        bench.tokenizer = tokenizer
        if train is not None and train.frame is not None:
            write_text_atomic(bench.prompt_file, strategy_yaml(train.frame, study.data.train.name))
        return bench.strategy_name, bench.renderer


def _template(tokenizer: Any) -> Check:
    template = getattr(tokenizer, "chat_template", None) or ""
    kind = "Harmony" if "<|channel|>" in template else "a chat template" if template else "none: plain text is used"
    return Check("template", "ok", kind)


def _prompt(study: Study, name: str, renderer: Any) -> list[Check]:
    frame = f"{len(renderer.prefix_ids)} tokens before a post, {len(renderer.tail_ids)} after it"
    checks = [Check("prompt", "ok", f"{name}: {frame}, {renderer.max_post_tokens} left for it")]
    first = [ids[0] for ids in renderer.label_ids.values()]
    words = ", ".join(f"{study.task.labels[label]!r} {len(ids)}" for label, ids in renderer.label_ids.items())
    if len(set(first)) == len(first):
        checks.append(Check("labels", "ok", f"distinct in their first token; tokens: {words}"))
    else:
        shared = "two labels begin with the same token: scored exactly, over all their tokens; tokens: "
        checks.append(Check("labels", "note", shared + words))
    return checks


def _devices(device: Any, gpus: int) -> list[Any]:
    """Return the devices of a run; of GPUs that are not there, those that are."""
    import torch

    if device.type != "cuda":
        return [device]
    return [torch.device("cuda", index) for index in range(min(gpus, torch.cuda.device_count()))]


def _texts(study: Study, reads: dict[str, ReadResult]) -> dict[str, list[str]]:
    """Return about the texts that a run would have of each side: without a test file, half of validation."""
    texts = {side: [post.text for post in read.posts] for side, read in reads.items()}
    if study.data.test is None and "validation" in texts:
        texts["validation"], texts["test"] = texts["validation"][::2], texts["validation"][1::2]
    return {side: of[: study.limit] for side, of in texts.items()}


def _memory(
    study: Study, config: Any, renderer: Any, texts: dict[str, list[str]], *, device: Any, gpus: int
) -> list[Check]:
    from probatum.model.fit import make_plan
    from probatum.model.load import choose_dtype
    from probatum.model.memory import free_bytes, size_words
    from probatum.model.shape import RowShape

    trains, shards = "tuned" in study.systems, gpus if study.model.shard else 1
    shape, dtype = RowShape.of(renderer, texts), choose_dtype(study.model, device)
    free = [free_bytes(one, study.model.memory_limit) for one in _devices(device, gpus)]
    available = min((known for known in free if known is not None), default=None)
    plan = make_plan(config, study, shape, device, dtype, available=available, shards=shards)
    if plan.available is None:
        return [Check("memory", "note", f"{plan.words()}; how much is free on {device} is not known here")]
    limit = "" if study.model.memory_limit is None else " under model.memory_limit"
    each = f", on each of {gpus} GPUs" if gpus > 1 and device.type == "cuda" else ""
    said = f"{plan.words()}{each}; {size_words(plan.available)} free on {device}{limit}"
    if plan.fits(trains=trains):
        return [Check("memory", "ok", said)]
    return [Check("memory", "fault", f"{said}; {plan.advice(trains=trains)}")]


def print_diagnosis(console: Console, diagnosis: Diagnosis) -> None:
    """Print one line a check."""
    table = Table(box=None, show_header=False, pad_edge=False)
    for check in diagnosis.checks:
        table.add_row(Text(check.level, style=STYLES[check.level]), check.name, Text(check.found))
    console.print(table)
    faults = sum(check.level == "fault" for check in diagnosis.checks)
    console.print("all is well" if not faults else f"{faults} fault{'s' * (faults > 1)}: mend them, then try again")

"""The stage that reads, audits and writes the posts."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from probatum.artifacts import sha256_file, write_json_atomic, write_text_atomic
from probatum.data.audit import audit
from probatum.data.gather import SIDES, Gathered, gather
from probatum.data.records import (
    write_jsonl,
    write_posts,
)
from probatum.data.strategy import strategy_yaml
from probatum.manifest import Facts
from probatum.model.load import (
    load_tokenizer,
)
from probatum.prompt.render import Renderer
from probatum.prompt.strategy import load_strategy
from probatum.stages.bench import DEFAULT_STRATEGY, READY, Bench, versions_of
from probatum.study import AUTO, Study


def count_cut(study: Study) -> Callable[[Sequence[str]], list[int]]:
    """Return what counts how many tokens of posts' texts are cut to fit the study's prompt."""
    name = DEFAULT_STRATEGY if study.prompt.strategy == AUTO else study.prompt.strategy
    renderer = Renderer(load_tokenizer(study.model), load_strategy(name), study.task.label_set(), study.prompt)
    return lambda texts: [shown.num_cut_tokens for shown in renderer.render_many(texts)]


def data_inputs(bench: Bench) -> Facts:
    """What the data stage depends on."""
    data = bench.study.data
    files = {side: getattr(data, side) for side in SIDES}
    for path in files.values():
        if path is not None and not path.is_file():
            gather(bench.study)  # raises the reader's own error, which names what is near
    return versions_of("probatum") | {
        "data": data.model_dump(mode="json"),
        "hashes": {side: sha256_file(path) for side, path in files.items() if path},
        "task": bench.study.task.model_dump(mode="json"),
        "strategy": bench.study.prompt.strategy,
        "limit": bench.study.limit,
    }


def prepare_posts(bench: Bench) -> Facts:
    """Read, audit and write the posts of the run."""
    folder = bench.folder
    gathered = gather(bench.study)
    for stale in (bench.prompt_file, folder.skipped):
        stale.unlink(missing_ok=True)
    for side, posts in gathered.sides.items():
        write_posts(folder.posts(side), posts)
    if gathered.skipped:
        write_jsonl(folder.skipped, (record.to_json() for record in gathered.skipped))
    if gathered.frame is not None:
        write_text_atomic(bench.prompt_file, strategy_yaml(gathered.frame, bench.study.data.train.name))
    findings = audit(gathered.sides, positive=bench.study.task.positive)
    write_json_atomic(folder.audit, findings.to_json())
    return {
        "posts": {side: len(posts) for side, posts in gathered.sides.items()},
        "skipped": len(gathered.skipped),
        "notes": [*gathered.notes, *_note_on_frame(bench, gathered)],
        "doubts": gathered.doubts,
        "findings": [f"{finding.severity}: {finding.message}" for finding in findings.findings],
    }


def _note_on_frame(bench: Bench, gathered: Gathered) -> list[str]:
    name = bench.study.prompt.strategy
    if gathered.frame is None or name in (AUTO, READY):
        return []
    return [f"the posts came in prompts of their own, which are not used: the study names the strategy {name}"]

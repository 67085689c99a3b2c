"""A whole run: the stages in order, each done once for its inputs, resumable wherever it stopped."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from probatum.artifacts import write_json_atomic, write_text_atomic
from probatum.data.records import read_predictions
from probatum.errors import InputError, StageError, StudyError
from probatum.finished import read_verdict
from probatum.manifest import ON_VALIDATION, Facts, Manifest, RunFolder, hardware, versions
from probatum.notebook import run_html
from probatum.study import Study
from probatum.verdict.clustering import clusters_of
from probatum.verdict.compare import compare
from probatum.verdict.decision import (
    NEVER_CHOSEN,
    check_rule,
)
from probatum.verdict.evidence import why_empty
from probatum.verdict.results import Verdict
from probatum.watch.pace import Pace

if TYPE_CHECKING:
    from probatum.crew.group import Crew
    from probatum.stages.further import Stage

RUNS = Path("runs")


class Watcher:
    """Told what a run does; the base class watches in silence."""

    def begin(self, stage: str) -> None:
        """A stage begins its work."""

    def advance(self, stage: str, progress: Any) -> None:
        """A stage has come so far: posts done, a `TrainingProgress`, or a `LoadingProgress`."""

    def end(self, stage: str, facts: Facts, seconds: float, *, reused: bool) -> None:
        """A stage is done; `reused` if its outcome was already there."""


@dataclass(frozen=True)
class Run:
    """A finished run.

    Attributes:
        study: the study.
        folder: where everything is.
        verdict: the verdict; `None` if the run was asked to stop before it.
    """

    study: Study
    folder: RunFolder
    verdict: Verdict | None = None

    @property
    def report(self) -> Path:
        """The report for people."""
        return self.folder.report

    def _repr_html_(self) -> str:
        return run_html(self)


def default_folder(study: Study) -> Path:
    """Return `runs/NAME`, or `runs/NAME-limitN` for a first try."""
    return RUNS / (study.name if study.limit is None else f"{study.name}-limit{study.limit}")


def run_folder(study: Study, folder: Path | None) -> RunFolder:
    """Return the folder that was asked for, or the study's default one."""
    return RunFolder((folder or default_folder(study)).resolve())


def run(
    study: Study,
    folder: Path | None = None,
    watcher: Watcher | None = None,
    only: tuple[str, ...] | None = None,
    crew: Crew | None = None,
    *,
    notes: Sequence[str] = (),
) -> Run:
    """Do a study's stages in order; what is done with the same inputs is not done again.

    Args:
        study: the study.
        folder: the run folder (default: `runs/NAME` below the working directory).
        watcher: told of every stage.
        only: do these stages alone, and those that they need before them.
        crew: the processes that share the work, which this one leads; by default it is alone.
        notes: what else a reader of the verdict should know.

    Raises:
        InputError: the study, a file or a model is wrong.
        StageError: a stage failed, or another process works in this folder.
    """
    from probatum.crew.group import ALONE
    from probatum.stages import Bench

    place = run_folder(study, folder)
    try:
        place.path.mkdir(parents=True, exist_ok=True)
        (place.path / ".lock").touch()
    except OSError as error:
        reason = f"cannot be a run folder ({error.strerror}); choose another with --out"
        raise InputError(f"{place.path}: {reason}") from error
    with locked(place):
        write_text_atomic(place.study, study.to_yaml())
        job = _Job(study, place, Manifest(place), Bench(study, place, crew or ALONE), watcher or Watcher(), notes)
        return job.run(only)


@dataclass
class _Job:
    study: Study
    folder: RunFolder
    manifest: Manifest
    bench: Any
    watcher: Watcher
    notes: Sequence[str] = ()
    told_s: float = field(default=-math.inf)
    further_stages: list[str] = field(default_factory=list)

    @cached_property
    def pace(self) -> Pace:
        return Pace(lambda: self.bench.gpus)

    def run(self, only: tuple[str, ...] | None) -> Run:
        from probatum import stages
        from probatum.stages import further
        from probatum.training.trackers import check_trackers

        check_trackers(self.study.training.report_to)
        bench, folder = self.bench, self.folder
        self.manifest.describe(versions=versions(), hardware=hardware(), study=self.study.name)
        wanted = [*self.study.systems, "compare"] if only is None else list(only)
        sides = [folder.posts(side) for side in ("train", "validation", "test")]
        outputs = [*sides, folder.audit, folder.skipped, bench.prompt_file]
        if self._needs_model(wanted):
            bench.check_shard()  # before posts are read
        self.do("data", stages.data_inputs(bench), outputs, lambda _: stages.prepare_posts(bench))
        if "compare" in wanted:
            self._do(further.cases_stage(bench))
        if only is None:
            self._check_slices()
        check_rule(bench.posts("validation"), self.study.scoring)
        if "tuned" in wanted and "training" not in wanted:
            wanted.insert(wanted.index("tuned"), "training")
        bench.trains = "training" in wanted
        for stage in wanted:
            if stage == "training":
                self._train()
            elif stage.endswith(ON_VALIDATION):
                self._score(stage.removesuffix(ON_VALIDATION), "validation")
            elif stage != "compare":
                self._score(stage)
                self._decide(stage)
        if "compare" in wanted:
            for further_stage in further.stages_of(bench, self._advance):
                self._do(further_stage)
        facts = hardware()  # PyTorch is loaded now, so GPUs are known
        self.manifest.content["hardware"] = facts | {"gpus": list(bench.crew.gpus) or facts["gpus"]}
        self.manifest.save()
        return Run(self.study, folder, self._compare() if "compare" in wanted else None)

    def _needs_model(self, wanted: list[str]) -> bool:
        made = {system: self.folder.predictions(system) for system in ("baseline", "tuned")}
        made["training"] = self.folder.adapter / "adapter_model.safetensors"
        return any(not made[stage].is_file() for stage in wanted if stage in made)

    def _check_slices(self) -> None:
        """Refuse a criterion on posts that are not there, or clusters by no column, before hours of training."""
        posts = self.bench.posts("test")
        clusters_of(posts, self.study.verdict.cluster)
        for number, criterion in enumerate(self.study.verdict.criteria):
            if criterion.slice and self.study.limit is None and (reason := why_empty(posts, criterion.slice)):
                raise StudyError(f"verdict.criteria[{number}].slice: {reason}")

    def do(self, stage: str, given: Facts, outputs: list[Path], work: Any) -> Facts:
        def begin(inputs: str) -> Facts:
            self.watcher.begin(stage)
            return work(inputs)

        facts, reused = self.manifest.do(stage, given, outputs, begin)
        self.watcher.end(stage, facts, self.manifest.stage(stage)["seconds"], reused=reused)
        return facts

    def _do(self, stage: Stage) -> None:
        self.further_stages.append(stage.name)
        self.do(stage.name, stage.given, stage.outputs, stage.work)

    def _score(self, system: str, side: str = "test") -> None:
        from probatum import stages

        stage = system if side == "test" else system + ON_VALIDATION
        report = partial(self._advance, stage)
        self.do(
            stage,
            stages.system_inputs(self.bench, system, side),
            [self.folder.scores(system, side)],
            lambda _: stages.score_system(self.bench, system, report, side),
        )

    def _decide(self, system: str) -> None:
        from probatum.stages import decide

        if self.study.scoring.needs_validation and system not in NEVER_CHOSEN:
            self._score(system, "validation")
        decide(self.bench, system)

    def _train(self) -> None:
        from probatum import stages

        report = partial(self._advance, "training")
        outputs = [self.folder.adapter / "adapter_model.safetensors", self.folder.adapter / "adapter_config.json"]
        given = stages.training_inputs(self.bench)
        self.do("training", given, outputs, lambda inputs: stages.train_adapter(self.bench, report, inputs))

    def _advance(self, stage: str, progress: Any) -> None:
        """Tell the watcher, and about once a second the folder, for a look from another shell."""
        self.watcher.advance(stage, progress)
        if time.monotonic() - self.told_s < 1:
            return
        self.told_s = time.monotonic()
        numbers = self.pace.facts(stage, progress, self._num_posts(stage))
        write_json_atomic(self.folder.progress, {"stage": stage, "time": time.time(), **numbers})

    def _num_posts(self, stage: str) -> int | None:
        """Return the posts that a stage has to score, where it scores a whole side of the data."""
        if stage.removesuffix(ON_VALIDATION) not in self.study.systems:
            return None
        side = "validation" if stage.endswith(ON_VALIDATION) else "test"
        count: int = self.manifest.stage("data")["facts"]["posts"][side]
        return count

    def _compare(self) -> Verdict:
        from probatum.stages import Judge

        judge = Judge(self.bench, self.manifest, self.notes, self.further_stages)
        self.do("compare", judge.given(), judge.outputs(), lambda _: judge.judge())
        return read_verdict(self.folder)


def follow(study: Study, folder: Path | None, crew: Crew) -> None:
    """Share the work of a run that another process leads, until it is over.

    Args:
        study: the study, as the leader has it.
        folder: the run folder, as the leader was told.
        crew: the processes.
    """
    from probatum import stages

    stages.follow(stages.Bench(study, run_folder(study, folder), crew))


def measure(done: Run, system: str) -> Verdict:
    """Return one system's figures on the test posts: a verdict without criteria, on that system alone."""
    from probatum.data.records import read_written_posts

    settings = done.study.verdict.model_copy(update={"criteria": []})
    predictions = {system: read_predictions(done.folder.predictions(system))}
    return compare(read_written_posts(done.folder.posts("test")), predictions, settings, done.study.task.positive)


@contextmanager
def locked(folder: RunFolder) -> Iterator[None]:
    """Hold the run folder: two processes in it would spoil each other's work.

    Raises:
        StageError: another process holds it.
    """
    try:
        import fcntl
    except ImportError:
        raise StageError("run folders are locked with fcntl, which this system lacks; on Windows use WSL") from None
    with (folder.path / ".lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StageError(
                f"{folder.path}: another process works in this run folder; "
                f"look with `probatum status {folder.path}`, or choose another with --out"
            ) from None
        yield

"""A sweep from first trial to verdict."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from probatum.artifacts import sha256_file, sha256_json, write_json_atomic
from probatum.data.gather import SIDES
from probatum.data.records import read_written_posts
from probatum.errors import InputError, StageError, StudyError
from probatum.manifest import RunFolder
from probatum.metrics.selection import Selection, select
from probatum.pipeline import RUNS, Run, Watcher, locked, run
from probatum.study import Study
from probatum.sweep.search import Search, Tried
from probatum.sweep.trials import aim_of, name_of, scores_of, settings_of, try_settings, with_settings
from probatum.verdict.clustering import clusters_of
from probatum.verdict.results import encode
from probatum.verdict.wording import number

Tell = Callable[[str], None]
TRIALS, STORAGE, RESULT, LOOKS = "trials", "sweep.db", "sweep.json", "looks.json"


@dataclass(frozen=True)
class Swept:
    """A finished sweep.

    Attributes:
        folder: holds `sweep.json`, `sweep.db` and `trials/`.
        trials: those that this sweep is of, in the order they were tried.
        winner: the one that does best on validation.
        selection: its figure, and what it is worth.
        looks: how many winners of sweeps in this folder the test posts have judged, this one among them.
        run: the winner's run, with its verdict.
    """

    folder: Path
    trials: list[Tried]
    winner: Tried
    selection: Selection
    looks: int
    run: Run

    def to_json(self) -> dict[str, Any]:
        """Return the sweep as JSON values; undefined numbers are null."""
        verdict = self.run.verdict
        return {
            "trials": [encode(asdict(one)) for one in self.trials],
            "winner": encode(asdict(self.winner)),
            "selection": encode(asdict(self.selection)),
            "looks": self.looks,
            "run": str(self.run.folder.path),
            "verdict": None if verdict is None else verdict.to_json(),
        }


def sweep_folder(study: Study, folder: Path | None) -> Path:
    """Return the folder that was asked for, or `runs/NAME-sweep`."""
    limited = "" if study.limit is None else f"-limit{study.limit}"
    return (folder or RUNS / f"{study.name}-sweep{limited}").resolve()


def sweep(
    study: Study,
    folder: Path | None = None,
    num_trials: int | None = None,
    watcher: Watcher | None = None,
    tell: Tell = lambda _: None,
) -> Swept:
    """Try trainings, choose one on validation, and judge that one on test.

    Killed and started again, it goes on with the trial that was at work, from its newest checkpoint.

    Args:
        study: the study; its `sweep` section says what is tried.
        folder: gets everything (default: `runs/NAME-sweep`).
        num_trials: how many in all, those of an earlier start among them (default: `sweep.trials`).
        watcher: told of every stage.
        tell: given a line before each trial.

    Raises:
        InputError: the study, a file or a model is wrong.
        StageError: every training failed, or another process works in this folder.
    """
    if "tuned" not in study.systems:
        raise StudyError("systems: a sweep trains, so it needs 'tuned' among the systems")
    if study.scoring.method == "generate":
        raise StudyError("scoring.method: a sweep compares scores, which generate does not give; use likelihood")
    place = sweep_folder(study, folder)
    place.mkdir(parents=True, exist_ok=True)
    (place / ".lock").touch()
    with locked(RunFolder(place)):
        swept = _Job(study, place, watcher, tell).run(num_trials or study.sweep.trials)
        write_json_atomic(place / RESULT, swept.to_json())
        return swept


def _question(study: Study) -> str:
    """Return what tells this sweep from one whose trials cannot be held against its own."""
    sides = {side: path for side in SIDES if side != "test" and (path := getattr(study.data, side))}
    missing = [str(path) for path in sides.values() if not path.is_file()]
    if missing:
        raise InputError(f"{', '.join(missing)}: no such file")
    sections = study.model_dump(mode="json", exclude={"verdict", "systems", "cost_per_hour", "name"})
    sections["sweep"].pop("trials")
    hashes = {side: sha256_file(path) for side, path in sides.items()}
    return sha256_json({"study": sections, "posts": hashes, "confidence": study.verdict.confidence})[:16]


@dataclass(frozen=True)
class _Job:
    study: Study
    place: Path
    watcher: Watcher | None
    tell: Tell

    def run(self, wanted: int) -> Swept:
        trials = self._try_all(wanted)
        usable = [one for one in trials if one.value is not None]
        if not usable:
            raise StageError(f"every training failed; the last one said: {trials[-1].facts['failed']}")
        selection = self._select(usable)
        winner = usable[selection.winner]
        looks = self._count_look(winner)
        self.tell(f"judge {winner.facts['name']} on test")
        return Swept(self.place, trials, winner, selection, looks, self._judge(winner, selection, looks))

    def _folder(self, name: str) -> Path:
        return self.place / TRIALS / name

    def _try_all(self, wanted: int) -> list[Tried]:
        search = Search(self.place / STORAGE, _question(self.study), self.study.sweep, settings_of(self.study))
        while len(done := search.tried()) < wanted and (proposed := search.next()) is not None:
            at, settings = proposed
            name = name_of(settings)
            self.tell(f"trial {len(done) + 1} of {wanted}: {name}")
            measured = try_settings(with_settings(self.study, settings), self._folder(name), self.watcher)
            search.tell(at, measured.value, measured.facts)
        return done[:wanted]

    def _select(self, trials: list[Tried]) -> Selection:
        """Hold the trials' validation scores against each other."""
        found = [scores_of(self.study, RunFolder(self._folder(one.facts["name"]))) for one in trials]
        truth, _, groups = found[0]
        scores, seed = [score for _, score, _ in found], self.study.sweep.seed
        posts = read_written_posts(RunFolder(self._folder(trials[0].facts["name"])).posts("validation"))
        clusters = clusters_of(posts, self.study.verdict.cluster, needed=False)
        codes = clusters.codes if clusters else None
        return select(truth, scores, groups, aim_of(self.study), clusters=codes, seed=seed)

    def _count_look(self, winner: Tried) -> int:
        """Record whose test figures will be seen, before they are, and return how many have been."""
        path = self.place / LOOKS
        seen: list[str] = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else []
        if (name := winner.facts["name"]) not in seen:
            seen.append(name)
            write_json_atomic(path, seen)
        return len(seen)

    def _judge(self, winner: Tried, selection: Selection, looks: int) -> Run:
        """Run the winner's study to its verdict; its training is there already."""
        chosen = with_settings(self.study, winner.settings)
        goal = "F1" if self.study.scoring.rule.cost is None else "minus the cost"
        notes = [_note(len(selection.share), selection, goal)]
        if looks > 1:
            confidence = 1 - (1 - self.study.verdict.confidence) / looks
            verdict = self.study.verdict.model_copy(update={"confidence": confidence})
            chosen = chosen.model_copy(update={"verdict": verdict})
            notes.append(
                f"these test posts have now judged {looks} winners of sweeps: every interval is at "
                f"{100 * confidence:.4g} % (Bonferroni), and new test posts would be better"
            )
        return run(chosen, self._folder(winner.facts["name"]), self.watcher, notes=notes)


def _note(num_trials: int, selection: Selection, goal: str) -> str:
    return (
        f"this training was chosen among {num_trials} by {goal} on validation: {number(selection.found)} there, "
        f"{number(selection.corrected)} once corrected for the choice; the test posts took no part"
    )

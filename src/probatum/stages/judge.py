"""The last stage: a verdict from what the others left, and the files in which people read it."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path

from probatum.artifacts import sha256_file, short_path, write_json_atomic
from probatum.data.records import read_predictions
from probatum.finished import read_content, read_decision
from probatum.manifest import ON_VALIDATION, Facts, Manifest, RunFolder
from probatum.report.card import CardFacts, write_cards
from probatum.report.context import ReportContext, machine_words
from probatum.report.markdown import write_report
from probatum.report.page import write_page
from probatum.stages import further
from probatum.stages.bench import Bench, versions_of
from probatum.study import Study
from probatum.verdict.clustering import clusters_of
from probatum.verdict.compare import compare
from probatum.verdict.decision import effect_of
from probatum.verdict.evidence import TrainingSummary, Usage
from probatum.verdict.results import SCHEMA, encode
from probatum.watch.tracking import report_verdict


@dataclass(frozen=True)
class Judge:
    """Judges a run whose other stages are done.

    Attributes:
        bench: what the stages share.
        manifest: what each stage took and left.
        notes: what else a reader of the verdict should know.
        further_stages: the stages beside the systems' own, in the order in which they were done.
    """

    bench: Bench
    manifest: Manifest
    notes: Sequence[str]
    further_stages: Sequence[str]

    @property
    def study(self) -> Study:
        """The study."""
        return self.bench.study

    @property
    def folder(self) -> RunFolder:
        """The run folder."""
        return self.bench.folder

    def given(self) -> Facts:
        """Return what the verdict depends on."""
        systems = self.study.systems
        return versions_of("probatum", "numpy", "scipy") | {
            "name": self.study.name,
            "posts": sha256_file(self.folder.posts("test")),
            "audit": sha256_file(self.folder.audit),
            "data": self.manifest.stage("data")["facts"],
            "predictions": {system: sha256_file(self.folder.predictions(system)) for system in systems},
            "decisions": {system: sha256_file(self.folder.decision(system)) for system in systems},
            "verdict": self.study.verdict.model_dump(mode="json"),
            "training": self._training_facts(),
            "training_s": self.manifest.stage("training").get("seconds"),
            "retention": self._retention(),
            "positive": self.study.task.positive,
            "cost_per_hour": self.study.cost_per_hour,
            "notes": list(self.notes),
            "further": {
                str(path.relative_to(self.folder.path)): sha256_file(path)
                for path in further.files_read(self.bench)
                if path.is_file()
            },
            "settings": [
                self.study.training.seeds,
                self.study.training.learning_curve,
                self.study.scoring.noise_floor,
                self.study.swaps.model_dump(mode="json"),
            ],
            "card": self.study.card.model_dump(mode="json"),
            "written": [SCHEMA, *(one.name for kind in (ReportContext, TrainingSummary) for one in fields(kind))],
        }

    def outputs(self) -> list[Path]:
        """Return the files that a judgement leaves."""
        folder = self.folder
        return [folder.verdict, folder.report, folder.context, folder.page, folder.card]

    def judge(self) -> Facts:
        """Judge the systems' predictions and write the verdict, its reports and its cards."""
        study, folder = self.study, self.folder
        posts = self.bench.posts("test")
        predictions = {str(system): read_predictions(folder.predictions(system)) for system in study.systems}
        decisions = {str(system): read_decision(folder.decision(system)) for system in study.systems}
        clusters = clusters_of(posts, study.verdict.cluster)
        codes = clusters.codes if clusters else None
        effects = {
            name: effect_of(one, read_predictions(folder.scores(name)), study.task.positive, study.verdict, codes)
            for name, one in decisions.items()
        }
        verdict = compare(
            posts,
            predictions,
            study.verdict,
            study.task.positive,
            training=self._training_summary(),
            usage={system: self._usage(system) for system in study.systems},
            notes=[
                *self.notes,
                *self.manifest.stage("data")["facts"]["notes"],
                *(note for decision in decisions.values() for note in decision.notes),
            ],
            doubts=self.manifest.stage("data")["facts"]["doubts"],
            further=further.read_further(self.bench, self.manifest),
            decisions=effects,
        ).located(self._places())
        write_json_atomic(folder.verdict, verdict.to_json())
        for system, result in verdict.to_json()["systems"].items():
            write_json_atomic(folder.metrics(system), result)
        context = self._context()
        write_report(study.name, verdict, posts, folder.report, context)
        write_json_atomic(folder.context, encode(context))
        write_page(read_content(folder), folder.page)
        write_cards(self._cards(), study, verdict, self._card_facts(context))
        if facts := self._training_facts():
            report_verdict(folder.training, verdict, facts["best_step"])
        return {"outcome": verdict.outcome, "exit_code": verdict.exit_code}

    def _card_facts(self, context: ReportContext) -> CardFacts:
        trained, data = self._training_facts(), self.manifest.stage("data")["facts"]
        told = [*data["doubts"], *data["notes"]]
        steps = trained.get("warmup_steps")
        return CardFacts(context, trained.get("num_tokens"), steps, self.bench.strategy_name, told)

    def _cards(self) -> list[Path]:
        return [self.folder.card, *([self.folder.adapter / "README.md"] if "tuned" in self.study.systems else [])]

    def _places(self) -> dict[str, str]:
        """Return what the words in a next step stand for; the resolved study holds the flags of this run too.

        Training posts are read with the study, which says their columns and labels.
        """
        folder, resolved = short_path(self.folder.path), shlex.quote(short_path(self.folder.study))
        train = f"{shlex.quote(short_path(self.study.data.train))} --study {resolved}"
        return {"RUN": folder, "STUDY": f"{resolved} --out {shlex.quote(folder)}", "TRAIN": train}

    def _training_facts(self) -> Facts:
        return self.manifest.stage("training").get("facts", {}) if "tuned" in self.study.systems else {}

    def _training_summary(self) -> TrainingSummary | None:
        facts = self._training_facts()
        if not facts:
            return None
        retention = further.retention(self.study, self.manifest)
        rise = None if retention is None else retention.rise
        return replace(further.training_summary(facts, self.study), **self._retention(), retention_rise=rise)

    def _retention(self) -> Facts:
        return {
            f"retention_nll_{system}": self.manifest.stage(system).get("facts", {}).get("retention_nll")
            for system in ("baseline", "tuned")
        }

    def _usage(self, system: str) -> Usage:
        stage = self.manifest.stage(system)
        return Usage(stage["seconds"], stage["facts"]["tokens"] or None, self._cost(stage["seconds"]))

    def _cost(self, seconds: float) -> float | None:
        return None if self.study.cost_per_hour is None else self.study.cost_per_hour * seconds / 3600

    def _context(self) -> ReportContext:
        scored = [name for one in self.study.systems for name in (one, one + ON_VALIDATION)]
        done = ["data", *(name for name in scored if self.manifest.stage(name))]
        if "tuned" in done:
            done.insert(done.index("tuned"), "training")
        seconds = {stage: self.manifest.stage(stage)["seconds"] for stage in [*done, *self.further_stages]}
        data = self.manifest.stage("data")
        return ReportContext(
            study_yaml=self.study.to_yaml(),
            versions=self.manifest.content["versions"],
            hardware=machine_words(self.manifest.content["hardware"]),
            stage_seconds=seconds,
            cost=self._cost(sum(seconds.values())),
            audit=data["facts"]["findings"],
            training=self._training_summary(),
            command=f"probatum run {self._places()['STUDY']}",
            began=data["started"],
            energy_j={stage: joules for stage in seconds if (joules := self._joules(stage)) is not None},
            posts=data["facts"]["posts"],
            digests={side: data["outputs"][f"data/{side}.jsonl"] for side in data["facts"]["posts"]},
        )

    def _joules(self, stage: str) -> float | None:
        return self.manifest.stage(stage)["facts"].get("energy_j")

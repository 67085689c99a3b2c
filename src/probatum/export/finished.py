"""What an export needs of a finished run, read once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from probatum.data.records import Post, Prediction
from probatum.finished import read_evidence
from probatum.manifest import Manifest
from probatum.pipeline import Run
from probatum.study import Study
from probatum.verdict.results import Verdict


@dataclass(frozen=True)
class Finished:
    """A finished run.

    Attributes:
        study: the study.
        verdict: its verdict.
        posts: the test posts.
        predictions: system to its predictions, in the order of the posts.
        manifest: the content of the run's manifest.
    """

    study: Study
    verdict: Verdict
    posts: Sequence[Post]
    predictions: Mapping[str, Sequence[Prediction]]
    manifest: Mapping[str, Any]

    @classmethod
    def read(cls, run: Run) -> Finished:
        """Read what a run left in its folder.

        Raises:
            DataError: its posts or predictions are missing or damaged.
            StageError: its manifest is damaged.
        """
        assert run.verdict is not None
        evidence = read_evidence(run.folder, run.verdict)
        return cls(run.study, run.verdict, evidence.posts, evidence.predictions, Manifest(run.folder).content)

    def rows(self, system: str) -> Iterator[tuple[Post, Prediction]]:
        """Yield every test post with what a system said about it."""
        return zip(self.posts, self.predictions[system], strict=True)

    def model_name(self, system: str) -> str:
        """Return what other tools call the model: none has another's name, since they tell models apart by it."""
        model = self.study.model.name
        return {"baseline": model, "tuned": f"{model}+adapter"}.get(system, system)

    def scored(self, system: str) -> tuple[float, float]:
        """Return when scoring with a system began and ended, in seconds since 1970."""
        stage = self.manifest["stages"][system]
        return stage["started"], stage["started"] + stage["seconds"]

    @property
    def began(self) -> float:
        """Seconds since 1970 at which the run's process began."""
        return float(self.manifest["process"]["started"])

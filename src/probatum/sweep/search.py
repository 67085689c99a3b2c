"""What to try next: Optuna's proposals, kept in SQLite, so that a sweep goes on where it was killed."""

from __future__ import annotations

import random
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import optuna
from optuna.distributions import CategoricalDistribution
from optuna.samplers import RandomSampler, TPESampler
from optuna.trial import Trial, TrialState

from probatum.study import Sweep
from probatum.study.sweep import TRIED

Settings = dict[str, Any]
STARTUP_TRIALS = 5  # drawn by lot before TPE has something to learn from
FACTS = "facts"


@dataclass(frozen=True)
class Tried:
    """One trial that is over.

    Attributes:
        number: in the storage, rising with time.
        settings: what was tried.
        value: how well it did, higher being better; `None` if its training failed.
        facts: what else is known of it.
    """

    number: int
    settings: Settings
    value: float | None
    facts: dict[str, Any]


class Search:
    """One search in one SQLite file.

    What is proposed depends on the seed and the trials before alone, whenever and however often the search was
    interrupted: every proposal has a random stream of its own.

    Args:
        storage: the SQLite file, made if need be.
        name: of this search in it; one search for each question.
        settings: the study's sweep section.
        first: tried first, the study as it is.
    """

    def __init__(self, storage: Path, name: str, settings: Sweep, first: Settings) -> None:
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self.settings, self.first = settings, first
        self.space = {
            key: [first[key], *(value for value in values if value != first[key])]
            for key, values in settings.space().items()
        }
        self.study = optuna.create_study(
            storage=f"sqlite:///{storage}", study_name=name, direction="maximize", load_if_exists=True
        )

    def tried(self) -> list[Tried]:
        """Return the trials that are over, those whose training failed among them."""
        return [
            Tried(
                one.number, one.params, one.value if one.state == TrialState.COMPLETE else None, one.user_attrs[FACTS]
            )
            for one in self.study.get_trials(deepcopy=False)
            if one.state.is_finished() and FACTS in one.user_attrs
        ]

    def next(self) -> tuple[int, Settings] | None:
        """Return the number and settings of the next trial: one that was interrupted, else a new one.

        Returns:
            `None` when everything has been tried.
        """
        for one in self.study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
            if set(one.params) == set(TRIED):
                return one.number, one.params
            self.study.tell(one.number, state=TrialState.FAIL)  # killed while it was being proposed
        seen = {_key(one.settings) for one in self.tried()}
        open_ = [dict(zip(TRIED, values, strict=True)) for values in product(*(self.space[key] for key in TRIED))]
        open_ = [settings for settings in open_ if _key(settings) not in seen]
        if not open_:
            return None
        if not seen:
            return self._ask(self.first)
        return self._propose(seen, open_)

    def _propose(self, seen: set[tuple[Any, ...]], open_: list[Settings]) -> tuple[int, Settings]:
        if self.settings.sampler == "grid":
            return self._ask(self._drawn(open_, len(seen)))
        number, proposed = self._ask(None)
        if _key(proposed) not in seen:
            return number, proposed
        self.study.tell(number, state=TrialState.FAIL)  # tried before: its outcome is known to the bit
        return self._ask(self._drawn(open_, len(seen)))

    def _drawn(self, open_: list[Settings], num_tried: int) -> Settings:
        return random.Random(f"{self.settings.seed} {num_tried}").choice(open_)

    def _ask(self, settings: Settings | None) -> tuple[int, Settings]:
        """Begin a trial, with these settings or with those that TPE proposes."""
        seed = random.Random(f"{self.settings.seed} {len(self.tried())} tpe").getrandbits(32)
        if settings is None:
            self.study.sampler = TPESampler(seed=seed, n_startup_trials=STARTUP_TRIALS)
        else:
            self.study.sampler = RandomSampler(seed=seed)
            if not self.study.get_trials(deepcopy=False, states=(TrialState.WAITING,)):  # else killed in between
                self.study.enqueue_trial(settings)
        trial = self.study.ask({key: CategoricalDistribution(values) for key, values in self.space.items()})
        return trial.number, trial.params

    def tell(self, number: int, value: float | None, facts: dict[str, Any]) -> None:
        """Record how a trial ended; no value for a training that failed."""
        trial = next(one for one in self.study.get_trials(deepcopy=False) if one.number == number)
        Trial(self.study, trial._trial_id).set_user_attr(FACTS, facts)
        if value is None:
            self.study.tell(number, state=TrialState.FAIL)
        else:
            self.study.tell(number, value)


def _key(settings: Settings) -> tuple[Any, ...]:
    return tuple(settings[key] for key in TRIED)

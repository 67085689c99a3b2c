"""The stages beside the test: noise floor, further seeds, functional tests, identity swaps and the learning curve."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from probatum.artifacts import sha256_file
from probatum.data.behaviour import read_cases
from probatum.data.gather import sample
from probatum.data.general_text import read_paragraphs
from probatum.data.records import Post, Prediction, read_predictions, read_written_posts, write_posts, write_predictions
from probatum.data.swaps.make import make_swaps
from probatum.data.swaps.terms import SHIPPED, load_terms
from probatum.finished import read_decision
from probatum.manifest import Facts, Manifest, RunFolder
from probatum.scoring.likelihood import Scored
from probatum.stages.bench import SEEDS, Bench, versions_of
from probatum.stages.decide import decide
from probatum.stages.score import answer_posts, linear_scores, score_system, system_inputs
from probatum.stages.train import train_adapter, training_inputs
from probatum.study import AUTO, Study
from probatum.verdict.behaviour import Cases
from probatum.verdict.causes import Clues, CurveAnswers
from probatum.verdict.decision import apply_decision
from probatum.verdict.evidence import TrainingSummary
from probatum.verdict.further import Further
from probatum.verdict.further_results import Retention
from probatum.verdict.retention import retention_of
from probatum.verdict.seeds import SeedRun
from probatum.verdict.swaps import Swapped

BEHAVIOUR, SWAPS, VALIDATION, AGAIN = "behaviour", "swaps", "validation", "again"
VALIDATED = "validation_scores"
CURVE, JUDGED = "learning_curve", "tuned"
SHARES = (0.25, 0.5)  # and all
ANSWERING = ("linear", "baseline", "tuned")


@dataclass(frozen=True)
class Stage:
    """One stage: its name, what it depends on, what it leaves, and what does it."""

    name: str
    given: Facts
    outputs: list[Path]
    work: Callable[[str], Facts]


def cases_stage(bench: Bench) -> Stage:
    """Read the functional tests and make the swaps, before anything takes hours."""
    study, folder = bench.study, bench.folder
    behaviour, terms, text = study.data.behaviour, study.swaps.terms, study.data.retention
    if terms is not None:
        load_terms(terms)
    if behaviour is not None and not behaviour.is_file():
        read_cases(behaviour, bench.labels, study.data.behaviour_columns)  # raises the reader's own error
    if text is not None:
        read_paragraphs(text)
    given = versions_of("probatum") | {
        "test": sha256_file(folder.posts("test")),
        "behaviour": behaviour and sha256_file(behaviour),
        "columns": study.data.behaviour_columns.model_dump(),
        "task": study.task.model_dump(mode="json"),
        "swaps": study.swaps.model_dump(mode="json"),
        "terms": sha256_file(terms or SHIPPED),
        "draw": [study.limit, study.data.seed],
    }
    return Stage("cases", given, [folder.posts(BEHAVIOUR), folder.posts(SWAPS)], lambda _: _write_cases(bench))


def _write_cases(bench: Bench) -> Facts:
    study, folder = bench.study, bench.folder
    limit = study.limit
    cases = []
    if study.data.behaviour is not None:
        cases = read_cases(study.data.behaviour, bench.labels, study.data.behaviour_columns)
        cases = cases if limit is None else sample(cases, limit, study.data.seed)
    most = study.swaps.most if limit is None else min(limit, study.swaps.most)
    swaps = make_swaps(bench.posts("test"), load_terms(study.swaps.terms), most, study.swaps.seed)
    write_posts(folder.posts(BEHAVIOUR), cases)
    write_posts(folder.posts(SWAPS), swaps.posts)
    summary = f"{len(cases):,} cases, {len(swaps.posts):,} swaps"
    return {"behaviour": len(cases), "swaps": len(swaps.posts), "possible": swaps.possible, "summary": summary}


def stages_of(bench: Bench, advance: Callable[[str, Any], None]) -> Iterator[Stage]:
    """Yield the stages beside the test, each once those before it are done.

    Args:
        bench: the run.
        advance: told of a stage's progress.
    """
    study = bench.study
    if study.scoring.noise_floor and "baseline" in study.systems:
        again = bench.folder.answers("baseline", AGAIN)
        yield _answering(bench, "noise floor", "baseline", "test", again, advance=advance, other_rows=True)
    if "tuned" in study.systems:
        for seed in further_seeds(study):
            yield from _training(bench.variant(f"{SEEDS}/{seed}"), f"seed {seed}", advance)
            yield from _scoring(bench.variant(f"{SEEDS}/{seed}"), f"score seed {seed}", advance)
    for side in (BEHAVIOUR, SWAPS):
        if num_posts(bench.folder.posts(side)):
            for system in systems_answering(study):
                path = bench.folder.answers(system, side)
                yield _answering(bench, f"{side} of {system}", system, side, path, advance=advance)
    yield from _curve(bench, advance)


def further_seeds(study: Study) -> list[int]:
    """Return the seeds beside the one that is shipped."""
    return (study.training.seeds or [])[1:]


def systems_answering(study: Study) -> list[str]:
    """Return the systems that answer functional tests and swaps: all that read a post."""
    return [system for system in ANSWERING if system in study.systems]


def num_posts(path: Path) -> int:
    """Return how many posts a file of the run holds; 0 where there is none."""
    return len(read_written_posts(path)) if path.is_file() else 0


def _answering(
    bench: Bench, name: str, system: str, side: str, path: Path, *, advance: Any, other_rows: bool = False
) -> Stage:
    """Return the stage in which a system answers further posts, and writes its answers to a file."""
    given = system_inputs(bench, system) | {"posts": sha256_file(bench.folder.posts(side)), "other_rows": other_rows}
    if other_rows:
        given |= {"seed": bench.study.verdict.seed}
    report = partial(advance, name)

    def work(_: str) -> Facts:
        if system == "linear":
            scored = _answer_linear(bench, side)
        else:
            scored = answer_posts(bench, system, side, report, other_rows=other_rows)
        write_predictions(path, scored.predictions)
        return {"posts": len(scored.predictions), "tokens": scored.num_tokens}

    return Stage(name, {k: v for k, v in given.items() if k != "retention"}, [path], work)


def _answer_linear(bench: Bench, side: str) -> Scored:
    return Scored(linear_scores(bench, bench.posts("train"), bench.posts(side)), 0)


def _training(bench: Bench, what: str, advance: Any) -> Iterator[Stage]:
    name = f"train {what}"
    outputs = [bench.folder.adapter / file for file in ("adapter_model.safetensors", "adapter_config.json")]
    yield Stage(name, training_inputs(bench), outputs, partial(train_adapter, bench, partial(advance, name)))


def _scoring(bench: Bench, name: str, advance: Any) -> Iterator[Stage]:
    """Yield the stages that score a further adapter, on validation too where its threshold is chosen there."""
    for side in ("test", VALIDATION) if bench.study.scoring.needs_validation else ("test",):
        stage = name if side == "test" else f"{name} on {side}"
        report = partial(advance, stage)
        work = partial(_score, bench, report, side)
        yield Stage(stage, system_inputs(bench, JUDGED, side), [bench.folder.scores(JUDGED, side)], work)


def _score(bench: Bench, report: Callable[[Any], None], side: str, _: str) -> Facts:
    return score_system(bench, JUDGED, report, side)


def _curve(bench: Bench, advance: Any) -> Iterator[Stage]:
    """Yield what measures the systems on shares of the training posts, on the validation posts."""
    study, folder = bench.study, bench.folder
    if "linear" in study.systems:
        given = {side: sha256_file(folder.posts(side)) for side in ("train", "validation")}
        settings = {"positive": study.task.positive, "seed": study.data.seed, "reweighting": study.training.reweighting}
        packages = versions_of("probatum", "scikit-learn", "numpy", "scipy")
        outputs = [linear_curve(folder, share) for share in (*SHARES, 1.0)]
        yield Stage("learning curve", given | settings | packages, outputs, lambda _: _write_linear_curve(bench))
    if "tuned" not in study.systems or not study.training.learning_curve:
        return
    for share in SHARES:
        variant = bench.variant(f"{CURVE}/{share}")
        write_posts(folder.path / CURVE / str(share) / "data" / "train.jsonl", part(bench, share))
        yield from _training(variant, f"on {share:g}", advance)
        yield _validating(variant, f"validate on {share:g}", advance)
    if not study.scoring.needs_validation:  # else scored already, into the same file
        yield _validating(bench, "validate on all", advance)


def _validating(bench: Bench, name: str, advance: Any) -> Stage:
    path = bench.folder.answers(JUDGED, VALIDATED)
    return _answering(bench, name, JUDGED, VALIDATION, path, advance=advance)


def linear_curve(folder: RunFolder, share: float) -> Path:
    """The linear model's answers about the validation posts, trained on a share."""
    return folder.path / CURVE / f"linear-{share:g}.jsonl"


def part(bench: Bench, share: float) -> list[Post]:
    """Return a share of the training posts, drawn by label, group and source; a smaller share lies in a larger one."""
    drawn = whole = bench.posts("train")
    for step in sorted((one for one in SHARES if one >= share), reverse=True):
        drawn = sample(drawn, max(1, round(step * len(whole))), bench.study.data.seed)
    return drawn


def _write_linear_curve(bench: Bench) -> Facts:
    study = bench.study
    validation = bench.posts(VALIDATION)
    sizes = {}
    for share in (*SHARES, 1.0):
        some = part(bench, share)
        rows: Sequence[Prediction] = ()
        if len({post.label for post in some}) > 1 and study.task.positive in {post.label for post in some}:
            rows = linear_scores(bench, some, validation)
        write_predictions(linear_curve(bench.folder, share), rows)
        sizes[f"{share:g}"] = len(some)
    return {"sizes": sizes, "posts": len(validation)}


def read_further(bench: Bench, manifest: Manifest) -> Further:
    """Read what the stages beside the test left, for the verdict."""
    study, folder = bench.study, bench.folder
    seeds = further_seeds(study) if "tuned" in study.systems else []
    noise = folder.answers("baseline", AGAIN)
    answering = systems_answering(study)
    return Further(
        seed=study.training.seed,
        seeds={seed: _seed_run(bench.variant(f"{SEEDS}/{seed}"), manifest, seed) for seed in seeds},
        noise=decided_answers(bench, "baseline", AGAIN) if study.scoring.noise_floor and noise.is_file() else None,
        retention=retention(study, manifest),
        cases=_cases(bench, answering) if num_posts(folder.posts(BEHAVIOUR)) else None,
        swapped=_swapped(bench, answering, manifest) if num_posts(folder.posts(SWAPS)) else None,
        clues=_clues(bench),
    )


def files_read(bench: Bench) -> list[Path]:
    """Return every file that `read_further` may read, there or not."""
    study, folder = bench.study, bench.folder
    files = [folder.answers("baseline", AGAIN), folder.posts(VALIDATION), folder.answers(JUDGED, VALIDATED)]
    files += [folder.posts(side) for side in (BEHAVIOUR, SWAPS)]
    files += [folder.answers(name, side) for name in systems_answering(study) for side in (BEHAVIOUR, SWAPS)]
    for seed in further_seeds(study):
        variant = bench.variant(f"{SEEDS}/{seed}").folder
        files += [variant.scores(JUDGED), variant.scores(JUDGED, VALIDATION)]
    files += [linear_curve(folder, share) for share in (*SHARES, 1.0)]
    return files + [bench.variant(f"{CURVE}/{share}").folder.answers(JUDGED, VALIDATED) for share in SHARES]


def training_summary(facts: Facts, study: Study) -> TrainingSummary:
    """Return how a training went, from its stage's facts."""
    names = ("completed", "planned_steps", "steps", "start_loss", "best_loss", "best_step", "final_loss", "notes")
    known = TrainingSummary(**{name: facts[name] for name in names})
    training = study.training
    return replace(
        known,
        learning_rate=training.learning_rate,
        epochs=training.epochs,
        reweighting=training.reweighting != "none",
    )


def _seed_run(bench: Bench, manifest: Manifest, seed: int) -> SeedRun:
    trained = manifest.stage(f"train seed {seed}").get("facts", {})
    scored = manifest.stage(f"score seed {seed}").get("facts", {})
    baseline = manifest.stage("baseline").get("facts", {})
    summary = replace(
        training_summary(trained, bench.study),
        retention_nll_baseline=baseline.get("retention_nll"),
        retention_nll_tuned=scored.get("retention_nll"),
        retention_rise=kept.rise if (kept := retention(bench.study, manifest, f"score seed {seed}")) else None,
    )
    decide(bench, JUDGED)
    return SeedRun(read_predictions(bench.folder.predictions(JUDGED)), summary)


def retention(study: Study, manifest: Manifest, after: str = JUDGED) -> Retention | None:
    """Return the loss on general text before and after training; `None` where it was not measured.

    Args:
        study: says on which text.
        manifest: of the run.
        after: the stage that scored with the adapter.
    """
    losses = {stage: manifest.stage(stage).get("facts", {}).get("retention") or [] for stage in ("baseline", after)}
    source = "shipped" if study.data.retention is None else study.data.retention.name
    return retention_of(source, losses["baseline"], losses[after], study.verdict.confidence)


def _cases(bench: Bench, systems: Sequence[str]) -> Cases:
    path = bench.study.data.behaviour
    answers = {name: decided_answers(bench, name, BEHAVIOUR) for name in systems}
    return Cases(path.name if path else "", bench.posts(BEHAVIOUR), answers)


def _swapped(bench: Bench, systems: Sequence[str], manifest: Manifest) -> Swapped:
    folder = bench.folder
    return Swapped(
        bench.posts(SWAPS),
        {name: read_predictions(folder.predictions(name)) for name in systems},
        {name: decided_answers(bench, name, SWAPS) for name in systems},
        manifest.stage("cases")["facts"]["possible"],
    )


def _clues(bench: Bench) -> Clues:
    study, folder = bench.study, bench.folder
    curves: dict[str, dict[float, CurveAnswers]] = {}
    for share in (*SHARES, 1.0):
        size = len(part(bench, share))
        variant = folder if share == 1.0 else bench.variant(f"{CURVE}/{share}").folder
        files = {"linear": linear_curve(folder, share), JUDGED: variant.answers(JUDGED, VALIDATED)}
        for system, path in files.items():
            if _on_the_curve(study, system) and path.is_file() and (rows := read_predictions(path)):
                curves.setdefault(system, {})[share] = CurveAnswers(size, rows)
    fixed = study.scoring.threshold != AUTO and JUDGED in study.systems
    validated = fixed and folder.answers(JUDGED, VALIDATED).is_file()
    judged = JUDGED if JUDGED in study.systems else study.systems[-1]
    return Clues(
        validation=bench.posts(VALIDATION),
        scores=decided_answers(bench, JUDGED, VALIDATED) if validated else None,
        curves=curves,
        threshold=read_decision(folder.decision(judged)).threshold,
        strategy=bench.strategy_name,
        method=study.scoring.method,
    )


def decided_answers(bench: Bench, system: str, what: str) -> list[Prediction]:
    """Read a system's scores of further posts, with its calibration and threshold."""
    decision = read_decision(bench.folder.decision(system))
    return apply_decision(decision, read_predictions(bench.folder.answers(system, what)), bench.study.task.positive)


def _on_the_curve(study: Study, system: str) -> bool:
    return system in study.systems and (system == "linear" or study.training.learning_curve)

"""One study, flat: everything that `probatum run` does, in the order in which it does it, for reading.

    python examples/one_run.py demo/study.yaml one-run      (`probatum demo` writes demo/study.yaml)

What the real one adds: stages that are not repeated, several GPUs, memory planned before anything is loaded.
"""

import sys
import time
from pathlib import Path

from probatum import Study
from probatum.artifacts import write_json_atomic
from probatum.data.audit import audit
from probatum.data.gather import gather
from probatum.data.records import read_jsonl, write_posts, write_predictions
from probatum.data.reweighting import post_weights
from probatum.manifest import RunFolder, versions
from probatum.model.load import LoadedModel, load_model, load_tokenizer, with_adapter, without_adapter
from probatum.model.packing import Suffix
from probatum.prompt.render import Renderer
from probatum.prompt.strategy import load_strategy
from probatum.report.content import ReportContent
from probatum.report.context import ReportContext
from probatum.report.markdown import write_report
from probatum.report.page import write_page
from probatum.scoring.likelihood import score_likelihood
from probatum.scoring.linear import score_linear, score_majority
from probatum.training.loop import train
from probatum.training.trainer import Examples
from probatum.verdict.compare import compare
from probatum.verdict.decision import apply_decision, decide_system
from probatum.verdict.evidence import TrainingSummary, Usage, line_up

# The study says what is asked: posts, model, prompt, training, and the criteria that must hold.
study = Study.load(sys.argv[1])
folder = RunFolder(Path(sys.argv[2]).resolve())
labels = study.task.label_set()
sides = ("test", "validation") if study.scoring.needs_validation else ("test",)
scores = {side: {} for side in sides}
began = time.monotonic()


def tell(line: str) -> None:
    """Print a line with the seconds since the start."""
    print(f"{time.monotonic() - began:6.1f} s  {line}", flush=True)


# 1. Posts. They are read in any of the known forms, their labels unified; without a test file, validation is halved.
#    The audit looks for what spoils a test: overlaps, duplicates, artefacts that give the label away.
gathered = gather(study)
posts = gathered.sides
for side, rows in posts.items():
    write_posts(folder.posts(side), rows)
findings = audit(posts)
write_json_atomic(folder.audit, findings.to_json())
tell(f"{' + '.join(str(len(rows)) for rows in posts.values())} posts, {len(findings.findings)} findings")

# 2. The cheap systems. A second of CPU, and what the big model has to beat.
usage = {}
weights = post_weights(posts["train"], study.training.reweighting)
for side in sides:
    start = time.monotonic()
    scores[side]["majority"] = score_majority(posts["train"], posts[side], labels.positive)
    usage["majority"] = Usage(time.monotonic() - start)
    scores[side]["linear"] = score_linear(posts["train"], posts[side], labels.positive, weights=weights)
    usage["linear"] = Usage(time.monotonic() - start)
tell("majority and linear scored")

# 3. The prompt, in tokens. All prompts begin alike: that prefix is computed once a row, however many posts stand in it.
tokenizer = load_tokenizer(study.model)
strategy = load_strategy("baseline" if study.prompt.strategy == "auto" else study.prompt.strategy)
renderer = Renderer(tokenizer, strategy, labels, study.prompt)
tell(f"prompt {strategy.name!r}: {len(renderer.prefix_ids)} shared tokens")


# 4. The model as it is. A post's score is the likelihood of the positive label's words among those of all labels.
def score(system: str, loaded: LoadedModel) -> None:
    """Score the posts of every side with the model."""
    for side in reversed(sides):  # the test last: its seconds and tokens count
        start = time.monotonic()
        scored = score_likelihood(loaded, renderer, posts[side], study.scoring, lambda done: None)
        scores[side][system], usage[system] = scored.predictions, Usage(time.monotonic() - start, scored.num_tokens)
    tell(f"{system} scored, {len(posts['test']) / usage[system].seconds:.0f} posts/s")


model = load_model(study.model)
score("baseline", model)


# 5. Training. Each post is its text behind the shared prefix, and the one true answer, which alone is learnt. The
#    checkpoint with the lowest validation loss is kept; the test posts are not looked at.
def suffixes(side: str) -> list[Suffix]:
    """Return a file's posts as tokens, each with its true answer."""
    rendered = renderer.render_many([post.text for post in posts[side]])
    own = weights if side == "train" and weights else [1.0] * len(rendered)
    return [
        Suffix(shown.post_ids + renderer.tail_ids, [renderer.answer_ids(post.label)], weight)
        for post, shown, weight in zip(posts[side], rendered, own, strict=True)
    ]


rows = study.scoring.tokens_per_batch
examples = Examples(renderer.prefix_ids, suffixes("train"), suffixes("validation"), rows)
steps: list[int] = []
trained = train(model, examples, study.training, folder.training, lambda progress: steps.append(progress.step))
tell(f"{trained.steps} steps, validation loss {trained.start_loss:.3f} → {trained.best_loss:.3f}")

# 6. The same posts again, with the adapter.
tuned = with_adapter(model, folder.adapter)
score("tuned", tuned)
without_adapter(tuned)

# 7. From scores to labels. Validation chooses calibration and threshold, if the study asks; the test is decided once.
predictions, decisions = {}, {}
for system, scored in scores["test"].items():
    settings = {"settings": study.scoring, "positive": labels.positive, "verdict": study.verdict}
    seen = ([], []) if system == "majority" or len(sides) == 1 else (posts["validation"], scores["validation"][system])
    decisions[system] = decide_system(system, *seen, **settings)
    predictions[system] = apply_decision(decisions[system], scored, labels.positive)
    write_predictions(folder.predictions(system), predictions[system])

# 8. The verdict. Every figure with its interval, every "better" with a paired test, every criterion judged.
verdict = compare(
    posts["test"],
    predictions,
    study.verdict,
    labels.positive,
    training=TrainingSummary(
        completed=trained.completed,
        planned_steps=trained.planned_steps,
        steps=trained.steps,
        start_loss=trained.start_loss,
        best_loss=trained.best_loss,
        best_step=trained.best_step,
        final_loss=trained.final_loss,
        learning_rate=study.training.learning_rate,
        epochs=study.training.epochs,
        notes=trained.notes,
    ),
    usage=usage,
    notes=gathered.notes,
    doubts=gathered.doubts,
)
write_json_atomic(folder.verdict, verdict.to_json())

# 9. The reports, for people: one to read anywhere, one to look into.
context = ReportContext(
    study_yaml=study.to_yaml(),
    versions=versions(),
    stage_seconds={**{system: used.seconds for system, used in usage.items()}, "training": trained.seconds},
    audit=[f"{finding.severity}: {finding.message}" for finding in findings.findings],
    command=f"python examples/one_run.py {sys.argv[1]} {sys.argv[2]}",
)
write_report(study.name, verdict, posts["test"], folder.report, context)
evidence = line_up(posts["test"], predictions, labels.positive)
log = list(read_jsonl(folder.training_log))
found = findings.to_json()["findings"]
write_page(ReportContent(study.name, verdict, evidence, context, log, found, decisions, study.model.name), folder.page)
tell(verdict.sentence)
tell(f"report: {folder.page}")
sys.exit(verdict.exit_code)

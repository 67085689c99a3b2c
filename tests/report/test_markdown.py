"""report.md: what is in it, and that nothing from outside can break it."""

from dataclasses import replace

from markdown_it import MarkdownIt
from tests.report.whole_contents import make_whole_content
from tests.small_studies import balanced, make_post, make_prediction, system

from probatum.data.records import Post
from probatum.metrics.intervals import Interval
from probatum.report import further
from probatum.report.context import ReportContext
from probatum.report.figures import table, with_interval
from probatum.report.markdown import MOST_POSTS, render_report, write_report
from probatum.study import Criterion, VerdictSettings
from probatum.verdict.compare import compare
from probatum.verdict.evidence import TrainingSummary, Usage
from probatum.verdict.further_results import CriterionSpread, Spread

CRITERIA = [{"metric": "f1", "at_least": 0.62}, {"metric": "f1", "gain_over": "baseline", "at_least": 0.005}]
CONTEXT = ReportContext(
    study_yaml="name: demo\n",
    versions={"torch": "2.13.0"},
    hardware={"cpu": "2 cores"},
    stage_seconds={"score baseline": 12.34, "train": 100.0},
    cost=0.5,
    audit=["3 duplicates within train"],
    training=TrainingSummary(True, 1158, 1158, 1.2, 0.8, 800, 0.86, 3.0, 3.01),
)


def study(posts=None):
    posts = posts or balanced(400)
    predictions = {
        "majority": [make_prediction(post, "not_hate") for post in posts],
        "baseline": [make_prediction(posts[0], None), *system(posts, range(100))[1:]],
        "tuned": system(posts, range(40, 100)),
    }
    settings = VerdictSettings(criteria=[Criterion(**criterion) for criterion in CRITERIA], bootstrap_draws=300)
    usage = {"tuned": Usage(3.25, 70_000, 0.0125)}
    return compare(posts, predictions, settings, "hate", usage=usage, notes=["validation was split"]), posts


def test_facts_of_training_have_no_interval():
    assert with_interval(Interval(1.0, float("nan"), float("nan"), 0)) == "1.000"
    content = make_whole_content()
    spread = Spread([1.0, 1.0], 1.0, 1.0, 1.0, 0.0)
    fact = CriterionSpread("training is completed", spread, float("nan"), float("nan"), ["passed"], None)
    seeds = replace(content.verdict.seeds, criteria=[fact])
    told = "\n".join(further.seeds(replace(content.verdict, seeds=seeds)))
    assert "training is completed" in told and "- to -" not in told


def test_everything_is_in_the_report():
    verdict, posts = study()
    report = render_report("demo", verdict, posts, CONTEXT)
    for text in (
        "# demo: accepted",
        "Accepted: all 2 criteria passed.",
        "| **passed** | F1 of tuned is at least 0.620 |",
        "| baseline, valid only |",
        "| tuned | 0 | 0 | 0 | 3.2 | 70,000 | 0.0125 |",
        "| baseline | 150 | 50 | 50 | 150 | 1 |",
        "FPR baseline → tuned",
        "| system | demographic-parity difference | equalised-odds difference |",
        "| ECE (by chance below) |",
        "| MCC |",
        "| tuned − baseline |",
        "### Fixed: 40",
        "- and 20 more",
        "### Broken: 0",
        "- validation was split",
        "- 3 duplicates within train",
        "| steps | 1,158 of 1,158 |",
        "| score baseline | 12.3 |",
        "| together | 112.3 |",
        "| cost of the whole run | 0.50 |",
        "| torch | 2.13.0 |",
        "```yaml\nname: demo\n```",
        "probatum run study.yaml",
    ):
        assert text in report
    assert report.count("- **p") == MOST_POSTS
    assert "majority → tuned" not in report


def test_the_report_is_written_and_repeats(tmp_path):
    verdict, posts = study()
    for name in ("one.md", "two.md"):
        write_report("demo", verdict, posts, tmp_path / name, CONTEXT)
    assert (tmp_path / "one.md").read_bytes() == (tmp_path / "two.md").read_bytes()


def test_it_needs_no_context(tmp_path):
    verdict, posts = study()
    write_report("demo", verdict, posts, tmp_path / "report.md")
    report = (tmp_path / "report.md").read_text(encoding="utf-8")
    for text in ("## Training", "## Audit", "None"):
        assert text not in report


def test_hostile_posts_labels_and_names_break_nothing():
    nasty = "<script>x</script> | `a`\n\n# h ![i](http://e) \x1b[31m\u202e www.e.com @me"
    posts = [
        Post(f"{nasty}{at}", nasty, "hate" if at % 2 else "not_hate", nasty, nasty, {"k|": at % 3, "<b>": at % 2})
        for at in range(200)
    ]
    verdict, _ = study(posts)
    context = ReportContext(f"{nasty}\n```\n", {nasty: nasty}, {nasty: nasty}, {nasty: 1.0}, audit=[nasty])
    report = render_report(nasty, verdict, posts, context)
    tokens = MarkdownIt("commonmark", {"html": True}).enable("table").parse(report)
    inline = {child.type for token in tokens for child in token.children or []}
    assert inline <= {"text", "text_special", "strong_open", "strong_close", "em_open", "em_close"}
    assert "html_block" not in {token.type for token in tokens}
    assert sum(token.tag == "h1" for token in tokens) == 2  # one heading opens and closes
    prose = "".join(part for at, part in enumerate(report.split("````")) if at % 2 == 0)
    assert not {"<", "\x1b", "\u202e", "`"} & set(prose.replace("```sh", "").replace("```", ""))


def test_every_row_of_every_table_has_as_many_cells_as_its_header():
    posts = [make_post(at, "hate" if at % 2 else "not_hate", "a|b", "c|d") for at in range(60)]
    verdict, _ = study(posts)
    for block in render_report("demo", verdict, posts, CONTEXT).split("\n\n"):
        lines = block.splitlines()
        if lines and lines[0].startswith("|"):
            assert len({line.count("|") for line in lines}) == 1, lines[0]


def test_undefined_figures_say_why():
    assert with_interval(Interval.undefined("there are no negative posts")) == "– (there are no negative posts)"
    assert with_interval(Interval(0.025, -0.01, 0.06, 9), sign=True) == "+0.025 (-0.010 to +0.060)"


def test_a_table_without_rows_is_left_out():
    assert table(("a", "b"), []) == ""


def test_texts_that_are_not_at_hand():
    verdict, _ = study()
    assert "text not at hand" in render_report("demo", verdict, [], CONTEXT)

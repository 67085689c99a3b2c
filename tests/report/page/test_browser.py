"""report.html as its readers meet it: opened from disk, by hand and by keyboard, in every light and width."""

import re
from dataclasses import replace

import numpy as np
import pytest
from tests.report.contents import FINDING, make_content, make_posts
from tests.report.whole_contents import make_whole_content
from tests.small_studies import make_post, make_prediction

from probatum.data.records import Post
from probatum.metrics.intervals import wilson
from probatum.report.page import write_page

HOSTILE = [
    "<script>document.title='owned'</script><img src=x onerror=alert(1)>",
    "</script><script>alert(1)</script><!-- <script>",
    "\u202eright to left override, \u2067isolate, שלום and مرحبا",
    "line\u2028separator\u2029and\x00\x1b[31m control, a lone \ud800 surrogate",
    "x" * 9_990 + "\U0001f600" * 10,
    "Z" + "\u0335\u0336\u0337" * 300,
    "\n" * 400 + "far below",
]


def number(page, selector):
    return int(page.locator(selector).inner_text().replace(",", ""))


def until(page, condition, old=None):
    """Wait for a condition; Playwright's own waiting evaluates strings, which the page's policy forbids."""
    for _ in range(200):
        if page.evaluate(f"old => {condition}", old):
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"never came: {condition}")


def tally(page, kind):
    return number(page, f"#posts-kinds [data-show={kind}] .tally")


def filter_by(page, column):
    return page.locator(f"#posts label:has(bdi:text-is('{column}')) select")


def count(page):
    return int(page.locator("#posts-count").inner_text().split()[0].replace(",", ""))


SECTIONS = [
    "Verdict", "Criteria", "Diagnosis", "Systems side by side", "By group", "Threshold", "Ranking", "Reliability",
    "Scores by label", "Training", "Seeds", "Noise floor", "Retention", "Where the errors are", "Functional tests",
    "Identity swaps", "Posts", "Audit of the posts", "What ran", "Run it again",
]  # fmt: skip


def test_a_whole_run_has_every_section_and_every_figure_is_drawn(visit, tmp_path):
    path = tmp_path / "report.html"
    write_page(make_whole_content(), path)
    page = visit(path)
    titles = page.locator("main h2").all_inner_texts()
    assert [title for title in titles if title != "Where the errors are"] == [
        title for title in SECTIONS if title != "Where the errors are"
    ]
    empty = "[...document.querySelectorAll('[role=img]')].filter(e => !e.querySelector('svg path, svg line')).length"
    assert page.locator("[role=img]").count() > 20
    assert page.evaluate(empty) == 0
    assert page.locator("nav a").count() == len(titles)
    assert page.locator("#threshold-value").inner_text() == "0.400"
    assert "lgbtq" in page.locator("#threshold-rates svg").text_content()


def test_the_slider_redraws_confusion_matrix_and_group_rates(visit, report):
    page, content = visit(report), make_content()
    tuned, linear = (content.verdict.systems[name].confusion for name in ("tuned", "linear"))
    assert number(page, "#threshold-tp") == tuned.tp
    assert number(page, "#threshold-fp") == tuned.fp
    before = page.locator("#threshold-rates svg").inner_html()
    truth, scores = content.truth, content.scores("tuned")
    steps = np.unique(scores)
    page.locator("#threshold-slider").fill("100")
    assert number(page, "#threshold-tp") == (truth & (scores >= steps[100])).sum()
    assert number(page, "#threshold-tn") == (~truth & (scores < steps[100])).sum()
    until(page, "document.querySelector('#threshold-rates svg').innerHTML !== old", before)
    page.locator("#threshold-slider").press("ArrowRight")
    assert float(page.locator("#threshold-value").inner_text()) == pytest.approx(steps[101], abs=5e-4)
    flagged = (scores >= steps[101]).sum()
    assert number(page, "#threshold-tp") + number(page, "#threshold-fp") == flagged < (scores >= steps[100]).sum()
    page.locator("#threshold-slider").press("End")
    assert page.locator("#threshold-value").inner_text() == f"above {steps[-1]:.3f}"
    assert number(page, "#threshold-tp") + number(page, "#threshold-fp") == 0
    page.select_option("#threshold-system", "linear")
    assert number(page, "#threshold-tp") == linear.tp
    assert float(page.locator("#threshold-value").inner_text()) == 0.5


def test_steps_of_the_slider_lie_where_the_scores_do(visit, tmp_path):
    """Scores in a narrow band, as calibration with a high temperature makes them: each key press changes something."""
    posts = make_posts(40)
    systems = {
        name: [
            make_prediction(post, "hate" if at % 2 else "not_hate", 0.5 + (at - 20) / 1e5)
            for at, post in enumerate(posts)
        ]
        for name in ("baseline", "tuned")
    }
    path = tmp_path / "report.html"
    write_page(make_content(posts, systems, criteria=[{"metric": "f1", "at_least": 0.1}]), path)
    page = visit(path)
    seen = set()
    for _ in range(10):
        page.locator("#threshold-slider").press("ArrowRight")
        flagged = number(page, "#threshold-tp") + number(page, "#threshold-fp")
        seen.add((flagged, page.locator("#threshold-value").inner_text()))
    assert len({flagged for flagged, _ in seen}) == len({shown for _, shown in seen}) == 10


def test_a_tie_is_rounded_as_the_tables_round_it(visit, tmp_path):
    """1 of 16 is 0.0625 exactly: 0.062 by Python."""
    posts = [make_post(at, "hate" if at < 4 else "not_hate", "lgbtq") for at in range(20)]
    calls = [
        make_prediction(post, "hate" if at < 5 else "not_hate", 0.9 - at / 10) for at, post in enumerate(posts[:9])
    ]
    calls += [make_prediction(post, "not_hate", 0.01) for post in posts[9:]]
    path = tmp_path / "report.html"
    write_page(make_content(posts, {"baseline": calls, "tuned": calls}), path)
    page = visit(path)
    assert f"{1 / 16:.3f}" == "0.062"
    assert page.locator("#threshold-fpr").inner_text() == "0.062"


def test_what_hides_every_match_is_named_and_one_click_shows_them(visit, report):
    page, content = visit(report), make_content()
    change = next(one for one in content.verdict.comparisons if one.other == "baseline")
    hidden = next(post for post in content.evidence.posts if post.id not in change.fixed)
    page.fill("#posts-search", hidden.id)
    until(page, "document.querySelector('#posts-count').innerText.startsWith('No post')")
    matches = sum(hidden.id in f"{post.text}\n{post.id}".lower() for post in content.evidence.posts)
    assert "under “Fixed”" in page.locator("#posts-count").inner_text()
    page.click("#posts-ways button")
    assert count(page) == matches
    assert page.locator("#posts-ways button").count() == 0
    page.fill("#posts-search", "nothing says this")
    until(page, "document.querySelector('#posts-count').innerText.includes('the filters together')")
    page.click("#posts-ways button")
    assert count(page) == len(content.evidence.posts)
    assert page.locator("#posts-search").input_value() == ""


def test_intervals_of_the_slider_are_those_of_the_verdict(visit, report):
    page, content = visit(report), make_content()
    group = next(row.row for row in content.verdict.groups if row.system == "tuned" and row.row.value == "lgbtq")
    page.locator("#threshold-rates").scroll_into_view_if_needed()
    # The second place of the figure is the largest group; its tooltip shows what the figure was drawn from.
    page.locator("#threshold-rates .mark-symbol.layer_1_marks path, #threshold-rates .mark-symbol path").nth(2).hover()
    told = page.locator("#tooltip").inner_text()
    low, high = wilson(round(group.fpr.value * group.negatives), group.negatives, 0.95)
    assert "lgbtq" in told
    for value in (group.fpr.value, low, high):
        assert f"{value:.3f}" in told


def test_filters_search_and_sort_agree_with_the_verdict(visit, report):
    page, content = visit(report), make_content()
    change = next(one for one in content.verdict.comparisons if one.other == "baseline")
    assert tally(page, "fixed") == count(page) == len(change.fixed)
    assert tally(page, "broken") == len(change.broken)
    assert tally(page, "all") == 300
    page.click("#posts-kinds [data-show=all]")
    for label, wanted in (("group", "mexican"), ("source", "toxigen"), ("label", "hate"), ("style", "t2")):
        filter_by(page, label).select_option(wanted)
    posts = [p for p in content.evidence.posts if (p.group, p.source, p.label) == ("mexican", "toxigen", "hate")]
    expected = [post.id for post in posts if post.extra["style"] == "t2"]
    assert page.locator("#posts-list code").all_inner_texts() == expected
    page.click("#posts-reset")
    page.click("#posts-kinds [data-show=all]")
    page.fill("#posts-low", "0.4")
    page.fill("#posts-high", "0.6")
    scores = content.scores("tuned")
    between = ((scores >= 0.4) & (scores <= 0.6)).sum()
    until(
        page,
        f"document.querySelector('#posts-count').textContent.startsWith('{between} ')",
    )
    page.select_option("#posts-sort", "score-down")
    shown = [float(text.split()[-1]) for text in page.locator(".call:last-child").all_inner_texts()]
    assert shown == sorted(shown, reverse=True)
    assert max(shown) <= 0.6
    page.click("#posts-reset")
    page.click("#posts-kinds [data-show=all]")
    page.fill("#posts-search", "TEXT 17")
    until(page, "document.querySelector('#posts-count').textContent.startsWith('13 ')")  # 17, 117, 217 and 170 to 179
    page.fill("#posts-search", "no post says this")
    until(page, "document.querySelector('#posts-count').textContent.startsWith('No post')")


def test_unparsed_answers_are_found(visit, report):
    page = visit(report)
    page.locator("#posts-system").select_option("baseline")
    page.click("#posts-kinds [data-show=unparsed]")
    assert page.locator("#posts-list code").all_inner_texts() == ["p0"]
    assert "unparsed" in page.locator("#posts-list .facts").inner_text()


def test_a_permalink_brings_everything_back(visit, report):
    page = visit(report)
    page.click("#posts-kinds [data-show=all]")
    filter_by(page, "group").select_option("lgbtq")
    page.fill("#posts-search", "text 1")
    until(page, "location.hash.includes('q=')")
    page.select_option("#posts-sort", "score-up")
    page.click("#posts-next")
    listed = page.locator("#posts-list code").all_inner_texts()
    again = visit(report, page.evaluate("location.hash"))
    assert again.locator("#posts-list code").all_inner_texts() == listed
    assert again.locator("#posts-page").inner_text() == page.locator("#posts-page").inner_text()
    assert again.locator("#posts-search").input_value() == "text 1"


def test_a_link_to_a_post_leads_to_it_wherever_it_stands(visit, report):
    page = visit(report, "#post=p222")
    assert page.evaluate("document.activeElement.querySelector('code').textContent") == "p222"
    assert page.locator(".linked .text.blurred").count() == 1


def test_an_address_that_means_nothing_shows_what_there_is(visit, report):
    page = visit(report, "#system=nobody&group=nowhere&page=99999&sort=constructor&__proto__=1&show=toString&low=x")
    assert count(page) == tally(page, "fixed")
    assert page.locator("#posts-list > li").count() > 0


def test_texts_are_blurred_until_asked_for(visit, report):
    page = visit(report)
    first = page.locator("#posts-list > li").first
    text = first.locator(".text")
    assert page.locator("#posts-list .text:not(.blurred)").count() == 0
    assert "blur" in text.evaluate("e => getComputedStyle(e).filter")
    assert text.get_attribute("aria-hidden") == "true"
    text.click()
    assert text.evaluate("e => getComputedStyle(e).filter") == "none"
    assert text.get_attribute("aria-hidden") == "false"
    assert page.locator("#posts-list .text:not(.blurred)").count() == 1
    page.click("#posts-reveal")
    assert page.locator("#posts-list .text.blurred").count() == 0


def test_an_example_of_the_audit_leads_to_its_post_if_it_is_a_test_post(visit, tmp_path):
    path, content = tmp_path / "report.html", make_content()
    train = FINDING | {"files": ["train"], "kind": "repeat"}  # its ids may be those of other posts
    write_page(replace(content, findings=[FINDING | {"files": ["test", "train"]}, train]), path)
    page = visit(path)
    assert page.locator("#audit a").all_inner_texts() == ["p1", "p2"]
    page.locator("#audit a").nth(1).click()
    until(page, "document.activeElement.querySelector('code')?.textContent === 'p2'")


def test_the_slices_lead_to_their_errors(visit, tmp_path):
    path, posts = tmp_path / "report.html", make_posts(300)
    right = make_content(posts).evidence.answers["tuned"].correct
    hard = ["no" if ok and at % 15 else "a & b" for at, ok in enumerate(right)]
    posts = [Post(p.id, p.text, p.label, p.group, p.source, {"hard": h}) for p, h in zip(posts, hard, strict=True)]
    write_page(make_content(posts), path)
    page = visit(path)
    row = page.locator("#slices tbody tr", has_text="hard=a & b").first
    errors = int(row.locator("td").nth(1).inner_text())
    row.locator("a").click()
    until(page, f"document.querySelector('#posts-count').textContent === '{errors} posts'")


def test_ids_are_copied(visit, report):
    page = visit(report, permissions=["clipboard-read", "clipboard-write"])
    page.click("#posts-kinds [data-show=broken]")
    page.click("#posts-copy")
    until(page, "document.querySelector('#announcer').textContent.includes('copied')")
    content = make_content()
    change = next(one for one in content.verdict.comparisons if one.other == "baseline")
    assert page.evaluate("navigator.clipboard.readText()").split() == change.broken


def test_everything_goes_by_keyboard(visit, report):
    page = visit(report)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.locator("#posts-list > li").first.focus()
    here = "document.activeElement.querySelector('code')?.textContent"
    ids = page.locator("#posts-list code").all_inner_texts()
    page.keyboard.press("j")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("k")
    assert page.evaluate(here) == ids[1]
    page.keyboard.press("Enter")
    assert page.locator("#posts-list .text:not(.blurred)").count() == 1
    page.keyboard.press(" ")
    assert page.locator("#posts-list .text:not(.blurred)").count() == 0
    page.keyboard.press("n")
    assert page.locator("#posts-page").inner_text().startswith("page 2 ")
    assert page.evaluate(here) not in ids
    page.keyboard.press("/")
    page.keyboard.type("text 1")
    until(page, "location.hash.includes('q=text')")


def test_light_and_dark(visit, report):
    ground = "getComputedStyle(document.body).backgroundColor"
    dot = "getComputedStyle(document.querySelector('#plot-roc .mark-symbol path')).fill"
    light, dark = visit(report, color_scheme="light"), visit(report, color_scheme="dark")
    assert light.evaluate(ground) == "rgb(255, 255, 255)"
    assert dark.evaluate(ground) == "rgb(21, 23, 28)"
    assert light.evaluate(dot) != dark.evaluate(dot)
    light.click("[data-theme-choice=dark]")
    assert light.evaluate(ground) == dark.evaluate(ground)
    assert light.evaluate(dot) == dark.evaluate(dot)


@pytest.mark.parametrize("width", [400, 768, 1280])
def test_nothing_scrolls_sideways(visit, report, width):
    page = visit(report, viewport={"width": width, "height": 800})
    page.click("#posts-reveal")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    outside = (
        "[...document.querySelectorAll('main svg')].filter(e => e.getBoundingClientRect().right > innerWidth).length"
    )
    assert page.evaluate(outside) == 0


@pytest.mark.parametrize("width", [400, 1280])
def test_a_column_of_long_names_fits_and_free_text_is_no_filter(visit, tmp_path, width):
    posts = [
        Post(p.id, p.text, p.label, p.group, p.source, {"c" * 50: f"{at % 3} " * 30, "rationale": f"{at % 2} " * 31})
        for at, p in enumerate(make_posts(60))
    ]
    path = tmp_path / "report.html"
    write_page(make_content(posts), path)
    page = visit(path, viewport={"width": width, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert filter_by(page, "c" * 37 + "...").locator("option").count() == 4
    assert page.locator("#posts .controls").get_by_text("rationale").count() == 0


def test_it_prints_every_figure_in_light_colours_without_controls(visit, report):
    page = visit(report, color_scheme="dark")
    page.emulate_media(media="print")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    for hidden in ("nav", "#posts-search", "#threshold-slider", ".themes"):
        assert not page.locator(hidden).is_visible()
    assert page.locator("#plot-roc svg").is_visible()
    assert page.locator("#posts-list .text.blurred").count() > 0
    assert not page.locator("#posts-list .text.blurred").first.is_visible()
    assert len(page.pdf(format="A4")) > 20_000


def test_hostile_posts_change_nothing(visit, tmp_path):
    posts = make_posts(120)
    for at, text in enumerate(HOSTILE):
        posts[at] = Post(f"p{at}\"'<b>", text, posts[at].label, text[:60], "</option>" + text[:20], {"<i>k": text[:9]})
    path = tmp_path / "report.html"
    write_page(make_content(posts, name="</title><script>alert(1)</script>"), path)
    page = visit(path, "#show=all")
    page.click("#posts-reveal")
    assert page.locator("script").count() == 5  # three of data, the library and the page's own
    assert page.locator("main img, main b:has(script), #posts-list .text *, option *, bdi *").count() == 0
    texts = page.locator("#posts-list .text").all_inner_texts()
    assert texts[0] == HOSTILE[0]
    assert texts[1] == HOSTILE[1]
    assert "right to left override" in texts[2]
    order = "getComputedStyle(document.querySelectorAll('#posts-list .text')[2]).unicodeBidi"
    assert page.evaluate(order) == "isolate"
    ids = page.locator("#posts-list code bdi").all_inner_texts()
    assert ids[0] == "p0\"'<b>"
    values = page.evaluate("[...document.querySelectorAll('#posts-filter-1 option')].map(e => e.value)")
    assert HOSTILE[0][:60] in values
    heights = page.locator("#posts-list > li").evaluate_all("items => items.map(e => e.offsetHeight)")
    assert max(heights) < 600
    assert "owned" not in page.title()


def test_a_long_post_is_clipped_and_shown_whole_on_demand(visit, tmp_path):
    posts = make_posts(60)
    posts[0] = Post("long", "x" * 999 + "\U0001f600" * 9_001, posts[0].label, "lgbtq", "toxigen")
    path = tmp_path / "report.html"
    write_page(make_content(posts), path)
    page = visit(path, "#show=all&post=long", viewport={"width": 400, "height": 800})
    item = page.locator("#posts-list > li").first
    item.locator(".toggle").click()
    assert item.locator(".text").inner_text() == "x" * 999 + "…"  # not half of an emoji
    item.locator(".more").click()
    assert item.locator(".text").inner_text() == posts[0].text
    assert page.evaluate("document.documentElement.scrollWidth") <= 400


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 400])
def test_axe_finds_no_serious_fault(visit, report, scheme, width):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="pip install 'probatum[dev]'")
    page = visit(report, color_scheme=scheme, viewport={"width": width, "height": 900})
    page.locator("#posts-list .text").first.click()
    page.evaluate("document.querySelectorAll('details').forEach(e => { e.open = true; })")
    found = axe.Axe().run(page).response["violations"]
    grave = {
        (fault["id"], node["html"][:120])
        for fault in found
        if fault["impact"] in ("serious", "critical")
        for node in fault["nodes"]
    }
    assert not grave


def test_the_page_is_read_without_script(visit, report):
    page = visit(report, drawn=False, java_script_enabled=False)
    text = page.locator("main").inner_text()
    for words in ("F1 of tuned is at least 0.620", "Systems side by side", "probatum run demo/study.yaml"):
        assert words in text
    assert re.search(r"tuned − baseline", text)

"""The error browser: every post that a reader may want to see, blurred until asked for."""

from __future__ import annotations

from markupsafe import Markup

from probatum.report.content import ReportContent
from probatum.report.page.html import joined, outside, tag
from probatum.report.page.post_data import filter_columns
from probatum.report.page.section import Section

KINDS = {
    "fixed": "Fixed",
    "broken": "Broken",
    "wrong": "Still wrong",
    "errors": "All wrong now",
    "unparsed": "Unparsed",
    "right": "Right both times",
    "all": "All",
}
SORTS = {
    "order": "as in the file",
    "score-down": "score, high first",
    "score-up": "score, low first",
    "change": "change of score",
    "near": "nearest to the threshold",
    "long": "longest first",
}
HELP = (
    "Texts are blurred until you ask for them. Keys: j and k go from post to post, Enter or Space shows or blurs, "
    "c copies the id, / searches, n and p turn pages."
)


def section(content: ReportContent) -> Section:
    """Return the browser; its posts are the page's data."""
    html = joined(
        [
            tag("p", HELP, id="posts-help"),
            _kinds(),
            _filters(content),
            tag("p", id="posts-count", role="status", class_="count"),
            tag("div", id="posts-ways", class_="controls"),
            tag("ol", id="posts-list", class_="posts", aria_describedby="posts-help"),
            _pages(),
        ]
    )
    change = content.change
    data = {
        "system": content.judged,
        "other": change.other if change else content.judged,
        "filters": filter_columns(content),
        "thresholds": {name: content.threshold(name) for name in content.systems},
    }
    return Section("posts", "Posts", html, data=data)


def _kinds() -> Markup:
    buttons = (
        tag(
            "button", title, " ", tag("span", class_="tally"),
            type="button", data_show=kind, aria_pressed="true" if kind == "fixed" else "false",
        )
        for kind, title in KINDS.items()
    )  # fmt: skip
    return tag("div", *buttons, class_="kinds", id="posts-kinds", role="group", aria_label="which posts")


def _filters(content: ReportContent) -> Markup:
    """Return the controls; the page's script fills the lists from the data, so that no name is ever markup."""
    lists = [
        tag("label", title, " ", tag("select", id=f"posts-{name}"))
        for name, title in (("system", "system"), ("other", "against"))
    ]
    lists += [
        tag("label", outside(name, 40), " ", tag("select", id=f"posts-filter-{at}"))
        for at, name in enumerate(filter_columns(content))
    ]
    scores = (
        tag(
            "label", f"score {word} ",
            tag("input", type="number", id=f"posts-{name}", min="0", max="1", step="0.05", placeholder=empty),
        )
        for name, word, empty in (("low", "from", "0"), ("high", "to", "1"))
    )  # fmt: skip
    search = tag("label", "search ", tag("input", type="search", id="posts-search", placeholder="text or id"))
    sort = tag(
        "label", "sort ",
        tag("select", *(tag("option", title, value=kind) for kind, title in SORTS.items()), id="posts-sort"),
    )  # fmt: skip
    buttons = [
        tag("button", "show all texts", type="button", id="posts-reveal", aria_pressed="false"),
        tag("button", "copy ids", type="button", id="posts-copy"),
        tag("button", "copy link", type="button", id="posts-link"),
        tag("button", "reset", type="button", id="posts-reset"),
    ]
    return tag("div", *lists, *scores, search, sort, *buttons, class_="controls")


def _pages() -> Markup:
    return tag(
        "div",
        tag("button", "previous", type="button", id="posts-previous"),
        tag("span", id="posts-page"),
        tag("button", "next", type="button", id="posts-next"),
        class_="pages",
    )

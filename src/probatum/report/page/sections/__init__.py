"""The parts of the page from top to bottom: each module's `section` gives one, or `None` where its data is not there."""

from collections.abc import Callable

from probatum.report.content import ReportContent
from probatum.report.page.section import Section
from probatum.report.page.sections import (
    again,
    audit,
    criteria,
    curves,
    groups,
    posts,
    slices,
    systems,
    threshold,
    training,
    verdict,
    what_ran,
)

SECTIONS: tuple[Callable[[ReportContent], Section | None], ...] = (
    verdict.section,
    criteria.section,
    systems.section,
    groups.section,
    threshold.section,
    curves.ranking,
    curves.reliability,
    curves.scores,
    training.section,
    slices.section,
    posts.section,
    audit.section,
    what_ran.section,
    again.section,
)

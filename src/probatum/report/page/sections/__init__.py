"""The parts of the page from top to bottom; one whose data is not there is `None`."""

from collections.abc import Callable

from probatum.report.content import ReportContent
from probatum.report.page.section import Section
from probatum.report.page.sections import (
    again,
    audit,
    criteria,
    curves,
    diagnosis,
    further,
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
    diagnosis.section,
    systems.section,
    groups.section,
    threshold.section,
    curves.ranking,
    curves.reliability,
    curves.scores,
    training.section,
    further.seeds,
    further.noise,
    further.retention,
    slices.section,
    further.behaviour,
    further.swaps,
    posts.section,
    audit.section,
    what_ran.section,
    again.section,
)

"""`report.html`: the whole verdict in one file that opens from disk and asks nothing of any network."""

from probatum.report.page.document import render_page, write_page

__all__ = ["render_page", "write_page"]

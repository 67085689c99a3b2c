"""A browser without a network, and pages to open in it."""

import shutil

import pytest
from tests.report.contents import make_content

from probatum.report.page import write_page

PLAYWRIGHT_MISSING = "the page is tested in a browser: pip install 'probatum[dev]'"
CHROMIUM_MISSING = "the page is tested in Chromium, which is not here: apt-get install chromium"


@pytest.fixture(scope="session")
def chromium():
    """Debian's Chromium, driven by Playwright; tests that need it are skipped where it is absent."""
    sync_api = pytest.importorskip("playwright.sync_api", reason=PLAYWRIGHT_MISSING)
    path = shutil.which("chromium")
    if path is None:
        pytest.skip(CHROMIUM_MISSING)
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def report(tmp_path_factory):
    """The page of a small study."""
    path = tmp_path_factory.mktemp("page") / "report.html"
    write_page(make_content(), path)
    return path


@pytest.fixture
def visit(chromium):
    """Open a page from disk with the network cut; at the end nothing may have been asked for, refused or thrown."""
    contexts, requests, complaints = [], [], []

    def opened(path, address="", drawn=True, **options):
        context = chromium.new_context(**{"viewport": {"width": 1280, "height": 900}, "offline": True} | options)
        contexts.append(context)
        page = context.new_page()
        page.on("request", lambda request: requests.append(request.url))
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("dialog", lambda dialog: (complaints.append(f"dialog: {dialog.message}"), dialog.dismiss()))
        page.goto(f"{path.as_uri()}{address}")
        if drawn:
            page.wait_for_selector("html[data-drawn=all]", state="attached")
        return page

    yield opened
    for context in contexts:
        context.close()
    assert not complaints
    assert all(url.startswith("file:") for url in requests)
    assert len(requests) == len(contexts)  # the page itself and nothing else

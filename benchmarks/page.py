"""How large report.html is, and how soon a browser shows it: `python -m benchmarks.page`.

Needs Chromium and the development tools. Writes benchmarks/results/page.json.
"""

from __future__ import annotations

import json
import shutil
import statistics
import tempfile
import time
from pathlib import Path

from tests.report.contents import make_content, make_posts, scored

from probatum.data.records import Post
from probatum.report.content import ReportContent
from probatum.report.page import write_page

RESULTS = Path(__file__).parent / "results" / "page.json"
SIZES = (1_009, 10_000)
OPENINGS = 5
WORDS = [f"word{at:02d}" for at in range(16)]


def content_of(num_posts: int) -> ReportContent:
    posts = [
        Post(p.id, " ".join(WORDS[(at * 7 + k) % 16] for k in range(22)), p.label, p.group, p.source, p.extra)
        for at, p in enumerate(make_posts(num_posts))
    ]
    spreads = {"linear": 0.2, "baseline": 0.5, "tuned": 0.12}
    return make_content(posts, {name: scored(posts, spread) for name, spread in spreads.items()})


def measure(path: Path) -> dict[str, float]:
    from playwright.sync_api import sync_playwright

    loads, works, draws, searches = [], [], [], []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        for _ in range(OPENINGS):
            page = browser.new_context(offline=True, viewport={"width": 1280, "height": 900}).new_page()
            devtools = page.context.new_cdp_session(page)
            devtools.send("Performance.enable", {"timeDomain": "threadTicks"})  # the thread's own time, however busy
            start = time.perf_counter()
            page.goto(path.as_uri())
            loads.append(time.perf_counter() - start)
            found = {one["name"]: one["value"] for one in devtools.send("Performance.getMetrics")["metrics"]}
            works.append(found["TaskDuration"])
            page.wait_for_selector("html[data-drawn=all]", state="attached")
            draws.append(time.perf_counter() - start)
            took = """async () => {
                const box = document.querySelector('#posts-search'), count = document.querySelector('#posts-count');
                const before = performance.now(), old = count.textContent;
                box.value = 'p77'; box.dispatchEvent(new Event('input', {bubbles: true}));
                while (count.textContent === old) await new Promise(requestAnimationFrame);
                return performance.now() - before;
            }"""
            searches.append(page.evaluate(took) / 1000)
            page.context.close()
        browser.close()
    medians = {"load_s": loads, "load_thread_s": works, "every_figure_s": draws, "search_s": searches}
    return {name: round(statistics.median(times), 3) for name, times in medians.items()}


def main() -> None:
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        for size in SIZES:
            path = Path(folder) / f"{size}.html"
            content = content_of(size)
            start = time.perf_counter()
            write_page(content, path)
            written = {"write_s": round(time.perf_counter() - start, 3), "megabytes": path.stat().st_size / 1e6}
            found[str(size)] = written | measure(path)
            print(size, found[str(size)])
    RESULTS.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

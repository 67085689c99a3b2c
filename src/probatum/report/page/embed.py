"""What stands inside the page's script and style elements, and the policy that allows nothing else."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterable
from functools import cache
from importlib.metadata import version
from importlib.resources import files
from typing import Any

from markupsafe import Markup

from probatum.report.page.kept import kept
from probatum.verdict.results import encode

# What could end a script element or begin a comment in one, what old readers take for line ends, and lone surrogates,
# which no file can hold.
UNSAFE_IN_SCRIPT = re.compile("[<>&\u2028\u2029\ud800-\udfff]")
WANTED = "window.vegaEmbed = vegaEmbed;"  # the bundle holds what this uses
SCRIPTS = ("page.js", "charts.js", "threshold.js", "posts.js", "start.js")


def json_for_script(value: Any) -> Markup:
    """Return a value as JSON that is safe inside a script element: parsed, it is the value again; NaN is null."""
    written = json.dumps(encode(value), ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return Markup(UNSAFE_IN_SCRIPT.sub(lambda match: f"\\u{ord(match[0]):04x}", written))


def policy(scripts: Iterable[str], styles: Iterable[str]) -> str:
    """Return a content security policy under which these scripts and styles run and nothing is ever fetched."""
    return (
        f"default-src 'none'; script-src {' '.join(map(_hash, scripts))}; style-src {' '.join(map(_hash, styles))}; "
        "base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def static(name: str) -> str:
    """Return one of the page's own files."""
    return files("probatum.report.page").joinpath("static", name).read_text(encoding="utf-8")


def page_script() -> str:
    """Return the page's own script: its files one after the other, in a scope of their own."""
    return "\n".join(["(() => {", '"use strict";', *(static(name) for name in SCRIPTS), "})();"])


@cache
def chart_library() -> str:
    """Return Vega, Vega-Lite and Vega-Embed as one script, about 900 kB, from the copy inside `vl_convert`.

    Bundling takes two seconds of a core, so the script is kept for the next process.
    """
    made_of = f"{version('vl-convert-python')} {WANTED}"
    bundle = kept(f"charts-{hashlib.sha256(made_of.encode()).hexdigest()[:16]}.js", _bundle)
    # A script element ends at these characters wherever they stand; inside a string of JavaScript \/ is /.
    return bundle.replace("</script", "<\\/script").replace("<!--", "<\\!--")


def _bundle() -> str:
    import vl_convert

    bundle: str = vl_convert.javascript_bundle(WANTED)
    return bundle

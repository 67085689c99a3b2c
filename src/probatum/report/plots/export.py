"""The figures as PNG and SVG files for papers, in the light colours."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from probatum.artifacts import write_bytes_atomic
from probatum.report.plots.plot import COLOURS, SCHEMA, Plot, Spec, config

Format = Literal["png", "svg"]
WIDTH = 440
PIXELS_PER_INCH = 288  # four pixels for each of the figure's own


def write_plots(plots: Sequence[Plot], folder: Path, form: Format) -> list[Path]:
    """Write each figure to `NAME.png` or `NAME.svg`; no network is asked.

    Args:
        plots: the figures.
        folder: where to; it is made if need be.
        form: of the files.
    """
    written = []
    for plot in plots:
        path = folder / f"{plot.name}.{form}"
        write_bytes_atomic(path, drawn(plot, form))
        written.append(path)
    return written


def drawn(plot: Plot, form: Format) -> bytes:
    """Return a figure as the bytes of a file."""
    import vl_convert

    spec = for_paper(plot)
    if form == "svg":
        return vl_convert.vegalite_to_svg(spec, allowed_base_urls=[]).encode()
    return vl_convert.vegalite_to_png(spec, ppi=PIXELS_PER_INCH, scale=1, allowed_base_urls=[])


def for_paper(plot: Plot) -> Spec:
    """Return a figure that stands alone: a fixed width, a title, white ground and the light colours."""
    spec: Spec = {"$schema": SCHEMA, "title": plot.title, "description": plot.description} | plot.spec
    if spec.get("width") == "container":
        spec["width"] = WIDTH
    written = json.dumps(spec | {"config": config() | {"background": "white", "padding": 12}})
    for name, (light, _) in COLOURS.items():
        written = written.replace(f"var(--{name})", light)
    ready: Spec = json.loads(written)
    return ready

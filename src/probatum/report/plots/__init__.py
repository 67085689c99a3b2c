"""The figures of a report as Vega-Lite specifications: the page draws them, `probatum plot` writes them for papers."""

"""A page to share: words, tables and figures in one HTML file that needs nothing else.

plotly's own script is in the file, and the page forbids its browser every request, so that it looks
the same without a network, in ten years, or on a machine that trusts nobody. Each figure has its
words beneath it; without a script the words stay.
"""

from __future__ import annotations

import json
from collections.abc import Iterable

import plotly.graph_objects as go
from plotly.offline import get_plotlyjs

from meshlab.figures.style import CONFIG, plain, summary_of
from meshlab.literal import literal

ALLOWED = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; "
    "img-src data: blob:; base-uri 'none'; form-action 'none'"
)
"""The page's content security policy: what is in the file, and nothing from anywhere."""

STYLE = """\
body { font: 16px/1.5 Arial, Helvetica, sans-serif; color: #222;
  max-width: 1240px; margin: 2em auto; padding: 0 1em; }
h1, h2 { line-height: 1.2; }
table { border-collapse: collapse; font-size: 14px; }
th, td { text-align: left; vertical-align: top; padding: 4px 14px 4px 0;
  border-bottom: 1px solid #ddd; }
td.number { font-variant-numeric: tabular-nums; white-space: nowrap; }
figure { margin: 2em 0; }
figcaption { max-width: 75ch; color: #444; }
"""

PLOT = f"""\
for (const place of document.querySelectorAll("[data-figure]")) {{
  const {{ data, layout }} = JSON.parse(document.getElementById(place.dataset.figure).textContent);
  Plotly.newPlot(place, data, layout, {json.dumps({"responsive": True, **CONFIG})});
}}
"""


def page(title: str, parts: Iterable[str], *, style: str = "") -> str:
    """The whole file; ``parts`` are pieces of HTML, made by the functions below or by hand."""
    return "\n".join(
        [
            '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{ALLOWED}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{literal(title)}</title>\n<style>\n{STYLE}{style}</style>",
            f"<script>{get_plotlyjs()}</script>\n</head>\n<body>\n<h1>{literal(title)}</h1>",
            *parts,
            f"<script>{PLOT}</script>\n</body>\n</html>\n",
        ]
    )


def drawn(name: str, figure: go.Figure) -> str:
    """A figure with its words beneath; ``name`` is its own on the page."""
    words = literal(summary_of(figure))
    height = figure.layout.height or 400
    return (
        f'<figure>\n<div data-figure="{name}" style="height:{height}px" role="img" '
        f'aria-label="{words}"></div>\n{as_data(name, plain(figure))}\n'
        f"<figcaption>In words: {words}</figcaption>\n</figure>"
    )


def as_data(name: str, value: object) -> str:
    """Data for a script of the page, as JSON that can't end the element it is in."""
    text = json.dumps(value, separators=(",", ":")).replace("<", "\\u003c")
    return f'<script type="application/json" id="{name}">{text}</script>'


def heading(text: str) -> str:
    return f"<h2>{literal(text)}</h2>"


def paragraphs(lines: Iterable[str]) -> str:
    return "\n".join(f"<p>{literal(line)}</p>" for line in lines)

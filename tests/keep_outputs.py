"""Runs notebooks in place and puts a picture beside every figure in the kept outputs.

    python -m tests.keep_outputs notebooks/00_start_here.ipynb ...

A reader's own run makes no pictures and needs no browser; these are for viewers that run no
JavaScript. They are drawn by kaleido with Debian's Chromium.
"""

from __future__ import annotations

import base64
import os
import sys
from pathlib import Path
from typing import Any

import kaleido
import nbformat
import plotly.graph_objects as go
from nbclient import NotebookClient

from meshlab.figures.style import HEIGHT, WIDTH
from meshlab.lab import PLOTLY

WIDGET = "application/vnd.jupyter.widget-view+json"


def execute(path: Path) -> Any:
    """The notebook at ``path``, run from a fresh kernel in its own folder, without timings."""
    notebook = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
    folder = {"metadata": {"path": str(path.parent)}}
    client = NotebookClient(
        notebook, timeout=120, resources=folder, record_timing=False, store_widget_state=False
    )
    client.execute()
    notebook.metadata.pop("widgets", None)
    notebook.metadata.language_info = {"name": "python"}
    return notebook


def figures(notebook: Any) -> list[dict[str, Any]]:
    """The bundles of all outputs that hold a figure. Of a widget, only its figure is kept."""
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    bundles = [output["data"] for output in outputs if PLOTLY in output.get("data", {})]
    for bundle in bundles:
        bundle.pop(WIDGET, None)
    return bundles


def keep(path: Path) -> None:
    """Run a notebook, add the pictures, and write it back."""
    notebook = execute(path)
    for bundle in figures(notebook):
        figure = go.Figure(bundle[PLOTLY])
        picture = kaleido.calc_fig_sync(
            figure, opts={"format": "png", "width": WIDTH, "height": HEIGHT}
        )
        bundle["image/png"] = base64.b64encode(picture).decode() + "\n"
    nbformat.write(notebook, path)


if __name__ == "__main__":
    os.environ.setdefault("BROWSER_PATH", "/usr/bin/chromium")
    kaleido.start_sync_server(silence_warnings=True)
    for name in sys.argv[1:]:
        keep(Path(name))
        print(name)
    kaleido.stop_sync_server(silence_warnings=True)

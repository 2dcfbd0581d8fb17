"""Runs notebooks in place and puts a picture beside every figure in the kept outputs.

    python -m tests.keep_outputs notebooks/00_start_here.ipynb ...

A reader's own run makes no pictures and needs no browser; these are for viewers that run no
JavaScript, and are what a panel shows before its cell was run. They are drawn by kaleido with
Debian's Chromium. nbval does not compare pictures.
"""

from __future__ import annotations

import base64
import io
import os
import sys
from pathlib import Path
from typing import Any

import kaleido
import nbformat
import plotly.graph_objects as go
from nbclient import NotebookClient
from PIL import Image

from meshlab.figures.style import HEIGHT, WIDTH, summary_of
from meshlab.lab.lab import PLOTLY

WIDGET = "application/vnd.jupyter.widget-view+json"

COLOURS = 64
"""Enough for a figure and its smooth edges; all of them would make a picture four times as big."""


def execute(path: Path) -> Any:
    """The notebook at ``path``, run from a fresh kernel in its own folder, without timings."""
    notebook = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
    folder = {"metadata": {"path": str(path.parent)}}
    client = NotebookClient(
        notebook,
        timeout=120,
        resources=folder,
        record_timing=False,
        store_widget_state=False,
        coalesce_streams=True,  # a progress bar comes in many parts
    )
    client.execute()
    notebook.metadata.pop("widgets", None)
    notebook.metadata.language_info = {"name": "python"}
    return notebook


def add_picture(output: dict[str, Any]) -> None:
    """Add the figure of an output as a picture. A kept widget is dead: only its figure stays."""
    output["data"].pop(WIDGET, None)
    figure = go.Figure(output["data"][PLOTLY])
    size = {"format": "png", "width": WIDTH, "height": HEIGHT}
    picture = small(kaleido.calc_fig_sync(figure, opts=size))
    output["data"]["image/png"] = base64.b64encode(picture).decode() + "\n"
    output["metadata"]["image/png"] = {
        "alt": summary_of(figure),
        "width": WIDTH,
        "height": HEIGHT,
    }


def small(picture: bytes) -> bytes:
    """The same PNG with a palette of its own."""
    image = Image.open(io.BytesIO(picture)).convert("RGB")
    reduced = image.quantize(COLOURS, dither=Image.Dither.NONE)
    file = io.BytesIO()
    reduced.save(file, "PNG", optimize=True)
    return file.getvalue()


def keep(path: Path) -> None:
    """Run a notebook, add the pictures, and write it back."""
    notebook = execute(path)
    for cell in notebook.cells:
        for output in cell.get("outputs", ()):
            if PLOTLY in output.get("data", {}):
                add_picture(output)
            elif output.output_type == "stream":
                output.text = final(output.text)
    nbformat.write(notebook, path)


def final(text: str) -> str:
    """What stays on the screen of a text in which a progress bar went back to its line's start."""
    return "\n".join(line.rstrip("\r").rpartition("\r")[2] for line in text.split("\n"))


if __name__ == "__main__":
    os.environ.setdefault("BROWSER_PATH", "/usr/bin/chromium")
    kaleido.start_sync_server(silence_warnings=True)
    for name in sys.argv[1:]:
        keep(Path(name))
        print(name)
    kaleido.stop_sync_server(silence_warnings=True)

"""Optional libraries, which only a part of meshlab needs, and what to install when one is missing.

pip install meshlab[lab]        notebooks, figures, pages
pip install meshlab[compiled]   the compiled engine
pip install meshlab[sweep]      sweeps on several cores, and what they keep
pip install meshlab[dask]       sweeps on a cluster
"""

from __future__ import annotations

EXTRAS = {
    "lab": ("IPython", "anywidget", "ipywidgets", "kaleido", "plotly"),
    "compiled": ("llvmlite", "numba"),
    "sweep": ("cloudpickle", "pyarrow"),
    "dask": ("distributed",),
}
"""The extras of pyproject.toml, and the libraries that meshlab imports of each."""


def advice(error: ModuleNotFoundError) -> str:
    """What to install, in one line, if a library of an extra is missing; "" if it is another.

    >>> advice(ModuleNotFoundError("No module named 'plotly'", name="plotly"))
    "plotly is not installed: pip install 'meshlab[lab]'"
    """
    library = (error.name or "").partition(".")[0]
    for extra, libraries in EXTRAS.items():
        if library in libraries:
            return f"{library} is not installed: pip install 'meshlab[{extra}]'"
    return ""

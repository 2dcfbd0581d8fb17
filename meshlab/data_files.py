"""Files that meshlab reads: inside the package where it is installed, beside it in the repository.

    installed from a wheel     meshlab/data/incident_traffic.csv
    the repository, editable   data/incident_traffic.csv

There is one copy of each: the build puts the repository's data/ into the wheel (pyproject.toml).
"""

from __future__ import annotations

from importlib.resources import files
from importlib.resources.abc import Traversable

from meshlab.model import MeshlabError

PACKAGE = "meshlab"


def data_file(name: str) -> Traversable:
    """The file ``name`` of data/, to be opened or read. MeshlabError if it is not there."""
    package = files(PACKAGE)
    for folder in (package / "data", package / ".." / "data"):
        file = folder / name
        if file.is_file():
            return file
    raise MeshlabError(
        f"data/{name}: missing; meshlab is not installed completely, install it anew"
    )

"""The version of the package that is installed; it is declared in pyproject.toml."""

from importlib.metadata import version

__version__ = version("meshlab")

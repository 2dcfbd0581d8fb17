"""The commands of ``python -m meshlab``."""

"""The rules that declarations check: each error names the place, the rule and the value."""

from __future__ import annotations

import math
from collections.abc import Collection

from meshlab.model import ConfigError, require


def is_number(value: object) -> bool:
    """Whether ``value`` is a finite int or float (a bool is not a number here)."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def require_name(value: object, where: str, what: str) -> None:
    """``value`` must be a text that can stand in a metric label: not empty, no line breaks."""
    fits = isinstance(value, str) and value.strip() == value and value != "" and "\n" not in value
    require(fits, where, f"{what} must be a text without space around it", value)


def require_share(value: object, where: str, name: str) -> None:
    """``value`` must be a number in 0..1."""
    require(is_number(value) and 0 <= value <= 1, where, f"{name} must be in 0..1", value)  # type: ignore[operator]


def require_at_least(value: object, least: float, where: str, name: str) -> None:
    """``value`` must be a finite number >= ``least``."""
    fits = is_number(value) and value >= least  # type: ignore[operator]
    require(fits, where, f"{name} must be a number >= {least}", value)


def require_positive(value: object, where: str, name: str) -> None:
    """``value`` must be a finite number > 0."""
    require(is_number(value) and value > 0, where, f"{name} must be a number > 0", value)  # type: ignore[operator]


def require_count(value: object, least: int, where: str, name: str) -> None:
    """``value`` must be a whole number >= ``least``."""
    fits = isinstance(value, int) and not isinstance(value, bool) and value >= least
    require(fits, where, f"{name} must be a whole number >= {least}", value)


def require_known(value: object, known: Collection[str], where: str, what: str) -> None:
    """``value`` must be one of ``known``; the error lists them."""
    if value not in known:
        valid = ", ".join(known) or "none"
        raise ConfigError(f"{where}: unknown {what} {value!r}; valid: {valid}")


def require_type(value: object, kind: type | tuple[type, ...], where: str, name: str) -> None:
    """``value`` must be an instance of ``kind``; the error names the type that was meant."""
    if not isinstance(value, kind):
        kinds = kind if isinstance(kind, tuple) else (kind,)
        meant = " or ".join(k.__name__ for k in kinds)
        raise ConfigError(f"{where}: {name} must be a {meant}, got {value!r}")

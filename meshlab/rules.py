"""The rules that declarations check: each error names the place, the rule and the value.

Whatever a reader may write by mistake is answered by a ConfigError of one form, never by a
TypeError from somewhere inside:

    edge 'gateway->auth': calls must be a whole number >= 1, got True
    edge 'gateway->auht': unknown service 'auht' (did you mean 'auth'?); valid: auth, user
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping
from difflib import get_close_matches

from meshlab.model import ConfigError

MOST_COUNT = 2**31 - 1
"""Of anything that is counted: what 32 bits hold. More of it is a typing error."""

LEAST, MOST = 1e-9, 1e12
"""Between them lies every positive number that means something: a nanosecond, 30,000 years.

Sums and products of numbers beyond them are infinite, or zero, or too small to change anything.
"""

LONGEST = 90
"""Characters of a value that an error shows: enough to know it again."""


def shown(value: object) -> str:
    """``value`` as an error shows it: cut if it is long, and with advice if it is from numpy."""
    try:
        text = repr(value)
    except ValueError:  # Python writes no whole number of more than some 4,300 digits
        text = f"{type(value).__name__} with a number of thousands of digits"
    if len(text) > LONGEST:
        text = f"{text[:LONGEST]}..."
    if type(value).__module__ == "numpy" and getattr(value, "shape", None) == ():
        text += " (write .item() after a number from numpy)"
    return text


def check(fits: bool, where: str, rule: str, value: object) -> None:
    """ConfigError with place, rule and value, unless the value ``fits``.

    >>> check(140 <= 100, "cluster 'cart'", "max_ejection_percent must be in 0..100", 140)
    Traceback (most recent call last):
    meshlab.model.ConfigError: cluster 'cart': max_ejection_percent must be in 0..100, got 140
    """
    if not fits:
        raise ConfigError(f"{where}: {rule}, got {shown(value)}")


def is_number(value: object) -> bool:
    """Whether ``value`` is a finite int or float (a bool is not a number here)."""
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:  # a whole number beyond every float
        return False


def require_name(value: object, where: str, what: str) -> None:
    """``value`` must be a text that can stand in a metric label: printable, not empty."""
    fits = isinstance(value, str) and value.strip() == value != "" and value.isprintable()
    check(fits, where, f"{what} must be a printable text without space around it", value)


def require_node(value: object, where: str, what: str) -> None:
    """``value`` must be a name that a caller or a service can bear in ``caller->service``."""
    require_name(value, where, what)
    check("->" not in str(value), where, f"{what} must not hold '->', which joins two names", value)


def require_share(value: object, where: str, name: str) -> None:
    """``value`` must be a number in 0..1."""
    check(is_number(value) and 0 <= value <= 1, where, f"{name} must be in 0..1", value)  # type: ignore[operator]


def require_at_least(
    value: object, least: float, where: str, name: str, most: float = MOST
) -> None:
    """``value`` must be a number from ``least`` to ``most``."""
    fits = is_number(value) and value >= least  # type: ignore[operator]
    check(fits, where, f"{name} must be a number >= {least}", value)
    check(value <= most, where, f"{name} must be at most {most:g}", value)  # type: ignore[operator]


def require_positive(value: object, where: str, name: str, most: float = MOST) -> None:
    """``value`` must be a number > 0: from ``LEAST`` to ``most``."""
    check(is_number(value) and value > 0, where, f"{name} must be a number > 0", value)  # type: ignore[operator]
    fits = LEAST <= value <= most  # type: ignore[operator]
    check(fits, where, f"{name} must be in {LEAST:g}..{most:g}", value)


def require_count(
    value: object, least: int, where: str, name: str, most: float = MOST_COUNT
) -> None:
    """``value`` must be a whole number from ``least`` to ``most``."""
    fits = isinstance(value, int) and not isinstance(value, bool) and value >= least
    check(fits, where, f"{name} must be a whole number >= {least}", value)
    check(value <= most, where, f"{name} must be at most {most}", value)  # type: ignore[operator]


def require_bool(value: object, where: str, name: str) -> None:
    """``value`` must be True or False: 1 and "no" would be taken for true."""
    check(isinstance(value, bool), where, f"{name} must be True or False", value)


def guess(value: object, known: Iterable[str]) -> str:
    """The name that was probably meant, as a part of an error; empty if none comes near."""
    near = get_close_matches(value, list(known), n=1, cutoff=0.55) if isinstance(value, str) else []
    return f" (did you mean {near[0]!r}?)" if near else ""


def require_known(value: object, known: Collection[str], where: str, what: str) -> None:
    """``value`` must be one of ``known``; the error lists them, and guesses which was meant."""
    if not isinstance(value, str) or value not in known:
        valid = ", ".join(known) or "none"
        meant = guess(value, known)
        raise ConfigError(f"{where}: unknown {what} {shown(value)}{meant}; valid: {valid}")


def require_type(value: object, kind: type | tuple[type, ...], where: str, name: str) -> None:
    """``value`` must be an instance of ``kind``; the error names the type that was meant."""
    kinds = kind if isinstance(kind, tuple) else (kind,)
    meant = " or ".join(k.__name__ for k in kinds)
    article = "an" if meant[0] in "AEIOUaeiou" else "a"
    check(isinstance(value, kind), where, f"{name} must be {article} {meant}{_call(value)}", value)


def require_tuple(
    value: object, kind: type | tuple[type, ...], where: str, name: str, what: str = ""
) -> None:
    """``value`` must be a tuple of ``kind``; the error says how to write one.

    A list would do as long as nobody changes it, and then two scenarios would change at once.
    """
    kinds = kind if isinstance(kind, tuple) else (kind,)
    what = what or " or ".join(k.__name__ for k in kinds)
    rule = f"{name} must be a tuple of {what}, written (a, b) or (a,)"
    check(isinstance(value, tuple), where, rule, value)
    for part in value:  # type: ignore[attr-defined]
        check(isinstance(part, kind), where, f"{name} must be a tuple of {what}{_call(part)}", part)


def require_like(
    value: object, kinds: Mapping[str, type], members: tuple[str, ...], where: str, name: str
) -> None:
    """``value`` must be one of ``kinds``, or an object of a reader's own with these members."""
    fits = not isinstance(value, type) and all(hasattr(value, member) for member in members)
    built_in = ", ".join(kind.__name__ for kind in kinds.values())
    own = " and ".join(members)
    rule = f"{name} must be one of {built_in}, or have {own} as they have{_call(value)}"
    check(fits, where, rule, value)


def _call(value: object) -> str:
    """Advice for a class in the place of an object: the parentheses are missing."""
    return f" (write {value.__name__}(...), not the class)" if isinstance(value, type) else ""

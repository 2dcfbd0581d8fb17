"""Numbers in words: three digits and a unit, the same in figures, tables and sentences."""

from __future__ import annotations


def say(value: float, unit: str = "", *, bare: bool = False) -> str:
    """A number as one says it: three digits, and its unit. The unit "%" takes a share (0..1).

    ``bare`` leaves the unit out where it is said beside; a percent sign stays.

    >>> say(17503.2, "calls"), say(0.0213, "%"), say(0.02134, "s", bare=True)
    ('17,503 calls', '2.1 %', '0.0213')
    """
    if value != value:
        return "no value"
    if unit == "%":
        value *= 100
    if abs(value) >= 100:
        text = f"{value:,.0f}"
    elif unit == "%":
        text = f"{value:.1f}".removesuffix(".0")
    else:
        text = f"{value:.3g}"
    return text if bare and unit != "%" else f"{text} {unit}".strip()

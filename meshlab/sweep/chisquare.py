"""Actual against expected: is the difference between counts and shares more than luck?

    counts    390  426  385       what the endpoints got
    expected  400.3 each          what fair shares would give
    X2        sum of (count - expected)^2 / expected
    p         the chance that fair luck is as uneven as this, or more

A small p speaks against the shares; over many runs in which they are right, p is anywhere between 0
and 1, each value as likely as the next. The test is Pearson's (1900). It takes tries that know
nothing of each other, and some five expected in every place. Of scipy it needs nothing: for a whole
number of degrees of freedom the tail of the distribution has a closed form.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import erfc, exp, fsum, isfinite, lgamma, log, sqrt

from meshlab.model.rules import check, is_number


@dataclass(frozen=True, slots=True)
class Fit:
    """How well counts fit shares: the statistic X2, its degrees of freedom, and the p-value."""

    statistic: float
    degrees: int
    p_value: float


def chi_square(counts: Sequence[float], shares: Sequence[float]) -> Fit:
    """Pearson's test of ``counts`` against ``shares``, which need not add up to 1.

    >>> round(chi_square([390, 426, 385], [1, 1, 1]).p_value, 2)
    0.29
    """
    where = "chi-square test"
    check(len(counts) > 1, where, "there must be two counts or more", counts)
    check(len(shares) == len(counts), where, f"shares must be {len(counts)} like counts", shares)
    fits = all(is_number(share) and share > 0 for share in shares)
    check(fits, where, "every share must be a number > 0", shares)
    fits = all(is_number(count) and count >= 0 for count in counts) and any(counts)
    check(fits, where, "counts must be numbers >= 0, not all of them 0", counts)
    scale = fsum(counts) / fsum(shares)
    expected = [share * scale for share in shares]
    statistic = fsum((c - e) * (c - e) / e for c, e in zip(counts, expected, strict=True))
    degrees = len(counts) - 1
    return Fit(statistic, degrees, upper_tail(statistic, degrees))


def upper_tail(statistic: float, degrees: int) -> float:
    """The chance that a chi-square variable with so many degrees of freedom is larger.

    From one degree to the next but one there is a single term: Q(a + 1) = Q(a) + y^a e^-y / a!,
    with y half the statistic. The odd ones begin with erfc(sqrt(y)), the even ones with e^-y.
    """
    y = statistic / 2
    if y <= 0 or not isfinite(y):
        return 1.0 if y <= 0 else 0.0
    odd = degrees % 2 == 1
    terms = [erfc(sqrt(y)) if odd else exp(-y)]
    a = 0.5 if odd else 1.0
    while a < degrees / 2:
        terms.append(exp(a * log(y) - y - lgamma(a + 1)))
        a += 1
    return min(1.0, fsum(terms))

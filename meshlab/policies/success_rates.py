"""Which endpoints fail more often than the others: success rates compared for outlier detection.

    threshold = mean - factor * standard deviation

Of n endpoints a single bad one lies sqrt(n - 1) deviations below the mean, however bad it is. That
is why Envoy's rule wants five: sqrt(4) is just above its factor of 1.9, and with four endpoints it
could never strike. Two bad ones among five hide each other.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from meshlab.kernel.record import record


@record
class SuccessRates:
    """Success rates, their ``mean``, and the ``threshold`` below which one is an outlier."""

    mean: float
    threshold: float
    values: list[float]

    def clear(self) -> None:
        """Forget all rates."""
        self.values.clear()

    def add(self, rate: float) -> None:
        """Take in one more, 0..1."""
        self.values.append(rate)

    def compare(self, factor: float) -> None:
        """Find the mean, and the threshold ``factor`` standard deviations below it."""
        values = self.values
        count = len(values)
        total = 0.0
        highest = 0.0
        for place in range(count):  # one by one: Python 3.12's sum() rounds differently from 3.11's
            total += values[place]
            highest = max(highest, values[place])
        self.mean = min(total / count, highest)  # or rounding could make outliers of equals
        squares = 0.0
        for place in range(count):
            squares += (values[place] - self.mean) * (values[place] - self.mean)
        self.threshold = self.mean - factor * math.sqrt(squares / count)

    def is_low(self, place: int) -> bool:
        """Whether the rate at this place is an outlier."""
        return self.values[place] < self.threshold


def ejection_threshold(rates: Iterable[float], factor: float) -> tuple[float, float]:
    """The mean of these rates, and the threshold: to look at."""
    compared = SuccessRates()
    for rate in rates:
        compared.add(rate)
    compared.compare(factor)
    return compared.mean, compared.threshold

"""The chi-square test agrees with scipy's, and says what it can't test."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chi2, chisquare

from meshlab.model import ConfigError
from meshlab.sweep.chisquare import chi_square, upper_tail


@given(
    counts=st.lists(st.integers(0, 2000), min_size=2, max_size=12).filter(any),
    data=st.data(),
)
def test_the_test_is_scipy_s(counts: list[int], data: st.DataObject) -> None:
    size = len(counts)
    shares = data.draw(st.lists(st.integers(1, 50), min_size=size, max_size=size))
    found = chi_square(counts, shares)
    expected = np.array(shares) * sum(counts) / sum(shares)
    statistic, p_value = chisquare(counts, expected)
    assert found.statistic == pytest.approx(statistic, rel=1e-9, abs=1e-9)
    assert found.p_value == pytest.approx(p_value, rel=1e-9, abs=1e-300)
    assert found.degrees == size - 1


@pytest.mark.parametrize("degrees", [1, 2, 3, 4, 9, 50, 99, 400])
@pytest.mark.parametrize("times", [0.0, 1e-9, 0.1, 0.5, 1.0, 1.5, 3.0, 100.0])
def test_the_tail_is_scipy_s_from_the_middle_to_the_far_end(degrees: int, times: float) -> None:
    x = times * degrees
    assert upper_tail(x, degrees) == pytest.approx(chi2.sf(x, degrees), rel=1e-9, abs=1e-300)


def test_counts_as_expected_have_a_p_value_of_one() -> None:
    assert chi_square([20, 30, 50], [2, 3, 5]).p_value == 1.0


@pytest.mark.parametrize(
    ("counts", "shares", "message"),
    [
        ([5], [1], "two counts or more"),
        ([5, 5], [1], "shares must be 2 like counts"),
        ([5, 5], [1, 0], "every share must be a number > 0"),
        ([5, 5], [1, float("nan")], "every share must be a number > 0"),
        ([5, -1], [1, 1], "counts must be numbers >= 0"),
        ([0, 0], [1, 1], "not all of them 0"),
    ],
)
def test_what_cannot_be_tested_is_refused(counts: Any, shares: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        chi_square(counts, shares)

"""Gini, Lorenz and Palma: by hand, against plain loops over persons, and their laws."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from siting import access
from siting.access.equity import PALMA, QUINTILES
from siting.errors import DataError

zones = st.lists(
    st.tuples(st.integers(0, 20).map(float), st.integers(0, 6)), min_size=1, max_size=14
)


def parts(table: Any) -> tuple[list[float], list[int]]:
    return [v for v, _ in table], [p for _, p in table]


def everybody(table: Any) -> list[Fraction]:
    """The figure of every single person, least first."""
    return sorted(Fraction(v) for v, p in table for _ in range(p))


def naive_gini(table: Any) -> float:
    """Mean difference between all pairs of persons over twice the mean."""
    people = everybody(table)
    if not sum(people):
        return math.nan
    apart = sum((abs(a - b) for a in people for b in people), Fraction(0))
    return float(apart / (2 * len(people) * sum(people)))


def naive_ratio(table: Any, top: Fraction, bottom: Fraction) -> float:
    """Each person is cut into ten, so that tenths and fifths are whole numbers of pieces."""
    pieces = [v for v in everybody(table) for _ in range(10)]
    n = len(pieces)
    if not n:
        return math.nan
    low, high = pieces[: int(n * bottom)], pieces[n - int(n * top) :]
    mean_low = sum(low, Fraction(0)) / len(low)
    return float(sum(high, Fraction(0)) / len(high) / mean_low) if mean_low else math.nan


def same(a: float, b: float) -> bool:
    return a == b or (math.isnan(a) and math.isnan(b))


@settings(max_examples=100)
@given(zones)
def test_they_equal_plain_loops_over_persons(table: Any) -> None:
    assert same(access.gini(*parts(table)), naive_gini(table))
    for shares in (PALMA, QUINTILES):
        assert same(access.top_to_bottom(*parts(table), *shares), naive_ratio(table, *shares))


@settings(max_examples=100)
@given(zones, st.integers(1, 9), st.randoms(use_true_random=False))
def test_laws_of_gini(table: Any, factor: int, random: Any) -> None:
    index = access.gini(*parts(table))
    assume(not math.isnan(index))
    values, people = parts(table)
    assert 0 <= index <= 1 - min(p for p in people if p) / sum(people)
    # scale: minutes or seconds
    assert access.gini([v * factor for v in values], people) == index
    # replication: the same town twice, or each zone with so many times the people
    assert access.gini(values, [p * factor for p in people]) == index
    assert access.gini(values * 2, people * 2) == index
    # order
    shuffled = list(table)
    random.shuffle(shuffled)
    assert access.gini(*parts(shuffled)) == index
    # the same to everybody
    flat = access.gini([v + 5 for v in values], people)
    assert flat <= index
    assert access.gini([7.0] * len(people), people) == 0
    # zones that are cut up, each part like the whole, change nothing
    assert (
        access.gini([v for v in values for _ in "ab"], [p for p in people for _ in "ab"]) == index
    )


@settings(max_examples=100)
@given(zones, st.data())
def test_a_transfer_from_richer_to_poorer_lowers_gini(table: Any, data: Any) -> None:
    """Pigou–Dalton, between two zones of the same size that do not change places."""
    values, people = parts(table)
    pairs = [
        (i, j)
        for i in range(len(table))
        for j in range(len(table))
        if people[i] == people[j] > 0 and values[i] - values[j] >= 2
    ]
    assume(pairs)
    i, j = data.draw(st.sampled_from(pairs))
    moved = list(values)
    moved[i], moved[j] = values[i] - 1, values[j] + 1
    assert access.gini(moved, people) < access.gini(values, people)
    for shares in (PALMA, QUINTILES):
        before = access.top_to_bottom(values, people, *shares)
        after = access.top_to_bottom(moved, people, *shares)
        assert math.isnan(before) or after <= before


@settings(max_examples=60)
@given(zones)
def test_lorenz_runs_from_nothing_to_all_below_the_diagonal(table: Any) -> None:
    people, amount = access.lorenz(*parts(table))
    if not sum(v * p for v, p in table):
        assert np.isnan(amount[-1])
        return
    assert (people[0], amount[0], people[-1], amount[-1]) == (0, 0, 1, 1)
    assert (np.diff(people) > 0).all()
    assert (amount <= people + 1e-12).all()
    slopes = np.diff(amount) / np.diff(people)
    assert (np.diff(slopes) >= -1e-9).all()
    area = float(np.sum(np.diff(people) * (amount[1:] + amount[:-1])))
    assert access.gini(*parts(table)) == pytest.approx(1 - area)


@settings(max_examples=60)
@given(zones)
def test_ratios_are_at_least_one_and_one_for_equality(table: Any) -> None:
    values, people = parts(table)
    for shares in (PALMA, QUINTILES):
        ratio = access.top_to_bottom(values, people, *shares)
        assert math.isnan(ratio) or ratio >= 1
        if sum(people):
            assert access.top_to_bottom([3.0] * len(people), people, *shares) == 1


def test_by_hand() -> None:
    # 1, 2, 3, 4 of one person each: Σ|x−y| = 20 over ordered pairs, 2·4·10 = 80
    assert access.gini([1, 2, 3, 4], [1] * 4) == 0.25
    found = access.equity([float(n) for n in range(1, 11)], [100] * 10)
    assert (found.zones, found.persons, found.ratio_of) == (10, 1_000, "palma")
    assert found.ratio == 10 / 2.5  # the best tenth has 10, the lowest four tenths 1–4
    fifths = access.equity([1.0, 2, 3, 4, 5], [100] * 5)
    assert (fifths.ratio_of, fifths.ratio) == ("s80_s20", 5.0)
    few = access.equity([1.0, math.nan, 3.0, 9.0], [100, 50, 100, 0])
    assert (few.zones, few.persons, few.gini, few.ratio_of) == (2, 200, 0.25, "")
    assert math.isnan(few.ratio)
    assert math.isnan(access.equity([1.0], [5]).gini)
    assert math.isnan(access.gini([0, 0], [1, 1]))
    with pytest.raises(DataError, match="2 values"):
        access.gini([-1.0, math.inf], [1, 1])

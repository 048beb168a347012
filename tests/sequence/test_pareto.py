"""The front against every programme there is."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given, settings
from test_programme import every, mix, question, questions

from siting import sequence
from siting.errors import InfeasibleError, StudyError
from siting.sequence import Question


def both(asked: Question) -> list[tuple[Fraction, Fraction]]:
    """Money and person-minutes of every programme that keeps the rules."""
    money = replace(asked, person_min_cost=0)
    timed = replace(
        asked,
        person_min_cost=1,
        choices=asked.choices.assign(cost=0),
        sites=asked.sites.assign(running_cost=0, build_cost=0),
        expansions=asked.expansions.assign(cost=0),
    )
    free = replace(timed, budgets={}, total_budget=None)
    told = []
    for one in every(asked):
        spent = mix(money, one)
        if spent is not None:  # budgets are judged with the money there
            minutes = mix(free, one)
            assert minutes is not None
            told.append((spent, minutes))
    return told


def nondominated(pairs: list[tuple[Fraction, Fraction]]) -> list[tuple[Fraction, Fraction]]:
    front: list[tuple[Fraction, Fraction]] = []
    for pair in sorted(set(pairs)):
        if not front or pair[1] < front[-1][1]:
            front.append(pair)
    return front


def test_a_front_by_hand() -> None:
    """Keeping all: 3,800 yuan, 2,800 min in two years. Closing A or B from 2027: −500, +300 min.

    From 2026: −1,000, +600. Both closed does not fit. Closing A a year later than B neither.
    """
    found = sequence.pareto(question(), points=5).points
    assert found[["money", "person_min", "gap", "status"]].values.tolist() == [
        [2800, 3400.0, 0.0, "optimal"],
        [3300, 3100.0, 0.0, "optimal"],
        [3800, 2800.0, 0.0, "optimal"],
    ]


def held(asked: Question) -> None:
    pairs = both(asked)
    if not pairs:
        with pytest.raises(InfeasibleError):
            sequence.pareto(asked, points=4)
        return
    front = nondominated(pairs)
    found = sequence.pareto(asked, points=4).points
    mine = [(Fraction(m), Fraction(t)) for m, t in found[["money", "person_min"]].values.tolist()]
    assert mine[0] == front[0]
    assert mine[-1] == front[-1]
    assert set(mine) <= set(front)
    caps = [front[0][0] + (front[-1][0] - front[0][0]) * Fraction(k, 3) for k in range(4)]
    want = {min((t, m) for m, t in pairs if m <= cap) for cap in caps}
    assert {(t, m) for m, t in mine} == want
    assert (found["person_min_bound"] == found["person_min"]).all()
    assert (found["gap"] == 0).all()


@settings(max_examples=10)
@given(questions(schools=2, years=1))
def test_every_point_is_on_the_front(asked: Question) -> None:
    held(asked)


@pytest.mark.slow
@settings(max_examples=20)
@given(questions(schools=3, years=1) | questions(schools=2, years=2))
def test_every_point_is_on_the_front_of_larger_ones(asked: Question) -> None:
    held(asked)


def test_a_front_needs_two_points() -> None:
    with pytest.raises(StudyError, match="1 points are no front"):
        sequence.pareto(question(), points=1)

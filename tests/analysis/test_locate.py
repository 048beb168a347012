"""MCLP: the best of all subsets, proved; published optima; the same answer in any order."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from builders import times_from
from hypothesis import given, settings
from hypothesis import strategies as st

from siting import locate
from siting.errors import DataError, InfeasibleError, StudyError
from siting.plan import Period, Plan

Instance = tuple[pd.DataFrame, pd.Series, list[str], list[str], int]


@st.composite
def instances(draw: st.DrawFn) -> Instance:
    n, s = draw(st.integers(1, 8)), draw(st.integers(1, 7))
    rows = draw(
        st.lists(st.lists(st.integers(-1, 9), min_size=s, max_size=s), min_size=n, max_size=n)
    )
    names = [f"S{j}" for j in range(s)]
    matrix = pd.DataFrame(rows, index=[f"D{i}" for i in range(n)], columns=names)
    persons = pd.Series(
        draw(st.lists(st.integers(0, 6), min_size=n, max_size=n)), index=matrix.index
    )
    fixed = draw(st.lists(st.sampled_from(names), unique=True, max_size=2))
    candidates = [name for name in names if name not in fixed]
    return matrix, persons, candidates, fixed, draw(st.integers(0, len(candidates)))


def covered(matrix: pd.DataFrame, persons: pd.Series, sites: Any, threshold: int) -> int:
    here = matrix[list(sites)]
    return int(persons[((here >= 0) & (here <= threshold)).any(axis=1)].sum())


def added_impedance(
    matrix: pd.DataFrame, persons: pd.Series, chosen: Any, fixed: Any, threshold: int
) -> int:
    total = 0
    for point, row in matrix.iterrows():
        near = [row[s] for s in chosen if 0 <= row[s] <= threshold]
        if near and not any(0 <= row[s] <= threshold for s in fixed):
            total += min(near) * int(persons[point])
    return int(total)


@settings(max_examples=120)
@given(instances(), st.integers(0, 9))
def test_mclp_is_the_best_of_all_subsets(instance: Instance, threshold: int) -> None:
    matrix, persons, candidates, fixed, n_new = instance
    found = locate.mclp(
        matrix, persons, threshold=threshold, n_new=n_new, candidates=candidates, fixed=fixed
    )
    every = [
        (covered(matrix, persons, [*subset, *fixed], threshold), subset)
        for subset in combinations(sorted(candidates), n_new)
    ]
    best = max(value for value, _ in every)
    already = covered(matrix, persons, fixed, threshold)
    assert found.objective == best == found.bound
    assert found.objective == covered(matrix, persons, [*found.chosen, *fixed], threshold)
    assert (found.already, found.gap, found.status) == (already, 0.0, "optimal")
    useful = [c for c in candidates if covered(matrix, persons, [c, *fixed], threshold) > already]
    assert found.useless == tuple(sorted(set(candidates) - set(useful)))
    assert set(found.chosen) <= set(useful)
    assert len(found.chosen) == min(n_new, len(useful))
    everywhere = covered(matrix, persons, matrix.columns, threshold)
    assert found.uncoverable == persons.sum() - everywhere
    optima = [
        subset
        for subset in combinations(sorted(useful), len(found.chosen))
        if covered(matrix, persons, [*subset, *fixed], threshold) == best
    ]
    assert found.unique == (len(optima) == 1)
    if len(optima) > 1:
        assert found.tie_break == "person_impedance"
        least = min(added_impedance(matrix, persons, o, fixed, threshold) for o in optima)
        got = added_impedance(matrix, persons, found.chosen, fixed, threshold)
        assert got == least


@settings(max_examples=30)
@given(instances(), st.integers(0, 9), st.randoms(use_true_random=False))
def test_row_order_and_threads_do_not_matter_and_travel_times_equal_a_matrix(
    instance: Instance, threshold: int, random: Any
) -> None:
    matrix, persons, candidates, fixed, n_new = instance
    args: dict[str, Any] = {
        "threshold": threshold, "n_new": n_new, "candidates": candidates, "fixed": fixed,
    }  # fmt: skip
    before = matrix.copy(deep=True), persons.copy(deep=True)
    first = locate.mclp(matrix, persons, **args)
    seed = random.randrange(1000)
    turned = matrix.sample(frac=1, random_state=seed).sample(frac=1, axis=1, random_state=seed)
    assert locate.mclp(turned, persons[::-1], **args) == first
    assert locate.mclp(times_from(turned, cutoff=9), persons, **args) == first
    assert locate.mclp(matrix, persons, threads=2, **args) == first
    pd.testing.assert_frame_equal(matrix, before[0])
    pd.testing.assert_series_equal(persons, before[1])


@pytest.mark.parametrize(
    ("p", "optimum"), [(1, 5461), (2, 8790), (3, 11604), (4, 12106), (5, 12152)]
)
def test_sjc324_published_optima_are_reached_and_proved(
    test_data: Path, p: int, optimum: int
) -> None:
    matrix, persons = sjc324(test_data)
    found = locate.mclp(
        matrix, persons, threshold=800_000, n_new=p, candidates=list(matrix.columns)
    )
    assert (found.objective, found.bound, found.gap, found.status) == (
        optimum,
        optimum,
        0,
        "optimal",
    )
    assert found.objective == covered(matrix, persons, found.chosen, 800_000)


def sjc324(folder: Path) -> tuple[pd.DataFrame, pd.Series]:
    file = folder / "benchmarks" / "mclp" / "SJC324.txt"
    lines = [line.split() for line in file.read_text("utf-8").splitlines()[1:] if line.strip()]
    xyw = np.array([[int(v) for v in line[:3]] for line in lines])
    away = np.hypot(*(xyw[:, None, axis] - xyw[None, :, axis] for axis in (0, 1)))
    names = [f"{i:03d}" for i in range(len(xyw))]
    matrix = pd.DataFrame(np.rint(away * 1_000).astype(np.int64), index=names, columns=names)
    return matrix, pd.Series(xyw[:, 2], index=names)


def test_a_time_limit_gives_the_best_found_and_says_so() -> None:
    rng = np.random.default_rng(3)
    matrix = pd.DataFrame(
        rng.integers(0, 100, (400, 120)),
        index=[f"D{i:03d}" for i in range(400)], columns=[f"S{j:03d}" for j in range(120)],
    )  # fmt: skip
    persons = pd.Series(rng.integers(1, 50, 400), index=matrix.index)
    found = locate.mclp(
        matrix, persons, threshold=4, n_new=10, candidates=list(matrix.columns), time_limit_s=0.0
    )
    assert found.status == "time_limit"
    assert len(found.chosen) == 10
    assert found.objective == covered(matrix, persons, found.chosen, 4) > 0
    assert found.bound >= found.objective
    assert found.gap == (found.bound - found.objective) / found.bound
    assert (found.unique, found.tie_break) == (None, "none")


def test_the_plan_opens_the_chosen_sites_beside_the_existing_ones() -> None:
    matrix = pd.DataFrame({"E": [1, 9], "C": [9, 1]}, index=["D0", "D1"])
    base = Plan(name="today", periods=(Period(open={"clinic": ("E",)}),))
    found = locate.mclp(
        matrix, pd.Series({"D0": 1, "D1": 2}), threshold=5, n_new=1, candidates=["C"],
        fixed=base.open_sites("clinic"), base=base, service="clinic", name="one more",
    )  # fmt: skip
    assert found.plan is not None
    assert found.plan.name == "one more"
    assert found.plan.open_sites("clinic") == ("C", "E")
    assert (found.already, found.objective) == (1, 3)


def test_candidates_that_help_nobody_are_reported_and_not_opened() -> None:
    matrix = pd.DataFrame({"E": [1], "C": [1], "F": [-1]}, index=["D0"])
    found = locate.mclp(
        matrix, pd.Series({"D0": 5}), threshold=5, n_new=2, candidates=["C", "F"], fixed=["E"]
    )
    assert (found.chosen, found.useless, found.objective) == ((), ("C", "F"), 5)


@pytest.mark.parametrize(
    ("change", "error", "says"),
    [
        ({"candidates": []}, InfeasibleError, "no candidates.*relax"),
        ({"n_new": 3}, InfeasibleError, "n_new is 3 and there are 1 candidates.*Lower n_new to 1"),
        ({"n_new": -1}, StudyError, "n_new is -1"),
        ({"candidates": ["X"]}, StudyError, r"not in the travel times \(X\)"),
        ({"fixed": ["C"]}, StudyError, r"both fixed and candidates \(C\)"),
        ({"persons": pd.Series({"Z": 1})}, DataError, r"not in the demand \(Z\)"),
        ({"persons": pd.Series({"D0": -1})}, DataError, "not whole numbers"),
        ({"times": pd.DataFrame({"C": [1.5]}, index=["D0"])}, DataError, "not of integers"),
        ({"service": "clinic"}, StudyError, "both base and service"),
        (
            {"times": times_from(pd.DataFrame({"C": [1]}, index=["D0"]), cutoff=4)},
            StudyError, "cutoff=5",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_solved_says_what_to_relax(
    change: dict[str, Any], error: type[Exception], says: str
) -> None:
    args: dict[str, Any] = {
        "times": pd.DataFrame({"C": [1]}, index=["D0"]), "persons": pd.Series({"D0": 1}),
        "threshold": 5, "n_new": 1, "candidates": ["C"], **change,
    }  # fmt: skip
    with pytest.raises(error, match=says):
        locate.mclp(args.pop("times"), args.pop("persons"), **args)


def test_the_solver_prints_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    test_the_plan_opens_the_chosen_sites_beside_the_existing_ones()
    assert capfd.readouterr() == ("", "")

"""Laws of what is divided and added up, on instances that hypothesis makes."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from siting.cohorts import split_by_grade, to_town
from siting.pipeline.schools import by_zone

Row = tuple[int, int, int]
ROWS = st.lists(
    st.tuples(st.integers(0, 6), st.integers(0, 17), st.integers(0, 30)), min_size=1, max_size=25,
    unique_by=lambda row: row[:2],
)  # fmt: skip


@settings(max_examples=60)
@given(rows=ROWS, towns=st.sets(st.integers(0, 6)), share=st.floats(0, 1))
def test_movers_are_as_many_as_stated_and_were_there(
    rows: Sequence[Row], towns: set[int], share: float
) -> None:
    children = pd.DataFrame(rows, columns=["demand_id", "age", "persons"])
    children["demand_id"] = "P" + children["demand_id"].astype(str)
    town = pd.Series({f"P{i}": i in towns for i in range(7)})
    in_town = children["demand_id"].map(town)
    rural, urban = (int(children.loc[m, "persons"].sum()) for m in (~in_town, in_town))
    number = int(share * rural) if urban else 0
    moved = to_town(children, town, year=2030, persons=number)
    assert moved["persons"].sum() == number
    assert (moved["persons"] > 0).all()
    left = moved.groupby(["from_id", "age"])["persons"].sum()
    there = children[~in_town].set_index(["demand_id", "age"])["persons"]
    for key, persons in left.items():
        assert persons <= there[key]
        assert abs(persons - number * there[key] / rural) < 1
    come = moved.groupby("to_id")["persons"].sum()
    homes = children[in_town].groupby("demand_id")["persons"].sum()
    for place, persons in come.items():
        assert abs(persons - number * homes[place] / urban) < 1


@given(
    pupils=st.integers(0, 5000), first=st.integers(1, 12), size=st.integers(1, 9),
    weights=st.none() | st.dictionaries(st.integers(1, 12), st.integers(0, 400)),
)  # fmt: skip
def test_a_total_is_kept_and_every_grade_within_one_of_its_part(
    pupils: int, first: int, size: int, weights: dict[int, int] | None
) -> None:
    grades = range(first, min(first + size, 13))
    found = split_by_grade(pupils, grades, weights)
    assert list(found) == list(grades)
    assert sum(found.values()) == pupils
    told = {grade: (weights or {}).get(grade, 0) for grade in grades}
    if not sum(told.values()):
        told = dict.fromkeys(grades, 1)
    for grade, number in found.items():
        assert abs(number - pupils * told[grade] / sum(told.values())) < 1


@settings(max_examples=60)
@given(rows=ROWS, homes=st.lists(st.sampled_from(["", "a", "b"]), min_size=14, max_size=14))
def test_children_by_zone_are_a_plain_sum(rows: Sequence[Row], homes: Sequence[str]) -> None:
    children = pd.DataFrame(
        [(f"P{i}", 2025 + age % 3, 1 + age % 12, n) for i, age, n in rows],
        columns=["demand_id", "year", "grade", "persons"],
    )
    ids = [f"P{i}" for i in range(7)]
    membership = pd.DataFrame(
        {"demand_id": ids * 2, "zoning": ["x"] * 7 + ["y"] * 7, "zone_id": list(homes)}
    )
    found = by_zone(children, membership)
    naive: dict[tuple[str, str, int, int], int] = {}
    zones = {(z, d): home for d, z, home in membership.itertuples(index=False, name=None)}
    for place, year, grade, persons in children.itertuples(index=False, name=None):
        for zoning in ("x", "y"):
            key = (zoning, zones[(zoning, place)], year, grade)
            naive[key] = naive.get(key, 0) + persons
    keys = ["zoning", "zone_id", "year", "grade"]
    assert found.set_index(keys)["persons"].to_dict() == {k: n for k, n in naive.items() if n}

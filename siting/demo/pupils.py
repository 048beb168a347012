"""Pupils, beds, staff, money and ages: what a bureau knows of its schools besides where they are.

All of it follows from the tables of the region, so that one seed still makes one region.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd

from siting.demo.chance import shares, stream

YEARS = (2023, 2024, 2025)
BANDS = ("0岁", "1-4岁", "5-9岁", "10-14岁", "15-19岁", "20岁及以上")
KINDERGARTEN = "幼儿园"
# Births have been falling: each grade is smaller than the one above by this part of it.
_BASE, _STEP = 70, 5
# Single years within the groups of people, the youngest first: births fall.
_SINGLE = {
    "age_0_2": (27, 31, 35), "age_3_5": (31, 33, 35), "age_6_11": (30, 31, 32, 33, 33, 34),
    "age_12_14": (33, 33, 34), "age_15_17": (33, 33, 34),
}  # fmt: skip
_LATER = (92, 88, 84, 81, 79)  # births of the years to come, in percent of the last
_YOUNG_ADULTS = 21  # of 42 years in 18–59 two are 18 and 19


def register(schools: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Return schools with beds, staff, running cost, areas and condition; some of it blank."""
    rng = stream(len(schools), "register of schools")
    draw = rng.random((len(schools), 5))
    pupils = schools["enrolment"].to_numpy(dtype=np.int64)
    classes = schools["classes"].to_numpy(dtype=np.int64)
    boarders = schools["boarders"].to_numpy(dtype=np.int64)
    seats = schools["capacity"].fillna(schools["enrolment"]).to_numpy(dtype=np.int64)
    middle = schools["stage"].isin(["初中", "高中"]).to_numpy()
    staff = np.maximum(pupils // np.where(middle, 13, 18) + 1, classes + 1)
    beds = np.where(boarders > 0, boarders + np.floor(boarders * (0.2 * draw[:, 0] - 0.04)), 0)
    state = np.searchsorted([0.45, 0.85, 0.97], draw[:, 1])
    words = np.array(["好", "一般", "差", "危房"])[state]
    return schools.assign(
        beds=beds.astype(np.int64),
        staff=staff,
        running_cost_yuan=60_000 + 95_000 * staff + 900 * pupils,
        site_area_m2=np.floor(seats * (16.0 + 14.0 * draw[:, 2])),
        floor_area_m2=np.floor(seats * (6.0 + 4.0 * draw[:, 3])),
        condition=np.where(draw[:, 4] < 0.03, "", words),
    )


def enrolment(schools: gpd.GeoDataFrame) -> pd.DataFrame:
    """Return pupils by school, grade and year: those of the last year are the register's.

    A year before, the pupils of a grade were those of the next grade now; who was in the last grade
    has left. Boarders are of grade 4 and up, and known in the last year only.
    """
    rows: list[tuple[object, ...]] = []
    for row in schools[schools["stage"] != KINDERGARTEN].to_dict("records"):
        now = _by_grade(row)
        board = _boarders(now, int(row["boarders"]))
        grades = sorted(now)
        for back, year in enumerate(reversed(YEARS)):
            for grade in grades:
                there = now.get(grade + back)
                if (
                    there is None
                ):  # they have left; they were as many more as grades below are fewer
                    last = grades[-1]
                    there = now[last] * (_BASE + _STEP * (grade + back)) // (_BASE + _STEP * last)
                boarding = board.get(grade, 0) if back == 0 else None
                rows.append((row["site_id"], year, grade, there, boarding))
    table = pd.DataFrame(rows, columns=["site_id", "year", "grade", "pupils", "boarders"])
    table["boarders"] = table["boarders"].astype("Int64")
    return table.sort_values(["year", "site_id", "grade"], kind="stable", ignore_index=True)


def _by_grade(row: dict[object, object]) -> dict[int, int]:
    """Return the pupils of a school by grade in the last year; those of each stage its own."""
    first, last = int(str(row["grade_from"])), int(str(row["grade_to"]))
    spans = [(first, last, int(str(row["enrolment"])))]
    if first <= 6 < last:  # a nine-year school
        lower = int(str(row["enrolment_primary"]))
        spans = [(first, 6, lower), (7, last, int(str(row["enrolment_junior"])))]
    found: dict[int, int] = {}
    for low, high, pupils in spans:
        grades = np.arange(low, high + 1)
        found |= dict(
            zip(grades.tolist(), shares(pupils, _BASE + _STEP * grades).tolist(), strict=True)
        )
    return found


def _boarders(pupils: dict[int, int], boarders: int) -> dict[int, int]:
    """Return boarders by grade, in proportion to the pupils of grades 4 and up."""
    upper = {grade: n for grade, n in pupils.items() if grade >= 4}
    if not sum(upper.values()):
        return {}
    number = min(boarders, sum(upper.values()))
    parts = shares(number, np.array(list(upper.values()), dtype=np.int64))
    return dict(zip(upper, parts.tolist(), strict=True))


def births(zones: gpd.GeoDataFrame) -> pd.DataFrame:
    """Return births by township: those of ages 0–14 now, and as many as are stated for later."""
    rows = []
    for zone in zones.to_dict("records"):
        single = _single(zone)
        rows += [(zone["zone_id"], YEARS[-1] - age, single[age]) for age in range(14, -1, -1)]
        rows += [
            (zone["zone_id"], YEARS[-1] + ahead, single[0] * percent // 100)
            for ahead, percent in enumerate(_LATER, start=1)
        ]
    return pd.DataFrame(rows, columns=["zone_id", "year", "persons"])


def _single(zone: Mapping[Any, Any]) -> list[int]:
    """Return a township's people of ages 0–17, year by year."""
    return [
        int(n)
        for group, weights in _SINGLE.items()
        for n in shares(int(zone[group]), np.array(weights, dtype=np.int64))
    ]


def ages(zones: gpd.GeoDataFrame) -> pd.DataFrame:
    """Return the people of every township by the bands of a census."""
    rows = []
    for zone in zones.to_dict("records"):
        single = _single(zone)
        single += shares(int(zone["age_18_59"]) // _YOUNG_ADULTS, np.array([1, 1])).tolist()
        bands = [single[0], sum(single[1:5]), *(sum(single[a : a + 5]) for a in (5, 10, 15))]
        rows.append([zone["zone_id"], zone["name"], *bands, int(zone["population"]) - sum(bands)])
    return pd.DataFrame(rows, columns=["zone_id", "name", *BANDS])

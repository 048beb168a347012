"""Seats, beds and classes at receivers, by year; what is not known is named."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from siting.allocation import seats_of
from siting.demand import not_whole
from siting.errors import DataError, Problem
from siting.merger.setting import Setting

GRADES: Final = 13
"""Length of an array by grade: grade 0 is not used."""
COMPLETE: Final = "school.class_size_complete_primary"
INCOMPLETE: Final = "school.class_size_incomplete_primary"
MIDDLE: Final = "school.class_size_middle"
PRIMARY: Final = 6
"""Last grade of a primary school."""


class Schools(NamedTuple):
    """What the schools of the travel times have, by position; not known is NaN.

    ``own``: pupils by site, year and grade if nothing changes; ``taught``: by site and grade;
    ``size``: pupils of a class by site and grade, by ``rule`` (position in :data:`SIZES`).
    """

    seats: NDArray[np.float64]
    beds: NDArray[np.float64]
    boarders: NDArray[np.float64]
    classrooms: NDArray[np.float64]
    own: NDArray[np.int64]
    own_of_service: NDArray[np.int64]
    taught: NDArray[np.bool_]
    taught_of_service: NDArray[np.bool_]
    size: NDArray[np.int64]


SIZES: Final = (COMPLETE, INCOMPLETE, MIDDLE)


def schools_at(
    sites: pd.Index[str],
    pupils: pd.DataFrame,
    years: list[int],
    of: Setting,
) -> Schools:
    """Gather what the schools have, in the order of ``sites``.

    Raises
    ------
    DataError
        Seats, beds, boarders or classrooms that are no whole numbers, schools that repeat.
    """
    service, teaching, schools = of.service, of.teaching, of.schools
    n = len(sites)
    own = np.zeros((n, len(years), GRADES), np.int64)
    mine = np.zeros((n, len(years), GRADES), np.int64)
    at = np.asarray(sites.get_indexer(pd.Index(pupils["site_id"])), dtype=np.int64)
    there = (at >= 0) & pupils["year"].isin(years).to_numpy()
    spot = (
        at[there],
        np.searchsorted(years, pupils["year"].to_numpy()[there]),
        pupils["grade"].to_numpy(dtype=np.int64)[there],
    )
    persons = pupils["persons"].to_numpy(dtype=np.int64)[there]
    np.add.at(own, spot, persons)
    np.add.at(mine, spot, persons * (pupils["service"] == service).to_numpy()[there])
    taught, of_service = taught_at(sites, teaching), taught_at(sites, teaching, service)
    full = taught[:, 1 : PRIMARY + 1].all(axis=1)
    rule = np.full((n, GRADES), SIZES.index(MIDDLE))
    rule[:, : PRIMARY + 1] = np.where(full, SIZES.index(COMPLETE), SIZES.index(INCOMPLETE))[:, None]
    size = np.array([int(of.rules[name].strict) for name in SIZES])
    if "seats" in teaching:
        _whole(teaching, ("seats",), "teaching")
    known = seats_of(teaching, service, column="seats").reindex(sites)
    seats = np.asarray(known.to_numpy(dtype=float, na_value=np.nan), dtype=float)
    has = {name: np.full(n, np.nan) for name in ("beds", "boarders", "classrooms")}
    if schools is not None:
        if twice := sorted(set(schools["site_id"][schools["site_id"].duplicated()])):
            raise DataError(
                Problem("schools", f"{len(twice)} schools repeat", "Leave one.", tuple(twice))
            )
        columns = tuple(c for c in has if c in schools)
        _whole(schools, columns, "schools")
        for column in columns:
            told = schools.set_index("site_id")[column].reindex(sites)
            has[column] = pd.to_numeric(told).to_numpy(dtype=float, na_value=np.nan)
    return Schools(
        seats, has["beds"], has["boarders"], has["classrooms"], own, mine, taught, of_service,
        size[rule],
    )  # fmt: skip


def taught_at(
    sites: pd.Index[str], teaching: pd.DataFrame, service: str | None = None
) -> NDArray[np.bool_]:
    """Return which grades the sites teach, of one service or of all: (sites, grades)."""
    rows = teaching if service is None else teaching[teaching["service"] == service]
    taught = np.zeros((len(sites), GRADES), dtype=bool)
    at = sites.get_indexer(pd.Index(rows["site_id"]))
    for place, first, last in zip(at, rows["grade_from"], rows["grade_to"], strict=True):
        if place >= 0:
            taught[place, int(first) : int(last) + 1] = True
    return taught


def _whole(table: pd.DataFrame, columns: tuple[str, ...], name: str) -> None:
    problems = []
    for column in columns:
        wrong = not_whole(table[column]) & table[column].notna().to_numpy()
        if wrong.any():
            problems.append(
                Problem(
                    name,
                    f"{int(wrong.sum())} rows have {column} that are no whole number of 0 or more",
                    "Correct the values, or leave them empty where they are not known.",
                    tuple(sorted(set(table["site_id"][wrong].astype(str)))),
                )
            )
    if problems:
        raise DataError(problems)


def short(come: NDArray[np.int64], free: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return what is short once somebody comes; NaN where what is free is not known.

    Less than nothing is free where a school is over-full: then that is short too.

    Examples
    --------
    >>> short(np.array([5, 0, 5]), np.array([3, np.nan, np.nan])).tolist()
    [2.0, 0.0, nan]
    """
    return np.where(come == 0, 0.0, np.maximum(come - free, 0))


def classes(pupils: NDArray[np.int64], size: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the classes that pupils by grade (last axis) need, no class above its size.

    Examples
    --------
    >>> classes(np.array([[46, 45, 0]]), np.array([[45, 45, 45]])).tolist()
    [3]
    """
    needed: NDArray[np.int64] = (-(-pupils // size)).sum(axis=-1)
    return needed

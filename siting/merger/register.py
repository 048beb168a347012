"""What the pupils are located from, held to its words: children, enrolment, catchments."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pandas as pd

from siting.demand import not_whole
from siting.errors import DataError, Problem, StudyError, first_ids
from siting.merger.units import check_teaching

if TYPE_CHECKING:
    from siting.travel_time import TravelTimes

CHILDREN: Final = ("demand_id", "year", "grade", "persons")


def taught_by_grade(teaching: pd.DataFrame, service: str) -> dict[int, frozenset[str]]:
    """Return the schools that teach each grade of a service."""
    check_teaching(teaching)
    rows = of_service(teaching, service)
    if rows.empty:
        raise StudyError(
            f"no school teaches {service!r}; services are "
            f"{first_ids(sorted(set(teaching['service'])))}. Use one of these."
        )
    first, last = rows["grade_from"].astype(int), rows["grade_to"].astype(int)
    found = {
        g: frozenset(rows.loc[(first <= g) & (g <= last), "site_id"].astype(str))
        for g in range(int(first.min()), int(last.max()) + 1)
    }
    return {g: sites for g, sites in found.items() if sites}


def of_service(table: pd.DataFrame, service: str) -> pd.DataFrame:
    """Return the rows of a service."""
    return table[table["service"] == service]


def children_of(table: pd.DataFrame, times: TravelTimes, grades: set[int]) -> pd.DataFrame:
    """Return the children of these grades, held to their words."""
    if lacking := [c for c in CHILDREN if c not in table]:
        raise DataError(
            Problem("children", f"the column {', '.join(lacking)} is missing", "Add it.")
        )
    ids = table["demand_id"].astype(str)
    problems = []
    wrong = not_whole(table["persons"]) | not_whole(table["grade"]) | not_whole(table["year"])
    if wrong.any():
        problems.append(
            Problem(
                "children",
                f"{int(wrong.sum())} of {len(table)} rows have persons, a grade or a year that is "
                "no whole number of 0 or more",
                "Correct the values.",
                tuple(sorted(set(ids[wrong]))),
            )
        )
    twice = table.duplicated(["demand_id", "year", "grade"], keep=False)
    if twice.any():
        problems.append(
            Problem(
                "children",
                f"{int(twice.sum())} rows share their home, year and grade with another",
                "Add them up first.",
                tuple(sorted(set(ids[twice]))),
            )
        )
    away = ~ids.isin(set(map(str, times.demand_id)))
    if away.any():
        problems.append(
            Problem(
                "children",
                f"{ids[away].nunique()} homes are not in the travel times",
                "Use the demand that the travel times were computed for.",
                tuple(sorted(set(ids[away]))),
            )
        )
    if problems:
        raise DataError(problems)
    mine = table["grade"].isin(grades) & (table["persons"] > 0)
    found = table.loc[mine, list(CHILDREN)].astype(
        {"demand_id": "str", "year": "int64", "grade": "int64", "persons": "int64"}
    )
    return found.sort_values(["year", "grade", "demand_id"], ignore_index=True)


def enrolled_in(
    enrolment: pd.DataFrame | None,
    teaching: pd.DataFrame,
    taught: dict[int, frozenset[str]],
    base: int,
) -> dict[tuple[str, int], int]:
    """Return the pupils of the base year by school and grade, where known."""
    if enrolment is None:
        return {}
    rows = enrolment[enrolment["year"] == base]
    rows = rows[rows["pupils"].notna()]
    names = rows["site_id"].astype(str) + " grade " + rows["grade"].astype(str)
    problems = []
    wrong = not_whole(rows["pupils"])
    if wrong.any():
        problems.append(
            Problem(
                "enrolment",
                f"{int(wrong.sum())} rows have pupils that are no whole number of 0 or more",
                "Correct the values, or leave them empty where they are not known.",
                tuple(sorted(names[wrong])),
            )
        )
    twice = rows.duplicated(["site_id", "grade"], keep=False)
    if twice.any():
        problems.append(
            Problem(
                "enrolment",
                f"{int(twice.sum())} rows share their school, grade and year with another",
                "Leave one.",
                tuple(sorted(set(names[twice]))),
            )
        )
    pairs = {
        (str(s), g)
        for s, first, last in teaching[["site_id", "grade_from", "grade_to"]].itertuples(
            index=False
        )
        for g in range(int(first), int(last) + 1)
    }
    told = list(zip(rows["site_id"].astype(str), rows["grade"], strict=True))
    odd = [name for name, at in zip(names, told, strict=True) if at not in pairs]
    if odd:
        problems.append(
            Problem(
                "enrolment",
                f"{len(odd)} rows are of a grade that their school does not teach",
                "Correct the grade, or the grades of the school.",
                tuple(sorted(odd)),
            )
        )
    if problems:
        raise DataError(problems)
    return {
        (site, int(grade)): int(n)
        for (site, grade), n in sorted(zip(told, rows["pupils"], strict=True))
        if site in taught.get(int(grade), ())
    }


def catchment_of(
    catchments: pd.DataFrame | None, service: str, times: TravelTimes
) -> pd.Series[str]:
    """Return the school of each catchment by demand id."""
    if catchments is None:
        return pd.Series(dtype="str")
    rows = of_service(catchments, service)
    ids = rows["demand_id"].astype(str)
    twice = ids[ids.duplicated()]
    away = ids[~ids.isin(set(map(str, times.demand_id)))]
    unknown = rows["site_id"][~rows["site_id"].isin(set(map(str, times.site_id)))]
    problems = [
        Problem("catchments", f"{n.nunique()} {what}", mend, tuple(sorted(set(map(str, n)))))
        for n, what, mend in (
            (twice, "homes lie in two catchments", "Give a home one school."),
            (away, "homes are not in the travel times", "Use the demand of the travel times."),
            (unknown, "schools are not in the travel times", "Name schools of the register."),
        )
        if len(n)
    ]
    if problems:
        raise DataError(problems)
    return pd.Series(rows["site_id"].to_numpy(), index=pd.Index(ids), dtype="str")

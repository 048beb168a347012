"""Children by grade at places, and pupils by grade at schools, from a census and from counts."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import NamedTuple

import geopandas as gpd
import pandas as pd

from siting import cohorts, quality, tables
from siting import demand as demand_room
from siting.coverage import Members
from siting.errors import DataError, Problem, first_ids
from siting.load import Layer
from siting.quality import Row
from siting.study import Schools, Study


class Files(NamedTuple):
    """The layers of ``[schools]`` as they were read; None where not given, or not readable."""

    register: Layer | None
    enrolment: Layer | None
    ages: Layer | None
    births: Layer | None
    catchments: Layer | None


def home_zones(lives: Members, zoning: str) -> pd.Series[str]:
    """Return the zone of every demand point in one zoning, by ``demand_id``."""
    return pd.Series(lives.of(zoning), index=lives.demand_id.rename("demand_id"), dtype="str")


def children(
    study: Study,
    files: Files,
    *,
    demand: gpd.GeoDataFrame,
    lives: Members,
    groups: pd.DataFrame,
    first_age: int,
) -> tuple[pd.DataFrame, pd.DataFrame | None, list[Row]]:
    """Return children by grade at places, the flows between years, and what is odd."""
    asked, ages = study.schools, study.people.ages
    assert asked is not None  # asked for by whoever calls
    if ages is None or files.ages is None:
        none = pd.DataFrame({"demand_id": [], "year": [], "grade": [], "persons": []})
        none = none.astype({"demand_id": "str", "year": int, "grade": int, "persons": int})
        what = "no [people.ages]: how many children live where is not known"
        return none, None, [("children", "", "column_unknown", what)]
    oldest = first_age + tables.LAST_GRADE - 1
    home = home_zones(lives, ages.zoning)
    bands: pd.DataFrame = files.ages.table
    known, here = set(bands["zone_id"]), set(home) - {""}
    if strange := sorted(known - here):
        raise DataError(
            Problem(
                "people.ages",
                f"{len(strange)} zones of the census are no zone of {ages.zoning} with people "
                f"({first_ids(strange)})",
                "Correct zone_id or zoning, name the row that is a total (total_row), or say into "
                "which zone a row belongs (merge).",
                tuple(strange),
            )
        )
    told: list[Row] = [
        ("children", zone, "zone_without_ages", f"no ages of this zone of {ages.zoning}")
        for zone in sorted(here - known)
    ]  # fmt: skip
    single = cohorts.single_years(bands, known=_births_before(asked, files, known, ages.year))
    told += quality.ages(single.negative, cohorts.birth_drop(single.ages))
    weight = None
    if ages.by:
        mine = groups[groups["group"].isin(ages.by)]
        weight = mine.groupby("demand_id")["persons"].sum()
    places = cohorts.children(
        demand, single.ages[single.ages["age"] <= oldest], zone_of=home, year=ages.year,
        weight=weight,
    )  # fmt: skip
    every, flows = _forward(asked, files, places, demand, home, base=ages.year, oldest=oldest)
    graded = cohorts.by_grade(every, first_grade_age=first_age, grades=tables.LAST_GRADE)
    graded = graded[graded["year"].isin(asked.years)].reset_index(drop=True)
    return graded, flows, told


def _births_before(
    asked: Schools, files: Files, zones: set[str], census: int
) -> pd.DataFrame | None:
    """Return births up to the census by the age they have in it: the shape of bands, if given.

    Births of the whole region say the shape of every zone: they are used as proportions.
    """
    if files.births is not None:
        rows = files.births.table[files.births.table["year"] <= census]
        known = rows.assign(age=census - rows["year"])[["zone_id", "age", "persons"]]
    else:
        births = asked.children.births if asked.children is not None else None
        told = [
            (zone, census - year, persons)
            for zone in sorted(zones)
            for year, persons in (births or {}).items()
            if year <= census
        ]
        known = pd.DataFrame(told, columns=["zone_id", "age", "persons"])
    return known if len(known) else None


def _forward(
    asked: Schools,
    files: Files,
    places: pd.DataFrame,
    demand: gpd.GeoDataFrame,
    zone_of: pd.Series[str],
    *,
    base: int,
    oldest: int,
) -> tuple[pd.DataFrame, pd.DataFrame | None]:
    """Return the children of every year from the census on, and the flows between years."""
    later = asked.children
    until = asked.years[-1]
    if base == until or later is None:
        return places, None
    births: Mapping[int, int] | pd.DataFrame = later.births or {}
    if files.births is not None:
        births = files.births.table
    carried = partial(
        cohorts.carried_forward,
        births=births, zone_of=zone_of, survival=later.survival, oldest=oldest,
    )  # fmt: skip
    if not later.to_town:
        found = carried(places, until=until)
        return found.children, found.flows
    towns = demand.set_index("demand_id")["settlement"].isin(demand_room.TOWNS)
    now, tables_of, flows = places, [places], []
    for year in range(base + 1, until + 1):
        step = carried(now, until=year)
        if persons := later.to_town.get(year, 0):  # of the ages reached in that year
            there = step.children[step.children["year"] == year]
            moved = cohorts.to_town(there, towns, year=year, persons=persons)
            step = carried(now, until=year, moved=moved)
        now = step.children[step.children["year"] == year].reset_index(drop=True)
        tables_of.append(now)
        flows.append(step.flows)
    return pd.concat(tables_of, ignore_index=True), pd.concat(flows, ignore_index=True)


def enrolment(
    asked: Schools,
    files: Files,
    schools: pd.DataFrame,
    teaching: pd.DataFrame,
    children: pd.DataFrame,
    eligible: pd.DataFrame,
    zone_of: pd.Series[str],
) -> tuple[pd.DataFrame, list[Row]]:
    """Return pupils by school, grade and year: as given, or totals by the split declared."""
    columns = ["site_id", "grade", "year", "pupils", "boarders", "how"]
    kinds = {"site_id": "str", "grade": "int64", "year": "int64", "pupils": "int64",
             "boarders": "Int64", "how": "str"}  # fmt: skip
    if files.enrolment is None or asked.enrolment is None:
        none = pd.DataFrame({column: [] for column in columns}).astype(kinds)
        return none, [("enrolment", "", "column_unknown", "no [schools.enrolment]")]
    rows: pd.DataFrame = files.enrolment.table
    rows = rows[rows["site_id"].isin(schools["site_id"]) & rows["pupils"].notna()]
    whole = rows[rows["grade"].isna()]
    split = asked.enrolment.split
    if len(whole) and split is None:
        ids = sorted(set(whole["site_id"]))
        raise DataError(
            Problem(
                "schools.enrolment",
                f"{len(whole)} numbers are of a school as a whole, not of a grade "
                f"({first_ids(ids)})",
                'Give pupils by grade, or say how to divide them: split = "even" or "as_children".',
                tuple(ids),
            )
        )
    told: list[Row] = []
    parts = [rows[rows["grade"].notna()].assign(how="given")]
    spans = schools.set_index("site_id")[["grade_from", "grade_to"]]
    weights = _children_in_areas(teaching, children, eligible, zone_of, asked.year)
    for site, year, number, boarders in zip(
        *(whole[c].tolist() for c in ("site_id", "year", "pupils", "boarders")), strict=True
    ):
        first, last = (int(v) for v in spans.loc[site])
        grades = range(first, last + 1)
        by = weights.get(site, {}) if split == "as_children" else None
        if by is not None and (why := _not_by(by, grades)):
            told.append(("enrolment", site, "split_evenly", f"{year}: {why}"))
            by = None
        if not pd.isna(boarders):
            what = f"{year}: {boarders} boarders of a total, by grade unknown"
            told.append(("enrolment", site, "boarders_not_split", what))
        made = cohorts.split_by_grade(int(number), grades, by)
        parts.append(
            pd.DataFrame(
                {
                    "site_id": site,
                    "grade": list(made),
                    "year": year,
                    "pupils": list(made.values()),
                    "boarders": pd.array([pd.NA] * len(made), dtype="Int64"),
                    "how": "split",
                }
            )
        )
    found = pd.concat(parts, ignore_index=True).astype(kinds)[columns]
    return found.sort_values(["site_id", "year", "grade"], ignore_index=True), told


def _children_in_areas(
    teaching: pd.DataFrame,
    children: pd.DataFrame,
    eligible: pd.DataFrame,
    zone_of: pd.Series[str],
    year: int,
) -> dict[str, dict[int, int]]:
    """Return the children of the base year by school and grade, of all zones it may admit.

    Every grade of a service that admits from some zone is there, with 0 where no child is of it; of
    other grades it is not known whom they admit, and they are not there.
    """
    mine = children[children["year"] == year]
    zone = mine["demand_id"].map(zone_of).fillna("")
    sums = mine.groupby([zone.rename("zone_id"), "grade"])["persons"].sum().reset_index()
    known = eligible[["site_id", "service"]].drop_duplicates()
    admits = teaching.merge(known, on=["site_id", "service"])
    found: dict[str, dict[int, int]] = {}
    for site, first, last in zip(
        *(admits[c].tolist() for c in ("site_id", "grade_from", "grade_to")), strict=True
    ):
        found.setdefault(site, {}).update(dict.fromkeys(range(first, last + 1), 0))
    rows = eligible.merge(sums, on="zone_id").merge(teaching, on=["site_id", "service"])
    rows = rows[rows["grade"].between(rows["grade_from"], rows["grade_to"])]
    sums = rows.groupby(["site_id", "grade"], sort=True)["persons"].sum().reset_index()
    for site, g, n in zip(sums["site_id"], sums["grade"], sums["persons"], strict=True):
        found[str(site)][int(g)] = int(n)
    return found


def _not_by(weights: Mapping[int, int], grades: range) -> str:
    """Say why a school's pupils cannot be divided as children are; blank where they can."""
    unknown = [grade for grade in grades if grade not in weights]
    if unknown:
        return f"whom it admits to grade {first_ids(unknown, len(grades))} is not known"
    if not sum(weights[grade] for grade in grades):
        return "no children of its grades in its admission area"
    return ""

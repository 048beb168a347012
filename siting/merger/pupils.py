"""Which child goes to which school if nothing changes, this year and later."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
import pandas as pd

from siting.allocation import max_served, nearest
from siting.demand import largest_remainder
from siting.merger.register import (
    catchment_of,
    children_of,
    enrolled_in,
    of_service,
    taught_by_grade,
)

if TYPE_CHECKING:
    from siting.travel_time import TravelTimes

PUPILS: Final = ("demand_id", "site_id", "service", "grade", "year", "persons")
RECONCILED: Final = ("site_id", "service", "grade", "children", "pupils", "difference")
KEY: Final = ["year", "grade", "demand_id", "site_id"]


@dataclass(frozen=True, eq=False)
class Pupils:
    """Who goes where if nothing changes.

    Attributes
    ----------
    table
        :data:`PUPILS`, one row a home, school, grade and year with somebody. ``demand_id`` is
        ``""`` for pupils whose home nobody knows, ``site_id`` for children at no school of the
        register. Persons at homes are the children given, by home, grade and year.
    reconciled
        :data:`RECONCILED`, one row a school and grade of the base year: the children who would go
        there by catchment, else to the nearest school of their admission area; the pupils enrolled
        (missing where unknown); pupils less children.
    findings
        ``table``, ``id``, ``what``, ``detail``: what is listed and is no error.
    """

    table: pd.DataFrame
    reconciled: pd.DataFrame
    findings: pd.DataFrame


def pupils(
    children: pd.DataFrame,
    times: TravelTimes,
    *,
    service: str,
    teaching: pd.DataFrame,
    enrolment: pd.DataFrame | None = None,
    zone_of: pd.Series[str] | None = None,
    eligible: pd.DataFrame | None = None,
    catchments: pd.DataFrame | None = None,
) -> Pupils:
    """Locate the children of a service at its schools, in the base year and every later one.

    **Base year** (the first of ``children``), grade by grade. A child's *own school* is that of its
    catchment where that teaches the grade, else the nearest of its admission area that does. Where
    the enrolment of the own school is not known, the child goes there. All others are placed by
    enrolment: as many as can be, then at least person-time (:func:`siting.allocation.max_served`,
    pupils enrolled for seats, within the admission area and the cutoff of the travel times). Who is
    left has no school of the register; pupils beyond the children placed have no known home.

    **Later years.** Of a home's children of grades that the same schools teach, each school of the
    base year keeps its share (none of the register is a share too; the own school has all where the
    home had no such child), by largest remainder and dealt evenly over the grades. Pupils without a
    known home grow a grade older each year; the school's first grade is filled with those of the
    base year × children of that grade in its admission area now / then, rounded (as many as in the
    base year where there were none then).

    Parameters
    ----------
    children
        ``demand_id``, ``year``, ``grade``, ``persons``; grades the service does not teach are left
        aside.
    times
        Travel times by time from homes to all schools of the service, as children travel today.
    service
        Whose grades.
    teaching
        ``site_id``, ``service``, ``grade_from``, ``grade_to``.
    enrolment
        ``site_id``, ``grade``, ``year``, ``pupils``; only the base year is read. A school and grade
        without a number is unknown, not empty.
    zone_of, eligible
        Zone by demand id; ``zone_id``, ``site_id``, ``service`` of the schools each zone may use.
    catchments
        ``demand_id``, ``service``, ``site_id``; may name some homes only.

    Raises
    ------
    DataError
        Children or pupils that are not whole, repeat, or live or learn at unknown places; enrolment
        in a grade that the school does not teach.
    StudyError
        A service that nobody teaches.

    Examples
    --------
    Three children, one school with two pupils enrolled; next year there are two children:

    >>> from siting.travel_time import TravelTimes
    >>> times = TravelTimes(
    ...     mode="walk", impedance="time", cutoff=9, k=0,
    ...     demand_id=np.array(["d"], dtype=object), site_id=np.array(["A"], dtype=object),
    ...     indptr=np.array([0, 1]), site=np.array([0], dtype=np.int32),
    ...     value=np.array([2], dtype=np.int32), access=np.array([0]),
    ...     attached=np.array([True]), component=np.array([0], dtype=np.int32),
    ...     site_components=((0,),), reach_class=np.array([0], dtype=np.int32),
    ...     reachable=np.array([[True]]))
    >>> found = pupils(
    ...     pd.DataFrame({"demand_id": "d", "year": [2025, 2026], "grade": 1, "persons": [3, 2]}),
    ...     times, service="primary",
    ...     teaching=pd.DataFrame({"site_id": ["A"], "service": "primary", "grade_from": 1,
    ...                            "grade_to": 1}),
    ...     enrolment=pd.DataFrame({"site_id": ["A"], "grade": 1, "year": 2025, "pupils": 2}))
    >>> found.table[["year", "site_id", "persons"]].values.tolist()
    [[2025, '', 1], [2025, 'A', 2], [2026, '', 1], [2026, 'A', 1]]
    """
    taught = taught_by_grade(teaching, service)
    mine = children_of(children, times, set(taught))
    years = sorted(int(year) for year in children["year"].unique())
    base = years[0] if years else 0
    enrolled = enrolled_in(enrolment, teaching, taught, base)
    catchment = catchment_of(catchments, service, times)
    area = _Area(zone_of, None if eligible is None else of_service(eligible, service))
    bands = {g: min(h for h, sites in taught.items() if sites == taught[g]) for g in taught}

    own = {b: _own(times, mine, taught[b], area, catchment) for b in sorted(set(bands.values()))}
    located, reconciled = [], []
    for grade, sites in taught.items():
        now = mine[(mine["year"] == base) & (mine["grade"] == grade)]
        persons = now.set_index("demand_id")["persons"]
        here = own[bands[grade]].reindex(persons.index).fillna("")
        known = {s: enrolled[s, grade] for s in sorted(sites) if (s, grade) in enrolled}
        placed = _placed(times, persons, here, known, area)
        located.append(placed.assign(grade=grade))
        count = persons.groupby(here.to_numpy()).sum()
        reconciled += [
            (s, service, grade, int(count.get(s, 0)), known.get(s, pd.NA)) for s in sorted(sites)
        ]
    today = pd.concat(located, ignore_index=True)
    homeless = _homeless(today, enrolled)
    later = _later(mine[mine["year"] > base], today, bands, own)
    grown = _grown(homeless, mine, taught, area, years)
    table = pd.concat([today.assign(year=base), later, grown], ignore_index=True)
    table = table[table["persons"] > 0].assign(service=service)
    table = table.astype({"demand_id": "str", "site_id": "str", "service": "str"})
    table = table.sort_values(KEY, ignore_index=True)[list(PUPILS)]
    compared = pd.DataFrame(reconciled, columns=list(RECONCILED[:5])).astype(
        {"site_id": "str", "service": "str", "pupils": "Int64"}
    )
    compared["difference"] = compared["pupils"] - compared["children"]
    compared = compared.sort_values(["site_id", "grade"], ignore_index=True)
    found = _findings(mine, own, bands, compared, table, catchment, taught, base)
    return Pupils(table, compared, found)


class _Area(NamedTuple):
    """Admission areas of one service."""

    zone_of: pd.Series[str] | None
    eligible: pd.DataFrame | None

    def zones(self, site: str) -> set[str] | None:
        """Return the zones whose children may go to a school; None for all."""
        if self.eligible is None:
            return None
        return set(self.eligible.loc[self.eligible["site_id"] == site, "zone_id"])


def _own(
    times: TravelTimes,
    children: pd.DataFrame,
    sites: frozenset[str],
    area: _Area,
    catchment: pd.Series[str],
) -> pd.Series[str]:
    """Return each home's own school by demand id; homes without one are not in it."""
    homes = pd.Series(1, index=pd.Index(sorted(children["demand_id"].unique())))
    found = nearest(times, homes, open_sites=sites, zone_of=area.zone_of, eligible=area.eligible)
    own = found.table.set_index("demand_id")["site_id"]
    told = catchment[catchment.isin(sites)]
    both: pd.Series[str] = pd.concat([told, own[~own.index.isin(told.index)]]).astype("str")
    return both


def _placed(
    times: TravelTimes,
    persons: pd.Series[int],
    own: pd.Series[str],
    known: dict[str, int],
    area: _Area,
) -> pd.DataFrame:
    """Return ``demand_id``, ``site_id``, ``persons`` of one grade, by enrolment where known."""
    stays = (own != "") & ~own.isin(list(known))
    parts = [_rows(persons.index[stays], own[stays], persons[stays])]
    left = persons[~stays]
    if known and len(left):
        found = max_served(
            times, left, open_sites=list(known), threshold=times.cutoff,
            capacity=pd.Series(known), zone_of=area.zone_of, eligible=area.eligible,
        ).table  # fmt: skip
        parts.append(found[["demand_id", "site_id", "persons"]])
        left = left - found.groupby("demand_id")["persons"].sum().reindex(left.index, fill_value=0)
    left = left[left > 0]
    parts.append(_rows(left.index, pd.Series("", index=left.index), left))
    return pd.concat(parts, ignore_index=True)


def _rows(homes: pd.Index[str], site: pd.Series[str], persons: pd.Series[int]) -> pd.DataFrame:
    return pd.DataFrame(
        {"demand_id": homes, "site_id": site.to_numpy(), "persons": persons.to_numpy("int64")}
    )


def _homeless(
    today: pd.DataFrame, enrolled: dict[tuple[str, int], int]
) -> dict[tuple[str, int], int]:
    """Return the pupils of each school and grade beyond the children placed there."""
    placed = today.groupby(["site_id", "grade"])["persons"].sum()
    return {at: n - int(placed.get(at, 0)) for at, n in enrolled.items()}


def _grown(
    homeless: dict[tuple[str, int], int],
    children: pd.DataFrame,
    taught: dict[int, frozenset[str]],
    area: _Area,
    years: list[int],
) -> pd.DataFrame:
    """Return the pupils without a known home in every year."""
    base = years[0] if years else 0
    rows = [("", site, n, grade, base) for (site, grade), n in homeless.items()]
    for site in sorted({site for site, _ in homeless}):
        grades = sorted(g for g, sites in taught.items() if site in sites)
        zones = area.zones(site)
        mine = children[children["grade"] == grades[0]]
        if zones is not None and area.zone_of is not None:
            mine = mine[mine["demand_id"].map(area.zone_of).isin(zones)]
        cohort = mine.groupby("year")["persons"].sum()
        first, then = homeless.get((site, grades[0]), 0), int(cohort.get(base, 0))

        for year in years[1:]:
            for grade in grades:
                back = grade - (year - base)  # the grade of the same children in the base year
                if back >= grades[0]:
                    n = homeless.get((site, back), 0)
                else:
                    entered = year - (grade - grades[0])
                    now = int(cohort.get(entered, 0))
                    n = (2 * first * now + then) // (2 * then) if then else first
                rows.append(("", site, n, grade, year))
    return pd.DataFrame(rows, columns=["demand_id", "site_id", "persons", "grade", "year"]).astype(
        {"persons": "int64", "grade": "int64", "year": "int64"}
    )


def _later(
    later: pd.DataFrame,
    today: pd.DataFrame,
    bands: dict[int, int],
    own: dict[int, pd.Series[str]],
) -> pd.DataFrame:
    """Return the children of later years at the schools whose share their home had."""
    share = today[today["demand_id"] != ""].assign(band=today["grade"].map(bands))
    share = share.groupby(["demand_id", "band", "site_id"])["persons"].sum().reset_index()
    rows = later.assign(band=later["grade"].map(bands))
    key = ["demand_id", "band"]
    count = share.groupby(key)["site_id"].agg(["size", "first"]).reset_index()
    rows = rows.merge(count, on=key, how="left")
    none = rows["size"].isna()
    by_own = pd.Series("", index=rows.index, dtype="str")
    for number, site in own.items():
        here = rows["band"] == number
        by_own[here] = site.reindex(rows.loc[here, "demand_id"]).fillna("").to_numpy()
    rows["site_id"] = rows["first"].where(~none, by_own)
    split = rows["size"] > 1
    columns = ["demand_id", "site_id", "persons", "grade", "year"]
    dealt = _dealt(rows[split].sort_values([*key, "year", "grade"]), share)
    return pd.concat([rows.loc[~split, columns], dealt[columns]], ignore_index=True)


def _dealt(rows: pd.DataFrame, share: pd.DataFrame) -> pd.DataFrame:
    """Deal the children of homes with several schools to them.

    ``rows`` are sorted by home, band, year and grade, ``share`` by home, band and school. Those of
    one home, band and year are divided by largest remainder and dealt out grade after grade, the
    k-th of a school's n at (2k + 1) / 2n of the way, so that every grade has of each its part.
    """
    persons = rows["persons"].to_numpy(dtype=np.int64)
    key = ["demand_id", "band"]
    group = rows.groupby([*key, "year"], sort=False).ngroup().to_numpy(dtype=np.int64)
    if not len(rows):
        return rows
    heads = rows.drop_duplicates([*key, "year"])
    total = np.zeros(len(heads), np.int64)
    np.add.at(total, group, persons)
    at = pd.MultiIndex.from_frame(share[key])
    weights, sites = share["persons"].to_numpy(), share["site_id"].to_numpy(dtype=object)
    names = (share["demand_id"] + " " + share["site_id"]).to_numpy(dtype=object)
    first = pd.Series(np.arange(len(share)), index=at).groupby(level=[0, 1]).agg(["min", "max"])
    span = first.reindex(pd.MultiIndex.from_frame(heads[key])).to_numpy(dtype=np.int64)
    size = [
        largest_remainder(weights[a : b + 1], int(n), ids=names[a : b + 1].tolist())
        for (a, b), n in zip(span, total, strict=True)
    ]
    whose = np.concatenate([np.arange(a, b + 1) for a, b in span])
    of, parts = np.repeat(np.arange(len(heads)), [len(n) for n in size]), np.concatenate(size)
    # one row a child: the school's turns on one side, the grades on the other
    turn = np.repeat(np.arange(len(parts)), parts)
    nth = np.arange(len(turn)) - np.repeat(np.cumsum(parts) - parts, parts)
    turn = turn[np.lexsort((turn, (2 * nth + 1) / (2 * parts[turn]), of[turn]))]
    child = np.repeat(np.arange(len(rows)), persons)
    pair, count = np.unique(child * len(parts) + turn, return_counts=True)
    found: pd.DataFrame = rows.iloc[pair // len(parts)].reset_index(drop=True)
    found["site_id"], found["persons"] = sites[whose[pair % len(parts)]], count
    return found


def _findings(
    children: pd.DataFrame,
    own: dict[int, pd.Series[str]],
    bands: dict[int, int],
    compared: pd.DataFrame,
    table: pd.DataFrame,
    catchment: pd.Series[str],
    taught: dict[int, frozenset[str]],
    base: int,
) -> pd.DataFrame:
    """List what is no error: nobody is dropped for it."""
    rows: set[tuple[str, str, str, str]] = set()
    now = children[(children["year"] == base) & (children["persons"] > 0)]
    for grade, part in now.groupby("grade"):
        lost = part[~part["demand_id"].isin(own[bands[int(str(grade))]].index)]
        rows |= {
            ("children", str(d), "no_school_in_reach", f"{grade}: {n}")
            for d, n in zip(lost["demand_id"], lost["persons"], strict=True)
        }
    gaps = compared[compared["pupils"].isna()]
    rows |= {
        ("enrolment", s, "enrolment_unknown", f"{g}")
        for s, g in zip(gaps["site_id"], gaps["grade"], strict=True)
    }
    away = table[(table["demand_id"] == "") & (table["year"] == base)]
    rows |= {
        ("enrolment", s, "pupils_without_home", f"{g}: {n}")
        for s, g, n in zip(away["site_id"], away["grade"], away["persons"], strict=True)
    }
    every = frozenset().union(*taught.values())
    rows |= {
        ("catchments", str(d), "catchment_does_not_teach", s)
        for d, s in catchment.items()
        if s not in every
    }
    return pd.DataFrame(sorted(rows), columns=["table", "id", "what", "detail"], dtype="str")

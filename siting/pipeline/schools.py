"""From the study's files to the tables of schools: who teaches what, how many children, who may go.

Everything that a merger or a programme is decided by, in one frozen :class:`Schools`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from siting import coverage, load, quality, tables, text, travel_time
from siting import demand as demand_room
from siting.errors import DataError, Problem, first_ids
from siting.load import Layer, Sites
from siting.pipeline import admission, pupils
from siting.pipeline.pupils import Files
from siting.pipeline.reader import Reader, read_rows
from siting.quality import Row
from siting.rules import Rule
from siting.study import Schools as Asked
from siting.study import Study
from siting.travel_time import TravelTimes

if TYPE_CHECKING:
    from siting.pipeline.inputs import Inputs
    from siting.pipeline.region import Region

FIRST_AGE = "school.first_grade_age"
BOARDING_FROM = "school.boarding_from_grade"
SAME_NAME = "school.same_name_within"
RULES = (FIRST_AGE, BOARDING_FROM, SAME_NAME, admission.COMPULSORY)


@dataclass(frozen=True, eq=False)
class Schools:
    """Schools, their pupils and the children of their age.

    Attributes
    ----------
    schools
        One row a school with a place in a layer of the services: stage, level, grades, classrooms,
        seats, boarders, beds, staff, running cost, areas, condition; gaps are unknown.
    teaching
        ``site_id``, ``service``, ``grade_from``, ``grade_to``, ``seats`` (gaps: unknown).
    enrolment
        ``site_id``, ``grade``, ``year``, ``pupils``, ``boarders``, ``how`` (``given``, ``split``).
    children
        ``demand_id``, ``year``, ``grade``, ``persons``: who is of age for a grade, at home.
    flows
        Where the children of each year after the census came from, by zone; None where no year is.
    eligibility
        ``zone_id``, ``site_id``, ``service``: to which schools the children of a zone may go.
    zone_of
        The zone of each ``demand_id``, in the zoning of admission; ``""`` in none.
    catchments
        ``demand_id``, ``service``, ``site_id``; None where no catchments are given.
    findings
        ``table``, ``id``, ``what``, ``detail``: what is odd and no error.
    years
        The base year, then every later one.
    assumptions
        What is stated and not known, by name: for pages and ``run.json``.
    """

    schools: pd.DataFrame
    teaching: pd.DataFrame
    enrolment: pd.DataFrame
    children: pd.DataFrame
    flows: pd.DataFrame | None
    eligibility: pd.DataFrame
    zone_of: pd.Series[str]
    catchments: pd.DataFrame | None
    findings: pd.DataFrame
    years: tuple[int, ...]
    assumptions: Mapping[str, Any]


def read(study: Study, reader: Reader, layer: Callable[..., Layer | None]) -> Files | None:
    """Read the files of schools; None where the study has no ``[schools]``.

    Parameters
    ----------
    layer
        Reads a layer with shapes, as :func:`siting.pipeline.inputs.read_inputs` does.
    """
    asked, ages = study.schools, study.people.ages
    if asked is None:
        return None
    taken, later = asked.enrolment, asked.children

    def rows(kind: str, name: str, make: Callable[..., Layer], /, **words: Any) -> Layer | None:
        source = reader.sources[name]
        return reader(
            kind,
            name,
            Layer,
            lambda: make(read_rows(name, source), columns=source.columns, layer=name, **words),
        )

    register = rows("schools", "schools", load.schools)
    enrolment = births = bands = areas = None
    if taken is not None:
        enrolment = rows(
            "enrolment", "schools.enrolment", load.enrolment,
            year=taken.year, grades=taken.grades, years=taken.years,
        )  # fmt: skip
    if later is not None and later.births_file is not None:
        births = rows("births", "schools.children.births_file", load.births)
    if ages is not None:
        bands = rows(
            "ages", "people.ages", load.age_bands,
            bands=ages.columns_of_bands, merge=ages.merge, total_row=ages.total_row,
        )  # fmt: skip
    if asked.admission.catchments is not None:
        areas = layer("catchments", "schools.admission.catchments", Layer, load.catchments)
    return Files(register, enrolment, bands, births, areas)


def build(
    study: Study,
    files: Files | None,
    *,
    demand: gpd.GeoDataFrame,
    membership: pd.DataFrame,
    groups: pd.DataFrame,
    zones: gpd.GeoDataFrame,
    sites: Mapping[str, Sites],
    rules: Mapping[str, Rule],
) -> Schools | None:
    """Make the tables of schools.

    Parameters
    ----------
    demand, groups
        Today's people and their age groups, whatever scenario the study asks for: who moves from
        villages to towns is among what ``[schools.children]`` states.

    Raises
    ------
    DataError, StudyError
        What the files contradict: zones of the census that are not there, totals without a
        declared split, a catchment of no school.
    """
    asked = study.schools
    if asked is None or files is None or files.register is None:
        return None
    register: pd.DataFrame = files.register.table
    mine = {name: sites[name] for name in asked.services if name in sites}
    points = _points(mine)
    zonings = [str(name) for name in zones["zoning"].unique()]
    lies = _zones_of(points, zones)
    placed = register["site_id"].isin(points.index)
    schools = register[placed].reset_index(drop=True)
    offered = pd.concat([found.offers for found in mine.values()], ignore_index=True)
    if "capacity" not in offered:
        offered["capacity"] = pd.array([pd.NA] * len(offered), dtype="Int64")
    teaching = _teaching(asked, schools, mine, offered)
    told: list[Row] = [
        ("schools", str(site), "no_place", "in no layer of the services: not used")
        for site in register.loc[~placed, "site_id"]
    ]
    told += quality.layers(
        register, asked.services, {name: found.sites["site_id"] for name, found in mine.items()}
    )
    told += quality.register(
        schools, points, zone_of=lies,
        zones={z: zones.loc[zones["zoning"] == z, "zone_id"] for z in zonings},
        teaching=teaching, near_m=rules[SAME_NAME].strict,
        boarding_from=round(rules[BOARDING_FROM].strict),
    )  # fmt: skip
    told += quality.seats(schools, teaching, offered)
    own = zones[zones["zoning"] == asked.admission.zoning]
    lives = coverage.members(demand["demand_id"], membership)
    home = pupils.home_zones(lives, asked.admission.zoning)
    at = lies[asked.admission.zoning]
    areas = admission.with_areas(asked, rules[admission.COMPULSORY])
    eligible = admission.eligibility(asked, teaching, at, own, rules[admission.COMPULSORY])
    if areas:
        told += [
            ("schools", s, "outside_zones", f"in no zone of {asked.admission.zoning}")
            for s in schools["site_id"]
            if not at[s]
        ]
        outside = home.index[home == ""]
        if len(outside):
            people = demand.set_index("demand_id")["population"].reindex(outside)
            what = f"{len(outside)} places with {int(people.sum())} people in no admission area"
            told.append(("children", "", "places_outside_zones", what))
    children, flows, more = pupils.children(
        study, files, demand=demand, lives=lives, groups=groups,
        first_age=round(rules[FIRST_AGE].strict),
    )  # fmt: skip
    told += more
    enrolment, more = pupils.enrolment(asked, files, schools, teaching, children, eligible, home)
    told += more
    if files.enrolment is not None:
        told += quality.pupils(
            schools, enrolment, read=files.enrolment.table, teaching=teaching, year=asked.year,
            boarding_from=round(rules[BOARDING_FROM].strict),
        )  # fmt: skip
    ground = None
    if files.catchments is not None:
        _known_schools(files.catchments.table, schools, asked)
        ground, more = admission.catchments(files.catchments.table, demand, teaching)
        told += more
    return Schools(
        schools=tables.check("schools", schools),
        teaching=tables.check("teaching", teaching),
        enrolment=tables.check("enrolment", enrolment),
        children=tables.check("children", children),
        flows=flows,
        eligibility=eligible,
        zone_of=home,
        catchments=ground,
        findings=quality.findings(told),
        years=asked.years,
        assumptions=_assumptions(study, areas, rules),
    )


def _points(sites: Mapping[str, Sites]) -> gpd.GeoSeries:
    """Return a point in every site of the services, by id."""
    every = pd.concat([found.sites for found in sites.values()], ignore_index=True)
    every = every.drop_duplicates("site_id").sort_values("site_id")
    return gpd.GeoSeries(
        shapely.point_on_surface(every.geometry.to_numpy()), index=every["site_id"], crs=every.crs
    )


def _zones_of(points: gpd.GeoSeries, zones: gpd.GeoDataFrame) -> dict[str, dict[str, str]]:
    """Return the zone that each site lies in, by zoning and id; ``""`` in none."""
    sites = gpd.GeoDataFrame(
        {"demand_id": points.index}, geometry=points.to_numpy(), crs=points.crs
    )  # as if somebody lived there
    return {
        str(zoning): dict(zip(rows["demand_id"], rows["zone_id"], strict=True))
        for zoning, rows in demand_room.membership(sites, zones).groupby("zoning", sort=True)
    }


def _teaching(
    asked: Asked, schools: pd.DataFrame, sites: Mapping[str, Sites], offered: pd.DataFrame
) -> pd.DataFrame:
    """Return who teaches which grades of which service, and with how many seats.

    Seats of a school of one service are its own in the register; of a school of several they are
    those of the services' own layers; unknown where neither says them.
    """
    parts = []
    for name, (low, high) in asked.services.items():
        there = schools[schools["site_id"].isin(sites[name].sites["site_id"])]
        there = there[(there["grade_from"] <= high) & (there["grade_to"] >= low)]
        parts.append(
            pd.DataFrame(
                {
                    "site_id": there["site_id"],
                    "service": pd.Series([name] * len(there), index=there.index, dtype="str"),
                    "grade_from": there["grade_from"].clip(lower=low),
                    "grade_to": there["grade_to"].clip(upper=high),
                    "whole": there["seats"],
                    "alone": (there["grade_from"] >= low) & (there["grade_to"] <= high),
                }
            )
        )
    found = pd.concat(parts, ignore_index=True)
    found = found.merge(
        offered[["site_id", "service", "capacity"]], on=["site_id", "service"], how="left"
    )
    seats = found["whole"].where(found["alone"]).fillna(found["capacity"].astype("Int64"))
    found["seats"] = seats.astype("Int64")
    found = found[["site_id", "service", "grade_from", "grade_to", "seats"]]
    return found.sort_values(["site_id", "grade_from"], kind="stable", ignore_index=True)


def _known_schools(areas: pd.DataFrame, schools: pd.DataFrame, asked: Asked) -> None:
    """Refuse catchments of schools or services that are not there."""
    told = []
    for column, known, what in (
        ("site_id", set(schools["site_id"]), "no school of the register with a place"),
        ("service", {"", *asked.services}, "no service of schools"),
    ):
        strange = sorted(set(areas[column]) - known)
        if strange:
            told.append(
                Problem(
                    "schools.admission.catchments",
                    f"{len(strange)} values of {column} are {what}",
                    f"Correct {column}, or remove these polygons.",
                    tuple(tables.label(s) for s in strange),
                )
            )
    if told:
        raise DataError(told)


def _assumptions(study: Study, areas: tuple[str, ...], rules: Mapping[str, Rule]) -> dict[str, Any]:
    """Return what is stated and not known."""
    asked, ages = study.schools, study.people.ages
    assert asked is not None  # asked for by whoever calls
    later = asked.children
    return {
        "year": asked.year,
        "census_year": None if ages is None else ages.year,
        "census_source": "" if ages is None else ages.source,
        "children_by": () if ages is None else ages.by,
        "first_grade_age": rules[FIRST_AGE].strict,
        "admission_zoning": asked.admission.zoning,
        "with_admission_areas": areas,
        "joint": dict(asked.admission.joint),
        "split": None if asked.enrolment is None else asked.enrolment.split,
        "births": None if later is None else later.births,
        "births_by_zone": later is not None and later.births_file is not None,
        "survival": None if later is None else later.survival,
        "to_town": None if later is None else dict(later.to_town),
        "source": "" if later is None else later.source,
    }


def times(
    study: Study, here: Region, name: str, *, k: int = travel_time.NEAREST_KNOWN
) -> TravelTimes:
    """Return travel times of a service to its schools, the ``k`` nearest being eligible ones.

    Every pair within the cutoff is there as in the times that coverage is judged by; beyond it the
    schools that the children of a place may go to are known, and not those across a border.

    Parameters
    ----------
    name
        A service of ``[schools]``. Where it is reached by bus these are the driver's times.
    """
    found, road = here.inputs.schools, study.services[name].road
    assert found is not None  # asked for by whoever calls
    mine = found.eligibility[found.eligibility["service"] == name]
    homes, at = here.homes_at[road], here.sites_at[road]
    taught = found.teaching.loc[found.teaching["service"] == name, "site_id"]
    return travel_time.table(
        here.inputs.networks[road],
        homes[demand_room.among(homes["point_id"], here.inputs.demand["demand_id"])],
        at[demand_room.among(at["point_id"], taught)],
        impedance="time",
        cutoff=round(study.network.cutoff_min * 60_000),
        k=k,
        zone_of=found.zone_of,
        eligible=mine[["zone_id", "site_id"]],
    )


def summary(found: Schools) -> Iterator[str]:
    """Say in lines how many schools, pupils and children there are, and what is odd."""
    pupils_now = found.enrolment.loc[found.enrolment["year"] == found.years[0], "pupils"].sum()
    now = found.children.loc[found.children["year"] == found.years[0], "persons"].sum()
    yield (
        f"schools: {len(found.schools)} with {pupils_now} pupils in {found.years[0]}; {now} "
        "children are of age for grades 1–12"
    )
    for (table, what), rows in found.findings.groupby(["table", "what"], sort=True):
        ids = [i for i in rows["id"] if i]
        yield f"finding: {table}: {what}: {len(rows)} ({first_ids(ids)})"


def written(inputs: Inputs, lang: str) -> dict[str, pd.DataFrame]:
    """Return the tables of schools that are written; none without ``[schools]``.

    Children are given by zone of every zoning; those outside every zone as zone ``""``.
    """
    found = inputs.schools
    if found is None:
        return {}
    words = {w: text.get(f"finding.{w}", lang) for w in found.findings["what"].unique()}
    findings = found.findings.copy()
    findings.insert(3, "meaning", findings["what"].map(words).astype("str"))
    return {
        "schools": found.schools,
        "teaching": found.teaching,
        "enrolment": found.enrolment,
        "children": by_zone(found.children, inputs.membership),
        "findings": findings,
    }


def by_zone(children: pd.DataFrame, membership: pd.DataFrame) -> pd.DataFrame:
    """Return children by zoning, zone, year and grade; every zoning has all of them."""
    place, ids = pd.factorize(children["demand_id"])
    year, years = pd.factorize(children["year"], sort=True)
    grade, grades = pd.factorize(children["grade"], sort=True)
    persons = children["persons"].to_numpy(dtype=np.int64)
    parts = []
    lives = coverage.members(pd.Series(ids), membership)
    for zoning in sorted(membership["zoning"].unique()):
        home = lives.of(zoning)
        zone, zones = pd.factorize(home, sort=True)
        shape = (len(zones), len(years), len(grades))
        sums = np.zeros(shape, dtype=np.int64)
        np.add.at(sums, (zone[place], year, grade), persons)
        z, y, g = np.nonzero(sums)
        parts.append(
            pd.DataFrame(
                {
                    "zoning": str(zoning),
                    "zone_id": np.asarray(zones)[z],
                    "year": np.asarray(years)[y],
                    "grade": np.asarray(grades)[g],
                    "persons": sums[z, y, g],
                }
            )
        )
    return pd.concat(parts, ignore_index=True)

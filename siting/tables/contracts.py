"""Which columns every table has, and what each may hold: contracts as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

Kind: TypeAlias = Literal["id", "text", "whole", "number", "flag", "geometry"]

SETTLEMENTS: Final = ("urban", "township_seat", "village")
CLASS_FROM: Final = ("own", "land_use", "zones", "totals", "study", "density")
ROAD_DEFECTS: Final = (
    "gap", "overshoot", "duplicate", "overlap", "zero_length", "unnoded_end", "unnoded_crossing",
    "bridge_like_junction", "self_crossing", "island", "one_way_trap",
)  # fmt: skip
STAGES: Final = (
    "teaching_point", "primary", "junior", "nine_year", "senior", "complete_middle", "twelve_year"
)  # fmt: skip
SCHOOL_LEVELS: Final = ("village", "township_seat", "county_town")
CONDITIONS: Final = ("good", "fair", "poor", "unsafe")
SCHOOL_COUNTS: Final = ("classrooms", "seats", "boarders", "beds", "staff", "running_cost_yuan")
SCHOOL_AREAS: Final = ("site_area_m2", "floor_area_m2")
FINDINGS: Final = (
    "column_unknown", "unknown", "another_zone", "zone_not_known", "outside_zones",
    "same_name_near", "same_place_and_stage", "beds_without_boarders", "boarders_without_beds",
    "boarders_above_beds", "not_in_service_layer", "not_in_register", "grades_of_no_service",
    "no_place", "seats_of_layer", "seats_by_service_unknown", "seats_differ", "no_enrolment",
    "enrolment_above_seats", "grade_gap", "grade_not_taught", "boarders_above_pupils",
    "boarders_too_young", "split_evenly", "boarders_not_split", "negative_interpolated",
    "birth_drop", "zone_without_ages", "places_outside_zones", "in_two_catchments",
    "in_no_catchment", "catchment_without_place",
)  # fmt: skip
LAST_GRADE: Final = 12
POINT: Final = ("Point",)
LINE: Final = ("LineString", "MultiLineString")
POLYGON: Final = ("Polygon", "MultiPolygon")


@dataclass(frozen=True)
class Column:
    """What one column must hold.

    Attributes
    ----------
    kind
        ``id`` (text, never blank), ``text`` (may be blank), ``whole`` (int64, or Int64 with
        gaps where ``gaps`` is true), ``number`` (finite float), ``flag`` (bool) or ``geometry``.
    optional
        The column may be absent.
    gaps
        Cells may be missing (NA).
    unique
        No value repeats.
    values
        The texts or geometry types allowed; empty for any.
    least, most
        The smallest and the largest number allowed.
    """

    kind: Kind
    optional: bool = False
    gaps: bool = False
    unique: bool = False
    values: tuple[str, ...] = ()
    least: float | None = None
    most: float | None = None


@dataclass(frozen=True)
class Contract:
    """The columns of one table, its key, and what must hold across columns."""

    columns: Mapping[str, Column]
    key: tuple[str, ...] = ()
    balanced: bool = False


def _id(*, unique: bool = False) -> Column:
    return Column("id", unique=unique)


def _text(*values: str, optional: bool = False) -> Column:
    return Column("text", optional=optional, values=values)


def _whole(
    *, least: float | None = 0, optional: bool = False, gaps: bool = False, unique: bool = False
) -> Column:
    return Column("whole", least=least, optional=optional, gaps=gaps, unique=unique)


def _grade(*, gaps: bool = False) -> Column:
    return Column("whole", gaps=gaps, least=1, most=LAST_GRADE)


def _number(*, least: float | None = 0.0, optional: bool = False, gaps: bool = False) -> Column:
    return Column("number", least=least, optional=optional, gaps=gaps)


def _shape(*values: str) -> Column:
    return Column("geometry", values=values)


COVERAGE_PARTS: Final = ("covered", "no_seat", "out_of_reach", "not_assessed")
_FLAG: Final = Column("flag")

CONTRACTS: Final[Mapping[str, Contract]] = {
    "zones": Contract(
        {
            "zoning": _id(),
            "zone_id": _id(),
            "name": _id(),
            "code": _text(optional=True),
            "parent_id": _text(optional=True),
            "settlement": _text("", *SETTLEMENTS, optional=True),
            "population": _whole(optional=True, gaps=True),
            "geometry": _shape(*POLYGON),
        },
        key=("zoning", "zone_id"),
    ),
    "people": Contract(
        {
            "demand_id": _id(unique=True),
            "population": _whole(),
            "settlement": _text("", *SETTLEMENTS),
            "geometry": _shape(*POINT),
        }
    ),
    "carriers": Contract(
        {
            "carrier_id": _id(unique=True),
            "source": _text(optional=True),
            "weight": _number(optional=True),
            "settlement": _text("", *SETTLEMENTS),
            "class_from": _text("", *CLASS_FROM, optional=True),
            "area_m2": _number(),
            "spread_m": _number(optional=True, gaps=True),
            "geometry": _shape(*POINT),
        }
    ),
    "raster_people": Contract(
        {
            "piece_id": _id(unique=True),
            "zone_id": _text(),
            "persons": _number(),
            "area_m2": _number(),
            "spread_m": _number(),
            "geometry": _shape(*POINT),
        }
    ),
    "demand": Contract(
        {
            "demand_id": _id(unique=True),
            "population": _whole(),
            "settlement": _text(*SETTLEMENTS),
            "class_from": _text("", *CLASS_FROM, optional=True),
            "source": _text(optional=True),
            "area_m2": _number(),
            "spread_m": _number(optional=True, gaps=True),
            "geometry": _shape(*POINT),
        }
    ),
    "membership": Contract(
        {"demand_id": _id(), "zoning": _id(), "zone_id": _text()}, key=("demand_id", "zoning")
    ),
    "cohorts": Contract(
        {"demand_id": _id(), "year": _whole(), "group": _id(), "persons": _whole()},
        key=("demand_id", "year", "group"),
    ),
    "totals": Contract(
        {
            "zone_id": _id(unique=True),
            "population": _whole(),
            "town_population": _whole(optional=True),
        },
    ),
    "sites": Contract(
        {
            "site_id": _id(unique=True),
            "name": _id(),
            "status": _text("existing", "candidate"),
            "geometry": _shape(*POINT, *POLYGON),
        }
    ),
    "entrances": Contract({"site_id": _id(), "geometry": _shape(*POINT)}),
    "offers": Contract(
        {
            "site_id": _id(),
            "service": _id(),
            "level": _text(optional=True),
            "capacity": _whole(optional=True, gaps=True),
            "enrolment": _whole(optional=True, gaps=True),
        },
        key=("site_id", "service"),
    ),
    "residential": Contract(
        {
            "residential_id": _id(unique=True),
            "settlement": _text("", *SETTLEMENTS),
            "quarter": _text("", "old", "new"),
            "area_m2": _number(),
            "geometry": _shape(*POLYGON),
        }
    ),
    "parks": Contract(
        {
            "park_id": _id(unique=True),
            "name": _id(),
            "kind": _text("park", "green"),
            "area_m2": _number(),
            "geometry": _shape(*POLYGON),
        }
    ),
    "park_entrances": Contract(
        {
            "park_id": _id(),
            "source": _text("given", "path_crossing", "boundary_sample"),
            "geometry": _shape(*POINT),
        }
    ),
    "roads": Contract(
        {
            "road_id": _id(unique=True),
            "row": _text(optional=True),
            "way_id": _whole(optional=True, unique=True),
            "highway": _id(),
            "oneway": _text("", "yes", "no", "-1"),
            **dict.fromkeys(
                ("speed_kph", "walk_kph", "cycle_kph", "ebike_kph"),
                _number(optional=True, gaps=True),
            ),
            "surface": _text(optional=True),
            "length_m": _number(optional=True, gaps=True),
            "bridge": _FLAG,
            "tunnel": _FLAG,
            "layer": _whole(least=None),
            "geometry": _shape(*LINE),
        }
    ),
    "signals": Contract({"signal_id": _id(unique=True), "geometry": _shape(*POINT)}),
    "road_defects": Contract(
        {
            "kind": _text(*ROAD_DEFECTS),
            "mode": _text(),
            "rows": _id(),
            "size_m": _number(gaps=True),
            "persons": _whole(gaps=True),
            "done": _text("none", "snapped", "noded", "removed", "listed"),
            "why": _text(),
            "geometry": _shape(*POINT),
        }
    ),
    "water": Contract(
        {
            "water_id": _id(unique=True),
            "name": _text(),
            "geometry": _shape(*LINE, *POLYGON),
        }
    ),
    "barriers": Contract(
        {
            "barrier_id": _id(unique=True),
            "name": _text(),
            "geometry": _shape(*LINE, *POLYGON),
        }
    ),
    "attachments": Contract(
        {
            "point_id": _id(),
            "edge_id": _whole(least=-1),
            "offset_mm": _whole(least=-1),
            "access_mm": _whole(least=-1),
            "component": _whole(least=-1),
            "why": _text("", "second_choice", "beyond_max_access", "behind_barrier", "no_edge"),
        }
    ),
    "reach": Contract(
        {
            "site_id": Column("text", gaps=True),
            "impedance": _whole(least=-1),
            "access": _whole(least=-1),
            "state": _text("reached", "beyond_cutoff", "unreachable", "unattached"),
        }
    ),
    "coverage": Contract(
        {
            "plan": _id(),
            "zoning": _id(),
            "zone_id": _text(),
            "settlement": _text(),
            "service": _id(),
            "rule_id": _text(),
            "persons": _whole(),
            **{part: _whole() for part in COVERAGE_PARTS},
        },
        balanced=True,
    ),
    "schools": Contract(
        {
            "site_id": _id(unique=True),
            "name": _id(),
            "stage": _text(*STAGES),
            "level": _text("", *SCHOOL_LEVELS),
            "grade_from": _grade(),
            "grade_to": _grade(),
            **dict.fromkeys(SCHOOL_COUNTS, _whole(gaps=True)),
            **dict.fromkeys(SCHOOL_AREAS, _number(gaps=True)),
            "condition": _text("", *CONDITIONS),
            "zone_id": _text(optional=True),
        }
    ),
    "teaching": Contract(
        {
            "site_id": _id(),
            "service": _id(),
            "grade_from": _grade(),
            "grade_to": _grade(),
            "seats": _whole(gaps=True),
        },
        key=("site_id", "service"),
    ),
    "enrolment_read": Contract(  # a row without a grade is a total over all grades of its school
        {
            "site_id": _id(),
            "grade": _grade(gaps=True),
            "year": _whole(least=1),
            "pupils": _whole(gaps=True),
            "boarders": _whole(gaps=True),
        },
        key=("site_id", "grade", "year"),
    ),
    "enrolment": Contract(
        {
            "site_id": _id(),
            "grade": _grade(),
            "year": _whole(least=1),
            "pupils": _whole(),
            "boarders": _whole(gaps=True),
            "how": _text("given", "split"),
        },
        key=("site_id", "grade", "year"),
    ),
    "age_bands": Contract(
        {
            "zone_id": _id(),
            "age_from": _whole(),
            "age_to": _whole(gaps=True),
            "persons": _whole(),
        },
        key=("zone_id", "age_from"),
    ),
    "births": Contract(
        {"zone_id": _id(), "year": _whole(least=1), "persons": _whole()}, key=("zone_id", "year")
    ),
    "children": Contract(
        {
            "demand_id": _id(),
            "year": _whole(least=1),
            "grade": _grade(),
            "persons": _whole(),
        },
        key=("demand_id", "year", "grade"),
    ),
    "eligibility": Contract(
        {"zone_id": _text(), "site_id": _id(), "service": _id()},
        key=("zone_id", "site_id", "service"),
    ),
    "catchment_areas": Contract(
        {"site_id": _id(), "service": _text(), "geometry": _shape(*POLYGON)}
    ),
    "catchments": Contract(
        {"demand_id": _id(), "service": _id(), "site_id": _id()}, key=("demand_id", "service")
    ),
    "findings": Contract(
        {"table": _id(), "id": _text(), "what": _text(*FINDINGS), "detail": _text()}
    ),
    "drops": Contract({"table": _id(), "row": _text(), "what": _id(), "action": _id()}),
}

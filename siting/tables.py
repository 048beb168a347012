"""Column contracts of every table, checked with all breaches at once.

A contract is data: for each column its kind, whether it may be absent, blank or repeated, and
which values it may take. :func:`check` builds a pandera schema from it, validates lazily, and
raises one :class:`~siting.errors.DataError` holding a :class:`~siting.errors.Problem` for every
breach of every column. Nothing is coerced here; cleaning is done, and listed, by ``siting.load``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, Literal, TypeAlias, cast

import numpy as np
import pandas as pd

from siting.errors import DataError, Problem

Frame: TypeAlias = pd.DataFrame
Kind: TypeAlias = Literal["id", "text", "whole", "number", "flag", "geometry"]

SETTLEMENTS: Final = ("urban", "township_seat", "village")
CLASS_FROM: Final = ("own", "land_use", "zones", "totals", "study", "density")
ROAD_DEFECTS: Final = (
    "gap", "overshoot", "duplicate", "overlap", "zero_length", "unnoded_end", "unnoded_crossing",
    "bridge_like_junction", "self_crossing", "island", "one_way_trap",
)  # fmt: skip
POINT: Final = ("Point",)
LINE: Final = ("LineString", "MultiLineString")
POLYGON: Final = ("Polygon", "MultiPolygon")

_LABEL_LENGTH: Final = 60


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
    least
        The smallest number allowed.
    """

    kind: Kind
    optional: bool = False
    gaps: bool = False
    unique: bool = False
    values: tuple[str, ...] = ()
    least: float | None = None


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


def _number(*, least: float | None = 0.0, optional: bool = False, gaps: bool = False) -> Column:
    return Column("number", least=least, optional=optional, gaps=gaps)


def _shape(*values: str) -> Column:
    return Column("geometry", values=values)


_COVERAGE_PARTS: Final = ("covered", "no_seat", "out_of_reach", "not_assessed")
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
            "geometry": _shape(*POINT),
        }
    ),
    "raster_people": Contract(
        {
            "piece_id": _id(unique=True),
            "zone_id": _text(),
            "persons": _number(),
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
            **{part: _whole() for part in _COVERAGE_PARTS},
        },
        balanced=True,
    ),
    "drops": Contract({"table": _id(), "row": _text(), "what": _id(), "action": _id()}),
}


def check(name: str, frame: Frame, *, layer: str | None = None) -> Frame:
    """Hold a table to its contract and return it unchanged.

    Parameters
    ----------
    name
        A table of :data:`CONTRACTS`, such as ``"zones"``.
    frame
        The table. Columns beyond the contract are allowed.
    layer
        What messages call it (``"services.clinic"``); ``name`` unless given.

    Raises
    ------
    DataError
        With one problem for every breach of every column.

    Examples
    --------
    >>> check("totals", pd.DataFrame({"zone_id": ["a", "a"], "population": [3, -1]}))
    Traceback (most recent call last):
        ...
    siting.errors.DataError: totals: 2 of 2 rows share their zone_id with another (row 1, row 2). \
Give every row its own zone_id.
    totals: 1 of 2 rows have a population below 0 (row 2). Correct the values.
    """
    problems = breaches(name, frame, layer=layer)
    if problems:
        raise DataError(problems)
    return frame


def breaches(name: str, frame: Frame, *, layer: str | None = None) -> list[Problem]:
    """Return every breach of a table's contract, in the order of the columns."""
    from pandera.errors import SchemaErrors

    contract = CONTRACTS[name]
    layer = layer or name
    problems = _crs_problems(contract, frame, layer)
    plain = pd.DataFrame(frame).reset_index(drop=True)
    try:
        _schema(name).validate(plain, lazy=True)
    except SchemaErrors as failed:
        cases = failed.failure_cases
        labels = _labels(contract, plain)
        order = {column: place for place, column in enumerate(contract.columns)}
        groups = sorted(
            cases.groupby(["column", "check"], sort=False, dropna=False),
            key=lambda group: order.get(group[0][0], len(order)),
        )
        problems += [
            _problem(layer, str(what), found, labels, plain) for (_, what), found in groups
        ]
    return problems


def drops_table(rows: Sequence[tuple[str, str, str, str]] = ()) -> Frame:
    """Return a drops table of (table, row, what, action), sorted so that order never matters.

    Examples
    --------
    >>> drops_table([("zones", "row 2", "no geometry", "dropped")]).shape
    (1, 4)
    """
    return pd.DataFrame(
        sorted(set(rows)), columns=["table", "row", "what", "action"], dtype="str"
    ).reset_index(drop=True)


def label(value: object) -> str:
    """Return a value short and harmless enough to stand in a one-line message.

    Control and direction characters are shown as escapes, and long text is cut.

    Examples
    --------
    >>> label("a" + chr(10) + "b") == "a" + chr(92) + "nb"
    True
    >>> len(label("x" * 4000))
    60
    """
    text = "".join(
        c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in str(value)
    )
    return text if len(text) <= _LABEL_LENGTH else text[: _LABEL_LENGTH - 1] + "…"


def _labels(contract: Contract, frame: Frame) -> list[str]:
    """Name rows by their id where it is there and unique, by their position elsewhere."""
    numbered = [f"row {place}" for place in range(1, len(frame) + 1)]
    own = [c for c, column in contract.columns.items() if column.unique] or list(contract.key[-1:])
    if not own or own[0] not in frame:
        return numbered
    ids = frame[own[0]]
    usable = ~ids.duplicated(keep=False) & ids.map(lambda v: isinstance(v, str) and v != "")
    return [label(i) if ok else number for i, ok, number in zip(ids, usable, numbered, strict=True)]


def _problem(layer: str, what: str, found: Frame, labels: list[str], frame: Frame) -> Problem:
    if what == "column_in_dataframe":
        missing = ", ".join(sorted(str(c) for c in found["failure_case"]))
        return Problem(layer, f"the column {missing} is missing", "Add it to the table.")
    what, mend = what.split("|", 1)
    places = sorted({int(i) for i in found["index"].dropna()})
    rows = tuple(labels[i] for i in places)
    if not rows:
        return Problem(layer, what, mend)
    return Problem(layer, f"{len(rows)} of {len(frame)} rows {what}", mend, rows)


def _crs_problems(contract: Contract, frame: Frame, layer: str) -> list[Problem]:
    if "geometry" not in contract.columns or "geometry" not in frame:
        return []
    crs = getattr(frame, "crs", None)
    if crs is None or not crs.is_projected or {a.unit_name for a in crs.axis_info} != {"metre"}:
        return [
            Problem(
                layer,
                f"the table is in {crs.name if crs is not None else 'no CRS'}, "
                "not in a projected CRS in metres",
                "Load it through siting.load with the working CRS.",
            )
        ]
    return []


@cache
def _schema(name: str) -> Any:
    import pandera.pandas as pa

    contract = CONTRACTS[name]
    columns = {
        c: pa.Column(
            None,
            [
                pa.Check(test, error=f"{what}|{mend}", ignore_na=False)
                for test, what, mend in _tests(c, column)
            ],
            nullable=True,
            required=not column.optional,
        )
        for c, column in contract.columns.items()
    }
    whole = []
    if contract.key:
        key = list(contract.key)
        whole.append(
            pa.Check(
                lambda f, key=key: ~f.duplicated(key, keep=False),
                error=f"share their {' and '.join(key)} with another|"
                f"Give every row its own {' and '.join(key)}.",
            )
        )
    if contract.balanced:
        whole.append(
            pa.Check(
                lambda f: f[list(_COVERAGE_PARTS)].sum(axis=1) == f["persons"],
                error=f"do not add up: {' + '.join(_COVERAGE_PARTS)} is not persons|"
                "This is a fault of siting; please report it.",
            )
        )
    return pa.DataFrameSchema(columns, checks=whole)


_Test: TypeAlias = tuple[Callable[[Any], Any], str, str]


def _tests(name: str, column: Column) -> list[_Test]:
    """Return the tests of a column as (test, what is wrong, mend); each passes over NA cells."""
    tests: list[_Test] = []
    if not column.gaps:
        tests.append((lambda s: s.notna(), f"have no {name}", "Fill the column."))
    if column.kind in ("id", "text"):
        tests.append(
            (
                lambda s: s.isna() | s.map(lambda v: isinstance(v, str)).astype(bool),
                f"have a {name} that is not text",
                "Write ids and names as text.",
            )
        )
    if column.kind == "id":
        tests.append((lambda s: s != "", f"have no {name}", "Fill the column."))
    if column.kind == "whole":
        tests.append(
            (_is_whole, f"have a {name} that is not a whole number", "Correct the values.")
        )
    if column.kind == "number":
        tests.append((_is_finite, f"have a {name} that is not a number", "Correct the values."))
    if column.kind == "flag":
        tests.append(
            (
                lambda s: s.map(lambda v: isinstance(v, bool | np.bool_)).astype(bool),
                f"have a {name} that is not true or false",
                "Write true or false.",
            )
        )
    if column.least is not None:
        least = column.least
        tests.append(
            (
                lambda s: s.map(lambda v: not _below(v, least)).astype(bool),
                f"have a {name} below {least:g}",
                "Correct the values.",
            )
        )
    if column.kind == "geometry":
        allowed = column.values
        tests.append(
            (
                lambda s: s.map(
                    lambda g: g is None or (g.geom_type in allowed and not g.is_empty)
                ).astype(bool),
                f"have a geometry that is not a {' or '.join(allowed)}",
                "Give the layer that kind of geometry.",
            )
        )
    elif column.values:
        allowed = column.values
        listed = ", ".join(repr(v) for v in allowed)
        tests.append(
            (
                lambda s: s.isna() | s.isin(allowed),
                f"have a {name} other than {listed}",
                "Use one of those words.",
            )
        )
    if column.unique:
        tests.append(
            (
                lambda s: s.isna() | (s == "") | ~s.duplicated(keep=False),
                f"share their {name} with another",
                f"Give every row its own {name}.",
            )
        )
    return tests


def _below(value: object, least: float) -> bool:
    # what is not a number at all is another breach, said once
    numeric = isinstance(value, int | float | np.integer | np.floating)
    return numeric and not isinstance(value, bool) and float(cast("float", value)) < least


def _is_whole(values: Any) -> Any:
    if pd.api.types.is_integer_dtype(values.dtype):
        return pd.Series(data=True, index=values.index)
    return values.isna() | values.map(
        lambda v: isinstance(v, int | np.integer) and not isinstance(v, bool)
    ).astype(bool)


def _is_finite(values: Any) -> Any:
    return values.isna() | values.map(
        lambda v: (
            isinstance(v, int | float | np.integer | np.floating)
            and not isinstance(v, bool)
            and math.isfinite(v)
        )
    ).astype(bool)

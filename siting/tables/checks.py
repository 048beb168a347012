"""Hold a table to its contract: a pandera schema made from it, all breaches at once."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, Final, TypeAlias

import numpy as np
import pandas as pd
import shapely

from siting.errors import DataError, Problem
from siting.tables.contracts import CONTRACTS, COVERAGE_PARTS, Column, Contract

Frame: TypeAlias = pd.DataFrame

_LABEL_LENGTH: Final = 60


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
    text = str(value)
    text = (
        text
        if text.isprintable()
        else "".join(
            c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text
        )
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
                lambda f: f[list(COVERAGE_PARTS)].sum(axis=1) == f["persons"],
                error=f"do not add up: {' + '.join(COVERAGE_PARTS)} is not persons|"
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
                _is_text,
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
                _is_flag,
                f"have a {name} that is not true or false",
                "Write true or false.",
            )
        )
    if column.least is not None:
        least = column.least
        tests.append(
            (
                lambda s: ~_beyond(s, lambda v: v < least),
                f"have a {name} below {least:g}",
                "Correct the values.",
            )
        )
    if column.most is not None:
        most = column.most
        tests.append(
            (
                lambda s: ~_beyond(s, lambda v: v > most),
                f"have a {name} above {most:g}",
                "Correct the values.",
            )
        )
    if column.kind == "geometry":
        allowed = column.values
        tests.append(
            (
                lambda s: _is_shape(s, allowed),
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


def _beyond(values: Any, test: Callable[[Any], Any]) -> Any:
    """Return which numbers pass a test; what is no number at all is another breach, said once."""
    if pd.api.types.is_numeric_dtype(values.dtype) and not pd.api.types.is_bool_dtype(values):
        return test(values).fillna(False).astype(bool)
    return values.map(lambda v: _numeric(v) and bool(test(v))).astype(bool)


def _is_flag(values: Any) -> Any:
    if values.dtype == bool:
        return pd.Series(data=True, index=values.index)
    return values.map(lambda v: isinstance(v, bool | np.bool_)).astype(bool)


def _is_shape(values: Any, allowed: Sequence[str]) -> Any:
    shapes = np.asarray(values.array, dtype=object)
    kinds = [getattr(shapely.GeometryType, kind.upper()).value for kind in allowed]
    right = np.isin(shapely.get_type_id(shapes), kinds) & ~shapely.is_empty(shapes)
    return pd.Series(right | shapely.is_missing(shapes), index=values.index)


def _is_plain(values: Any) -> bool:
    """Tell whether a column holds numbers as numpy does, of one type and none missing but NaN."""
    return isinstance(values.dtype, np.dtype) and values.dtype.kind in "iuf"


def _numeric(value: object) -> bool:
    numeric = isinstance(value, int | float | np.integer | np.floating)
    return numeric and not isinstance(value, bool)


def _is_text(values: Any) -> Any:
    if isinstance(values.dtype, pd.StringDtype):
        return pd.Series(data=True, index=values.index)
    return values.isna() | values.map(lambda v: isinstance(v, str)).astype(bool)


def _is_whole(values: Any) -> Any:
    if pd.api.types.is_integer_dtype(values.dtype):
        return pd.Series(data=True, index=values.index)
    return values.isna() | values.map(
        lambda v: isinstance(v, int | np.integer) and not isinstance(v, bool)
    ).astype(bool)


def _is_finite(values: Any) -> Any:
    if _is_plain(values):
        return values.isna() | np.isfinite(values)
    return values.isna() | values.map(
        lambda v: (
            isinstance(v, int | float | np.integer | np.floating)
            and not isinstance(v, bool)
            and math.isfinite(v)
        )
    ).astype(bool)

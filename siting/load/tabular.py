"""CSV and XLSX: rows of text, and points where there are coordinate columns.

Cells of a CSV stay text, so that codes keep their leading zeros; numbers are parsed where a table
needs them, and what is not a number is told by row.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import shapely

from siting import crs as crs_
from siting.errors import DataError, Problem
from siting.load.cells import BLANK, numbers
from siting.load.files import decode, reading, refuse, unreadable
from siting.tables import label

# Recognised where x and y are not declared, compared in lower case, in this order.
COORDINATE_COLUMNS: Final = (
    ("lon", "lat"),
    ("lng", "lat"),
    ("longitude", "latitude"),
    ("经度", "纬度"),
    ("x", "y"),
)
_FIELD_LIMIT: Final = 1_000_000


def read_points(
    path: Path,
    *,
    table: str,
    sheet: str | None,
    crs: crs_.Declared,
    encoding: str | None,
    x: str | None,
    y: str | None,
) -> gpd.GeoDataFrame:
    """Read rows with coordinates; rows whose coordinates are blank have no geometry."""
    frame = read_rows(path, table=table, sheet=sheet, encoding=encoding)
    x, y = _coordinate_columns(frame, table, x, y)
    labels = frame["row"].tolist()
    problems: list[Problem] = []
    values: list[Any] = []
    for column in (x, y):
        parsed = numbers(frame[column])
        values.append(parsed.values)
        if parsed.bad.any():
            rows = tuple(labels[i] for i in np.flatnonzero(parsed.bad))
            problems.append(
                Problem(
                    table,
                    f"{len(rows)} of {len(frame)} rows have a coordinate in {label(column)} "
                    f"that is not a number, such as {parsed.example(frame[column])!r}",
                    "Write coordinates as plain decimal numbers.",
                    rows,
                )
            )
    half = np.isnan(values[0]) ^ np.isnan(values[1])
    half &= frame[x].isin(BLANK).to_numpy() | frame[y].isin(BLANK).to_numpy()
    if half.any():
        rows = tuple(labels[i] for i in np.flatnonzero(half))
        problems.append(
            Problem(
                table,
                f"{len(rows)} of {len(frame)} rows have only one of {label(x)} and {label(y)}",
                "Fill in the other coordinate, or blank both.",
                rows,
            )
        )
    try:
        chosen: pyproj.CRS | None = crs_.of_layer(None, crs, table=table)
    except DataError as error:
        chosen = None
        problems += error.problems
    if problems:
        raise DataError(problems)
    points = np.full(len(frame), None, dtype=object)
    there = ~np.isnan(values[0])
    points[there] = shapely.points(values[0][there], values[1][there])
    return gpd.GeoDataFrame(frame, geometry=points, crs=chosen)


def read_rows(path: Path, *, table: str, sheet: str | None, encoding: str | None) -> pd.DataFrame:
    """Read a CSV or a sheet as text cells under one header row, with a ``row`` column.

    Rows are numbered from 1 below the header, blank ones included; blank rows are left out.

    Raises
    ------
    DataError
        Unreadable, no header, repeated or missing column names, rows longer or shorter than the
        header.
    """
    if path.suffix.lower() == ".csv":
        if sheet is not None:
            refuse(table, "a CSV has no layers", "Remove layer.")
        rows = _csv_rows(path, table, encoding)
    else:
        if encoding is not None:
            refuse(table, "an XLSX has no text encoding", "Remove encoding.")
        rows = _xlsx_rows(path, table, sheet)
    header, body = _split(rows, path, table)
    frame = pd.DataFrame(
        {
            name: pd.Series([cells[i] for _, cells in body], dtype=object)
            for i, name in header.items()
        }
    )
    if "row" in frame:
        frame = frame.rename(columns={"row": "row_"})
    frame.insert(0, "row", pd.Series([f"row {n}" for n, _ in body], dtype="str"))
    return frame


def _csv_rows(path: Path, table: str, encoding: str | None) -> list[list[Any]]:
    text = decode(path.read_bytes(), encoding, table=table, what=label(path.name))
    if "\0" in text:
        refuse(
            table,
            f"{label(path.name)} holds NUL characters: it is not a CSV",
            "Save it as CSV (UTF-8).",
        )
    limit = csv.field_size_limit(_FIELD_LIMIT)
    try:
        return list(csv.reader(io.StringIO(text, newline=""), strict=True))
    except csv.Error as error:
        unreadable(path, error, table=table, kind="CSV")
    finally:
        csv.field_size_limit(limit)


def _xlsx_rows(path: Path, table: str, sheet: str | None) -> list[list[Any]]:
    import openpyxl

    with reading(path, table=table, kind="XLSX"):
        book = openpyxl.load_workbook(path, read_only=True, data_only=True)
        try:
            sheets = {
                ws.title: [list(r) for r in ws.iter_rows(values_only=True)]
                for ws in book.worksheets
            }
        finally:
            book.close()
    if sheet is not None:
        if sheet not in sheets:
            refuse(
                table,
                f'there is no sheet "{label(sheet)}" in {label(path.name)}',
                f"Set layer to one of: {', '.join(label(s) for s in sheets)}.",
            )
        return sheets[sheet]
    filled = {title: rows for title, rows in sheets.items() if any(not _blank(row) for row in rows)}
    if len(filled) > 1:
        refuse(
            table,
            f"{label(path.name)} has {len(filled)} sheets and none is named",
            f"Set layer to one of: {', '.join(label(s) for s in filled)}.",
        )
    return next(iter(filled.values()), [])


def _split(
    rows: Sequence[list[Any]], path: Path, table: str
) -> tuple[dict[int, str], list[tuple[int, list[Any]]]]:
    """Return column names by position, and the numbered rows that are not blank."""
    numbered: Iterator[tuple[int, list[Any]]] = enumerate(rows)
    first = next(((n, cells) for n, cells in numbered if not _blank(cells)), None)
    if first is None:
        refuse(table, f"{label(path.name)} holds no rows", "Export or copy it again.")
    start, cells = first
    names = ["" if c is None else " ".join(str(c).split()) for c in cells]
    body = [(n - start, c) for n, c in numbered if not _blank(c)]
    problems: list[Problem] = []
    repeated = sorted({n for n in names if n and names.count(n) > 1})
    if repeated:
        problems.append(
            Problem(
                table,
                f"the header names a column twice: {', '.join(label(n) for n in repeated)}",
                "Give every column its own name.",
            )
        )
    nameless = [
        i
        for i, n in enumerate(names)
        if not n and any(i < len(c) and c[i] not in BLANK for _, c in body)
    ]
    if nameless:
        problems.append(
            Problem(
                table,
                f"{len(nameless)} columns have cells but no name "
                f"(column {', '.join(str(i + 1) for i in nameless[:5])})",
                "Write one header row that names every column.",
            )
        )
    # Spreadsheets pad rows freely; in a CSV a short or long row is a sign of damage
    strict = path.suffix.lower() == ".csv"
    odd = [
        (n, len(c))
        for n, c in body
        if (strict and len(c) != len(names)) or any(v not in BLANK for v in c[len(names) :])
    ]
    if odd:
        problems.append(
            Problem(
                table,
                f"{len(odd)} of {len(body)} rows do not have the {len(names)} cells of the header",
                "The file is cut short, or a comma or quote is missing: mend those rows.",
                tuple(f"row {n}" for n, _ in odd),
            )
        )
    if problems:
        raise DataError(problems)
    body = [(n, c + [None] * (len(names) - len(c))) for n, c in body]
    return {i: n for i, n in enumerate(names) if n}, body


def _blank(cells: Sequence[Any]) -> bool:
    return all(c is None or (isinstance(c, str) and not c.strip()) for c in cells)


def _coordinate_columns(
    frame: pd.DataFrame, table: str, x: str | None, y: str | None
) -> tuple[str, str]:
    names = [str(c) for c in frame.columns if c != "row"]
    if (x is None) != (y is None):
        refuse(table, "only one of x and y is declared", "Declare both coordinate columns.")
    if x is not None and y is not None:
        missing = [c for c in (x, y) if c not in names]
        if missing:
            refuse(
                table,
                f"there is no column {' nor '.join(label(c) for c in missing)} for coordinates",
                f"Set x and y to two of: {', '.join(label(n) for n in names)}.",
            )
        if x == y:
            refuse(table, f"x and y are the same column {label(x)}", "Declare two columns.")
        return x, y
    lower = {name.lower(): name for name in names}
    found = [(lower[a], lower[b]) for a, b in COORDINATE_COLUMNS if a in lower and b in lower]
    if len(found) != 1:
        choice = (
            "; ".join(f"{a}, {b}" for a, b in found)
            if found
            else ", ".join(label(n) for n in names)
        )
        refuse(
            table,
            "several pairs of columns could be the coordinates"
            if found
            else "no coordinate columns are recognised",
            f"Set x and y to the coordinate columns, of: {choice}.",
        )
    return found[0]

"""Cells of tables as text files may hold them."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import pandas as pd

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""A cell of text that starts with one of these would be run by a spreadsheet."""
CELL_CHARS = 32_767


def harmless(cell: object) -> object:
    """Return the cell so that no spreadsheet runs it: an apostrophe before a formula's first sign.

    Examples
    --------
    >>> harmless("=cmd|' /C calc'!A0"), harmless(-5), harmless("岳阳")
    ("'=cmd|' /C calc'!A0", -5, '岳阳')
    """
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(FORMULA) else cell


def flat(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table for CSV and XLSX: no geometry, an index that says something as columns."""
    plain = pd.DataFrame(table)
    if any(name is not None for name in plain.index.names):
        plain = plain.reset_index()
    shapes = [c for c in plain.columns if isinstance(plain[c].dtype, gpd.array.GeometryDtype)]
    return plain.drop(columns=shapes)


def write_csv(path: Path, table: pd.DataFrame) -> None:
    """Write a table as UTF-8 with a byte order mark (for Excel), formulas disarmed."""
    plain = flat(table)
    for place, kind in enumerate(plain.dtypes):
        cells = plain.iloc[:, place]
        if isinstance(kind, pd.StringDtype):
            armed = cells.str.startswith(FORMULA, na=False)
            if armed.any():
                plain.isetitem(place, ("'" + cells).where(armed, cells).array)
        elif not pd.api.types.is_numeric_dtype(kind):
            plain.isetitem(place, cells.map(harmless).array)
    plain.columns = pd.Index([str(harmless(str(c))) for c in plain.columns])
    plain.to_csv(path, index=False, encoding="utf-8-sig", lineterminator="\n")

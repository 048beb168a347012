"""Cells as files hold them → text and numbers, telling what was cleaned and what is wrong.

Cleaning is small and always listed: spaces around text, control and direction characters, and
full-width digits in numbers. Nothing else is guessed at; ``"1,200"`` and ``"12 人"`` are errors.
"""

from __future__ import annotations

import datetime as dt
import math
import re
import unicodedata
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from siting.tables import label

BLANK: Final = (None, "")
_NUMBER: Final = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")
# direction overrides and isolates make text around them read in another order than it has
_HIDDEN: Final = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u200b\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]+"
)
_LONE: Final = re.compile(r"[\ud800-\udfff]")


class Numbers(NamedTuple):
    """Numbers of a column: ``values`` (NaN where blank or bad), and masks.

    ``bad`` cells are neither blank nor finite numbers; ``cleaned`` ones had to be normalised.
    """

    values: npt.NDArray[np.float64]
    bad: npt.NDArray[np.bool_]
    cleaned: npt.NDArray[np.bool_]

    def example(self, column: pd.Series[Any]) -> str:
        """Return the first bad cell, fit for a message."""
        return label(column.iloc[int(np.flatnonzero(self.bad)[0])])


class Texts(NamedTuple):
    """Texts of a column (``""`` where blank), and which had to be cleaned."""

    values: list[str]
    cleaned: npt.NDArray[np.bool_]


def numbers(column: pd.Series[Any]) -> Numbers:
    """Parse a column of numbers or of text that should be numbers.

    Examples
    --------
    >>> parsed = numbers(pd.Series(["12", " １２ ", "", "12人", "inf", None]))
    >>> parsed.values.tolist()[:2], parsed.bad.tolist()
    ([12.0, 12.0], [False, False, False, True, True, False])
    >>> parsed.cleaned.tolist()[:2]
    [False, True]
    """
    if pd.api.types.is_numeric_dtype(column.dtype) and column.dtype != bool:
        values = column.to_numpy(dtype=np.float64, na_value=np.nan)
        bad = np.isinf(values)
        return Numbers(np.where(bad, np.nan, values), bad, np.zeros(len(values), dtype=bool))
    known: dict[str, tuple[float, bool, bool]] = {}
    parsed = []
    for cell in _cells(column):
        if not isinstance(cell, str):
            parsed.append(_number(cell))
            continue
        if (found := known.get(cell)) is None:
            found = known[cell] = _number(cell)
        parsed.append(found)
    return Numbers(
        np.array([p[0] for p in parsed], dtype=np.float64),
        np.array([p[1] for p in parsed], dtype=bool),
        np.array([p[2] for p in parsed], dtype=bool),
    )


def texts(column: pd.Series[Any]) -> Texts:
    """Return a column as text: whole floats as whole numbers, blanks and NA as ``""``.

    Examples
    --------
    >>> texts(pd.Series([430602.0, " 岳阳 ", None])).values
    ['430602', '岳阳', '']
    """
    cells = _cells(column)
    if _is_clean(cells):
        return Texts(cells, np.zeros(len(cells), dtype=bool))
    known: dict[str, str] = {}  # most columns say the same few things many times
    values: list[str] = []
    for cell in cells:
        if not isinstance(cell, str):
            values.append(_text(cell))
            continue
        value = known.get(cell)
        if value is None:
            value = known[cell] = _text(cell)
        values.append(value)
    cleaned = np.array(
        [
            isinstance(cell, str) and cell != value
            for cell, value in zip(cells, values, strict=True)
        ],
        dtype=bool,
    )
    return Texts(values, cleaned)


def _cells(column: pd.Series[Any]) -> list[Any]:
    """Return the cells of a column; text that Arrow stores would be given out one by one."""
    if isinstance(column.dtype, pd.StringDtype):
        return column.to_numpy(dtype=object).tolist()
    return column.tolist()


def _is_clean(cells: list[Any]) -> bool:
    """Tell whether a column is text that :func:`_text` would leave as it is, all of it."""
    if not all(isinstance(cell, str) for cell in cells):
        return False
    whole = "".join(cells)
    if _HIDDEN.search(whole) or _LONE.search(whole):
        return False
    return all(cell == cell.strip() for cell in cells)


def _number(cell: object) -> tuple[float, bool, bool]:
    """Return (value, bad, cleaned) of one cell."""
    if isinstance(cell, bool | np.bool_):
        return math.nan, True, False
    if isinstance(cell, int | float | np.integer | np.floating):
        try:
            value = float(cell)
        except OverflowError:
            return math.nan, True, False
        return (math.nan, True, False) if math.isinf(value) else (value, False, False)
    if _is_na(cell):
        return math.nan, False, False
    if not isinstance(cell, str):
        return math.nan, True, False
    if cell.isascii() and _NUMBER.fullmatch(cell) and math.isfinite(value := float(cell)):
        return value, False, False
    text = unicodedata.normalize("NFKC", cell).strip()
    if not text:
        return math.nan, False, False
    if not _NUMBER.fullmatch(text) or not math.isfinite(float(text)):
        return math.nan, True, False
    return float(text), False, text != cell.strip()


def _text(cell: object) -> str:
    if _is_na(cell):
        return ""
    if isinstance(cell, bool | np.bool_):
        return "true" if cell else "false"
    if (
        isinstance(cell, float | np.floating)
        and float(cell).is_integer()
        and abs(float(cell)) < 2**53
    ):
        return str(int(cell))
    if isinstance(cell, dt.datetime) and cell.time() == dt.time():
        return cell.date().isoformat()
    return _LONE.sub("\ufffd", _HIDDEN.sub(" ", str(cell))).strip()


def _is_na(cell: object) -> bool:
    return (
        cell is None
        or cell is pd.NA
        or cell is pd.NaT
        or (isinstance(cell, float | np.floating) and math.isnan(cell))
    )

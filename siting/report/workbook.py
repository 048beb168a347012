"""The workbook: a sheet a table, with units, and what it rests on."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xlsxwriter
from xlsxwriter.utility import xl_col_to_name
from xlsxwriter.worksheet import Worksheet

from siting import text
from siting.report.cells import CELL_CHARS, flat
from siting.rules import Rule

SHEET_ROWS = 200_000
HEADING = 2
"""Rows above the body of a sheet: words, and the names of the fields."""


def write_xlsx(
    path: Path,
    tables: Mapping[str, pd.DataFrame],
    *,
    lang: str,
    title: str,
    rules: Sequence[Rule] = (),
    sources: Sequence[Any] = (),
    notes: Sequence[str] = (),
    made_up: bool = False,
) -> None:
    """Write the workbook: what it is, the rules, then a sheet a table.

    Every table has two frozen heading rows, the words with their unit and the field name; persons
    are whole numbers, shares are percentages. Text is written as text: no cell is a formula or a
    link.
    """
    options = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    book = xlsxwriter.Workbook(str(path), options)
    book.set_properties({"title": title[:255], "created": datetime(2000, 1, 1)})  # same file again
    formats = _Formats(book)
    long = [name for name, table in tables.items() if len(table) > SHEET_ROWS]
    _about(book, formats, title, lang, sources, notes, made_up, long)
    if rules:
        rows = [
            {
                "rule_id": r.id,
                "text": r.text_zh if lang == "zh" else r.text_en,
                **{f: getattr(r, f) for f in ("value", "low", "high", "unit", "measure")},
                "judges": text.joined(
                    [*(text.get(f"settlement.{j}", lang) for j in r.judges), *r.zonings], lang
                ),
                **{f: getattr(r, f) for f in ("of", "strength", "source", "clause", "status")},
                "reason": r.reason or "",
            }
            for r in rules
        ]
        _sheet(book, formats, "rules", pd.DataFrame(rows), lang)
    for name, table in tables.items():
        if name not in long:
            _sheet(book, formats, name, flat(table), lang)
    book.close()


class _Formats:
    """Cell formats by unit."""

    def __init__(self, book: Any) -> None:
        base = {"font_name": "Microsoft YaHei", "font_size": 11, "valign": "top"}
        head = {**base, "bold": True, "bg_color": "#E4ECF2", "bottom": 1, "text_wrap": True}
        self.plain = book.add_format(base)
        self.wrapped = book.add_format({**base, "text_wrap": True})
        self.title = book.add_format({**base, "bold": True, "font_size": 16})
        self.warning = book.add_format({**base, "bold": True, "font_color": "#B00020"})
        self.head = book.add_format(head)
        self.field = book.add_format({**base, "font_size": 9, "font_color": "#666666"})
        self.of = {
            kind: book.add_format({**base, "num_format": code})
            for kind, code in (
                ("whole", "#,##0"),
                ("share", "0.0%"),
                ("min", "#,##0.0"),
                ("number", "#,##0.######"),
            )
        }

    def of_column(self, name: str, cells: pd.Series[Any]) -> Any:
        """Return how the cells of a column are shown."""
        kinds = pd.api.types
        if kinds.is_bool_dtype(cells.dtype) or kinds.is_string_dtype(cells):
            return self.plain
        return self.of["whole" if kinds.is_integer_dtype(cells.dtype) else unit_of(name)]


def unit_of(column: str) -> str:
    """Return the kind of number a column holds, read from the end of its name.

    Examples
    --------
    >>> unit_of("covered_share"), unit_of("mean_before_min"), unit_of("land_m2"), unit_of("value")
    ('share', 'min', 'whole', 'number')
    """
    if column.endswith("_share") or "_share_" in column or column.startswith("share_"):
        return "share"
    if column.endswith("_min"):
        return "min"
    return "whole" if column.endswith(("_m", "_m2", "_persons", "persons")) else "number"


def _about(
    book: Any,
    formats: _Formats,
    title: str,
    lang: str,
    sources: Sequence[Any],
    notes: Sequence[str],
    made_up: bool,
    long: Sequence[str],
) -> None:
    page = book.add_worksheet(text.get("table.about", lang)[:31])
    page.set_column(0, 0, 28)
    page.set_column(1, 3, 44)
    page.write_string(0, 0, title[:CELL_CHARS], formats.title)
    row = 2
    if made_up:
        page.write_string(row, 0, text.get("page.made_up", lang), formats.warning)
        row += 2
    told = [*notes, *(text.get("note.csv_only", lang, table=name) for name in long)]
    for note in told:
        page.write_string(row, 0, note[:CELL_CHARS], formats.plain)
        row += 1
    if sources:
        row += 1
        fields = ("layer", "file", "date", "source")
        for place, name in enumerate(fields):
            page.write_string(row, place, text.get(f"source.{name}", lang), formats.head)
        for source in sources:
            row += 1
            for place, name in enumerate(fields):
                page.write_string(
                    row, place, str(getattr(source, name))[:CELL_CHARS], formats.wrapped
                )


class _Sheet(Worksheet):  # type: ignore[misc]  # xlsxwriter is untyped
    """A sheet whose body is written column by column.

    A call and an object a cell are half the time of a city's run, for four million cells. What
    stands in the file is what ``write_string`` and ``write_number`` would have put there.
    """

    def __init__(self) -> None:
        super().__init__()
        self.body: list[tuple[Any, list[str]]] = []

    def write_body(self, columns: Sequence[tuple[Any, pd.Series[Any]]], lang: str) -> None:
        """Take the columns below the heading, each with its format."""
        self.body = [(shape, self._cells(cells, lang)) for shape, cells in columns]
        rows = max((len(cells) for _, cells in self.body), default=0)
        self._check_dimensions(HEADING + rows - 1, max(len(columns) - 1, 0))

    def _cells(self, cells: pd.Series[Any], lang: str) -> list[str]:
        """Return what follows the style in the element of each cell; blank for no cell."""
        if pd.api.types.is_numeric_dtype(cells.dtype) and not pd.api.types.is_bool_dtype(cells):
            return [_number(cell) for cell in cells.tolist()]
        known: dict[Any, str] = {}  # by type, for True is 1
        told = []
        for cell in cells.tolist():
            key = (type(cell), cell)
            if (element := known.get(key)) is None:
                element = known[key] = self._cell(cell, lang)
            told.append(element)
        return told

    def _cell(self, cell: Any, lang: str) -> str:
        if isinstance(cell, bool | np.bool_):
            cell = text.get("yes" if cell else "no", lang)
        if cell is None or cell is pd.NA or isinstance(cell, int | float | np.number):
            return _number(cell)
        words = str(cell)[:CELL_CHARS]
        at = self.str_table._get_shared_string_index(words)
        return f' t="s"><v>{at}</v></c>' if words else ""

    def _write_rows(self) -> None:
        super()._write_rows()
        starts = [f'<c r="{xl_col_to_name(place)}' for place in range(len(self.body))]
        styles = [f'" s="{shape._get_xf_index()}"' for shape, _ in self.body]
        rows = zip(*(cells for _, cells in self.body), strict=True)
        for number, row in enumerate(rows, start=HEADING + 1):
            line = "".join(
                f"{start}{number}{style}{cell}"
                for start, style, cell in zip(starts, styles, row, strict=True)
                if cell
            )
            self.fh.write(f'<row r="{number}">{line}</row>')


def _number(cell: Any) -> str:
    if cell is None or cell is pd.NA or not math.isfinite(cell):
        return ""
    return f"><v>{cell:.16G}</v></c>"


def _sheet(book: Any, formats: _Formats, name: str, table: pd.DataFrame, lang: str) -> None:
    heading = text.get(f"table.{name}", lang) if text.has(f"table.{name}") else name
    heading = heading[:31].translate(str.maketrans("[]:*?/\\", "-------"))
    page = book.add_worksheet(heading, worksheet_class=_Sheet)
    page.freeze_panes(HEADING, 1)
    columns = []
    for place, column in enumerate(map(str, table.columns)):
        words = text.get(f"column.{column}", lang) if text.has(f"column.{column}") else column
        page.write_string(0, place, words, formats.head)
        page.write_string(1, place, column, formats.field)
        cells = table.iloc[:, place]
        widest = max([len(words) * 1.7, len(column) * 0.9, *(_wide(c) for c in cells.head(200))])
        page.set_column(place, place, min(max(9.0, widest + 2), 48.0))
        columns.append((formats.of_column(column, cells), cells))
    page.write_body(columns, lang)
    if len(table):
        page.autofilter(1, 0, len(table) + 1, max(len(table.columns) - 1, 0))


def _wide(cell: object) -> float:
    return sum(1.9 if ord(c) > 0x2E7F else 1.0 for c in str(cell)[:60])

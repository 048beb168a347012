"""Results on disk: CSV, GeoPackage, XLSX, ``run.json`` and pages, all or none of them.

Everything is written into a folder beside the results under a temporary name and moved when it is
whole. A run stopped at any moment, a power cut included, leaves the previous result whole: what
was half moved is put back by the next run (:func:`restore`).
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, is_dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio

from siting import green, text
from siting.coverage import summary
from siting.errors import DataError, Problem
from siting.green import Target
from siting.rules import Rule

NEW, OLD = ".siting-new", ".siting-old"
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""A cell of text that starts with one of these would be run by a spreadsheet."""

SHEET_ROWS = 200_000
CELL_CHARS = 32_767
KEYS = ("plan", "zoning", "service", "rule_id")


def coverage_figures(
    coverage: pd.DataFrame,
    *,
    max_not_assessed: float,
    targets: Mapping[str, Rule] | None = None,
) -> pd.DataFrame:
    """Return what pages, CSV and XLSX show of coverage: one table for all of them.

    Parameters
    ----------
    coverage
        Table ``coverage``; plans, services and rules may be stacked.
    max_not_assessed
        Share of not assessed (0–1) above which nothing is judged.
    targets
        By service, a rule in ``share`` that the covered share should reach; none by default.

    Returns
    -------
    pd.DataFrame
        ``level`` (``region``, ``zone``), ``plan``, ``zoning``, ``zone_id`` (``""`` for the region
        and for those outside every zone), ``service``, ``rule_id``, ``settlement`` (``judged``: all
        classes the rule judges, then each class by itself), ``judged``, persons, the shares of
        :func:`siting.coverage.summary` and ``straight_share_assessed`` (of the assessed, like
        ``covered_share_assessed``, which it can therefore never be below).
    """
    stacked = []
    aims = {service: (targets or {}).get(service) for service in coverage["service"].unique()}
    for level, by in (("region", KEYS), ("zone", (*KEYS, "zone_id"))):
        for part in (by, (*by, "settlement")):
            tables = [
                summary(
                    coverage[coverage["service"] == service],
                    max_not_assessed=max_not_assessed,
                    target=target,
                    by=part,
                )
                for service, target in aims.items()
            ]
            nothing = summary(coverage[:0], max_not_assessed=max_not_assessed, by=part)
            table = pd.concat(tables or [nothing], ignore_index=True)
            table["level"] = level
            if "settlement" not in part:
                table = table[table["judged"]].assign(settlement="judged")
            if level == "region":
                table["zone_id"] = ""
            stacked.append(table)
    figures = pd.concat(stacked, ignore_index=True)
    assessed = (figures["persons"] - figures["not_assessed"]).astype(float)
    straight = figures["covered_straight"].astype("Float64").astype(float)
    figures["straight_share_assessed"] = straight / assessed.where(assessed > 0)
    order = {name: n for n, name in enumerate(("judged", "urban", "township_seat", "village"))}
    figures = figures.sort_values(
        ["level", *KEYS, "zone_id", "settlement"],
        key=lambda c: c.map(order) if c.name == "settlement" else c,
        kind="stable",
        ignore_index=True,
    )
    first = ["level", *KEYS, "zone_id", "settlement"]
    return figures[[*first, *(c for c in figures.columns if c not in first)]]


def green_figures(
    table: pd.DataFrame, *, targets: Sequence[Target], max_not_assessed: float
) -> pd.DataFrame:
    """Return what pages, CSV and XLSX show of green: one table for all of them.

    Parameters
    ----------
    table
        ``Green.table`` of :func:`siting.green.green_coverage`.
    targets, max_not_assessed
        As in :func:`siting.green.summary`.

    Returns
    -------
    pd.DataFrame
        ``level`` (``region``, ``zone``), ``zoning``, ``zone_id``, ``indicator``, ``rule_id``, then
        the columns of :func:`siting.green.summary`: one row a target, and one for an indicator
        without.
    """
    stacked = []
    for level, by in (("region", ()), ("zone", ("zone_id",))):
        part = green.summary(
            table,
            targets=targets,
            max_not_assessed=max_not_assessed,
            by=("zoning", *by, "indicator"),
        )
        part["level"] = level
        if level == "region":
            part["zone_id"] = ""
        stacked.append(part)
    figures = pd.concat(stacked, ignore_index=True)
    figures["rule_id"] = figures["indicator"].map(table.groupby("indicator")["rule_id"].first())
    first = ["level", "zoning", "zone_id", "indicator", "rule_id"]
    return figures[[*first, *(c for c in figures.columns if c not in first)]]


@dataclass(frozen=True)
class Written:
    """Where :func:`write_outputs` put things."""

    folder: Path
    maps: Path
    files: tuple[Path, ...]


def write_outputs(
    out_dir: Path,
    *,
    tables: Mapping[str, pd.DataFrame],
    layers: Mapping[str, pd.DataFrame],
    pages: Mapping[str, str],
    run: Mapping[str, Any],
    lang: str,
    title: str,
    rules: Sequence[Rule] = (),
    sources: Sequence[Any] = (),
    notes: Sequence[str] = (),
    made_up: bool = False,
    maps_dir: Path | None = None,
) -> Written:
    """Write all results of a run, or leave those of the previous run as they are.

    Parameters
    ----------
    out_dir
        Gets ``tables/*.csv``, ``results.gpkg``, ``report.xlsx``, ``run.json``.
    tables
        Tables by file name; a geometry column is left to ``layers``.
    layers
        Layers of ``results.gpkg`` by name.
    pages
        Pages by key (``coverage``); written as ``<key>.html``.
    run
        What ``run.json`` holds.
    lang, title, rules, sources, notes, made_up
        For the first sheets of ``report.xlsx``; ``sources`` are dataclasses of text fields.
    maps_dir
        Folder of the pages; ``out_dir/maps`` unless given.

    Raises
    ------
    DataError
        The folders hold files of somebody else under the names to be replaced.
    """
    maps = maps_dir or out_dir / "maps"
    targets = {
        "tables": out_dir / "tables",
        "results.gpkg": out_dir / "results.gpkg",
        "report.xlsx": out_dir / "report.xlsx",
        "run.json": out_dir / "run.json",
        "maps": maps,
    }
    _refuse_foreign(targets["tables"], {".csv"})
    _refuse_foreign(maps, {".html"})
    out_dir.mkdir(parents=True, exist_ok=True)
    restore(out_dir)
    new = out_dir / NEW
    new.mkdir()
    try:
        _write_all(
            new,
            tables=tables,
            layers=layers,
            pages=pages,
            run=run,
            lang=lang,
            title=title,
            rules=rules,
            sources=sources,
            notes=notes,
            made_up=made_up,
        )
        targets = {name: path for name, path in targets.items() if (new / name).exists()}
        _write_json(new / "targets.json", {name: str(p.resolve()) for name, p in targets.items()})
        _swap(out_dir, targets)
    except BaseException:
        restore(out_dir)
        raise
    files = [f for path in targets.values() for f in ([path] if path.is_file() else path.iterdir())]
    return Written(out_dir, maps, tuple(sorted(files)))


def restore(out_dir: Path) -> None:
    """Put back what an interrupted run had begun to move, and sweep up what it left."""
    new, old = out_dir / NEW, out_dir / OLD
    if old.exists() and (new / "targets.json").exists():
        targets = json.loads((new / "targets.json").read_text("utf-8"))
        for name, path in targets.items():
            if not (new / name).exists():  # it had been moved into place
                _remove(Path(path))
            if (old / name).exists():
                Path(path).parent.mkdir(parents=True, exist_ok=True)
                shutil.move(old / name, path)
    for left in (old, new):
        _remove(left)


def _swap(out_dir: Path, targets: Mapping[str, Path]) -> None:
    """Move the previous results aside and the new ones in, then forget how to undo it."""
    new, old = out_dir / NEW, out_dir / OLD
    old.mkdir()
    for name, path in targets.items():
        if path.exists():
            shutil.move(path, old / name)
    for name, path in targets.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(new / name, path)
    (new / "targets.json").unlink()
    _remove(new)
    _remove(old)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def is_litter(name: str) -> bool:
    """Whether a file is what desktops and office programs leave behind, and nobody's work.

    Examples
    --------
    >>> is_litter("Thumbs.db"), is_litter("~$report.xlsx"), is_litter("notes.txt")
    (True, True, False)
    """
    return name in (".DS_Store", "Thumbs.db", "desktop.ini") or name.startswith(("~$", ".~lock."))


def _refuse_foreign(folder: Path, suffixes: set[str]) -> None:
    """Raise if a folder, which is replaced as a whole, holds what no run puts there."""
    if not folder.is_dir():
        return
    foreign = sorted(
        f.name for f in folder.iterdir() if f.suffix not in suffixes and not is_litter(f.name)
    )
    if foreign:
        raise DataError(
            Problem(
                str(folder),
                f"{len(foreign)} files there are not results of a run",
                "Results replace this folder: move them elsewhere, or choose another folder.",
                rows=tuple(foreign),
            )
        )


def _write_all(
    new: Path,
    *,
    tables: Mapping[str, pd.DataFrame],
    layers: Mapping[str, pd.DataFrame],
    pages: Mapping[str, str],
    run: Mapping[str, Any],
    **about: Any,
) -> None:
    (new / "tables").mkdir()
    for name, table in tables.items():
        write_csv(new / "tables" / f"{name}.csv", table)
    drawn = {name: layer for name, layer in layers.items() if len(layer)}
    for name, layer in drawn.items():
        pyogrio.write_dataframe(_layer(layer), new / "results.gpkg", layer=name, driver="GPKG")
    write_xlsx(new / "report.xlsx", tables, **about)
    if pages:
        (new / "maps").mkdir()
        for name, page in pages.items():
            (new / "maps" / f"{name}.html").write_text(page, "utf-8", newline="\n")
    _write_json(new / "run.json", run)


def _layer(layer: pd.DataFrame) -> pd.DataFrame:
    """Return a layer, or a table without geometry, whose columns a GeoPackage can hold."""
    plain = layer.copy()
    shape = plain.geometry.name if isinstance(plain, gpd.GeoDataFrame) else None
    for column in plain.columns:
        if column == shape or plain[column].dtype != object:
            continue
        cells = plain[column]
        if not cells.map(lambda v: v is None or isinstance(v, str | int | float | bool)).all():
            plain[column] = cells.map(str)
    return plain


def _write_json(path: Path, content: Mapping[str, Any]) -> None:
    path.write_text(
        json.dumps(content, ensure_ascii=False, indent=1, default=_plain, allow_nan=False) + "\n",
        "utf-8",
        newline="\n",
    )


def _plain(value: object) -> Any:
    """Turn what ``run.json`` may hold into JSON; anything else is a mistake."""
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    if isinstance(value, np.integer):
        return int(value)
    if isinstance(value, np.floating):
        return None if np.isnan(value) else float(value)
    if isinstance(value, np.bool_):
        return bool(value)
    if isinstance(value, np.ndarray | set | frozenset):
        return sorted(value) if isinstance(value, set | frozenset) else value.tolist()
    if isinstance(value, date | datetime):
        return value.isoformat()
    if isinstance(value, Path):
        return str(value)
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json")
    raise TypeError(f"{type(value).__name__} cannot stand in run.json")


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
    plain = flat(table).map(harmless)
    plain.columns = pd.Index([str(harmless(str(c))) for c in plain.columns])
    plain.to_csv(path, index=False, encoding="utf-8-sig", lineterminator="\n")


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
    import xlsxwriter

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


def _sheet(book: Any, formats: _Formats, name: str, table: pd.DataFrame, lang: str) -> None:
    heading = text.get(f"table.{name}", lang) if text.has(f"table.{name}") else name
    page = book.add_worksheet(heading[:31].translate(str.maketrans("[]:*?/\\", "-------")))
    page.freeze_panes(2, 1)
    for place, column in enumerate(map(str, table.columns)):
        words = text.get(f"column.{column}", lang) if text.has(f"column.{column}") else column
        page.write_string(0, place, words, formats.head)
        page.write_string(1, place, column, formats.field)
        cells = table.iloc[:, place]
        widest = max([len(words) * 1.7, len(column) * 0.9, *(_wide(c) for c in cells.head(200))])
        page.set_column(place, place, min(max(9.0, widest + 2), 48.0))
        _column(page, formats, place, column, cells, lang)
    if len(table):
        page.autofilter(1, 0, len(table) + 1, max(len(table.columns) - 1, 0))


def _wide(cell: object) -> float:
    return sum(1.9 if ord(c) > 0x2E7F else 1.0 for c in str(cell)[:60])


def _column(
    page: Any, formats: _Formats, place: int, name: str, cells: pd.Series[Any], lang: str
) -> None:
    kind = "whole" if pd.api.types.is_integer_dtype(cells.dtype) else unit_of(name)
    for row, cell in enumerate(cells.tolist(), start=2):
        if cell is None or cell is pd.NA or (isinstance(cell, float) and not np.isfinite(cell)):
            continue
        if isinstance(cell, bool | np.bool_):
            page.write_string(row, place, text.get("yes" if cell else "no", lang), formats.plain)
        elif isinstance(cell, int | float | np.integer | np.floating):
            page.write_number(row, place, cell, formats.of[kind])
        else:
            page.write_string(row, place, str(cell)[:CELL_CHARS], formats.plain)

"""All files of a run, or none of them: written beside the old ones and moved in."""

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

from siting.errors import DataError, Problem
from siting.report.cells import write_csv
from siting.report.workbook import write_xlsx
from siting.rules import Rule

NEW, OLD = ".siting-new", ".siting-old"


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

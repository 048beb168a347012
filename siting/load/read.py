"""One reader for every format: by the file's ending, checked, labelled by row."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from siting import crs as crs_
from siting.errors import DataError
from siting.load import osm, tabular, vector
from siting.load.cells import texts
from siting.load.files import existing, refuse
from siting.tables import label

_BEYOND = re.compile(r"(<=|>=|<|>)\s*(-?\d+(?:\.\d+)?)")
_COMPARE: Mapping[str, Callable[[Any, float], Any]] = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip
Geometry: TypeAlias = Literal["point", "line", "polygon", "point_or_polygon"]

_OSM: Final = (".osm", ".osm.pbf", ".osm.gz", ".osm.bz2", ".pbf")
_VECTOR: Final[Mapping[str, Callable[..., gpd.GeoDataFrame]]] = {
    ".gpkg": vector.read_geopackage,
    ".shp": vector.read_shapefile,
    ".geojson": vector.read_geojson,
    ".json": vector.read_geojson,
    ".parquet": vector.read_geoparquet,
    ".geoparquet": vector.read_geoparquet,
}
_TABLES: Final = (".csv", ".xlsx")


def read_layer(
    path: str | Path,
    *,
    table: str,
    layer: str | None = None,
    crs: crs_.Declared = None,
    encoding: str | None = None,
    x: str | None = None,
    y: str | None = None,
    where: osm.Where | None = None,
    geometry: Geometry = "point_or_polygon",
    keep: Sequence[str] = (),
) -> gpd.GeoDataFrame:
    """Read one layer of one file, in the file's own CRS.

    Parameters
    ----------
    path
        GeoPackage, Shapefile, GeoJSON, GeoParquet, CSV or XLSX with coordinates, or an OSM
        extract (``.osm.pbf``, ``.osm``, ``.osm.gz``).
    table
        What messages call the layer (``"services.school"``).
    layer
        Layer or sheet; needed where the file has several.
    crs
        Declared CRS; needed where the file has none, an error where it contradicts the file's.
    encoding
        Declared text encoding of a CSV, a Shapefile without ``.cpg`` or a GeoJSON.
    x, y
        Coordinate columns of a CSV or XLSX; else one pair of
        :data:`siting.load.tabular.COORDINATE_COLUMNS` is recognised.
    where
        For OSM, see :func:`siting.load.osm.read_tagged`. For tables: column → accepted values
        (``">0"``, ``">=5"``, ``"<9"`` and ``"<=9"`` accept numbers), and every column must hold;
        other rows are not part of the layer.
    geometry
        Which OSM elements can be used (see there); other formats are read as they are.
    keep
        OSM tags to keep as columns beside the names and the tags of ``where``.

    Returns
    -------
    geopandas.GeoDataFrame
        The file's columns, ``geometry``, and ``row``: ``"row 7"`` (from 1, without the header) or
        the OSM id ``"w45"``. A column of the file called ``row`` is renamed ``row_``.

    Raises
    ------
    DataError
        The file is missing, empty, damaged, in an unknown encoding or CRS, or its coordinates
        cannot be in that CRS.

    Examples
    --------
    >>> import os, tempfile
    >>> file = Path(tempfile.mkdtemp()) / "clinics.csv"
    >>> _ = file.write_text(f"name,lon,lat{os.linesep}站,113.1,29.4", "utf-8")
    >>> read_layer(file, table="clinics", crs="EPSG:4490")["row"].tolist()
    ['row 1']
    """
    path = existing(path, table=table)
    ending = _ending(path)
    if ending in _OSM:
        osm.check_declared(table, crs, {"layer": layer, "encoding": encoding, "x": x, "y": y})
        frame = osm.read_tagged(path, table=table, where=where or {}, geometry=geometry, keep=keep)
    elif ending in _VECTOR:
        if x is not None or y is not None:
            refuse(table, "x and y are for CSV and XLSX", "Remove x and y.")
        read = _VECTOR[ending]
        frame = read(path, table=table, layer=layer, crs=crs, encoding=encoding)
        frame = _selected(frame, where, table)
    elif ending in _TABLES:
        frame = tabular.read_points(
            path, table=table, sheet=layer, crs=crs, encoding=encoding, x=x, y=y
        )
        frame = _selected(frame, where, table)
    else:
        known = ", ".join([*_VECTOR, *_TABLES, *_OSM[:3]])
        refuse(
            table,
            f"{label(path.name)} is of a kind that cannot be read",
            f"Give a file that ends in one of: {known}.",
        )
    problems = crs_.range_problems(
        frame.geometry.to_numpy(), frame.crs, table=table, labels=frame["row"].tolist()
    )
    if problems:
        raise DataError(problems)
    return frame


def read_table(
    path: str | Path,
    *,
    table: str,
    layer: str | None = None,
    encoding: str | None = None,
    where: osm.Where | None = None,
) -> pd.DataFrame:
    """Read a CSV or XLSX without coordinates (control totals), with a ``row`` column.

    Raises
    ------
    DataError
        As :func:`read_layer`.
    """
    path = existing(path, table=table)
    if _ending(path) not in _TABLES:
        refuse(
            table,
            f"{label(path.name)} is not a table",
            f"Give a file that ends in one of: {', '.join(_TABLES)}.",
        )
    frame = tabular.read_rows(path, table=table, sheet=layer, encoding=encoding)
    selected: pd.DataFrame = _selected(frame, where, table)
    return selected


def lonlat_bounds(*layers: gpd.GeoDataFrame) -> crs_.Bounds:
    """Return west, south, east, north of layers together, in degrees, for ``crs.working_crs``.

    Raises
    ------
    DataError
        No layer has any geometry.
    """
    boxes = []
    for frame in layers:
        shapes = frame.geometry.to_numpy()
        there = frame.geometry[~(shapely.is_missing(shapes) | shapely.is_empty(shapes))]
        if len(there):
            boxes.append(there.to_crs(4326).total_bounds)
    if not boxes or not np.isfinite(boxes).all():
        refuse("study", "no layer has any geometry to place the study by", "Check the zones.")
    low = np.min([b[:2] for b in boxes], axis=0)
    high = np.max([b[2:] for b in boxes], axis=0)
    return (float(low[0]), float(low[1]), float(high[0]), float(high[1]))


def _ending(path: Path) -> str:
    name = path.name.lower()
    double = next((e for e in _OSM if name.endswith(e)), None)
    return double or path.suffix.lower()


def _accepted(values: Sequence[str], accepted: Sequence[str]) -> Any:
    """Return which cells are one of the accepted values, or lie beyond a number (``">0"``)."""
    found = np.isin(np.array(values, dtype=object), list(accepted))
    for wanted in accepted:
        beyond = _BEYOND.fullmatch(wanted)
        if beyond is not None:
            numbers = pd.to_numeric(pd.Series(values), errors="coerce").to_numpy(dtype=float)
            found |= _COMPARE[beyond[1]](numbers, float(beyond[2]))
    return found


def _selected(frame: Any, where: osm.Where | None, table: str) -> Any:
    """Keep the rows whose columns hold the accepted values."""
    if not where:
        return frame
    names = [str(c) for c in frame.columns if c not in ("row", "geometry")]
    missing = [k for k in where if k not in names]
    if missing:
        refuse(
            table,
            f"where names a column that is not there: {', '.join(label(k) for k in missing)}",
            f"Use one of: {', '.join(label(n) for n in names)}.",
        )
    chosen = np.ones(len(frame), dtype=bool)
    for key, accepted in where.items():
        chosen &= _accepted(texts(frame[key]).values, list(map(str, accepted)))
    if not chosen.any():
        told = "; ".join(f"{k}: {', '.join(map(str, v))}" for k, v in where.items())
        seen = {k: sorted(set(texts(frame[k]).values))[:5] for k in where}
        hint = "; ".join(f"{k}: {', '.join(label(v) for v in vs)}" for k, vs in seen.items())
        refuse(
            table,
            f"no row has {label(told)}",
            f"Correct where; the file holds {hint}.",
        )
    return frame[chosen].reset_index(drop=True)

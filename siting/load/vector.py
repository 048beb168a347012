"""GeoPackage, Shapefile, GeoJSON and GeoParquet, refused when damaged rather than read in part.

GDAL mends or skips what it can in silence (a cut Shapefile becomes a shorter one). So each file
is first held against what its own header promises.
"""

from __future__ import annotations

import json
import math
import sqlite3
import struct
import warnings
from pathlib import Path
from typing import Any, Final, NoReturn

import geopandas as gpd
import pandas as pd
import pyogrio
import pyproj

from siting import crs as crs_
from siting.load.files import codec, declared_wrongly, decode, reading, refuse, unreadable
from siting.tables import label

_LATIN1: Final = "ISO-8859-1"  # maps every byte to one character and back


def read_geopackage(
    path: Path, *, table: str, layer: str | None, crs: crs_.Declared, encoding: str | None
) -> gpd.GeoDataFrame:
    """Read one layer; several layers and none named is an error that lists them."""
    if encoding is not None:
        refuse(table, "a GeoPackage is always UTF-8", "Remove encoding.")
    _whole_sqlite(path, table)
    with reading(path, table=table, kind="GeoPackage"):
        listed = pyogrio.list_layers(path)
    names = [str(name) for name, kind in listed if kind is not None]
    every = [str(name) for name, _ in listed]
    if layer is None:
        if len(names) != 1:
            refuse(
                table,
                f"{label(path.name)} has {len(names)} layers with geometry and none is named",
                f"Set layer to one of: {', '.join(label(n) for n in names or every)}.",
            )
        layer = names[0]
    elif layer not in names:
        refuse(
            table,
            f'there is no layer "{label(layer)}" with geometry in {label(path.name)}',
            f"Set layer to one of: {', '.join(label(n) for n in names)}.",
        )
    frame = _read(path, table=table, kind="GeoPackage", layer=layer)
    own = frame.crs
    if own is not None and own.name.lower().startswith(("undefined", "unknown")):
        own = None
    return _in_crs(frame, crs_.of_layer(own, crs, table=table))


def read_shapefile(
    path: Path, *, table: str, layer: str | None, crs: crs_.Declared, encoding: str | None
) -> gpd.GeoDataFrame:
    """Read a Shapefile; its text is UTF-8 unless a ``.cpg`` or the study says otherwise."""
    if layer is not None and layer != path.stem:
        refuse(table, f'a Shapefile has one layer, not "{label(layer)}"', "Remove layer.")
    _whole_shapefile(path, table)
    own: pyproj.CRS | None = None
    prj = _beside(path, ".prj")
    if prj is not None and (wkt := prj.read_bytes().decode("utf-8", "replace").strip()):
        try:
            own = pyproj.CRS.from_wkt(wkt)
        except pyproj.exceptions.CRSError as error:
            unreadable(prj, error, table=table, kind="a .prj file")
    if own is None and crs is None:
        refuse(
            table,
            f"{label(path.name)} has no .prj file, so its CRS is not known",
            "Ask where it comes from and declare it, such as "
            'crs = "EPSG:4547" (CGCS2000 metres, 114°E) or "EPSG:4490" (CGCS2000 degrees).',
        )
    chosen = crs_.of_layer(own, crs, table=table)
    frame = _read(path, table=table, kind="Shapefile", encoding=_LATIN1)
    return _in_crs(_decoded(frame, path, table, encoding), chosen)


def read_geojson(
    path: Path, *, table: str, layer: str | None, crs: crs_.Declared, encoding: str | None
) -> gpd.GeoDataFrame:
    """Read GeoJSON: WGS 84 as RFC 7946 has it, unless a ``crs`` member or the study says another.

    A ``crs`` member (GeoJSON of 2008) is the file's own word; without one the study may declare a
    CRS, and the coordinates are tested against it.
    """
    if layer is not None:
        refuse(table, "a GeoJSON has one layer", "Remove layer.")
    text = decode(path.read_bytes(), encoding, table=table, what=label(path.name))
    try:
        content = json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        unreadable(path, error, table=table, kind="GeoJSON")
    if not isinstance(content, dict) or content.get("type") not in ("FeatureCollection", "Feature"):
        refuse(
            table,
            f"{label(path.name)} is JSON, but not a GeoJSON FeatureCollection",
            "Export the layer as GeoJSON.",
        )
    features = content.get("features") if content["type"] == "FeatureCollection" else [content]
    if not isinstance(features, list) or not all(isinstance(f, dict) for f in features):
        refuse(table, f"{label(path.name)} has no list of features", "Export the layer as GeoJSON.")
    bad = [f"row {i}" for i, f in enumerate(features, 1) if not _sound(f)]
    if bad:
        refuse(
            table,
            f"{len(bad)} of {len(features)} features have a geometry that is not GeoJSON",
            "Coordinates are numbers in brackets, rings end where they begin; export it again.",
            bad,
        )
    own = _geojson_crs(content, table)
    if own is None and crs is None:
        own = pyproj.CRS.from_epsg(4326)
    chosen = crs_.of_layer(own, crs, table=table)
    if not features:
        return gpd.GeoDataFrame({"row": []}, geometry=[], crs=chosen)
    # lone surrogates are valid JSON escapes but not valid UTF-8
    frame = _read(
        text.encode("utf-8", "replace"),
        table=table,
        kind="GeoJSON",
        shown=path,
        count=len(features),
    )
    return _in_crs(frame, chosen)


def read_geoparquet(
    path: Path, *, table: str, layer: str | None, crs: crs_.Declared, encoding: str | None
) -> gpd.GeoDataFrame:
    """Read GeoParquet; its metadata carry the CRS."""
    if layer is not None or encoding is not None:
        refuse(table, "a GeoParquet has no layers and no encoding", "Remove layer and encoding.")
    with reading(path, table=table, kind="GeoParquet"):
        frame = gpd.read_parquet(path)
    if frame.geometry.name != "geometry":
        frame = frame.rename_geometry("geometry")
    own = frame.crs
    return _in_crs(_numbered(frame), crs_.of_layer(own, crs, table=table))


def _read(
    source: Path | bytes,
    *,
    table: str,
    kind: str,
    layer: str | None = None,
    encoding: str | None = None,
    shown: Path | None = None,
    count: int | None = None,
) -> gpd.GeoDataFrame:
    path = shown if shown is not None else source
    assert isinstance(path, Path)
    with reading(path, table=table, kind=kind), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what GDAL mends in silence is tested for here
        frame = pyogrio.read_dataframe(
            source, layer=layer, encoding=encoding, fid_as_index=False, on_invalid="raise"
        )
    if count is not None and len(frame) != count:
        refuse(
            table,
            f"{label(path.name)} lists {count} features, but {len(frame)} can be read",
            "Export it again.",
        )
    if not isinstance(frame, gpd.GeoDataFrame):
        refuse(
            table,
            f"{label(path.name)} has no geometry",
            "Name a layer that has, or give coordinates in a CSV.",
        )
    if frame.geometry.name != "geometry":
        frame = frame.rename_geometry("geometry")
    return _numbered(frame)


def _numbered(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    if "row" in frame.columns:
        frame = frame.rename(columns={"row": "row_"})
    frame = frame.reset_index(drop=True)
    frame.insert(0, "row", pd.Series([f"row {n}" for n in range(1, len(frame) + 1)], dtype="str"))
    return frame


def _in_crs(frame: gpd.GeoDataFrame, crs: pyproj.CRS) -> gpd.GeoDataFrame:
    return frame.set_crs(crs, allow_override=True)


def _whole_sqlite(path: Path, table: str) -> None:
    try:
        link = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro&immutable=1", uri=True)
        try:
            said = link.execute("PRAGMA quick_check(1)").fetchone()
        finally:
            link.close()
    except (sqlite3.Error, ValueError, OverflowError) as error:
        unreadable(path, error, table=table, kind="GeoPackage")
    if said is None or said[0] != "ok":
        fault = ValueError(str(said[0]) if said else "no answer")
        unreadable(path, fault, table=table, kind="GeoPackage")


def _whole_shapefile(path: Path, table: str) -> None:
    """Hold the three files of a Shapefile against their headers."""
    parts = {ending: _beside(path, ending) for ending in (".shp", ".shx", ".dbf")}
    missing = [ending for ending, part in parts.items() if part is None]
    if missing:
        refuse(
            table,
            f"{label(path.name)} lacks its {' and '.join(missing)} beside it",
            "Copy all files of the Shapefile into one folder.",
        )
    shp, shx, dbf = (part.read_bytes() for part in parts.values() if part is not None)
    for ending, raw in ((".shp", shp), (".shx", shx)):
        if len(raw) < 100 or raw[:4] != b"\x00\x00\x27\x0a":
            _cut(path, table, f"its {ending} is not one")
        if 2 * int(struct.unpack(">i", raw[24:28])[0]) != len(raw):
            _cut(path, table, f"its {ending} is not as long as its header says")
    if len(dbf) < 32:
        _cut(path, table, "its .dbf is not one")
    records, head, width = struct.unpack("<IHH", dbf[4:12])
    if len(dbf) < head + records * width:
        _cut(path, table, "its .dbf is not as long as its header says")
    if (len(shx) - 100) // 8 != records:
        _cut(path, table, f"it has {(len(shx) - 100) // 8} shapes but {records} rows")


def _cut(path: Path, table: str, why: str) -> NoReturn:
    refuse(
        table,
        f"{label(path.name)} is damaged or cut short: {why}",
        "Copy or export the Shapefile again.",
    )


def _beside(path: Path, ending: str) -> Path | None:
    """Return the file of the same name with another ending, in either case."""
    for e in (ending, ending.upper()):
        if (other := path.with_suffix(e)).is_file():
            return other
    return None


def _decoded(
    frame: gpd.GeoDataFrame, path: Path, table: str, encoding: str | None
) -> gpd.GeoDataFrame:
    """Turn text read byte for byte into text in the encoding that is declared."""
    cpg = _beside(path, ".cpg")
    own = cpg.read_text("ascii", "replace").strip() if cpg is not None else ""
    own = {"936": "gbk", "54936": "gb18030", "65001": "utf-8"}.get(own, own)
    if own and encoding and codec(own, table=table) != codec(encoding, table=table):
        refuse(
            table,
            f"{label(path.name)} says in its .cpg that its text is {label(own)}, "
            f"the study says {label(encoding)}",
            "Remove encoding from the study, or mend the .cpg if it is wrong.",
        )
    said_by = "its .cpg" if own else "the study" if encoding else "its .dbf header"
    name = codec(own or encoding or _language(path) or "utf-8", table=table)
    texts = [c for c in frame.columns if c != "row" and _is_text(frame[c])]
    held = {c: [None if _na(v) else str(v).encode(_LATIN1) for v in frame[c]] for c in texts}
    heads = {c: str(c).encode(_LATIN1) for c in frame.columns if c not in ("row", "geometry")}
    every = b"\n".join([*heads.values(), *(v for vs in held.values() for v in vs if v)])
    if declared_wrongly(every, name):
        refuse(
            table,
            f"{label(path.name)} holds UTF-8 text, but {said_by} says {name}",
            'Set encoding = "utf-8".' if not own else "Write UTF-8 into the .cpg.",
        )
    bad = [
        f"row {i + 1}"
        for i in range(len(frame))
        if any(vs[i] is not None and not _decodes(vs[i], name) for vs in held.values())
    ]
    if bad or not all(_decodes(h, name) for h in heads.values()):
        hint = "gb18030" if name == "utf-8" and _decodes(every, "gb18030") else "the right one"
        where = f"{len(bad)} of {len(frame)} rows have text" if bad else "the column names are"
        refuse(
            table,
            f"{where} that is not {name}" if bad else f"{where} not {name}",
            f'Declare the encoding: encoding = "{hint}".'
            if hint != "the right one"
            else "Declare the encoding the file was saved in: encoding = ….",
            bad,
        )
    frame = frame.copy()
    for c, values in held.items():
        frame[c] = pd.Series(
            [None if v is None else v.decode(name) for v in values], index=frame.index, dtype=object
        )
    return frame.rename(columns={c: h.decode(name) for c, h in heads.items()})


def _language(path: Path) -> str | None:
    """Return the encoding that the .dbf header's language byte names, if it is a telling one."""
    dbf = _beside(path, ".dbf")
    byte = dbf.read_bytes()[29] if dbf is not None else 0
    # other values are written by habit, whatever the text is in
    return {0x4D: "gbk", 0x4E: "cp949", 0x4F: "big5", 0x7A: "gbk", 0x13: "cp932"}.get(byte)


def _decodes(raw: bytes | None, name: str) -> bool:
    try:
        (raw or b"").decode(name)
    except UnicodeDecodeError:
        return False
    return True


def _is_text(column: pd.Series[Any]) -> bool:
    return column.dtype == object or isinstance(column.dtype, pd.StringDtype)


def _na(value: object) -> bool:
    return value is None or value is pd.NA or (isinstance(value, float) and math.isnan(value))


def _no_constant(word: str) -> NoReturn:
    message = f"{word} is not JSON"
    raise ValueError(message)


def _geojson_crs(content: dict[str, Any], table: str) -> pyproj.CRS | None:
    member = content.get("crs")
    if member is None:
        return None
    try:
        return pyproj.CRS.from_user_input(member["properties"]["name"])
    except (KeyError, TypeError, ValueError, pyproj.exceptions.CRSError):
        refuse(
            table,
            f"the GeoJSON names a CRS that is not known: {label(json.dumps(member))}",
            "Export it again in WGS 84, or mend its crs member.",
        )


_DEPTH: Final = {
    "Point": 0, "MultiPoint": 1, "LineString": 1, "MultiLineString": 2, "Polygon": 2,
    "MultiPolygon": 3,
}  # fmt: skip


def _sound(feature: dict[str, Any]) -> bool:
    """Tell whether a feature's coordinates are nested numbers of its type's depth."""
    shape = feature.get("geometry")
    if shape is None:
        return True
    if not isinstance(shape, dict):
        return False
    if shape.get("type") == "GeometryCollection":
        return isinstance(shape.get("geometries"), list)
    depth = _DEPTH.get(str(shape.get("type")))
    if depth is None:
        return False
    return _nested(shape.get("coordinates"), depth, ring=depth >= 2 and "Polygon" in shape["type"])


def _nested(value: Any, depth: int, *, ring: bool) -> bool:
    if not isinstance(value, list):
        return False
    if depth == 0:
        return not value or (
            len(value) >= 2
            and all(isinstance(v, int | float) and not isinstance(v, bool) for v in value[:3])
        )
    if ring and depth == 1 and value and (len(value) < 4 or value[0] != value[-1]):
        return False
    return all(_nested(v, depth - 1, ring=ring) for v in value)

"""Bad inputs, made by operators × layers × columns × formats.

An operator takes clean rows (or bytes, or declarations) and breaks one thing. Every mutant says
which row it touched, where it is one row, and which ends are right for it:

``error``  a SitingError that names the layer, the row and a mend
``listed`` clean tables, except for rows that the drops table lists
``same``   clean tables, exactly
"""

from __future__ import annotations

import shutil
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
import tiny
from tiny import SPECS, Spec

ERROR = frozenset({"error"})
LISTED = frozenset({"listed"})
SAME = frozenset({"same"})

HOSTILE = {
    "script": "</script><script>alert(1)</script>",
    "formula": "=cmd|' /C calc'!A0",
    "right_to_left": "\u202e学小\u202c\u200f",
    "long": "长" * 4000,
    "nul_and_lines": "a\nb\tc",
    "quote": 'O\'Neill "&amp;" <b>',
    "braces": "{{7*7}} ${7*7} %s {0}",
}


@dataclass(frozen=True)
class Mutant:
    """One bad input.

    ``write`` puts the broken layer into a folder and returns its path and the declarations to
    read it with. ``row`` is the position of the row touched. ``renames`` says that the row's
    texts may differ from the clean ones, being what was mutated.
    """

    name: str
    layer: str
    ending: str
    ends: frozenset[str]
    write: Callable[[Path], tuple[Path, dict[str, Any], dict[str, str]]]
    row: int | None = None
    renames: bool = False


Change = Callable[[gpd.GeoDataFrame], gpd.GeoDataFrame]


def mutants() -> Iterator[Mutant]:
    """Return every mutant, the same ones in the same order each time."""
    for layer, spec in SPECS.items():
        for number, (name, ends, row, change, renames) in enumerate(_row_mutants(layer, spec)):
            for ending in _formats(_able(spec.formats, name), name, number, layer):
                yield _of_rows(layer, spec, name, ending, ends, row, change, renames=renames)
        yield from _declaration_mutants(layer, spec)
        yield from _file_mutants(layer, spec)


# What a format cannot hold, or holds as something else, is no mutant there: a table of coordinates
# has only points, a Shapefile's rings are what their direction makes them, JSON has no infinity.
_UNABLE = {
    "lines-instead": ("csv", "xlsx"),
    "multipoint-of-one": ("csv", "xlsx"),
    "geometry-z": ("csv", "xlsx"),
    "hole-outside": ("shp",),
    "nan-coordinates": ("geojson", "gpkg", "shp"),
}


def _able(formats: tuple[str, ...], name: str) -> tuple[str, ...]:
    unable = _UNABLE.get(name, ("geojson",) if name.endswith("-infinite") else ())
    return tuple(f for f in formats if f not in unable)


def _formats(formats: tuple[str, ...], name: str, number: int, layer: str) -> list[str]:
    """Take formats in turn: two for every operator, one where only texts are mutated."""
    start = number + len(layer)
    count = 1 if name.startswith(("id-", "name-")) else 2
    return list(dict.fromkeys(formats[(start + k) % len(formats)] for k in range(count)))


def _of_rows(
    layer: str,
    spec: Spec,
    name: str,
    ending: str,
    ends: frozenset[str],
    row: int | None,
    change: Change,
    *,
    renames: bool = False,
) -> Mutant:
    def write(folder: Path) -> tuple[Path, dict[str, Any], dict[str, str]]:
        frame = change(tiny.frame(layer))
        path, declared = tiny.write(frame, folder, layer, ending)
        return path, declared, dict(spec.columns)

    return Mutant(f"{layer}-{ending}-{name}", layer, ending, ends, write, row, renames)


# --- operators on rows ---------------------------------------------------------------------------


def _row_mutants(
    layer: str, spec: Spec
) -> Iterator[tuple[str, frozenset[str], int | None, Change, bool]]:
    clean = tiny.frame(layer)
    last = len(clean) - 1
    ident = spec.columns[spec.key]

    def cell(column: str, row: int, value: Any) -> Change:
        def change(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
            return _put(frame, column, row, value)

        return change

    yield "id-blank", ERROR, last, cell(ident, last, ""), False
    yield "id-none", ERROR, last, cell(ident, last, None), False
    yield "id-spaces-only", ERROR, last, cell(ident, last, "   "), False
    yield "id-control", LISTED, last, cell(ident, last, f"{clean[ident].iat[last]}\t"), False
    if last:
        yield "id-twice", ERROR, last, cell(ident, last, clean[ident].iat[0]), False
        spaced = f" {clean[ident].iat[0]} "
        yield "id-twice-spaced", ERROR, last, cell(ident, last, spaced), False
    for key in spec.numbers:
        column = spec.columns.get(key) or spec.options["groups"][key]
        for name, value, ends in (
            ("text", "很多", ERROR),
            ("unit", "120人", ERROR),
            ("thousands", "1,200", ERROR),
            ("range", "10-20", ERROR),
            ("infinite-text", "inf", ERROR),
            ("nan-text", "nan", ERROR),
            ("hex", "0x10", ERROR),
            ("infinite", float("inf"), ERROR),
            ("huge", 1e300, ERROR),
        ):
            yield f"{key}-{name}", ends, 0, cell(column, 0, value), False
        low = -3 if key != "layer" else -300
        yield f"{key}-negative", ERROR, 0, cell(column, 0, low), False
        whole = key not in ("weight", "speed_kph")
        yield f"{key}-fraction", ERROR if whole else SAME, 0, _fraction(column), not whole
        blank = ERROR if key in ("population", "pupils", "weight") and layer != "zones" else SAME
        yield f"{key}-blank", blank, 0, cell(column, 0, None), True
        yield f"{key}-fullwidth", LISTED, 0, _fullwidth(column), False
        yield f"{key}-all-text", ERROR, None, _whole_column(column, "不详"), False
    for key in spec.words:
        column = spec.columns[key]
        yield f"{key}-unknown", ERROR, 0, cell(column, 0, "火星"), False
        yield f"{key}-number", ERROR, 0, cell(column, 0, "77"), False
        yield f"{key}-spaced", LISTED, 0, cell(column, 0, f"\t{clean[column].iat[0]} "), False
    for key in spec.needed:
        yield f"{key}-column-missing", ERROR, None, _without(spec.columns[key]), False
        yield f"{key}-needed-blank", ERROR, 0, cell(spec.columns[key], 0, ""), False
    if "name" in spec.columns:
        for name, text in HOSTILE.items():
            yield f"name-{name}", SAME | LISTED, 0, cell("name", 0, text), True
        yield "name-blank", LISTED | SAME, 0, cell("name", 0, ""), True
    for name, text in HOSTILE.items():
        if name != "long":  # an id of 4,000 characters is read, and cut in messages
            yield f"id-{name}", SAME | LISTED, 0, cell(ident, 0, text), True
    yield "id-column-missing", ERROR, None, _without(ident), False
    stays = spec.carries and layer != "barriers"
    gone = ERROR if stays or last == 0 else LISTED
    yield "geometry-none", gone, last, _shape(last, None), False
    yield "geometry-empty", gone, last, _shape(last, _empty(spec)), False
    yield "geometry-all-none", ERROR, None, _all_shapes(lambda g: None), False
    yield "geometry-z", SAME, None, _all_shapes(lambda g: shapely.force_3d(g, 5.0)), False
    yield "no-rows", ERROR, None, lambda f: f.iloc[:0], False
    yield "rows-reversed", SAME, None, lambda f: f.iloc[::-1], False
    yield "axes-swapped", ERROR, None, _all_shapes(_swapped), False
    yield "axes-swapped-one", ERROR, last, _shape(last, _swapped), False
    yield "degrees-called-metres", ERROR, None, _called(4490, 4547), False
    yield "metres-called-degrees", ERROR, None, _called(4547, 4490), False
    yield "crs-dropped", ERROR, None, lambda f: f.set_crs(None, allow_override=True), False
    yield "neighbouring-zone", ERROR, None, _relabelled(4550), False
    yield "utm-next-zone", ERROR, None, _relabelled(32651), False
    yield "zone-prefix", ERROR, None, _all_shapes(_prefixed), False
    if layer != "zones":
        far = LISTED if last else ERROR
        yield "at-sea", far, last, _shape(last, lambda g: _moved(g, 60_000, 60_000)), False
        yield "all-at-sea", ERROR, None, _all_shapes(lambda g: _moved(g, 60_000, 0)), False
    yield "other-continent", ERROR, last, _shape(last, lambda g: _moved(g, -9e6, 0)), False
    yield "nan-coordinates", gone | ERROR, last, _shape(last, _nan), False
    if spec.geometry == "polygon":
        yield "bowtie", LISTED, last, _shape(last, _bowtie), False
        yield "spike", LISTED | SAME, last, _shape(last, _spike), False
        flat = ERROR if stays else LISTED
        yield "no-area", flat, last, _shape(last, _flattened), False
        yield "hole-outside", LISTED, last, _shape(last, _hole), False
        if layer not in ("buildings", "candidates"):  # these may be points
            yield "points-instead", ERROR, None, _all_shapes(lambda g: g.centroid), False
        if layer in ("zones", "residential"):
            yield "drawn-twice", LISTED, last, _shape(last, _onto(clean.geometry.iat[0])), False
    if spec.geometry == "line":
        yield "points-instead", ERROR, None, _all_shapes(lambda g: g.centroid), False
        yield "no-length", gone, last, _shape(last, _no_length), False
    if spec.geometry == "point":
        yield "multipoint-of-one", SAME, None, _all_shapes(lambda g: shapely.MultiPoint([g])), False
        yield "lines-instead", ERROR, None, _all_shapes(_short_line), False


def _put(frame: gpd.GeoDataFrame, column: str, row: int, value: Any) -> gpd.GeoDataFrame:
    values: list[Any] = frame[column].tolist()
    values[row] = value
    texts = [v for v in values if isinstance(v, str)]
    if texts and len(texts) < len([v for v in values if v is not None]):
        # a column with one word in it is a column of text in every format
        values = [None if v is None else str(v) for v in values]
    return frame.assign(**{column: values})


def _whole_column(column: str, value: Any) -> Change:
    return lambda f: f.assign(**{column: [value] * len(f)})


def _without(column: str) -> Change:
    return lambda f: f.drop(columns=column)


def _fraction(column: str) -> Change:
    return lambda f: _put(f.astype({column: float}), column, 0, float(f[column].iat[0]) + 0.5)


def _fullwidth(column: str) -> Change:
    wide = {ord(str(d)): chr(0xFF10 + d) for d in range(10)}
    return lambda f: _put(f, column, 0, str(f[column].iat[0]).translate(wide))


def _shape(row: int, to: Any) -> Change:
    def change(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
        shapes = frame.geometry.tolist()
        shapes[row] = to(shapes[row]) if callable(to) else to
        return frame.set_geometry(gpd.GeoSeries(shapes, crs=frame.crs, index=frame.index))

    return change


def _all_shapes(to: Callable[[Any], Any]) -> Change:
    def change(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
        shapes = [to(g) for g in frame.geometry]
        return frame.set_geometry(gpd.GeoSeries(shapes, crs=frame.crs, index=frame.index))

    return change


def _called(real: int, said: int) -> Change:
    """Coordinates in one CRS, labelled as another."""
    return lambda f: f.to_crs(real).set_crs(said, allow_override=True)


def _relabelled(said: int) -> Change:
    return lambda f: f.set_crs(said, allow_override=True)


def _swapped(shape: Any) -> Any:
    return shapely.transform(shape, lambda c: c[:, ::-1])


def _prefixed(shape: Any) -> Any:
    return shapely.transform(shape, lambda c: c + np.array([38e6, 0]))


def _moved(shape: Any, x: float, y: float) -> Any:
    return shapely.transform(shape, lambda c: c + np.array([x, y]))


def _nan(shape: Any) -> Any:
    def change(c: np.ndarray) -> np.ndarray:
        c = c.copy()
        c[min(1, len(c) - 1)] = np.nan  # not where a ring begins and ends
        return c

    return shapely.transform(shape, change)


def _empty(spec: Spec) -> Any:
    kinds = {"point": shapely.Point(), "line": shapely.LineString(), "polygon": shapely.Polygon()}
    return kinds[spec.geometry]


def _bowtie(shape: Any) -> Any:
    a, b, c, d = shape.exterior.coords[:4]
    return shapely.Polygon([a, c, b, d])


def _spike(shape: Any) -> Any:
    first, *rest = shape.exterior.coords[:-1]
    out = (first[0] + 500, first[1] + 500)
    return shapely.Polygon([first, out, first, *rest])


def _flattened(shape: Any) -> Any:
    a, b = shape.exterior.coords[:2]
    return shapely.Polygon([a, b, a, a])


def _hole(shape: Any) -> Any:
    outside = _moved(shape, 5 * (shape.bounds[2] - shape.bounds[0]), 0)
    return shapely.Polygon(shape.exterior, [outside.exterior])


def _onto(other: Any) -> Callable[[Any], Any]:
    return lambda shape: other.buffer(-1, join_style="mitre")


def _no_length(shape: Any) -> Any:
    first = shape.coords[0]
    return shapely.LineString([first, first])


def _short_line(shape: Any) -> Any:
    return shapely.LineString([(shape.x, shape.y), (shape.x + 1, shape.y)])


# --- operators on declarations -------------------------------------------------------------------


def _declaration_mutants(layer: str, spec: Spec) -> Iterator[Mutant]:
    def declared(
        name: str, ending: str, ends: frozenset[str], more: dict[str, Any], columns: dict[str, str]
    ) -> Mutant:
        def write(folder: Path) -> tuple[Path, dict[str, Any], dict[str, str]]:
            path, said = tiny.write(tiny.frame(layer), folder, layer, ending)
            kept = {k: v for k, v in {**said, **more}.items() if v is not None}
            return path, kept, {**spec.columns, **columns}

        return Mutant(f"{layer}-{ending}-{name}", layer, ending, ends, write)

    first, second = spec.formats[0], spec.formats[len(layer) % len(spec.formats)]
    for ending in dict.fromkeys((first, second)):
        yield declared("unknown-key", ending, ERROR, {}, {"poplation": "x"})
        yield declared("column-not-there", ending, ERROR, {}, {spec.key: "没有这一列"})
        yield declared("crs-nonsense", ending, ERROR, {"crs": "EPSG:999999"}, {})
        yield declared("where-no-column", ending, ERROR, {"where": {"zzz": ["1"]}}, {})
        ident = spec.columns[spec.key]
        yield declared("where-nothing", ending, ERROR, {"where": {ident: ["no such"]}}, {})
        yield declared("encoding-nonsense", ending, ERROR, {"encoding": "martian"}, {})
    yield declared("layer-not-there", "gpkg", ERROR, {"layer": "sheet9"}, {})
    yield declared("crs-contradicts", "gpkg", ERROR, {"crs": "EPSG:4326"}, {})
    yield declared("crs-contradicts-datum", "gpkg", ERROR, {"crs": "EPSG:2437"}, {})
    yield declared("crs-agrees", "gpkg", SAME, {"crs": "EPSG:4547"}, {})
    yield declared("encoding-missing", "shp", _gbk_needed(layer), {"encoding": None}, {})
    yield declared("encoding-utf16", "geojson", ERROR, {"encoding": "utf-16"}, {})
    if "csv" in spec.formats:
        yield declared("crs-missing", "csv", ERROR, {"crs": None}, {})
        yield declared("crs-metres", "csv", ERROR, {"crs": "EPSG:4547"}, {})
        yield declared("x-alone", "csv", ERROR, {"x": "lon"}, {})
        yield declared("x-is-y", "csv", ERROR, {"x": "lat", "y": "lon"}, {})
        yield declared("x-not-there", "csv", ERROR, {"x": "经度", "y": "lat"}, {})
        yield declared("x-is-text", "csv", ERROR, {"x": spec.columns[spec.key], "y": "lat"}, {})
        yield declared("layer-of-csv", "csv", ERROR, {"layer": "Sheet1"}, {})
        yield declared("sheet-not-there", "xlsx", ERROR, {"layer": "没有"}, {})


def _gbk_needed(layer: str) -> frozenset[str]:
    """Only where the layer holds Chinese text can the missing encoding be seen, or matter."""
    frame = tiny.frame(layer).drop(columns="geometry")
    chinese = any(isinstance(v, str) and not v.isascii() for column in frame for v in frame[column])
    return ERROR if chinese else SAME


# --- operators on files --------------------------------------------------------------------------


def _file_mutants(layer: str, spec: Spec) -> Iterator[Mutant]:
    def broken(
        name: str, ending: str, ends: frozenset[str], change: Callable[[Path], Path]
    ) -> Mutant:
        def write(folder: Path) -> tuple[Path, dict[str, Any], dict[str, str]]:
            path, said = tiny.write(tiny.frame(layer), folder, layer, ending)
            return change(path), said, dict(spec.columns)

        return Mutant(f"{layer}-{ending}-{name}", layer, ending, ends, write)

    for ending in spec.formats:
        yield broken("zero-bytes", ending, ERROR, _bytes(lambda raw: b""))
        yield broken("missing", ending, ERROR, _removed)
        yield broken("directory", ending, ERROR, _directory)
        for share in (0.3, 0.6, 0.9):
            yield broken(f"cut-at-{share:.0%}", ending, ERROR, _cut(share, ending))
        yield broken("garbage", ending, ERROR, _bytes(lambda raw: _noise(len(raw))))
        yield broken("other-kind", ending, ERROR, _bytes(lambda raw: b"%PDF-1.7\n" + raw[::-1]))
        yield broken("unknown-ending", ending, ERROR, _renamed(".dwg"))
        yield broken("html", ending, ERROR, _bytes(lambda raw: b"<html><body>403</body></html>"))
    yield broken("no-prj", "shp", ERROR, _lacks(".prj"))
    yield broken("no-dbf", "shp", ERROR, _lacks(".dbf"))
    yield broken("no-shx", "shp", ERROR, _lacks(".shx"))
    yield broken("bad-prj", "shp", ERROR, _beside(".prj", b"GEOGCS[nothing"))
    yield broken("dbf-cut", "shp", ERROR, _part_cut(".dbf"))
    yield broken("shx-cut", "shp", ERROR, _part_cut(".shx"))
    yield broken("cpg-lies", "shp", _cpg_ends(layer), _beside(".cpg", b"UTF-8"))
    yield broken("two-layers", "gpkg", ERROR, _second_layer)
    yield broken("gbk", "geojson", _gbk_needed(layer), _recoded("gb18030"))
    yield broken("nan", "geojson", ERROR, _replaced(b'"type": "Point"', b'"type": NaN', force=True))
    yield broken("crs-unknown", "geojson", ERROR, _geojson_crs("urn:ogc:def:crs:EPSG::999999"))
    yield broken("crs-metres", "geojson", ERROR, _geojson_crs("urn:ogc:def:crs:EPSG::4547"))
    yield broken("text-coordinates", "geojson", ERROR, _text_coordinates)
    if "csv" in spec.formats:
        ident = spec.columns[spec.key].encode()
        yield broken("gbk", "csv", _gbk_needed(layer), _recoded("gb18030"))
        yield broken("utf16", "csv", ERROR, _recoded("utf-16"))
        yield broken("header-only", "csv", ERROR, _bytes(lambda raw: raw.splitlines(True)[0]))
        yield broken("column-twice", "csv", ERROR, _replaced(b"lat", ident))
        yield broken("nul", "csv", ERROR, _bytes(lambda raw: raw + b"\0"))
        yield broken("open-quote", "csv", ERROR, _bytes(lambda raw: raw + b'"a,b,c'))
        yield broken("short-row", "csv", ERROR, _bytes(lambda raw: raw + b"Q9,1\r\n"))
        yield broken("long-row", "csv", ERROR, _bytes(_long_row))
        yield broken("blank-lines", "csv", SAME, _bytes(lambda raw: raw + b"\r\n\r\n"))
        yield broken("semicolons", "csv", ERROR, _bytes(lambda raw: raw.replace(b",", b";")))
        yield broken("degree-signs", "csv", ERROR, _degree_signs)
        yield broken("half-coordinate", "csv", ERROR, _half_coordinate)


def _bytes(change: Callable[[bytes], bytes]) -> Callable[[Path], Path]:
    def apply(path: Path) -> Path:
        path.write_bytes(change(path.read_bytes()))
        return path

    return apply


def _cut(share: float, ending: str) -> Callable[[Path], Path]:
    def cut(raw: bytes) -> bytes:
        at = int(len(raw) * share)
        if ending == "csv":  # a cut between two rows cannot be told from a shorter file
            at = raw.rfind(b"\n", 0, at) + 3
        return raw[:at]

    return _bytes(cut)


def _noise(length: int) -> bytes:
    return b"".join(
        zlib.crc32(str(i).encode()).to_bytes(4, "big") for i in range(max(length, 64) // 4)
    )


def _removed(path: Path) -> Path:
    path.unlink()
    return path


def _directory(path: Path) -> Path:
    path.unlink()
    path.mkdir()
    return path


def _renamed(ending: str) -> Callable[[Path], Path]:
    return lambda path: Path(shutil.move(path, path.with_suffix(ending)))


def _lacks(ending: str) -> Callable[[Path], Path]:
    def apply(path: Path) -> Path:
        path.with_suffix(ending).unlink()
        return path

    return apply


def _beside(ending: str, raw: bytes) -> Callable[[Path], Path]:
    def apply(path: Path) -> Path:
        path.with_suffix(ending).write_bytes(raw)
        return path

    return apply


def _part_cut(ending: str) -> Callable[[Path], Path]:
    def apply(path: Path) -> Path:
        part = path.with_suffix(ending)
        part.write_bytes(part.read_bytes()[:-20])
        return path

    return apply


def _cpg_ends(layer: str) -> frozenset[str]:
    del layer
    return ERROR  # the study says gb18030, the .cpg says UTF-8


def _second_layer(path: Path) -> Path:
    frame = gpd.read_file(path)
    frame.to_file(path, driver="GPKG", engine="pyogrio", layer="副本")
    return path


def _recoded(encoding: str) -> Callable[[Path], Path]:
    return _bytes(lambda raw: raw.decode("utf-8-sig").encode(encoding))


def _replaced(old: bytes, new: bytes, *, force: bool = False) -> Callable[[Path], Path]:
    def change(raw: bytes) -> bytes:
        if old not in raw and force:
            return raw.replace(b'"coordinates": [', b'"coordinates": [ NaN, ', 1)
        return raw.replace(old, new, 1)

    return _bytes(change)


def _geojson_crs(name: str) -> Callable[[Path], Path]:
    import json

    def change(raw: bytes) -> bytes:
        content = json.loads(raw)
        content["crs"] = {"type": "name", "properties": {"name": name}}
        return json.dumps(content, ensure_ascii=False).encode()

    return _bytes(change)


def _text_coordinates(path: Path) -> Path:
    import json

    content = json.loads(path.read_bytes())
    shape = content["features"][0]["geometry"]
    shape["coordinates"] = json.loads(
        json.dumps(shape["coordinates"]).replace("[[[", '[[["a", ').replace("[[", "[[").replace(
            "[11", '["x", 11', 1)
    )  # fmt: skip
    path.write_text(json.dumps(content, ensure_ascii=False), "utf-8")
    return path


def _long_row(raw: bytes) -> bytes:
    lines = raw.splitlines(True)
    lines[1] = lines[1].rstrip(b"\r\n") + b",9,9\r\n"
    return b"".join(lines)


def _degree_signs(path: Path) -> Path:
    table = pd.read_csv(path, dtype=str)
    table.loc[0, "lon"] = "113°16′48″"
    table.to_csv(path, index=False, encoding="utf-8-sig")
    return path


def _half_coordinate(path: Path) -> Path:
    table = pd.read_csv(path, dtype=str)
    table.loc[0, "lat"] = ""
    table.to_csv(path, index=False, encoding="utf-8-sig")
    return path

"""A clean line layer → network: ends that meet join, nothing else does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import pyproj
import shapely

from siting.errors import DataError, Problem
from siting.network.delay import with_delay
from siting.network.graph import RoadNetwork, assemble, drops_table
from siting.network.speed_file import speeds_for
from siting.network.speeds import (
    LEAST_KPH,
    MOST_KPH,
    SPEED_COLUMN,
    Mode,
    Speeds,
    line_speeds,
    travel_ms,
)

ONEWAY = {
    "yes": 1, "true": 1, "1": 1, "f": 1, "ft": 1, "forward": 1, "是": 1,
    "-1": -1, "reverse": -1, "t": -1, "tf": -1, "backward": -1,
    "no": 0, "false": 0, "0": 0, "b": 0, "": 0, "nan": 0, "none": 0, "<na>": 0, "否": 0,
}  # fmt: skip
"""What a ``oneway`` column may hold: along the line, against it, or both ways."""

YES = {"yes", "true", "1", "t", "y", "viaduct", "是", "1.0"}
NO = {"no", "false", "0", "f", "n", "", "nan", "none", "<na>", "否", "0.0"}


def from_lines(
    lines: gpd.GeoDataFrame, *, mode: Mode, speeds: Speeds | str | None = None
) -> RoadNetwork:
    """Return the network of a line layer whose streets end where they meet.

    Two lines are joined where their ends fall on the same millimetre; lines that merely cross,
    as on a bridge, are not. Nothing is snapped or cut.

    Parameters
    ----------
    lines
        The ``roads`` table in a projected CRS in metres: LineStrings or MultiLineStrings (each
        part becomes an edge), ``highway``, and where present ``oneway`` (``yes``/``-1``/``no``,
        ``F``/``T``/``B``), ``speed_kph`` (of cars), ``cycle_kph``, ``ebike_kph``, ``walk_kph``,
        ``surface``, ``length_m``, ``bridge``, ``tunnel``, ``way_id`` (int64, the row's number; its
        position unless given). ``layer`` is not needed: only ends join; a layer whose lines cross
        without ending there goes through :func:`topology` first. A column that is absent or blank
        means what is usual for the class (two-way but for motorways, which is listed; its speed),
        the length as drawn, no bridge, no tunnel.
    mode
        ``"walk"`` ignores ``oneway``, and so do bicycles where they are pushed.
    speeds
        Speeds, or the path of a file that overrides the shipped ones.

    Returns
    -------
    RoadNetwork
        Lengths are planar, or ``length_m``. Nodes and edges are numbered by coordinates, so that
        the order of rows does not matter except for ``way_id``. ``highway`` is the class, whatever
        word stood for it. Lines of zero length, classes closed to the mode and surfaces nobody
        knows are in ``drops``.

    Raises
    ------
    DataError
        All breaches at once: unknown classes, values no ``oneway`` may have, speeds or lengths not
        above zero, ids of ways that are no whole numbers, geometries missing or not lines.
    NetworkError
        The CRS is not metric, there is no such mode, or no edge is left.

    Examples
    --------
    >>> from shapely import LineString
    >>> roads = gpd.GeoDataFrame(
    ...     {"highway": ["residential", "primary"]},
    ...     geometry=[LineString([(0, 0), (60, 0)]), LineString([(60, 0), (60, 90)])],
    ...     crs="EPSG:4547",
    ... )
    >>> network = from_lines(roads, mode="walk")
    >>> network.forward_ms.tolist()
    [60000, 90000]
    """
    used = speeds_for(mode, speeds)
    if lines.crs is None:
        raise DataError(Problem("roads", "no CRS is declared", "Declare the CRS of the layer."))
    geometry = np.asarray(lines.geometry.array, dtype=object)
    rows = row_names(lines)
    problems: list[Problem] = []
    if "highway" not in lines.columns:
        problems.append(
            Problem("roads", "has no column highway", "Name the column that holds the road class.")
        )
        raise DataError(problems)

    problem = wrong_geometry(geometry, rows)
    problems += [] if problem is None else [problem]
    words = words_of(lines["highway"])
    unknown = by_word(words, lambda word: used.road_class(word) is None, bool)
    if unknown.any():
        values = ", ".join(sorted({repr(word) for word in words[unknown]}))
        problems.append(
            Problem(
                "roads",
                f"{int(unknown.sum())} of {len(lines)} rows have an unknown highway class: "
                f"{values}",
                f"Use {', '.join(sorted(used.classes))}, or give a speeds file with [alias] or "
                "[class] for them.",
                tuple(rows[unknown]),
            )
        )
    direction = oneway_of(lines, rows, problems)
    own = {
        name: _positive(lines, column, rows, problems, least=LEAST_KPH, greatest=MOST_KPH[name])
        for name, column in SPEED_COLUMN.items()
    }
    metres = _positive(lines, "length_m", rows, problems, greatest=1e7)
    bridge = flag(lines, "bridge", rows, problems)
    tunnel = flag(lines, "tunnel", rows, problems)
    way_id = _way_ids(lines, rows, problems)
    if problems:
        raise DataError(problems)

    named = by_word(words, used.class_name, object)
    known = by_word(words, used.road_class, object)
    implied = by_word(words, lambda word: used.classes[used.class_name(word)].oneway, bool)
    given = _given(lines, "oneway")
    direction = np.where(~given & implied, 1, direction)
    surface = words_of(lines["surface"]) if "surface" in lines else np.full(len(lines), "", object)
    going = line_speeds(known, own[mode], surface, mode=mode, speeds=used)
    speed = going.kph
    direction = np.where(going.pushed | (mode == "walk"), 0, direction)
    stop = by_word(words, lambda word: used.classes[used.class_name(word)].stop, bool)
    stop &= ~bridge & ~tunnel

    parts, source = shapely.get_parts(geometry, return_index=True)
    parts = shapely.force_2d(parts)
    parts = shapely.transform(parts, lambda xy: np.round(xy, 3) + 0.0)
    length_mm = np.floor(shapely.length(parts) * 1000.0 + 0.5).astype(np.int64)
    single = np.bincount(source, minlength=len(lines))[source] == 1
    stated = np.isfinite(metres[source])
    # a stated length is that of the whole row: its parts share it in proportion
    whole = shapely.length(geometry)[source]
    with np.errstate(invalid="ignore", divide="ignore"):
        share = np.where(single, 1.0, shapely.length(parts) / whole)
    by_row = np.floor(np.nan_to_num(metres[source] * share) * 1000.0 + 0.5).astype(np.int64)
    drawn = length_mm > 0
    length_mm = np.where(stated & drawn, by_row, length_mm)

    drops = [
        ("roads", str(rows[i]), "a line of zero length", "left out")
        for i in source[~drawn].tolist()
    ]
    closed = speed[source] <= 0
    for word in sorted(set(words[source[closed]].tolist())):
        those = source[closed & (words[source] == word)]
        drops.append(
            ("roads", "", f"{those.size} lines of highway={word}", f"closed to mode {mode}")
        )
    if mode != "walk":
        silent = (~given & implied & ~going.pushed)[source] & drawn & ~closed
        for word in sorted(set(words[source[silent]].tolist())):
            count = int((silent & (words[source] == word)).sum())
            what = f"{count} lines of highway={word} do not say oneway"
            drops.append(("roads", "", what, "one-way as drawn"))
    for word, count in sorted(going.unknown.items()):
        what = f"{count} lines of {word}, not known"
        drops.append(("roads", "", what, "at the speed of the class"))
    keep = drawn & ~closed
    source, parts, length_mm = source[keep], parts[keep], length_mm[keep]
    corners, many = shapely.get_coordinates(parts), shapely.get_num_coordinates(parts)
    last = np.cumsum(many) - 1
    ends = np.vstack([corners[last + 1 - many], corners[last]])
    node_xy, position = _nodes(ends)
    tail, head = position[: source.size], position[source.size :]

    speed_of = speed[source]
    time = travel_ms(length_mm, np.where(speed_of > 0, speed_of, 1.0))
    way = direction[source]
    shape = _shapes(parts, tail, head, length_mm)
    order = np.lexsort((source, time, way, shape, length_mm, head, tail))
    network = assemble(
        mode=mode,
        access_kph=used.access_kph(mode),
        crs=pyproj.CRS.from_user_input(lines.crs),
        node_id=np.arange(len(node_xy)),
        node_xy=node_xy,
        tail=tail[order],
        head=head[order],
        length_mm=length_mm[order],
        forward_ms=np.where(way >= 0, time, -1)[order],
        backward_ms=np.where(way <= 0, time, -1)[order],
        stoppable=stop[source][order],
        highway=named[source][order],
        geometry=parts[order],
        way_id=way_id[source][order],
        bridge=bridge[source][order],
        tunnel=tunnel[source][order],
        drops=drops_table(drops),
    )
    return with_delay(network, used)


def row_names(lines: gpd.GeoDataFrame) -> npt.NDArray[np.object_]:
    """Return the names of rows for messages: ``row``, else ``road_id``, else positions from 1."""
    for column in ("row", "road_id"):
        if column in lines.columns:
            if isinstance(lines[column].dtype, pd.StringDtype) and not lines[column].hasnans:
                return np.asarray(lines[column].to_numpy(dtype=object))
            return np.array([str(value) for value in lines[column]], dtype=object)
    return np.array([f"row {i + 1}" for i in range(len(lines))], dtype=object)


def wrong_geometry(
    geometry: npt.NDArray[np.object_], rows: npt.NDArray[np.object_]
) -> Problem | None:
    """Return what is wrong with geometries that should be lines, if anything."""
    wrong = ~np.isin(shapely.get_type_id(geometry), (1, 5)) | shapely.is_empty(geometry)
    coordinates, of = shapely.get_coordinates(geometry, return_index=True)
    wrong[of[~np.isfinite(coordinates).all(axis=1)]] = True
    if not wrong.any():
        return None
    return Problem(
        "roads",
        f"{int(wrong.sum())} of {len(geometry)} geometries are missing, empty, not lines, or "
        "have corners that are no numbers",
        "Give lines only.",
        tuple(rows[wrong]),
    )


def word_of(value: object) -> str:
    """Return a cell as text, blank where there is none."""
    return "" if value is None or value is pd.NA or value != value else str(value).strip()


def words_of(column: pd.Series[Any]) -> npt.NDArray[np.object_]:
    """Return a column as text, blank where there is nothing."""
    if isinstance(column.dtype, pd.StringDtype) or column.dtype == bool:
        # says the same few things many times
        codes, values = pd.factorize(column, use_na_sentinel=False)
        return np.array([word_of(value) for value in values], dtype=object)[codes]
    return np.array([word_of(value) for value in column], dtype=object)


def by_word(
    words: npt.NDArray[np.object_], of: Callable[[str], Any], dtype: type
) -> npt.NDArray[Any]:
    """Return what each word stands for, asked once a word.

    Examples
    --------
    >>> by_word(np.array(["yes", "no", "yes"], dtype=object), len, int).tolist()
    [3, 2, 3]
    """
    codes, values = pd.factorize(words)
    found: npt.NDArray[Any] = np.empty(len(values), dtype=dtype)
    found[:] = [of(value) for value in values]
    return found[codes]


def _nodes(ends: npt.NDArray[np.float64]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]:
    """Return the distinct places, by x and then y, and which of them each end is."""
    order = np.lexsort((ends[:, 1], ends[:, 0]))
    placed = ends[order]
    new = np.ones(len(ends), dtype=bool)
    new[1:] = (placed[1:] != placed[:-1]).any(axis=1)
    position = np.empty(len(ends), dtype=np.int64)
    position[order] = np.cumsum(new) - 1
    return placed[new], position


def _shapes(
    parts: npt.NDArray[np.object_],
    tail: npt.NDArray[np.int64],
    head: npt.NDArray[np.int64],
    length_mm: npt.NDArray[np.int64],
) -> npt.NDArray[np.int64]:
    """Return ranks of lines by their bytes, among those that agree in ends and length."""
    order = np.lexsort((length_mm, head, tail))
    keys = np.stack([tail, head, length_mm])[:, order]
    same = (keys[:, 1:] == keys[:, :-1]).all(axis=0)
    twin = np.zeros(len(parts), dtype=bool)
    twin[order[1:]] |= same
    twin[order[:-1]] |= same
    rank = np.zeros(len(parts), dtype=np.int64)
    _, rank[twin] = np.unique(shapely.to_wkb(parts[twin]), return_inverse=True)
    return rank


def _given(lines: gpd.GeoDataFrame, column: str) -> npt.NDArray[np.bool_]:
    """Return where a column is present and not blank."""
    if column not in lines.columns:
        return np.zeros(len(lines), dtype=bool)
    return np.asarray(words_of(lines[column]) != "", dtype=bool)


def oneway_of(
    lines: gpd.GeoDataFrame, rows: npt.NDArray[np.object_], problems: list[Problem]
) -> npt.NDArray[np.int64]:
    """Return the direction of rows: 1 along the line, -1 against it, 0 both ways."""
    if "oneway" not in lines.columns:
        return np.zeros(len(lines), dtype=np.int64)
    words = words_of(lines["oneway"])
    known = by_word(words, lambda word: word.lower().removesuffix(".0") in ONEWAY, bool)
    bad = np.flatnonzero(~known)
    if bad.size:
        values = ", ".join(sorted({repr(value) for value in lines["oneway"].iloc[bad]}))
        problems.append(
            Problem(
                "roads",
                f"{len(bad)} of {len(lines)} rows have a oneway that is not understood: {values}",
                "Use yes, -1, no (or F, T, B).",
                tuple(rows[bad]),
            )
        )
    return by_word(words, lambda word: ONEWAY.get(word.lower().removesuffix(".0"), 0), np.int64)


def _way_ids(
    lines: gpd.GeoDataFrame, rows: npt.NDArray[np.object_], problems: list[Problem]
) -> npt.NDArray[np.int64]:
    """Return the ``way_id`` of rows; their positions where there is no such column."""
    position = np.arange(len(lines), dtype=np.int64)
    if "way_id" not in lines.columns:
        return position
    column = pd.to_numeric(lines["way_id"], errors="coerce")
    numbers: npt.NDArray[np.float64] = column.to_numpy(dtype=float, na_value=np.nan)
    bad = ~((numbers % 1 == 0) & (np.abs(numbers) < 2**53))
    if bad.any():
        problems.append(
            Problem(
                "roads",
                f"{int(bad.sum())} of {len(lines)} rows have a way_id that is not a whole number",
                "Correct them, or leave the column out.",
                tuple(rows[bad]),
            )
        )
        return position
    named: npt.NDArray[np.int64] = column.to_numpy(dtype=np.int64)
    return named


def _positive(
    lines: gpd.GeoDataFrame,
    column: str,
    rows: npt.NDArray[np.object_],
    problems: list[Problem],
    *,
    greatest: float,
    least: float = 0.0,
) -> npt.NDArray[np.float64]:
    """Return a column of numbers above zero and not below ``least``, NaN where blank."""
    if column not in lines.columns:
        return np.full(len(lines), np.nan)
    given = _given(lines, column)
    column_values = pd.to_numeric(lines[column], errors="coerce")
    numbers: npt.NDArray[np.float64] = column_values.to_numpy(dtype=float, na_value=np.nan)
    bad = given & ~((numbers > 0) & (numbers >= least) & (numbers <= greatest))
    if bad.any():
        span = f"from {least:g} to {greatest:g}" if least else f"above 0 and at most {greatest:g}"
        problems.append(
            Problem(
                "roads",
                f"{int(bad.sum())} of {len(lines)} rows have a {column} that is not a number "
                f"{span}",
                "Correct them, or leave them blank for the default of the class.",
                tuple(rows[bad]),
            )
        )
    return numbers


def flag(
    lines: gpd.GeoDataFrame, column: str, rows: npt.NDArray[np.object_], problems: list[Problem]
) -> npt.NDArray[np.bool_]:
    """Return a column of yes and no, False where it is absent or blank."""
    if column not in lines.columns:
        return np.zeros(len(lines), dtype=bool)
    words = words_of(lines[column])
    yes = by_word(words, lambda word: word.lower() in YES, bool)
    bad = np.flatnonzero(~yes & ~by_word(words, lambda word: word.lower() in NO, bool))
    if bad.size:
        problems.append(
            Problem(
                "roads",
                f"{len(bad)} of {len(lines)} rows have a {column} that is neither yes nor no",
                "Use yes or no.",
                tuple(rows[bad]),
            )
        )
    return yes

"""What of a line layer's rows decides where they join: level, class, and which are alike."""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from siting.errors import DataError, NetworkError, Problem
from siting.network.given import FARTHEST_M
from siting.network.lines import by_word, flag, oneway_of, row_names, words_of, wrong_geometry
from siting.network.speed_file import read_speeds
from siting.network.speeds import SPEED_COLUMN, Speeds

I64 = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]
Objects = npt.NDArray[np.object_]

ALIKE = (
    "highway", *SPEED_COLUMN.values(), "surface", "length_m", "bridge", "tunnel", "layer",
)  # fmt: skip
"""Columns that a network is made of: lines that agree in them, and in direction, are one street."""

SEPARATED_WORDS = frozenset(
    {"快速路", "高架", "高架路", "高架桥", "铁路", "轨道交通", "expressway", "railway", "rail"}
)
"""Words for what crosses other roads by bridges only, beside the classes closed to walkers."""


@dataclass(frozen=True, eq=False)
class Rows:
    """The rows of a layer as plain arrays.

    Attributes
    ----------
    names
        str (n), for people.
    ids
        str (n), the same whatever the order of rows: ``road_id`` where there is one.
    geometry
        The lines as given.
    level
        int64 (n): ``layer``; where that is 0, 1 on a bridge and −1 in a tunnel.
    separated
        bool (n), crossed by bridges only.
    direction
        int64 (n): 1 one-way along the line, −1 against it, 0 both ways.
    alike
        int64 (n), equal where all of :data:`ALIKE` are.
    """

    names: Objects
    ids: Objects
    geometry: Objects
    level: I64
    separated: Bool
    direction: I64
    alike: I64


def rows_of(lines: gpd.GeoDataFrame, speeds: Speeds | None) -> Rows:
    """Return the rows of a layer, or say what no line can be worked on with.

    Words that nobody understands are left for :func:`from_lines` to refuse.
    """
    if lines.crs is None:
        raise DataError(Problem("roads", "no CRS is declared", "Declare the CRS of the layer."))
    if not len(lines):
        raise NetworkError("roads: the layer has no lines. Give a layer with lines.")
    geometry = np.asarray(lines.geometry.array, dtype=object)
    names = row_names(lines)
    problem = wrong_geometry(geometry, names)
    if problem is not None:
        raise DataError(problem)
    far = np.abs(shapely.bounds(geometry)).max(axis=1) > FARTHEST_M
    if far.any():
        raise DataError(
            Problem(
                "roads",
                f"{int(far.sum())} of {len(lines)} lines lie {FARTHEST_M / 1000:,.0f} km or more "
                "from the origin",
                "Correct the coordinates or the CRS.",
                tuple(names[far]),
            )
        )
    used = speeds or read_speeds(None)
    blanks = np.full(len(lines), "", dtype=object)
    words = words_of(lines["highway"]) if "highway" in lines.columns else blanks
    known = {word: used.road_class(word) for word in pd.unique(words)}
    closed = {
        word: word in SEPARATED_WORDS or (found is not None and not found.walk and not found.stop)
        for word, found in known.items()
    }
    implied = {word: found is not None and found.oneway for word, found in known.items()}
    bridge, tunnel = (flag(lines, key, names, []) for key in ("bridge", "tunnel"))
    layer = np.zeros(len(lines), dtype=np.int64)
    if "layer" in lines.columns:
        numbers = pd.to_numeric(lines["layer"], errors="coerce")
        layer = np.nan_to_num(numbers.to_numpy(dtype=float, na_value=np.nan)).astype(np.int64)
    direction = oneway_of(lines, names, [])
    said = words_of(lines["oneway"]) if "oneway" in lines.columns else blanks
    direction = np.where((said == "") & by_word(words, implied.__getitem__, bool), 1, direction)
    shown = [words_of(lines[c]) for c in ALIKE if c in lines.columns]
    alike = np.zeros(len(lines), dtype=np.int64)
    for column in shown:
        codes, values = pd.factorize(column)
        alike, _ = pd.factorize(alike * (len(values) + 1) + codes)
    return Rows(
        names=names,
        ids=lines["road_id"].to_numpy(dtype=object) if "road_id" in lines.columns else names,
        geometry=geometry,
        level=np.where(layer != 0, layer, bridge.astype(np.int64) - tunnel),
        separated=by_word(words, closed.__getitem__, bool),
        direction=direction,
        alike=alike,
    )

"""Defects of roads: one table for those of a line layer and those of any network."""

from __future__ import annotations

from collections.abc import Sequence

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import pyproj
import shapely

from siting import tables
from siting.errors import first_ids

I64 = npt.NDArray[np.int64]
F64 = npt.NDArray[np.float64]

COLUMNS = ("kind", "mode", "rows", "size_m", "persons", "done", "why")


class Found:
    """Defects of a line layer as they are found: places in mm, rows by position."""

    def __init__(self) -> None:
        self.parts: list[pd.DataFrame] = []
        self.single: list[tuple[str, int, int, tuple[int, ...], float, str, str]] = []
        self.mended_ends: set[tuple[int, int]] = set()
        self.upon: set[tuple[int, int, int, int]] = set()

    def add(
        self,
        kind: str,
        place: I64,
        rows: tuple[I64, ...],
        size_mm: F64 | float,
        done: str,
        why: str = "",
    ) -> None:
        """Note many defects of one kind; ``rows`` holds an array for each line concerned."""
        if len(place):
            self.parts.append(
                pd.DataFrame(
                    {
                        "kind": kind,
                        "x": place[:, 0],
                        "y": place[:, 1],
                        "a": rows[0],
                        "b": rows[-1],
                        "size": size_mm,
                        "done": done,
                        "why": why,
                    }
                )
            )

    def one(
        self, kind: str, place: I64, rows: tuple[int, ...], size_mm: float, done: str, why: str
    ) -> None:
        """Note a defect of any number of rows."""
        self.single.append((kind, int(place[0]), int(place[1]), rows, size_mm, done, why))

    def told(self, kind: str, a: int, b: int, x: int, y: int) -> bool:
        """Whether a meeting is told already, as the gap closed there or the overlap it ends."""
        if kind == "unnoded_end" and (x, y) in self.mended_ends:
            return True
        return kind.startswith("unnoded") and (min(a, b), max(a, b), x, y) in self.upon

    def table(self, names: npt.NDArray[np.object_]) -> pd.DataFrame:
        """Return all as a plain table with ``x`` and ``y`` in metres.

        What several rounds find at one place is one defect: what was done about it stands.
        """
        rows = [
            (kind, x, y, first_ids(sorted(names[i] for i in set(own))), size, done, why)
            for kind, x, y, own, size, done, why in self.single
        ]
        for part in self.parts:
            for kind, x, y, a, b, size, done, why in part.itertuples(index=False, name=None):
                if not self.told(kind, a, b, x, y):
                    own = first_ids(sorted({names[a], names[b]}))
                    rows.append((kind, x, y, own, size, done, why))
        table = pd.DataFrame(rows, columns=["kind", "x", "y", "rows", "size_m", "done", "why"])
        table["size_m"] = (table["size_m"].astype(float) / 1000.0).round(3)
        table[["x", "y"]] = table[["x", "y"]].astype(float) / 1000.0
        table["_listed"] = table["done"] == "listed"
        keys = ["kind", "x", "y"]
        table = table.sort_values([*keys, "_listed", "rows", "size_m"], kind="stable")
        again = table.duplicated(keys) & table["_listed"]
        table = table[~again & ~table.duplicated([*keys, "rows"])]
        return table.drop(columns="_listed").reset_index(drop=True)


def defects_table(found: pd.DataFrame, crs: pyproj.CRS) -> gpd.GeoDataFrame:
    """Return defects (``x``, ``y`` in metres) as the ``road_defects`` table."""
    filled = found.copy()
    if "mode" not in filled:
        filled["mode"] = ""
    if "persons" not in filled:
        filled["persons"] = pd.NA
    filled["persons"] = filled["persons"].astype("Int64")
    for column in ("kind", "mode", "rows", "done", "why"):
        filled[column] = filled[column].astype("str")
    filled["size_m"] = filled["size_m"].astype(float)
    spots = shapely.points(filled["x"].to_numpy(float), filled["y"].to_numpy(float))
    table = gpd.GeoDataFrame(filled[list(COLUMNS)], geometry=spots, crs=crs)
    tables.check("road_defects", table)
    return table


def join_defects(parts: Sequence[gpd.GeoDataFrame]) -> gpd.GeoDataFrame:
    """Return several tables of defects as one, in the order of kinds and places."""
    filled = [part for part in parts if len(part)] or list(parts[:1])
    every = gpd.GeoDataFrame(pd.concat(filled, ignore_index=True), crs=parts[0].crs)
    every["_x"], every["_y"] = every.geometry.x, every.geometry.y
    keys = ["kind", "mode", "_x", "_y", "rows"]
    every = every.sort_values(keys, kind="stable").drop(columns=["_x", "_y"])
    return every.reset_index(drop=True)

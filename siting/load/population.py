"""Population rasters → people in pieces of cells, cut along zones exactly."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, Literal

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import pyproj
import shapely
from exactextract import exact_extract
from exactextract.raster import NumPyRasterSource

from siting import crs as crs_
from siting import tables
from siting.errors import DataError, Problem
from siting.load.files import existing, refuse
from siting.load.intake import Layer
from siting.load.people_grid import Grid, read_grid
from siting.load.raster import moved
from siting.load.shapes import area_m2, farthest_m, polygons_of
from siting.tables import label

F64 = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

NOISE: Final = 1e-5
"""Shares of a cell are computed in single precision; less than this is nothing, or all of it."""

BEYOND: Final = 1e-3
"""The share of a zone that may lie beyond the raster: borders are drawn to about a cell."""


def population(
    path: Path | str,
    *,
    crs: pyproj.CRS,
    zones: gpd.GeoDataFrame | None = None,
    only: Sequence[str] | None = None,
    holds: Literal["count", "density"] = "count",
    land_area: Path | str | None = None,
    declared: crs_.Declared = None,
    band: int | None = None,
    block: int = 1,
    outside: Literal["kept", "left_out"] = "kept",
    layer: str = "people.raster",
) -> Layer:
    """Return the people of a raster in pieces: each cell, or its part in each zone.

    The people of a cell are taken to be spread evenly over it, and the share of a cell that lies
    in a zone is exact (``exactextract``): nobody is moved across a border by the middle of a cell.
    The raster is not resampled. Ground that zones share belongs to the smallest ``zone_id``.

    Parameters
    ----------
    path
        GeoTIFF or another raster that GDAL reads, its grid along the axes of its CRS.
    crs
        The working CRS.
    zones
        One zoning in ``crs``. Without it every cell is one piece.
    only
        The zones whose people are asked for, all unless given; the others' share of their cells
        is listed, and so is not outside every zone.
    holds
        Persons in each cell, or persons per km².
    land_area
        For a density: a raster of km² of land on the same grid; the whole cell unless given.
    declared
        CRS of a raster that does not say.
    band
        Which band, from 1; needed where there are several.
    block
        Cells are added up in squares of so many, counted from the raster's north-west corner.
    outside
        People of cells that a zone touches, outside every zone: ``"kept"`` as pieces in no zone,
        or ``"left_out"``; listed either way. Cells that no zone touches are other places'.

    Returns
    -------
    Layer
        Table ``raster_people``: ``piece_id`` (``row/column/zone_id``), ``zone_id`` (``""``: in
        none), ``persons`` (not whole), ``area_m2`` of the piece, ``spread_m`` (how far from the
        point the farthest corner of the piece is), point in ``crs`` inside cell and zone.

    Raises
    ------
    DataError
        The file cannot be read, has no such band or several and none is named, lies askew, does
        not reach every zone, holds classes or numbers that are no persons, or has no data where
        the zones are.

    Examples
    --------
    >>> population("gpw_2020_count.tif", crs=pyproj.CRS(4547))  # doctest: +SKIP
    """
    if block < 1:
        refuse(layer, f"block is {block}", "Give 1 or more cells.")
    if zones is not None and zones["zone_id"].duplicated().any():
        refuse(layer, "people can be cut along one zoning only", "Give one zoning.")
    asked = zones
    if zones is not None and only is not None:
        asked = zones[zones["zone_id"].isin(list(only))]
    area = None if asked is None else shapely.box(*asked.total_bounds)
    grid, beyond = read_grid(
        existing(path, table=layer), layer, crs, area, declared, band, block,
        None if holds == "count" else "cell" if land_area is None
        else existing(land_area, table=f"{layer}.land_area"),
    )  # fmt: skip
    if zones is None:
        row, column = np.nonzero(np.nan_to_num(grid.persons) > 0)
        pieces = pd.DataFrame({"row": row, "column": column, "zone_id": "", "share": 1.0})
        return Layer(_table(pieces, grid, crs, None, layer), tables.drops_table())
    flat = zones.sort_values("zone_id", kind="stable").reset_index(drop=True)
    flat = gpd.GeoDataFrame(
        {"zone_id": flat["zone_id"].astype("str")}, geometry=_disjoint(flat.geometry), crs=crs
    )
    mine = flat["zone_id"].isin(list(flat["zone_id"] if only is None else only))
    shares = _shares(flat, grid, crs)
    own = shares["zone_id"].isin(flat["zone_id"][mine])
    drops = _no_data(flat[mine].reset_index(drop=True), shares[own], grid, crs, beyond, layer)
    touched = np.zeros(grid.persons.shape, dtype=bool)
    touched[shares["row"][own], shares["column"][own]] = True
    near = touched[shares["row"], shares["column"]]
    shares["persons"] = grid.persons[shares["row"], shares["column"]]
    rest = shares[near].groupby(["row", "column"], as_index=False, sort=True)["share"].sum()
    rest["share"] = 1.0 - rest["share"]
    rest = rest[rest["share"] > NOISE].assign(zone_id="")
    rest["persons"] = grid.persons[rest["row"], rest["column"]]
    rest = rest[rest["persons"] > 0]
    action = "kept" if outside == "kept" else "left out"
    others = shares[near & ~own & (shares["persons"] > 0)]
    shares = shares[own]
    for part, where, done in (
        (rest, "of cells that a zone touches live outside every zone", action),
        (others, "of these cells live in zones that other sources speak for", "left out"),
    ):
        if len(part):
            gone = float((part["persons"] * part["share"]).sum())
            count = len(part[["row", "column"]].drop_duplicates())
            drops.append((layer, f"{count} cells", f"{gone:.1f} people {where}", done))
    if (far := ~touched & (grid.persons > 0)).any():
        gone = float(grid.persons[far].sum())
        what = f"{gone:.1f} people in cells that no zone touches: of other places"
        drops.append((layer, f"{int(far.sum())} cells", what, "left out"))
    parts = [shares, rest] if outside == "kept" else [shares]
    pieces = pd.concat(parts, ignore_index=True)
    pieces = pieces[pieces["persons"] > 0]
    return Layer(_table(pieces, grid, crs, flat, layer), tables.drops_table(drops))


def _disjoint(shapes: gpd.GeoSeries) -> npt.NDArray[np.object_]:
    """Return polygons without the ground that an earlier one has."""
    given = shapes.to_numpy()
    result = np.array(given, dtype=object)
    later, earlier = shapely.STRtree(given).query(given, predicate="intersects")
    for row in np.unique(later[earlier < later]):
        others = given[earlier[(later == row) & (earlier < row)]]
        if shapely.area(shapely.intersection(others, given[row])).max() > 0:
            result[row] = polygons_of(shapely.difference(given[row], shapely.union_all(others)))
    return result


def _shares(flat: gpd.GeoDataFrame, grid: Grid, crs: pyproj.CRS) -> pd.DataFrame:
    """Return the share of every cell that lies in a zone: ``row``, ``column``, zone, ``share``."""
    there = gpd.GeoDataFrame(
        {"zone_id": flat["zone_id"]}, geometry=_in(flat.geometry.to_numpy(), crs, grid.crs)
    )
    rows, columns = grid.persons.shape
    east, south = grid.west + columns * grid.width, grid.north - rows * grid.height
    # the ground of some may be others' alone, or lie elsewhere
    there = there[there.geometry.intersects(shapely.box(grid.west, south, east, grid.north))]
    wkt = grid.crs.to_wkt()
    ground = NumPyRasterSource(
        np.ones((rows, columns), dtype=np.float32),
        xmin=grid.west,
        xmax=east,
        ymin=south,
        ymax=grid.north,
        srs_wkt=wkt,
    )
    found = exact_extract(
        ground,
        there.set_crs(wkt),
        ["cell_id", "coverage"],
        include_cols=["zone_id"],
        output="pandas",
    )
    counts = [len(c) for c in found["cell_id"]]
    cell = np.concatenate([*found["cell_id"], np.empty(0)]).astype(np.int64)
    share = np.concatenate([*found["coverage"], np.empty(0)]).astype(np.float64)
    share[share > 1 - NOISE] = 1.0
    table = pd.DataFrame(
        {
            "row": cell // columns,
            "column": cell % columns,
            "zone_id": np.repeat(found["zone_id"].to_numpy(dtype=object), counts),
            "share": share,
        }
    )
    return table[table["share"] > NOISE].reset_index(drop=True)


def _no_data(
    flat: gpd.GeoDataFrame,
    shares: pd.DataFrame,
    grid: Grid,
    crs: pyproj.CRS,
    extent: shapely.Geometry,
    layer: str,
) -> list[tuple[str, str, str, str]]:
    """List zones with cells without data; refuse what the raster cannot say anything of."""
    there = _in(flat.geometry.to_numpy(), crs, grid.crs)
    out = shapely.area(shapely.difference(there, extent)) > BEYOND * shapely.area(there)
    if out.any():
        raise DataError(
            Problem(
                layer,
                f"{int(out.sum())} of {len(flat)} zones lie beyond the raster, wholly or partly",
                "Give a raster that covers the zones, or take people there from another source.",
                tuple(label(z) for z in flat["zone_id"][out]),
            )
        )
    blank = np.isnan(grid.persons[shares["row"], shares["column"]])
    if blank.all():
        refuse(layer, "no cell in any zone has data", "Give a raster of the area.")
    part = (shares["share"] * blank).groupby(shares["zone_id"]).sum()
    part = part / shares["share"].groupby(shares["zone_id"]).sum()
    what = "no data in {:.1%} of it: nobody counted there"
    return [(layer, label(str(z)), what.format(p), "kept") for z, p in part.items() if p > 0]


def _in(shapes: Any, crs: pyproj.CRS, other: pyproj.CRS) -> npt.NDArray[np.object_]:
    return np.asarray(
        shapely.transform(shapes, lambda xy: np.column_stack(moved(xy, crs, other))), dtype=object
    )


def _table(
    pieces: pd.DataFrame,
    grid: Grid,
    crs: pyproj.CRS,
    flat: gpd.GeoDataFrame | None,
    layer: str,
) -> gpd.GeoDataFrame:
    """Return pieces with a point in each: the cell's middle, or a place in its part.

    Everybody of a piece lives in it, so nobody lives farther from its point than its farthest
    corner is: ``spread_m``.
    """
    row, column = pieces["row"].to_numpy(), pieces["column"].to_numpy()
    west = grid.west + column * grid.width
    north = grid.north - row * grid.height
    middles = np.column_stack([west + grid.width / 2, north - grid.height / 2])
    points = np.asarray(shapely.points(np.column_stack(moved(middles, grid.crs, crs))))
    boxes = _in(shapely.box(west, north - grid.height, west + grid.width, north), grid.crs, crs)
    parts = boxes.copy()
    if flat is not None:
        zone = pieces["zone_id"].to_numpy(dtype=object)
        cut = np.flatnonzero(pieces["share"].to_numpy() < 1.0)
        found = _parts(boxes[cut], zone[cut], flat)
        # a sliver that one CRS sees and the other does not is taken as anywhere in its cell: its
        # people are a few thousandths of one
        there = ~shapely.is_empty(found)
        parts[cut[there]] = found[there]
        points[cut[there]] = shapely.point_on_surface(found[there])
    persons = grid.persons[row, column] * pieces["share"].to_numpy()
    names = [
        f"{grid.top + r}/{grid.left + c}" + (f"/{z}" if flat is not None else "")
        for r, c, z in zip(row, column, pieces["zone_id"], strict=True)
    ]
    table = gpd.GeoDataFrame(
        {
            "piece_id": pd.Series(names, dtype="str"),
            "zone_id": pd.Series(pieces["zone_id"].to_numpy(), dtype="str"),
            "persons": persons,
            "area_m2": area_m2(boxes) * pieces["share"].to_numpy(),
            "spread_m": farthest_m(parts, points),
        },
        geometry=points,
        crs=crs,
    ).sort_values("piece_id", kind="stable")
    return tables.check("raster_people", table.reset_index(drop=True), layer=layer)


def _parts(
    boxes: npt.NDArray[np.object_], zone: npt.NDArray[np.object_], flat: gpd.GeoDataFrame
) -> npt.NDArray[np.object_]:
    """Return the part of each box that its zone has, or that no zone has."""
    shapes = flat.set_index("zone_id").geometry
    parts = np.array(boxes, dtype=object)
    own = zone != ""
    parts[own] = shapely.intersection(boxes[own], shapes.loc[zone[own]].to_numpy())
    tree = shapely.STRtree(flat.geometry.to_numpy())
    for i in np.flatnonzero(~own):
        near = tree.query(boxes[i], predicate="intersects")
        parts[i] = shapely.difference(boxes[i], shapely.union_all(flat.geometry.to_numpy()[near]))
    return parts

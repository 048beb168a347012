"""Control lines, flood extent and idle plots."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from scipy import ndimage

from siting.demo.blocks import CRS
from siting.demo.chance import Floats, axes, noise, shuffled, stream
from siting.demo.outlines import trace
from siting.demo.terrain import LAKE, LAND, Terrain

STEP = 2  # control lines are drawn on every second cell: 100 m in a county


def control_lines(
    seed: int, terrain: Terrain, points: gpd.GeoDataFrame, blocks: gpd.GeoDataFrame
) -> dict[str, gpd.GeoDataFrame]:
    """Return permanent basic farmland, ecological redline, development boundary and flood extent.

    Parameters
    ----------
    points
        Where people live: farmland and redline keep clear of them.
    blocks
        Land inside the street plans.
    """
    half = STEP // 2
    cells = slice(half, None, STEP)
    county = terrain.county[cells, cells]
    height = terrain.elevation[cells, cells]
    water = terrain.water[cells, cells]
    dry = county & (water == LAND)
    rows, columns = county.shape
    x, y = axes(rows, columns, terrain.cell_m * STEP / 1000.0)
    town_m = _distance(terrain, np.asarray(shapely.get_coordinates(blocks.geometry)))
    people_m = np.minimum(_distance(terrain, shapely.get_coordinates(points.geometry)), town_m)
    wet_m = terrain.water_m[cells, cells]
    lake_m = np.asarray(ndimage.distance_transform_edt(water != LAKE)) * terrain.cell_m * STEP
    slope = np.maximum(ndimage.maximum_filter(height, 3) - ndimage.minimum_filter(height, 3), 0.0)
    patch = noise(seed, "farmland", x, y, [2.4, 0.9, 0.4])
    wild = noise(seed, "redline", x, y, [4.0, 1.5])
    farmland = dry & (height < 82.0) & (slope < 14.0) & (people_m > 190.0) & (town_m > 260.0)
    farmland &= (wet_m > 120.0) & (patch > 0.44)
    redline = county & (people_m > 330.0) & ((height > 210.0 + 120.0 * wild) | (water == LAKE))
    redline |= dry & (people_m > 330.0) & (lake_m < 200.0 + 900.0 * wild * wild)
    farmland &= ~redline
    growth = dry & (town_m < 240.0)
    flood = dry & (wet_m < 1500.0) & (height < 30.4 + 1.6 * wild) & (town_m > 350.0)
    layers = {
        "永久基本农田": (farmland, 10, "基本农田"),
        "生态保护红线": (redline, 40, "红线"),
        "城镇开发边界": (growth, 20, "开发边界"),
        "洪水淹没范围": (flood, 30, "淹没"),
    }
    return {
        name: _areas(terrain, mask, least, short) for name, (mask, least, short) in layers.items()
    }


def _distance(terrain: Terrain, xy: Floats) -> Floats:
    """Return metres from every cell of the coarse raster to the nearest of the points."""
    row, column = terrain.at(xy)
    shape = (terrain.county.shape[0] // STEP, terrain.county.shape[1] // STEP)
    empty = np.ones(shape, dtype=np.bool_)
    empty[np.minimum(row // STEP, shape[0] - 1), np.minimum(column // STEP, shape[1] - 1)] = False
    return np.asarray(ndimage.distance_transform_edt(empty)) * terrain.cell_m * STEP


def _areas(terrain: Terrain, mask: NDArray[np.bool_], least: int, short: str) -> gpd.GeoDataFrame:
    """Turn a mask into one row for every piece of at least so many cells."""
    mask = ndimage.binary_opening(mask, np.ones((2, 2), dtype=np.bool_))
    pieces, count = ndimage.label(mask)
    sizes = np.bincount(pieces.ravel(), minlength=count + 1)
    labels = np.where((sizes >= least)[pieces] & mask, 0, -1)
    found = trace(labels, origin=terrain.origin, cell_m=terrain.cell_m * STEP, relax=2)
    parts = [p for p in shapely.get_parts(list(found.values())) if p.is_valid]
    parts.sort(key=lambda p: p.bounds)
    return gpd.GeoDataFrame(
        {
            "code": [f"{short}{k:03d}" for k in range(1, len(parts) + 1)],
            "area_m2": [int(p.area + 0.5) for p in parts],
        },
        geometry=parts,
        crs=CRS,
    )


def idle_plots(
    seed: int,
    blocks: gpd.GeoDataFrame,
    points: gpd.GeoDataFrame,
    zones: gpd.GeoDataFrame,
    *,
    rural: int = 14,
) -> gpd.GeoDataFrame:
    """Return idle land in town, at seats and in villages, where something could be built.

    Returns
    -------
    GeoDataFrame
        ``site_id``, ``name``, ``area_m2``, ``tenure``, polygons.
    """
    rng = stream(seed, "plots")
    idle = blocks[blocks["use"] == "idle"]
    idle = idle[idle["town"] | (idle["plan"] % 3 != 1)]
    rows = [
        (f"{c}闲置地块", "存量建设用地", g)
        for c, g in zip(idle["community"], idle.geometry, strict=True)
    ]
    hamlets = points[points["settlement"] == "village"]
    for k in shuffled(rng, len(hamlets))[:rural].tolist():
        middle = np.asarray(hamlets.geometry.iloc[k].coords)[0]
        shift = 55.0 + 60.0 * rng.random(2)
        half = 18.0 + 24.0 * rng.random(2)
        lean = 0.4 * (rng.random() - 0.5)
        box = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * half
        turned = np.column_stack([box[:, 0] - lean * box[:, 1], box[:, 1] + lean * box[:, 0]])
        kind = "闲置校舍" if rng.random() < 0.5 else "闲置集体建设用地"
        shape = shapely.Polygon(np.round(middle + shift + turned, 2))
        if zones.geometry.contains(shape).any():
            rows.append((f"{hamlets['community'].iloc[k]}{kind}", kind, shape))
    table = pd.DataFrame(rows, columns=["name", "tenure", "geometry"])
    table.insert(0, "site_id", [f"C{k:03d}" for k in range(1, len(table) + 1)])
    plots = gpd.GeoDataFrame(table, geometry="geometry", crs=CRS)
    plots["area_m2"] = np.floor(plots.geometry.area + 0.5).astype(np.int64)
    return plots[["site_id", "name", "area_m2", "tenure", "geometry"]]

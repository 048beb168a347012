"""Who lives where: people of every hamlet and residential block, by age group."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from scipy.spatial import cKDTree

from siting.demo.blocks import CRS, middles
from siting.demo.chance import Ints, shares, stream
from siting.demo.lanes import Lanes
from siting.demo.mesh import Mesh
from siting.demo.routes import Routes
from siting.demo.scale import Scale
from siting.demo.settlements import Villages
from siting.demo.terrain import Terrain

# Resident population of 湘阴县 in the census of 2020 (第七次全国人口普查, 1 November 2020): the
# size of the made-up county, 583,984. Its age bands, both sexes: 0: 5,270; 1-4: 28,123;
# 5-9: 34,492; 10-14: 30,630; 15-19: 24,775; 60 and over: 130,724. Split evenly by single years
# they give 3.3 % aged 0-2, 3.6 % 3-5, 6.8 % 6-11, 3.1 % 12-14, 2.5 % 15-17 and 22.4 % 60 and over;
# the shares below scatter around these.
GROUPS = ("age_0_2", "age_3_5", "age_6_11", "age_12_14", "age_15_17", "age_18_59", "age_60_up")
_PER_MILLE = {
    "old": (28, 31, 64, 31, 29, 617, 200),
    "new": (43, 46, 88, 37, 32, 634, 120),
    "seat": (36, 39, 76, 35, 29, 585, 200),
    "plain": (31, 34, 63, 29, 22, 556, 265),
    "hills": (28, 30, 58, 28, 20, 534, 302),
}


def people_points(
    seed: int,
    terrain: Terrain,
    mesh: Mesh,
    routes: Routes,
    villages: Villages,
    homes: gpd.GeoDataFrame,
    zones: gpd.GeoDataFrame,
    lanes: Lanes,
    scale: Scale,
) -> gpd.GeoDataFrame:
    """Return people at hamlets and residential blocks, and at yards and farmsteads of a city.

    Parameters
    ----------
    homes
        Residential land, see :func:`siting.demo.blocks.residential`.
    zones
        ``zone_id`` and polygons.

    Returns
    -------
    GeoDataFrame
        ``demand_id``, ``name``, ``community``, ``zone_id``, ``settlement``, ``residential_id``
        (empty for hamlets), ``population`` and ``GROUPS``, which sum to it; points in EPSG:4547.
    """
    blocks, hamlets = _blocks(seed, homes), _hamlets(seed, terrain, mesh, routes, villages)
    farms = _farmsteads(seed, hamlets, lanes)
    table = pd.concat([_in_yards(seed, blocks, homes, lanes), hamlets, *farms], ignore_index=True)
    where, zone = shapely.STRtree(zones.geometry.to_numpy()).query(
        table["geometry"].to_numpy(), predicate="within"
    )
    owner = np.full(len(table), -1, dtype=np.int64)
    owner[where] = zone
    table = table[owner >= 0].copy()
    table["zone_id"] = zones["zone_id"].to_numpy()[owner[owner >= 0]]
    table["population"] = _divided(table, scale)
    groups = _by_age(seed, table["population"].to_numpy(), table["mix"].tolist())
    for k, group in enumerate(GROUPS):
        table[group] = groups[:, k]
    table.insert(0, "demand_id", [f"D{k:05d}" for k in range(1, len(table) + 1)])
    columns = ["demand_id", "name", "community", "zone_id", "settlement", "residential_id",
               "population", *GROUPS, "geometry"]  # fmt: skip
    table = table.reset_index(drop=True)[columns]
    return gpd.GeoDataFrame(table, geometry="geometry", crs=CRS)


def _hamlets(
    seed: int, terrain: Terrain, mesh: Mesh, routes: Routes, villages: Villages
) -> pd.DataFrame:
    rng = stream(seed, "hamlet people")
    count = len(routes.hamlet_node)
    at = mesh.xy[routes.hamlet_node]
    xy = np.round(at + (rng.random((count, 2)) - 0.5) * 90.0, 2)  # houses stand beside the road
    owner = routes.hamlet_village
    number = np.arange(count) - np.searchsorted(owner, owner) + 1
    centre = number == 1
    weight = np.floor((70.0 + 130.0 * rng.random(count)) * np.where(centre, 1.9, 1.0))
    hills = terrain.height(xy) > 95.0
    weight = np.where(hills, weight * 0.62, weight)
    return pd.DataFrame(
        {
            "name": [f"{villages.names[v]}{n}组" for v, n in zip(owner, number, strict=True)],
            "community": [villages.names[v] for v in owner],
            "settlement": "village",
            "residential_id": "",
            "weight": np.floor(weight * 100.0).astype(np.int64),
            "mix": np.where(hills, "hills", "plain"),
            "geometry": shapely.points(xy),
        }
    )


def _farmsteads(seed: int, hamlets: pd.DataFrame, lanes: Lanes) -> list[pd.DataFrame]:
    """Return farmsteads, each of its nearest hamlet and with some of as many people."""
    if not len(lanes.farmstead):
        return []
    rng = stream(seed, "farmstead people")
    near = cKDTree(shapely.get_coordinates(hamlets["geometry"])).query(lanes.farmstead)[1]
    farms = hamlets.iloc[near].reset_index(drop=True)
    number = farms.groupby("name", sort=False).cumcount() + 1
    part = 0.25 + 0.4 * rng.random(len(farms))
    return [
        farms.assign(
            name=farms["name"] + number.astype(str) + "号屋场",
            weight=np.floor(farms["weight"] * part).astype(np.int64),
            geometry=np.asarray(shapely.points(lanes.farmstead)),
        )
    ]


def _in_yards(
    seed: int, blocks: pd.DataFrame, homes: gpd.GeoDataFrame, lanes: Lanes
) -> pd.DataFrame:
    """Share the people of blocks out among their yards, where they have any."""
    if not len(lanes.block):
        return blocks
    rng = stream(seed, "yard people")
    row = pd.Series(np.arange(len(homes)), index=homes["block"].to_numpy())
    mine = row.reindex(lanes.block).to_numpy(dtype=np.int64)
    yards = blocks.iloc[mine].reset_index(drop=True)
    number = yards.groupby("residential_id", sort=False).cumcount() + 1
    count = yards.groupby("residential_id", sort=False)["weight"].transform("size")
    part = (0.7 + 0.6 * rng.random(len(yards))) / count
    yards = yards.assign(
        name=yards["name"] + "-" + number.astype(str),
        weight=np.floor(yards["weight"] * part).astype(np.int64),
        geometry=np.asarray(shapely.points(lanes.yard)),
    )
    without = np.setdiff1d(np.arange(len(blocks)), mine)
    table = pd.concat([yards, blocks.iloc[without]], ignore_index=True)
    return table.sort_values("residential_id", kind="stable", ignore_index=True)


def _divided(table: pd.DataFrame, scale: Scale) -> Ints:
    """Return whole people: as the houses are, or so that towns have their share."""
    weight = table["weight"].to_numpy(dtype=np.int64)
    if scale.town_share is None:
        return shares(scale.population, weight)
    town = (table["settlement"] != "village").to_numpy()
    people = np.empty(len(table), dtype=np.int64)
    there = int(scale.population * scale.town_share)
    people[town] = shares(there, weight[town])
    people[~town] = shares(scale.population - there, weight[~town])
    return people


def _blocks(seed: int, homes: gpd.GeoDataFrame) -> pd.DataFrame:
    rng = stream(seed, "block people")
    storeys = np.floor(2.0 + 5.0 * rng.random(len(homes)))
    urban = homes["settlement"].to_numpy() == "urban"
    old = homes["quarter"].to_numpy() == "old"
    tower = urban & ~old & (rng.random(len(homes)) < 0.22)
    storeys = np.where(tower, storeys + 9.0, np.where(urban, storeys, 1.0 + storeys / 4.0))
    middle = middles(homes)
    return pd.DataFrame(
        {
            "name": [f"{c}{b}" for c, b in zip(homes["community"], homes["block_id"], strict=True)],
            "community": homes["community"].to_numpy(),
            "settlement": homes["settlement"].to_numpy(),
            "residential_id": homes["residential_id"].to_numpy(),
            "weight": np.floor(
                homes["area_m2"].to_numpy() * storeys * np.where(urban, 0.25, 0.36)
            ).astype(np.int64),
            "mix": np.where(~urban, "seat", np.where(old, "old", "new")),
            "geometry": shapely.points(middle),
        }
    )


def _by_age(seed: int, population: Ints, mixes: list[str]) -> Ints:
    """Split every point's people by its mix: whole persons, chance deciding the last few."""
    rng = stream(seed, "ages")
    mix = np.array([_PER_MILLE[m] for m in mixes], dtype=np.int64)
    product = mix * population[:, None]
    parts = product // 1000
    left = population - parts.sum(axis=1)
    luck = product % 1000 + np.floor(rng.random(product.shape) * 700.0).astype(np.int64)
    place = np.argsort(np.argsort(-luck, axis=1, kind="stable"), axis=1, kind="stable")
    return np.asarray(parts + (place < left[:, None]), dtype=np.int64)

"""The whole region as tables, from one seed."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from siting.demo import blocks as land_use
from siting.demo.amenities import make_amenities
from siting.demo.blocks import CRS
from siting.demo.control_units import control_units
from siting.demo.expressway import make_expressway
from siting.demo.health import elderly_care, make_clinics, station_candidates
from siting.demo.land import control_lines, idle_plots
from siting.demo.lanes import make_lanes
from siting.demo.local import locals_of
from siting.demo.mesh import make_mesh
from siting.demo.outlines import trace
from siting.demo.people import GROUPS, people_points
from siting.demo.roads import road_lines
from siting.demo.routes import choose_roads
from siting.demo.scale import COUNTY, Scale
from siting.demo.schools import make_schools
from siting.demo.settlements import (
    Seats,
    Towns,
    grow_zones,
    place_seats,
    place_towns,
    place_villages,
    wander,
    zone_origin,
)
from siting.demo.streets import town_plans
from siting.demo.terrain import LAND, Terrain, make_terrain

WATERS = {1: "镜湖（虚构）", 2: "沅溪江（虚构）", 3: "水库坑塘"}


@dataclass(frozen=True, eq=False)
class Region:
    """The generated region.

    Attributes
    ----------
    scale
        How large it is.
    tables
        ``zones``, ``county``, ``roads``, ``water``, ``people``, ``residential``, ``schools``,
        ``clinics``, ``parks``, ``park_entrances``, ``plots``, ``stations``, ``elderly``,
        ``amenities``, the control lines by their Chinese names, and in a city
        ``control_units``; all in EPSG:4547, coordinates rounded to 0.01 m.
    elevation
        Metres at twice the cells of the scale, row 0 in the south, ``float32[rows, columns]``.
    origin
        South-west corner of the elevation raster, EPSG:4547 metres.
    """

    scale: Scale
    tables: Mapping[str, gpd.GeoDataFrame]
    elevation: np.ndarray[tuple[int, int], np.dtype[np.float32]]
    origin: tuple[float, float]

    def checksum(self) -> str:
        """Return the SHA-256 of all content: the same for a seed on every machine."""
        digest = hashlib.sha256(np.round(self.elevation * 10.0).astype("<i4").tobytes())
        for name, table in sorted(self.tables.items()):
            digest.update(name.encode())
            digest.update(pd.DataFrame(table.drop(columns="geometry")).to_csv().encode())
            where = np.round(shapely.get_coordinates(table.geometry) * 100.0)
            digest.update(where.astype("<i8").tobytes())
        return digest.hexdigest()


def make_region(seed: int, scale: Scale) -> Region:
    """Return the region of one seed and scale."""
    terrain = make_terrain(seed, scale)
    expressway = make_expressway(seed, terrain, scale.interchanges_km)
    towns = place_towns(seed, terrain, expressway.line, scale)
    seats = place_seats(seed, terrain, expressway.line, towns, scale)
    villages = place_villages(seed, terrain, seats, expressway.line, scale)
    zones = _zones(seed, terrain, seats, towns)
    plans = town_plans(seed, terrain, towns, seats, scale)
    mesh = make_mesh(seed, terrain, plans, expressway, scale)
    routes = choose_roads(seed, terrain, mesh, plans, seats, villages, scale)
    blocks = land_use.make_blocks(seed, plans, zones, scale)
    lanes = make_lanes(seed, mesh, routes, plans, blocks, scale)
    homes = land_use.residential(seed, blocks)
    people = people_points(seed, terrain, mesh, routes, villages, homes, zones, lanes, scale)
    zones = _with_totals(zones, people)
    counties = list(locals_of(scale, zones, blocks, people, villages))
    parks = land_use.parks(seed, blocks, plans, len(scale.towns))
    clinics = make_clinics(seed, counties, scale)
    tables = {
        "zones": zones.drop(columns="county"),
        "county": _counties(zones, scale),
        "roads": road_lines(terrain, mesh, routes, plans, scale, expressway, lanes),
        "water": _water(terrain),
        "people": people,
        "residential": _with_people(homes, people),
        "parks": parks,
        "park_entrances": land_use.park_entrances(seed, parks),
        "schools": make_schools(seed, counties, scale),
        "clinics": clinics,
        "stations": station_candidates(seed, people, clinics, count=scale.candidates),
        "elderly": elderly_care(seed, counties),
        "amenities": make_amenities(seed, counties),
        "plots": idle_plots(seed, blocks, people, zones),
        **control_lines(seed, terrain, people, blocks),
    }
    if scale.many:
        tables["control_units"] = control_units(seed, terrain, blocks, scale)
    heights = terrain.elevation[1::2, 1::2].astype(np.float32)
    return Region(scale, tables, heights, terrain.origin)


def make_county(seed: int) -> Region:
    """Return the county of one seed.

    Examples
    --------
    >>> county = make_county(430600)  # doctest: +SKIP
    >>> int(county.tables["people"]["population"].sum())  # doctest: +SKIP
    583984
    """
    return make_region(seed, COUNTY)


def _zones(seed: int, terrain: Terrain, seats: Seats, towns: Towns) -> gpd.GeoDataFrame:
    """Return the townships, their borders bent as far as they bear without folding over."""
    origin, cell = zone_origin(terrain)
    several = len(np.unique(seats.county)) > 1
    owner = grow_zones(seed, terrain, seats.xy, towns.owner if several else None)
    shapes = trace(owner, origin=origin, cell_m=cell)
    for metres in (700.0, 500.0, 300.0):
        bend = partial(wander, seed=seed, terrain=terrain, metres=metres)
        bent = trace(owner, origin=origin, cell_m=cell, bend=bend)
        if all(shape.is_valid for shape in bent.values()):
            shapes = bent
            break
    return gpd.GeoDataFrame(
        {"zone_id": list(seats.codes), "name": list(seats.names), "kind": list(seats.kinds),
         "county": seats.county},
        geometry=[shapes[k] for k in range(len(seats.codes))],
        crs=CRS,
    )  # fmt: skip


def _with_totals(zones: gpd.GeoDataFrame, people: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    totals = people.groupby("zone_id")[["population", *GROUPS]].sum()
    filled = zones.copy()
    for column in totals.columns:
        filled[column] = totals.loc[zones["zone_id"], column].to_numpy()
    return filled


def _with_people(homes: gpd.GeoDataFrame, people: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    inside = people.groupby("residential_id")["population"].sum()
    filled = homes[["residential_id", "community", "settlement", "quarter", "area_m2", "geometry"]]
    filled = filled[filled["residential_id"].isin(inside.index)].reset_index(drop=True)
    return filled.assign(population=inside.loc[filled["residential_id"]].to_numpy())


def _counties(zones: gpd.GeoDataFrame, scale: Scale) -> gpd.GeoDataFrame:
    """Return the counties, each the union of its townships."""
    rows = [
        (
            county.code,
            county.name,
            int(zones.loc[zones["county"] == number, "population"].sum()),
            shapely.normalize(
                shapely.union_all(zones.geometry[zones["county"] == number].to_numpy())
            ),
        )
        for number, county in enumerate(scale.counties)
    ]
    return gpd.GeoDataFrame(
        rows, columns=["zone_id", "name", "population", "geometry"], geometry="geometry", crs=CRS
    )


def _water(terrain: Terrain) -> gpd.GeoDataFrame:
    wet = np.where(terrain.water == LAND, -1, terrain.water).astype(np.int64)
    shapes = trace(wet, origin=terrain.origin, cell_m=terrain.cell_m, relax=5)
    rows = [
        (WATERS[kind], ("lake", "river", "pond")[kind - 1], part)
        for kind, shape in shapes.items()
        for part in sorted(shapely.get_parts(shape), key=lambda p: p.bounds)
    ]
    table = gpd.GeoDataFrame(
        rows, columns=["name", "kind", "geometry"], geometry="geometry", crs=CRS
    )
    table.insert(0, "water_id", [f"W{k:03d}" for k in range(1, len(table) + 1)])
    return table

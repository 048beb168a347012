"""From the study's files to the tables of one region: all is read before anything is judged."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeVar, cast

import geopandas as gpd
import pandas as pd
import pyproj
import shapely

from siting import crs as crs_room
from siting import demand as demand_room
from siting import load, rules
from siting.errors import DataError, Problem
from siting.load import Layer, Parks, Sites
from siting.load.gates import gates_of
from siting.network import RoadNetwork
from siting.pipeline import people as people_room
from siting.pipeline import schools as schools_room
from siting.pipeline import zoned
from siting.pipeline.barring import cut_networks
from siting.pipeline.cache import Cache
from siting.pipeline.forecast import Forecast, forecast
from siting.pipeline.reader import LayerRecord, Reader, read_raw, told
from siting.pipeline.road_layer import RoadLines, road_lines, walls
from siting.pipeline.roads import SIGNALS, ways
from siting.pipeline.roads import networks as road_networks
from siting.pipeline.schools import Schools
from siting.pipeline.steps import Steps
from siting.rules import Rule
from siting.study import PeopleRaster, Source, Study, Zones

CANDIDATES = "decide.new_sites.candidates"
PLACES = "decide.pocket_parks.candidates"
MOST_PEOPLE = 10**10  # person-milliseconds of more would leave 64 bits
T = TypeVar("T", bound=tuple[Any, ...])
Area = shapely.Polygon | shapely.MultiPolygon


@dataclass(frozen=True, eq=False)
class Inputs:
    """Everything a study brings, in its working CRS.

    ``sites`` is by service, so are ``bus_stops`` where given; ``candidates`` are those of the
    new-sites question, ``pocket_places`` of the pocket parks; ``cells`` are residential land cut up
    and ``land`` a point in each; ``uncounted`` are people of sources that another speaks for, by
    source;
    ``membership`` is of demand and land; ``networks`` is by way of travelling (``walk``,
    ``walk.children``, ``drive``…); ``drops`` lists every row not used as given.
    ``forecast`` is what a scenario assumes, ``None`` for today's people.
    ``schools`` is the register with pupils, children and admission areas, ``None`` without it.
    ``road_lines`` is the road layer after mending, with its defects; ``None`` for an OSM extract.
    """

    crs: pyproj.CRS
    rules: Mapping[str, Rule]
    zones: gpd.GeoDataFrame
    demand: gpd.GeoDataFrame
    uncounted: Mapping[str, int]
    membership: pd.DataFrame
    cohorts: pd.DataFrame
    forecast: Forecast | None
    cells: gpd.GeoDataFrame | None
    land: gpd.GeoDataFrame | None
    parks: gpd.GeoDataFrame | None
    given_entrances: gpd.GeoDataFrame | None
    water: gpd.GeoDataFrame | None
    barriers: gpd.GeoDataFrame | None
    railways: gpd.GeoDataFrame | None
    signals: gpd.GeoDataFrame | None
    sites: Mapping[str, Sites]
    bus_stops: Mapping[str, gpd.GeoDataFrame]
    candidates: Sites | None
    pocket_places: gpd.GeoDataFrame | None
    road_lines: RoadLines | None
    networks: Mapping[str, RoadNetwork]
    schools: Schools | None
    layers: tuple[LayerRecord, ...]
    drops: pd.DataFrame = field(repr=False)


class _Extent(NamedTuple):
    """Where a layer lies, as a table that the cache can keep: one row, in degrees."""

    table: pd.DataFrame


def steps_of(study: Study) -> int:
    """Return how many steps :func:`read_inputs` takes."""
    return len(study.sources()) + len(ways(study)) + 1


def read_inputs(study: Study, *, cache: Cache, step: Steps) -> Inputs:
    """Read every layer of the study, and build people and networks.

    Raises
    ------
    DataError
        The breaches of **all** layers together: a bureau mends its files once, not one by one.
    StudyError, NetworkError
        What the study or the roads contradict.
    """
    reader = Reader(study, cache, step)
    crs = _working_crs(study, reader)
    zones = _zones(study, reader, crs)
    area = _area(zones, study.network.halo_km)
    common = {"crs": crs.to_wkt(), "area": shapely.to_wkb(area, hex=True) if area else ""}

    def layer(
        kind: str, name: str, shape: type[T], make: Callable[..., T], /, **words: Any
    ) -> T | None:
        source = reader.sources[name]
        return reader(
            kind,
            name,
            shape,
            lambda: make(
                read_raw(name, source),
                crs=crs,
                columns=source.columns,
                area=area,
                layer=name,
                **words,
            ),
            **common,
            **words,
        )

    residential = parks = given = None
    if (land := study.residential) is not None:
        residential = layer(
            "residential", "residential", Layer, load.residential,
            settlement=land.settlement, quarter=land.quarter,
        )  # fmt: skip
    if study.green:
        parks, given = _parks(study, reader, layer, crs)
    water = _stacked(study.water, "water", layer, load.water)
    barriers = _stacked(study.barriers, "barriers", layer, load.barriers)
    sites = {
        name: found
        for name, service in study.services.items()
        if (found := layer(
            "sites", f"services.{name}", Sites, load.sites,
            service=name, status="existing", level=service.level or None,
        )) is not None
    }  # fmt: skip
    candidates = None
    if (new := study.decide.new_sites) is not None:
        candidates = layer(
            "sites", CANDIDATES, Sites, load.sites, service=new.service, status="candidate"
        )
    pocket = None
    if study.decide.pocket_parks is not None and study.decide.pocket_parks.candidates is not None:
        pocket = layer(
            "sites", PLACES, Sites, load.sites, service="pocket_park", status="candidate"
        )
    halts = {
        name: found.sites
        for name, service in study.services.items()
        if service.bus is not None
        and service.bus.stops is not None
        and (found := layer(
            "sites", f"services.{name}.bus.stops", Sites, load.sites,
            service=name, status="existing", level=None,
        )) is not None
    }  # fmt: skip
    people = people_room.layers(study, reader, layer, zones, crs)
    land_use = [
        layer("residential", name, Layer, load.residential, settlement=asked.settlement)
        for name, asked in zip(
            [n for n in reader.sources if n.startswith("people.land_use")],
            study.people.land_use, strict=True,
        )
    ]  # fmt: skip
    totals = _totals(study, reader)
    school_files = schools_room.read(study, reader, layer)
    drawn = road_lines(study, reader, crs, area, walls(water, barriers))
    networks = road_networks(study, reader, crs, area, drawn)
    gates = layer("signals", "crossings", Layer, load.signals) if study.crossings else None
    rails = None
    if study.railways is not None:
        rails = layer("roads", "railways", Layer, load.roads, highway="rail")
    networks = cut_networks(
        study, networks, reader, rules=rules.load(study.rules), water=water,
        crossings=None if gates is None else gates.table,
    )  # fmt: skip
    reader.raise_problems()

    step("people")
    cells = None if residential is None else demand_room.cells(
        residential.table, cell_m=study.people.cell_m
    )  # fmt: skip
    norms = rules.load(study.rules)
    demand, drops, uncounted = people_room.demand(
        study, zones, people, totals, cells, rules=norms,
        land_use=[part.table for part in land_use if part is not None],
    )  # fmt: skip
    if not len(demand) or int(demand["population"].sum()) == 0:
        raise DataError(
            Problem(
                "people",
                "nobody lives in the region: every number of people is 0",
                "Give people: points, a raster or totals.",
            )
        )
    if (crowd := int(demand["population"].sum())) > MOST_PEOPLE:
        raise DataError(
            Problem("people", f"{crowd} people, more than live on Earth", "Correct the numbers.")
        )
    if zones is None:
        zones = people_room.one_region(study, demand)
    elsewhere = people_room.all_outside(demand, zones)
    if elsewhere is not None:
        raise DataError(elsewhere)
    cohorts = people_room.cohorts(study, demand, people, totals, zones)
    today = {"demand": demand, "groups": cohorts}
    demand, cohorts, moves, later = forecast(study, demand, cohorts, zones, norms)
    land_points = None if cells is None else people_room.land_points(cells)
    placed = demand[["demand_id", "geometry"]]
    if land_points is not None and study.people.spread != "residential":
        placed = pd.concat([placed, land_points[["demand_id", "geometry"]]], ignore_index=True)
    listed = [f.drops for f in reader.found.values() if hasattr(f, "drops")]
    membership = demand_room.membership(placed, zones)
    moves = load.join_drops(moves, zoned.listed(demand, membership, zones))
    # children live where people do today, and move as [schools.children] states: not twice
    schools = schools_room.build(
        study, school_files, **today, membership=membership, zones=zones, sites=sites, rules=norms,
    )  # fmt: skip
    return Inputs(
        crs=crs,
        rules=norms,
        zones=zones,
        demand=demand,
        uncounted=uncounted,
        membership=membership,
        cohorts=cohorts,
        forecast=later,
        cells=cells,
        land=land_points,
        parks=parks,
        given_entrances=given,
        water=water,
        barriers=barriers,
        signals=reader.found[SIGNALS].table if SIGNALS in reader.found else None,
        railways=None if rails is None else rails.table,
        sites=sites,
        bus_stops=halts,
        candidates=candidates,
        pocket_places=None if pocket is None else pocket.sites,
        road_lines=drawn,
        networks=networks,
        schools=schools,
        layers=reader.records(),
        drops=load.join_drops(*listed, *(n.drops for n in networks.values()), drops, moves),
    )


def _working_crs(study: Study, reader: Reader) -> pyproj.CRS:
    """Return the study's CRS, or the one that fits where its zones (or its people) lie."""
    name = next((n for n in reader.sources if n.startswith(("zones", "people"))), "roads")
    source = reader.sources[name]
    key = {**told(source), "sha256": reader.sums[name], "as": name}

    def measured() -> _Extent:
        bounds = load.lonlat_bounds(read_raw(name, source))
        return _Extent(pd.DataFrame([bounds], columns=["west", "south", "east", "north"]))

    if isinstance(source, PeopleRaster):
        bounds = load.raster_bounds(source.file, table=name, declared=source.crs)
        return crs_room.working_crs(bounds, declared=study.crs)
    if name == "roads" and source.is_osm:
        return crs_room.working_crs(declared=study.crs)
    extent = reader.cache.tables("extent", key, _Extent, measured).table.iloc[0]
    west, south, east, north = (float(v) for v in extent)
    return crs_room.working_crs((west, south, east, north), declared=study.crs)


def _zones(study: Study, reader: Reader, crs: pyproj.CRS) -> gpd.GeoDataFrame | None:
    def layer(name: str, asked: Zones) -> Layer | None:
        return reader(
            "zones",
            name,
            Layer,
            lambda: load.zones(
                read_raw(name, asked),
                crs=crs,
                zoning=asked.zoning,
                columns=asked.columns,
                settlement=asked.settlement,
                layer=name,
            ),
            crs=crs.to_wkt(),
            zoning=asked.zoning,
        )

    names = [name for name in reader.sources if name.startswith("zones")]
    parts: list[gpd.GeoDataFrame] = []
    for name, asked in zip(names, study.zones, strict=True):
        found = layer(name, asked)
        if found is None:
            reader.raise_problems()
        else:
            parts.append(found.table)
    return pd.concat(parts, ignore_index=True) if parts else None


def _area(zones: gpd.GeoDataFrame | None, halo_km: float) -> Area | None:
    if zones is None:
        return None
    hull = shapely.union_all(zones.geometry.to_numpy())
    # a coarse outline will do: it only leaves out what is far away
    outline = shapely.simplify(shapely.buffer(hull, halo_km * 1_000 + 100, quad_segs=4), 50)
    return cast("Area", outline)


def _parks(
    study: Study, reader: Reader, layer: Callable[..., Any], crs: pyproj.CRS
) -> tuple[gpd.GeoDataFrame | None, gpd.GeoDataFrame | None]:
    names = [n for n in reader.sources if n.split("[")[0] == "green"]
    parts = [
        layer("parks", name, Parks, load.parks, kind=green.kind)
        for name, green in zip(names, study.green, strict=True)
    ]
    if any(part is None for part in parts):
        return None, None
    every = pd.concat([p.parks for p in parts], ignore_index=True)
    # a place that two layers name is one place: a park if any of them says so
    every["_rank"] = (every["kind"] != "park").astype(int)
    every = every.sort_values(["park_id", "_rank"], kind="stable")
    every = every.drop_duplicates("park_id").drop(columns="_rank").reset_index(drop=True)
    if study.park_entrances is None:
        return every, None
    source = study.park_entrances
    given = reader(
        "entrances",
        "park_entrances",
        Layer,
        lambda: gates_of(
            read_raw("park_entrances", source),
            every.set_index("park_id").geometry,
            crs=crs,
            key="park_id",
            columns=source.columns,
            layer="park_entrances",
        ),
        crs=crs.to_wkt(),
        parks=shapely.to_wkb(every.geometry.to_numpy(), hex=True).tolist(),
    )
    return every, None if given is None else given.table


def _stacked(
    sources: tuple[Source, ...], kind: str, layer: Callable[..., Any], make: Callable[..., Layer]
) -> gpd.GeoDataFrame | None:
    names = [kind] if len(sources) == 1 else [f"{kind}[{i + 1}]" for i in range(len(sources))]
    parts = [layer(kind, name, Layer, make) for name in names if sources]
    tables = [part.table for part in parts if part is not None]
    return pd.concat(tables, ignore_index=True) if tables else None


def _totals(study: Study, reader: Reader) -> Layer | None:
    totals = study.people.totals
    if totals is None:
        return None
    groups = {n: g.column for n, g in study.people.groups.items() if g.column is not None}
    return reader(
        "totals",
        "people.totals",
        Layer,
        lambda: load.totals(
            load.read_table(
                totals.file,
                table="people.totals",
                layer=totals.layer,
                encoding=totals.encoding,
                where=totals.where,
            ),
            columns=totals.columns,
            groups=groups,
            merge=totals.merge,
            total_row=totals.total_row,
            layer="people.totals",
        ),
        groups=groups,
    )

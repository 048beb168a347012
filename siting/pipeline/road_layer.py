"""The road layer of a study → lines that end where they meet, and the defects of all its roads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import geopandas as gpd
import pandas as pd
import pyproj
import shapely

from siting import crs as crs_room
from siting import load, network
from siting.errors import first_ids
from siting.network import RoadNetwork
from siting.pipeline.reader import Reader, read_raw, told
from siting.study import Study

Area = shapely.Polygon | shapely.MultiPolygon


class RoadLines(NamedTuple):
    """A line layer ready for networks of any mode, its defects, and rows not used as given."""

    table: gpd.GeoDataFrame
    defects: gpd.GeoDataFrame
    drops: pd.DataFrame


def road_lines(
    study: Study,
    reader: Reader,
    crs: pyproj.CRS,
    area: Area | None,
    barriers: gpd.GeoSeries | None,
) -> RoadLines | None:
    """Return the road layer; ``None`` for an OSM extract, or where ``reader`` keeps problems."""
    source = study.roads
    if source.is_osm:
        reader.step("read roads")
        return None

    def build() -> RoadLines:
        raw = read_raw("roads", source)
        read = load.roads(
            raw, crs=crs, columns=source.columns, area=area, layer="roads", lengthless=True
        )
        made = network.topology(
            read.table,
            snap_m=source.snap_m,
            repair=source.repair,
            look_m=source.look_m,
            barriers=barriers,
            speeds=network.read_speeds(study.network.speeds),
        )
        return RoadLines(made.lines, made.defects, load.join_drops(read.drops, made.drops))

    key: dict[str, Any] = {"crs": crs.to_wkt(), "walls": walls_key(reader)}
    key |= {"area": shapely.to_wkb(area, hex=True) if area else ""}
    if study.network.speeds is not None:
        key["speeds"] = study.network.speeds.read_text("utf-8-sig")
    return reader("roads", "roads", RoadLines, build, **key)


def walls_key(reader: Reader) -> dict[str, Any]:
    """Return what a mended road layer depends on beside its own file: what no end goes across."""
    return {
        name: [told(reader.sources[name]), reader.sums[name]]
        for name in reader.sources
        if name.split("[")[0] in ("water", "barriers")
    }


def walls(
    water: gpd.GeoDataFrame | None, barriers: gpd.GeoDataFrame | None
) -> gpd.GeoSeries | None:
    """Return what no access leg and no mended end may cross: water surfaces and barriers."""
    parts = []
    if water is not None:
        surfaces = shapely.get_dimensions(water.geometry.to_numpy()) == 2
        parts.append(water.geometry[surfaces])
    if barriers is not None:
        parts.append(barriers.geometry)
    if not parts:
        return None
    return gpd.GeoSeries(pd.concat(parts, ignore_index=True), crs=parts[0].crs)


def road_defects(
    networks: Mapping[str, RoadNetwork],
    lines: RoadLines | None,
    *,
    homes_at: Mapping[str, pd.DataFrame] | None = None,
    persons: pd.Series[int] | None = None,
) -> gpd.GeoDataFrame:
    """Return the defects of the layer and of the networks, once for each mode.

    Parameters
    ----------
    networks
        By way of travelling; several ways of one mode run on the same streets.
    lines
        From :func:`road_lines`.
    homes_at, persons
        Where people are attached by way of travelling, in however small a part of the network, and
        how many, by demand id.
    """
    name_of = None
    if lines is not None:
        names = dict(zip(lines.table["way_id"], lines.table["row"], strict=True))
        name_of = names.__getitem__
    parts = [] if lines is None else [lines.defects]
    done: set[str] = set()
    for way in sorted(networks):
        roads = networks[way]
        if roads.mode in done:
            continue
        done.add(roads.mode)
        parts.append(
            network.network_defects(
                roads,
                homes_at=None if homes_at is None else homes_at[way],
                persons=persons,
                name_of=name_of,
            )
        )
    return network.join_defects(parts)


def placed(defects: gpd.GeoDataFrame) -> pd.DataFrame:
    """Return the table of defects with its places in degrees, for files without geometry."""
    assert defects.crs is not None
    lon, lat = crs_room.to_lonlat(
        defects.crs, defects.geometry.x.to_numpy(), defects.geometry.y.to_numpy()
    )
    table = pd.DataFrame(defects.drop(columns="geometry"))
    return table.assign(lon=pd.Series(lon).round(6), lat=pd.Series(lat).round(6))


def told_of(defects: gpd.GeoDataFrame) -> list[str]:
    """Return a line for each kind of defect: how many, what was done, the first rows and place."""
    lines = []
    every = placed(defects)
    for (mode, kind, done, why), rows in every.groupby(["mode", "kind", "done", "why"], sort=True):
        where = f" ({mode})" if mode else ""
        because = f", {why}" if why else ""
        first = rows.iloc[0]
        lines.append(
            f"road defects{where}: {len(rows)} {kind}, {done}{because}: "
            f"{first_ids(rows['rows'], 3)}; first at {first['lon']:.5f}, {first['lat']:.5f}"
        )
    return lines

"""Trunk roads crossed on the way, from files as bureaus write them; counted with a pencil."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import geopandas as gpd
import pytest
from shapely import LineString, Point, box

import siting
from siting.pipeline import region, safety
from siting.pipeline.steps import Steps, quiet

CRS = "EPSG:4547"
X, Y = 430_000.0, 3_250_000.0
CAR = '[services.car]\nfile = "clinic.gpkg"\nmode = "drive"\n'
RAIL = '[railways]\nfile = "rail.gpkg"\n'
STUDY = """
title = "路口"
crs = "EPSG:4547"
zones = {{ file = "zones.gpkg" }}
roads = {{ file = "roads.gpkg" }}
people.points = {{ file = "people.gpkg" }}
network = {{ min_component_km = 0.1, signals = {{ file = "lights.gpkg" }} }}
[services.clinic]
file = "clinic.gpkg"
mode = "{mode}"
rules = ["circle_15min"]
count_crossings = true
{more}
"""


def line(*xy: tuple[float, float]) -> LineString:
    return LineString([(X + x, Y + y) for x, y in xy])


def road(highway: str, *xy: tuple[float, float], **more: Any) -> dict[str, Any]:
    return {"highway": highway, "bridge": "no", "geometry": line(*xy)} | more


def study(
    folder: Path,
    roads: list[dict[str, Any]],
    *,
    more: str = "",
    mode: str = "walk",
    light: tuple[float, float] = (0, 500),
) -> siting.Study:
    """A home at the west end of a street of a kilometre, a clinic at its east end."""
    data = folder / "data" / "raw"
    data.mkdir(parents=True)

    def layer(name: str, rows: list[dict[str, Any]]) -> None:
        gpd.GeoDataFrame(rows, geometry="geometry", crs=CRS).to_file(data / f"{name}.gpkg")

    layer("roads", roads)
    layer("zones", [{"zone_id": "Z", "settlement": "urban",
                     "geometry": box(X - 99, Y - 600, X + 1099, Y + 600)}])  # fmt: skip
    layer("people", [{"demand_id": "home", "population": 7, "settlement": "urban",
                      "geometry": Point(X, Y + 10)}])  # fmt: skip
    layer("clinic", [{"site_id": "C", "geometry": Point(X + 1000, Y + 10)}])
    layer("lights", [{"geometry": Point(X + light[0], Y + light[1])}])
    layer("rail", [{"geometry": line((700, -500), (700, 500))}])
    file = folder / "study.toml"
    file.write_text(STUDY.format(mode=mode, more=more), "utf-8")
    return siting.read_study(file)


def crossed(asked: siting.Study) -> dict[str, int]:
    """How often the home crosses what on its way."""
    here = region.join(asked, siting.pipeline.read_inputs(asked), step=Steps(quiet, 1))
    table = safety.crossings_table(asked, here)
    assert table is not None
    assert table["persons"].tolist() == [7, 7, 7]
    return dict(zip(table["hazard"], table["level_crossings"].tolist(), strict=True))


@pytest.mark.parametrize("word", ["trunk", "国道", "快速路", "主干路", "省道"])
@pytest.mark.parametrize("mode", ["walk", "cycle"])
def test_trunk_roads_in_the_words_of_bureaus(tmp_path: Path, word: str, mode: str) -> None:
    """What a bureau calls 主干路 is crossed as a primary is."""
    roads = [
        road("支路", (0, 0), (500, 0)), road("支路", (500, 0), (1000, 0)),
        road(word, (500, -500), (500, 0)), road(word, (500, 0), (500, 500)),
    ]  # fmt: skip
    assert crossed(study(tmp_path, roads, mode=mode)) == {"road": 1, "rail": 0, "any": 1}


@pytest.mark.parametrize(
    ("motorway", "more", "road_count", "rail_count"),
    [
        ({}, CAR, 1, 0),
        ({"bridge": "yes"}, CAR, 0, 0),
        ({"highway": "高速公路"}, CAR, 1, 0),
        ({}, CAR + RAIL, 1, 1),
        ({}, RAIL, 0, 1),  # without a drivers' network nothing is known of motorways
    ],
)
def test_a_motorway_counts_where_there_is_a_drivers_network(
    tmp_path: Path, motorway: dict[str, str], more: str, road_count: int, rail_count: int
) -> None:
    roads = [
        road("residential", (0, 0), (1000, 0)),
        road("motorway", (500, -500), (500, 500), oneway="no") | motorway,
    ]
    asked = study(tmp_path, roads, more=more)
    expected = {"road": road_count, "rail": rail_count, "any": road_count + rail_count}
    assert crossed(asked) == expected
    unseen = "motorway: closed to walkers" in " ".join(safety.notes(asked, "en"))
    assert unseen == (CAR not in more)


@pytest.mark.parametrize(("x", "count"), [(500, 0), (485, 0), (512, 0), (475, 1), (470, 1)])
def test_a_light_serves_both_carriageways_within_30_m(tmp_path: Path, x: float, count: int) -> None:
    """A bureau draws one point a crossing; the carriageways lie at 490 and 510 m."""
    stops = [0, 490, 510, 1000]
    roads = [road("residential", (a, 0), (b, 0)) for a, b in pairwise(stops)]
    roads += [
        road("trunk", (at, y), (at, 0), oneway="yes") for at in (490, 510) for y in (-500, 500)
    ]
    assert crossed(study(tmp_path, roads, light=(x, 0)))["road"] == count


def test_a_trunk_road_closed_to_walkers_counts_beside_one_that_is_not(tmp_path: Path) -> None:
    """In OSM the class does not say who may walk: 500 m is closed by a tag, 800 m is open."""
    asked = study(tmp_path, [road("residential", (0, 0), (1, 0))], more=CAR)
    west, east = 113.2790, 113.2893  # 1 km apart, a degree of longitude being 97 km here
    spots = {1: 0.0, 2: 0.5, 3: 0.8, 4: 1.0}
    nodes = [(i, west + share * (east - west), 29.3655) for i, share in spots.items()]
    nodes += [(10 * i + k, west + spots[i] * (east - west), 29.3655 + up)
              for i in (2, 3) for k, up in ((1, -0.004), (2, 0.004))]  # fmt: skip
    ways = {
        1: ([1, 2, 3, 4], {"highway": "residential"}),
        2: ([21, 2, 22], {"highway": "trunk", "foot": "no"}),
        3: ([31, 3, 32], {"highway": "trunk"}),
    }
    text = "".join(f'<node id="{i}" lon="{x}" lat="{y}" version="1"/>' for i, x, y in nodes)
    for i, (refs, tags) in ways.items():
        inner = "".join(f'<nd ref="{ref}"/>' for ref in refs)
        inner += "".join(f'<tag k="{k}" v="{v}"/>' for k, v in tags.items())
        text += f'<way id="{i}" version="1">{inner}</way>'
    (tmp_path / "data/raw/roads.osm").write_text(f'<osm version="0.6">{text}</osm>', "utf-8")
    file = tmp_path / "study.toml"
    file.write_text(file.read_text("utf-8").replace("roads.gpkg", "roads.osm"), "utf-8")
    ends = {"people": west, "clinic": east}
    for name, lon in ends.items():
        layer = gpd.read_file(tmp_path / f"data/raw/{name}.gpkg").to_crs(4326)
        layer.geometry = [Point(lon, 29.3656)]
        layer.to_file(tmp_path / f"data/raw/{name}.gpkg")
    assert crossed(siting.read_study(asked.path)) == {"road": 2, "rail": 0, "any": 2}

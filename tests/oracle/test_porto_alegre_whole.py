"""Porto Alegre's coverage from its own hexagon points, worked out again without siting."""

from __future__ import annotations

import csv
import math
from pathlib import Path

import networkx as nx
import pytest
import shapely
from finished_run import Finished
from malta_independent import Place, Walks
from malta_reach import nearest, placed

EPSG = 31982
LIMITS = {
    ("school", "circle_15min"): (800_000, 800_000, 1_000_000),
    ("healthcare", "circle_15min"): (800_000, 800_000, 1_000_000),
    ("healthcare", "clinic.walk_30min"): (1_700_000, 1_800_000, 2_500_000),
}
COLUMN = {"school": "schools", "healthcare": "healthcare"}


@pytest.fixture(scope="module")
def hexagons(test_data: Path) -> list[dict[str, str]]:
    with (test_data / "porto_alegre" / "poa_hexgrid.csv").open(encoding="utf-8-sig") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def walks(test_data: Path) -> Walks:
    file = str(test_data / "porto_alegre" / "poa_osm.pbf")
    return Walks(file, metres_per_hour=3600, min_km=2, epsg=EPSG)


@pytest.fixture(scope="module")
def homes(walks: Walks, hexagons: list[dict[str, str]]) -> dict[str, Place]:
    spots = {
        row["id"]: shapely.Point(walks.to_metric.transform(float(row["lon"]), float(row["lat"])))
        for row in hexagons
    }
    return placed(walks, spots)


@pytest.mark.parametrize(("service", "rule"), LIMITS)
def test_persons_covered_to_the_person(
    porto_alegre: Finished,
    walks: Walks,
    hexagons: list[dict[str, str]],
    homes: dict[str, Place],
    service: str,
    rule: str,
) -> None:
    low, judged, high = LIMITS[service, rule]
    own = [row["id"] for row in hexagons if float(row[COLUMN[service]] or 0) > 0]
    sites = [homes[name] for name in own if name in homes]
    near = nearest(walks, sites, homes)
    joined = nx.Graph((e.u, e.v) for e in walks.edges)
    part = {n: i for i, found in enumerate(nx.connected_components(joined)) for n in found}
    served = {part[walks.edges[site.edge].u] for site in sites}
    mine = dict.fromkeys(
        ("persons", "covered", "out_of_reach", "not_assessed", "covered_low", "covered_high"), 0
    )
    for row in hexagons:
        name, n = row["id"], int(row["population"])
        mine["persons"] += n
        if name not in homes or part[walks.edges[homes[name].edge].u] not in served:
            mine["not_assessed"] += n
            continue
        value = near.get(name, math.inf)
        mine["covered" if value <= judged else "out_of_reach"] += n
        # the way to the street may be 1.4 times as long; nobody says how large a hexagon's land is
        mine["covered_low"] += n * (value + homes[name].access * 2 // 5 <= low)
        mine["covered_high"] += n * (value - homes[name].access <= high)
    table = porto_alegre.table("coverage")
    table = table[(table["service"] == service) & (table["rule_id"] == rule)]
    table = table[(table["level"] == "region") & (table["plan"] == "today")]
    (shown,) = table[table["settlement"] == "urban"][list(mine)].to_dict("records")
    assert shown == mine

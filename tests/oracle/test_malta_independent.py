"""Malta's walking distances, computed by siting and by a program that shares no code with it."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
from malta_independent import EPSG, MAX_ACCESS_M, MIN_KM, SERVICES, Walks
from shapely import Point

from siting import network, travel_time

ORIGINS = 24
KPH = 4.5  # at the shipped 3.6 km/h a millimetre is a millisecond, which would hide a mistake


@pytest.fixture(scope="module")
def pbf(test_data: Path) -> Path:
    return test_data / "malta" / "malta.osm.pbf"


@pytest.fixture(scope="module")
def walks(pbf: Path) -> Walks:
    return Walks(str(pbf), metres_per_hour=int(KPH * 1000))


@pytest.fixture(scope="module")
def streets(pbf: Path) -> network.RoadNetwork:
    speeds = network.read_speeds().walking_at(KPH)
    return network.read_osm(pbf, mode="walk", crs=EPSG, speeds=speeds)


def at(streets: network.RoadNetwork, points: dict) -> object:
    series = gpd.GeoSeries(list(points.values()), index=list(points), crs=EPSG)
    return network.attach(streets, series, max_access_m=MAX_ACCESS_M, min_component_km=MIN_KM)


def test_both_read_the_same_streets(walks, streets):
    assert len(walks.graph) == streets.node_id.size

    def edge(u: int, v: int, mm: int) -> tuple[int, int, int]:
        # the loose ends of streets cut at gates are numbered by each program in its own way
        a, b = sorted(n if n < walks.first_spare else 0 for n in (u, v))
        return a, b, mm

    ids = streets.node_id.tolist()
    ends = zip(streets.tail, streets.head, streets.length_mm.tolist(), strict=True)
    ours = Counter(edge(ids[a], ids[b], mm) for a, b, mm in ends)
    assert ours == Counter(edge(e.u, e.v, e.mm) for e in walks.edges)


@pytest.mark.parametrize("unit", ["mm", "ms"])
def test_impedances_are_equal(walks, streets, unit):
    homes = {f"D{i:03}": p for i, p in enumerate(walks.origins(ORIGINS, seed=20261))}
    demand_at = at(streets, homes)
    theirs_at = {name: walks.place(point) for name, point in homes.items()}
    sites = {f"{s}/{i}": p for s in SERVICES for i, p in walks.sites[s].items()}
    places = {name: walks.place(point) for name, point in sites.items()}
    times = travel_time.table(
        streets,
        demand_at,
        at(streets, sites),
        impedance="length" if unit == "mm" else "time",
        cutoff=travel_time.LARGEST,
        k=1,
    )
    ours = times.frame().set_index(["demand_id", "site_id"])["impedance"].to_dict()
    attached = dict(zip(times.demand_id, times.attached, strict=True))
    verdict: Counter[str] = Counter()
    odd: list[object] = []
    for name, home in theirs_at.items():
        assert attached[name] == (home is not None)
        found = walks.distances(home, places, unit) if home is not None else {}
        for site, value in found.items():
            mine = ours.get((name, site))
            if mine == value:
                verdict["no way, says each" if value is None else "equal"] += 1
            elif mine is None or value is None:
                verdict["a way in one of them only"] += 1
                odd.append((name, site, mine, value))
            else:
                # a tie within a millimetre may attach a point to another edge
                verdict[
                    "differ by a millimetre or two" if abs(mine - value) <= 2 else "differ"
                ] += 1
                odd.append((name, site, mine, value))
    for service in SERVICES:
        compared = sum(site.startswith(service) for site in sites) * len(homes)
        assert compared >= 400
    assert verdict["equal"] >= 4000, verdict
    assert not odd, (verdict, odd[:10])


def gozo(point: Point) -> bool:
    """West of Comino and north of the channel, in UTM 33N."""
    return point.x < 439_500 and point.y > 3_984_000


def test_nobody_on_gozo_walks_to_malta(walks, streets):
    homes = {f"D{i:04}": p for i, p in enumerate(walks.origins(2000, seed=5))}
    demand_at = at(streets, homes)
    for service in SERVICES:
        sites = walks.sites[service]
        reach = travel_time.nearest(streets, demand_at, at(streets, sites))
        on_gozo = {name: gozo(point) for name, point in homes.items()}
        assert 100 < sum(on_gozo.values()) < 1000
        for name, site in reach["site_id"].items():
            if site is not None:
                assert gozo(sites[site]) == on_gozo[name], (name, site)


def test_a_sample_is_not_all_alike(walks):
    """The comparison would prove little if points stood at junctions or all on one street."""
    places = [walks.place(point) for point in walks.origins(ORIGINS, seed=20261)]
    offsets = [p.offset for p in places if p]
    assert np.unique([p.edge for p in places if p]).size > ORIGINS * 0.8
    assert sum(o > 0 for o in offsets) > ORIGINS * 0.6

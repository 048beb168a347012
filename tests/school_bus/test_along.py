"""Routes drawn along the roads take what the travel times say, and no street against its way."""

from __future__ import annotations

from itertools import pairwise

import pandas as pd
import pytest
from hypothesis import given, settings
from road_worlds import World, attachments, network_of, worlds

from siting import school_bus, travel_time
from siting.school_bus.along import _places, _Tracer


@settings(max_examples=150)
@given(worlds())
def test_ways_are_the_quickest_and_hang_together(world: World) -> None:
    net = world.network
    table = travel_time.table(
        net, world.demand_at, world.site_at, impedance="time", cutoff=10_000, k=9
    )
    tracer = _Tracer(net)
    starts, goals = dict(_places(world.demand_at)), list(_places(world.site_at))
    expected = {
        (row.demand_id, row.site_id): int(row.impedance) for row in table.frame().itertuples()
    }
    found: dict[tuple[str, str], int] = {}
    for home, a in starts.items():
        for site, b in goals:
            way = tracer.way(a, b, 10_000)
            if way is None:
                continue
            found[home, site] = min(way[0], found.get((home, site), way[0]))
            pieces = way[1]
            assert (pieces[0][0], pieces[0][1]) == (a.edge, a.offset)
            assert (pieces[-1][0], pieces[-1][2]) == (b.edge, b.offset)
            for edge, start, stop in pieces:
                assert start == stop or (net.forward_ms if stop > start else net.backward_ms)[
                    edge
                ] >= 0 or net.length_mm[edge] == 0  # fmt: skip
            ends = [
                [{0: int(net.tail[e]), int(net.length_mm[e]): int(net.head[e])}.get(x, (e, x))
                 for x in (start, stop)]
                for e, start, stop in pieces
            ]  # fmt: skip
            if not (net.length_mm == 0).any():
                assert all(one[1] == two[0] for one, two in pairwise(ends))
            assert tracer.line(pieces, a).geom_type == "LineString"
    assert found == expected


def test_a_route_by_hand() -> None:
    """Two stops on a street of 3 m, the school 2 m round the corner; 3 + 2 m are driven."""
    net = network_of(3, [(0, 1, 3_000, 30, 30), (1, 2, 4_000, 40, 40)])
    stops = attachments(net, [("B0", 0, 0, 5), ("B1", 0, 2_000, 0)])
    school = attachments(net, [("S", 1, 2_000, 0), ("S", 1, 4_000, 0)])
    routes = pd.DataFrame(
        {
            "route_id": "S-01", "site_id": "S", "order": [1, 2], "stop_id": ["B0", "B1"],
            "leg_ms": [25, 30], "boarding": [2, 3],
        }
    )  # fmt: skip
    line = school_bus.along(net, stops, school, routes).iloc[0]
    assert (line["stops"], line["persons"], line["drive_ms"]) == (2, 5, 55)
    assert line["length_mm"] == 5_000
    assert line.geometry.coords[0] == (0.0, 0.0)
    assert line.geometry.coords[-1] == pytest.approx((15.0, 2.5))

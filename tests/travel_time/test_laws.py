"""Laws that hold on any network, and small cases to check with a pencil."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from road_worlds import World, attachments, expected, network_of, worlds

from siting import travel_time
from siting.errors import DataError, NetworkError, SitingError
from siting.network.graph import assemble
from siting.travel_time import LARGEST

IMPEDANCES = st.sampled_from(["time", "length"])


def reversed_roads(network):
    return assemble(
        mode=network.mode, access_kph=network.access_kph, crs=network.crs,
        node_id=network.node_id, node_xy=network.node_xy, tail=network.tail, head=network.head,
        length_mm=network.length_mm, forward_ms=network.backward_ms,
        backward_ms=network.forward_ms, stoppable=network.stoppable, highway=network.highway,
        geometry=network.geometry, way_id=network.way_id, bridge=network.bridge,
        tunnel=network.tunnel, half_delay_ms=network.half_delay_ms, drops=network.drops,
    )  # fmt: skip


def pairs(network, demand_at, site_at, impedance) -> dict[tuple[str, str], int]:
    times = travel_time.table(network, demand_at, site_at, impedance=impedance, cutoff=LARGEST, k=1)
    return times.frame().set_index(["demand_id", "site_id"])["impedance"].to_dict()


@given(worlds(), IMPEDANCES)
@settings(max_examples=60)
def test_reversing_all_roads_transposes_the_table(world, impedance):
    sites = world.site_at.drop_duplicates("point_id")
    there = pairs(world.network, world.demand_at, sites, impedance)
    back = pairs(reversed_roads(world.network), sites, world.demand_at, impedance)
    assert there == {(d, s): value for (s, d), value in back.items()}


@given(worlds(), IMPEDANCES)
@settings(max_examples=60)
def test_triangle_inequality(world, impedance):
    places = world.demand_at
    way = pairs(world.network, places, places, impedance)
    # each of up to four parts of edges is rounded by itself
    slack = 2 if impedance == "time" else 0
    for (a, b), first in way.items():
        for c in places["point_id"]:
            if (b, c) in way:
                assert (a, c) in way
                assert way[a, c] <= first + way[b, c] + slack


@given(worlds(), IMPEDANCES, st.data())
@settings(max_examples=60)
def test_more_sites_are_never_farther(world, impedance, data):
    names = sorted(set(world.site_at["point_id"]))
    few = data.draw(st.sets(st.sampled_from(names)) if names else st.just(set()))
    some = world.site_at[world.site_at["point_id"].isin(few)]
    before = travel_time.nearest(world.network, world.demand_at, some, impedance=impedance)
    after = travel_time.nearest(world.network, world.demand_at, world.site_at, impedance=impedance)
    had = before["impedance"] >= 0
    assert (after.loc[had, "impedance"] >= 0).all()
    assert (after.loc[had, "impedance"] <= before.loc[had, "impedance"]).all()


@given(worlds(), IMPEDANCES, st.integers(0, 30), st.integers(0, 30))
@settings(max_examples=40)
def test_a_longer_search_only_adds(world, impedance, one, other):
    near, far = sorted((one, other))
    tables = [
        travel_time.table(
            world.network, world.demand_at, world.site_at, impedance=impedance, cutoff=c, k=2
        ).frame()
        for c in (near, far)
    ]
    rows = [set(table.itertuples(index=False, name=None)) for table in tables]
    assert rows[0] <= rows[1]
    assert all(value > near for _, _, value in rows[1] - rows[0])


@given(worlds())
@settings(max_examples=20)
def test_arguments_are_left_alone(world):
    demand, sites = world.demand_at.copy(deep=True), world.site_at.copy(deep=True)
    travel_time.table(world.network, world.demand_at, world.site_at, impedance="time", cutoff=9)
    travel_time.nearest(world.network, world.demand_at, world.site_at)
    pd.testing.assert_frame_equal(demand, world.demand_at)
    pd.testing.assert_frame_equal(sites, world.site_at)


@given(worlds(), st.data())
@settings(max_examples=40)
def test_islands_are_where_no_road_leads_to_the_service(world, data):
    times = travel_time.table(
        world.network, world.demand_at, world.site_at, impedance="time", cutoff=9
    )
    names = times.site_id.tolist()
    existing = data.draw(st.sets(st.sampled_from(names)) if names else st.just(set()))
    found = expected(world, "time")
    lost = [not existing & set(found[name]) for name in world.demand_at["point_id"]]
    assert times.islands(existing).tolist() == lost


def test_one_way_traps_are_islands():
    """A home that no street leads out of is no less lost than one without streets."""
    network = network_of(3, [(0, 1, 9, 5, 5), (1, 2, 9, 5, -1)])
    homes = attachments(network, [("D1", 0, 4, 0), ("D2", 1, 4, 0)])
    sites = attachments(network, [("S1", 0, 0, 0)])
    times = travel_time.table(network, homes, sites, impedance="time", cutoff=99)
    assert times.islands(["S1"]).tolist() == [False, True]


def minutes(*values: int) -> list[int]:
    return [60_000 * v for v in values]


def test_the_home_four_minutes_away_is_four_minutes_away():
    """Invariant 2: four minutes there and nine back."""
    there, back = minutes(4, 9)
    network = network_of(2, [(0, 1, 100, there, -1), (0, 1, 100, -1, back)])
    home = attachments(network, [("home", 0, 0, 0)])
    school = attachments(network, [("school", 0, 100, 0)])
    assert travel_time.nearest(network, home, school)["impedance"].tolist() == [there]
    assert travel_time.nearest(network, school, home)["impedance"].tolist() == [back]


def test_parallel_streets_keep_the_least():
    """Invariant 4: a sparse matrix would add them."""
    network = network_of(2, [(0, 1, 9, 7, 7), (0, 1, 5, 4, 4), (0, 1, 5, 4, 4)])
    a = attachments(network, [("a", 0, 0, 0)])
    b = attachments(network, [("b", 0, 9, 0)])
    assert travel_time.nearest(network, a, b)["impedance"].tolist() == [4]
    assert travel_time.nearest(network, a, b, impedance="length")["impedance"].tolist() == [5]


def test_two_homes_on_one_one_way_street():
    """The school is 30 m behind the home: round the block, 100 m less 30 m."""
    ring = [(0, 1, 50, 50, -1), (1, 2, 25, 25, -1), (2, 0, 25, 25, -1)]
    network = network_of(3, ring)
    home = attachments(network, [("ahead", 0, 10, 1), ("behind", 0, 40, 1)])
    school = attachments(network, [("school", 0, 10, 2)])
    got = travel_time.nearest(network, home, school)
    assert got["impedance"].tolist() == [0 + 3, 70 + 3]
    assert got["access"].tolist() == [1, 1]


def test_more_than_256_parallel_streets_stay_one_component():
    network = network_of(2, [(0, 1, 9, 7, 7)] * 512)
    assert network.component.tolist() == [0, 0]


def test_beyond_the_cutoff_is_not_unreachable():
    """Invariant 9, and a site that only a one-way street leads away from."""
    network = network_of(4, [(0, 1, 10, 10, 10), (2, 1, 10, 10, -1), (3, 3, 5, 5, 5)])
    homes = attachments(network, [("a", 0, 0, 0), ("b", 2, 1, 0), ("c", -1, -1, 7)])
    sites = attachments(network, [("far", 0, 10, 0), ("upstream", 1, 0, 0)])
    got = travel_time.nearest(network, homes, sites, cutoff=9)
    assert got["state"].tolist() == ["beyond_cutoff", "unreachable", "unattached"]
    assert got["impedance"].tolist() == [10, -1, -1]
    assert got["access"].tolist() == [0, 0, -1]
    times = travel_time.table(network, homes, sites, impedance="time", cutoff=9, k=0)
    assert times.reach(["far"])["state"].tolist() == ["beyond_cutoff", "unreachable", "unattached"]
    # same weak component, but no road leads there
    assert times.reach(["upstream"])["state"].tolist()[0] == "unreachable"
    assert times.reach([])["state"].tolist() == ["unreachable", "unreachable", "unattached"]


def test_nothing_to_do():
    network = network_of(2, [(0, 1, 10, 10, 10)])
    none = attachments(network, [])
    one = attachments(network, [("a", 0, 5, 0)])
    for demand, sites in ((none, one), (one, none), (none, none)):
        reach = travel_time.nearest(network, demand, sites)
        times = travel_time.table(network, demand, sites, impedance="time", cutoff=9)
        assert len(reach) == len(times.demand_id) == len(demand)
        assert times.frame().empty
        pd.testing.assert_frame_equal(times.reach(times.site_id.tolist()), reach)


@given(worlds(), st.sampled_from(["edge", "offset", "component"]))
@settings(max_examples=20)
def test_attachments_of_another_network_are_refused(world, what):
    on = world.demand_at["edge_id"] >= 0
    assume(on.any())
    foreign = world.demand_at.copy()
    i = int(np.flatnonzero(on)[0])
    column = {"edge": "edge_id", "offset": "offset_mm", "component": "component"}[what]
    foreign.loc[i, column] += 1000
    with pytest.raises(DataError, match="not of this network"):
        travel_time.nearest(world.network, foreign, world.site_at)


def test_what_is_refused():
    network = network_of(2, [(0, 1, 10, 10, 10)])
    one = attachments(network, [("a", 0, 5, 0)])
    twice = pd.concat([one, one], ignore_index=True)
    with pytest.raises(DataError, match="several rows"):
        travel_time.nearest(network, twice, one)
    with pytest.raises(DataError, match="has no component"):
        travel_time.nearest(network, one.drop(columns="component"), one)
    with pytest.raises(NetworkError, match="impedance"):
        travel_time.nearest(network, one, one, impedance="minutes")
    for cutoff in (-1, LARGEST + 1):
        with pytest.raises(NetworkError, match="cutoff"):
            travel_time.table(network, one, one, impedance="time", cutoff=cutoff)
    with pytest.raises(NetworkError, match="k is -1"):
        travel_time.table(network, one, one, impedance="time", cutoff=1, k=-1)
    times = travel_time.table(network, one, one, impedance="time", cutoff=1)
    with pytest.raises(DataError, match="b, c"):
        times.reach(["a", "c", "b"])
    with pytest.raises(SitingError):
        times.islands(["nobody"])


def test_a_nearest_site_beyond_32_bits_is_refused():
    network = network_of(2, [(0, 1, 10, 3 * 10**9, 3 * 10**9)])
    a = attachments(network, [("a", 0, 0, 0)])
    b = attachments(network, [("b", 0, 10, 0)])
    assert travel_time.nearest(network, a, b)["impedance"].tolist() == [3 * 10**9]
    with pytest.raises(NetworkError, match="more than"):
        travel_time.table(network, a, b, impedance="time", cutoff=5, k=1)


def test_a_world_can_hold_all_of_it():
    """The made-up worlds would prove little if they were all trivial."""
    seen: set[str] = set()

    @given(worlds())
    def look(world: World) -> None:
        network = world.network
        if (network.tail == network.head).any():
            seen.add("loop")
        if (network.forward_ms < 0).any() or (network.backward_ms < 0).any():
            seen.add("one-way")
        if network.component_km.size > 1:
            seen.add("islands")
        ends = list(zip(network.tail.tolist(), network.head.tolist(), strict=True))
        if len(set(ends)) < len(ends):
            seen.add("parallel")
        shared = set(world.demand_at["edge_id"]) & set(world.site_at["edge_id"]) - {-1}
        if shared:
            seen.add("one edge")
        if (network.length_mm == 0).any():
            seen.add("zero")
        if world.site_at["point_id"].duplicated().any():
            seen.add("entrances")

    look()
    assert seen == {"loop", "one-way", "islands", "parallel", "one edge", "zero", "entrances"}

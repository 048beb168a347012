"""Four populations: coverage with seats against flows, and the laws of invariant 7."""

from __future__ import annotations

import dataclasses
import random as chance
from typing import Any

import geopandas as gpd
import networkx as nx
import numpy as np
import pandas as pd
import pytest
from builders import demand_table, membership_table, times_from, worlds
from hypothesis import given, settings
from hypothesis import strategies as st

from siting import coverage
from siting.coverage import Seats
from siting.errors import DataError, StudyError
from siting.evaluate import Service, evaluate
from siting.plan import Period, Plan, give_seats
from siting.rules import Rule
from siting.travel_time import TravelTimes

World = tuple[gpd.GeoDataFrame, pd.DataFrame, TravelTimes]
PARTS = ["covered", "no_seat", "out_of_reach", "not_assessed"]


def rule(low: int, more: int = 0) -> Rule:
    """A rule whose integer thresholds are ``low`` and ``low + more``."""
    return Rule(id="r", text_zh="r", text_en="r", source="test", status="assumed", unit="min",
                measure="time_min", low=low / 60_000, high=(low + more) / 60_000)  # fmt: skip


def counted(world: World, by: Rule, room: pd.Series[int] | None) -> pd.DataFrame:
    demand, membership, times = world
    sites = tuple(times.site_id)
    return coverage.cover(
        demand, membership, times.reach(sites), plan="p", service="s", rule=by,
        islands=times.islands(sites),
        seats=None if room is None else Seats(times, sites, room),
    )  # fmt: skip


def wide(world: World) -> World:
    """The same world with travel times that know every pair a loose end may ask for."""
    demand, membership, times = world
    matrix = pd.DataFrame(-1, index=list(times.demand_id), columns=list(times.site_id))
    for pair in times.frame().itertuples():
        matrix.loc[pair.demand_id, pair.site_id] = pair.impedance
    unattached = [i for i, there in zip(times.demand_id, times.attached, strict=True) if not there]
    return demand, membership, times_from(
        matrix, cutoff=100, access=np.maximum(times.access, 0).tolist(), unattached=unattached
    )  # fmt: skip


def rooms(world: World, data: st.DataObject) -> pd.Series[int]:
    sites = list(world[2].site_id)
    return pd.Series([data.draw(st.integers(0, 12)) for _ in sites], index=sites)


@settings(max_examples=50)
@given(worlds(max_demand=6, max_sites=4), st.integers(0, 10), st.integers(0, 3), st.data())
def test_the_four_populations_are_those_of_the_largest_flow(
    world: World, limit: int, more: int, data: st.DataObject
) -> None:
    world = wide(world)
    room = rooms(world, data)
    demand, membership, times = world
    by = rule(limit, more)
    # everybody in one zone, so that the whole town's flow is the zone's
    everywhere = membership.assign(zone_id="a").drop_duplicates(["demand_id", "zoning"])
    table = counted((demand, everywhere, times), by, room)
    plain = counted((demand, everywhere, times), by, None)
    reach = demand.set_index("demand_id")["population"]

    def most(threshold: int, *, without_access: bool = False) -> int:
        graph = nx.DiGraph()
        graph.add_nodes_from(["from", "to"])
        for home, n in reach.items():
            graph.add_edge("from", home, capacity=int(n))
        access = dict(zip(times.demand_id, times.access, strict=True))
        for pair in times.frame().itertuples():
            value = pair.impedance - (access[pair.demand_id] if without_access else 0)
            if value <= threshold:
                graph.add_edge(pair.demand_id, pair.site_id)
        for site, n in room.items():
            graph.add_edge(site, "to", capacity=int(n))
        return int(nx.maximum_flow_value(graph, "from", "to"))

    for zoning in ("townships", "units"):
        ours = table[table["zoning"] == zoning][[*PARTS, "covered_low", "covered_high"]].sum()
        without = plain[plain["zoning"] == zoning][PARTS].sum()
        assert ours["covered"] == most(limit)
        assert ours["covered"] + ours["no_seat"] == without["covered"]
        assert ours["out_of_reach"] == without["out_of_reach"]
        assert ours["not_assessed"] == without["not_assessed"]
        # the loose end seats as many as it can seat at all, the strict end no more than it can
        assert ours["covered_high"] == most(limit + more, without_access=True)
        assert ours["covered_low"] <= most(limit)


@settings(max_examples=50)
@given(worlds(), st.integers(0, 10), st.integers(0, 3), st.data())
def test_invariant_7_in_every_row_and_the_range_holds_the_headline(
    world: World, limit: int, more: int, data: st.DataObject
) -> None:
    world = wide(world)
    room = rooms(world, data)
    slow = Rule(id="v", text_zh="v", text_en="v", source="t", status="assumed", unit="kph",
                measure="speed_kph", value=5, low=3, high=6)  # fmt: skip
    demand, membership, times = world
    sites = tuple(times.site_id)
    for speed in (None, slow):
        table = coverage.cover(
            demand, membership, times.reach(sites), plan="p", service="s", rule=rule(limit, more),
            islands=times.islands(sites), speed=speed, seats=Seats(times, sites, room),
        )  # fmt: skip
        assert (table[PARTS].sum(axis=1) == table["persons"]).all()
        assert (table[PARTS] >= 0).all(axis=None)
        assert (table["covered_low"] <= table["covered"]).all()
        assert (table["covered"] <= table["covered_high"]).all()
        assert (table["covered_high"] <= table["persons"] - table["not_assessed"]).all()
        assert (table.groupby("zoning")["persons"].sum() == demand["population"].sum()).all()
        for column in (*PARTS, "covered_low", "covered_high"):
            assert table[column].dtype == np.int64


@settings(max_examples=40)
@given(worlds(), st.integers(0, 10), st.data(), st.randoms(use_true_random=False))
def test_no_order_of_rows_matters_and_unlimited_seats_are_none(
    world: World, limit: int, data: st.DataObject, random: chance.Random
) -> None:
    world = wide(world)
    room = rooms(world, data)
    demand, membership, times = world
    order = list(range(len(demand)))
    random.shuffle(order)
    first = counted(world, rule(limit), room)
    again = counted((demand.iloc[order], membership.iloc[::-1], times), rule(limit), room[::-1])
    pd.testing.assert_frame_equal(first, again)
    plenty = counted(world, rule(limit), room + 1_000)
    pd.testing.assert_frame_equal(plenty, counted(world, rule(limit), None))


def town(room: list[int | None]) -> tuple[dict[str, Any], Plan]:
    demand = demand_table([30, 20])
    matrix = pd.DataFrame({"S0": [5, 6], "S1": [50, 9]}, index=["D00", "D01"])
    service = Service(
        "school", (rule(10),), ("S0", "S1"), gpd.GeoDataFrame({"site_id": ["S0", "S1"]}),
        time=times_from(matrix),
        capacity=pd.Series(pd.array(room, dtype="Int64"), index=["S0", "S1"]),
    )  # fmt: skip
    asked = {
        "services": [service], "demand": demand, "zoning": "t",
        "membership": membership_table({"t": ["a", "b"]}),
    }  # fmt: skip
    return asked, Plan(name="today", periods=(Period(open={"school": ("S0", "S1")}),))


def test_indicators_and_zones_say_who_has_no_seat() -> None:
    asked, plan = town([25, 12])
    found = evaluate(plan, **asked)
    # D00 reaches S0 alone: 25 of 30; D01's 20 find 12 seats in S1
    assert found.coverage.set_index("zone_id")[["covered", "no_seat"]].T.to_dict("list") == {
        "a": [25, 5], "b": [12, 8],
    }  # fmt: skip
    row = found.indicators.iloc[0]
    assert (row["covered_persons"], row["no_seat_persons"]) == (37, 13)
    shut = Plan(name="shut", periods=(Period(open={"school": ("S0",)}),))
    row = evaluate(shut, **asked).indicators.iloc[0]
    # S1's people compete for S0 now; the nearer home has the seats
    assert (row["covered_persons"], row["no_seat_persons"], row["out_of_reach_persons"]) == (
        25, 25, 0,
    )  # fmt: skip


def test_invariant_13_an_open_site_without_capacity_is_refused_by_name() -> None:
    asked, plan = town([25, None])
    with pytest.raises(DataError, match=r"1 of 2 open sites have no capacity \(S1\)"):
        evaluate(plan, **asked)
    shut = Plan(name="shut", periods=(Period(open={"school": ("S0",)}),))
    assert evaluate(shut, **asked).indicators["no_seat_persons"].tolist() == [25]


def flow_of(world: World, limit: int, room: pd.Series[int]) -> int:
    """Return the most persons that find a seat, by networkx."""
    demand, _, times = world
    graph = nx.DiGraph()
    graph.add_nodes_from(["from", "to"])
    for home, n in demand.set_index("demand_id")["population"].items():
        graph.add_edge("from", home, capacity=int(n))
    for pair in times.frame().itertuples():
        if pair.impedance <= limit:
            graph.add_edge(pair.demand_id, pair.site_id)
    for site, n in room.items():
        graph.add_edge(site, "to", capacity=int(n))
    return int(nx.maximum_flow_value(graph, "from", "to"))


@settings(max_examples=40)
@given(worlds(max_demand=6, max_sites=4), st.integers(0, 10), st.data())
def test_a_plan_with_more_seats_never_serves_fewer(
    world: World, limit: int, data: st.DataObject
) -> None:
    world = wide(world)
    demand, membership, times = world
    room = rooms(world, data)
    sites = tuple(times.site_id)
    service = Service(
        "school", (rule(limit),), sites, gpd.GeoDataFrame({"site_id": list(sites)}),
        time=times, capacity=room.astype("Int64"),
    )  # fmt: skip
    everywhere = membership.assign(zone_id="a")
    today = Plan(name="today", periods=(Period(open={"school": sites}),))
    given_to = data.draw(st.lists(st.sampled_from(sites), unique=True, min_size=1))
    given = {site: data.draw(st.integers(0, 20)) for site in given_to}
    changed = give_seats(today, "school", given, name="changed")
    served = {
        plan.name: evaluate(
            plan, services=[service], demand=demand, membership=everywhere, zoning="units"
        ).indicators["covered_persons"].iloc[0]
        for plan in (today, changed)
    }  # fmt: skip
    after = room.copy()
    for site, n in given.items():
        after[site] = n
    assert served["today"] == flow_of(world, limit, room)
    assert served["changed"] == flow_of(world, limit, after)
    if (after >= room).all():
        assert served["changed"] >= served["today"]
    assert service.capacity is not None
    assert service.capacity.tolist() == room.tolist()


def test_a_plan_gives_a_site_the_seats_nobody_knew_and_none_where_none_count() -> None:
    asked, plan = town([25, None])
    told = give_seats(plan, "school", {"S1": 12}, name="told")
    assert evaluate(told, **asked).indicators["covered_persons"].tolist() == [37]
    (service,) = asked["services"]
    uncounted = asked | {"services": [dataclasses.replace(service, capacity=None)]}
    with pytest.raises(StudyError, match=r"plan told gives seats to 1 sites of school \(S1\)"):
        evaluate(told, **uncounted)

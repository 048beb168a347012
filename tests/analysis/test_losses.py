"""What each closure loses equals covering without the site; gaps tell missing roads apart."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from builders import CRS, demand_table, membership_table, times_from, worlds
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from shapely import Point, box

from siting import coverage
from siting.errors import StudyError
from siting.rules import Rule


def rule(value: float, *, measure: str = "network_m", judges: Any = ("urban", "village")) -> Rule:
    return Rule(
        id="r", text_zh="r", text_en="r", source="test", status="assumed", unit="m", value=value,
        measure=measure, judges=judges,
    )  # fmt: skip


def covered(
    world: Any, by: Rule, opened: list[str], sites: Any, existing: list[str],
    room: pd.Series | None = None,
) -> int:  # fmt: skip
    """People judged and covered in zoning ``units``, by the whole way round: cover()."""
    demand, membership, times = world
    table = coverage.cover(
        demand,
        membership,
        times.reach(opened),
        plan="p",
        service="s",
        rule=by,
        islands=times.islands(existing),
        straight=coverage.straight_mm(demand, sites, opened),
        seats=None if room is None else coverage.Seats(times, tuple(opened), room),
    )
    return int(table.loc[(table["zoning"] == "units") & table["judged"], "covered"].sum())


def places(sites: list[str], xy: Any) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame({"site_id": sites, "name": [f"n{s}" for s in sites]}, geometry=xy,
                            crs=CRS)  # fmt: skip


@settings(max_examples=60)
@given(worlds(), st.integers(0, 14), st.booleans(), st.booleans(), st.data())
def test_losses_equal_covering_without_each_site(
    world: Any, limit: int, radius: bool, seats: bool, data: st.DataObject
) -> None:
    demand, membership, times = world
    if radius:  # metres and millimetres of the network lie close together, so both bind
        demand = demand.set_geometry(demand.geometry.scale(0.001, 0.001, origin=(0, 0)))
        times = replace(times, impedance="length")
    world = (demand, membership, times)
    ids = list(times.site_id)
    unit = st.integers(0, 9).map(lambda n: n / 1_000)
    shapes = [
        Point(x, y) if data.draw(st.booleans()) else box(x, y, x + 0.002, y + 0.002)
        for x, y in data.draw(st.lists(st.tuples(unit, unit), min_size=len(ids), max_size=len(ids)))
    ]
    sites = places(ids, shapes)
    if seats:  # the loose end of cover() looks as much as an access leg farther
        limit = min(limit, times.cutoff - 3)
        assume(limit >= 0)
    by = rule(limit / 1_000, measure="straight_m" if radius else "network_m")
    opened = data.draw(st.lists(st.sampled_from(ids), unique=True, min_size=1))
    existing = sorted({*opened, *data.draw(st.lists(st.sampled_from(ids), unique=True))})
    room = None
    if seats:
        room = pd.Series([data.draw(st.integers(0, 12)) for _ in ids], index=ids)
    found = coverage.losses(
        demand, membership, times, zoning="units", service="s", rule=by, opened=opened,
        sites=sites, islands=times.islands(existing),
        seats=None if room is None else coverage.Seats(times, tuple(opened), room),
    ).set_index("site_id")  # fmt: skip
    now = covered(world, by, opened, sites, existing, room)
    assert found["covered_persons"].sum() == now
    assert sorted(found.index) == sorted(opened)
    for site in opened:
        left = covered(world, by, [s for s in opened if s != site], sites, existing, room)
        assert found.loc[site, "lost_persons"] == now - left
        assert found.loc[site, "name"] == f"n{site}"
    order = [(-row.lost_persons, row.Index) for row in found.itertuples()]
    assert order == sorted(order)
    assert found["rank"].tolist() == list(range(1, len(opened) + 1))


def test_a_home_that_two_sites_cover_is_lost_with_neither() -> None:
    matrix = pd.DataFrame({"A": [1, 1], "B": [1, 9]}, index=["D00", "D01"])
    demand = demand_table([100, 7])
    found = coverage.losses(
        demand, membership_table({"t": ["a", "a"]}), times_from(matrix, impedance="length"),
        zoning="t", service="s", rule=rule(0.005), opened=["A", "B"],
        sites=places(["A", "B"], [Point(0, 0)] * 2), islands=np.array([False, False]),
    )  # fmt: skip
    assert found[["site_id", "covered_persons", "lost_persons"]].values.tolist() == [
        ["A", 107, 7],
        ["B", 0, 0],
    ]
    with pytest.raises(StudyError, match="no zoning 'u'"):
        coverage.losses(
            demand, membership_table({"t": ["a", "a"]}), times_from(matrix, impedance="length"),
            zoning="u", service="s", rule=rule(0.005), opened=["A"],
            sites=places(["A", "B"], [Point(0, 0)] * 2), islands=np.array([False, False]),
        )  # fmt: skip


def test_seats_a_closure_takes_from_others() -> None:
    """Three homes of 10; A and B near all, C near D02 alone: 12 + 12 + 4 seats for 30 people."""
    matrix = pd.DataFrame({"A": [1, 2, 5], "B": [3, 1, 5], "C": [9, 9, 2]},
                          index=["D00", "D01", "D02"])  # fmt: skip
    times = times_from(matrix, impedance="length")
    room = pd.Series({"A": 12, "B": 12, "C": 4})
    args: dict[str, Any] = {
        "zoning": "t", "service": "s", "opened": ["A", "B", "C"],
        "sites": places(["A", "B", "C"], [Point(0, 0)] * 3), "islands": np.zeros(3, bool),
    }  # fmt: skip
    demand = demand_table([10, 10, 10])
    member = membership_table({"t": ["a", "a", "a"]})
    found = coverage.losses(demand, member, times, rule=rule(0.005),
                            seats=coverage.Seats(times, ("A", "B", "C"), room), **args)  # fmt: skip
    # 28 sit: D00 10 in A, D01 10 in B, D02 4 in C and 2 each in A and B
    assert found[["site_id", "covered_persons", "lost_persons"]].values.tolist() == [
        ["A", 12, 12],
        ["B", 12, 12],
        ["C", 4, 4],
    ]
    plain = coverage.losses(demand, member, times, rule=rule(0.005), **args)
    assert plain["lost_persons"].tolist() == [0, 0, 0]  # without seats another is near


@settings(max_examples=60)
@given(worlds(), st.integers(0, 12), st.data())
def test_persons_of_all_gaps_are_those_out_of_reach_and_without_a_seat(
    world: Any, limit: int, data: st.DataObject
) -> None:
    demand, membership, times = world
    limit = min(limit, times.cutoff - 3)
    assume(limit >= 0)
    ids = list(times.site_id)
    room = pd.Series([data.draw(st.integers(0, 12)) for _ in ids], index=ids)
    seats = coverage.Seats(times, tuple(ids), room)
    by, islands = rule(limit / 1_000), times.islands(ids)
    reach = times.reach(ids)
    line = pd.Series({i: data.draw(st.integers(-1, 16)) for i in demand["demand_id"]})
    args: dict[str, Any] = {"zoning": "units", "service": "s", "rule": by, "islands": islands}
    found = coverage.gaps(demand, membership, reach, link_m=2, crow=line, seats=seats, **args)
    told = coverage.cover(demand, membership, reach, plan="p", service="s", rule=by,
                          islands=islands, seats=seats)  # fmt: skip
    told = told[(told["zoning"] == "units") & told["judged"]]
    kinds = found.groupby("why")["persons"].sum().to_dict()
    assert kinds.get("no_seat", 0) == told["no_seat"].sum() == found["no_seat_persons"].sum()
    assert kinds.get("out_of_reach", 0) == told["out_of_reach"].sum()
    by_zone = found.groupby("zone_id")["persons"].sum()
    expected = (told["no_seat"] + told["out_of_reach"]).groupby(told["zone_id"]).sum()
    for zone, n in by_zone.items():
        assert n == expected[zone]
    parts = ["no_seat_persons", "missing_road_persons", "missing_facility_persons"]
    assert (found[parts].sum(axis=1) == found["persons"]).all()
    assert found["persons"].is_monotonic_decreasing
    # those out of reach are in the gaps they are in without seats
    plain = coverage.gaps(demand, membership, reach, link_m=2, crow=line, **args)
    out = found[found["why"] == "out_of_reach"]
    same = ["zone_id", "persons", "missing_road_persons", "n_points", "nearest_site_id"]
    assert out[same].values.tolist() == plain[same].values.tolist()
    assert (plain["no_seat_persons"] == 0).all()


def test_no_people_and_no_open_site_make_tables_that_say_so() -> None:
    matrix = pd.DataFrame({"A": [1]}, index=["D00"])
    times = times_from(matrix, impedance="length")
    args: dict[str, Any] = {
        "zoning": "t", "service": "s", "rule": rule(500, measure="straight_m"),
        "sites": places(["A"], [Point(0, 0)]), "islands": np.array([False]),
    }  # fmt: skip
    member = membership_table({"t": ["a"]})
    assert coverage.losses(demand_table([5]), member, times, opened=[], **args).empty
    found = coverage.losses(demand_table([0]), member, times, opened=["A"], **args)
    assert found["lost_persons"].tolist() == [0]


@settings(max_examples=60)
@given(worlds(), st.integers(0, 14), st.integers(0, 5), st.data())
def test_gaps_are_roads_or_facilities_and_nothing_else(
    world: Any, limit: int, link: int, data: st.DataObject
) -> None:
    demand, membership, times = world
    by = rule(limit / 1_000)
    line = {i: data.draw(st.integers(-1, 16)) for i in demand["demand_id"]}
    reach, islands = times.reach(list(times.site_id)), times.islands(list(times.site_id))
    args: dict[str, Any] = {
        "zoning": "units", "service": "s", "rule": by, "link_m": link, "islands": islands,
    }  # fmt: skip
    found = coverage.gaps(demand, membership, reach, crow=pd.Series(line), **args)
    both = found["missing_road_persons"] + found["missing_facility_persons"]
    assert (both == found["persons"]).all()
    judged = coverage.assess(demand, reach, rule=by, islands=islands)
    zone = membership[membership["zoning"] == "units"].set_index("demand_id")["zone_id"]
    roads = sum(
        row.persons
        for row in judged.itertuples()
        if row.assessed
        and not row.covered
        and zone[row.demand_id] != ""
        and row.settlement in by.judges
        and 0 <= line[row.demand_id] <= limit
    )
    assert found["missing_road_persons"].sum() == roads
    without = coverage.gaps(demand, membership, reach, **args)
    assert without["missing_road_persons"].isna().all()
    assert without["missing_facility_persons"].isna().all()
    same = [c for c in found.columns if not c.startswith("missing")]
    pd.testing.assert_frame_equal(pd.DataFrame(found[same]), pd.DataFrame(without[same]))


def test_a_river_makes_a_missing_road_and_distance_a_missing_facility() -> None:
    """300 m: one home 200 m across the river, 900 m by the bridge; one 400 m away on any way."""
    demand = demand_table([30, 12], xy=[(0, 0), (10, 0)])
    matrix = pd.DataFrame({"A": [900_000, 450_000]}, index=["D00", "D01"])
    times = times_from(matrix, impedance="length")
    found = coverage.gaps(
        demand, membership_table({"t": ["a", "a"]}), times.reach(["A"]), zoning="t", service="s",
        rule=rule(300), link_m=50, islands=np.array([False, False]),
        crow=pd.Series({"D00": 200_000, "D01": 400_000}),
    )  # fmt: skip
    columns = ["persons", "missing_road_persons", "missing_facility_persons"]
    assert found[columns].values.tolist() == [[42, 30, 12]]

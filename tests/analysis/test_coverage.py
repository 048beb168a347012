"""Coverage: counts by hand, the laws as properties, and a naive second implementation."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from builders import CRS, demand_table, membership_table, times_from, worlds
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import Point, box

from siting import coverage, rules
from siting.demand import spread_mm
from siting.errors import DataError, StudyError
from siting.rules import Rule
from siting.travel_time import TravelTimes

BOOK = rules.load()
World = tuple[gpd.GeoDataFrame, pd.DataFrame, TravelTimes]


def rule(**fields: Any) -> Rule:
    common = {"id": "r", "text_zh": "r", "text_en": "r", "source": "test", "status": "assumed"}
    return Rule(**{**common, "unit": "m", "measure": "network_m", **fields})


def thousandths(value: float, *, measure: str = "network_m", **fields: Any) -> Rule:
    """A rule whose integer threshold is ``value``: the worlds' impedances are single digits."""
    return rule(value=value / 1_000, measure=measure, **fields)


def counted(world: World, by: Rule, **changes: Any) -> pd.DataFrame:
    demand, membership, times = world
    return coverage.cover(
        demand,
        membership,
        times.reach(changes.pop("opened", list(times.site_id))),
        plan="p",
        service="s",
        rule=by,
        islands=times.islands(changes.pop("existing", list(times.site_id))),
        **changes,
    )


def naive(
    world: World,
    by: Rule,
    *,
    opened: list[str],
    existing: list[str],
    apart: dict[str, int] | None = None,
    times_leg: int = 1,
) -> dict[Any, Any]:
    """The same figures by plain loops over people, from the definitions."""
    demand, membership, times = world
    low, high = by.bounds
    result: dict[Any, dict[str, int]] = {}
    for row in membership.itertuples():
        at = list(times.demand_id).index(row.demand_id)
        person = demand[demand["demand_id"] == row.demand_id].iloc[0]
        pairs = range(times.indptr[at], times.indptr[at + 1])
        known = [times.value[p] for p in pairs if times.site_id[times.site[p]] in opened]
        can = any(times.reachable[at, s] for s, i in enumerate(times.site_id) if i in opened)
        could = any(times.reachable[at, s] for s, i in enumerate(times.site_id) if i in existing)
        best = min(known, default=None)
        key = (row.zoning, row.zone_id, person["settlement"])
        cell = result.setdefault(key, dict.fromkeys(coverage.COUNTS, 0))
        n = int(person["population"])
        cell["persons"] += n
        if not times.attached[at] or row.zone_id == "" or (not can and not could):
            cell["not_assessed"] += n
            continue
        within = best is not None and best <= by.strict * 1_000 + 1e-9
        cell["covered" if within else "out_of_reach"] += n
        off, leg = (apart or {}).get(row.demand_id, 0), times.access[at]
        cell["covered_low"] += n * (
            best is not None and best + off + (times_leg - 1) * leg <= low * 1_000 + 1e-9
        )
        cell["covered_high"] += n * (best is not None and best - off - leg <= high * 1_000 + 1e-9)
    return result


@settings(max_examples=50)
@given(worlds(), st.integers(0, 14), st.integers(0, 4), st.data())
def test_cover_equals_the_naive_count(
    world: World, low: int, more: int, data: st.DataObject
) -> None:
    sites = list(world[2].site_id)
    opened = data.draw(st.lists(st.sampled_from(sites), unique=True))
    existing = data.draw(st.lists(st.sampled_from(sites), unique=True))
    by = rule(low=low / 1_000, high=(low + more) / 1_000, judges=("urban",))
    table = counted(world, by, opened=opened, existing=existing)
    expected = naive(world, by, opened=opened, existing=existing)
    got = table.set_index(["zoning", "zone_id", "settlement"])[list(coverage.COUNTS)]
    assert {k: dict(v) for k, v in got.to_dict("index").items()} == expected
    assert (table["judged"] == (table["settlement"] == "urban")).all()


@settings(max_examples=50)
@given(worlds(), st.integers(0, 14), st.integers(0, 4), st.integers(1, 3), st.data())
def test_spread_and_longer_legs_widen_the_range_as_plain_loops_say(
    world: World, low: int, more: int, times_leg: int, data: st.DataObject
) -> None:
    demand, _, times = world
    sites = list(times.site_id)
    apart = {i: data.draw(st.integers(0, 4)) for i in demand["demand_id"]}
    by = rule(low=low / 1_000, high=(low + more) / 1_000)
    leg = rule(id="leg", value=times_leg, unit="factor", measure="factor")
    table = counted(world, by, spread=pd.Series(apart), leg=leg)
    expected = naive(
        world, by, opened=sites, existing=sites, apart=apart, times_leg=times_leg
    )  # fmt: skip
    keys = ["zoning", "zone_id", "settlement"]
    got = table.set_index(keys)[list(coverage.COUNTS)]
    assert {k: dict(v) for k, v in got.to_dict("index").items()} == expected
    plain = counted(world, by)
    same = ["persons", "covered", "out_of_reach", "not_assessed"]
    assert table[same].equals(plain[same])  # the headline does not move
    assert (table["covered_low"] <= plain["covered_low"]).all()
    assert (table["covered_high"] >= plain["covered_high"]).all()


@settings(max_examples=60)
@given(
    st.lists(st.tuples(st.integers(0, 900), st.integers(0, 900)), min_size=1, max_size=6),
    st.lists(st.tuples(st.integers(0, 900), st.integers(0, 900)), min_size=1, max_size=3),
    st.integers(0, 300),
    st.integers(0, 400),
    st.data(),
)
def test_wherever_people_live_on_their_land_the_range_holds_the_truth(
    homes: list[tuple[int, int]],
    clinics: list[tuple[int, int]],
    side: int,
    limit: int,
    data: st.DataObject,
) -> None:
    """On open ground, people put anywhere in the square their point is the middle of."""
    demand = demand_table([1] * len(homes), xy=homes).assign(area_m2=float(side**2))
    metres = [[np.hypot(x - a, y - b) for a, b in clinics] for x, y in homes]
    matrix = pd.DataFrame(
        np.rint(np.array(metres) * 1_000).astype(int),
        index=list(demand["demand_id"]), columns=[f"S{j}" for j in range(len(clinics))],
    )  # fmt: skip
    times = times_from(matrix, impedance="length")
    world = (demand, membership_table({"t": ["a"] * len(homes)}), times)
    table = counted(world, rule(value=limit), spread=spread_mm(demand))
    step = st.floats(-side / 2, side / 2)
    lived = [(x + data.draw(step), y + data.draw(step)) for x, y in homes]
    near = [min(np.hypot(x - a, y - b) for a, b in clinics) for x, y in lived]
    tolerance = 0.002  # points and land are rounded to the millimetre
    assert table["covered_low"].sum() <= sum(n <= limit + tolerance for n in near)
    assert table["covered_high"].sum() >= sum(n <= limit - tolerance for n in near)


@settings(max_examples=50)
@given(worlds(), st.integers(0, 14))
def test_invariant_7_the_parts_are_the_whole_in_every_zoning(world: World, limit: int) -> None:
    table = counted(world, thousandths(limit))
    parts = table[["covered", "no_seat", "out_of_reach", "not_assessed"]]
    assert (parts.sum(axis=1) == table["persons"]).all()
    assert (parts >= 0).all(axis=None)
    totals = table.groupby("zoning")["persons"].sum()
    assert (totals == world[0]["population"].sum()).all()
    outside = table[table["zone_id"] == ""]
    assert (outside["not_assessed"] == outside["persons"]).all()
    for column in coverage.COUNTS:
        assert table[column].dtype == np.int64


@settings(max_examples=50)
@given(worlds(), st.integers(0, 14), st.integers(0, 6), st.integers(0, 4))
def test_invariant_16_the_range_holds_the_headline(
    world: World, limit: int, below: int, above: int
) -> None:
    speed = rule(id="v", value=5, low=5 - min(below, 4), high=5 + above, unit="kph",
                 measure="speed_kph")  # fmt: skip
    for by in (
        rule(value=limit / 60_000, unit="min", measure="time_min"),
        rule(low=limit / 60_000, high=(limit + above) / 60_000, unit="min", measure="time_min"),
    ):
        table = counted(world, by, speed=speed)
        assert (table["covered_low"] <= table["covered"]).all()
        assert (table["covered"] <= table["covered_high"]).all()
        assert (table["covered_high"] <= table["persons"] - table["not_assessed"]).all()


@settings(max_examples=50)
@given(worlds(), st.integers(0, 14), st.data())
def test_more_sites_or_a_larger_threshold_never_cover_fewer(
    world: World, limit: int, data: st.DataObject
) -> None:
    sites = list(world[2].site_id)
    few = data.draw(st.lists(st.sampled_from(sites), unique=True))
    many = sorted({*few, *data.draw(st.lists(st.sampled_from(sites)))})
    existing = data.draw(st.lists(st.sampled_from(sites), unique=True))
    less = counted(world, thousandths(limit), opened=few, existing=existing)
    more = counted(world, thousandths(limit), opened=many, existing=existing)
    wider = counted(world, thousandths(limit + 1), opened=few, existing=existing)
    for column in ("covered", "covered_low", "covered_high"):
        assert (more[column] >= less[column]).all()
        assert (wider[column] >= less[column]).all()
    assert (more["not_assessed"] <= less["not_assessed"]).all()


@settings(max_examples=50)
@given(worlds(), st.integers(0, 8))
def test_zones_looked_up_once_are_the_zones_looked_up_each_time(world: World, limit: int) -> None:
    demand, membership, times = world
    known = coverage.members(demand["demand_id"], membership)
    reach = times.reach(list(times.site_id))
    args: dict[str, Any] = {
        "plan": "p",
        "service": "s",
        "rule": thousandths(limit),
        "islands": np.zeros(len(demand), dtype=bool),
    }
    pd.testing.assert_frame_equal(
        coverage.cover(demand, known, reach, **args),
        coverage.cover(demand, membership, reach, **args),
    )
    for zoning, rows in membership.groupby("zoning"):
        zone_id = rows.set_index("demand_id")["zone_id"]
        assert known.of(str(zoning)).tolist() == zone_id[demand["demand_id"]].tolist()


@settings(max_examples=50)
@given(worlds(), st.integers(0, 14), st.randoms(use_true_random=False))
def test_row_order_does_not_matter_and_nothing_is_changed(
    world: World, limit: int, random: Any
) -> None:
    demand, membership, times = world
    order = list(range(len(demand)))
    random.shuffle(order)
    reach = times.reach(list(times.site_id))
    islands = pd.Series(times.islands(list(times.site_id)), index=reach.index)
    copies = [t.copy(deep=True) for t in (demand, membership, reach, islands)]
    args: dict[str, Any] = {"plan": "p", "service": "s", "rule": thousandths(limit)}
    first = coverage.cover(demand, membership, reach, islands=islands, **args)
    again = coverage.cover(
        demand.iloc[order], membership.iloc[::-1], reach.iloc[::-1], islands=islands, **args
    )
    pd.testing.assert_frame_equal(first, again)
    for before, after in zip(copies, (demand, membership, reach, islands), strict=True):
        assert before.equals(after)
    linked = coverage.gaps(demand, membership, reach, islands=islands, zoning="townships",
                           service="s", rule=thousandths(limit), link_m=2)  # fmt: skip
    turned = coverage.gaps(demand.iloc[order], membership, reach.iloc[::-1], islands=islands,
                           zoning="townships", service="s", rule=thousandths(limit),
                           link_m=2)  # fmt: skip
    pd.testing.assert_frame_equal(linked, turned)


@settings(max_examples=50)
@given(worlds(), st.integers(0, 14), st.integers(0, 5))
def test_gaps_are_the_out_of_reach_people_and_their_places_are_connected(
    world: World, limit: int, link: int
) -> None:
    demand, membership, times = world
    by = thousandths(limit, judges=("urban", "village"))
    reach = times.reach(list(times.site_id))
    islands = times.islands(list(times.site_id))
    found = coverage.gaps(demand, membership, reach, zoning="units", service="s", rule=by,
                          link_m=link, islands=islands)  # fmt: skip
    table = counted(world, by)
    due = table[(table["zoning"] == "units") & table["judged"]]["out_of_reach"].sum()
    assert found["persons"].sum() == due
    assert found["persons"].is_monotonic_decreasing
    # a second way to the places: grow each one from a point until nothing is near
    judged = coverage.assess(demand, reach, rule=by, islands=islands)
    zone = membership[membership["zoning"] == "units"].set_index("demand_id")["zone_id"]
    keep = (
        judged["assessed"] & ~judged["covered"] & (judged["persons"] > 0)
        & (zone.loc[judged["demand_id"]] != "").to_numpy()
        & judged["settlement"].isin(by.judges)
    ).to_numpy()  # fmt: skip
    left = set(np.flatnonzero(keep))
    of = zone.loc[judged["demand_id"]].to_numpy()
    places = []
    while left:
        place, edge = set(), {left.pop()}
        while edge:
            at = edge.pop()
            place.add(at)
            near = {
                o
                for o in left
                if of[o] == of[at]
                and demand.geometry.iat[o].distance(demand.geometry.iat[at]) <= link
            }
            left -= near
            edge |= near
        places.append((int(judged["persons"].iloc[sorted(place)].sum()), len(place)))
    assert sorted(places) == sorted(zip(found["persons"], found["n_points"], strict=True))


def test_invariant_6_exactly_at_the_threshold_is_covered() -> None:
    matrix = pd.DataFrame({"S": [300_000, 300_001, 299_999]}, index=["D00", "D01", "D02"])
    times = times_from(matrix, impedance="length")
    world = (demand_table([1, 10, 100]), membership_table({"t": ["a"] * 3}), times)
    assert counted(world, BOOK["circle_5min"])["covered"].tolist() == [101]


def test_closing_the_last_school_of_an_island_makes_children_out_of_reach() -> None:
    matrix = pd.DataFrame({"S1": [5, -1], "S2": [-1, 6]}, index=["D00", "D01"])
    times = times_from(matrix, components=[0, 1], site_components=[(0,), (1,)])
    world = (demand_table([3, 4]), membership_table({"t": ["a", "a"]}), times)
    closed = counted(world, thousandths(10), opened=["S1"], existing=["S1", "S2"]).iloc[0]
    assert (closed["covered"], closed["out_of_reach"], closed["not_assessed"]) == (3, 4, 0)
    never = counted(world, thousandths(10), opened=["S1"], existing=["S1"]).iloc[0]
    assert (never["covered"], never["out_of_reach"], never["not_assessed"]) == (3, 0, 4)
    opened = counted(world, thousandths(10), opened=["S1", "S2"], existing=["S1"]).iloc[0]
    assert (opened["covered"], opened["out_of_reach"], opened["not_assessed"]) == (7, 0, 0)


@settings(max_examples=50)
@given(
    st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), min_size=1, max_size=8),
    st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), min_size=1, max_size=3),
    st.integers(0, 60),
    st.data(),
)
def test_on_the_network_a_radius_never_covers_more_than_the_straight_line(
    homes: list[tuple[int, int]], schools: list[tuple[int, int]], radius: int, data: st.DataObject
) -> None:
    demand = demand_table([1] * len(homes), xy=homes)
    shapes = [
        box(x, y, x + 5, y + 5) if data.draw(st.booleans()) else Point(x, y) for x, y in schools
    ]
    sites = gpd.GeoDataFrame(
        {"site_id": [f"S{i}" for i in range(len(schools))]}, geometry=shapes, crs=CRS
    )
    # network lengths drawn at will, even shorter than the straight line (a gate drawn outside)
    matrix = pd.DataFrame(
        [[data.draw(st.integers(0, 90_000)) for _ in schools] for _ in homes],
        index=list(demand["demand_id"]), columns=list(sites["site_id"]),
    )  # fmt: skip
    times = times_from(matrix, impedance="length", access=[0] * len(homes))
    line = coverage.straight_mm(demand, sites, list(sites["site_id"]))
    assert line.tolist() == [
        round(min(s.distance(Point(h)) for s in shapes) * 1_000) for h in homes
    ]
    table = counted(
        (demand, membership_table({"t": ["a"] * len(homes)}), times),
        rule(value=radius, measure="straight_m"),
        straight=line,
    )
    for column in ("covered_low", "covered", "covered_high"):
        assert (table[column] <= table["covered_straight"]).all()
    assert table["covered_straight"].sum() == (line <= radius * 1_000).sum()


def test_straight_lines_are_missing_where_nothing_is_open_or_the_rule_is_no_radius() -> None:
    demand = demand_table([1])
    sites = gpd.GeoDataFrame({"site_id": ["S"]}, geometry=[Point(0, 0)], crs=CRS)
    assert coverage.straight_mm(demand, sites, []).tolist() == [-1]
    times = times_from(pd.DataFrame({"S": [1]}, index=["D00"]), impedance="length")
    world = (demand, membership_table({"t": ["a"]}), times)
    assert counted(world, BOOK["circle_5min"])["covered_straight"].isna().all()
    with pytest.raises(DataError, match=r"radius.*straight_mm"):
        counted(world, BOOK["primary.radius"])
    with pytest.raises(DataError, match="CRS"):
        coverage.straight_mm(demand, sites.set_crs("EPSG:32650", allow_override=True), ["S"])


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("circle_5min", (300_000, 300_000, 300_000)),
        ("circle_15min", (800_000, 800_000, 1_000_000)),
        ("primary.radius", (500_000, 500_000, 500_000)),
        ("clinic.walk_30min", (1_800_000, 1_700_000, 2_500_000)),
    ],
)
def test_thresholds_by_hand(name: str, expected: tuple[int, int, int]) -> None:
    found = coverage.thresholds(BOOK[name], speed=BOOK["walk.speed"])
    assert (found.judged, found.low, found.high) == expected


def test_rules_that_are_no_distance_and_speeds_that_contradict_themselves() -> None:
    with pytest.raises(StudyError, match=r"green\.target_rate measures share"):
        coverage.thresholds(BOOK["green.target_rate"])
    speed = rule(id="v", value=9, low=3, high=5, unit="kph", measure="speed_kph")
    with pytest.raises(StudyError, match="rule v: the value 9"):
        coverage.thresholds(BOOK["clinic.walk_30min"], speed=speed)


# persons, covered, not assessed, low, high, target → verdict, why
VERDICTS = [
    (100, 80, 0, 80, 80, 0.8, "pass", ""),
    (100, 79, 0, 79, 79, 0.8, "fail", ""),
    (100, 85, 0, 79, 90, 0.8, "not_robust", ""),
    (100, 70, 0, 60, 80, 0.8, "not_robust", ""),
    (100, 79, 5, 79, 79, 0.8, "not_robust", ""),  # all five might be covered
    (100, 70, 6, 70, 70, 0.8, "not_judged", "not_assessed"),
    (0, 0, 0, 0, 0, 0.8, "not_judged", "no_persons"),
    (100, 100, 0, 100, 100, 1.0, "pass", ""),
]


def one_row(**fields: Any) -> pd.DataFrame:
    row = {
        "plan": "p", "zoning": "t", "zone_id": "a", "settlement": "urban", "service": "s",
        "rule_id": "r", "judged": True, "no_seat": 0, "covered_straight": pd.NA, **fields,
    }  # fmt: skip
    row["out_of_reach"] = row["persons"] - row["covered"] - row["not_assessed"]
    return pd.DataFrame([row]).astype({"covered_straight": "Int64"})


@pytest.mark.parametrize(
    ("persons", "covered", "missing", "low", "high", "target", "verdict", "why"), VERDICTS
)
def test_verdicts_by_hand(
    persons: int, covered: int, missing: int, low: int, high: int, target: float,
    verdict: str, why: str,
) -> None:  # fmt: skip
    table = one_row(persons=persons, covered=covered, not_assessed=missing,
                    covered_low=low, covered_high=high)  # fmt: skip
    goal = rule(id="t", value=target, unit="share", measure="share")
    found = coverage.summary(table, max_not_assessed=0.05, target=goal).iloc[0]
    assert (found["verdict"], found["why"]) == (verdict, why)
    if persons:
        assert found["covered_share"] == covered / persons
        assert found["covered_share_assessed"] == covered / (persons - missing)
        assert found["share_low"] == low / persons
        assert found["share_high"] == (high + missing) / persons
    else:
        assert np.isnan(found["covered_share"])


def test_people_whom_the_rule_does_not_judge_stay_apart() -> None:
    urban = one_row(persons=10, covered=9, not_assessed=0, covered_low=9, covered_high=9)
    village = one_row(persons=99, covered=0, not_assessed=0, covered_low=0, covered_high=0,
                      settlement="village", judged=False)  # fmt: skip
    goal = rule(id="t", value=0.8, unit="share", measure="share")
    table = coverage.summary(pd.concat([urban, village]), max_not_assessed=0.05, target=goal)
    assert table["judged"].tolist() == [False, True]
    assert table["verdict"].tolist() == ["not_judged", "pass"]
    assert table["why"].tolist() == ["settlement", ""]
    no_goal = coverage.summary(urban, max_not_assessed=0.05)
    assert no_goal["why"].tolist() == ["no_target"]


def test_people_are_not_counted_twice_over_zonings_or_rules() -> None:
    row = one_row(persons=10, covered=9, not_assessed=0, covered_low=9, covered_high=9)
    two = pd.concat([row, row.assign(zoning="other", rule_id="q")])
    with pytest.raises(DataError, match="several of zoning, rule_id"):
        coverage.summary(two, max_not_assessed=0.05, by=("plan", "service"))
    assert len(coverage.summary(two, max_not_assessed=0.05)) == 2


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda d, m, r: (d.assign(population=[1.5, 2.0]), m, r), r"not whole numbers.*|D00"),
        (lambda d, m, r: (d.assign(population=[-1, 2]), m, r), "not whole numbers"),
        (lambda d, m, r: (d.assign(population=[np.nan, 2]), m, r), "not whole numbers"),
        (lambda d, m, r: (d.assign(demand_id=["D00", "D00"]), m, r), "repeat"),
        (lambda d, m, r: (d, m, r.iloc[:1]), r"reach: 1 of 2 demand points have no row \(D01\)"),
        (lambda d, m, r: (d, m, pd.concat([r, r])), "reach: 2 ids repeat"),
        (lambda d, m, r: (d, m, r.assign(state="lost")), "unknown states: lost"),
        (lambda d, m, r: (d, m.iloc[:1], r), r"no row in zoning 't' \(D01\)"),
        (lambda d, m, r: (d, pd.concat([m, m]), r), "two zones of one zoning"),
        (lambda d, m, r: (d, m.iloc[:0], r), "membership: empty"),
        (lambda d, m, r: (d, m.assign(zone_id=["a", None]), r), r"1 rows have no zone_id \(D01\)"),
        (lambda d, m, r: (d, coverage.members(d["demand_id"][::-1], m), r), "for other points"),
    ],
)
def test_tables_that_do_not_fit_are_named_with_rows_and_a_mend(spoil: Any, says: str) -> None:
    demand, membership = demand_table([1, 2]), membership_table({"t": ["a", "a"]})
    times = times_from(pd.DataFrame({"S": [1, 2]}, index=["D00", "D01"]), impedance="length")
    demand, membership, reach = spoil(demand, membership, times.reach(["S"]))
    with pytest.raises(DataError, match=says):
        coverage.cover(demand, membership, reach, plan="p", service="s",
                       rule=BOOK["circle_5min"],
                       islands=pd.Series(False, index=["D00", "D01"]))  # fmt: skip


def test_islands_and_zonings_that_do_not_fit() -> None:
    demand, membership = demand_table([1]), membership_table({"t": ["a"]})
    reach = times_from(pd.DataFrame({"S": [1]}, index=["D00"]), impedance="length").reach(["S"])
    args: dict[str, Any] = {"service": "s", "rule": BOOK["circle_5min"]}
    with pytest.raises(DataError, match="2 values for 1 rows"):
        coverage.cover(demand, membership, reach, plan="p", islands=np.array([True, False]), **args)
    with pytest.raises(StudyError, match=r"no zoning 'x'; there are t"):
        coverage.gaps(demand, membership, reach, zoning="x", link_m=1,
                      islands=np.array([False]), **args)  # fmt: skip
    with pytest.raises(StudyError, match="link_m is nan"):
        coverage.gaps(demand, membership, reach, zoning="t", link_m=float("nan"),
                      islands=np.array([False]), **args)  # fmt: skip

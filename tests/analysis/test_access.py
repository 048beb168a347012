"""Floating catchments: by hand, against PySAL access and plain loops, and their laws."""

from __future__ import annotations

import math
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from access import fca, weights
from builders import membership_table, times_from, worlds
from hypothesis import given, settings
from hypothesis import strategies as st

from siting import access
from siting.errors import DataError, StudyError
from siting.travel_time import TravelTimes

World = tuple[gpd.GeoDataFrame, pd.DataFrame, TravelTimes]
FALLING = [(1.0,), (1.0, 0.68, 0.22), (1.0, 0.5), (0.9, 0.9, 0.1, 0.1)]


@st.composite
def supplied(draw: st.DrawFn, *, least: int = 0) -> tuple[World, pd.Series, pd.Series, int]:
    """A world, supply of some of its sites, persons, and a catchment within the cutoff."""
    demand, membership, times = draw(worlds())
    opened = draw(st.lists(st.sampled_from(list(times.site_id)), unique=True, min_size=1))
    supply = pd.Series({s: draw(st.integers(least, 9)) for s in opened}, dtype="int64")
    persons = pd.Series(
        {i: draw(st.integers(least, 9)) for i in demand["demand_id"]}, dtype="int64"
    )
    return (demand, membership, times), supply, persons, draw(st.integers(0, times.cutoff))


def cut(catchment: int, weight: Any) -> tuple[access.Band, ...]:
    """Bands, or the plain catchment where it is too short for so many."""
    return access.bands(max(catchment, len(weight)), weight)


def within_cutoff(times: TravelTimes, catchment: int, weight: Any) -> bool:
    return max(catchment, len(weight)) <= times.cutoff


@settings(max_examples=80)
@given(supplied(least=1), st.sampled_from(FALLING))
def test_it_equals_pysal_access(world: Any, weight: tuple[float, ...]) -> None:
    (_, _, times), supply, persons, catchment = world
    if not within_cutoff(times, catchment, weight):
        return
    bands = cut(catchment, weight)
    found = access.floating_catchment(times, supply, persons, bands=bands)
    pairs = times.frame()
    pairs = pairs[pairs["site_id"].isin(supply.index)]
    if not (pairs["impedance"] <= bands[-1].threshold).any():
        assert not found.points["per_1000"].fillna(0).any()
        return
    expected = fca.two_stage_fca(
        persons.to_frame("persons"),
        supply.to_frame("supply"),
        pairs,
        max_cost=bands[-1].threshold,
        demand_index=True,
        demand_name="persons",
        supply_index=True,
        supply_name="supply",
        cost_origin="demand_id",
        cost_dest="site_id",
        cost_name="impedance",
        weight_fn=weights.step_fn({b.threshold: b.weight for b in bands}),
    )
    mine = found.points.set_index("demand_id")["per_1000"]
    assert set(expected.index) <= set(mine.index[mine.notna()])
    np.testing.assert_allclose(
        mine.fillna(0.0), 1_000 * expected.reindex(mine.index).fillna(0.0), rtol=1e-12, atol=0
    )


def naive(
    times: TravelTimes, supply: pd.Series, persons: pd.Series, bands: Any
) -> tuple[dict[str, float], dict[str, float]]:
    """The definition, by loops over people and sites."""

    def weight(impedance: int) -> float:
        return next((b.weight for b in bands if impedance <= b.threshold), 0.0)

    pairs = list(times.frame().itertuples(index=False))
    load = {
        site: math.fsum(
            int(persons[p.demand_id]) * weight(p.impedance) for p in pairs if p.site_id == site
        )
        for site in supply.index
    }
    reach: dict[str, float] = {}
    for home in times.demand_id:
        parts = [
            1_000 * int(supply[p.site_id]) / load[p.site_id] * weight(p.impedance)
            for p in pairs
            if p.demand_id == home and p.site_id in load and load[p.site_id]
        ]
        reach[home] = math.fsum(parts)
    return load, reach


@settings(max_examples=80)
@given(supplied(), st.sampled_from(FALLING), st.data())
def test_it_equals_plain_loops(world: Any, weight: tuple[float, ...], data: Any) -> None:
    (_, _, times), supply, persons, catchment = world
    if not within_cutoff(times, catchment, weight):
        return
    bands = cut(catchment, weight)
    existing = data.draw(st.lists(st.sampled_from(list(times.site_id)), unique=True))
    islands = times.islands(existing)
    found = access.floating_catchment(times, supply, persons, bands=bands, islands=islands)
    load, reach = naive(times, supply, persons, bands)
    sites = found.sites.set_index("site_id")
    assert sorted(sites.index) == sorted(supply.index)
    for site, served in load.items():
        assert sites.loc[site, "supply"] == supply[site]
        assert sites.loc[site, "demand_persons"] == pytest.approx(served, rel=1e-12)
        assert sites.loc[site, "reached"] == (served > 0)
        assert math.isnan(sites.loc[site, "per_1000"]) == (served == 0)
    assert found.supply == supply.sum()
    assert found.unreached == sum(supply[s] for s, n in load.items() if n == 0)
    for row in found.points.itertuples():
        at = list(times.demand_id).index(row.demand_id)
        opened = times.reachable[at, [s in supply.index for s in times.site_id]].any()
        known = times.attached[at] and (opened or not islands[at])
        assert row.assessed == known
        if known:
            assert row.per_1000 == pytest.approx(reach[row.demand_id], rel=1e-12)
        else:
            assert math.isnan(row.per_1000)


@settings(max_examples=60)
@given(supplied(), st.sampled_from(FALLING))
def test_supply_is_kept_at_homes_and_in_every_zoning(world: Any, weight: tuple[float, ...]) -> None:
    (_, membership, times), supply, persons, catchment = world
    if not within_cutoff(times, catchment, weight):
        return
    found = access.floating_catchment(times, supply, persons, bands=cut(catchment, weight))
    points = found.points
    reached = found.supply - found.unreached
    assert (points["persons"] * points["per_1000"]).sum() / 1_000 == pytest.approx(reached)
    zones = access.by_zone(points, membership)
    counted = (zones["persons"] - zones["not_assessed"]) * zones["per_1000"]
    for total in counted.fillna(0).groupby(zones["zoning"]).sum() / 1_000:
        assert total == pytest.approx(reached)
    assert (zones.groupby("zoning")["persons"].sum() == persons.sum()).all()


@settings(max_examples=60)
@given(supplied(), st.sampled_from(FALLING), st.integers(2, 7))
def test_scale(world: Any, weight: tuple[float, ...], times_more: int) -> None:
    (_, _, times), supply, persons, catchment = world
    if not within_cutoff(times, catchment, weight):
        return
    bands = cut(catchment, weight)

    def per_1000(s: pd.Series, p: pd.Series, b: Any = bands) -> pd.Series:
        return access.floating_catchment(times, s, p, bands=b).points["per_1000"]

    once = per_1000(supply, persons)
    np.testing.assert_allclose(per_1000(supply * times_more, persons), once * times_more)
    np.testing.assert_allclose(per_1000(supply, persons * times_more), once / times_more)
    np.testing.assert_allclose(per_1000(supply * times_more, persons * times_more), once)
    half = [b._replace(weight=b.weight / 2) for b in bands]  # both steps have the weight once
    np.testing.assert_allclose(per_1000(supply, persons, half), once)


@settings(max_examples=60)
@given(supplied(), st.integers(1, 5))
def test_weights_of_one_make_the_plain_catchment(world: Any, n: int) -> None:
    (_, _, times), supply, persons, catchment = world
    if not n <= catchment:
        return
    plain = access.floating_catchment(times, supply, persons, bands=access.bands(catchment))
    banded = access.floating_catchment(
        times, supply, persons, bands=access.bands(catchment, (1.0,) * n)
    )
    pd.testing.assert_frame_equal(plain.points, banded.points)
    pd.testing.assert_frame_equal(plain.sites, banded.sites)


@settings(max_examples=60)
@given(supplied(), st.sampled_from(FALLING), st.randoms(use_true_random=False))
def test_order_does_not_matter_and_nothing_is_changed(
    world: Any, weight: tuple[float, ...], random: Any
) -> None:
    (demand, membership, times), supply, persons, catchment = world
    if not within_cutoff(times, catchment, weight):
        return
    bands = cut(catchment, weight)
    order = list(range(len(demand)))
    random.shuffle(order)
    matrix = pd.DataFrame(-1, index=list(times.demand_id), columns=list(times.site_id))
    for pair in times.frame().itertuples():
        matrix.loc[pair.demand_id, pair.site_id] = pair.impedance
    off = [i for i, on in zip(times.demand_id, times.attached, strict=True) if not on]
    straight, turned = (
        times_from(m, cutoff=times.cutoff, unattached=off) for m in (matrix, matrix.iloc[order])
    )
    copies = supply.copy(), persons.copy(), membership.copy()
    first = access.floating_catchment(straight, supply, persons, bands=bands)
    again = access.floating_catchment(turned, supply[::-1], persons[::-1], bands=bands)
    pd.testing.assert_frame_equal(
        first.points.sort_values("demand_id", ignore_index=True),
        again.points.sort_values("demand_id", ignore_index=True),
        check_exact=True,
    )
    pd.testing.assert_frame_equal(first.sites, again.sites, check_exact=True)
    pd.testing.assert_frame_equal(
        access.by_zone(first.points, membership),
        access.by_zone(again.points, membership.iloc[::-1]),
        check_exact=True,
    )
    for before, after in zip(copies, (supply, persons, membership), strict=True):
        assert before.equals(after)


def test_by_hand_with_a_site_that_nobody_reaches_and_a_home_that_is_not_assessed() -> None:
    """1,000 and 3,000 persons share 8 beds; 2,000 of them have 4 more; 6 beds are out of reach."""
    matrix = pd.DataFrame(
        {"A": [10, 20, 90, -1], "B": [90, 20, 90, -1], "C": [90, 90, 70, -1]},
        index=["D00", "D01", "D02", "D03"],
    )
    times = times_from(matrix, cutoff=100)
    people = pd.Series({"D00": 2_000, "D01": 2_000, "D02": 0, "D03": 500})
    beds = pd.Series({"A": 8, "B": 4, "C": 6})
    found = access.floating_catchment(
        times, beds, people, bands=access.bands(70), islands=times.islands(["A", "B", "C"])
    )
    # A: 8 / 4,000; B: 4 / 2,000; D02 has nobody who could count, and C therefore none
    assert found.sites["per_1000"].tolist()[:2] == [2.0, 2.0]
    assert found.sites["reached"].tolist() == [True, True, False]
    assert (found.supply, found.unreached) == (18, 6)
    assert found.points["per_1000"].tolist()[:3] == [2.0, 4.0, 0.0]
    assert found.points["assessed"].tolist() == [True, True, True, False]
    zones = access.by_zone(found.points, membership_table({"t": ["a", "a", "b", ""]}))
    assert zones["per_1000"].tolist()[1:2] == [3.0]
    assert zones["per_1000"].isna().tolist() == [True, False, True]
    assert zones["not_assessed"].tolist() == [500, 0, 0]


def test_unknown_capacity_is_refused_by_name() -> None:
    offers = pd.DataFrame(
        {
            "site_id": ["S1", "S1", "S2", "S3", "S4"],
            "service": ["school"] * 4 + ["shop"],
            "capacity": pd.array([10, 5, pd.NA, 0, 9], dtype="Int64"),
        }
    )
    assert access.supply_of(offers, "school", ["S3", "S1"]).to_dict() == {"S1": 15, "S3": 0}
    with pytest.raises(
        DataError, match=r"services\.school: 2 of 3 open sites have no capacity.*S2, S4"
    ):
        access.supply_of(offers, "school", ["S1", "S2", "S4"])
    with pytest.raises(DataError, match="capacity"):
        access.supply_of(offers.drop(columns="capacity"), "school", ["S1"])


def test_what_cannot_be_drawn_is_refused() -> None:
    times = times_from(pd.DataFrame({"S": [1]}, index=["D00"]), cutoff=10)
    beds, people = pd.Series({"S": 1}), pd.Series({"D00": 1})
    with pytest.raises(StudyError, match="cutoff=11"):
        access.floating_catchment(times, beds, people, bands=access.bands(11))
    for wrong in ((), (0.0,), (1.1,), (0.5, 0.6)):
        with pytest.raises(StudyError, match="weights"):
            access.bands(10, wrong)
    with pytest.raises(StudyError, match="cannot be cut"):
        access.bands(1, (1.0, 0.5))
    with pytest.raises(DataError, match=r"not in the travel times.*T"):
        access.floating_catchment(times, pd.Series({"T": 1}), people, bands=access.bands(10))
    with pytest.raises(DataError, match="not whole"):
        access.floating_catchment(times, pd.Series({"S": 1.5}), people, bands=access.bands(10))

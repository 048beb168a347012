"""Impedances equal networkx to the bit, on networks made to break them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from road_worlds import World, expected, worlds

from siting import travel_time

IMPEDANCES = st.sampled_from(["time", "length"])
CUTOFFS = st.integers(0, 40)


def states(world: World, truth: dict[str, dict[str, int]]) -> dict[str, str]:
    attached = dict(zip(world.demand_at["point_id"], world.demand_at["edge_id"] >= 0, strict=True))
    return {
        d: "unattached" if not attached[d] else "reached" if sites else "unreachable"
        for d, sites in truth.items()
    }


@given(worlds(), IMPEDANCES, st.one_of(st.none(), CUTOFFS))
@settings(max_examples=120)
def test_nearest_is_the_least_with_ties_to_the_smallest_id(world, impedance, cutoff):
    truth = expected(world, impedance)
    reach = travel_time.nearest(
        world.network, world.demand_at, world.site_at, impedance=impedance, cutoff=cutoff
    )
    assert reach.index.tolist() == world.demand_at["point_id"].tolist()
    state = states(world, truth)
    for demand, row in reach.iterrows():
        ranked = sorted((value, site) for site, value in truth[demand].items())
        if not ranked:
            assert (row["site_id"], row["impedance"]) == (None, -1)
            assert row["state"] == state[demand]
            continue
        assert (row["impedance"], row["site_id"]) == ranked[0]
        beyond = cutoff is not None and ranked[0][0] > cutoff
        assert row["state"] == ("beyond_cutoff" if beyond else "reached")


@given(worlds(), IMPEDANCES, CUTOFFS, st.integers(0, 4), st.sampled_from([1, 2]))
@settings(max_examples=120)
def test_table_holds_all_within_the_cutoff_and_the_k_nearest(world, impedance, cutoff, k, threads):
    truth = expected(world, impedance)
    times = travel_time.table(
        world.network, world.demand_at, world.site_at,
        impedance=impedance, cutoff=cutoff, k=k, threads=threads,
    )  # fmt: skip
    for i, demand in enumerate(times.demand_id):
        row = slice(times.indptr[i], times.indptr[i + 1])
        got = list(
            zip(times.value[row].tolist(), times.site_id[times.site[row]].tolist(), strict=True)
        )
        ranked = sorted((value, site) for site, value in truth[demand].items())
        within = [pair for pair in ranked if pair[0] <= cutoff]
        assert got == ranked[: max(len(within), min(k, len(ranked)))]
    assert times.value.dtype == times.site.dtype == np.int32


@given(worlds(), IMPEDANCES, CUTOFFS, st.integers(0, 3), st.data())
@settings(max_examples=120)
def test_reach_of_open_sites_never_guesses(world, impedance, cutoff, k, data):
    truth = expected(world, impedance)
    times = travel_time.table(
        world.network, world.demand_at, world.site_at, impedance=impedance, cutoff=cutoff, k=k
    )
    names = sorted(set(world.site_at["point_id"]))
    is_open = data.draw(st.sets(st.sampled_from(names)) if names else st.just(set()))
    reach = times.reach(is_open)
    for demand, row in reach.iterrows():
        ranked = sorted((v, s) for s, v in truth[demand].items() if s in is_open)
        known = sorted((v, s) for s, v in truth[demand].items())[:k]
        if row["state"] == "unattached":
            assert not truth[demand]
        elif not ranked:
            assert row["state"] == "unreachable"
        elif ranked[0][0] <= cutoff:
            assert row["state"] == "reached"
            assert (row["impedance"], row["site_id"]) == ranked[0]
        else:
            assert row["state"] == "beyond_cutoff"
            if ranked[0] in known:
                assert (row["impedance"], row["site_id"]) == ranked[0]
            else:
                assert (row["impedance"], row["site_id"]) == (-1, None)


@given(worlds(), IMPEDANCES, CUTOFFS)
@settings(max_examples=60)
def test_nearest_is_the_least_of_the_table(world, impedance, cutoff):
    times = travel_time.table(
        world.network, world.demand_at, world.site_at, impedance=impedance, cutoff=cutoff, k=1
    )
    one = travel_time.nearest(
        world.network, world.demand_at, world.site_at, impedance=impedance, cutoff=cutoff
    )
    pd.testing.assert_frame_equal(times.reach(times.site_id.tolist()), one)


@pytest.mark.parametrize("threads", [1, 2])
@given(world=worlds(), data=st.data())
@settings(max_examples=40)
def test_rows_may_come_in_any_order(threads, world, data):
    def shuffled(table):
        order = data.draw(st.permutations(range(len(table))))
        return table.iloc[list(order)].reset_index(drop=True)

    one = travel_time.table(
        world.network, world.demand_at, world.site_at, impedance="time", cutoff=20, threads=1
    )
    other = travel_time.table(
        world.network, shuffled(world.demand_at), shuffled(world.site_at),
        impedance="time", cutoff=20, threads=threads,
    )  # fmt: skip
    columns = ["demand_id", "impedance", "site_id"]
    pd.testing.assert_frame_equal(
        one.frame().sort_values(columns, ignore_index=True),
        other.frame().sort_values(columns, ignore_index=True),
    )
    names = one.site_id.tolist()
    pd.testing.assert_frame_equal(
        one.reach(names).sort_index(), other.reach(names).sort_index(), check_index_type=False
    )

"""The k nearest sites of those that a zone may use, against whole networkx tables."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from road_worlds import expected, worlds

from siting import travel_time
from siting.errors import DataError


@given(worlds(), st.sampled_from(["time", "length"]), st.integers(0, 40), st.integers(0, 3),
       st.data())  # fmt: skip
@settings(max_examples=80)
def test_all_within_the_cutoff_and_the_k_nearest_eligible(world, impedance, cutoff, k, data):
    homes = list(world.demand_at["point_id"])
    sites = sorted(set(world.site_at["point_id"]))
    zone_of = pd.Series(
        data.draw(st.lists(st.sampled_from("abc"), min_size=len(homes), max_size=len(homes))),
        index=homes, dtype="str",
    )  # fmt: skip
    pair = st.tuples(st.sampled_from("abz"), st.sampled_from(sites)) if sites else st.nothing()
    area = data.draw(st.lists(pair, max_size=8)) if sites else []
    eligible = pd.DataFrame(area, columns=["zone_id", "site_id"], dtype="str")
    got = travel_time.table(
        world.network, world.demand_at, world.site_at, impedance=impedance, cutoff=cutoff, k=k,
        zone_of=zone_of.sample(frac=1, random_state=1), eligible=eligible,
    )  # fmt: skip
    whole = expected(world, impedance)
    want = set()
    for home in homes:
        ways = sorted((value, site) for site, value in whole[home].items())
        mine = [(v, s) for v, s in ways if (zone_of[home], s) in area]
        want |= {(home, s, v) for v, s in ways if v <= cutoff}
        want |= {(home, s, v) for v, s in mine[:k]}
    assert set(got.frame().itertuples(index=False, name=None)) == want
    for row in range(len(homes)):
        part = slice(got.indptr[row], got.indptr[row + 1])
        order = list(zip(got.value[part].tolist(), got.site[part].tolist(), strict=True))
        assert order == sorted(order)
    again = travel_time.table(
        world.network, world.demand_at, world.site_at, impedance=impedance, cutoff=cutoff, k=k,
        zone_of=zone_of, eligible=eligible.iloc[::-1], threads=1,
    )  # fmt: skip
    assert np.array_equal(again.site, got.site)
    assert np.array_equal(again.value, got.value)


@given(worlds(), st.integers(0, 40))
@settings(max_examples=30)
def test_where_all_may_use_all_nothing_changes(world, cutoff):
    homes, sites = world.demand_at["point_id"], sorted(set(world.site_at["point_id"]))
    plain = travel_time.table(
        world.network, world.demand_at, world.site_at, impedance="time", cutoff=cutoff, k=2
    )
    zoned = travel_time.table(
        world.network, world.demand_at, world.site_at, impedance="time", cutoff=cutoff, k=2,
        zone_of=pd.Series("Z", index=homes),
        eligible=pd.DataFrame({"zone_id": "Z", "site_id": sites}),
    )  # fmt: skip
    assert np.array_equal(plain.indptr, zoned.indptr)
    assert np.array_equal(plain.site, zoned.site)
    assert np.array_equal(plain.value, zoned.value)


def test_what_is_not_known_is_refused_by_name():
    import geopandas as gpd
    from shapely import LineString, Point

    from siting.network import attach, from_lines

    roads = gpd.GeoDataFrame(
        {"highway": ["residential"]}, geometry=[LineString([(0, 0), (1000, 0)])], crs=4547
    )
    network = from_lines(roads, mode="walk")
    places = gpd.GeoSeries([Point(0, 0), Point(9, 0), Point(20, 0)],
                           index=["D1", "D2", "S1"], crs=4547)  # fmt: skip
    at = attach(network, places, max_access_m=100, min_component_km=0)
    homes, sites = at.iloc[:2], at.iloc[2:]
    zone_of = pd.Series(["Z"], index=["D1"])
    with pytest.raises(DataError) as told:
        travel_time.table(
            network, homes, sites, impedance="time", cutoff=9, zone_of=zone_of,
            eligible=pd.DataFrame({"zone_id": ["Z"], "site_id": ["S9"]}),
        )  # fmt: skip
    assert "1 of 2 demand points have no zone (D2)" in str(told.value)
    assert "1 sites are not among those asked for (S9)" in str(told.value)
    with pytest.raises(DataError, match="belong together"):
        travel_time.table(network, homes, sites, impedance="time", cutoff=9, zone_of=zone_of)

"""The made-up county: same for a seed, adds up, hangs together."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from region_checks import nodes_of, pieces_of

from siting import demo
from siting.demo.people import GROUPS
from siting.demo.region import Region, make_county
from siting.demo.scale import COUNTY

POPULATION = COUNTY.population
CHECKSUM = "146ecae1652455c2057aa5824c565dda7559f00f0736c7c56c536d2f6fdf126c"
FOOT = ("path", "footway")
EXPRESSWAY = ("motorway", "motorway_link")


def test_the_content_is_the_same_on_every_machine(county: Region) -> None:
    assert county.checksum() == CHECKSUM


def test_people_add_up_to_the_township_totals(county: Region) -> None:
    zones, people = county.tables["zones"], county.tables["people"]
    assert int(people["population"].sum()) == int(zones["population"].sum()) == POPULATION
    assert (people[list(GROUPS)].sum(axis=1) == people["population"]).all()
    assert (people[list(GROUPS)] >= 0).all().all()
    columns = ["population", *GROUPS]
    sums = people.groupby("zone_id")[columns].sum().loc[zones["zone_id"]]
    assert (sums.to_numpy() == zones[columns].to_numpy()).all()
    inside = people.sjoin(zones[["zone_id", "geometry"]], predicate="within")
    assert len(inside) == len(people)
    assert (inside["zone_id_left"] == inside["zone_id_right"]).all()
    homes = county.tables["residential"]
    in_town = people[people["settlement"] != "village"]
    assert int(homes["population"].sum()) == int(in_town["population"].sum())


def test_ages_are_those_of_a_hunan_county(county: Region) -> None:
    people = county.tables["people"]
    share = people[list(GROUPS)].sum() / POPULATION
    census = dict(zip(GROUPS, (0.033, 0.036, 0.068, 0.031, 0.025, 0.583, 0.224), strict=True))
    assert all(abs(share[group] - known) < 0.012 for group, known in census.items())


def test_pupils_are_the_children_there_are(county: Region) -> None:
    people, schools = county.tables["people"], county.tables["schools"]
    for stages, group in (
        (["幼儿园"], "age_3_5"),
        (["小学", "教学点"], "age_6_11"),
        (["初中"], "age_12_14"),
        (["高中"], "age_15_17"),
    ):
        ours = schools[schools["stage"].isin(stages)]
        assert int(ours["enrolment"].sum()) == int(people[group].sum())
    assert (schools["boarders"] <= schools["enrolment"]).all()


def test_many_tiny_schools_a_few_full_ones_and_some_unknown(county: Region) -> None:
    schools = county.tables["schools"]
    rural = schools[(schools["level"] == "村") & schools["stage"].isin(["小学", "教学点"])]
    assert len(rural) > 100
    assert rural["enrolment"].between(10, 90).all()
    full = schools[(schools["level"] == "县城") & (schools["stage"] == "小学")]
    assert 8 <= len(full) <= 14
    assert (full["enrolment"] / full["classes"] > 56).all()
    assert (full["enrolment"] > full["capacity"]).all()
    assert schools["capacity"].isna().sum() == 4


def test_zones_tile_the_county(county: Region) -> None:
    zones = county.tables["zones"]
    assert len(zones) == 23
    assert zones["zone_id"].is_unique
    assert zones["name"].is_unique
    assert zones["zone_id"].str.fullmatch("439921[0-9]{3}").all()
    assert zones.is_valid.all()
    assert (zones.geom_type == "Polygon").all()
    whole = county.tables["county"].geometry.iloc[0]
    assert whole.geom_type == "Polygon"
    assert not whole.interiors
    assert shapely.is_valid_reason(whole) == "Valid Geometry"
    assert abs(zones.area.sum() - whole.area) < 1e-3
    touching = zones.sjoin(zones, predicate="overlaps")
    assert touching.empty


def test_borders_are_not_straight(county: Region) -> None:
    borders = [np.asarray(g.exterior.coords) for g in county.tables["zones"].geometry]
    steps = np.concatenate([np.hypot(*np.diff(border, axis=0).T) for border in borders])
    assert steps[steps > 300.0].sum() < 0.05 * steps.sum()
    assert np.median(steps) < 60.0


def _check_roads(county: Region) -> None:
    roads = county.tables["roads"]
    river = county.tables["water"].query("kind == 'river'").union_all()
    nodes, edges = nodes_of(roads)
    assert len(pieces_of(edges, len(nodes))) == 1
    wet = roads.intersects(river) & ~roads["highway"].isin(EXPRESSWAY)
    assert wet.sum() == 2
    assert (roads.loc[wet, "bridge"] == "yes").all()
    slow = ~roads["highway"].isin(EXPRESSWAY).to_numpy()
    assert len(pieces_of(edges[slow], len(nodes))) == 1
    without = pieces_of(edges[slow & ~wet.to_numpy()], len(nodes))
    assert len(without) == 2
    assert min(without) > 500
    for bridge in np.flatnonzero(wet):
        left = np.arange(len(roads)) != bridge
        assert len(pieces_of(edges[slow & left], len(nodes))) == 1


def test_the_river_is_crossed_on_two_bridges_only(county: Region) -> None:
    _check_roads(county)


def test_one_can_drive_from_anywhere_to_anywhere(county: Region) -> None:
    roads = county.tables["roads"]
    roads = roads[~roads["highway"].isin([*FOOT, *EXPRESSWAY])]
    nodes, edges = nodes_of(roads)
    two_way = (roads["oneway"] == "no").to_numpy()
    assert (~two_way).sum() > 5
    both = np.vstack([edges, edges[two_way][:, ::-1]])
    assert len(pieces_of(both, len(nodes), strong=True)) == 1


def test_roads_meet_in_their_ends_or_pass_over_each_other(county: Region) -> None:
    roads = county.tables["roads"]
    lines = roads.geometry.to_numpy()
    assert shapely.is_simple(lines).all()
    tree = shapely.STRtree(lines)
    one, other = tree.query(lines, predicate="crosses")
    layer = roads["layer"].to_numpy()
    assert (layer[one] != layer[other]).all()
    assert len(one) > 20  # the expressway
    one, other = tree.query(lines, predicate="overlaps")
    assert len(one) == 0
    nodes, edges = nodes_of(roads)
    node, line = tree.query(shapely.points(nodes), predicate="intersects")
    inner = ~(edges[line] == node[:, None]).any(axis=1)
    assert (layer[line[inner]] != 0).all()


def test_the_expressway_is_joined_at_interchanges_only(county: Region) -> None:
    roads = county.tables["roads"]
    _, edges = nodes_of(roads)
    kind = roads["highway"].to_numpy()
    fast, link = np.unique(edges[kind == "motorway"]), np.unique(edges[kind == "motorway_link"])
    slow = np.unique(edges[~np.isin(kind, EXPRESSWAY)])
    assert not np.intersect1d(fast, slow).size
    assert np.intersect1d(link, slow).size == 2
    assert np.intersect1d(link, fast).size == 8
    assert (roads.loc[roads["highway"].isin(EXPRESSWAY), "oneway"] == "yes").all()


def test_homes_schools_and_clinics_stand_by_a_road(county: Region) -> None:
    roads = county.tables["roads"]
    roads = roads[~roads["highway"].isin(EXPRESSWAY)]
    for table, limit in (("people", 200.0), ("schools", 200.0), ("clinics", 200.0)):
        places = county.tables[table]
        gap = places.sjoin_nearest(roads[["geometry"]], distance_col="gap")["gap"]
        assert gap.max() < limit
        assert not places.intersects(county.tables["water"].union_all()).any()


def test_land_makes_sense(county: Region) -> None:
    tables = county.tables
    farmland, redline = tables["永久基本农田"], tables["生态保护红线"]
    growth, people = tables["城镇开发边界"], tables["people"]
    assert farmland.union_all().intersection(redline.union_all()).area < 1e-3 * farmland.area.sum()
    keep_out = shapely.union_all([*farmland.geometry, *redline.geometry])
    assert not people.intersects(keep_out).any()
    assert people[people["settlement"] == "urban"].intersects(growth.union_all()).all()
    for name in (
        "永久基本农田",
        "生态保护红线",
        "城镇开发边界",
        "洪水淹没范围",
        "parks",
        "plots",
        "residential",
    ):
        assert tables[name].is_valid.all()
        assert (tables[name].area > 0).all()
    assert 30 <= len(tables["plots"]) <= 60
    parks = tables["parks"]
    area = parks.loc[parks["kind"] == "park", "area_m2"]
    assert (area < 2000).any()
    assert area.between(2000, 5000).any()
    assert (area > 10_000).any()
    gated = parks["park_id"].isin(tables["park_entrances"]["park_id"])
    assert gated[parks["kind"] == "green"].all()
    assert 0.4 < gated[parks["kind"] == "park"].mean() < 0.9


def test_size_is_that_of_a_county(county: Region) -> None:
    tables = county.tables
    assert 1200e6 < tables["county"].area.iloc[0] < 2200e6
    assert len(tables["people"].query("settlement == 'village'")["community"].unique()) > 230
    assert 5_000 < len(tables["roads"]) < 20_000
    assert set(tables["roads"]["highway"]) >= {
        "motorway", "trunk", "primary", "secondary", "tertiary", "unclassified", "residential",
        "service", "footway", "path",
    }  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(12))
def test_other_seeds_make_other_sound_counties(seed: int) -> None:
    other = make_county(seed)
    assert other.checksum() != CHECKSUM
    _check_roads(other)
    test_people_add_up_to_the_township_totals(other)
    test_zones_tile_the_county(other)
    test_roads_meet_in_their_ends_or_pass_over_each_other(other)
    test_one_can_drive_from_anywhere_to_anywhere(other)
    test_the_expressway_is_joined_at_interchanges_only(other)
    test_homes_schools_and_clinics_stand_by_a_road(other)
    test_pupils_are_the_children_there_are(other)
    test_land_makes_sense(other)


def test_the_default_seed_is_stated() -> None:
    assert demo.SEED == 430600

"""The made-up city: nine counties made as one, with the promises of the county and its own size.

The small city runs the same code in seconds; the whole one is ``slow``.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import shapely
from region_checks import nodes_of, pieces_of

from siting import study
from siting.demo.files import write_files
from siting.demo.people import GROUPS
from siting.demo.region import Region, make_region
from siting.demo.scale import CITY, MINI_CITY, Scale

SEED = 430600
CHECKSUMS = {
    "mini-city": "4313c1e259b37b72b01686ff44cea553f80c8a8d4bc7cb210b673b574db677bc",
    "city": "3a48dfd9dcdafe8aee73109b6fe6f9b92936a8e7ed0b0f4249106c3363ea79d8",
}
EXPRESSWAY = ("motorway", "motorway_link")


@pytest.fixture(
    scope="module",
    params=[MINI_CITY, pytest.param(CITY, marks=pytest.mark.slow)],
    ids=lambda scale: scale.key,
)
def city(request: pytest.FixtureRequest) -> Region:
    return make_region(SEED, request.param)


def outside_of(folder: Path, city: Region) -> dict[str, str]:
    write_files(folder, city)
    return {f.name: hashlib.sha256(f.read_bytes()).hexdigest() for f in folder.iterdir()}


def test_it_is_the_same_on_every_machine(city: Region) -> None:
    assert city.checksum() == CHECKSUMS[city.scale.key]


def test_same_seed_same_bytes(city: Region, tmp_path: Path) -> None:
    again = make_region(SEED, city.scale) if city.scale is MINI_CITY else city
    assert outside_of(tmp_path / "one", city) == outside_of(tmp_path / "other", again)


@pytest.mark.slow
def test_a_city_is_as_large_as_promised() -> None:
    tables = make_region(SEED, CITY).tables
    assert len(tables["county"]) == 9
    assert len(tables["zones"]) == 99
    assert len(tables["control_units"]) == 45
    assert len(tables["people"]) >= 100_000
    assert len(tables["schools"]) >= 1_200
    assert len(nodes_of(tables["roads"])[0]) >= 300_000
    assert int(tables["people"]["population"].sum()) == 5_051_922
    assert 12_000e6 < tables["county"].area.sum() < 16_500e6


def test_people_add_up_by_township_and_by_county(city: Region) -> None:
    tables, scale = city.tables, city.scale
    people, zones, counties = tables["people"], tables["zones"], tables["county"]
    columns = ["population", *GROUPS]
    assert int(people["population"].sum()) == scale.population
    assert (people[list(GROUPS)].sum(axis=1) == people["population"]).all()
    assert (people[columns] >= 0).all().all()
    sums = people.groupby("zone_id")[columns].sum().reindex(zones["zone_id"])
    assert (sums.to_numpy() == zones[columns].to_numpy()).all()
    by_county = zones.groupby(zones["zone_id"].str[:6])["population"].sum()
    assert by_county.loc[counties["zone_id"]].tolist() == counties["population"].tolist()
    town = people.loc[people["settlement"] != "village", "population"].sum()
    assert scale.town_share is not None
    assert town == int(scale.population * scale.town_share)
    assert tables["residential"]["population"].sum() == town
    inside = people.sjoin(zones[["zone_id", "geometry"]], predicate="within")
    assert len(inside) == len(people)
    assert (inside["zone_id_left"] == inside["zone_id_right"]).all()
    assert people["demand_id"].is_unique


def test_zones_tile_and_townships_lie_in_their_county(city: Region) -> None:
    zones, counties = city.tables["zones"], city.tables["county"]
    assert len(counties) == len(city.scale.counties)
    assert len(zones) == sum(c.offices + c.townships for c in city.scale.counties)
    for table in (zones, counties):
        assert table["zone_id"].is_unique
        assert table["name"].is_unique
        assert table.is_valid.all()
        assert (table.geom_type == "Polygon").all()
        assert table.sjoin(table, predicate="overlaps").empty
    whole = shapely.union_all(zones.geometry.to_numpy())
    assert whole.geom_type == "Polygon"
    assert not whole.interiors
    assert abs(zones.area.sum() - whole.area) < 1e-2
    for code, own in zones.groupby(zones["zone_id"].str[:6]):
        county = counties.set_index("zone_id").geometry[code]
        assert abs(own.area.sum() - county.area) < 1e-2
        assert own.difference(county).area.max() < 1e-2


def test_control_units_cover_the_central_city_without_overlap(city: Region) -> None:
    units, people = city.tables["control_units"], city.tables["people"]
    count, towns = city.scale.control_units
    assert len(units) == count
    assert units.is_valid.all()
    assert abs(units.area.sum() - shapely.union_all(units.geometry.to_numpy()).area) < 1e-2
    inside = people.sjoin(units[["geometry"]], predicate="within")["index_right"]
    assert inside.index.is_unique
    assert set(inside) == set(units.index)
    codes = [county.code for county in city.scale.counties[:towns]]
    central = (people["settlement"] == "urban") & people["zone_id"].str[:6].isin(codes)
    assert central[inside.index].sum() > 0.98 * central.sum()


def river_bridges(city: Region) -> None:
    roads = city.tables["roads"]
    river = shapely.union_all(city.tables["water"].query("kind == 'river'").geometry.to_numpy())
    shapely.prepare(river)
    nodes, edges = nodes_of(roads)
    slow = ~roads["highway"].isin(EXPRESSWAY).to_numpy()
    wet = shapely.intersects(river, roads.geometry.to_numpy()) & slow
    assert wet.sum() == 1 + len(city.scale.bridges_km)
    assert (roads.loc[wet, "bridge"] == "yes").all()
    assert len(pieces_of(edges, len(nodes))) == 1
    assert len(pieces_of(edges[slow], len(nodes))) == 1
    assert len(pieces_of(edges[slow & ~wet], len(nodes))) == 2  # two banks


def drivable(city: Region) -> None:
    roads = city.tables["roads"]
    roads = roads[~roads["highway"].isin(["path", "footway", *EXPRESSWAY])]
    nodes, edges = nodes_of(roads)
    two_way = (roads["oneway"] == "no").to_numpy()
    both = np.vstack([edges, edges[two_way][:, ::-1]])
    assert len(pieces_of(both, len(nodes), strong=True)) == 1


def joined_in_ends(city: Region) -> None:
    roads = city.tables["roads"]
    lines = roads.geometry.to_numpy()
    layer = roads["layer"].to_numpy()
    assert shapely.is_simple(lines).all()
    tree = shapely.STRtree(lines)
    one, other = tree.query(lines, predicate="crosses")
    assert (layer[one] != layer[other]).all()
    one, other = tree.query(lines, predicate="overlaps")
    assert len(one) == 0
    nodes, edges = nodes_of(roads)
    node, line = tree.query(shapely.points(nodes), predicate="intersects")
    inner = ~(edges[line] == node[:, None]).any(axis=1)
    assert (layer[line[inner]] != 0).all()


def test_the_river_is_crossed_on_few_bridges(city: Region) -> None:
    river_bridges(city)


def test_one_can_drive_from_anywhere_to_anywhere(city: Region) -> None:
    drivable(city)


def test_roads_and_lanes_meet_in_their_ends_or_pass_over_each_other(city: Region) -> None:
    joined_in_ends(city)


def test_homes_and_facilities_stand_by_a_road_and_on_land(city: Region) -> None:
    tables = city.tables
    roads = tables["roads"]
    tree = shapely.STRtree(roads.geometry[~roads["highway"].isin(EXPRESSWAY)].to_numpy())
    wet = shapely.STRtree(tables["water"].geometry.to_numpy())
    for name in ("people", "schools", "clinics", "elderly", "amenities"):
        places = tables[name].geometry.to_numpy()
        _, gap = tree.query_nearest(places, return_distance=True, all_matches=False)
        assert gap.max() < 200.0, name
        assert not len(wet.query(places, predicate="intersects")[0]), name


def test_pupils_are_the_children_there_are(city: Region) -> None:
    people, schools = city.tables["people"], city.tables["schools"]
    pupils = {
        "age_3_5": schools.loc[schools["stage"] == "幼儿园", "enrolment"],
        "age_6_11": schools["enrolment_primary"],
        "age_12_14": schools["enrolment_junior"],
        "age_15_17": schools.loc[schools["stage"] == "高中", "enrolment"],
    }
    for group, enrolled in pupils.items():
        assert int(enrolled.sum()) == int(people[group].sum())
    joint = schools[schools["stage"] == "九年一贯制学校"]
    assert len(joint)
    for what in ("capacity", "enrolment"):
        both = joint[f"{what}_primary"] + joint[f"{what}_junior"]
        assert (both == joint[what]).all()
    assert schools["site_id"].is_unique
    assert (schools["boarders"] <= schools["enrolment"]).all()


def test_fifteen_services_with_capacities(city: Region, tmp_path: Path) -> None:
    write_files(tmp_path, city)
    asked = study.read_study(tmp_path)
    assert len(asked.services) == 15
    assert asked.made_up
    assert [z.zoning for z in asked.zones] == ["township", "county", "control_unit"]
    amenities = city.tables["amenities"]
    assert (amenities["capacity"] > 0).all()
    assert pd.Index(amenities["site_id"]).is_unique
    for service in asked.services.values():
        assert service.file.exists(), service.file


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(6))
def test_other_seeds_make_other_sound_cities(seed: int) -> None:
    other = make_region(seed, MINI_CITY)
    assert other.checksum() != CHECKSUMS["mini-city"]
    river_bridges(other)
    drivable(other)
    joined_in_ends(other)
    test_people_add_up_by_township_and_by_county(other)
    test_zones_tile_and_townships_lie_in_their_county(other)
    test_pupils_are_the_children_there_are(other)
    test_homes_and_facilities_stand_by_a_road_and_on_land(other)


def test_all_scales_have_one_town_a_county() -> None:
    for scale in (MINI_CITY, CITY):
        assert isinstance(scale, Scale)
        assert len(scale.towns) == len(scale.counties)

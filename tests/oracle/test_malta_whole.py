"""Every figure of a whole run on Malta, worked out again from the extract without siting."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import geopandas as gpd
import held
import malta_green
import numpy as np
import pandas as pd
import pytest
import shapely
from figures import Limits
from finished_run import Finished
from malta_independent import Place, Walks
from malta_places import Places, cells, door, farthest_mm, people
from malta_reach import Drives, placed
from search import Search
from town import Service, Town

PEOPLE = 519_562  # Malta, Census of Population and Housing 2021
KPH, MIN_KM = 3.6, 2  # what the study assumes: rule walk.speed, network.min_component_km
CUTOFF_MS = 120 * 60_000
# Strict end, headline and loose end; times at 3.4 to 5 km/h on foot, at 0.8 to 1.2 by car.
CIRCLE = Limits(800_000, 800_000, 1_000_000)
SERVICES = {
    "school": Service(
        {
            "circle_15min": CIRCLE,
            "primary.radius": Limits(500_000, 500_000, 500_000, True),
            "school.journey_grades_1_3": Limits(1_700_000, 1_800_000, 2_500_000),
        }
    ),
    "pharmacy": Service(
        {
            "circle_5min": Limits(300_000, 300_000, 300_000),
            "circle_10min": Limits(500_000, 500_000, 500_000),
            "circle_15min": CIRCLE,
        }
    ),
    "hospital": Service(
        {"hospital.drive_30min": Limits(1_440_000, 1_800_000, 2_160_000)}, metres_per_hour=None
    ),
}
PAIRS = [
    pytest.param(name, rule, marks=pytest.mark.slow if service.by_car else ())
    for name, service in SERVICES.items()
    for rule in service.rules
]


@dataclass
class Again:
    """Malta a second time; only the demand points and their people are those of the run."""

    run: Finished
    pbf: str

    @cached_property
    def places(self) -> Places:
        return Places(self.pbf)

    @cached_property
    def walks(self) -> Walks:
        # at 3.6 km/h a millimetre is a millisecond, so lengths answer for times
        return Walks(self.pbf, metres_per_hour=int(KPH * 1000), min_km=MIN_KM)

    @cached_property
    def drives(self) -> Drives:
        return Drives(self.pbf, metres_per_hour=int(KPH * 1000), min_km=MIN_KM)

    @cached_property
    def on_foot(self) -> Search:
        return Search(self.walks, "mm")

    def layer(self, name: str) -> gpd.GeoDataFrame:
        return gpd.read_file(self.run.folder / "results.gpkg", layer=name)

    @cached_property
    def demand(self) -> gpd.GeoDataFrame:
        return self.layer("demand").set_index("demand_id")

    @cached_property
    def persons(self) -> dict[str, int]:
        return {name: int(n) for name, n in self.demand["population"].items()}

    @cached_property
    def land(self) -> dict[str, shapely.Geometry]:
        return self.places.residential()

    @cached_property
    def cells(self) -> dict[str, shapely.Geometry]:
        return cells(self.land)

    @cached_property
    def zone(self) -> dict[str, str]:
        """The zone of each point, the smallest id where there are two, "" where there is none."""
        zones = self.places.zones()
        names = sorted(zones)
        tree = shapely.STRtree([zones[n] for n in names])
        return {
            home: min((names[i] for i in tree.query(point, predicate="intersects")), default="")
            for home, point in self.demand.geometry.items()
        }

    @cached_property
    def homes(self) -> dict[str, Place]:
        return placed(self.walks, dict(self.demand.geometry))

    @cached_property
    def town(self) -> Town:
        return Town(
            persons=self.persons,
            spots=dict(self.demand.geometry),
            apart_mm={
                name: farthest_mm(self.cells[name], self.demand.geometry[name])
                for name in self.persons
            },
            zone={"locality": self.zone},
            site_zone={},
            services=SERVICES,
            shapes=self.places.sites,
            supply=lambda service: {},
            streets=lambda car: self.drives if car else self.walks,
        )

    def nearest(self, service: str) -> dict[str, int]:
        """Least mm on foot from each home that has a way to any."""
        homes = self.town.homes(service, "mm")
        return {name: home.value for name, home in homes.items() if home.value is not None}


@pytest.fixture(scope="module")
def again(malta: Finished, test_data: Path) -> Again:
    return Again(malta, str(test_data / "malta" / "malta.osm.pbf"))


def test_people_live_where_the_extract_has_homes(again: Again) -> None:
    mine = people(again.land, again.cells, PEOPLE)
    assert mine == again.persons
    for name, point in again.demand.geometry.items():
        assert shapely.point_on_surface(again.cells[name]).distance(point) < 1e-6
    # ground that two areas share is counted once
    together = shapely.union_all(list(again.land.values())).area
    assert abs(again.demand["area_m2"].sum() - together) < len(again.land)


def test_zones_and_their_people(again: Again) -> None:
    zones = again.places.zones()
    layer = again.layer("zones").set_index("zone_id").geometry
    assert set(zones) == set(layer.index)
    assert len(zones) == 67
    for zone, shape in zones.items():
        assert shape.symmetric_difference(layer[zone]).area < 1e-3


def test_sites_are_those_of_the_extract(again: Again) -> None:
    table = again.run.table("sites")
    existing = table[table["status"] == "existing"]
    for service in ("school", "hospital", "pharmacy"):
        ours = set(existing.loc[existing["service"] == service, "site_id"])
        assert ours == set(again.places.sites(service))


@pytest.mark.parametrize(("service", "rule"), PAIRS)
def test_persons_covered_to_the_person(again: Again, service: str, rule: str) -> None:
    held.coverage(again.town, again.run, service, rule)


@pytest.mark.parametrize(("service", "rule"), PAIRS)
def test_gaps(again: Again, service: str, rule: str) -> None:
    held.gaps(again.town, again.run, service, rule)


@pytest.mark.parametrize(("service", "rule"), PAIRS)
def test_what_each_closure_loses(again: Again, service: str, rule: str) -> None:
    held.losses(again.town, again.run, service, rule)


@pytest.mark.parametrize(
    "service", ["school", "pharmacy", pytest.param("hospital", marks=pytest.mark.slow)]
)
def test_times(again: Again, service: str) -> None:
    held.times(again.town, again.run, service)


@pytest.mark.slow
def test_equity(again: Again) -> None:
    held.equity(again.town, again.run)


def test_five_schools_closed_by_hand(again: Again) -> None:
    """The two that serve most, the two whose closure hurts most, and the easiest large one."""
    ranking = again.run.table("closures").set_index("site_id")
    receivers = again.run.table("closures_receivers")
    easy = ranking[ranking["unserved_after"] == 0]
    chosen = [
        *ranking.sort_values(["displaced", "rank"]).index[-2:],
        *ranking.sort_values(["unserved_after", "rank"]).index[-2:],
        *easy.sort_values(["displaced", "rank"]).index[-1:],
    ]
    assert len(set(chosen)) == 5
    doors, today, persons = again.town.doors("school"), again.nearest("school"), again.persons
    limit = SERVICES["school"].rules["school.journey_grades_1_3"].judged
    for school in chosen:
        own = again.on_foot.nearest([doors[school]], again.homes)
        others = [place for name, place in doors.items() if name != school]
        after = again.on_foot.nearest(others, again.homes)
        assert not [h for h in own if own[h] == today[h] == after.get(h) and persons[h]]
        moved = [h for h in own if own[h] == today[h] and persons[h]]
        row = ranking.loc[school]
        assert row["displaced"] == sum(persons[h] for h in moved)
        assert row["unserved_after"] == sum(
            persons[h]
            for h in moved
            for kept in [after.get(h, math.inf)]
            if today[h] <= limit < kept or today[h] <= CUTOFF_MS < kept
        )
        went = [h for h in moved if h in after]
        for when, homes, times in (("before", moved, today), ("after", went, after)):
            people_of = sum(persons[h] for h in homes)
            mean = sum(persons[h] * times[h] for h in homes) / people_of / 60_000
            assert row[f"mean_{when}_min"] == pytest.approx(mean, abs=1e-9)
            longest = max(times[h] for h in homes) / 60_000
            assert row[f"max_{when}_min"] == pytest.approx(longest, abs=1e-9)
        got = receivers[receivers["site_id"] == school]
        assert got["persons"].sum() == sum(persons[h] for h in went)
        for receiver, n in zip(got["receiver_id"], got["persons"], strict=True):
            to = again.on_foot.nearest([doors[receiver]], again.homes)
            assert n == sum(persons[h] for h in went if to.get(h) == after[h])


def test_new_pharmacies_cover_whom_they_say_and_no_swap_is_better(again: Again) -> None:
    said = again.run.record()["new_sites"]
    table = again.run.table("new_sites").set_index("site_id")
    limit = SERVICES["pharmacy"].rules["circle_10min"].judged
    spots = {n: door(s) for n, s in again.places.sites("parking").items() if n in table.index}
    doors = placed(again.walks, spots)
    assert set(spots) == set(table.index)
    near = again.nearest("pharmacy")
    homes = [h for h in again.persons if again.zone[h] and h in near]
    place = {h: i for i, h in enumerate(homes)}
    persons = np.array([again.persons[h] for h in homes], dtype=np.int64)
    today = np.array([near.get(h, math.inf) <= limit for h in homes])
    reach = np.zeros((len(table), len(homes)), dtype=bool)
    pairs = again.on_foot.pairs(doors, {h: again.homes[h] for h in homes}, limit)
    for h, found in pairs.items():
        reach[table.index.get_indexer(list(found)), place[h]] = True
    alone = (reach & ~today) @ persons
    assert alone.tolist() == table["new_persons"].tolist()

    def covered(rows: list[int]) -> int:
        return int(persons[today | reach[rows].any(axis=0)].sum())

    chosen = [table.index.get_loc(name) for name in said["chosen"]]
    assert len(chosen) == 5
    assert said["already"] == int(persons[today].sum())
    assert said["objective"] == covered(chosen)
    assert said["uncoverable"] == int(persons[~today & ~reach.any(axis=0)].sum())
    for out in chosen:
        kept = [row for row in chosen if row != out]
        base = today | reach[kept].any(axis=0)
        swapped = (reach & ~base) @ persons + int(persons[base].sum())
        swapped[chosen] = 0
        assert swapped.max() <= said["objective"]
    assert said["status"] == "optimal"
    assert said["objective"] == said["bound"]


def served_by(
    kind: Mapping[str, tuple[str, shapely.Geometry]],
) -> dict[str, list[tuple[str, int]]]:
    """The parks of each indicator and how far they serve; no quarter on Malta is called old."""
    parks = [name for name, (what, _) in kind.items() if what == "park"]
    return {
        "see_green_300": [(name, 300) for name in kind],
        "park_500": [(name, 500) for name in parks],
        "park_radius_rate": [
            (name, 500 if kind[name][1].area >= 5000 else 300)
            for name in parks
            if kind[name][1].area >= 2000
        ],
    }


@pytest.mark.parametrize("indicator", ["see_green_300", "park_500", "park_radius_rate"])
def test_green_straight_and_on_foot(again: Again, indicator: str) -> None:
    green = again.places.green()
    assert set(green) == set(again.layer("parks")["park_id"])
    kept = {name: cell for name, cell in again.cells.items() if name in again.persons}
    parks = served_by(green)[indicator]
    straight = malta_green.straight(kept, [(green[name][1], radius) for name, radius in parks])
    paths = malta_green.paths(again.walks)
    gates = {name: malta_green.gates(paths, shape) for name, (_, shape) in green.items()}
    published = {
        (row.park_id, row.geometry.x, row.geometry.y)
        for row in again.layer("park_entrances").itertuples()
    }
    assert published == {(name, p.x, p.y) for name, found in gates.items() for p in found}
    foot: set[str] = set()
    for radius in {r for _, r in parks}:
        doors = [p for name, r in parks if r == radius for p in gates[name]]
        foot |= malta_green.walked(again.on_foot, doors, again.homes, radius)
    on = {
        again.walks.part[again.walks.edges[place.edge].u]
        for found in gates.values()
        for gate in found
        if (place := again.walks.place(gate)) is not None
    }
    judged = {
        h for h, p in again.homes.items() if again.walks.part[again.walks.edges[p.edge].u] in on
    }
    layer = again.layer("green_cells").set_index("cell_id")
    assert set(layer.index[layer[f"{indicator}_foot"]]) == foot & judged
    assert set(layer.index[layer["assessed"]]) == judged
    # arcs of circles begin elsewhere: a few centimetres along the rim of a cell
    off = (layer[f"{indicator}_straight_m2"] - pd.Series(straight)).abs()
    assert off.max() < 1
    rows = again.run.table("green")
    rows = rows[(rows["level"] == "zone") & (rows["indicator"] == indicator) & rows["judged"]]
    rows = rows.assign(zone_id=rows["zone_id"].fillna("")).drop_duplicates("zone_id")
    mine = pd.DataFrame(
        {
            "zone": pd.Series(again.zone),
            "land_m2": pd.Series({name: cell.area for name, cell in kept.items()}),
            "straight_m2": pd.Series(straight),
        }
    )
    mine["foot_m2"] = mine["straight_m2"] * mine.index.isin(foot & judged)
    mine["not_assessed_m2"] = mine["land_m2"] * ~mine.index.isin(judged)
    outside = mine["zone"] == ""
    mine.loc[outside, ["straight_m2", "foot_m2"]] = 0
    mine.loc[outside, "not_assessed_m2"] = mine.loc[outside, "land_m2"]
    summed = mine.groupby("zone").sum()
    for column in summed:
        shown = rows.set_index("zone_id")[column]
        assert (shown - summed[column]).abs().max() < 2, column
    assert (rows["foot_m2"] <= rows["foot_upper_m2"]).all()
    assert (rows["foot_upper_m2"] <= rows["straight_m2"]).all()


@pytest.mark.slow
@pytest.mark.parametrize("indicator", ["see_green_300", "park_500", "park_radius_rate"])
def test_green_upper_bound_on_foot(again: Again, indicator: str) -> None:
    """Parks that one may step into anywhere along the edge."""
    green = again.places.green()
    layer = again.layer("green_cells").set_index("cell_id")
    parks = served_by(green)[indicator]
    found = set(layer.index[layer[f"{indicator}_foot"]])
    for radius in {r for _, r in parks}:
        steps = [p for name, r in parks if r == radius for p in malta_green.steps(green[name][1])]
        found |= malta_green.walked(again.on_foot, steps, again.homes, radius)
    shown = set(layer.index[layer[f"{indicator}_foot_upper"]])
    assert shown == found & set(layer.index[layer["assessed"]])
    assert len(shown) > layer[f"{indicator}_foot"].sum()

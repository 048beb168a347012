"""Every figure of a whole run on Malta, worked out again from the extract without siting."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import geopandas as gpd
import malta_green
import numpy as np
import pandas as pd
import pytest
import shapely
from finished_run import Finished
from malta_independent import Place, Walks
from malta_places import Places, cells, door, people
from malta_reach import Drives, placed
from search import Search

PEOPLE = 519_562  # Malta, Census of Population and Housing 2021
KPH, MIN_KM = 3.6, 2  # what the study assumes: rule walk.speed, network.min_component_km
CUTOFF_MS = 120 * 60_000
# Strict end, headline and loose end; times at 3.4 to 5 km/h on foot, at 0.8 to 1.2 by car.
LIMITS = {
    ("school", "circle_15min"): (800_000, 800_000, 1_000_000),
    ("school", "primary.radius"): (500_000, 500_000, 500_000),
    ("school", "school.journey_grades_1_3"): (1_700_000, 1_800_000, 2_500_000),
    ("pharmacy", "circle_5min"): (300_000, 300_000, 300_000),
    ("pharmacy", "circle_10min"): (500_000, 500_000, 500_000),
    ("pharmacy", "circle_15min"): (800_000, 800_000, 1_000_000),
    ("hospital", "hospital.drive_30min"): (1_440_000, 1_800_000, 2_160_000),
}
ON_FOOT = [pair for pair in LIMITS if pair[0] != "hospital"]
IN_MINUTES = ("school.journey_grades_1_3", "hospital.drive_30min")


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

    @cached_property
    def by_car(self) -> Search:
        return Search(self.drives, "ms")

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
    def homes_by_car(self) -> dict[str, Place]:
        return placed(self.drives, dict(self.demand.geometry))

    def doors(self, amenity: str) -> dict[str, Place]:
        streets = self.drives if amenity == "hospital" else self.walks
        return placed(streets, {n: door(s) for n, s in self.places.sites(amenity).items()})

    @cached_property
    def schools(self) -> dict[str, int]:
        return self.on_foot.nearest(self.doors("school").values(), self.homes)

    @cached_property
    def pharmacies(self) -> dict[str, int]:
        return self.on_foot.nearest(self.doors("pharmacy").values(), self.homes)

    @cached_property
    def hospitals(self) -> dict[str, int]:
        return self.by_car.nearest(self.doors("hospital").values(), self.homes_by_car)

    def nearest(self, service: str) -> dict[str, int]:
        return {
            "school": lambda: self.schools,
            "pharmacy": lambda: self.pharmacies,
            "hospital": lambda: self.hospitals,
        }[service]()

    def lost(self, service: str) -> set[str]:
        """Homes that nothing can be said of: no way leads from them to any of today's sites."""
        return set(self.persons) - set(self.nearest(service))

    def straight(self, service: str) -> dict[str, int]:
        sites = list(self.places.sites(service).values())
        tree = shapely.STRtree(sites)
        return {
            name: math.floor(point.distance(sites[tree.nearest(point)]) * 1000 + 0.5)
            for name, point in self.demand.geometry.items()
        }


@pytest.fixture(scope="module")
def again(malta: Finished, test_data: Path) -> Again:
    return Again(malta, str(test_data / "malta" / "malta.osm.pbf"))


def counted(again: Again, service: str, rule: str) -> dict[str, dict[str, int]]:
    """The coverage rows of one rule: persons by zone."""
    low, judged, high = LIMITS[service, rule]
    by_car = service == "hospital"
    streets, homes = (again.drives, again.homes_by_car) if by_car else (again.walks, again.homes)
    near, lost = again.nearest(service), again.lost(service)
    radius = rule.endswith(".radius")
    line = again.straight(service) if radius else {}
    table: dict[str, dict[str, int]] = {}
    for name, n in again.persons.items():
        row = table.setdefault(again.zone[name], {})
        unknown = name in lost or again.zone[name] == ""
        value = math.inf if unknown else near.get(name, math.inf)
        leg = 0 if unknown else streets.ms(homes[name].access)
        direct = line.get(name, 0)
        # half the diagonal of a square as large as the cell; at 3.6 km/h a mm is a ms
        apart = math.floor(math.sqrt(again.cells[name].area / 2) * 1000 + 0.5)
        near_line, far_line = (direct - apart, direct + apart) if radius else (0, 0)
        worst, best = value + apart + leg * 2 // 5, value - leg - apart
        covered = value <= judged and direct <= judged
        for figure, true in {
            "persons": True,
            "covered": covered,
            "out_of_reach": not unknown and not covered,
            "not_assessed": unknown,
            "covered_low": worst <= low and far_line <= low,
            "covered_high": best <= high and near_line <= high,
            **({"covered_straight": not unknown and direct <= judged} if radius else {}),
        }.items():
            row[figure] = row.get(figure, 0) + n * true
    return table


def published(run: Finished, service: str, rule: str) -> pd.DataFrame:
    table = run.table("coverage")
    mine = (table["service"] == service) & (table["rule_id"] == rule) & (table["plan"] == "today")
    rows = table[mine & (table["level"] == "zone") & (table["settlement"] == "urban")]
    return rows.assign(zone_id=rows["zone_id"].fillna("")).set_index("zone_id")


def agree(again: Again, service: str, rule: str) -> None:
    ours, theirs = published(again.run, service, rule), counted(again, service, rule)
    assert set(ours.index) == set(theirs)
    for zone, figures in theirs.items():
        shown = {figure: int(ours.loc[zone, figure]) for figure in figures}
        assert shown == figures, zone


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


@pytest.mark.parametrize(("service", "rule"), ON_FOOT)
def test_persons_covered_on_foot_to_the_person(again: Again, service: str, rule: str) -> None:
    agree(again, service, rule)


@pytest.mark.slow
def test_persons_covered_by_car_to_the_person(again: Again) -> None:
    agree(again, "hospital", "hospital.drive_30min")


def times_agree(again: Again, service: str, *, mean_off: float) -> None:
    table = again.run.table("comparison")
    row = table[(table["plan"] == "today") & (table["service"] == service)].iloc[0]
    lost, near = again.lost(service), again.nearest(service)
    reached = sorted(
        (near[name], n)
        for name, n in again.persons.items()
        if again.zone[name] and name not in lost and near.get(name, math.inf) <= CUTOFF_MS and n
    )
    value = np.array([v for v, _ in reached], dtype=np.int64)
    weight = np.array([n for _, n in reached], dtype=np.int64)
    assert row["reached_persons"] == weight.sum()
    p95 = value[np.searchsorted(weight.cumsum(), math.ceil(weight.sum() * 95 / 100))]
    assert row["p95_time_min"] == pytest.approx(p95 / 60_000, abs=1e-9)
    assert row["max_time_min"] == pytest.approx(value.max() / 60_000, abs=1e-9)
    mean = (value * weight).sum() / weight.sum() / 60_000
    assert row["mean_time_min"] == pytest.approx(mean, abs=mean_off)


def test_times_on_foot(again: Again) -> None:
    times_agree(again, "school", mean_off=1e-9)
    times_agree(again, "pharmacy", mean_off=1e-9)


@pytest.mark.slow
def test_times_by_car(again: Again) -> None:
    """Three homes lie on streets that are drawn twice, with other directions or speeds; which of
    two equally near ones they are on is a choice, and the two programs choose otherwise."""
    times_agree(again, "hospital", mean_off=2e-5)


@pytest.mark.parametrize("service", ["school", "pharmacy"])
def test_gaps_say_how_far_it_is(again: Again, service: str) -> None:
    home_at = {(p.x, p.y): name for name, p in again.demand.geometry.items()}
    gaps = again.layer("gaps")
    gaps = gaps[gaps["service"] == service]
    assert len(gaps) > 100
    for gap in gaps.itertuples():
        home = home_at[gap.geometry.x, gap.geometry.y]
        told = gap.nearest_min if gap.rule_id in IN_MINUTES else gap.nearest_m
        unit = 60_000 if gap.rule_id in IN_MINUTES else 1000
        assert told == pytest.approx(again.nearest(service)[home] / unit, abs=1e-9), gap.gap_id
        assert gap.zone_id == again.zone[home]
    table = again.run.table("coverage")
    table = table[(table["level"] == "region") & (table["settlement"] == "urban")]
    left = table[(table["plan"] == "today") & (table["service"] == service)]
    summed = gaps.groupby("rule_id")["persons"].sum()
    assert summed.to_dict() == left.set_index("rule_id")["out_of_reach"].to_dict()


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
    doors, today, persons = again.doors("school"), again.schools, again.persons
    limit = LIMITS["school", "school.journey_grades_1_3"][1]
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
    limit = LIMITS["pharmacy", "circle_10min"][1]
    spots = {n: door(s) for n, s in again.places.sites("parking").items() if n in table.index}
    doors = placed(again.walks, spots)
    assert set(spots) == set(table.index)
    near, lost = again.pharmacies, again.lost("pharmacy")
    homes = [h for h in again.persons if again.zone[h] and h not in lost]
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

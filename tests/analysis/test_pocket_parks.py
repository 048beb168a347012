"""Pocket parks: what a place adds is the difference of two whole runs, and greedy is what it is."""

from __future__ import annotations

import itertools
import math
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from builders import CRS, times_from
from green_worlds import land_of, parks_of, towns
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import Point, Polygon, box

from siting import demand, green, rules
from siting.errors import DataError, StudyError

BOOK = rules.load()
THREE = green.indicators(BOOK)
NAMES = ("see_green_300", "park_500", "park_radius_rate")
RATE = "park_radius_rate"
TARGET = BOOK["green.target_rate"]
QUARTER = st.sampled_from(["old", "new", ""])


def places_of(*rows: tuple[Polygon, float]) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(
        {
            "place_id": [f"N{i}" for i in range(len(rows))],
            "name": "",
            "area_m2": [float(area) for _, area in rows],
        },
        geometry=[shape for shape, _ in rows],
        crs=CRS,
    )


class Rebuilt:
    """The town with any of the places made parks, measured from nothing each time."""

    def __init__(self, data: Any, town: Any) -> None:
        self.known: dict[tuple[str, ...], green.Green] = {}
        self.land, self.parks = town
        if data.draw(st.booleans()):  # large cells, of which parks and places serve parts
            self.land = land_of(box(0, 0, 1_400, 1_400), quarter=data.draw(QUARTER))
        self.cells = demand.cells(self.land, cell_m=40 if len(self.land) > 1 else 700)
        n = len(self.cells)
        ids = data.draw(st.lists(st.sampled_from(["", "a", "b"]), min_size=n, max_size=n))
        self.member = pd.DataFrame(
            {"demand_id": self.cells["cell_id"], "zoning": "t", "zone_id": ids}
        )
        spot, side = st.integers(0, 1_500), st.sampled_from([30, 40, 50, 80])
        self.places = places_of(
            *[
                (box(x, y, x + s, y + s), s * s)
                for x, y, s in data.draw(
                    st.lists(st.tuples(spot, spot, side), min_size=1, max_size=4)
                )
            ]
        )
        walk = st.sampled_from([-1, 0, 299_999, 300_000, 300_001, 500_000, 500_001])
        names = [*self.parks["park_id"], *self.places["place_id"]]
        self.lengths = pd.DataFrame(
            [[data.draw(walk) for _ in names] for _ in range(n)],
            index=list(self.cells["cell_id"]),
            columns=names,
            dtype="int64",
        )
        self.off = data.draw(
            st.lists(st.sampled_from(list(self.cells["cell_id"])), unique=True, max_size=2)
        )
        self.persons = pd.Series(
            data.draw(st.lists(st.integers(0, 9), min_size=n, max_size=n)),
            index=self.cells["cell_id"],
        )

    def walked(self, names: list[str]) -> Any:
        return times_from(
            self.lengths[names], impedance="length", cutoff=500_000, unattached=self.off
        )

    def measured(self, built: tuple[str, ...]) -> green.Green:
        """Return the whole measurement with these places built; made once each."""
        if built not in self.known:
            self.known[built] = self.remeasured(built)
        return self.known[built]

    def remeasured(self, built: tuple[str, ...]) -> green.Green:
        chosen = self.places[self.places["place_id"].isin(built)]
        more = chosen.rename(columns={"place_id": "park_id"}).assign(kind="park")
        parks = pd.concat([self.parks, more], ignore_index=True)
        foot = self.walked(list(parks["park_id"])) if len(parks) else None
        return green.green_coverage(self.cells, parks, self.member, indicators=THREE, foot=foot)

    def counted(self, built: tuple[str, ...], name: str) -> dict[str, int]:
        """Return steps of judged land in zones, straight and on foot, and persons."""
        found = self.measured(built)
        rows = found.table[found.table["judged"] & (found.table["zone_id"] != "")]
        rows = rows[rows["indicator"] == name]
        inside = self.member.set_index("demand_id")["zone_id"] != ""
        cells = found.cells
        half = 2 * cells[f"{name}_straight_m2"] >= cells["area_m2"]
        lives = cells["cell_id"].map(inside) & (cells["settlement"] == "urban") & half
        return {
            "new_m2": round(rows["straight_m2"].sum() * 1024),
            "foot_gain_m2": round(rows["foot_m2"].fillna(0).sum() * 1024),
            "new_persons": int(cells["cell_id"].map(self.persons)[lives].sum()),
        }

    def tried(self, n: int = 1, **changed: Any) -> green.PocketParks:
        before = self.measured(())
        args: dict[str, Any] = {
            "zoning": "t", "indicators": THREE, "by": RATE, "target": TARGET, "n": n,
            "walked": self.walked(list(self.places["place_id"])), "persons": self.persons,
            "membership": self.member, "places": self.places, "parks": self.parks,
            "cells": before.cells,
        } | changed  # fmt: skip
        return green.pocket_parks(**args)


@settings(max_examples=12)
@given(towns(), st.data())
def test_what_a_place_adds_is_the_difference_of_two_runs(town: Any, data: st.DataObject) -> None:
    world = Rebuilt(data, town)
    found = world.tried().places.set_index("place_id")
    for name in NAMES:
        without = world.counted((), name)
        for place in world.places["place_id"]:
            expected = world.counted((place,), name)
            for figure in expected:
                got = found.loc[place, f"{name}_{figure}"]
                got = round(got * 1024) if figure.endswith("m2") else got
                assert got == expected[figure] - without[figure], (name, place, figure)


@settings(max_examples=8)
@given(towns(), st.data())
def test_laws_of_places(town: Any, data: st.DataObject) -> None:
    world = Rebuilt(data, town)
    found = world.tried(n=3)
    again = world.tried(
        n=3, places=world.places[::-1], parks=world.parks[::-1], membership=world.member[::-1],
        cells=world.measured(()).cells[::-1],
    )  # fmt: skip
    pd.testing.assert_frame_equal(found.places, again.places)
    assert (found.chosen, found.bound_m2) == (again.chosen, again.bound_m2)
    table = found.places
    for name in NAMES:
        assert (table[f"{name}_new_on_foot_m2"] <= table[f"{name}_new_m2"]).all()
        assert (table[f"{name}_new_m2"] >= 0).all()
        assert (table[f"{name}_foot_gain_m2"] >= table[f"{name}_new_on_foot_m2"]).all()
    assert table[f"{RATE}_new_m2"].is_monotonic_decreasing
    assert found.after_m2 - found.before_m2 == table["adds_m2"].sum() <= found.bound_m2
    assert found.foot_before_m2 <= found.foot_after_m2 <= found.after_m2 <= found.land_m2
    short = max(0.8 * found.land_m2 - found.before_m2, 0)
    assert found.shortfall_m2 == pytest.approx(short, abs=1e-6)
    assert table["closes_share"].isna().all() == (found.shortfall_m2 == 0)
    # a place that is a park already adds nothing
    last = found.chosen[-1:]
    if last:
        shape = world.places[world.places["place_id"] == last[0]]
        built = shape.rename(columns={"place_id": "park_id"}).assign(kind="park")
        parks = pd.concat([world.parks, built], ignore_index=True)
        cells = green.green_coverage(world.cells, parks, world.member, indicators=THREE).cells
        there = world.tried(parks=parks, cells=cells).places.set_index("place_id")
        assert (there.loc[last[0], [f"{name}_new_m2" for name in NAMES]] == 0).all()


@settings(max_examples=8)
@given(towns(), st.data())
def test_the_sequence_is_greedy_and_its_bound_is_one(town: Any, data: st.DataObject) -> None:
    world = Rebuilt(data, town)
    n = data.draw(st.integers(1, 3))
    found = world.tried(n=n)
    ids = sorted(world.places["place_id"])

    def served(built: tuple[str, ...]) -> int:
        return world.counted(tuple(sorted(built)), RATE)["new_m2"]

    built: tuple[str, ...] = ()
    adds = found.places.dropna(subset="step").sort_values("step")["adds_m2"]
    for step in range(min(n, len(ids))):
        gains = {i: served((*built, i)) - served(built) for i in ids if i not in built}
        best = max(gains.values())
        if best == 0:
            assert len(found.chosen) == step
            break
        first = next(i for i in ids if gains.get(i) == best)
        assert found.chosen[step] == first
        assert round(adds.iloc[step] * 1024) == best
        built = (*built, first)
    nothing = served(())
    most = max(
        served(some) - nothing for k in range(n + 1) for some in itertools.combinations(ids, k)
    )
    got = round((found.after_m2 - found.before_m2) * 1024)
    assert (1 - 1 / math.e) * most <= got <= most <= round(found.bound_m2 * 1024)
    after = served(found.chosen)
    assert round(found.after_m2 * 1024) == after


def strip() -> tuple[gpd.GeoDataFrame, pd.DataFrame]:
    """Two blocks 2 km apart, of 100 and 200 m on a side, far from any park."""
    cells = demand.cells(land_of(box(0, 0, 100, 100), box(2_000, 0, 2_200, 200)), cell_m=50)
    return cells, pd.DataFrame({"demand_id": cells["cell_id"], "zoning": "t", "zone_id": "a"})


def tried(
    cells: gpd.GeoDataFrame, member: pd.DataFrame, parks: gpd.GeoDataFrame, spots: gpd.GeoDataFrame,
    **changed: Any,
) -> green.PocketParks:  # fmt: skip
    found = green.green_coverage(cells, parks, member, indicators=THREE).cells
    args: dict[str, Any] = {
        "zoning": "t", "indicators": THREE, "by": RATE, "target": TARGET, "n": 5
    } | changed  # fmt: skip
    return green.pocket_parks(found, parks, member, spots, **args)


def test_by_pencil_without_any_park() -> None:
    cells, member = strip()
    spots = places_of((box(50, 50, 90, 100), 2_000), (box(2_050, 50, 2_100, 90), 2_000))
    found = tried(cells, member, parks_of(), spots)
    # 10 000 and 40 000 m² of land; the target is 80 % of 50 000
    assert (found.land_m2, found.before_m2, found.shortfall_m2) == (50_000, 0, 40_000)
    assert found.chosen == ("N1", "N0")  # five asked for, two places there are
    table = found.places.set_index("place_id")
    assert table[f"{RATE}_new_m2"].to_dict() == {"N1": 40_000.0, "N0": 10_000.0}
    assert table["closes_share"].to_dict() == {"N1": 1.0, "N0": 0.25}
    assert (found.after_m2, found.bound_m2) == (50_000, 50_000)
    assert (table[f"{RATE}_foot_gain_m2"] == 0).all()  # nobody is known to walk there
    assert table[f"{RATE}_new_persons"].isna().all()


def test_a_second_place_beside_a_park_and_the_first() -> None:
    """One long cell: the park serves 0 to 350 m of it, the places 400–1050 and 200–850."""
    cells = demand.cells(land_of(box(0, 0, 2_000, 10)), cell_m=3_000)
    member = pd.DataFrame({"demand_id": cells["cell_id"], "zoning": "t", "zone_id": "a"})
    park = parks_of((box(0, -20, 50, 30), "park", 2_500))
    spots = places_of((box(700, -20, 750, 30), 2_500), (box(500, -20, 550, 30), 2_500))
    found = tried(cells, member, park, spots)
    table = found.places.set_index("place_id")
    assert table[f"{RATE}_new_m2"].to_dict() == {"N0": 6_500.0, "N1": 5_000.0}
    assert table["adds_m2"].to_dict() == {"N0": 6_500.0, "N1": 500.0}  # 350 to 400 m
    assert (found.chosen, found.before_m2, found.after_m2) == (("N0", "N1"), 3_500, 10_500)
    assert found.bound_m2 == 7_000  # nothing is left: proved


@pytest.mark.parametrize(
    ("area", "quarter", "served"),
    [(2_000, "", True), (1_999, "", False), (1_000, "old", True), (999, "old", False)],
)
def test_a_place_serves_by_its_size_class(area: float, quarter: str, served: bool) -> None:
    cells = demand.cells(land_of(box(0, 0, 100, 100), quarter=quarter), cell_m=50)
    member = pd.DataFrame({"demand_id": cells["cell_id"], "zoning": "t", "zone_id": "a"})
    found = tried(cells, member, parks_of(), places_of((box(150, 0, 180, 30), area)))
    row = found.places.iloc[0]
    assert row[f"{RATE}_new_m2"] == (10_000.0 if served else 0.0)
    assert row["see_green_300_new_m2"] == row["park_500_new_m2"] == 10_000.0  # of any size
    assert found.chosen == (("N0",) if served else ())


def test_land_that_sees_green_but_could_not_walk_to_it() -> None:
    """The straight line of the park across the river covers all; on foot nothing was covered."""
    cells, member = strip()
    park = parks_of(
        (box(110, 0, 190, 100), "park", 8_000), (box(2_210, 0, 2_300, 90), "park", 8_100)
    )
    walked = times_from(
        pd.DataFrame({"N0": [100_000] * len(cells)}, index=list(cells["cell_id"])),
        impedance="length", cutoff=500_000,
    )  # fmt: skip
    found = tried(cells, member, park, places_of((box(0, 0, 50, 50), 2_500)), walked=walked)
    row = found.places.iloc[0]
    assert row[f"{RATE}_new_m2"] == 0
    assert row[f"{RATE}_foot_gain_m2"] == 50_000
    assert found.chosen == ()


def test_a_lattice_reaches_all_land_and_hangs_on_the_origin() -> None:
    land = gpd.GeoDataFrame(
        geometry=[box(33, 71, 512, 640), Point(3_000, 3_000).buffer(40)], crs=CRS
    )
    found = green.lattice(land, spacing_m=150, area_m2=2_500)
    middles = shapely.centroid(found.geometry.to_numpy())
    x, y = shapely.get_x(middles), shapely.get_y(middles)
    brute = [
        f"{i}/{j}"
        for i in range(-5, 30)
        for j in range(-5, 30)
        if Point((i + 0.5) * 150, (j + 0.5) * 150).distance(shapely.union_all(land.geometry)) <= 150
    ]
    assert found["place_id"].tolist() == sorted(brute)
    assert np.allclose(x % 150, 75)
    assert np.allclose(y % 150, 75)
    assert np.allclose(shapely.area(found.geometry.to_numpy()), 2_500)
    shifted = green.lattice(land[::-1], spacing_m=150, area_m2=2_500)
    pd.testing.assert_frame_equal(shifted, found)
    assert len(green.lattice(land[:0], spacing_m=150, area_m2=2_500)) == 0
    with pytest.raises(StudyError, match="spacing_m is 0"):
        green.lattice(land, spacing_m=0, area_m2=1)


def test_places_that_are_taken_already() -> None:
    spots = places_of(*[(box(x, 0, x + 10, 10), 100) for x in (0, 20, 40, 60)])
    lake = gpd.GeoDataFrame(geometry=[box(-5, 0, 5, 5), box(30, 0, 40, 10)], crs=CRS)
    river = gpd.GeoDataFrame(geometry=[shapely.LineString([(65, -5), (65, 50)])], crs=CRS)
    water = pd.concat([lake, river], ignore_index=True)
    park = parks_of((box(0, 0, 25, 10), "park", 250))
    # the lake beside the second and third touches them and no more
    assert green.taken(spots, {"water": water, "green": park}).tolist() == [
        "water", "green", "", "water"
    ]  # fmt: skip


def test_what_cannot_be_asked() -> None:
    cells, member = strip()
    spots = places_of((box(0, 0, 50, 50), 2_500))
    with pytest.raises(StudyError, match="n = 0"):
        tried(cells, member, parks_of(), spots, n=0)
    with pytest.raises(StudyError, match="by = 'x'"):
        tried(cells, member, parks_of(), spots, by="x")
    short = times_from(pd.DataFrame({"N0": [1]}, index=["c"]), cutoff=9, impedance="length")
    twice = pd.concat([spots, spots]).to_crs("EPSG:4326")
    with pytest.raises(DataError) as told:
        tried(cells, member, parks_of(), twice, walked=short)
    for words in ("CRS of cells", "ids repeat", "cutoff=500000"):
        assert words in str(told.value)
    # no place at all is an answer, not an error
    assert tried(cells, member, parks_of(), spots[:0]).chosen == ()

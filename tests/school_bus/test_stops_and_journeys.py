"""Nobody walks too far, the greedy cover is greedy, and every pupil's morning adds up."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from bus_worlds import SCHOOL, random_world, times_of
from hypothesis import given, settings
from hypothesis import strategies as st

from siting import school_bus
from siting.errors import DataError, StudyError
from siting.network import attach, from_lines


@st.composite
def walks(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, pd.Series]:
    homes, places = draw(st.integers(1, 7)), draw(st.integers(1, 6))
    value = st.integers(-1, 900_000)
    size = homes * places
    mm = np.array(draw(st.lists(value, min_size=size, max_size=size))).reshape(homes, places)
    ms = np.array(draw(st.lists(value, min_size=size, max_size=size))).reshape(homes, places)
    pupils = draw(st.lists(st.integers(0, 4), min_size=homes, max_size=homes))
    return mm, ms, pd.Series(pupils, index=[f"D{i}" for i in range(homes)], dtype="int64")


def tables(mm: np.ndarray, ms: np.ndarray) -> tuple[object, object]:
    homes = [f"D{i}" for i in range(len(mm))]
    places = [f"P{i}" for i in range(mm.shape[1])]
    return (
        times_of(mm, homes, places, impedance="length"),
        times_of(ms, homes, places),
    )


def naive(mm: np.ndarray, ms: np.ndarray, pupils: pd.Series, longest: int, choose: bool) -> dict:
    """Look at every place every time."""
    people = pupils.to_numpy()
    may = (mm >= 0) & (ms >= 0) & (mm <= longest) & (people > 0)[:, None]
    open_places = set(range(mm.shape[1]))
    if choose:
        open_places, left = set(), set(np.flatnonzero(may.any(axis=1)).tolist())
        while left:
            ranked = []
            for p in range(mm.shape[1]):
                mine = [h for h in left if may[h, p]]
                ranked.append(
                    (-sum(people[h] for h in mine), sum(people[h] * ms[h, p] for h in mine), p)
                )
            best = min(ranked)[2]
            open_places.add(best)
            left -= {h for h in left if may[h, best]}
    result = {}
    for h in range(len(mm)):
        options = [(int(ms[h, p]), p) for p in sorted(open_places) if may[h, p]]
        if options:
            result[f"D{h}"] = f"P{min(options)[1]}"
    return result


@settings(max_examples=150)
@given(walks(), st.integers(0, 900), st.booleans())
def test_stops_equal_looking_at_every_place_every_time(
    world: tuple[np.ndarray, np.ndarray, pd.Series], metres: int, choose: bool
) -> None:
    mm, ms, pupils = world
    length, time = tables(mm, ms)
    found = school_bus.stops(length, time, pupils, max_walk_m=metres, choose=choose)  # type: ignore[arg-type]
    got = dict(zip(found.walks["demand_id"], found.walks["stop_id"], strict=True))
    assert got == naive(mm, ms, pupils, metres * 1_000, choose)
    for row in found.walks.itertuples():
        h, p = int(row.demand_id[1:]), int(row.stop_id[1:])
        assert (row.walk_mm, row.walk_ms) == (mm[h, p], ms[h, p])
        assert row.walk_mm <= metres * 1_000
    assert int(found.walks["persons"].sum() + found.without["persons"].sum()) == pupils.sum()
    assert set(found.without["demand_id"]) == set(pupils.index[pupils > 0]) - set(got)
    assert found.boarding.sum() == found.walks["persons"].sum()
    assert set(found.stop_id) == set(got.values())


def test_what_cannot_be_is_refused() -> None:
    length, time = tables(np.array([[5]]), np.array([[5]]))
    one = pd.Series({"D0": 1})
    with pytest.raises(StudyError, match="by length and by time"):
        school_bus.stops(time, length, one, max_walk_m=1, choose=True)  # type: ignore[arg-type]
    with pytest.raises(DataError, match="elsewhere"):
        school_bus.stops(length, time, pd.Series({"elsewhere": 1}), max_walk_m=1, choose=True)  # type: ignore[arg-type]
    with pytest.raises(DataError, match="whole"):
        school_bus.stops(length, time, pd.Series({"D0": 0.5}), max_walk_m=1, choose=True)  # type: ignore[arg-type]
    short = times_of([[5]], ["D0"], ["P0"], impedance="length", cutoff=10)
    with pytest.raises(StudyError, match="cutoff=1000"):
        school_bus.stops(short, time, one, max_walk_m=1, choose=True)  # type: ignore[arg-type]


def test_kerbsides_lie_on_the_street_and_stand_once() -> None:
    road = gpd.GeoDataFrame(
        {"highway": ["residential"]}, geometry=[shapely.LineString([(0, 0), (900, 0)])], crs=4547
    )
    drive = from_lines(road, mode="drive")
    homes = gpd.GeoSeries.from_xy(
        [100, 100, 300, 5_000], [30, -20, 10, 0], index=["b", "a", "c", "far"], crs=4547
    )
    at = attach(drive, homes, max_access_m=50, min_component_km=0)
    found = school_bus.kerbsides(drive, at)
    assert [(i, p.x, p.y) for i, p in found.items()] == [("a", 100.0, 0.0), ("c", 300.0, 0.0)]


@settings(max_examples=25)
@given(st.integers(0, 10_000), st.integers(1, 20), st.one_of(st.none(), st.integers(0, 3)))
def test_every_morning_adds_up(seed: int, seats: int, buses: int | None) -> None:
    world = random_world(seed, 6)
    rng = np.random.default_rng(seed)
    homes = pd.DataFrame(
        {
            "demand_id": [f"D{i:02d}" for i in range(20)],
            "stop_id": rng.choice(world.stops, size=20),
            "persons": rng.integers(1, 5, size=20),
            "walk_ms": rng.integers(0, 300_000, size=20),
            "walk_mm": 0,
        }
    )
    lost = pd.DataFrame({"demand_id": ["X"], "persons": [3], "why": ["no_stop"]})
    stops = school_bus.Stops(tuple(sorted(set(homes["stop_id"]))), homes, lost)
    plan = school_bus.routes(
        world.between, world.to_school, stops.boarding, school=SCHOOL, seats=seats, dwell_s=10,
        board_s=1, buses=buses,
    )  # fmt: skip
    school_of = pd.Series(SCHOOL, index=[*homes["demand_id"], "X"])
    found = school_bus.journeys(stops, [plan], school_of, wait_ms=60_000)
    sums = found.groupby("demand_id")["persons"].sum()
    assert sums.to_dict() == {**homes.set_index("demand_id")["persons"].to_dict(), "X": 3}
    rides = plan.routes.set_index(["route_id", "stop_id"])
    aboard = found[found["why"] == ""]
    for row in aboard.to_dict("records"):
        home = homes.set_index("demand_id").loc[row["demand_id"]]
        here = rides.loc[[(row["route_id"], row["stop_id"])]]
        assert row["ride_ms"] in set(here["ride_ms"])
        assert row["total_ms"] == home["walk_ms"] + 60_000 + row["ride_ms"]
    per_bus = aboard.groupby(["route_id", "stop_id"])["persons"].sum()
    assert per_bus.to_dict() == rides.groupby(level=[0, 1])["boarding"].sum().to_dict()
    left = found[(found["why"] != "") & (found["demand_id"] != "X")]
    assert (left["total_ms"] == -1).all()
    assert (
        left.groupby("stop_id")["persons"].sum().to_dict()
        == plan.unserved.set_index("stop_id")["persons"].to_dict()
    )

"""m² of park per person: land counted square by square, whole, and apart from other green."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import geopandas as gpd
import pandas as pd
import pytest
from builders import CRS
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import Point, box

from siting import demand, green, rules
from siting.errors import DataError, StudyError

BOOK = rules.load()
RULE = BOOK["green.park_m2_per_person"]
CLASSES = ("urban", "township_seat", "village")
SIDE = 12  # a world of 12 × 12 squares of 1 m
Square = tuple[int, int]
Rect = tuple[int, int, int, int]


def frame(columns: dict[str, Any], shapes: list[Any]) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(columns, geometry=shapes, crs=CRS)


def homes_of(*rows: tuple[int, int, str, int]) -> gpd.GeoDataFrame:
    return frame(
        {
            "demand_id": [f"h{i}" for i in range(len(rows))],
            "population": [n for _, _, _, n in rows],
            "settlement": [kind for _, _, kind, _ in rows],
        },
        [Point(x, y) for x, y, _, _ in rows],
    )


def greens_of(*rows: tuple[Rect, str]) -> gpd.GeoDataFrame:
    ids = [f"g{i}" for i in range(len(rows))]
    return frame(
        {"park_id": ids, "kind": [kind for _, kind in rows]}, [box(*rect) for rect, _ in rows]
    )


def zones_of(*rows: tuple[str, str, Rect]) -> gpd.GeoDataFrame:
    return frame(
        {"zoning": [z for z, _, _ in rows], "zone_id": [i for _, i, _ in rows]},
        [box(*rect) for _, _, rect in rows],
    )


def found(
    homes: gpd.GeoDataFrame, parks: gpd.GeoDataFrame, zones: gpd.GeoDataFrame
) -> pd.DataFrame:
    member = demand.membership(homes, zones)
    return green.park_per_person(homes, member, parks, zones, rule=RULE)


def squares(rect: Rect) -> set[Square]:
    x0, y0, x1, y1 = rect
    return {(x, y) for x in range(x0, x1) for y in range(y0, y1)}


def stretches(land: set[Square]) -> list[set[Square]]:
    """Squares that hang together by their sides."""
    left, result = set(land), []
    while left:
        waiting, one = [left.pop()], set()
        while waiting:
            x, y = waiting.pop()
            one.add((x, y))
            for near in ((x + 1, y), (x - 1, y), (x, y + 1), (x, y - 1)):
                if near in left:
                    left.remove(near)
                    waiting.append(near)
        result.append(one)
    return result


def class_of(stretch: set[Square], homes: gpd.GeoDataFrame) -> str:
    """Class of the nearest home with people, by whole squared distances."""

    def apart(row: Any) -> tuple[int, str]:
        x, y = int(row.geometry.x), int(row.geometry.y)
        far = min(max(a - x, 0, x - a - 1) ** 2 + max(b - y, 0, y - b - 1) ** 2 for a, b in stretch)
        return far, row.demand_id

    lived = [row for row in homes.itertuples() if row.population > 0]
    return min(lived, key=apart).settlement if lived else "village"


def counted(
    homes: gpd.GeoDataFrame, parks: gpd.GeoDataFrame, zones: gpd.GeoDataFrame
) -> dict[tuple[str, str, str, str], int]:
    """Squares of park and other green by zoning, zone, class and kind."""
    rects = {
        kind: [tuple(map(int, g.bounds)) for g in parks.geometry[parks["kind"] == kind]]
        for kind in ("park", "green")
    }
    park = set().union(*(squares(r) for r in rects["park"]))  # type: ignore[arg-type]
    other = set().union(*(squares(r) for r in rects["green"])) - park  # type: ignore[arg-type]
    result: dict[tuple[str, str, str, str], int] = {}
    for kind, land in (("park", park), ("other", other)):
        for stretch in stretches(land):
            settlement = class_of(stretch, homes)
            for zoning, rows in zones.groupby("zoning"):
                for square in stretch:
                    middle = Point(square[0] + 0.5, square[1] + 0.5)
                    inside = rows.loc[rows.geometry.contains(middle), "zone_id"]
                    key = (zoning, min(inside, default=""), settlement, kind)
                    result[key] = result.get(key, 0) + 1
    return result


rects = st.tuples(
    st.integers(0, SIDE - 4), st.integers(0, SIDE - 4), st.integers(1, 4), st.integers(1, 4)
).map(lambda r: (r[0], r[1], r[0] + r[2], r[1] + r[3]))
spots = st.tuples(
    st.integers(0, SIDE), st.integers(0, SIDE), st.sampled_from(CLASSES), st.integers(0, 3)
)


@st.composite
def worlds(draw: st.DrawFn) -> tuple[gpd.GeoDataFrame, gpd.GeoDataFrame, gpd.GeoDataFrame]:
    homes = homes_of(*draw(st.lists(spots, min_size=1, max_size=6)))
    kinds = st.sampled_from(["park", "park", "green"])
    parks = greens_of(*draw(st.lists(st.tuples(rects, kinds), max_size=5)))
    wide = st.integers(1, SIDE - 1)
    cut, top = draw(wide), draw(wide)
    zones = zones_of(
        ("t", "east", (cut, 0, SIDE, SIDE - 1)),
        ("t", "west", (0, 0, min(cut + draw(st.integers(0, 2)), SIDE), SIDE)),  # may overlap
        ("u", "south", (0, 0, SIDE, top)),
    )
    return homes, parks, zones


@settings(max_examples=20)
@given(worlds())
def test_land_is_counted_square_by_square(world: Any) -> None:
    homes, parks, zones = world
    table = found(*world)
    expected = counted(homes, parks, zones)
    zoned = table[(table["level"] == "zone") & (table["settlement"] != "judged")]
    for row in zoned.itertuples():
        key = (row.zoning, row.zone_id, row.settlement)
        assert row.park_m2 == expected.pop((*key, "park"), 0)
        assert row.other_green_m2 == expected.pop((*key, "other"), 0)
        if row.persons:
            assert row.m2_per_person == float(Fraction(int(row.park_m2), row.persons))
    assert expected == {}


@settings(max_examples=15)
@given(worlds(), st.data())
def test_laws(world: Any, data: st.DataObject) -> None:
    homes, parks, zones = world
    copies = [part.copy(deep=True) for part in world]
    table = found(*world)
    pd.testing.assert_frame_equal(table, found(homes[::-1], parks[::-1], zones[::-1]))
    for before, after in zip(copies, world, strict=True):
        assert before.equals(after)
    # every zoning adds up to all land and all people, and the region to what lies in zones
    apart = table[table["settlement"] != "judged"]
    park = parks[parks["kind"] == "park"]
    land = park.geometry.union_all().area if len(park) else 0
    for _, rows in apart[apart["level"] == "zone"].groupby("zoning"):
        assert rows["park_m2"].sum() == land
        assert rows["persons"].sum() == homes["population"].sum()
    for zoning, rows in apart[apart["level"] == "region"].groupby("zoning"):
        inside = apart[(apart["zoning"] == zoning) & (apart["level"] == "zone")]
        inside = inside[inside["zone_id"] != ""]
        for name in ("park_m2", "persons", "other_green_m2"):
            assert rows[name].sum() == inside[name].sum()
    some = table[table["persons"] > 0]
    assert (some["low_m2_per_person"] <= some["m2_per_person"]).all()
    assert (some["m2_per_person"] <= some["high_m2_per_person"]).all()
    assert (table["park_m2"] <= table["zone_park_m2"]).all()
    outside = table[(table["level"] == "zone") & (table["zone_id"] == "")]
    assert (outside["verdict"] == "not_judged").all()
    if len(parks):  # a park cut in two is the same park
        i = data.draw(st.integers(0, len(parks) - 1))
        x0, y0, x1, y1 = map(int, parks.geometry.iloc[i].bounds)
        if x1 - x0 > 1:
            halves = [box(x0, y0, x0 + 1, y1), box(x0 + 1, y0, x1, y1)]
            two = frame({"park_id": ["p", "q"], "kind": parks["kind"].iloc[i]}, halves)
            split = pd.concat([parks.drop(index=parks.index[i]), two], ignore_index=True)
            pd.testing.assert_frame_equal(table, found(homes, split, zones))


TOWN = ("t", "z", (0, 0, 100, 100))
URBAN = (5, 5, "urban", 100)


@pytest.mark.parametrize(
    ("side", "persons", "verdict", "short"),
    [  # 800 m² for 100 people are 8.0 each, and the norm asks for more than 8
        (40, 100, "fail", 0.0),
        (40, 99, "pass", 0.0),
        (39, 100, "fail", 20.0),
    ],
)
def test_more_than_eight_is_more(side: int, persons: int, verdict: str, short: float) -> None:
    homes = homes_of((5, 5, "urban", persons))
    row = found(homes, greens_of(((0, 0, 20, side), "park")), zones_of(TOWN)).iloc[0]
    assert (row["level"], row["settlement"], row["park_m2"]) == ("region", "judged", 20 * side)
    assert (row["verdict"], row["short_m2"], row["why"]) == (verdict, short, "")


def test_a_verdict_that_hangs_on_whose_park_it_is() -> None:
    """A village's park beside the town: with it the zone has enough, without it has not."""
    homes = homes_of(URBAN, (90, 90, "village", 10))
    parks = greens_of(((0, 0, 20, 20), "park"), ((70, 60, 95, 85), "park"))
    table = found(homes, parks, zones_of(TOWN))
    row = table.iloc[0]
    assert row["park_m2"] == 400
    assert row["zone_park_m2"] == 400 + 625
    assert [row[f"{end}m2_per_person"] for end in ("low_", "", "high_")] == [4.0, 4.0, 10.25]
    assert (row["verdict"], row["short_m2"]) == ("not_robust", 400.0)
    village = table[(table["level"] == "zone") & (table["settlement"] == "village")].iloc[0]
    assert (village["m2_per_person"], village["verdict"]) == (62.5, "not_judged")
    assert village["why"] == "settlement"


def test_people_outside_every_zone_lower_the_region_only() -> None:
    homes = homes_of(URBAN, (150, 5, "urban", 100))
    parks = greens_of(((0, 0, 30, 30), "park"), ((140, 0, 150, 30), "park"))
    table = found(homes, parks, zones_of(TOWN))
    region, outside, zone = (
        table[(table["settlement"] == "judged") & (table["level"] == level)
              & (table["zone_id"] == zone_id)].iloc[0]
        for level, zone_id in (("region", ""), ("zone", ""), ("zone", "z"))
    )  # fmt: skip
    assert (region["low_m2_per_person"], region["m2_per_person"]) == (4.5, 9.0)
    assert region["verdict"] == "not_robust"
    assert (zone["low_m2_per_person"], zone["verdict"]) == (9.0, "pass")
    assert (outside["park_m2"], outside["verdict"], outside["why"]) == (
        300,
        "not_judged",
        "outside",
    )


def test_no_park_no_people_and_what_does_not_fit() -> None:
    homes, zones = homes_of(URBAN), zones_of(TOWN)
    row = found(homes, greens_of(((0, 0, 9, 9), "green")), zones).iloc[0]
    assert (row["park_m2"], row["other_green_m2"], row["m2_per_person"]) == (0, 81, 0)
    assert (row["verdict"], row["why"], row["short_m2"]) == ("fail", "no_parks", 800)
    villagers = homes_of((5, 5, "village", 9), (1, 1, "urban", 0))
    table = found(villagers, greens_of(((0, 0, 9, 9), "park")), zones)
    judged = table[table["settlement"] == "judged"].iloc[0]
    assert (judged["verdict"], judged["why"]) == ("not_judged", "no_persons")
    assert pd.isna(judged["m2_per_person"])
    with pytest.raises(StudyError, match="in share"):
        green.park_per_person(
            homes, demand.membership(homes, zones), greens_of(), zones,
            rule=BOOK["green.target_rate"],
        )  # fmt: skip
    with pytest.raises(DataError, match="CRS of demand"):
        found(homes, greens_of(((0, 0, 9, 9), "park")).to_crs("EPSG:4326"), zones)

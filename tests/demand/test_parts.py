"""Several sources of people together: every total kept, nobody twice, order does not matter."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import pandas as pd
import pyproj
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from siting import demand, load
from siting.demand import Density
from siting.errors import DataError

CRS = pyproj.CRS.from_epsg(4547)
CLASSES = ("urban", "township_seat", "village")
ZONES = gpd.GeoDataFrame(
    {"zoning": "z", "zone_id": ["a", "b", "c", "d"], "name": ["a", "b", "c", "d"]},
    geometry=[shapely.box(x, y, x + 10, y + 10) for x in (0, 10) for y in (0, 10)],
    crs=CRS,
)
HALVES = gpd.GeoDataFrame(
    {"zoning": "half", "zone_id": ["w", "e"], "name": ["w", "e"]},
    geometry=[shapely.box(0, 0, 10, 20), shapely.box(10, 0, 20, 20)],
    crs=CRS,
)
PLACE = st.tuples(
    st.floats(-3, 23), st.floats(-3, 23), st.sampled_from(CLASSES), st.integers(0, 60)
)
SOURCES = st.fixed_dictionaries({name: st.lists(PLACE, max_size=8) for name in ("one", "two")})


def table(rows: list[Any], name: str) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(
        {
            "demand_id": pd.Series([f"{name}{i}" for i in range(len(rows))], dtype="str"),
            "population": pd.Series([r[3] for r in rows], dtype="int64"),
            "settlement": pd.Series([r[2] for r in rows], dtype="str"),
            "area_m2": 0.0,
        },
        geometry=[shapely.Point(r[0], r[1]) for r in rows],
        crs=CRS,
    )


def zone_at(x: float, y: float) -> str:
    """Return the zone by hand: a shared border is the smaller id's."""
    if not (0 <= x <= 20 and 0 <= y <= 20):
        return ""
    return {(0, 0): "a", (0, 1): "b", (1, 0): "c", (1, 1): "d"}[(int(x > 10), int(y > 10))]


@settings(max_examples=30)
@given(SOURCES, st.sampled_from([None, {"one": ["a", "c"]}, {"one": ["b"], "two": ["a", "b"]}]))
def test_own_people_of_one_source_a_zone(sources: dict[str, Any], only: Any) -> None:
    parts = {name: table(rows, name) for name, rows in sources.items()}
    found = demand.one_source_a_zone(parts, ZONES, only=only)
    expected: dict[str, int] = {}
    for zone_id in ["", *"abcd"]:  # said again, zone by zone
        for name, rows in sources.items():
            if only and name in only and zone_id not in only[name]:
                continue
            there = [r[3] for r in rows if zone_at(r[0], r[1]) == zone_id]
            if sum(there):
                expected[zone_id] = sum(there)
                break
    member = demand.membership(found.table, pd.concat([ZONES, HALVES]))
    joined = member.merge(pd.DataFrame(found.table), on="demand_id")
    assert set(joined.groupby("zoning")["population"].sum()) <= {sum(expected.values())}
    sums = joined[joined["zoning"] == "z"].groupby("zone_id")["population"].sum()
    assert sums[sums > 0].to_dict() == expected
    assert joined[joined["zoning"] == "z"].groupby("zone_id")["source"].nunique().le(1).all()
    given_, used = sum(r[3] for rows in sources.values() for r in rows), sum(expected.values())
    listed = found.drops["what"].str.extract(r"^(\d+) people")[0].astype(int).sum()
    assert used + listed == given_
    mixed = demand.one_source_a_zone(
        {name: part.iloc[::-1] for name, part in parts.items()}, ZONES.iloc[::-1], only=only
    )
    pd.testing.assert_frame_equal(pd.DataFrame(found.table), pd.DataFrame(mixed.table))
    pd.testing.assert_frame_equal(found.drops, mixed.drops)


TOTALS = st.lists(
    st.integers(0, 500).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n))),
    min_size=4, max_size=4,
)  # fmt: skip


def carriers(sources: dict[str, Any]) -> gpd.GeoDataFrame:
    parts = [table(rows, name).assign(source=name) for name, rows in sources.items()]
    every = pd.concat(parts, ignore_index=True).rename(columns={"demand_id": "carrier_id"})
    return every.assign(
        weight=every["population"].astype("float64"), source=every["source"].astype("str")
    )


@settings(max_examples=30)
@given(SOURCES, TOTALS)
def test_totals_of_towns_and_villages(sources: dict[str, Any], totals: list[Any]) -> None:
    """Each total to the person, by the first source that has anything of its class there."""
    sources["two"] = [*sources["two"], (1.0, 1.0, "village", 1)]
    asked = pd.DataFrame(
        {
            "zone_id": list("abcd"),
            "population": [t[0] for t in totals],
            "town_population": [t[1] for t in totals],
        }
    )
    spots = carriers(sources)
    options: dict[str, Any] = {"by": "weight", "fallback": "zone_point", "sources": ["one", "two"]}
    found = demand.spread(asked, spots, zones=ZONES, **options)
    member = demand.membership(found.table, pd.concat([ZONES, HALVES]))
    joined = member.merge(pd.DataFrame(found.table), on="demand_id")
    assert set(joined.groupby("zoning")["population"].sum()) == {sum(t[0] for t in totals)}
    mine = joined[(joined["zoning"] == "z") & (joined["population"] > 0)]
    town = mine["settlement"].isin(["urban", "township_seat"])
    for zone_id, (everybody, towns) in zip("abcd", totals, strict=True):
        here = mine["zone_id"] == zone_id
        assert mine.loc[here & town, "population"].sum() == towns
        assert mine.loc[here & ~town, "population"].sum() == everybody - towns
        for part, persons in ((True, towns), (False, everybody - towns)):
            able = [
                name
                for name in ("one", "two")
                for r in sources[name]
                if zone_at(r[0], r[1]) == zone_id and r[3] and (r[2] != "village") == part
            ]
            speaks = {next(iter(able), "zone_point")} if persons else set()
            assert set(mine.loc[here & (town == part), "source"]) == speaks
    mixed = demand.spread(asked.iloc[::-1], spots.iloc[::-1], zones=ZONES.iloc[::-1], **options)
    pd.testing.assert_frame_equal(pd.DataFrame(found.table), pd.DataFrame(mixed.table))
    pd.testing.assert_frame_equal(found.drops, mixed.drops)


def test_a_total_nothing_carries_is_named_with_its_part() -> None:
    asked = pd.DataFrame(
        {"zone_id": list("abcd"), "population": [9, 0, 0, 0], "town_population": [4, 0, 0, 0]}
    )
    spots = carriers({"one": [(1.0, 1.0, "village", 5)]})
    with pytest.raises(DataError, match=r"1 of 8 zones have people but nothing .*\(a \(towns\)\)"):
        demand.spread(asked, spots, zones=ZONES, by="weight")
    blank = spots.assign(settlement="")
    with pytest.raises(DataError, match="need to know which places are towns"):
        demand.spread(asked, blank, zones=ZONES, by="weight", settlement=Density(1, 1, 1, 1))


def test_density_is_of_the_people_that_are_counted() -> None:
    """Two sources of 900 in one square of 1 km are towns together, and each alone is none.

    And 900 of a source that is not counted make nobody a townsman.
    """
    squares = gpd.GeoDataFrame(
        {"zoning": "z", "zone_id": ["a", "b"], "name": ["a", "b"]},
        geometry=[shapely.box(0, 0, 500, 1000), shapely.box(500, 0, 1000, 1000)],
        crs=CRS,
    )
    dense = Density(10_000, 10_000, 1_500, 1_500)
    parts = {
        name: demand.from_points(
            table([(x, 500.0, "", 900)], name).assign(settlement=pd.Series([""], dtype="str")),
            settlement=dense,
        ).table
        for name, x in (("west", 100.0), ("east", 900.0), ("again", 901.0))
    }
    assert {w for part in parts.values() for w in part["settlement"]} == {"village"}
    both = demand.one_source_a_zone(parts, squares, density=dense)
    assert both.table[["population", "settlement"]].values.tolist() == [
        [900, "township_seat"], [900, "township_seat"]
    ]  # fmt: skip
    assert dict(both.uncounted) == {"again": 900}
    one = {name: parts[name] for name in ("east", "again")}
    alone = demand.one_source_a_zone(one, squares, density=dense)
    assert alone.table["settlement"].tolist() == ["village"]


@pytest.mark.parametrize("declared", CLASSES)
def test_a_sources_declared_class_stands_before_land_use_and_zones(declared: str) -> None:
    """The same order whether the source says how many or only where."""
    zones = ZONES.assign(settlement=pd.Series(["urban", "urban", "urban", "urban"], dtype="str"))
    land = gpd.GeoDataFrame(
        {"residential_id": ["l"], "settlement": ["township_seat"]},
        geometry=[shapely.box(0, 0, 10, 10)], crs=CRS,
    )  # fmt: skip
    spots = table([(1.0, 1.0, "", 3), (11.0, 1.0, "village", 4)], "p")
    said = {"land_use": [land], "zones": zones, "declared": declared}
    made = demand.from_points(spots, **said).table
    assert made[["settlement", "class_from"]].values.tolist() == [
        [declared, "study"], ["village", "own"]
    ]  # fmt: skip
    pieces = gpd.GeoDataFrame(
        {"piece_id": ["0/0/a"], "zone_id": ["a"], "persons": [3.0], "area_m2": 4.0,
         "spread_m": 1.5}, geometry=[shapely.Point(1, 1)], crs=CRS,
    )  # fmt: skip
    (row,) = demand.from_raster(pieces, **said).table.to_dict("records")
    assert (row["settlement"], row["class_from"]) == (declared, "study")
    none = demand.from_raster(pieces, **{**said, "declared": None}).table
    assert none["class_from"].tolist() == ["land_use"]


def test_a_zones_one_point_is_of_the_zones_class() -> None:
    """Towns of an urban district are urban; a total's own word is the last, and the first to fit.

    d is called a village by the zones, and its townspeople cannot be villagers.
    """
    asked = pd.DataFrame(
        {"zone_id": list("abcd"), "population": [9, 7, 5, 8], "town_population": [9, 3, 0, 8]}
    )
    zones = ZONES.assign(
        settlement=pd.Series(["urban", "", "urban", "village"], dtype="str"),
    )
    land = gpd.GeoDataFrame(
        {"residential_id": ["l"], "settlement": ["urban"]},
        geometry=[ZONES.geometry.iat[1].buffer(-0.1)], crs=CRS,
    )  # fmt: skip
    spots = carriers({"one": [(50.0, 50.0, "village", 1)]})
    options: dict[str, Any] = {"zones": zones, "by": "weight", "fallback": "zone_point"}

    def found(**more: Any) -> dict[str, list[str]]:
        made = demand.spread(asked, spots, **options, **more).table
        made = made[made["population"] > 0].set_index("demand_id")
        return made[["settlement", "class_from"]].T.to_dict("list")

    assert found(land_use=[land]) == {
        "a/town": ["urban", "zones"],
        "b/town": ["urban", "land_use"],
        "b/village": ["village", "totals"],
        "c/village": ["village", "totals"],
        "d/town": ["township_seat", "totals"],
    }
    assert found(settlement="urban")["b/town"] == ["urban", "study"]
    assert found(settlement="village")["b/town"] == ["township_seat", "totals"]
    assert found(settlement="village")["b/village"] == ["village", "study"]
    assert found(settlement=Density(1, 1, 1, 1))["b/town"] == ["township_seat", "totals"]


def test_people_on_a_zones_one_point_may_live_anywhere_in_it() -> None:
    zones = ZONES[ZONES["zone_id"] == "a"]
    spots = carriers({"one": [(50.0, 50.0, "village", 1)]})
    asked = pd.DataFrame({"zone_id": ["a"], "population": [9]})
    made = demand.spread(asked, spots, zones=zones, by="weight", fallback="zone_point",
                         settlement="urban").table  # fmt: skip
    (row,) = made[made["population"] > 0].to_dict("records")
    far = max(row["geometry"].distance(shapely.Point(x, y)) for x in (0, 10) for y in (0, 10))
    assert row["spread_m"] == pytest.approx(far)
    assert demand.spread_mm(made, within_m=2).loc["a/zone"] == round(far * 1000)


CENSUS = pd.DataFrame(
    {
        "code": ["4306", "430602", "430603", "", "430681"],
        "name": ["市", "楼区", "溪区", "管理区", "罗市"],
        "n": [100, 40, 30, 7, 23],
        "town": [55, 30, 10, 5, 10],
    }
)
COLUMNS = {"zone_id": "code", "name": "name", "population": "n", "town_population": "town"}


def test_a_total_row_and_a_district_without_code() -> None:
    read = load.totals(CENSUS, columns=COLUMNS, total_row="4306", merge={"管理区": "430681"})
    assert read.table.values.tolist() == [
        ["430602", 40, 30],
        ["430603", 30, 10],
        ["430681", 30, 15],
    ]
    assert read.drops[["row", "what", "action"]].values.tolist() == [
        ["4306", "the sum of all others, checked", "not counted"],
        ["管理区", "7 people counted to 430681, as the study says", "merged"],
    ]
    assert CENSUS["n"].tolist() == [100, 40, 30, 7, 23]  # as it was


def parts_and(total: dict[str, Any] | None, at: int, *parts: int, **town: Any) -> pd.DataFrame:
    """Return parts by code, and a row of another code put at a place among them."""
    rows = [{"code": f"43068{i}", "name": f"区{i}", "n": n} for i, n in enumerate(parts)]
    if total is not None:
        rows.insert(at, {"code": "430699", "name": "丙", "n": sum(parts)} | total)
    return pd.DataFrame(rows).assign(**town)


ONE_COLUMN = {"zone_id": "code", "name": "name", "population": "n"}


@pytest.mark.parametrize("at", range(5))
def test_a_total_row_is_found_wherever_it_stands(at: int) -> None:
    with pytest.raises(DataError, match=r"1 of 5 rows hold the sum of all others.*\(430699\)"):
        load.totals(parts_and({}, at, 40, 30, 7, 23), columns=ONE_COLUMN)


@pytest.mark.parametrize("at", range(3))
@pytest.mark.parametrize("name", ["合计", "合 计", "　全市", "Total", "SUM"])
def test_what_is_called_a_total_is_one(at: int, name: str) -> None:
    """Of any number of parts, and whether or not it adds up: no zone is called so."""
    for n in (70, 71):
        with pytest.raises(DataError, match=r"1 of 3 rows are called a total.*total_row"):
            load.totals(parts_and({"name": name, "n": n}, at, 40, 30), columns=ONE_COLUMN)
    with pytest.raises(DataError) as caught:  # without a code either: one row, one problem
        load.totals(parts_and({"name": name, "code": ""}, at, 40, 30), columns=ONE_COLUMN)
    (problem,) = caught.value.problems
    assert "are called a total" in str(problem)
    with pytest.raises(DataError, match="1 of 2 rows are called a total"):
        load.totals(parts_and({"name": name}, min(at, 1), 40), columns=ONE_COLUMN)
    named = load.totals(parts_and({"name": name}, at, 40, 30), columns=ONE_COLUMN,
                        total_row="430699")  # fmt: skip
    assert named.table["population"].tolist() == [40, 30]
    alone = load.totals(parts_and(None, 0, 40).assign(name=name), columns=ONE_COLUMN)
    assert alone.table["population"].tolist() == [40]  # a region of one zone is called what it is


@pytest.mark.parametrize("at", range(3))
def test_a_sum_of_few_may_be_chance_and_is_asked(at: int) -> None:
    """Two parts and a third as large as both: counted and listed; in two columns no chance."""
    found = load.totals(parts_and({}, at, 40, 30), columns=ONE_COLUMN)
    assert sorted(found.table["population"]) == [30, 40, 70]
    assert found.drops[["row", "what", "action"]].values.tolist() == [
        ["430699",
         "as many as all others together: if this is the total row, name it (total_row)", "kept"]
    ]  # fmt: skip
    both = {**ONE_COLUMN, "town_population": "town"}
    twice = parts_and({}, at, 40, 30)
    twice["town"] = twice["n"] // 2
    with pytest.raises(DataError, match="1 of 3 rows hold the sum of all others"):
        load.totals(twice, columns=both)
    twice["town"] = [20, 15, 20]  # agrees in one column only, as two parts and a third may
    assert len(load.totals(twice, columns=both).table) == 3


@pytest.mark.parametrize("parts", [(5, 5), (5, 5, 0, 0, 0), (0, 0, 0), (9,), (3, 4, 5, 6, 7)])
def test_no_total_is_seen_where_there_is_none(parts: tuple[int, ...]) -> None:
    """Two equal towns, and towns that nobody lives in, are no sums of others."""
    found = load.totals(parts_and(None, 0, *parts), columns=ONE_COLUMN)
    assert found.table["population"].tolist() == list(parts)
    assert found.drops.empty


@pytest.mark.parametrize(
    ("change", "asked", "told"),
    [
        ({}, {"total_row": "4306"}, "have no zone_id"),
        ({}, {"merge": {"管理区": "430681"}}, "a total row among the parts"),
        ({}, {"total_row": "43", "merge": {"管理区": "430681"}}, '0 rows are called "43"'),
        ({}, {"total_row": "4306", "merge": {"管理处": "430681"}}, "1 rows to merge are not"),
        ({}, {"total_row": "4306", "merge": {"管理区": "430699"}}, "zones to merge into are not"),
        ({"n": [101, 40, 30, 7, 23]}, {"total_row": "4306", "merge": {"管理区": "430681"}},
         "all others add up to 100 in population"),
        ({"town": [55, 30, 10, 6, 10]}, {"total_row": "4306", "merge": {"管理区": "430681"}},
         "all others add up to 56 in town_population"),
        ({"town": [55, 41, 10, 5, 10]}, {"total_row": "4306"}, "more people in town_population"),
        ({"town": [55, None, 10, 5, 10]}, {"total_row": "4306"}, "town_population"),
        ({"name": ["市", "楼区", "溪区", "楼区", "罗市"]},
         {"total_row": "4306", "merge": {"楼区": "430681"}},
         "1 names of rows to merge stand in several rows"),
        ({"code": ["4306", "430602", "430602", "", "430681"]}, {"total_row": "4306"},
         "share their zone_id"),
    ],
)  # fmt: skip
def test_totals_refused(change: dict[str, Any], asked: dict[str, Any], told: str) -> None:
    table = CENSUS.assign(**change)
    if "a total row" in told:  # four parts and their sum, none of them without a code
        extra = pd.DataFrame({"code": ["430611"], "name": ["山区"], "n": [0], "town": [0]})
        table = pd.concat([table, extra], ignore_index=True)
    with pytest.raises(DataError) as caught:
        load.totals(table, columns=COLUMNS, **asked)
    assert told in str(caught.value)

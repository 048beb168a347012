"""Settlement classes: which source speaks, what the codes mean, and density against flood fill."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from siting import demand, load, rules
from siting.demand import Density
from siting.errors import DataError

CRS = pyproj.CRS.from_epsg(4547)
X0, Y0 = 430_000, 3_250_000  # both whole kilometres


def spots(*rows: tuple[str, int, str, float, float]) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(
        {
            "demand_id": [r[0] for r in rows],
            "population": [r[1] for r in rows],
            "settlement": [r[2] for r in rows],
        },
        geometry=[shapely.Point(X0 + r[3], Y0 + r[4]) for r in rows],
        crs=CRS,
    )


def land(settlement: str, *boxes: tuple[float, float, float, float]) -> gpd.GeoDataFrame:
    raw = gpd.GeoDataFrame(
        geometry=[shapely.box(X0 + a, Y0 + b, X0 + c, Y0 + d) for a, b, c, d in boxes], crs=CRS
    )
    return load.residential(raw, crs=CRS, settlement=settlement, layer="people.land_use").table


# as a government statistics bureau explains them to the public (河东区统计局, 2023-07-27)
CODES = {
    "111": "urban", "112": "urban", "121": "township_seat", "122": "township_seat",
    "123": "township_seat", "210": "village", "220": "village",
}  # fmt: skip


def test_statistical_codes() -> None:
    raw = gpd.GeoDataFrame(
        {"no": list(CODES), "n": 1, "ur_code": list(CODES)},
        geometry=[shapely.Point(X0 + i, Y0) for i in range(len(CODES))],
        crs=CRS,
    )
    columns = {"demand_id": "no", "population": "n", "settlement": "ur_code"}
    found = load.people(raw, crs=CRS, columns=columns).table
    assert dict(zip(found["demand_id"], found["settlement"], strict=True)) == CODES
    numbers = raw.assign(ur_code=[int(c) for c in CODES])  # a spreadsheet may hold numbers
    again = load.people(numbers, crs=CRS, columns=columns).table
    assert again["settlement"].tolist() == found["settlement"].tolist()
    for wrong in ("100", "113", "0", "221"):
        with pytest.raises(DataError, match="settlement that is not known"):
            load.people(raw.assign(ur_code=wrong), crs=CRS, columns=columns)


def test_the_first_that_says_it_speaks() -> None:
    """Its own row, then land use in the order of layers, then the zone, then the study."""
    people = spots(
        ("own", 1, "village", 10, 10), ("both", 1, "", 10, 10), ("second", 1, "", 60, 10),
        ("zone", 1, "", 160, 10), ("nothing", 1, "", 900, 900),
    )  # fmt: skip
    layers = [land("urban", (0, 0, 50, 50)), land("township_seat", (0, 0, 100, 50))]
    zones = gpd.GeoDataFrame(
        {"zoning": ["z"], "zone_id": ["z"], "name": ["z"], "settlement": ["village"]},
        geometry=[shapely.box(X0, Y0, X0 + 300, Y0 + 300)],
        crs=CRS,
    )
    found = demand.from_points(people, zones=zones, land_use=layers, settlement="urban").table
    said = found.set_index("demand_id")[["settlement", "class_from"]].T.to_dict("list")
    assert said == {
        "own": ["village", "own"], "both": ["urban", "land_use"],
        "second": ["township_seat", "land_use"], "zone": ["village", "zones"],
        "nothing": ["urban", "study"],
    }  # fmt: skip
    with pytest.raises(DataError, match=r"1 of 5 points have no settlement class \(nothing\)"):
        demand.from_points(people, zones=zones, land_use=layers)


DEGURBA = Density(1500, 50_000, 300, 5_000)


def shipped() -> Density:
    known = rules.load()
    names = ("dense_per_km2", "dense_persons", "moderate_per_km2", "moderate_persons")
    assert {known[f"settlement.{n}"].status for n in names} == {"assumed"}
    return Density(**{n: known[f"settlement.{n}"].strict for n in names})


def test_shipped_thresholds_are_the_published_ones() -> None:
    """Eurostat's glossary: urban centre 1,500 and 50,000; urban cluster 300 and 5,000."""
    assert shipped() == DEGURBA


def kilometres(*cells: tuple[int, int, int]) -> gpd.GeoDataFrame:
    return spots(*((f"c{x},{y}", n, "", 1000 * x + 500, 1000 * y + 500) for x, y, n in cells))


def classed(table: gpd.GeoDataFrame) -> dict[str, str]:
    return dict(zip(table["demand_id"], demand.by_density(table, DEGURBA).tolist(), strict=True))


def test_by_pencil() -> None:
    """Two dense cells by a side are a city at 50,000; by a corner only they are two towns."""
    side = classed(kilometres((0, 0, 30_000), (1, 0, 20_000), (2, 0, 300), (9, 9, 299)))
    assert side == {
        "c0,0": "urban", "c1,0": "urban", "c2,0": "township_seat", "c9,9": "village"
    }  # fmt: skip
    assert set(classed(kilometres((0, 0, 30_000), (1, 1, 20_000))).values()) == {"township_seat"}
    assert set(classed(kilometres((0, 0, 30_000), (1, 0, 19_999))).values()) == {"township_seat"}
    # 300 people a cell, joined by corners: 5,000 in all make a town, 4,999 do not
    town = [(i, i, 300) for i in range(16)]
    assert set(classed(kilometres(*town, (16, 16, 200))).values()) == {"village"}
    assert classed(kilometres(*town, (16, 15, 500)))["c0,0"] == "township_seat"


def flood(cells: dict[tuple[int, int], int], per_km2: int, least: int, corners: bool) -> set[Any]:
    """Return the cells of clusters, spelled out."""
    near = [(1, 0), (-1, 0), (0, 1), (0, -1)]
    near += [(1, 1), (1, -1), (-1, 1), (-1, -1)] if corners else []
    left = {c for c, n in cells.items() if n >= per_km2}
    found = set()
    while left:
        todo, cluster = [left.pop()], set()
        while todo:
            x, y = todo.pop()
            cluster.add((x, y))
            for i, j in near:
                if (x + i, y + j) in left:
                    left.remove((x + i, y + j))
                    todo.append((x + i, y + j))
        if sum(cells[c] for c in cluster) >= least:
            found |= cluster
    return found


HOMES = st.lists(
    st.tuples(st.integers(-3500, 3500), st.integers(-3500, 3500), st.integers(0, 40)),
    min_size=1, max_size=60,
)  # fmt: skip


@settings(max_examples=60)
@given(HOMES, st.randoms())
def test_density_equals_flood_fill(homes: list[tuple[int, int, int]], random: Any) -> None:
    """With small thresholds, so that clusters of every kind come up."""
    thresholds = Density(20, 60, 8, 20)
    table = spots(*((f"h{i:02d}", n, "", x, y) for i, (x, y, n) in enumerate(homes)))
    cells: dict[tuple[int, int], int] = {}
    for x, y, n in homes:
        at = (x // 1000, y // 1000)
        cells[at] = cells.get(at, 0) + n
    dense = flood(cells, 20, 60, corners=False)
    moderate = flood(cells, 8, 20, corners=True)
    expected = [
        "urban" if (at := (x // 1000, y // 1000)) in dense
        else "township_seat" if at in moderate else "village"
        for x, y, _ in homes
    ]  # fmt: skip
    assert demand.by_density(table, thresholds).tolist() == expected
    order = list(range(len(homes)))
    random.shuffle(order)
    mixed = demand.by_density(table.iloc[order], thresholds).tolist()
    assert mixed == [expected[i] for i in order]


def test_density_decides_only_where_nothing_else_says_it() -> None:
    people = kilometres((0, 0, 60_000), (5, 5, 10)).assign(settlement=["village", ""])
    found = demand.from_points(people, settlement=DEGURBA).table
    assert found[["settlement", "class_from"]].values.tolist() == [
        ["village", "own"], ["village", "density"]
    ]  # fmt: skip
    totals = pd.DataFrame({"zone_id": ["z"], "population": [70_000]})
    zones = gpd.GeoDataFrame(
        {"zoning": ["z"], "zone_id": ["z"], "name": ["z"]},
        geometry=[shapely.box(X0, Y0, X0 + 1000, Y0 + 1000)],
        crs=CRS,
    )
    carriers = gpd.GeoDataFrame(
        {"carrier_id": ["a", "b"], "settlement": "", "area_m2": np.array([1.0, 1.0])},
        geometry=[shapely.Point(X0 + 5, Y0 + 5), shapely.Point(X0 + 995, Y0 + 5)],
        crs=CRS,
    )
    spread = demand.spread(totals, carriers, zones=zones, settlement=DEGURBA).table
    assert spread["settlement"].tolist() == ["urban", "urban"]

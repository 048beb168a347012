"""Tables of text: whatever the bytes a SitingError at worst, whatever the cell no guess."""

from __future__ import annotations

import contextlib
import math
import re
from pathlib import Path

import pandas as pd
import pyproj
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from siting import load
from siting.errors import DataError, SitingError
from siting.load.cells import numbers, texts


@settings(max_examples=40)
@given(
    raw=st.binary(max_size=300), encoding=st.sampled_from([None, "gb18030", "utf-16", "latin-1"])
)
def test_any_bytes_end_well(
    raw: bytes, encoding: str | None, tmp_path_factory: pytest.TempPathFactory
) -> None:
    for ending in ("csv", "xlsx", "geojson", "shp", "gpkg", "parquet", "osm"):
        file = tmp_path_factory.getbasetemp() / f"fuzz.{ending}"
        file.write_bytes(raw)
        with contextlib.suppress(SitingError):
            load.read_layer(file, table="t", crs=4326, encoding=encoding, where=None)


_CELL = st.text(st.characters(exclude_characters='"\r\n,', exclude_categories=["Cs"]), max_size=8)


@given(
    names=st.lists(
        _CELL.map(lambda s: " ".join(s.split())).filter(bool), min_size=1, max_size=4, unique=True
    ),
    data=st.data(),
)
def test_a_csv_is_read_as_it_was_written(
    names: list[str], data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    rows = data.draw(
        st.lists(st.lists(_CELL, min_size=len(names), max_size=len(names)), min_size=1, max_size=5)
    )
    file = tmp_path_factory.getbasetemp() / "round.csv"
    lines = [",".join(names), *(",".join(r) for r in rows)]
    try:
        file.write_text("\n".join(lines) + "\n", "utf-8", newline="")
        frame = load.read_table(file, table="t")
    except SitingError:
        return  # a NUL, a header of blanks
    assert frame.shape[1] == len(names) + 1
    kept = [r for r in rows if any(c.strip() for c in r)]
    assert frame.drop(columns="row").to_numpy().tolist() == kept


@given(st.one_of(st.integers(-(10**12), 10**12), st.floats(allow_nan=False, allow_infinity=False)))
def test_numbers_are_read_to_the_bit(value: float) -> None:
    parsed = numbers(pd.Series([repr(value)], dtype=object))
    assert not parsed.bad[0]
    assert parsed.values[0] == value


@given(st.text(max_size=10))
def test_any_text_is_a_number_or_bad_or_blank(text: str) -> None:
    parsed = numbers(pd.Series([text], dtype=object))
    if parsed.bad[0]:
        assert math.isnan(parsed.values[0])
    elif not math.isnan(parsed.values[0]):
        assert math.isfinite(parsed.values[0])
    else:
        assert not text.strip()


@given(st.text(max_size=30))
def test_cleaned_text_is_stable_and_safe(text: str) -> None:
    once = texts(pd.Series([text], dtype=object))
    twice = texts(pd.Series(once.values, dtype=object))
    assert once.values == twice.values
    assert not twice.cleaned.any()
    once.values[0].encode("utf-8")
    assert not set(once.values[0]) & set("\n\r\t\0\u202e\u2066")


def test_coordinate_columns(tmp_path: Path) -> None:
    file = tmp_path / "t.csv"
    for head in ("lon,lat", "LNG,LAT", "经度,纬度", "x,y", "Longitude,Latitude"):
        file.write_text(f"{head}\n113.1,29.4\n", "utf-8")
        assert load.read_layer(file, table="t", crs=4490).geometry.x.tolist() == [113.1]
    file.write_text("lon,lat,x,y\n113.1,29.4,1,2\n", "utf-8")
    with pytest.raises(DataError, match="several pairs"):
        load.read_layer(file, table="t", crs=4490)
    assert len(load.read_layer(file, table="t", crs=4490, x="lon", y="lat")) == 1


def test_all_bad_cells_of_a_layer_are_told_at_once(tmp_path: Path) -> None:
    file = tmp_path / "t.csv"
    file.write_text(
        "demand_id,population,settlement,lon,lat\n"
        "a,12人,urban,113.1,29.4\na,-4,mars,113.1,29.4\n,5,village,113.1,29.4\n",
        "utf-8",
    )
    raw = load.read_layer(file, table="people", crs=4490)
    with pytest.raises(DataError) as caught:
        load.people(raw, crs=pyproj.CRS(4547))
    told = str(caught.value)
    for part in ("share their demand_id", "no demand_id", "not a number", "below 0", "'mars'"):
        assert part in told
    assert all(p.table == "people" for p in caught.value.problems)


def test_blank_coordinates_lose_no_people(tmp_path: Path) -> None:
    file = tmp_path / "t.csv"
    head = "demand_id,population,settlement,lon,lat\na,5,urban,113.1,29.4\n"
    working = pyproj.CRS(4547)
    file.write_text(head + "b,0,urban,,\n", "utf-8")
    found = load.people(load.read_layer(file, table="people", crs=4490), crs=working)
    assert found.table["demand_id"].tolist() == ["a"]
    assert found.drops[["row", "action"]].values.tolist() == [["b", "dropped"]]
    file.write_text(head + "b,7,urban,,\n", "utf-8")
    with pytest.raises(DataError, match="people but no geometry"):
        load.people(load.read_layer(file, table="people", crs=4490), crs=working)


def test_fractions_are_rounded_only_when_asked(tmp_path: Path) -> None:
    file = tmp_path / "t.csv"
    file.write_text(
        "demand_id,population,settlement,lon,lat\n"
        "a,1.5,urban,113.1,29.4\nb,1.3,urban,113.1,29.4\nc,1.4,urban,113.1,29.4\n",
        "utf-8",
    )
    raw = load.read_layer(file, table="people", crs=4490)
    working = pyproj.CRS(4547)
    with pytest.raises(DataError, match="whole number"):
        load.people(raw, crs=working)
    found = load.people(raw, crs=working, whole="largest_remainder")
    assert found.table["population"].tolist() == [2, 1, 1]  # 4.2 people are 4
    assert len(found.drops) == 3


CELLS = st.text(st.sampled_from("a9.-e岳 １\t\u200b\u3000\x1f"), max_size=5)


@given(st.lists(CELLS, max_size=6), st.booleans())
def test_a_column_is_read_as_its_cells_are_one_by_one(cells: list[str], gap: bool) -> None:
    column = pd.Series([*cells, None] if gap else cells, dtype="str")
    alone = [pd.Series([cell], dtype=object) for cell in column]
    for whole, parts in (
        (texts(column), [texts(one) for one in alone]),
        (numbers(column), [numbers(one) for one in alone]),
    ):
        for field in whole._fields:
            told = list(getattr(whole, field))
            assert repr(told) == repr([getattr(part, field)[0] for part in parts])


@pytest.mark.parametrize("cell", ["12", "-.5", "1e3", "1e999", "nan", "inf", "1_0", "0x1", "１２"])
def test_numbers_are_those_of_the_pattern_and_finite(cell: str) -> None:
    plain = re.fullmatch(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?", cell) is not None
    parsed = numbers(pd.Series([cell]))
    assert bool(parsed.bad[0]) == (not plain or math.isinf(float(cell)))

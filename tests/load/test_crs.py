"""The working CRS and the tests that coordinates must pass."""

from __future__ import annotations

import pyproj
import pytest
import shapely

from siting import crs
from siting.errors import DataError, StudyError


@pytest.mark.parametrize("meridian", range(75, 136, 3))
def test_chinese_zones_carry_the_meridian_they_say(meridian: int) -> None:
    code = 4534 + (meridian - 75) // 3
    assert f"CM {meridian}E" in pyproj.CRS.from_epsg(code).name


@pytest.mark.parametrize(
    ("place", "code"),
    [
        ((113.1, 29.4), 4547),  # Yueyang
        ((121.47, 31.23), 4549),  # Shanghai
        ((87.6, 43.8), 4538),  # Urumqi
        ((126.6, 45.8), 4551),  # Harbin
        ((110.3, 20.0), 4546),  # Haikou
        ((105.8, 21.0), 32648),  # Hanoi
        ((106.9, 47.9), 32648),  # Ulaanbaatar
        ((14.4, 35.9), 32633),  # Malta
        ((-51.2, -30.0), 32722),  # Porto Alegre
        ((179.99, 10.0), 32660),
    ],
)  # fmt: skip
def test_chosen_by_place(place: tuple[float, float], code: int) -> None:
    lon, lat = place
    assert crs.working_crs((lon, lat, lon, lat)).to_epsg() == code


@pytest.mark.parametrize("bad", [4326, 4490, 2263, 3857, "EPSG:1", "岳阳", "", 0])
def test_declared_must_be_projected_metric_and_true(bad: str | int) -> None:
    with pytest.raises(StudyError, match=r"crs = |CRS"):
        crs.working_crs((113.0, 29.0, 113.5, 29.5), declared=bad)


def test_too_wide_or_unplaced_is_refused() -> None:
    for bounds in ((100, 20, 120, 30), (0, 85, 1, 89), (200, 0, 201, 1), (1, 1, 0, 2), None):
        with pytest.raises(StudyError):
            crs.working_crs(bounds)  # type: ignore[arg-type]


def test_missing_and_contradicting_crs() -> None:
    wgs, cgcs = pyproj.CRS(4326), pyproj.CRS(4490)
    with pytest.raises(DataError, match=r"zones: .*which CRS"):
        crs.of_layer(None, None, table="zones")
    with pytest.raises(DataError, match="the study says EPSG:4490"):
        crs.of_layer(wgs, "EPSG:4490", table="zones")
    assert crs.of_layer(pyproj.CRS("OGC:CRS84"), 4326, table="zones").name == "WGS 84 (CRS84)"
    esri = pyproj.CRS.from_wkt(pyproj.CRS(4547).to_wkt("WKT1_ESRI"))
    assert crs.of_layer(esri, 4547, table="zones") == esri
    assert not crs.same(wgs, cgcs)


@pytest.mark.parametrize(
    ("x", "y", "code", "mend"),
    [
        (29.4, 113.1, 4490, "x is the longitude"),
        (430_000, 3_250_000, 4490, "projected"),
        (113.1, 29.4, 4547, "look like degrees"),
        (3_250_000, 430_000, 4547, "x is the easting"),
        (38_430_000, 3_250_000, 4547, "EPSG:4526"),
        (430_000, 9_250_000, 4547, "Correct"),
        (float("inf"), 0, 4547, "Correct"),
    ],
)
def test_what_cannot_be_is_diagnosed(x: float, y: float, code: int, mend: str) -> None:
    good = {4490: shapely.Point(113.0, 29.0), 4547: shapely.Point(430_000, 3_250_000)}[code]
    told = crs.range_problems(
        [good, shapely.Point(x, y), None],
        pyproj.CRS(code),
        table="people",
        labels=["a", "b", "c"],
    )
    assert len(told) == 1
    assert told[0].rows == ("b",)
    assert mend in told[0].mend


@pytest.mark.parametrize(("odd", "told"), [(0, True), (2, True), (3, False), (4, False)])
def test_an_exchange_of_x_and_y_is_a_guess_told_with_how_many_fit(odd: int, told: bool) -> None:
    """Most of the rows that are wrong must fit the other way round; the others are not hidden."""
    swapped = [shapely.Point(29.4 + n / 100, 113.1) for n in range(3)]
    rows = [shapely.Point(113.0, 29.0), *swapped, *[shapely.Point(0, 0)] * odd]
    (problem,) = crs.range_problems(
        rows, pyproj.CRS(4490), table="people", labels=[str(n) for n in range(len(rows))]
    )
    assert ("with x and y exchanged 3 would fit" in problem.what) is told
    assert ("look exchanged" in problem.mend) is told
    assert (f"correct the {odd} that fit neither way" in problem.mend) is (told and odd > 0)
    assert len(problem.rows) == 3 + odd


def test_the_scale_is_the_ground() -> None:
    assert crs.check_scale(pyproj.CRS(4547), 113.1, 29.4) < 1e-3
    assert crs.check_scale(pyproj.CRS(32650), 113.1, 29.4) < 5e-3
    assert crs.check_scale(pyproj.CRS(3857), 113.1, 29.4) > 0.1

"""Parks per person and pocket parks in a whole run of the toy town, also where much is missing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd
import pytest
import shapely

from siting import green
from siting.errors import SitingError
from siting.pipeline import Run
from tests.mutation import tiny
from tests.pipeline.test_hostile import Town

RATE = "park_radius_rate"
Change = Callable[[dict[str, Any]], object]


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Town:
    """Return the toy town, written once."""
    return Town(tmp_path_factory.mktemp("green"))


def asking(asked: dict[str, Any], change: Change | None = None) -> Change:
    """Ask for pocket parks and leave out what only costs time."""

    def changed(study: dict[str, Any]) -> None:
        study["decide"] = {"pocket_parks": asked}
        study["services"] = {"clinic": study["services"]["clinic"]}
        # the town's two parks serve nearly all of it; only the smaller is left
        study["green"][0]["where"] = {"id": ["G2"]}
        if change is not None:
            change(study)

    return changed


def file_of(folder: Path, shapes: list[Any]) -> dict[str, Any]:
    """Write candidates into a file and return how a study names it."""
    file = folder / f"c{len(list(folder.glob('c*.gpkg')))}.gpkg"
    ids = [f"K{i}" for i in range(len(shapes))]
    frame = gpd.GeoDataFrame({"id": ids, "name": ids}, geometry=shapes, crs=tiny.CRS)
    frame.to_file(file)
    return {"file": str(file), "columns": {"site_id": "id", "name": "name"}}


def read(done: Run, name: str) -> pd.DataFrame:
    file = done.tables_folder / "tables" / f"{name}.csv"
    return pd.read_csv(file, dtype={"zone_id": str}, keep_default_na=False, na_values=[""])


def test_every_place_of_a_run_is_the_difference_of_two(town: Town) -> None:
    done = town.run(asking({"n": 2, "spacing_m": 400}))
    results = done.results
    pocket, inputs = results.pocket, results.region.inputs
    assert pocket is not None
    assert results.green is not None
    assert inputs.parks is not None
    assert inputs.cells is not None
    three = green.indicators(inputs.rules)

    def straight(parks: gpd.GeoDataFrame) -> float:
        table = green.green_coverage(inputs.cells, parks, inputs.membership, indicators=three).table
        kept = table["judged"] & (table["zone_id"] != "") & (table["indicator"] == RATE)
        return float(table.loc[kept & (table["zoning"] == "township"), "straight_m2"].sum())

    tried = pocket.found.places
    assert len(tried) > 3
    assert pocket.found.chosen
    before = straight(inputs.parks)
    assert before == pocket.found.before_m2
    for i in range(len(tried)):
        one = tried.iloc[[i]].rename(columns={"place_id": "park_id"}).assign(kind="park")
        after = straight(pd.concat([inputs.parks, one], ignore_index=True))
        assert tried[f"{RATE}_new_m2"].iloc[i] == after - before
    table = read(done, "pocket_parks")
    assert table["place_id"].tolist() == tried["place_id"].tolist()
    assert {"zone_name", "lon", "lat", "access"} <= set(table.columns)
    people = read(done, "green_per_person")
    zoned = people[(people["level"] == "zone") & (people["settlement"] != "judged")]
    assert zoned["persons"].sum() == inputs.demand["population"].sum()
    assert zoned["park_m2"].sum() == pytest.approx(inputs.parks.geometry.union_all().area)


def test_candidates_are_listed_with_why_they_were_not_tried(town: Town, tmp_path: Path) -> None:
    def box(x: float, y: float, wide: float, tall: float) -> Any:
        return shapely.box(tiny.X0 + x, tiny.Y0 + y, tiny.X0 + x + wide, tiny.Y0 + y + tall)

    places = [
        box(450, 450, 60, 50),
        box(1_610, 1_210, 30, 30),  # in the park
        box(-5_000, 450, 60, 50),  # in no zone
        shapely.Point(tiny.X0 + 900, tiny.Y0 + 300),
        box(455, 700, 20, 20),  # 400 m² serve nobody by the rate's size classes
    ]
    done = town.run(asking({"n": 3, "candidates": file_of(tmp_path, places)}))
    table = read(done, "pocket_parks").set_index("place_id")
    assert sorted(table.index) == ["K0", "K1", "K2", "K3", "K4"]
    assert table["why"].fillna("").to_dict() == {
        "K0": "", "K1": "green", "K2": "outside", "K3": "", "K4": ""
    }  # fmt: skip
    assert table.loc[["K1", "K2"], "rank"].isna().all()
    assert table.loc["K3", "area_m2"] == 2_000
    assert table.loc["K0", "area_m2"] == pytest.approx(3_000)
    assert table.loc["K4", f"{RATE}_new_m2"] == 0
    pocket = done.results.pocket
    assert pocket is not None
    assert pocket.left_out == {"green": 1, "outside": 1}
    assert "K4" not in pocket.found.chosen


def test_no_park_in_any_zone(town: Town, tmp_path: Path) -> None:
    """The one park there is lies with the neighbours; without any row the layer is refused."""
    afar = gpd.GeoDataFrame(
        {"id": ["G"], "name": ["g"], "access": ["yes"]},
        geometry=[shapely.box(tiny.X0 + 6_000, tiny.Y0, tiny.X0 + 6_090, tiny.Y0 + 90)],
        crs=tiny.CRS,
    )
    afar.to_file(tmp_path / "afar.gpkg")
    columns = {"park_id": "id", "name": "name", "access": "access"}
    source = {"file": str(tmp_path / "afar.gpkg"), "kind": "park", "columns": columns}
    done = town.run(asking({"n": 1, "spacing_m": 400}, lambda study: study.update(green=[source])))
    people = read(done, "green_per_person")
    judged = people[(people["settlement"] == "judged") & (people["level"] == "region")]
    assert (judged["why"] == "no_parks").all()
    outside = people[(people["level"] == "zone") & people["zone_id"].isna()]
    assert outside["park_m2"].max() == 8_100
    pocket = done.results.pocket
    assert pocket is not None
    assert pocket.found.before_m2 == 0 < pocket.found.after_m2


@pytest.mark.parametrize(
    ("asked", "change", "told"),
    [
        ({"n": 0}, None, "decide.pocket_parks.n"),
        ({"n": 1, "area_m2": 500}, None, "serves nobody by the rate's rules"),
        ({"n": 1, "spacing_m": 3}, None, "decide.pocket_parks.spacing_m"),
        ({"n": 1}, lambda s: s["green"][0].update(kind="green"), "adds to"),
        ({"n": 1, "spacing_m": 90, "candidates": {}}, None, "candidates stand in for"),
        ({"n": 9, "candidates": {}}, None, "n = 9 and there are 1 candidates"),
    ],
)
def test_what_is_refused(
    town: Town, tmp_path: Path, asked: dict[str, Any], change: Change | None, told: str
) -> None:
    if "candidates" in asked:
        asked = {**asked, "candidates": file_of(tmp_path, [shapely.Point(tiny.X0, tiny.Y0)])}
    with pytest.raises(SitingError, match=told):
        town.run(asking(asked, change))


def test_only_pocket_parks(town: Town, tmp_path: Path) -> None:
    done = town.run(asking({"n": 1, "spacing_m": 400}), only="pocket_parks", out=tmp_path)
    assert (done.maps_folder / "green.html").exists()
    with pytest.raises(SitingError, match=r"\[decide.pocket_parks\]"):
        town.run(only="pocket_parks", out=tmp_path)

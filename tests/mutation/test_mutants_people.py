"""People, zones and rasters that no bureau means, through the command line.

Each ends with exit code 2 and a message that names the layer and a mend, and writes nothing; or
with a run in which every total is kept and the finding stands in ``drops.csv`` and on the pages.
"""

from __future__ import annotations

import json
import sys
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import rasterio
import shapely

import siting
from siting import cli
from tests.mutation import tiny
from tests.pipeline.test_people_run import Town, _toml_file

pytestmark = pytest.mark.filterwarnings("ignore")
EVERYBODY = 1182  # of the toy town: 12 places of 60, 67, … people
GRID = np.full((8, 8), 3.7)  # cells of 300 m over the four zones of 1 km and beyond
PARTS = ["covered", "no_seat", "out_of_reach", "not_assessed"]


@dataclass(frozen=True)
class Mutant:
    """One bad input: ``change`` breaks the study's content; the rest says how it must end.

    ``told`` stands in the message (an error) or in the drops (a run), ``said`` on the first page;
    ``total`` are the people of the run.
    """

    name: str
    change: Callable[[Path, dict[str, Any]], None]
    told: tuple[str, ...]
    said: tuple[str, ...] = ()
    total: int | None = None


def moved(layer: str, change: Callable[[gpd.GeoDataFrame], gpd.GeoDataFrame]) -> Any:
    """Return a change of a study: one of its layers, changed."""

    def apply(folder: Path, content: dict[str, Any]) -> None:
        path, declared = tiny.write(change(tiny.frame(layer)), folder, layer, "gpkg")
        told = {"file": str(path), "columns": dict(tiny.SPECS[layer].columns), **declared}
        if layer == "people":
            content["people"] = {"points": told}
        else:
            content["zones"] = {**told, "zoning": "township"}

    return apply


def of_raster(values: Any, *, nodata: float | None = -1, **asked: Any) -> Any:
    """Return a change of a study: people of a raster in the place of points."""

    def apply(folder: Path, content: dict[str, Any]) -> None:
        cells = np.asarray(values, dtype="float32")
        with rasterio.open(
            folder / "count.tif", "w", driver="GTiff", width=cells.shape[1], crs=4547,
            height=cells.shape[0], count=1, dtype="float32", nodata=nodata,
            transform=rasterio.Affine(300, 0, tiny.X0 - 100, 0, -300, tiny.Y0 + 2200),
        ) as file:  # fmt: skip
            file.write(cells, 1)
        content["people"] = {
            "raster": {"file": str(folder / "count.tif"), **asked}, "settlement": "village"
        }  # fmt: skip

    return apply


def box(x: float, y: float, wide: float, tall: float) -> Any:
    return shapely.box(tiny.X0 + x, tiny.Y0 + y, tiny.X0 + x + wide, tiny.Y0 + y + tall)


def first_zone(change: Callable[[Any], Any]) -> Any:
    def apply(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
        shapes = frame.geometry.tolist()
        shapes[0] = change(shapes[0])
        return frame.set_geometry(gpd.GeoSeries(shapes, crs=frame.crs))

    return apply


def cell(value: float) -> Any:
    grid = GRID.copy()
    grid[3, 3] = value
    return grid


def east(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    return frame[frame.geometry.x > tiny.X0 + 1000].reset_index(drop=True)


IN_THE_EAST = int(east(tiny.frame("people"))["people"].sum())
MUTANTS = [
    Mutant("nobody_urban", moved("people", lambda f: f.assign(**{"class": "village"})), (),
           ("卫生服务站：本规则在本区没有评价对象",), EVERYBODY),
    Mutant("a_hole_in_a_zone", moved("zones", first_zone(lambda g: g - box(50, 150, 250, 150))),
           ("37500 m² inside the zoning that no zone has", "60 people live in no zone"),
           ("60 名居民不在任何一个区内（乡镇）",), EVERYBODY),
    Mutant("zones_overlap", moved("zones", first_zone(lambda g: g | box(900, 0, 700, 900))),
           ("overlaps 430601 by 540000 m²; shared ground is 430600's",
            "overlaps 430600 by 540000 m²; shared ground is 430600's"), (), EVERYBODY),
    Mutant("zones_drawn_twice", moved("zones", lambda f: f.set_geometry(
               gpd.GeoSeries([f.geometry.iat[0], *f.geometry.iloc[[0, 2, 3]]], crs=f.crs))),
           ("overlaps 430601 by 1000000 m²", "nobody lives in this zone of township"),
           ("1 个区内没有居民（乡镇）",), EVERYBODY),
    Mutant("a_zone_without_anybody", moved("people", east),
           ("nobody lives in this zone of township",), ("2 个区内没有居民（乡镇）",), IN_THE_EAST),
    Mutant("everybody_outside", moved("people", lambda f: f.set_geometry(
               f.geometry.translate(2500, 0))),
           ("people: none of 12 places with people lies in any zone", "check the CRS")),
    Mutant("everybody_far_outside", moved("people", lambda f: f.set_geometry(
               f.geometry.translate(30_000, 0))),
           ("people.points: none of the 12 rows lies in the study area",)),
    Mutant("nobody_at_all", moved("people", lambda f: f.assign(people=0, age6_11=0)),
           ("people: nobody lives in the region: every number of people is 0",)),
    Mutant("zones_beyond_the_raster", of_raster(GRID[:, :5]),
           ("people.raster: 2 of 4 zones lie beyond the raster", "(430601, 430603)")),
    Mutant("all_no_data", of_raster(-GRID / GRID), ("count.tif has no data in the area",)),
    Mutant("all_nan", of_raster(GRID * np.nan, nodata=None), ("has no data in the area",)),
    Mutant("all_zero", of_raster(0 * GRID), ("nobody lives in the region",)),
    Mutant("a_negative_cell", of_raster(cell(-5)),
           ("people.raster: count.tif holds numbers below 0, endless or above 1e+10 in 1 cells",
            "the first -5", "declare it")),
    Mutant("an_endless_cell", of_raster(cell(np.inf)), ("in 1 cells, the first inf",)),
    Mutant("a_cell_of_too_many", of_raster(cell(3e10)), ("in 1 cells, the first 3e+10",)),
    Mutant("too_many_in_all", of_raster(1e9 * GRID), ("more than live on Earth",)),
    Mutant("a_nan_cell", of_raster(cell(np.nan), outside="left_out"),
           ("no data in 6.0% of it: nobody counted there",
            "no data in 3.0% of it: nobody counted there"), (),
           round((4.0 - 0.09) * 3.7 / 0.09)),
    Mutant("half_without_data", of_raster(np.where(np.arange(8)[:, None] < 4, -1, GRID)),
           ("no data in 100.0% of it: nobody counted there",
            "nobody lives in this zone of township"), ("2 个区内没有居民（乡镇）",),
           round(28 * 3.7)),
]  # fmt: skip


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Town:
    found = Town(tmp_path_factory.mktemp("town"))
    del found.content["services"]["school"]
    found.content["services"]["clinic"]["target"] = "urbanisation.2026"  # any share will do
    return found


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda m: m.name)
def test_mutant(
    mutant: Mutant,
    town: Town,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    content = json.loads(json.dumps(town.content))
    mutant.change(tmp_path, content)
    study = tmp_path / "study.toml"
    study.write_text(_toml_file(content), "utf-8")
    monkeypatch.setattr(sys, "argv", ["siting", "run", str(study), "--out", str(tmp_path / "out")])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    said = capsys.readouterr()
    if mutant.total is None:
        assert ended.value.code == 2, said.err
        message = said.err[said.err.index("error: ") :]
        assert "Traceback" not in said.err
        for words in mutant.told:
            assert words in message
        assert message.rstrip().endswith(".")
        assert not list(tmp_path.rglob("*.html"))
        return
    assert not ended.value.code, said.err
    out = tmp_path / "out"
    drops = pd.read_csv(next(out.rglob("drops.csv")), dtype=str)
    for words in mutant.told:
        assert drops["what"].str.contains(words, regex=False).any(), drops.to_string()
    page = next(out.rglob("index.html")).read_text("utf-8")
    for words in mutant.said:
        assert words in page
    everybody_everywhere(out, mutant.total)


def everybody_everywhere(out: Path, total: int) -> None:
    """Every table and file holds the same people, each once; nothing is judged without anybody."""
    record = json.loads(next(out.rglob("run.json")).read_text("utf-8"))
    assert record["persons"] == total
    demand = gpd.read_file(next(out.rglob("results.gpkg")), layer="demand")
    assert demand["population"].sum() == total
    people = pd.read_csv(next(out.rglob("people.csv")), dtype={"zone_id": str})
    assert people.groupby("zoning")["persons"].sum().eq(total).all()
    nowhere = int(people.loc[people["zone_id"].isna(), "persons"].sum())
    assert sum(record["in_no_zone_persons"].values()) == nowhere
    coverage = pd.read_csv(next(out.rglob("coverage.csv")), dtype={"zone_id": str})
    classes = coverage[coverage["settlement"] != "judged"]
    assert (classes[PARTS].sum(axis=1) == classes["persons"]).all()
    sums = classes.groupby(["level", "plan", "zoning", "service", "rule_id"])["persons"].sum()
    assert sums.eq(total).all()
    judged = coverage[coverage["judged"]]
    assert (judged["persons"] > 0).all()
    assert coverage.loc[~coverage["judged"], "verdict"].eq("not_judged").all()
    outside = coverage[(coverage["level"] == "zone") & coverage["zone_id"].isna()]
    assert (outside["not_assessed"] == outside["persons"]).all()
    assert outside["verdict"].eq("not_judged").all()


def test_a_rule_that_judges_nobody_answers_no_question(tmp_path: Path) -> None:
    """Gaps are not said to be none, and new sites not to raise a share of nobody."""
    paths, declared, _ = tiny.build(tmp_path / "town")
    content = tomllib.loads(tiny.study_toml(paths, declared))
    del content["green"]
    people = content["people"]
    moved("people", lambda f: f.assign(**{"class": "village"}))(tmp_path, content)
    content["people"] = people | {"points": content["people"]["points"]}
    study = tmp_path / "study.toml"
    study.write_text(_toml_file(content), "utf-8")
    done = siting.run(siting.read_study(study))
    nobody = "卫生服务站：本规则在本区没有评价对象"
    for name, said in (("gaps", nobody), ("new_sites", f"{nobody}，无从选址"), ("index", nobody)):
        page = next(done.maps_folder.rglob(f"{name}.html")).read_text("utf-8")
        assert said in page
        assert "居民盲区" not in page
    new = done.results.new_sites
    assert new is not None
    assert (new.persons, new.solution.objective) == (0, 0)

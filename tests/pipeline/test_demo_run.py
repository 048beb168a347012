"""The demo from the command line, network refused: what its tables and files promise."""

import json
import shutil
import sqlite3
import tomllib
from collections.abc import Callable
from pathlib import Path

import geopandas as gpd
import openpyxl
import pandas as pd
import pytest
from everybody import adds_up
from finished_run import Finished

from siting import plan as plans
from tests.pipeline.test_hostile import _toml as toml

PARTS = ["covered", "no_seat", "out_of_reach", "not_assessed"]
KEYS = ["plan", "zoning", "service", "rule_id"]


def raw_people(demo: Finished) -> pd.DataFrame:
    return pd.read_csv(demo.folder / "data/raw/demo/常住人口点.csv", encoding="utf-8-sig")


def test_it_says_where_the_maps_are(demo_run: Finished) -> None:
    lines = demo_run.stdout.splitlines()
    assert lines[-1].startswith("maps:")
    assert Path(lines[-1].removeprefix("maps:").strip()).is_file()


def test_the_parts_of_every_row_make_its_persons(demo_run: Finished) -> None:
    table = demo_run.table("coverage")
    assert len(table) > 100
    assert (table[PARTS].sum(axis=1) == table["persons"]).all()
    assert (table["covered_low"] <= table["covered"]).all()
    assert (table["covered"] <= table["covered_high"]).all()
    straight = table[table["covered_straight"].notna()]
    assert len(straight)
    assert (straight["covered"] <= straight["covered_straight"]).all()


def test_every_zoning_and_every_zone_sum_to_the_region(demo_run: Finished) -> None:
    table = demo_run.table("coverage")
    classes = table[table["settlement"] != "judged"]
    columns = ["persons", *PARTS]
    region = classes[classes["level"] == "region"].groupby(KEYS)[columns].sum()
    zones = classes[classes["level"] == "zone"].groupby(KEYS)[columns].sum()
    pd.testing.assert_frame_equal(region, zones)
    by_zoning = region.reset_index().groupby(["plan", "service", "rule_id"])["persons"]
    assert (by_zoning.nunique() == 1).all()


def test_people_are_those_of_the_raw_file_in_every_output(demo_run: Finished) -> None:
    raw = raw_people(demo_run)
    total = int(raw["常住人口"].sum())
    record = demo_run.record()
    assert record["persons"] == total
    comparison = demo_run.table("comparison")
    for service, persons in (
        ("clinic", total),
        ("hospital", total),
        ("primary", int(raw["6-11岁"].sum())),
        ("junior", int(raw["12-14岁"].sum())),
    ):
        assert set(comparison.loc[comparison["service"] == service, "persons"]) == {persons}
    (package,) = demo_run.folder.rglob("results.gpkg")
    demand = gpd.read_file(package, layer="demand")
    assert int(demand["population"].sum()) == total


def test_a_verdict_stands_only_where_the_whole_range_agrees(demo_run: Finished) -> None:
    """The demo's target of 80 % for clinics, judged again from the persons of the table."""
    table = demo_run.table("coverage")
    assert set(table.loc[table["service"] != "clinic", "why"]) <= {"no_target", "settlement"}
    clinic = table[(table["service"] == "clinic") & table["judged"] & (table["persons"] > 0)]
    assert set(clinic["target_share"]) == {0.8}
    seen = set()
    for row in clinic.itertuples():
        if row.not_assessed * 20 > row.persons:
            assert (row.verdict, row.why) == ("not_judged", "not_assessed")
            continue
        passes = {
            covered * 10 >= 8 * of
            for covered, of in (
                (row.covered, row.persons - row.not_assessed),
                (row.covered_low, row.persons),
                (row.covered_high + row.not_assessed, row.persons),
            )
        }
        told = "not_robust" if len(passes) == 2 else "pass" if passes == {True} else "fail"
        assert row.verdict == told
        seen.add(told)
    assert seen == {"pass", "fail", "not_robust"}
    (page,) = demo_run.folder.rglob("maps/**/coverage.html")
    html = page.read_text("utf-8")
    assert "目标 80.0%：结论不稳" in html
    assert "attach.leg_detour" in html
    assert "100 米以内" in html  # people.within_m, as the study states


def test_the_same_figures_in_csv_geopackage_and_workbook(demo_run: Finished) -> None:
    table = demo_run.table("coverage")
    zones = table[(table["level"] == "zone") & (table["plan"] == "today")]
    (package,) = demo_run.folder.rglob("results.gpkg")
    layer = gpd.read_file(package, layer="coverage")
    keys = ["zoning", "zone_id", "service", "rule_id", "settlement"]
    drawn = zones.fillna({"zone_id": ""}).set_index(keys)["covered"].sort_index()
    stored = layer.fillna({"zone_id": ""}).set_index(keys)["covered"].sort_index()
    pd.testing.assert_series_equal(drawn, stored.astype("int64"), check_index_type=False)
    (file,) = demo_run.folder.rglob("report.xlsx")
    book = openpyxl.load_workbook(file, read_only=True)
    sheets = {
        tuple(row): sheet
        for sheet in book
        for row in sheet.iter_rows(min_row=2, max_row=2, values_only=True)
    }
    (fields,) = [f for f in sheets if {"covered", "rule_id", "level"} <= set(f)]
    rows = list(sheets[fields].iter_rows(min_row=3, values_only=True))
    at = fields.index("covered")
    assert [row[at] for row in rows] == table["covered"].tolist()


def test_every_table_with_persons_has_everybody(demo_run: Finished) -> None:
    record = json.loads(next(demo_run.folder.rglob("run.json")).read_text("utf-8"))
    whole = adds_up(demo_run, record["persons"], grouped=True)
    assert whole == {"people", "baskets", "green_per_person"}


def test_leave_one_out_is_the_plan_evaluated(
    demo_run: Finished, siting_command: Callable[..., Finished], tmp_path: Path
) -> None:
    """The ranking's people equal what a hand-written plan.json gives through evaluate."""
    ranking = demo_run.table("closures")
    row = ranking.sort_values("displaced").iloc[-1]
    sites = demo_run.table("sites")
    existing = sites[(sites["service"] == "primary") & (sites["status"] == "existing")]
    kept = sorted(set(existing["site_id"].astype(str)) - {str(row["site_id"])})
    plan = plans.Plan(name="shut", periods=({"open": {"primary": kept}},))  # type: ignore[arg-type]
    file = tmp_path / "plan.json"
    file.write_text(plans.to_json(plan), "utf-8")
    raw = demo_run.folder / "data/raw/demo"
    study = tomllib.loads((raw / "study.toml").read_text("utf-8"))
    for key in ("baskets", "green", "park_entrances", "residential", "schools"):
        del study[key]
    del study["people"]["ages"]
    study |= {"data": str(raw), "services": {"primary": study["services"]["primary"]}}
    study["decide"] = {"closures": study["decide"]["closures"]}
    lines = "\n".join(f"{key} = {toml(value)}" for key, value in study.items())
    (tmp_path / "study.toml").write_text(lines, "utf-8")
    done = siting_command(
        "run", tmp_path, "--plan", file, "--only", "closures", "--out", tmp_path / "out",
        folder=tmp_path,
    )  # fmt: skip
    assert done.code == 0, done.stderr
    table = done.table("comparison")
    rule = "school.journey_grades_1_3"
    shown = table[(table["service"] == "primary") & (table["rule_id"] == rule)].set_index("plan")
    assert shown.loc["shut", "n_open"] == shown.loc["today", "n_open"] - 1
    lost = shown.loc["today", "covered_persons"] - shown.loc["shut", "covered_persons"]
    assert lost == row["unserved_after"]


@pytest.mark.slow
def test_a_second_run_reads_nothing_again_and_gives_the_same(
    demo_run: Finished, siting_command: Callable[..., Finished], tmp_path: Path
) -> None:
    folder = tmp_path / "again"
    shutil.copytree(demo_run.folder, folder)  # with its times of writing
    cache = folder / "data/processed/.cache"
    files = sorted(f for f in cache.rglob("*") if f.is_file())
    assert files
    written = {f: f.stat().st_mtime_ns for f in files}
    tables = {f.name: f.read_bytes() for f in sorted(folder.rglob("tables/*.csv"))}
    done = siting_command("demo", "--out", folder, folder=folder)
    assert done.code == 0, done.stderr
    assert {f: f.stat().st_mtime_ns for f in sorted(cache.rglob("*")) if f.is_file()} == written
    for file in sorted(folder.rglob("tables/*.csv")):
        assert file.read_bytes() == tables[file.name], file.name


def test_the_record_defends_the_figures(demo_run: Finished) -> None:
    record = demo_run.record()
    assert record["study"]["made_up"] is True
    assert {layer["layer"] for layer in record["inputs"]} >= {"roads", "zones[1]", "people.points"}
    assert all(len(layer["sha256"]) == 64 for layer in record["inputs"])
    new = record["new_sites"]
    assert {"status", "bound", "gap", "unique"} <= set(new)
    assert new["objective"] <= new["bound"]
    table = demo_run.table("comparison")
    judged = table[(table["service"] == "clinic") & (table["rule_id"] == "clinic.walk_30min")]
    assert set(judged["plan"]) == {"today", "new_sites"}
    drops = demo_run.table("drops")
    assert sum(record["drops"].values()) == len(drops)
    for rule in record["rules"]:
        assert rule["source"]
        assert rule["status"]


def test_the_geopackage_is_one(demo_run: Finished) -> None:
    (package,) = demo_run.folder.rglob("results.gpkg")
    with sqlite3.connect(package) as base:
        names = {name for (name,) in base.execute("select table_name from gpkg_contents")}
    assert {"zones", "demand", "sites", "coverage_zones", "gaps", "green_cells", "parks"} <= names


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("run", "nowhere"), "there is no file"),
        (("demo", "--scale", "continent"), "continent"),
        (("demo", "--lang", "fr"), '"fr" is not a language'),
        (("check", "."), "there is no file"),
    ],
)
def test_what_the_user_can_mend_ends_with_code_2_and_no_traceback(
    siting_command: Callable[..., Finished], tmp_path: Path, words: tuple[str, ...], told: str
) -> None:
    extra = ("--out", tmp_path) if words[0] == "demo" else ()
    done = siting_command(*words, *extra, folder=tmp_path, cwd=tmp_path)
    assert done.code == 2, done.stderr
    assert told in done.stderr
    assert "Traceback" not in done.stderr


def test_check_reads_everything_and_writes_nothing(
    demo_run: Finished, siting_command: Callable[..., Finished]
) -> None:
    raw = demo_run.folder / "data/raw/demo"
    before = sorted((f, f.stat().st_mtime_ns) for f in demo_run.folder.rglob("*") if f.is_file())
    done = siting_command("check", raw, folder=raw)
    assert done.code == 0, done.stderr
    assert "people:" in done.stdout
    after = sorted((f, f.stat().st_mtime_ns) for f in demo_run.folder.rglob("*") if f.is_file())
    assert before == after


@pytest.mark.slow
def test_only_one_step_leaves_the_whole_run_alone(
    demo_run: Finished, siting_command: Callable[..., Finished], tmp_path: Path
) -> None:
    raw = demo_run.folder / "data/raw/demo"
    whole = sorted(f for f in demo_run.folder.rglob("tables/*.csv"))
    done = siting_command("run", raw, "--only", "green", "--out", tmp_path, folder=tmp_path)
    assert done.code == 0, done.stderr
    assert sorted(f.name for f in tmp_path.rglob("*.html")) == [
        "coverage.html", "green.html", "index.html"
    ]  # fmt: skip
    assert sorted(f for f in demo_run.folder.rglob("tables/*.csv")) == whole
    wrong = siting_command("run", raw, "--only", "gren", "--out", tmp_path, folder=tmp_path)
    assert wrong.code == 2
    assert "gren" in wrong.stderr

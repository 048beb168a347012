"""What a bureau's reality or a prankster does to a study, on the toy town: right or refused."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import geopandas as gpd
import pandas as pd
import pytest

import siting
from siting import plan as plans
from siting import rules
from siting.errors import SitingError, StudyError
from siting.pipeline import Run
from siting.pipeline.cache import Cache
from tests.mutation import tiny

Change = Callable[[dict[str, Any]], object]


class Town:
    """The files of the toy town, and studies of it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        paths, declared, _ = tiny.build(folder / "town")
        self.text = tiny.study_toml(paths, declared)
        self.runs = 0

    def study(self, change: Change | None = None, *, name: str = "study.toml") -> Path:
        """Write the town's study, changed, and return its path."""
        content = tomllib.loads(self.text)
        if change is not None:
            change(content)
        self.runs += 1
        file = self.folder / f"s{self.runs}" / name
        file.parent.mkdir()
        file.write_text("\n".join(f"{_toml(k)} = {_toml(v)}" for k, v in content.items()), "utf-8")
        return file

    def run(self, change: Change | None = None, **asked: Any) -> Run:
        """Run the town's study, changed."""
        done: Run = siting.run(siting.read_study(self.study(change)), **asked)
        return done


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{_toml(k)} = {_toml(v)}" for k, v in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    if isinstance(value, bool):
        return str(value).lower()
    return repr(value) if isinstance(value, int | float) else json.dumps(value, ensure_ascii=False)


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Town:
    """Return the toy town, written once."""
    return Town(tmp_path_factory.mktemp("hostile"))


def _bare(study: dict[str, Any]) -> None:
    """Leave what one service needs, for speed."""
    for key in ("green", "decide"):
        study.pop(key)
    study["services"] = {"clinic": study["services"]["clinic"]}


def _covered(done: Run) -> dict[str, int]:
    table = done.coverage
    return {str(k): int(v) for k, v in table.groupby("rule_id")["covered"].sum().items()}


def test_the_factor_on_drivers_speed_moves_the_times(town: Town) -> None:
    """At a fifth of the speed in a fifth of the reach: 1.5 min at 0.2 is 0.3 min at 1."""

    def drive(factor: float, minutes: float) -> Change:
        def change(study: dict[str, Any]) -> None:
            _bare(study)
            study["services"]["clinic"] |= {"mode": "drive", "rules": ["hospital.drive_30min"]}
            study["rules"] = {
                "hospital.drive_30min": {"value": minutes, "reason": "x"},
                "drive.speed_factor": {"value": factor, "low": 0.1, "high": 10, "reason": "x"},
            }

        return change

    slow, usual, fast = (_covered(town.run(drive(f, 1.5))) for f in (0.2, 1.0, 5.0))
    assert slow["hospital.drive_30min"] < usual["hospital.drive_30min"]
    assert usual["hospital.drive_30min"] < fast["hospital.drive_30min"]


@pytest.mark.parametrize(
    ("override", "word"),
    [
        ({"circle_15min": {"value": float("inf")}}, "circle_15min"),
        ({"circle_15min": {"value": 1e300}}, "circle_15min"),
        ({"circle_15min": {"value": 15, "unit": "min"}}, "circle_15min"),
        ({"circle_15min": {"value": 15, "measure": "time_min"}}, "min"),
        ({"walk.speed": {"value": 0.0001}}, "walk.speed"),
        ({"walk.speed": {"value": 60_000}}, "walk.speed"),
        ({"drive.speed_factor": {"value": 0}}, "drive.speed_factor"),
        ({"judge.max_not_assessed": {"value": 5}}, "judge.max_not_assessed"),
    ],
)
def test_numbers_that_no_rule_has_are_refused(override: dict[str, Any], word: str) -> None:
    """Infinite, in another unit than it is measured in, five hundred per cent."""
    change = {k: {**v, "reason": "x"} for k, v in override.items()}
    with pytest.raises(StudyError, match=word):
        rules.load(change)


def test_an_override_is_found_however_its_dots_are_written() -> None:
    """``[rules.school.journey]`` is TOML's way to write what ``[rules."school.journey"]`` says."""
    nested = rules.load({"school": {"journey": {"value": 10, "reason": "x"}}})
    assert (
        nested["school.journey"]
        == rules.load({"school.journey": {"value": 10, "reason": "x"}})["school.journey"]
    )


def _twice(study: dict[str, Any]) -> None:
    study["services"]["clinic"]["rules"] = ["circle_15min", "circle_15min"]


def _no_rules(study: dict[str, Any]) -> None:
    study.pop("decide")
    for service in study["services"].values():
        service.pop("rules")


def _column_of_a_total(study: dict[str, Any]) -> None:
    study["people"] = {
        "spread": "residential", "total": 997, "groups": {"pupils": {"column": "age6_11"}},
    }  # fmt: skip


def _column_of_the_zones(study: dict[str, Any]) -> None:
    study["people"] = {"spread": "residential", "groups": {"pupils": {"column": "pop"}}}


def _group_named(name: str) -> Change:
    def change(study: dict[str, Any]) -> None:
        study["people"]["groups"] = {name: {"column": "age6_11"}}
        study["services"]["school"]["group"] = name

    return change


def _set(*path: str, to: Any) -> Change:
    def change(study: dict[str, Any]) -> None:
        part = study
        for key in path[:-1]:
            part = part.setdefault(key, {})
        part[path[-1]] = to

    return change


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (_twice, ("services.clinic.rules", "circle_15min", "twice")),
        (_no_rules, ("rules",)),
        (_column_of_a_total, ("people.groups.pupils", "column")),
        (_column_of_the_zones, ("people.groups.pupils", "column")),
        (_group_named("population"), ("people.groups.population",)),
        (_group_named("geometry"), ("people.groups.geometry",)),
        (_group_named("小学"), ("小学", "label_zh")),
        (_set("people", "year", to=10**30), ("people.year",)),
        (_set("decide", "new_sites", "n_new", to=True), ("n_new",)),
        (_set("network", "cutoff_km", to=0.01), ("network.cutoff_km", "circle_15min")),
        (_set("roads", "file", to="."), ("roads.file", "not a file")),
        (_set("roads", "file", to="/dev/null"), ("roads.file", "not a file")),
    ],
)
def test_contradictions_are_refused_by_name(
    town: Town, change: Change, words: tuple[str, ...]
) -> None:
    """The message names the key; nothing is written."""
    file = town.study(change)
    with pytest.raises(SitingError) as told:
        siting.run(siting.read_study(file))
    assert all(word in str(told.value) for word in words), told.value
    assert [p.name for p in file.parent.iterdir() if p.is_file()] == ["study.toml"]
    assert not (file.parent / "maps").exists()


@pytest.mark.parametrize("ending", ["csv", "xlsx"])
def test_totals_of_a_table_are_kept_to_the_person(town: Town, ending: str) -> None:
    """By zone, for all people and for a group."""
    people = {"430600": 1001, "430601": 503, "430602": 77, "430603": 3}
    pupils = {"430600": 101, "430601": 51, "430602": 7, "430603": 1}
    table = pd.DataFrame({"代码": list(people), "人口": people.values(), "学龄": pupils.values()})
    file = town.folder / f"totals.{ending}"
    if ending == "csv":
        table.to_csv(file, index=False, encoding="utf-8-sig")
    else:
        table.to_excel(file, index=False)

    def change(study: dict[str, Any]) -> None:
        study["people"] = {
            "spread": "residential", "year": 2025,
            "groups": {"pupils": {"column": "学龄"}},
            "totals": {
                "file": str(file), "zoning": "township",
                "columns": {"zone_id": "代码", "population": "人口"},
            },
        }  # fmt: skip
        study.pop("decide")

    table = town.run(change, only="coverage").coverage
    totals = table.groupby(["service", "zone_id"])["persons"].sum()
    assert totals["clinic"].to_dict() == people
    assert totals["school"].to_dict() == pupils


def test_somebody_elses_files_are_never_replaced(town: Town) -> None:
    """Pages, tables, a record and a folder called cache that no run wrote."""
    study = siting.read_study(town.study(_bare))
    for number, place in enumerate(
        ("maps/other.html", "tables/survey.csv", "run.json", "report.xlsx", "maps")
    ):
        out = town.folder / f"foreign{number}"
        (out / place).parent.mkdir(parents=True)
        (out / place).write_text("precious")
        with pytest.raises(StudyError, match="no run put there"):
            siting.run(study, out=out)
        assert [f for f in out.rglob("*") if f.is_file()] == [out / place]
        assert (out / place).read_text() == "precious"


def test_the_cache_forgets_only_its_own(tmp_path: Path) -> None:
    """A folder named cache may be somebody's own, and another run may be at work in it."""
    for name in ("mine", "zones-" + "0" * 24, ".zones-" + "0" * 24 + "-01234567"):
        (tmp_path / name).mkdir()
    Cache(tmp_path).forget_unused()
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        ".zones-" + "0" * 24 + "-01234567",
        "mine",
    ]


class Stored(NamedTuple):
    places: gpd.GeoDataFrame
    drops: pd.DataFrame


@pytest.mark.parametrize("damaged", [b"", b"PAR1", b"PAR1" + b"\xff" * 99 + b"PAR1", None])
@pytest.mark.parametrize("name", ["places", "drops"])
def test_a_damaged_entry_of_the_cache_is_built_anew(
    tmp_path: Path, name: str, damaged: bytes | None
) -> None:
    whole = Stored(
        gpd.GeoDataFrame({"site_id": ["a"]}, geometry=gpd.points_from_xy([1], [2]), crs=tiny.CRS),
        pd.DataFrame({"row": ["1"]}),
    )
    built = []

    def build() -> Stored:
        built.append(1)
        return whole

    for times in (1, 1, 2, 2):  # built, stored, damaged and built, stored
        if times == 2 and len(built) == 1:
            (file,) = tmp_path.rglob(f"{name}.parquet")
            file.unlink() if damaged is None else file.write_bytes(damaged)
        found = Cache(tmp_path).tables("sites", {"key": 1}, Stored, build)
        assert len(built) == times
        pd.testing.assert_frame_equal(found.places, whole.places)
        pd.testing.assert_frame_equal(found.drops, whole.drops)


@pytest.mark.parametrize("place", ["file", "file/below"])
def test_a_folder_that_cannot_be_is_refused(town: Town, place: str) -> None:
    """``--out`` names a file, or a folder below one."""
    (town.folder / "file").write_text("a file")
    with pytest.raises(StudyError, match="--out"):
        siting.run(siting.read_study(town.study(_bare)), out=town.folder / place)


def test_a_full_disk_is_told_and_leaves_earlier_results(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever write fails, the message says where and what to do."""
    study, out = siting.read_study(town.study(_bare)), town.folder / "full"
    siting.run(study, out=out)
    before = {f: f.read_bytes() for f in out.rglob("*.csv")}

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("siting.report.files.write_xlsx", full)
    with pytest.raises(StudyError, match="No space left"):
        siting.run(study, out=out)
    assert {f: f.read_bytes() for f in out.rglob("*.csv")} == before


def test_one_run_at_a_time(town: Town) -> None:
    """The second run in a folder is refused and harms nothing."""
    study, out = siting.read_study(town.study(_bare)), town.folder / "busy"
    refused: list[str] = []

    def meanwhile(step: str, done: int, total: int) -> None:
        if step == "people":
            with pytest.raises(StudyError, match="another run") as told:
                siting.run(study, out=out)
            refused.append(str(told.value))

    siting.run(study, out=out, say=meanwhile)
    assert len(refused) == 1
    assert not (out / ".siting-lock").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="signals are not sent like this on Windows")
def test_an_interrupted_run_leaves_the_earlier_results(town: Town) -> None:
    """Stopped at some moment, then run again."""
    file, out = town.study(_bare), town.folder / "stopped"
    siting.run(siting.read_study(file), out=out)
    before = {f: f.read_bytes() for f in out.rglob("*.csv")}
    command = [sys.executable, "-m", "siting", "run", str(file), "--out", str(out)]
    going = subprocess.Popen(
        command,
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
        env=os.environ,
        # a shell's background job starts with interrupts ignored, and so would its children
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    assert going.stderr is not None
    for line in going.stderr:
        if "write tables" in line:
            break
    going.send_signal(signal.SIGINT)
    assert going.wait(60) != 0
    assert {f: f.read_bytes() for f in out.rglob("*.csv")} == before
    siting.run(siting.read_study(file), out=out)
    assert not list(out.glob(".siting-*"))


def test_a_plan_may_open_candidates(town: Town) -> None:
    """The plan that a run found can be run."""
    done = town.run(lambda study: study.pop("green"))
    found = done.results.new_sites
    assert found is not None
    assert found.solution.plan is not None
    file = town.folder / "plan.json"
    file.write_text(plans.to_json(found.solution.plan).replace("new_sites", "chosen"), "utf-8")
    again = town.run(lambda study: study.pop("green"), plan=file)
    table = again.results.comparison.drop(columns="plan")
    by_plan = {name: table[again.results.comparison["plan"] == name] for name in
               ("chosen", "new_sites")}  # fmt: skip
    pd.testing.assert_frame_equal(
        by_plan["chosen"].reset_index(drop=True), by_plan["new_sites"].reset_index(drop=True)
    )


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("[" * 200_000, "deep"),
        ('{"version": true, "name": "x", "periods": [{"open": {"clinic": ["C1"]}}]}', "version"),
        ('{"version": 1, "name": "x", "periods": [{"open": {"c": ["C1"], "c": []}}]}', "twice"),
    ],
)
def test_odd_plans_are_refused(text: str, word: str) -> None:
    """Too deep, a version that is no number, a service twice."""
    with pytest.raises(StudyError, match=word):
        plans.from_json(text)


@pytest.mark.parametrize(
    "periods",
    [
        [{"open": {}}],
        [{"year": 2026, "open": {"clinic": ["C1"]}}, {"year": 2030, "open": {"clinic": ["C2"]}}],
    ],
)
def test_a_plan_that_would_not_be_evaluated_whole_is_refused(
    town: Town, periods: list[dict[str, Any]]
) -> None:
    """No service at all, or a second period that no page would show."""
    file = town.folder / "periods.json"
    file.write_text(json.dumps({"version": 1, "name": "x", "periods": periods}), "utf-8")
    with pytest.raises(StudyError, match="period"):
        town.run(_bare, plan=file)


def test_two_studies_in_one_folder_do_not_replace_each_other(town: Town) -> None:
    """Results go by the file's name where it is not study.toml."""
    first = town.study(_bare, name="a.toml")
    second = first.with_name("b.toml")
    second.write_bytes(first.read_bytes())
    done = [siting.run(siting.read_study(file)) for file in (first, second)]
    assert done[0].tables_folder != done[1].tables_folder


def test_a_second_zoning_that_nobody_lives_in_is_refused(town: Town, tmp_path: Path) -> None:
    """Its people would all be not assessed, while the first zoning looks right."""
    file = town.folder / "elsewhere.geojson"
    ring = [[112.0, 28.0], [112.1, 28.0], [112.1, 28.1], [112.0, 28.0]]
    shape = {"type": "Polygon", "coordinates": [ring]}
    feature = {"type": "Feature", "properties": {"id": "far"}, "geometry": shape}
    file.write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}), "utf-8")
    far = {"file": str(file), "zoning": "far", "columns": {"zone_id": "id"}}
    with pytest.raises(SitingError, match=r"lies in any zone of far.*check the CRS"):
        town.run(lambda study: study.update(zones=[study["zones"], far]))


def test_a_catchment_beyond_the_search_names_the_key_to_set(town: Town) -> None:
    def ask(study: dict[str, Any]) -> None:
        service = next(iter(study["services"].values()))
        service["access"] = {"catchment": "200 min"}

    with pytest.raises(StudyError, match=r"network\.cutoff_min = 120 stops short.*200 min"):
        town.run(ask)

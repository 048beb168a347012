"""What the README shows must work: its study is valid, its commands and links exist."""

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from siting import plan
from siting.cli import app
from siting.study import read_study

ROOT = Path(__file__).parents[1]
READMES = ("README.md", "README.zh-CN.md")


@pytest.mark.parametrize("name", READMES)
def test_the_study_in_the_readme_is_valid(name: str, tmp_path: Path) -> None:
    text = (ROOT / name).read_text("utf-8")
    (study,) = re.findall(r"```toml\n(.*?)```", text, re.DOTALL)
    assert len(study.strip().splitlines()) == 10
    raw = tmp_path / "data" / "raw"
    raw.mkdir(parents=True)
    for file in re.findall(r'file = "([^"]+)"', study):
        (raw / file).touch()
    (tmp_path / "study.toml").write_text(study, "utf-8")
    assert list(read_study(tmp_path).services) == ["clinic"]


@pytest.mark.parametrize("name", READMES)
def test_the_keys_shown_for_roads_and_buses_are_valid(name: str, tmp_path: Path) -> None:
    """Each key of the table, put where the table says, makes a study; none is left out here."""
    text = (ROOT / name).read_text("utf-8")
    rows = [line.split("|")[2] for line in text.splitlines() if line.count("|") == 4]
    shown = [code for row in rows for code in re.findall(r"`([^`]+)`", row) if " = " in code]
    tables = dict.fromkeys(("repair", "snap_m"), "roads") | {"railways": ""}
    tables |= dict.fromkeys(("elevation", "speeds", "signals"), "network")
    tables |= dict.fromkeys(("mode", "walkers", "bus", "count_crossings"), "services.clinic")
    assert {code.split(" = ")[0] for code in shown} == set(tables)
    for code in shown:
        key, value = code.split(" = ", 1)
        said: dict[str, list[str]] = {"": [], "roads": [], "network": [], "services.clinic": []}
        said[tables[key]].append(code)
        if key == "bus" or code == 'mode = "bus"':
            said["services.clinic"] = ['mode = "bus"', 'bus = { how = "route", seats = 45 }']
        (tmp_path / "study.toml").write_text(
            "\n".join(
                [
                    'title = "t"', 'data = "."', *said[""], "[zones]", 'file = "z.gpkg"',
                    "[roads]", 'file = "r.gpkg"', *said["roads"], "[people]", "total = 1",
                    'spread = "residential"', "[residential]", 'file = "l.gpkg"', "[network]",
                    *said["network"], "[services.clinic]", 'file = "c.gpkg"',
                    'rules = ["clinic.walk_30min"]', *said["services.clinic"],
                ]
            ),
            "utf-8",
        )  # fmt: skip
        named = re.findall(r'"([^"]+\.(?:tif|toml|gpkg))"', value)
        for file in ("z.gpkg", "r.gpkg", "l.gpkg", "c.gpkg", *named):
            (tmp_path / file).touch()
        assert read_study(tmp_path).title == "t", code


@pytest.mark.parametrize("name", READMES)
def test_the_plan_in_the_readme_is_one(name: str) -> None:
    (told,) = re.findall(r"```json\n(.*?)```", (ROOT / name).read_text("utf-8"), re.DOTALL)
    found = plan.from_json(told)
    assert [edit.kind for edit in found.network_edits] == ["add", "close", "retime"]
    assert plan.from_json(plan.to_json(found)) == found


def test_both_readmes_show_the_same_code() -> None:
    english, chinese = ((ROOT / name).read_text("utf-8") for name in READMES)
    for fence in ("toml", "json"):
        pattern = rf"```{fence}\n(.*?)```"
        assert re.findall(pattern, english, re.DOTALL) == re.findall(pattern, chinese, re.DOTALL)


@pytest.mark.parametrize(
    "name",
    [*READMES, "CONTRIBUTING.md", *sorted(f"docs/{f.name}" for f in (ROOT / "docs").glob("*.md"))],
)
def test_links_and_pictures_are_there(name: str) -> None:
    file = ROOT / name
    for link in re.findall(r"\]\(([^)#]+)\)", file.read_text("utf-8")):
        if not link.startswith("http"):
            assert (file.parent / link).exists(), link


def test_the_commands_of_the_readme_exist() -> None:
    text = "".join((ROOT / name).read_text("utf-8") for name in READMES)
    commands = set(re.findall(r"^siting (\w+)", text, re.MULTILINE))
    assert commands >= {"init", "check", "run"}
    for command in sorted(commands):
        assert CliRunner().invoke(app, [command, "--help"]).exit_code == 0, command
    assert "--plan plan.json" in text
    assert "--plan" in CliRunner().invoke(app, ["run", "--help"], env={"COLUMNS": "200"}).output
    targets = set(re.findall(r"^make ([\w-]+)", text, re.MULTILINE))
    makefile = (ROOT / "Makefile").read_text("utf-8")
    assert all(re.search(rf"^{target}:", makefile, re.MULTILINE) for target in targets)

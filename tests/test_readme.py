"""What the README shows must work: its study is valid, its commands and links exist."""

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

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


@pytest.mark.parametrize("name", [*READMES, "CONTRIBUTING.md", "docs/architecture.md"])
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
    targets = set(re.findall(r"^make ([\w-]+)", text, re.MULTILINE))
    makefile = (ROOT / "Makefile").read_text("utf-8")
    assert all(re.search(rf"^{target}:", makefile, re.MULTILINE) for target in targets)

"""The house stands as docs/architecture.md draws it: imports go down, special tools stay home."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import siting

PACKAGE = Path(siting.__file__).parent
FLOORS = {
    "errors": 0,
    "tables": 1, "text": 1, "kernels": 1,
    "rules": 2, "crs": 2, "baskets": 2,
    "study": 3, "load": 3, "fetch": 3, "demo": 3,
    "quality": 4, "demand": 4, "network": 4,
    "cohorts": 5, "travel_time": 5,
    "isochrone": 6, "plan": 6,
    "allocation": 7, "school_bus": 7,
    "coverage": 8,
    "green": 9, "evaluate": 9, "access": 9,
    "locate": 10, "candidates": 10,
    "score": 11, "sequence": 11,
    "merger": 12,
    "report": 13, "pages": 13, "maps": 13, "compare": 13,
    "pipeline": 14,
    "cli": 15,
    "__main__": 16,
}  # fmt: skip
# who may import a library: the room(s) named, and nobody else
HOMES = {
    "folium": {"maps"},
    "branca": {"maps"},
    "osmnx": {"fetch"},
    "requests": {"fetch"},
    "urllib.request": {"fetch"},
    "http": {"fetch"},
    "socket": {"fetch"},
    "highspy": {"locate", "allocation", "sequence"},
    "pydantic": {"study", "rules", "plan"},
    "typer": {"cli"},
    "rich": {"cli"},
    "numba": {"kernels"},
    "exactextract": {"load"},
    "rasterio": {"load", "demo"},
}
REPROJECT = {"to_crs", "Transformer"}
REPROJECT_HOMES = {"load", "crs", "maps", "demo"}  # demo writes files as bureaus have them


def modules() -> Iterator[tuple[str, Path, ast.Module]]:
    for file in sorted(PACKAGE.rglob("*.py")):
        room = file.relative_to(PACKAGE).parts[0].removesuffix(".py")
        if room != "__init__":
            yield room, file, ast.parse(file.read_text("utf-8"))


def imported(tree: ast.Module) -> Iterator[tuple[str, int]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, node.lineno
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: relative import; write it in full"
            for alias in node.names:
                yield f"{node.module}.{alias.name}", node.lineno


def test_every_room_has_a_floor() -> None:
    assert {room for room, _, _ in modules()} <= set(FLOORS)


def test_imports_go_down() -> None:
    wrong = [
        f"{file.relative_to(PACKAGE)}:{line} {room} (floor {FLOORS[room]}) imports {name}"
        for room, file, tree in modules()
        for name, line in imported(tree)
        if name.startswith("siting.")
        and (other := name.split(".")[1]) in FLOORS
        and other != room
        and FLOORS[other] >= FLOORS[room]
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("library", sorted(HOMES))
def test_special_libraries_stay_home(library: str) -> None:
    wrong = [
        f"{file.relative_to(PACKAGE)}:{line}"
        for room, file, tree in modules()
        for name, line in imported(tree)
        if (name == library or name.startswith(f"{library}.")) and room not in HOMES[library]
    ]
    assert not wrong, f"{library} belongs to {HOMES[library]}: {wrong}"


def test_reprojection_stays_home() -> None:
    wrong = [
        f"{file.relative_to(PACKAGE)}:{node.lineno}"
        for room, file, tree in modules()
        if room not in REPROJECT_HOMES
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and node.attr in REPROJECT
    ]
    assert not wrong, wrong


def test_nothing_below_the_pipeline_reads_a_study() -> None:
    wrong = [
        f"{file.relative_to(PACKAGE)}:{line}"
        for room, file, tree in modules()
        for name, line in imported(tree)
        if name.startswith("siting.study") and room != "study" and FLOORS[room] < FLOORS["pipeline"]
    ]
    assert not wrong, wrong


def test_only_the_cli_prints() -> None:
    wrong = [
        f"{file.relative_to(PACKAGE)}:{node.lineno}"
        for room, file, tree in modules()
        if room != "cli"
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "print"
    ]
    assert not wrong, wrong


def test_no_grab_bags_and_no_giants() -> None:
    for _, file, _ in modules():
        assert file.stem not in {"utils", "helpers", "common", "core", "misc"}, file
        lines = len(file.read_text("utf-8").splitlines())
        assert lines <= 550, f"{file.relative_to(PACKAGE)} has {lines} lines: make it a package"


def test_help_stays_light() -> None:
    """``import siting`` and the command line's help load no geospatial library."""
    import subprocess
    import sys

    code = (
        "import sys, siting, siting.cli\n"
        "heavy = {'geopandas', 'pandas', 'numba', 'folium', 'highspy', 'scipy', 'rasterio'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"

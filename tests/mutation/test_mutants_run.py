"""The same mutants through the whole line: from a study file to tables and pages.

A run ends in an error that names the layer, the row and a mend, and then leaves the results of
the run before as they were; or it ends in the figures of the same study without the rows that are
listed as dropped.
"""

from __future__ import annotations

import hashlib
import shutil
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import tiny
from mutants import Mutant, mutants
from test_mutants_load import WHOLE_FILE, row_names

import siting
from siting.errors import DataError, SitingError

pytestmark = pytest.mark.filterwarnings("ignore")
KEPT = [m for m in mutants() if m.layer in tiny.STUDY_NAMES]
# a spread of all kinds in every run; the rest where there is time
FEW = [m for m in KEPT if zlib.crc32(m.name.encode()) % 24 == 0]
MORE = [m for m in KEPT if zlib.crc32(m.name.encode()) % 24 in range(1, 9)]
NUMBERS = ("persons", "covered", "no_seat", "out_of_reach", "not_assessed")


class Town:
    """The toy town as a study, of which one layer at a time is replaced."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.paths, self.declared, _ = tiny.build(folder / "clean")
        self.columns = {name: dict(spec.columns) for name, spec in tiny.SPECS.items()}
        self.known: dict[Any, pd.DataFrame] = {}

    def run(
        self, layer: str, path: Path, declared: dict[str, Any], columns: dict[str, str]
    ) -> siting.pipeline.Run:
        """Run the study with one layer replaced; unchanged layers come from the cache."""
        study = self.folder / "study.toml"
        study.write_text(
            tiny.study_toml(
                {**self.paths, layer: path},
                {**self.declared, layer: declared},
                {**self.columns, layer: columns},
            ),
            "utf-8",
        )
        return siting.run(siting.read_study(study), out=self.folder / "out")

    def clean(self, layer: str, ending: str, without: int | None = None) -> pd.DataFrame:
        """Return the coverage of the town with a layer in one format, or less one of its rows."""
        key = (layer, ending, without)
        if key not in self.known:
            frame = tiny.frame(layer)
            if without is not None:
                frame = frame.drop(index=without).reset_index(drop=True)
            folder = self.folder / f"{layer}-{ending}-{without}"
            folder.mkdir()
            path, declared = tiny.write(frame, folder, layer, ending)
            self.known[key] = self.run(layer, path, declared, self.columns[layer]).coverage
        return self.known[key]

    def digest(self) -> dict[str, str]:
        """Return checksums of all results."""
        out = self.folder / "out"
        files = sorted(f for f in out.rglob("*") if f.is_file() and "cache" not in f.parts)
        return {str(f): hashlib.sha256(f.read_bytes()).hexdigest() for f in files}


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Town:
    return Town(tmp_path_factory.mktemp("town"))


def test_the_town_is_worth_breaking(town: Town) -> None:
    found = town.clean("school", "shp")
    assert set(found["service"]) == {"school", "clinic"}
    assert (found["covered"] > 0).any()
    assert (found["out_of_reach"] > 0).any()
    assert len(FEW) >= 50
    assert len(FEW) + len(MORE) >= 300


@pytest.mark.parametrize("mutant", FEW, ids=lambda m: m.name)
def test_mutant(mutant: Mutant, town: Town, tmp_path: Path) -> None:
    check(mutant, town, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("mutant", MORE, ids=lambda m: m.name)
def test_more_mutants(mutant: Mutant, town: Town, tmp_path: Path) -> None:
    check(mutant, town, tmp_path)


def attempt(run: Callable[[], Any]) -> Any:
    """Return what a run gives, or the SitingError it ends in; any other error passes through."""
    try:
        return run()
    except SitingError as error:
        return error


def check(mutant: Mutant, town: Town, folder: Path) -> None:
    path, declared, columns = mutant.write(folder)
    before = town.digest()
    found = attempt(lambda: town.run(mutant.layer, path, declared, columns))
    name = tiny.STUDY_NAMES[mutant.layer]
    if isinstance(found, SitingError):
        assert town.digest() == before, "a refused run changed the results of the last one"
        check_error(found, mutant, name)
        return
    coverage = found.coverage
    assert (coverage[list(NUMBERS[1:])].sum(axis=1) == coverage["persons"]).all()
    drops = pd.read_csv(found.tables_folder / "tables" / "drops.csv", dtype=str)
    own = drops[drops["table"] == name]
    if mutant.row is None:
        same(coverage, town.clean(mutant.layer, mutant.ending))
        return
    told = own[own["row"].isin(row_names(mutant))]
    if (told["action"] == "dropped").any():
        same(coverage, town.clean(mutant.layer, mutant.ending, without=mutant.row))
    elif set(told["action"]) <= {"cleaned", "named by id"} and not mutant.renames:
        same(coverage, town.clean(mutant.layer, mutant.ending))
    shutil.rmtree(folder)


def check_error(error: SitingError, mutant: Mutant, name: str) -> None:
    text = str(error)
    assert name in text or text.startswith("study: "), text
    if not isinstance(error, DataError):
        assert text.rstrip().endswith("."), text
        return
    for problem in error.problems:
        assert problem.mend.rstrip().endswith((".", "…")), problem
    if mutant.row is not None and len(tiny.frame(mutant.layer)) > 1:
        told = {r for p in error.problems for r in p.rows}
        assert told & row_names(mutant) or any(w in text for w in WHOLE_FILE), text


def same(found: pd.DataFrame, clean: pd.DataFrame) -> None:
    """Figures of today are equal; plans that new sites make may differ in their names only."""
    keys = ["plan", "zoning", "zone_id", "settlement", "service", "rule_id"]
    one = found.sort_values(keys).reset_index(drop=True)
    two = clean.sort_values(keys).reset_index(drop=True)
    pd.testing.assert_frame_equal(one[[*keys, *NUMBERS]], two[[*keys, *NUMBERS]])

"""Every bad input ends in a named error or in the clean tables minus what is listed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
import tiny
from mutants import Mutant, mutants

from siting import crs, load
from siting.errors import DataError, SitingError
from siting.tables import label

# the drivers complain while the bad files are written; what counts is how they are read
pytestmark = pytest.mark.filterwarnings("ignore")
MUTANTS = list(mutants())
GEOMETRY = {"point": "point_or_polygon", "line": "line", "polygon": "polygon"}
WHOLE_FILE = ("cannot be read", "cannot be opened", "is damaged", "not GeoJSON", "is not known")


def read(layer: str, path: Path, declared: dict[str, Any], columns: dict[str, str]) -> Any:
    """Load one layer as a pipeline does."""
    spec = tiny.SPECS[layer]
    raw = load.read_layer(path, table=layer, geometry=GEOMETRY[spec.geometry], **declared)
    options = {"crs": tiny.CRS, "columns": columns, "layer": layer, **spec.options}
    if layer == "zones":
        crs.working_crs(load.lonlat_bounds(raw))
        return load.zones(raw, **options)
    options["area"] = tiny.area()
    conform: Callable[..., Any] = {
        "people": load.people,
        "residential": load.residential,
        "buildings": load.carriers,
        "school": load.sites,
        "clinic": load.sites,
        "candidates": load.sites,
        "parks": load.parks,
        "roads": load.roads,
        "water": load.water,
        "barriers": load.barriers,
    }[layer]
    return conform(raw, **options)


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, str], Any]:
    """Return what a layer gives unharmed, for each format it comes in."""
    known: dict[tuple[str, str], Any] = {}

    def get(layer: str, ending: str) -> Any:
        if (layer, ending) not in known:
            folder = tmp_path_factory.mktemp(f"{layer}-{ending}")
            path, declared = tiny.write(tiny.frame(layer), folder, layer, ending)
            known[layer, ending] = read(layer, path, declared, dict(tiny.SPECS[layer].columns))
        return known[layer, ending]

    return get


def test_there_are_enough() -> None:
    assert len(MUTANTS) >= 300
    assert len({m.name for m in MUTANTS}) == len(MUTANTS)


@pytest.mark.parametrize("layer", tiny.SPECS)
def test_the_town_is_clean(layer: str, clean: Callable[[str, str], Any]) -> None:
    for ending in tiny.SPECS[layer].formats:
        found = clean(layer, ending)
        assert len(found[0]) == len(tiny.frame(layer))
        assert not len(found.drops), found.drops.to_string()


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda m: m.name)
def test_mutant(mutant: Mutant, clean: Callable[[str, str], Any], tmp_path: Path) -> None:
    path, declared, columns = mutant.write(tmp_path)
    found = attempt(mutant.layer, path, declared, columns)
    if isinstance(found, SitingError):
        assert "error" in mutant.ends, f"refused what should pass: {found}"
        check_error(found, mutant)
        return
    before = clean(mutant.layer, mutant.ending)
    end = check_clean(before, found, mutant)
    assert end in mutant.ends, f"ended {end}, not in {sorted(mutant.ends)}:\n{found.drops}"


def attempt(layer: str, path: Path, declared: dict[str, Any], columns: dict[str, str]) -> Any:
    """Return what a layer gives, or the SitingError it ends in; any other error passes through."""
    try:
        return read(layer, path, declared, columns)
    except SitingError as error:
        return error


def row_names(mutant: Mutant) -> set[str]:
    """Return what a message may call the mutated row."""
    assert mutant.row is not None
    frame = tiny.frame(mutant.layer)
    ident = tiny.SPECS[mutant.layer].columns[tiny.SPECS[mutant.layer].key]
    return {f"row {mutant.row + 1}", label(frame[ident].iat[mutant.row])}


def check_error(error: SitingError, mutant: Mutant) -> None:
    """A message names the layer and a mend, the row where one row is to blame, and is one line."""
    text = str(error)
    problems = error.problems if isinstance(error, DataError) else ()
    assert mutant.layer in text or text.startswith("study: "), text
    for problem in problems:
        assert problem.mend.rstrip().endswith((".", "…")), problem
        assert "\n" not in str(problem), problem
        assert len(str(problem)) < 1200, problem
    if mutant.row is not None:
        told = {r for p in problems for r in p.rows}
        whole = any(w in text for w in WHOLE_FILE)
        single = len(tiny.frame(mutant.layer)) == 1
        wide = text.startswith("study: ")
        assert told & row_names(mutant) or whole or single or wide, text


def check_clean(before: Any, found: Any, mutant: Mutant) -> str:
    """Tables equal the clean ones in every row that the drops do not list."""
    spec = tiny.SPECS[mutant.layer]
    frame = tiny.frame(mutant.layer)
    idents = frame[spec.columns[spec.key]].tolist()
    listed = set(found.drops["row"])
    excused = {i for n, i in enumerate(idents, 1) if {f"row {n}", label(i)} & listed}
    if mutant.renames:
        assert mutant.row is not None
        excused.add(idents[mutant.row])
    for clean_table, table in zip(before[:-1], found[:-1], strict=True):
        if spec.key not in clean_table:
            continue
        one = clean_table[~clean_table[spec.key].isin(excused)].reset_index(drop=True)
        known = set(clean_table[spec.key])
        rest = table[~table[spec.key].isin(excused)]
        strange = set(rest[spec.key]) - known
        allowed = 1 if mutant.renames else 0
        assert len(strange) <= allowed, f"rows from nowhere: {strange}"
        two = rest[~rest[spec.key].isin(strange)].reset_index(drop=True)
        if mutant.name.endswith("rows-reversed") and "way_id" in one:
            # a way is the row of its file, and that is what was turned round
            two["way_id"] = len(frame) - 1 - two["way_id"]
        equal(one, two)
    return "listed" if len(found.drops) else "same"


def equal(one: pd.DataFrame, two: pd.DataFrame) -> None:
    assert len(one) == len(two), f"{len(one)} rows became {len(two)}"
    assert set(one.columns) == set(two.columns)
    for column in one.columns:
        if column == "geometry":
            a = gpd.GeoDataFrame(one).geometry.to_numpy()
            b = gpd.GeoDataFrame(two).geometry.to_numpy()
            assert shapely.equals_exact(a, b, tolerance=1e-6).all(), "another place"
        elif column == "area_m2":
            assert np.allclose(one[column], two[column], rtol=0, atol=2e-3), "another area"
        else:
            a = one[column].astype(object).where(one[column].notna(), None).tolist()
            b = two[column].astype(object).where(two[column].notna(), None).tolist()
            assert a == b, f"{column}: {a} became {b}"

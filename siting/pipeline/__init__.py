"""The straight line from a study's files to tables and pages; read it as the summary of siting.

::

    files → tables → people and networks → travel times → plans → evaluation → tables, pages
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import geopandas as gpd
import pandas as pd

from siting import plan as plans
from siting.errors import StudyError, first_ids
from siting.evaluate import Evaluation, comparison
from siting.green import Green
from siting.merger import LeaveOneOut
from siting.pipeline import (
    areas,
    baskets,
    equity,
    folders,
    outputs,
    parks,
    questions,
    region,
    safety,
    schools,
    seats,
    whatif,
    zoned,
)
from siting.pipeline import inputs as reading
from siting.pipeline.baskets import Baskets
from siting.pipeline.cache import Cache
from siting.pipeline.equity import Accessibility
from siting.pipeline.inputs import Inputs
from siting.pipeline.parks import Pocket
from siting.pipeline.questions import NewSites
from siting.pipeline.region import MAX_NOT_ASSESSED, Region
from siting.pipeline.road_layer import road_defects, told_of
from siting.pipeline.steps import Say, Steps, quiet
from siting.study import Study

__all__ = ["ONLY", "Inputs", "Results", "Run", "Say", "read_inputs", "run", "summary"]

ONLY = ("coverage", "green", "closures", "new_sites", "pocket_parks")


@dataclass(frozen=True, eq=False)
class Results:
    """What a run found; a part that was not asked for is ``None``."""

    study: Study
    region: Region
    evaluations: tuple[Evaluation, ...]
    gaps: gpd.GeoDataFrame | None = None
    losses: pd.DataFrame | None = None
    green: Green | None = None
    park_entrances: gpd.GeoDataFrame | None = None
    park_per_person: pd.DataFrame | None = None
    pocket: Pocket | None = None
    closures: LeaveOneOut | None = None
    new_sites: NewSites | None = None
    crossings: pd.DataFrame | None = None
    areas: gpd.GeoDataFrame | None = None
    accessibility: Accessibility | None = None
    provision: pd.DataFrame | None = None
    baskets: Baskets | None = None

    @property
    def coverage(self) -> pd.DataFrame:
        """The ``coverage`` table of all plans."""
        return pd.concat([e.coverage for e in self.evaluations], ignore_index=True)

    @property
    def comparison(self) -> pd.DataFrame:
        """One row a plan, service and rule."""
        return comparison(self.evaluations)


@dataclass(frozen=True, eq=False)
class Run:
    """A finished run: its results, where they were written, and what to say of them."""

    results: Results
    tables_folder: Path
    maps_folder: Path
    headlines: tuple[str, ...]
    seconds: float = field(default=0.0)

    @property
    def coverage(self) -> pd.DataFrame:
        """The ``coverage`` table of all plans."""
        return self.results.coverage


def run(
    study: Study,
    *,
    root: Path | None = None,
    out: Path | None = None,
    only: str | None = None,
    plan: Path | None = None,
    say: Say = quiet,
) -> Run:
    """Run a study from its files to tables and pages.

    Parameters
    ----------
    study
        From :func:`siting.read_study`.
    root
        Results go under ``root/data/processed/<study>`` and ``root/maps/<study>``; the study's own
        folder unless given.
    out
        Everything under this one folder instead.
    only
        One of :data:`ONLY`: the results are then written beside the whole ones, never over them.
    plan
        A ``plan.json`` to evaluate beside today.
    say
        Told the steps as they begin.

    Raises
    ------
    SitingError
        Whatever the user can mend. Results of an earlier run are then as they were.
    """
    began = time.monotonic()
    if only is not None and only not in ONLY:
        raise StudyError(f'--only: "{only}" is not a step. Use one of {", ".join(ONLY)}.')
    tables_folder, maps_folder, cache_folder = folders.of_run(study, root, out, only)
    asked = _asked(study, only)
    total = reading.steps_of(study) + region.steps_of(study) + len(asked) + 2
    step = Steps(say, total)
    cache = Cache(cache_folder)

    with folders.claimed(tables_folder, maps_folder):
        inputs = reading.read_inputs(study, cache=cache, step=step)
        here = region.join(study, inputs, step=step)
        results = _answers(study, here, asked, plan, step)
        step("write tables and pages")
        written = outputs.write(
            results,
            tables_folder=tables_folder,
            maps_folder=maps_folder,
            seconds=lambda: time.monotonic() - began,
        )
        cache.forget_unused()
    return Run(
        results=results,
        tables_folder=tables_folder,
        maps_folder=maps_folder,
        headlines=written,
        seconds=time.monotonic() - began,
    )


def read_inputs(study: Study, *, say: Say = quiet) -> Inputs:
    """Read everything a study names and change nothing: no file is written, no cache is used."""
    step = Steps(say, reading.steps_of(study))
    return reading.read_inputs(study, cache=Cache(None), step=step)


def summary(inputs: Inputs) -> Iterator[str]:
    """Say in lines what was read and what is not used as given."""
    yield f"working CRS: {inputs.crs.name} ({inputs.crs.to_string()[:40]})"
    for layer in inputs.layers:
        yield f"{layer.layer}: {layer.rows} rows from {layer.file}"
    people = int(inputs.demand["population"].sum())
    yield f"people: {people} at {len(inputs.demand)} places"
    for source, persons in inputs.uncounted.items():
        yield f"people of {source} not counted: {persons}, where another source speaks (drops.csv)"
    for zoning, persons in zoned.outside(inputs.demand, inputs.membership).items():
        yield f"people in no zone of {zoning}: {persons}, counted and not assessed"
    for way, roads in inputs.networks.items():
        km = int(roads.length_mm.sum()) / 1e6
        parts = len(roads.component_km)
        yield f"network {way}: {len(roads.tail)} edges, {km:.0f} km, {parts} components"
    yield from told_of(road_defects(inputs.networks, inputs.road_lines))
    if inputs.schools is not None:
        yield from schools.summary(inputs.schools)
    kinds = inputs.drops.groupby(["table", "what", "action"], sort=True)["row"]
    for (table, what, action), rows in kinds:
        yield f"{action}: {table}: {len(rows)} rows {what} ({first_ids(rows)})"


def _answers(
    study: Study, here: Region, asked: tuple[str, ...], plan: Path | None, step: Steps
) -> Results:
    equity.supplies(study, here)  # unknown capacity is refused before anything is computed
    step("evaluate today")
    evaluations = [questions.evaluated(here, here.today)]
    if plan is not None:
        named = _named(plan, here)
        there = whatif.on_edited_roads(study, here, named)
        same_streets = evaluations[0] if there is here else None
        evaluations.append(questions.evaluated(there, named, today=same_streets))
        here = replace(here, inputs=replace(here.inputs, drops=there.inputs.drops))
    gaps = lost = green = closed = new = crossed = ground = shared = stock = whole = None
    room = pocket = None
    gates = parks.entrances(study, here, asked)
    if "coverage" in asked:
        step("gaps")
        gaps, lost = questions.gaps(here), questions.losses(here)
        crossed = safety.crossings_table(study, here)
        ground = areas.service_areas(study, here)
        shared = equity.accessibility(study, here)
        stock = seats.provision(study, here)
        whole = baskets.baskets(
            study, here, gates, max_not_assessed=here.inputs.rules[MAX_NOT_ASSESSED].strict
        )
    if {"green", "pocket_parks"} & set(asked):
        step("green")
        assert gates is not None
        green = parks.land(study, here, gates)
        room = parks.per_person(here)
        if "pocket_parks" in asked:
            step("pocket parks")
            pocket = parks.pocket(study, here, green)
    if "closures" in asked and study.decide.closures is not None:
        step("closures")
        closed = questions.closures(here, study.decide.closures.service)
    if "new_sites" in asked:
        step("new sites")
        new = questions.new_sites(study, here)
        if new.solution.plan is not None:
            evaluations.append(questions.evaluated(here, new.solution.plan, today=evaluations[0]))
    return Results(
        study=study,
        region=here,
        evaluations=tuple(evaluations),
        gaps=gaps,
        losses=lost,
        green=green,
        park_entrances=None if green is None or gates is None else gates.places,
        park_per_person=room,
        pocket=pocket,
        closures=closed,
        new_sites=new,
        crossings=crossed,
        areas=ground,
        accessibility=shared,
        provision=stock,
        baskets=whole,
    )


def _asked(study: Study, only: str | None) -> tuple[str, ...]:
    """Return the questions this run answers."""
    there = {
        "coverage": True,
        "green": bool(study.green),
        "closures": study.decide.closures is not None,
        "new_sites": study.decide.new_sites is not None,
        "pocket_parks": study.decide.pocket_parks is not None,
    }
    if only is not None and not there[only]:
        where = "[[green]]" if only == "green" else f"[decide.{only}]"
        raise StudyError(f"--only {only}: the study does not ask that. Add {where} to it.")
    return tuple(name for name in ONLY if there[name] and only in (None, name))


def _named(file: Path, here: Region) -> plans.Plan:
    """Read a plan.json and hold it against the sites of the study."""
    try:
        text = file.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise StudyError(f"--plan: {file} cannot be read: {error}. Name a plan.json.") from None
    found = plans.from_json(text, offers=here.places.offers)
    if len(found.periods) > 1 or not found.services:
        raise StudyError(
            f"--plan: {file} has {len(found.periods)} periods and {len(found.services)} services; "
            "a run evaluates one period of at least one service. Leave one period in the file."
        )
    taken = {here.today.name, "new_sites"}
    if found.name in taken:
        raise StudyError(f'--plan: a plan may not be called "{found.name}". Rename it.')
    return found

"""What one new pocket park would add, place by place, and a good sequence of several."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from siting.coverage import exact, members, whole_persons
from siting.errors import DataError, Problem, StudyError
from siting.green.indicators import Indicator
from siting.green.overlay import (
    STEP,
    Around,
    in_steps,
    of_class,
    pairs,
    polygons_of,
    radius_mm,
    served,
)
from siting.rules import Rule
from siting.travel_time import TravelTimes, is_covered

I64 = NDArray[np.int64]
Bool = NDArray[np.bool_]
Objects = NDArray[np.object_]
BLOCK = 100_000
"""Pairs cut at a time, which bounds memory and changes nothing else."""
FIGURES = ("new_m2", "new_on_foot_m2", "foot_gain_m2", "new_persons")


@dataclass(frozen=True, eq=False)
class PocketParks:
    """What a new park would add at each place, and the places to begin with.

    Attributes
    ----------
    places
        One row a place, by rank: ``rank`` (by new land of the indicator ranked by, ties to the
        smallest id), ``place_id``, ``name``, ``area_m2``, for each indicator ``<name>_new_m2``
        (judged land in zones newly within the radius, straight line), ``<name>_new_on_foot_m2`` (of
        that, land whose point walks to the place within the radius), ``<name>_foot_gain_m2`` (by
        how much land served on foot grows; more than the former where land already within the
        straight line of another park could not walk to it), ``<name>_new_persons`` (of cells of
        which half or more is served then and was not before; missing where people are not known by
        cell), ``closes_share`` (new land as a share of the shortfall, at most 1; missing where
        there is none), ``step`` and ``adds_m2`` (its turn in the sequence and what it adds after
        those before it; missing where it is not in it), the shape.
    chosen
        Place ids of the sequence, in turn. Fewer than asked for where no more adds anything.
    by
        The indicator ranked by.
    land_m2, before_m2, after_m2
        Judged land in zones, how much of it is served in a straight line, and with the sequence.
    foot_before_m2, foot_after_m2
        The same on foot.
    bound_m2
        No choice of as many places adds more than this.
    shortfall_m2
        Land missing to the target.
    """

    places: gpd.GeoDataFrame = field(repr=False)
    chosen: tuple[str, ...]
    by: str
    land_m2: float
    before_m2: float
    after_m2: float
    foot_before_m2: float
    foot_after_m2: float
    bound_m2: float
    shortfall_m2: float


class _Reach(NamedTuple):
    """Pairs of cells and places in which the place may add land, of one indicator.

    ``cell``, ``place``: positions; ``gain``: steps of the cell newly served; ``whole``: the place
    serves all of it; ``around``: what the place serves, one shape for all its pairs. What it serves
    of a cell is cut out when it is needed: a city has millions of such pieces.
    """

    cell: I64
    place: I64
    gain: I64
    whole: Bool
    around: Objects


def pocket_parks(
    cells: gpd.GeoDataFrame,
    parks: gpd.GeoDataFrame,
    membership: pd.DataFrame,
    places: gpd.GeoDataFrame,
    *,
    zoning: str,
    indicators: Sequence[Indicator],
    by: str,
    target: Rule,
    n: int,
    walked: TravelTimes | None = None,
    persons: pd.Series[int] | None = None,
) -> PocketParks:
    """Try a park at every place, and say by how much served residential land grows.

    What a place adds is the difference between two runs of :func:`siting.green.green_coverage`,
    with the park and without, over judged land within the zones of one zoning. The sequence is
    greedy: the place that adds most, then the one that adds most after it, and so on; ties to the
    smallest id. Such a sequence adds at least 1 − 1/e (63.2 %) of what the best choice of as many
    places does (Nemhauser, Wolsey and Fisher 1978), for land served is a coverage function.
    ``bound_m2`` says more: after any number of steps, what was added and the largest gains that are
    left are together no less than the best.

    Parameters
    ----------
    cells
        ``Green.cells`` of :func:`siting.green.green_coverage`.
    parks, membership
        As there.
    places
        ``place_id``, ``name``, ``area_m2`` (its size class), polygons, in the same CRS.
    zoning
        Which zones land must be in to count.
    indicators
        From ``indicators(rules)``.
    by
        Name of the indicator to rank by.
    target
        A share of land of that indicator; its shortfall is what places are held against.
    n
        Places in the sequence, at least 1.
    walked
        Travel times by length from the cells' points to the places (``site_id`` = ``place_id``;
        those that are missing walk nowhere); cutoff at least the largest radius. ``None``: nobody
        walks to any place.
    persons
        Persons by cell id, where known.

    Raises
    ------
    StudyError
        ``n`` is below 1, or ``by`` names no indicator.
    DataError
        CRS that differ, places twice, travel times by time or cut short.
    """
    ranked = next((i for i in indicators if i.name == by), None)
    if n < 1 or ranked is None:
        known = ", ".join(i.name for i in indicators)
        raise StudyError(
            f"pocket parks: n = {n} and by = {by!r}; give n from 1 up and one of {known}."
        )
    _check(cells, parks, places, indicators, walked)
    cells = cells.sort_values("cell_id", ignore_index=True)
    places = places.sort_values("place_id", ignore_index=True)
    known_parks = Around(parks.sort_values("park_id", ignore_index=True))
    tried = Around(places.assign(kind="park"))
    land = _steps(cells["area_m2"])
    in_zone = _in_zones(cells, membership, zoning)
    people = None if persons is None else whole_persons(persons, cells["cell_id"].to_numpy())
    table = places[["place_id", "name", "area_m2", "geometry"]].copy()
    sequence = None
    for indicator in indicators:
        judged = in_zone & cells["settlement"].isin(indicator.judges).to_numpy()
        had = _steps(cells[f"{indicator.name}_straight_m2"])
        open_cells = np.flatnonzero(judged & (had < land))
        some = cells.iloc[open_cells].reset_index(drop=True)
        shape = np.full(len(cells), None, dtype=object)
        shape[open_cells] = polygons_of(
            served(some, known_parks, indicator.classes, land[open_cells]).shape
        )
        reach = _reach(cells, open_cells, tried, indicator, land, had, shape)
        on_foot = cells[f"{indicator.name}_foot"].to_numpy(dtype=bool)
        walks = _walks(cells, places, indicator, walked, judged)
        figures = _figures(reach, walks, had, on_foot, land, people, len(places))
        for name in FIGURES:
            table[f"{indicator.name}_{name}"] = figures[name]
        if indicator is ranked:
            sequence = _sequence(reach, n, land, had, shape, cells.geometry.to_numpy(), len(places))
            totals = _totals(sequence, walks, judged, had, on_foot, land)
    assert sequence is not None
    table["step"] = pd.array([pd.NA] * len(table), dtype="Int64")
    table["adds_m2"] = np.nan
    table.loc[sequence.place, "step"] = np.arange(1, len(sequence.place) + 1)
    table.loc[sequence.place, "adds_m2"] = sequence.adds / STEP
    whole, before, after, foot_before, foot_after = (total / STEP for total in totals)
    short = max(float(exact(target.strict) * exact(whole) - exact(before)), 0.0)
    new = table[f"{by}_new_m2"]
    table["closes_share"] = np.minimum(new / short, 1.0) if short > 0 else np.nan
    table = table.sort_values([f"{by}_new_m2"], ascending=False, kind="stable", ignore_index=True)
    table.insert(0, "rank", np.arange(1, len(table) + 1))
    first = [c for c in table.columns if c != "geometry"]
    return PocketParks(
        places=table[[*first, "geometry"]],
        chosen=tuple(places["place_id"].to_numpy()[sequence.place].tolist()),
        by=by,
        land_m2=whole,
        before_m2=before,
        after_m2=after,
        foot_before_m2=foot_before,
        foot_after_m2=foot_after,
        bound_m2=sequence.bound / STEP,
        shortfall_m2=short,
    )


def _reach(
    cells: gpd.GeoDataFrame,
    open_cells: I64,
    tried: Around,
    indicator: Indicator,
    land: I64,
    had: I64,
    shape: Objects,
) -> _Reach:
    """Return all pairs of cells not wholly served and places that serve some of them."""
    near = pairs(cells.iloc[open_cells].reset_index(drop=True), tried, indicator.classes)
    shapes = cells.geometry.to_numpy()
    cell, place, around = open_cells[near.cell], near.park, near.around
    meets = shapely.intersects(around, shapes[cell])
    cell, place, around = cell[meets], place[meets], around[meets]
    order = np.lexsort((place, cell))
    cell, place, around = cell[order], place[order], around[order]
    whole = shapely.covers(around, shapes[cell])
    gain = np.empty(len(cell), dtype=np.int64)
    for start in range(0, len(cell), BLOCK):
        part = slice(start, start + BLOCK)
        gain[part] = _gain(cell[part], whole[part], around[part], land, had, shape, shapes)
    return _Reach(cell, place, gain, whole, around)


def _gain(
    cell: I64, whole: Bool, around: Objects, land: I64, had: I64, shape: Objects, shapes: Objects
) -> I64:
    """Return by how many steps each cell is served more with the place than it is without."""
    gain = land[cell] - had[cell]
    part = np.flatnonzero(~whole & (gain > 0))
    at = cell[part]
    before = shape[at]
    some = np.array([s is not None for s in before], dtype=bool)
    together = polygons_of(shapely.intersection(shapes[at], around[part]))
    together[some] = shapely.union(before[some], together[some])
    then = in_steps(shapely.area(together), shapely.area(shapes[at]), land[at])
    gain[part] = np.maximum(then - had[at], 0)
    return gain


class _Walks(NamedTuple):
    """Pairs of judged cells and places within the radius on foot, sorted by cell and place."""

    cell: I64
    place: I64


def _walks(
    cells: gpd.GeoDataFrame,
    places: gpd.GeoDataFrame,
    indicator: Indicator,
    walked: TravelTimes | None,
    judged: Bool,
) -> _Walks:
    none = np.empty(0, np.int64)
    if walked is None:
        return _Walks(none, none)
    to_cell = pd.Index(cells["cell_id"]).get_indexer(pd.Index(walked.demand_id))
    to_place = pd.Index(places["place_id"]).get_indexer(pd.Index(walked.site_id))
    cell = np.repeat(to_cell, np.diff(walked.indptr)).astype(np.int64)
    place = to_place[walked.site].astype(np.int64)
    there = (cell >= 0) & (place >= 0)
    there[there] = judged[cell[there]]
    cell, place, length = cell[there], place[there], walked.value[there].astype(np.int64)
    near = np.zeros(len(cell), dtype=bool)
    park = places.assign(kind="park")
    for size in indicator.classes:
        mine = of_class(park, size)[place] & is_covered(length, radius_mm(size))
        if size.quarters is not None:
            mine &= cells["quarter"].isin(size.quarters).to_numpy()[cell]
        near |= mine
    order = np.lexsort((place[near], cell[near]))
    return _Walks(cell[near][order], place[near][order])


def _figures(
    reach: _Reach,
    walks: _Walks,
    had: I64,
    on_foot: Bool,
    land: I64,
    people: I64 | None,
    places: int,
) -> pd.DataFrame:
    """Return the figures of every place, m² and persons."""
    key, walk_key = reach.cell * places + reach.place, walks.cell * places + walks.place
    foot = np.isin(key, walk_key)
    # land that walks to it counts with all of it that is served then; other land may be served
    # more, and counts on foot where it walks to a park already
    gained = np.zeros(len(walk_key), dtype=np.int64)
    gained[np.searchsorted(walk_key, key[foot])] = reach.gain[foot]
    fresh = ~on_foot[walks.cell]
    add = _sums(reach.place, np.where(on_foot[reach.cell], reach.gain, 0), places)
    add += _sums(walks.place[fresh], (had[walks.cell] + gained)[fresh], places)
    found = pd.DataFrame(
        {
            "new_m2": _sums(reach.place, reach.gain, places) / STEP,
            "new_on_foot_m2": _sums(reach.place[foot], reach.gain[foot], places) / STEP,
            "foot_gain_m2": add / STEP,
            "new_persons": pd.array([pd.NA] * places, dtype="Int64"),
        }
    )
    if people is not None:
        cell = reach.cell
        tips = (2 * had[cell] < land[cell]) & (2 * (had[cell] + reach.gain) >= land[cell])
        told = _sums(reach.place[tips], people[cell[tips]], places)
        found["new_persons"] = pd.array(told, dtype="Int64")
    return found


class _Sequence(NamedTuple):
    """Places in turn, what each adds, a bound on the best, and what is served at the end."""

    place: I64
    adds: I64
    bound: int
    served: I64


def _sequence(
    reach: _Reach, n: int, land: I64, had: I64, shape: Objects, shapes: Objects, places: int
) -> _Sequence:
    """Choose greedily; only pairs of the cells that a choice served more are looked at again."""
    had, shape, gain = had.copy(), shape.copy(), reach.gain.copy()
    by_place = np.argsort(reach.place, kind="stable")
    of_place = np.searchsorted(reach.place[by_place], np.arange(places + 1))
    of_cell = np.searchsorted(reach.cell, np.arange(len(land) + 1))  # pairs are sorted by cell
    total = _sums(reach.place, gain, places)
    chosen: list[int] = []
    adds: list[int] = []
    bound = None
    while True:
        left = np.sort(total)[::-1][:n]
        most = sum(adds) + int(left.sum())
        bound = most if bound is None else min(bound, most)
        best = int(np.argmax(total)) if places else -1  # the first of the largest: the smallest id
        if len(chosen) == n or best < 0 or total[best] <= 0:
            break
        chosen.append(best)
        adds.append(int(total[best]))
        mine = by_place[of_place[best] : of_place[best + 1]]
        mine = mine[gain[mine] > 0]
        touched = reach.cell[mine]
        part = ~reach.whole[mine]
        at = touched[part]
        pieces = polygons_of(shapely.intersection(shapes[at], reach.around[mine[part]]))
        for cell, piece in zip(at.tolist(), pieces, strict=True):
            old = shape[cell]
            shape[cell] = piece if old is None else shapely.union(old, piece)
        had[touched] += gain[mine]
        again = np.concatenate(
            [np.arange(of_cell[c], of_cell[c + 1]) for c in touched.tolist()]
        ).astype(np.int64)
        now = _gain(
            reach.cell[again], reach.whole[again], reach.around[again], land, had, shape, shapes
        )
        np.subtract.at(total, reach.place[again], gain[again] - now)
        gain[again] = now
    return _Sequence(
        np.array(chosen, dtype=np.int64), np.array(adds, dtype=np.int64), bound or 0, had
    )


def _totals(
    sequence: _Sequence, walks: _Walks, judged: Bool, had: I64, on_foot: Bool, land: I64
) -> tuple[int, int, int, int, int]:
    """Return judged land, served before and after, on foot before and after, in steps."""
    foot = on_foot.copy()
    foot[walks.cell[np.isin(walks.place, sequence.place)]] = True
    parts = (land, had, sequence.served, had * on_foot, sequence.served * foot)
    whole, before, after, foot_before, foot_after = (int(part[judged].sum()) for part in parts)
    return whole, before, after, foot_before, foot_after


def _in_zones(cells: gpd.GeoDataFrame, membership: pd.DataFrame, zoning: str) -> Bool:
    member = members(cells["cell_id"], membership[membership["zoning"] == zoning])
    inside: Bool = member.of(zoning) != ""
    return inside


def _sums(place: I64, steps: I64, places: int) -> I64:
    total = np.zeros(places, dtype=np.int64)
    np.add.at(total, place, steps)
    return total


def _steps(area_m2: pd.Series[float]) -> I64:
    return np.rint(area_m2.to_numpy(dtype=float) * STEP).astype(np.int64)


def _check(
    cells: gpd.GeoDataFrame,
    parks: gpd.GeoDataFrame,
    places: gpd.GeoDataFrame,
    indicators: Sequence[Indicator],
    walked: TravelTimes | None,
) -> None:
    problems = []
    if cells.crs != parks.crs or cells.crs != places.crs:
        problems.append(
            Problem("places", "not in the CRS of cells and parks", "Load all in the working CRS.")
        )
    twice = places.loc[places["place_id"].duplicated(), "place_id"]
    if len(twice):
        problems.append(
            Problem("places", f"{len(twice)} ids repeat", "Give each its own.", tuple(twice))
        )
    largest = max((radius_mm(c) for i in indicators for c in i.classes), default=0)
    if walked is not None and (walked.impedance != "length" or walked.cutoff < largest):
        problems.append(
            Problem(
                "walked",
                f"travel times by {walked.impedance} stop at {walked.cutoff}",
                f'Compute them with impedance="length" and cutoff={largest} or more.',
            )
        )
    if problems:
        raise DataError(problems)

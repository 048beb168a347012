"""The rules that optimise nothing: to the nearest, by catchment, as directed."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from siting.allocation.areas import within_areas
from siting.allocation.result import Allocation, Homes, Rule, allocation, homes_of
from siting.allocation.seats import seats_at
from siting.errors import DataError, Problem, StudyError, first_ids

if TYPE_CHECKING:
    from siting.travel_time import TravelTimes


def nearest(
    times: TravelTimes,
    persons: pd.Series[int],
    *,
    open_sites: Collection[str],
    threshold: int | None = None,
    capacity: pd.Series[int] | None = None,
    islands: NDArray[np.bool_] | None = None,
    zone_of: pd.Series[str] | None = None,
    eligible: pd.DataFrame | None = None,
) -> Allocation:
    """Send everybody to the nearest open site, ties to the smallest id.

    Parameters
    ----------
    times, persons, open_sites, islands, zone_of, eligible
        As in :func:`siting.allocation.max_served`.
    threshold
        Integer ms or mm beyond which nobody goes; none by default: then all known sites count, and
        those whose nearest is not known (beyond the cutoff and the k nearest) are out of reach.
    capacity
        Seats by site id, to be known for every open site: within a site the nearest persons have
        them, ties to the smallest id; who has none does not go elsewhere. Not counted by default.

    Raises
    ------
    DataError, StudyError
        As :func:`siting.allocation.max_served`.
    """
    seats = None if capacity is None else seats_at(capacity, open_sites)
    homes = homes_of(times, persons, open_sites=open_sites, threshold=threshold, islands=islands)
    homes = within_areas(homes, times.site_id, zone_of, eligible)
    return _by_choice("nearest", homes, _first(homes), seats)


def catchment(
    times: TravelTimes,
    persons: pd.Series[int],
    *,
    assignment: pd.Series[str],
    open_sites: Collection[str],
    threshold: int | None = None,
    capacity: pd.Series[int] | None = None,
    islands: NDArray[np.bool_] | None = None,
) -> Allocation:
    """Send everybody to the site they are assigned to, near or far.

    Parameters
    ----------
    times, persons, open_sites, islands, threshold, capacity
        As in :func:`nearest`.
    assignment
        Site id by demand id, one for every point with persons.

    Raises
    ------
    DataError
        Points with persons and no site, or with one that is not open; a way that the travel times
        do not know though there is one; and as :func:`nearest`.
    """
    seats = None if capacity is None else seats_at(capacity, open_sites)
    homes = homes_of(times, persons, open_sites=open_sites, threshold=threshold, islands=islands)
    return _assigned("catchment", times, homes, _wanted(homes, assignment), threshold, seats)


def directed(
    times: TravelTimes,
    persons: pd.Series[int],
    *,
    receivers: Mapping[str, str],
    open_sites: Collection[str],
    threshold: int | None = None,
    capacity: pd.Series[int] | None = None,
    islands: NDArray[np.bool_] | None = None,
) -> Allocation:
    """Send the people of each closed site, all of them, to its named receiver.

    Before, everybody goes to the nearest of the open and the closed sites; the people of those that
    stay open stay.

    Parameters
    ----------
    times, persons, threshold, capacity
        As in :func:`nearest`.
    islands
        As in :func:`nearest`; by default those whom no road leads to an open or a closed site.
    receivers
        ``{closed site: open site}``.
    open_sites
        The sites that are open afterwards.

    Raises
    ------
    StudyError
        A site that is both closed and open, or a receiver that is not open.
    DataError
        As :func:`catchment`.
    """
    opened, closed = set(open_sites), set(receivers)
    if both := sorted(opened & closed):
        raise StudyError(
            f"directed: {len(both)} sites are closed and open ({first_ids(both)}). Leave the "
            "closed ones out of the open ones."
        )
    if shut := sorted(set(receivers.values()) - opened):
        raise StudyError(
            f"directed: {len(shut)} receivers are not open ({first_ids(shut)}). Name open sites."
        )
    seats = None if capacity is None else seats_at(capacity, open_sites)
    if islands is None:  # closing the last site of an island leaves its people out of reach
        islands = times.islands(opened | closed)
    before = homes_of(times, persons, open_sites=opened | closed, threshold=None, islands=islands)
    first = _first(before)
    # who had no site before has none now
    went = np.full(len(first), "", dtype=object)
    there = first >= 0
    sites = before.sites[before.site[first[there]]]
    went[there] = [receivers.get(site, site) for site in sites]
    homes = homes_of(times, persons, open_sites=opened, threshold=threshold, islands=islands)
    return _assigned("directed", times, homes, went, threshold, seats)


def _first(homes: Homes) -> NDArray[np.int64]:
    """Return each home's least pair, ties to the smallest site, −1 where it has none."""
    order = np.lexsort((homes.site, homes.value, homes.row))
    row, at = np.unique(homes.row[order], return_index=True)
    found = np.full(len(homes.persons), -1, np.int64)
    found[row] = order[at]
    return found


def _wanted(homes: Homes, assignment: pd.Series[str]) -> NDArray[np.object_]:
    """Return the assigned site of each home, "" for homes of nobody, or say what is wrong."""
    problems = []
    twice = assignment.index[assignment.index.duplicated()].unique()
    if len(twice):
        raise DataError(
            Problem(
                "assignment",
                f"{len(twice)} points are assigned twice",
                "Give one site a point.",
                tuple(map(str, sorted(twice))),
            )
        )
    site = assignment.reindex(homes.demand_id).to_numpy(dtype=object)
    there = homes.persons > 0
    none = there & pd.isna(site)
    if none.any():
        problems.append(
            Problem(
                "assignment",
                f"{none.sum()} points with persons have no site",
                "Assign every point.",
                tuple(homes.demand_id[none]),
            )
        )
    shut = there & ~none & ~np.isin(site.astype(str), homes.sites.astype(str))
    if shut.any():
        problems.append(
            Problem(
                "assignment",
                f"{shut.sum()} points are assigned to sites that are not open",
                "Assign them to an open site.",
                tuple(homes.demand_id[shut]),
            )
        )
    if problems:
        raise DataError(problems)
    return np.where(there, site, "")


def _assigned(
    rule: Rule,
    times: TravelTimes,
    homes: Homes,
    wanted: NDArray[np.object_],
    threshold: int | None,
    seats: NDArray[np.int64] | None,
) -> Allocation:
    """Allocate by a site a home; a site that is not among the pairs is out of reach."""
    match = homes.sites[homes.site] == wanted[homes.row]
    chosen = np.full(len(homes.persons), -1, np.int64)
    chosen[homes.row[match]] = np.flatnonzero(match)
    lost = np.flatnonzero((chosen < 0) & (wanted != "") & homes.assessed & (homes.persons > 0))
    if threshold is None and len(lost):
        place = {site: at for at, site in enumerate(times.site_id)}
        row_of = {demand: at for at, demand in enumerate(times.demand_id)}
        unknown = [
            str(homes.demand_id[home])
            for home in lost
            if times.reachable[
                times.reach_class[row_of[homes.demand_id[home]]], place[wanted[home]]
            ]
        ]
        if unknown:
            raise DataError(
                Problem(
                    rule,
                    f"{len(unknown)} points lie beyond the cutoff {times.cutoff} of the travel "
                    "times from their site",
                    "Compute travel times with a larger cutoff, or give a threshold.",
                    tuple(unknown),
                )
            )
    return _by_choice(rule, homes, chosen, seats)


def _by_choice(
    rule: Rule, homes: Homes, chosen: NDArray[np.int64], seats: NDArray[np.int64] | None
) -> Allocation:
    """Allocate by a pair a home (−1: none); the nearest persons of a site have its seats."""
    goes = np.flatnonzero((chosen >= 0) & homes.assessed)
    pair = chosen[goes]
    flow = np.zeros(len(homes.row), np.int64)
    flow[pair] = homes.persons[goes]
    seatless = np.zeros(len(homes.persons), np.int64)
    if seats is not None:
        order = np.lexsort((goes, homes.value[pair], homes.site[pair]))
        pair, goes = pair[order], goes[order]
        ahead = np.cumsum(flow[pair]) - flow[pair]
        first = np.searchsorted(homes.site[pair], homes.site[pair])  # of the same site
        free = np.maximum(seats[homes.site[pair]] - (ahead - ahead[first]), 0)
        flow[pair] = np.minimum(flow[pair], free)
        seatless[goes] = homes.persons[goes] - flow[pair]
    return allocation(rule, homes, flow, seatless)

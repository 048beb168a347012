"""What is lost if a facility shuts: leave-one-out for every open site, from one table of times."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from siting.coverage.judge import assess, straight_mm
from siting.coverage.limits import thresholds
from siting.coverage.members import Members, members
from siting.coverage.seats import Seats, lost_alone, seated_today
from siting.rules import Rule
from siting.travel_time import is_covered

if TYPE_CHECKING:
    from siting.travel_time import TravelTimes

COLUMNS = ("service", "rule_id", "rank", "site_id", "name", "covered_persons", "lost_persons")


class FirstTwo(NamedTuple):
    """First and second open site of each demand point: −1 where there is none.

    ``first``, ``second`` are positions in ``TravelTimes.site_id``; ``before``, ``after`` their
    impedances: what a point has now, and what it has left if its nearest site shuts.
    """

    first: NDArray[np.int64]
    second: NDArray[np.int64]
    before: NDArray[np.int64]
    after: NDArray[np.int64]


def first_two(times: TravelTimes, opened: Sequence[str]) -> FirstTwo:
    """Return the nearest and the second nearest open site of every demand point.

    Rows of the travel times are sorted by value, then site, so these are the first two open ones.
    They answer the closure of **any** one site: only its own people move, to their second.

    Examples
    --------
    >>> from siting.travel_time import TravelTimes
    >>> times = TravelTimes(
    ...     mode="walk", impedance="time", cutoff=60, k=0,
    ...     demand_id=np.array(["both", "one"], dtype=object),
    ...     site_id=np.array(["A", "B"], dtype=object), indptr=np.array([0, 2, 3]),
    ...     site=np.array([1, 0, 0], dtype=np.int32), value=np.array([5, 9, 7], dtype=np.int32),
    ...     access=np.array([0, 0]), attached=np.array([True, True]),
    ...     component=np.array([0, 0], dtype=np.int32), site_components=((0,), (0,)),
    ...     reach_class=np.array([0, 1], dtype=np.int32),
    ...     reachable=np.array([[True, True], [True, False]]))
    >>> near = first_two(times, ["A", "B"])
    >>> near.first.tolist(), near.before.tolist(), near.after.tolist()
    ([1, 0], [5, 7], [9, -1])
    """
    is_open = pd.Index(times.site_id).isin(list(opened))
    at = np.flatnonzero(is_open[times.site])
    start = np.searchsorted(at, times.indptr[:-1])
    count = np.searchsorted(at, times.indptr[1:]) - start
    n = len(times.demand_id)
    found = [np.full(n, -1, np.int64) for _ in range(4)]
    for which in (0, 1):
        has = count > which
        pair = at[start[has] + which]
        found[which][has] = times.site[pair]
        found[which + 2][has] = times.value[pair]
    return FirstTwo(*found)


def losses(
    demand: gpd.GeoDataFrame,
    membership: pd.DataFrame | Members,
    times: TravelTimes,
    *,
    zoning: str,
    service: str,
    rule: Rule,
    opened: Sequence[str],
    sites: gpd.GeoDataFrame,
    islands: NDArray[np.bool_],
    seats: Seats | None = None,
) -> pd.DataFrame:
    """Return for every open site the persons covered today who would not be if it alone shut.

    Equal, site by site, to :func:`siting.coverage.cover` with the site and without it. A person is
    lost with the only site within the threshold; for a radius also with the only one within the
    straight line. Persons whom two sites cover are lost with neither, so that the losses of two
    closures together may be more than their sum. Where seats count, the people of the site look for
    one elsewhere and may take that of others: lost is whoever had a seat and has none.

    Parameters
    ----------
    demand, membership, zoning, rule
        As in :func:`siting.coverage.gaps`: only people whom the rule judges, inside the zoning.
    times
        From demand to the sites, by the rule's impedance.
    service
        Name written into the rows.
    opened
        The open sites.
    sites
        ``site_id``, ``name``, ``geometry``.
    islands
        As in :func:`siting.coverage.assess`, in the order of ``times``.
    seats
        Where seats count, as in :func:`siting.coverage.cover`.

    Returns
    -------
    pd.DataFrame
        ``service``, ``rule_id``, ``rank`` (1 loses most; ties by id), ``site_id``, ``name``, and
        whole persons: ``covered_persons`` (covered, and it is their nearest; where seats count,
        those who have theirs there), ``lost_persons``.

    Raises
    ------
    DataError, StudyError
        As :func:`siting.coverage.cover`.
    """
    limit = thresholds(rule).judged
    radius = rule.measure == "straight_m"
    judged = assess(
        demand,
        times.reach(opened),
        rule=rule,
        islands=islands,
        straight=straight_mm(demand, sites, opened) if radius else None,
    )
    inside = members(demand["demand_id"], membership).of(zoning) != ""
    counted = inside & judged["settlement"].isin(rule.judges).to_numpy()
    persons = judged["persons"].to_numpy(dtype=np.int64) * (judged["covered"].to_numpy() & counted)
    rows = pd.Index(times.demand_id).get_indexer(pd.Index(demand["demand_id"]))
    near = first_two(times, opened)
    alone = np.where(
        is_covered(near.before, limit) & ~is_covered(near.after, limit), near.first, -1
    )
    alone, nearest = alone[rows], near.first[rows]
    n = len(times.site_id)
    covered, lost = np.zeros(n, dtype=np.int64), np.zeros(n, dtype=np.int64)
    np.add.at(covered, nearest[nearest >= 0], persons[nearest >= 0])
    np.add.at(lost, alone[alone >= 0], persons[alone >= 0])
    drawn = np.full(len(demand), -1, dtype=np.int64)
    if radius:
        drawn = _only_within(demand, sites, opened, limit, times)
    more = (drawn >= 0) & (drawn != alone)
    np.add.at(lost, drawn[more], persons[more])
    if seats is not None:
        found = lost_alone(judged, seats, rule=rule, counted=counted)
        at_site = pd.Index(times.site_id).get_indexer(found.index)
        covered[at_site], lost[at_site] = found["seated"], found["lost"]
        # whom a closure puts outside the radius gives up a seat elsewhere, which others may take
        outside = more & judged["covered"].to_numpy() & (judged["persons"] > 0).to_numpy()
        for site in np.unique(drawn[outside]):
            left = judged.assign(covered=judged["covered"].to_numpy() & (drawn != site))
            others = tuple(i for i in seats.open_sites if i != times.site_id[site])
            now, then = (
                seated_today(whom, replace(seats, open_sites=where), rule=rule)
                for whom, where in ((judged, seats.open_sites), (left, others))
            )
            lost[site] = int(((now - then) * counted).sum())
    names = sites.set_index("site_id")["name"]
    position = {site: place for place, site in enumerate(times.site_id)}
    open_at = np.array([position[site] for site in sorted(opened)], dtype=np.int64)
    table = pd.DataFrame(
        {
            "service": service,
            "rule_id": rule.id,
            "site_id": pd.Series(sorted(opened), dtype="str"),
            "name": [str(names[site]) for site in sorted(opened)],
            "covered_persons": covered[open_at],
            "lost_persons": lost[open_at],
        }
    )
    table = table.sort_values(
        ["lost_persons", "site_id"], ascending=[False, True], ignore_index=True
    )
    table["rank"] = np.arange(1, len(table) + 1)
    return table[list(COLUMNS)]


def _only_within(
    demand: gpd.GeoDataFrame,
    sites: gpd.GeoDataFrame,
    opened: Sequence[str],
    limit: int,
    times: TravelTimes,
) -> NDArray[np.int64]:
    """Return by demand the position of the only open site within a straight line, or −1."""
    chosen = sites[sites["site_id"].isin(set(opened))]
    shapes, points = chosen.geometry.to_numpy(), demand.geometry.to_numpy()
    # a millimetre more is looked at: what counts is the rounded distance
    home, near = shapely.STRtree(shapes).query(
        points, predicate="dwithin", distance=(limit + 1) / 1_000
    )
    mm = np.rint(shapely.distance(points[home], shapes[near]) * 1_000).astype(np.int64)
    home, near = home[is_covered(mm, limit)], near[is_covered(mm, limit)]
    place = pd.Index(times.site_id).get_indexer(pd.Index(chosen["site_id"]))
    found = np.full(len(demand), -1, dtype=np.int64)
    found[home] = place[near]
    found[np.bincount(home, minlength=len(demand)) != 1] = -1
    return found

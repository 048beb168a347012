"""The way from each demand point to its nearest site, street by street."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from siting import kernels
from siting.kernels import NEVER
from siting.kernels.paths import follow, next_arcs
from siting.network import RoadNetwork
from siting.travel_time.question import Impedance, Question

I64 = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]
Objects = npt.NDArray[np.object_]


@dataclass(frozen=True, eq=False)
class Paths:
    """Ways from demand to sites, as steps along edges in order.

    Attributes
    ----------
    demand_id, site_id
        From where, to where; ``site_id`` is None where no road leads.
    impedance
        As of :func:`siting.travel_time.nearest`; −1 where no road leads.
    entry
        Row of the site's attachments that is entered, −1 where none.
    indptr
        The steps of way ``i`` are ``indptr[i]:indptr[i + 1]``.
    edge
        Position of the edge of each step.
    forward
        Whether it is travelled from tail to head.
    from_mm, to_mm
        Where on the edge the step begins and ends, mm of its length from the tail. A step within
        an edge is the first or the last one; there is none of no length, but for edges that have
        none.
    """

    demand_id: Objects
    site_id: Objects
    impedance: I64
    entry: I64
    indptr: I64
    edge: I64 = field(repr=False)
    forward: Bool = field(repr=False)
    from_mm: I64 = field(repr=False)
    to_mm: I64 = field(repr=False)

    def steps(self) -> pd.DataFrame:
        """Return the steps as a table, one way after the other.

        Columns ``demand_id``, ``site_id``, ``edge_id``, ``forward``, ``from_mm``, ``to_mm``.
        """
        way = np.repeat(np.arange(self.indptr.size - 1), np.diff(self.indptr))
        return pd.DataFrame(
            {
                "demand_id": pd.Series(self.demand_id[way]).astype("str"),
                "site_id": pd.Series(self.site_id[way], dtype=object),
                "edge_id": self.edge,
                "forward": self.forward,
                "from_mm": self.from_mm,
                "to_mm": self.to_mm,
            }
        )


class _Ends(NamedTuple):
    """Points on an edge, each once for every end of it that is open to them."""

    who: I64
    node: I64
    value: I64
    at_head: Bool


def paths(
    network: RoadNetwork,
    demand_at: pd.DataFrame,
    site_at: pd.DataFrame,
    *,
    impedance: Impedance = "time",
) -> Paths:
    """Return the way of each demand point to its nearest site.

    Of sites equally near the smallest id is taken; of ways that take the same, one along the
    home's own street, else that of the fewest edges (those of home and site aside), then the
    smaller node to begin at, then at each junction the street that comes first in the network,
    then the entrance whose street does.

    Parameters
    ----------
    network, demand_at, site_at, impedance
        As of :func:`siting.travel_time.nearest`.

    Returns
    -------
    Paths
        One a demand point, in the order given; the same whatever the order of rows.

    Raises
    ------
    DataError, NetworkError
        As of :func:`siting.travel_time.nearest`.

    Examples
    --------
    >>> import geopandas as gpd
    >>> from shapely import LineString, Point
    >>> from siting.network import attach, from_lines
    >>> roads = gpd.GeoDataFrame(
    ...     {"highway": ["residential"] * 2},
    ...     geometry=[LineString([(0, 0), (1000, 0)]), LineString([(1000, 0), (1000, 500)])],
    ...     crs=4547,
    ... )
    >>> network = from_lines(roads, mode="walk")
    >>> points = gpd.GeoSeries([Point(100, 0), Point(1000, 300)], index=["D1", "S1"], crs=4547)
    >>> at = attach(network, points, max_access_m=100, min_component_km=0)
    >>> way = paths(network, at.iloc[:1], at.iloc[1:])
    >>> way.steps()[["edge_id", "from_mm", "to_mm"]].values.tolist()
    [[0, 100000, 1000000], [1, 0, 300000]]
    """
    ask = Question(network, demand_at, site_at, impedance, None)
    owners = max(1, len(ask.site_id))
    entry_row = np.flatnonzero(site_at["edge_id"].to_numpy() >= 0)
    # entrances in an order of their own, so that the order of rows does not matter
    first = np.argsort(np.lexsort((ask.entry_leg, ask.entry_offset, ask.entry_edge)))
    entries = np.arange(ask.entry_owner.size)
    seeds = _ends(ask, entries, ask.entry_edge, ask.entry_offset, ask.entry_leg, leaving=False)
    seed_label = seeds.value * owners + ask.entry_owner[seeds.who]
    indptr, source, weight = ask.graph_by_place
    rank = network.arrivals_by_place[0]
    label = kernels.nearest_labels(
        indptr, source, weight, ask.seed_rank, ask.seed_value * owners + ask.seed_owner, owners
    )[rank]
    indptr, source, weight = ask.graph
    hops, via, back = next_arcs(
        indptr, source, weight, network.arrivals[2], label,
        seeds.node.astype(np.int32), seed_label, owners,
    )  # fmt: skip

    rows = np.flatnonzero(ask.attached)
    own_edge = demand_at["edge_id"].to_numpy(dtype=np.int64)
    own_offset = demand_at["offset_mm"].to_numpy(dtype=np.int64)
    stubs = _ends(ask, rows, own_edge[rows], own_offset[rows], ask.access[rows], leaving=True)
    led = label[stubs.node] < NEVER
    stubs = _Ends(stubs.who[led], stubs.node[led], stubs.value[led], stubs.at_head[led])
    by_road = label[stubs.node] + stubs.value * owners
    near, along, value = ask._direct(entries, ask.entry_edge, ask.entry_offset, ask.entry_leg)
    by_street = value * owners + ask.entry_owner[along]
    best = np.full(ask.demands, NEVER, dtype=np.int64)
    np.minimum.at(best, stubs.who, by_road)
    np.minimum.at(best, near, by_street)

    # along the own street: the first entrance of those that are best
    direct = np.full(ask.demands, -1, dtype=np.int64)
    at = np.flatnonzero(by_street == best[near])
    at = at[np.lexsort((first[along[at]], near[at]))][::-1]
    direct[near[at]] = along[at]
    # else by the end of it from which the fewest edges lead on
    at = np.flatnonzero(by_road == best[stubs.who])
    at = at[np.lexsort((~stubs.at_head[at], stubs.node[at], hops[stubs.node[at]], stubs.who[at]))]
    start = np.full(ask.demands, -1, dtype=np.int64)
    by_head = np.zeros(ask.demands, dtype=np.bool_)
    start[stubs.who[at][::-1]] = stubs.node[at][::-1]
    by_head[stubs.who[at][::-1]] = stubs.at_head[at][::-1]
    start[direct >= 0] = -1

    count = np.where(start >= 0, hops[start], 0)
    inner = np.concatenate([[0], np.cumsum(count)])
    arcs, end = follow(start, inner, via, back)
    seed = _seed_of(seeds, seed_label == label[seeds.node], first, network.node_id.size)[end]
    entry = np.where(start >= 0, seeds.who[seed], direct) if seeds.who.size else direct
    entry = np.where((start >= 0) | (direct >= 0), entry, -1)
    found = entry >= 0
    m = network.tail.size
    length = network.length_mm
    # steps: the first part, the edges between, the last part; each with its place in the way
    some = np.flatnonzero(start >= 0)
    goal = seed[some]
    between = np.repeat(np.arange(ask.demands), count)
    target_edge, target_offset = ask.entry_edge, ask.entry_offset
    alone = np.flatnonzero(direct >= 0)
    parts = [
        (some, np.zeros(some.size, np.int64), own_edge[some], by_head[some], own_offset[some],
         np.where(by_head[some], length[own_edge[some]], 0)),
        (between, 1 + np.arange(arcs.size) - inner[between],
         arcs % m, arcs < m, np.where(arcs < m, 0, length[arcs % m]),
         np.where(arcs < m, length[arcs % m], 0)),
        (alone, np.zeros(alone.size, np.int64), own_edge[alone],
         target_offset[direct[alone]] >= own_offset[alone], own_offset[alone],
         target_offset[direct[alone]]),
    ]  # fmt: skip
    if some.size:
        to = seeds.who[goal]
        parts.append(
            (some, 1 + count[some], target_edge[to], ~seeds.at_head[goal],
             np.where(seeds.at_head[goal], length[target_edge[to]], 0), target_offset[to])
        )  # fmt: skip
    way, place, edge, forward, begin, stop = (
        np.concatenate(column) for column in zip(*parts, strict=True)
    )
    middle = (place > 0) & (place <= count[way])
    kept = (begin != stop) | (middle & (length[edge] == 0))
    order = np.lexsort((place[kept], way[kept]))
    way, edge, forward, begin, stop = (
        column[kept][order] for column in (way, edge, forward, begin, stop)
    )
    names = np.array([*ask.site_id, None], dtype=object)
    return Paths(
        demand_id=ask.demand_id,
        site_id=names[np.where(found, best % owners, -1)],
        impedance=np.where(found, best // owners, -1),
        entry=np.where(found, entry_row[entry], -1) if entry_row.size else entry,
        indptr=np.concatenate([[0], np.cumsum(np.bincount(way, minlength=ask.demands))]),
        edge=edge,
        forward=forward,
        from_mm=begin,
        to_mm=stop,
    )


def _ends(ask: Question, who: I64, edge: I64, offset: I64, leg: I64, *, leaving: bool) -> _Ends:
    """Return the ends of edges as the question does, and which of them are heads."""
    found, node, value = ask._ends(who, edge, offset, leg, leaving=leaving)
    impedance = ask.edge_impedance[0 if leaving else 1][edge]
    heads = int(((impedance >= 0) | (offset == ask.network.length_mm[edge])).sum())
    return _Ends(found, node.astype(np.int64), value, np.arange(found.size) < heads)


def _seed_of(seeds: _Ends, tight: Bool, rank: I64, nodes: int) -> I64:
    """Return by node the seed that a way ends with there: of several the first entrance."""
    seed = np.full(nodes + 1, -1, dtype=np.int64)
    at = np.flatnonzero(tight)
    at = at[np.lexsort((~seeds.at_head[at], rank[seeds.who[at]], seeds.node[at]))][::-1]
    seed[seeds.node[at]] = at
    return seed

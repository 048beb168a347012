"""The demand × sites table."""

from __future__ import annotations

import threading
from collections.abc import Collection
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from siting import kernels
from siting.errors import DataError, NetworkError, Problem
from siting.kernels import NEVER
from siting.network import Mode, RoadNetwork
from siting.travel_time.question import Impedance, Question
from siting.travel_time.search import reach_table

I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]
Objects = npt.NDArray[np.object_]

Bound = Literal["exact", "lower"]
LARGEST = int(np.iinfo(np.int32).max)
"""Largest impedance a table holds: 24 days or 2,147 km."""
NEAREST_KNOWN = 3
"""Nearest sites known at any distance: today's, its stand-in, and one more."""


@dataclass(frozen=True, eq=False)
class TravelTimes:
    """A demand × sites table: every pair within the cutoff and the k nearest sites beyond it.

    Where sites are eligible by zone (admission areas), the k nearest are of the eligible ones;
    pairs within the cutoff are all there, so that gains across a border can be shown.

    Attributes
    ----------
    mode, impedance, cutoff, k
        How it was made; ``cutoff`` in ms or mm.
    demand_id
        str (n), in the order given.
    site_id
        str (s), sorted.
    indptr, site, value
        Pairs in compressed rows by demand, each row ascending by impedance and then by site:
        int64 (n + 1), int32 position in ``site_id``, int32 ms or mm, access legs included. A pair
        that is absent lies beyond the cutoff and the k nearest, or cannot be travelled.
    access
        int64 (n), the demand's own access leg, −1 where unattached.
    attached
        bool (n).
    component
        int32 (n), component of the network the demand is on, −1 where unattached.
    site_components
        The components each site has an entrance on; empty where unattached.
    reach_class, reachable
        int32 (n) and bool (classes, s): which sites a demand can travel to at any distance;
        class −1 where unattached.
    bound
        ``"exact"``, or ``"lower"`` where the journey takes at least so long: such times cannot
        pass a hard rule (:func:`siting.coverage.is_decided`).
    """

    mode: Mode
    impedance: Impedance
    cutoff: int
    k: int
    demand_id: Objects
    site_id: Objects
    indptr: I64 = field(repr=False)
    site: I32 = field(repr=False)
    value: I32 = field(repr=False)
    access: I64 = field(repr=False)
    attached: Bool = field(repr=False)
    component: I32 = field(repr=False)
    site_components: tuple[tuple[int, ...], ...] = field(repr=False)
    reach_class: I32 = field(repr=False)
    reachable: Bool = field(repr=False)
    bound: Bound = "exact"

    def reach(self, open_sites: Collection[str]) -> pd.DataFrame:
        """Return the nearest of ``open_sites`` for each demand, as :func:`nearest` does.

        One difference: where no open site is among the pairs of a demand but one can be reached,
        the state is ``beyond_cutoff`` with no site and impedance −1, for the table does not know
        which is nearest. Times that are a lower bound say so in a column ``bound``, so that no
        judgement can overlook it.

        Raises
        ------
        DataError
            A site is not in this table.

        Examples
        --------
        >>> import geopandas as gpd
        >>> from shapely import LineString, Point
        >>> from siting.network import attach, from_lines
        >>> lines = [LineString([(0, 0), (900, 0)]), LineString([(0, 500), (900, 500)])]
        >>> roads = gpd.GeoDataFrame({"highway": ["residential"] * 2}, geometry=lines, crs=4547)
        >>> walk = from_lines(roads, mode="walk")
        >>> where = gpd.GeoSeries.from_xy(
        ...     [0, 0, 300, 900], [0, 500, 0, 0], index=["D1", "D2", "S1", "S2"], crs=4547
        ... )
        >>> at = attach(walk, where, max_access_m=50, min_component_km=0)
        >>> times = table(walk, at.iloc[:2], at.iloc[2:], impedance="length", cutoff=900_000)
        >>> times.reach(["S2"])["impedance"].tolist()
        [900000, -1]
        """
        wanted = self._positions(open_sites)
        where = kernels.first_wanted(self.indptr, self.site, wanted)
        known = where >= 0
        owner = np.full(len(self.demand_id), -1, dtype=np.int64)
        value = np.full(len(self.demand_id), -1, dtype=np.int64)
        owner[known], value[known] = self.site[where[known]], self.value[where[known]]
        some = np.append(self.reachable[:, wanted].any(axis=1), False)[self.reach_class]
        found = reach_table(
            self._index, self.site_id, owner, value, self.access, self.attached, some,
            cutoff=self.cutoff,
        )  # fmt: skip
        return found if self.bound == "exact" else found.assign(bound=self.bound)

    def islands(self, existing_sites: Collection[str]) -> Bool:
        """Return where no road leads from the demand to any of these sites.

        Such demand is not assessed: a gap in the road data is no lack of service. It stands on an
        island of the graph, or on one-way streets that no street leads out of. Unattached demand
        is on no road and so True.

        Examples
        --------
        >>> import geopandas as gpd
        >>> from shapely import LineString, Point
        >>> from siting.network import attach, from_lines
        >>> lines = [LineString([(0, 0), (900, 0)]), LineString([(0, 500), (900, 500)])]
        >>> roads = gpd.GeoDataFrame({"highway": ["residential"] * 2}, geometry=lines, crs=4547)
        >>> walk = from_lines(roads, mode="walk")
        >>> where = gpd.GeoSeries.from_xy(
        ...     [0, 0, 300, 900], [0, 500, 0, 0], index=["D1", "D2", "S1", "S2"], crs=4547
        ... )
        >>> at = attach(walk, where, max_access_m=50, min_component_km=0)
        >>> times = table(walk, at.iloc[:2], at.iloc[2:], impedance="length", cutoff=900_000)
        >>> times.islands(["S1", "S2"]).tolist()
        [False, True]
        """
        some = self.reachable[:, self._positions(existing_sites)].any(axis=1)
        result: Bool = ~np.append(some, False)[self.reach_class]
        return result

    def frame(self) -> pd.DataFrame:
        """Return all pairs as a long table: ``demand_id``, ``site_id``, ``impedance``."""
        row = np.repeat(np.arange(len(self.demand_id)), np.diff(self.indptr))
        return pd.DataFrame(
            {
                "demand_id": self.demand_id[row],
                "site_id": self.site_id[self.site],
                "impedance": self.value,
            }
        )

    @cached_property
    def _index(self) -> pd.Index[str]:
        """The demand ids as text that Arrow stores, made once for all questions."""
        return pd.Index(self.demand_id, name="demand_id", dtype="str")

    def _positions(self, sites: Collection[str]) -> Bool:
        """Return which of ``site_id`` are in ``sites``."""
        asked = set(sites)
        wanted = np.array([site in asked for site in self.site_id.tolist()], dtype=bool)
        if int(wanted.sum()) != len(asked):
            unknown = sorted(asked - set(self.site_id.tolist()))
            raise DataError(
                Problem(
                    "sites",
                    f"{len(unknown)} sites are not in the travel times",
                    "Compute travel times to all sites, existing and candidate, once.",
                    tuple(unknown),
                )
            )
        return wanted


def table(
    network: RoadNetwork,
    demand_at: pd.DataFrame,
    site_at: pd.DataFrame,
    *,
    impedance: Impedance,
    cutoff: int,
    k: int = NEAREST_KNOWN,
    zone_of: pd.Series[str] | None = None,
    eligible: pd.DataFrame | None = None,
    threads: int | None = None,
) -> TravelTimes:
    """Return every pair within the cutoff and the ``k`` nearest eligible sites at any distance.

    Parameters
    ----------
    network, demand_at, site_at, impedance
        As :func:`nearest`.
    cutoff
        Search limit, ms or mm; at most ``LARGEST``.
    k
        How many nearest sites to know for each demand in any case; 0 for none.
    zone_of, eligible
        Whose sites count among the ``k`` nearest: the zone of every demand id (index), and a table
        of ``zone_id`` and ``site_id``, such as admission areas. A zone that has no row has no
        eligible site. All sites by default.
    threads
        Threads to search with; all by default. Changes nothing but the time taken.

    Raises
    ------
    DataError, NetworkError
        As :func:`nearest`; NetworkError also where a pair is farther than ``LARGEST``; DataError
        also where a demand has no zone, or an eligible site is none of ``site_at``.

    Examples
    --------
    >>> import geopandas as gpd
    >>> from shapely import LineString, Point
    >>> from siting.network import attach, from_lines
    >>> roads = gpd.GeoDataFrame(
    ...     {"highway": ["residential"]}, geometry=[LineString([(0, 0), (1000, 0)])], crs=4547
    ... )
    >>> network = from_lines(roads, mode="walk")
    >>> places = gpd.GeoSeries(
    ...     [Point(100, 0), Point(700, 0), Point(0, 0)], index=["D1", "S1", "S2"], crs=4547
    ... )
    >>> at = attach(network, places, max_access_m=100, min_component_km=0)
    >>> times = table(network, at.iloc[:1], at.iloc[1:], impedance="length", cutoff=500_000, k=2)
    >>> times.frame()["impedance"].tolist()
    [100000, 600000]

    The home may go to S1 only; S2 is within the cutoff all the same:

    >>> home = pd.Series(["Z"], index=["D1"])
    >>> area = pd.DataFrame({"zone_id": ["Z"], "site_id": ["S1"]})
    >>> table(network, at.iloc[:1], at.iloc[1:], impedance="length", cutoff=500_000, k=1,
    ...       zone_of=home, eligible=area).frame()["site_id"].tolist()
    ['S2', 'S1']
    """
    if not 0 <= int(cutoff) <= LARGEST:
        raise NetworkError(f"travel_time: cutoff is {cutoff}; give 0 to {LARGEST}.")
    if k < 0:
        raise NetworkError(f"travel_time: k is {k}; give 0 or more.")
    ask = Question(network, demand_at, site_at, impedance, cutoff)
    sites = len(ask.site_id)
    k = min(int(k), sites)
    workers = threads or kernels.default_threads()
    groups = _groups(ask, zone_of, eligible)
    parts = [_farther(ask, int(cutoff), k, *group) for group in groups] if k else []
    far = _by_demand(parts)
    blocks = _within(ask, int(cutoff), workers) if sites else []
    size = np.bincount(far[0], minlength=ask.demands)
    for _, demand, _ in blocks:
        kernels.count_rows(size, demand)
    indptr = np.concatenate([[0], np.cumsum(size)])
    site, value = _in_rows(indptr, blocks, far, workers)
    reach_class, reachable = _reachable(ask)
    return TravelTimes(
        mode=network.mode,
        impedance=impedance,
        cutoff=int(cutoff),
        k=k,
        demand_id=ask.demand_id,
        site_id=ask.site_id,
        indptr=indptr,
        site=site,
        value=value,
        access=ask.access,
        attached=ask.attached,
        component=ask.component,
        site_components=ask.site_components,
        reach_class=reach_class,
        reachable=reachable,
    )


def _in_rows(
    indptr: I64, blocks: list[tuple[I64, I32, I32]], far: tuple[I64, I32, I32], threads: int
) -> tuple[I32, I32]:
    """Return (site, value) of all pairs in rows by demand; ``blocks`` is emptied.

    Pairs are held twice at most: in blocks and in rows.
    """
    site = np.empty(indptr[-1], dtype=np.int32)
    value = np.empty(indptr[-1], dtype=np.int32)
    fill = indptr[:-1].copy()
    first = 0
    blocks.reverse()
    while blocks:
        count, demand, reached = blocks.pop()
        kernels.scatter_rows(fill, first, count, demand, reached, site, value)
        first += count.size
        del demand, reached
    # the farther sites of a demand stand together: the i-th goes i places on
    place = fill[far[0]] + np.arange(far[0].size) - np.searchsorted(far[0], far[0])
    site[place], value[place] = far[1], far[2]

    def sort(start: int, stop: int) -> None:
        kernels.sort_rows(indptr, site, value, start, stop)

    kernels.parallel_blocks(sort, indptr.size - 1, threads=threads)
    return site, value


def _within(ask: Question, cutoff: int, threads: int) -> list[tuple[I64, I32, I32]]:
    """Return the pairs within the cutoff: per block of sites, counts, demands and values."""
    sites, nodes = len(ask.site_id), ask.network.node_id.size
    seed_indptr, seeds = kernels.compressed_rows(ask.seed_owner, rows=sites)
    stub_indptr, stubs = kernels.compressed_rows(ask.stub_rank, rows=nodes)
    direct_indptr, direct = kernels.compressed_rows(ask.direct_owner, rows=sites)
    graph = ask.graph_by_place
    rows = (
        seed_indptr, ask.seed_rank[seeds], ask.seed_value[seeds],
        stub_indptr, ask.stub_demand[stubs].astype(np.int32), ask.stub_value[stubs],
        direct_indptr, ask.direct_demand[direct].astype(np.int32), ask.direct_value[direct],
    )  # fmt: skip

    mine = threading.local()

    def search(first: int, last: int) -> tuple[I64, I32, I32]:
        if not hasattr(mine, "workspace"):
            mine.workspace = kernels.pairs_workspace(graph[2], nodes, ask.demands, cutoff)
        found: tuple[I64, I32, I32] = kernels.pairs_within(
            *graph, *rows, mine.workspace, cutoff, first, last
        )
        return found

    return kernels.parallel_blocks(search, sites, threads=threads)


def _groups(
    ask: Question, zone_of: pd.Series[str] | None, eligible: pd.DataFrame | None
) -> list[tuple[Bool, Bool]]:
    """Return demands (n) and the sites (s) they may go to, group by group."""
    if zone_of is None and eligible is None:
        return [(np.ones(ask.demands, dtype=bool), np.ones(len(ask.site_id), dtype=bool))]
    if zone_of is None or eligible is None:
        raise DataError(
            Problem("eligible", "zone_of and eligible belong together", "Give both or neither.")
        )
    zone = zone_of.reindex(pd.Index(ask.demand_id))
    site = pd.Index(ask.site_id).get_indexer(pd.Index(eligible["site_id"]))
    problems = []
    if zone.isna().any():
        problems.append(
            Problem(
                "zone_of",
                f"{int(zone.isna().sum())} of {ask.demands} demand points have no zone",
                "Give every demand id its zone.",
                tuple(map(str, zone.index[zone.isna()])),
            )
        )
    if (site < 0).any():
        unknown = sorted(set(eligible["site_id"][site < 0].astype(str)))
        problems.append(
            Problem(
                "eligible",
                f"{len(unknown)} sites are not among those asked for",
                "Leave them out, or attach them with the other sites.",
                tuple(unknown),
            )
        )
    if problems:
        raise DataError(problems)
    sites_of = pd.Series(site, dtype=np.int64).groupby(eligible["zone_id"].to_numpy()).unique()
    # zones that may go to the same sites are searched once
    demands_of: dict[tuple[int, ...], list[str]] = {}
    for name in sorted(zone.unique()):
        some = tuple(sorted(sites_of[name])) if name in sites_of.index else ()
        demands_of.setdefault(some, []).append(name)
    groups = []
    for some, names in demands_of.items():
        allowed = np.zeros(len(ask.site_id), dtype=bool)
        allowed[list(some)] = True
        groups.append((zone.isin(names).to_numpy(), allowed))
    return groups


def _by_demand(parts: list[tuple[I64, I32, I32]]) -> tuple[I64, I32, I32]:
    """Return (demand, site, value) of all groups, by demand."""
    if not parts:
        return np.empty(0, np.int64), np.empty(0, np.int32), np.empty(0, np.int32)
    demand, site, value = (np.concatenate(column) for column in zip(*parts, strict=True))
    order = np.argsort(demand, kind="stable")
    return demand[order], site[order], value[order]


def _farther(ask: Question, cutoff: int, k: int, who: Bool, allowed: Bool) -> tuple[I64, I32, I32]:
    """Return (demand, site, value) of the k nearest allowed sites that lie beyond the cutoff."""
    owners = len(ask.site_id)
    seed, stub = allowed[ask.seed_owner], who[ask.stub_demand]
    direct = allowed[ask.direct_owner] & who[ask.direct_demand]
    label = kernels.nearest_k_labels(
        *ask.graph_by_place,
        ask.seed_rank[seed], (ask.seed_value * owners + ask.seed_owner)[seed], owners, k,
    )  # fmt: skip
    there = label[ask.stub_rank[stub]]
    entry = np.where(there < NEVER, there, 0) + (ask.stub_value[stub] * owners)[:, None]
    entry[there == NEVER] = NEVER
    row = np.concatenate([np.repeat(ask.stub_demand[stub], k), ask.direct_demand[direct]])
    straight = (ask.direct_value * owners + ask.direct_owner)[direct]
    indptr, order = kernels.compressed_rows(row, rows=ask.demands)
    best = kernels.merged_k(indptr, np.concatenate([entry.reshape(-1), straight])[order], owners, k)
    demand, place = np.nonzero((best < NEVER) & (best // owners > cutoff))
    chosen = best[demand, place]
    value = chosen // owners
    if value.size and int(value.max()) > LARGEST:
        raise NetworkError(
            f"travel_time: a nearest site is {int(value.max())} away, more than {LARGEST}. "
            "Check lengths and speeds."
        )
    return demand, (chosen % owners).astype(np.int32), value.astype(np.int32)


def _reachable(ask: Question) -> tuple[I32, Bool]:
    """Return each demand's class and, per class, the sites that roads lead to at all.

    Strongly connected parts share what they reach. Demands whose stubs lie in the same parts
    share it too, unless they lie on the edge of a site.
    """
    part, links = ask.network.strong_parts
    reached = _reached_by_part(part, links, ask)
    none = len(reached)
    # a demand has two stubs at most
    lowest = np.full(ask.demands, none, dtype=np.int64)
    highest = np.full(ask.demands, -1, dtype=np.int64)
    at = part[ask.stub_node].astype(np.int64)  # ufunc.at is slow where types differ
    np.minimum.at(lowest, ask.stub_demand, at)
    np.maximum.at(highest, ask.stub_demand, at)
    along: dict[int, int] = {}
    for demand, owner in zip(ask.direct_demand.tolist(), ask.direct_owner.tolist(), strict=True):
        along[demand] = along.get(demand, 0) | 1 << owner
    kind = lowest * (none + 1) + highest + 1
    kind[list(along)] = -1 - np.arange(len(along))
    rows = np.flatnonzero(ask.attached)
    _, first, group = np.unique(kind[rows], return_index=True, return_inverse=True)
    number: dict[int, int] = {}
    group_class = np.empty(first.size, dtype=np.int32)
    for i in np.argsort(first).tolist():
        demand = int(rows[first[i]])
        bits = along.get(demand, 0)
        if highest[demand] >= 0:
            bits |= reached[lowest[demand]] | reached[highest[demand]]
        group_class[i] = number.setdefault(bits, len(number))
    classes = np.full(ask.demands, -1, dtype=np.int32)
    classes[rows] = group_class[group]
    sites = len(ask.site_id)
    width = max(1, (sites + 7) // 8)
    masks = b"".join(mask.to_bytes(width, "little") for mask in number)
    bitmap = np.frombuffer(masks, dtype=np.uint8).reshape(len(number), width)
    reachable = np.unpackbits(bitmap, axis=1, bitorder="little")[:, :sites].astype(np.bool_)
    return classes, reachable


def _reached_by_part(part: I32, links: I64, ask: Question) -> list[int]:
    """Return the sites that each part leads to, as bits of one integer.

    Sets travel up the acyclic graph of the parts: each waits until all it leads to are known.
    """
    parts = int(part.max(initial=-1)) + 1
    reached = [0] * parts
    for where, owner in zip(part[ask.seed_node].tolist(), ask.seed_owner.tolist(), strict=True):
        reached[where] |= 1 << owner
    waiting = np.bincount(links[:, 0], minlength=parts).tolist()
    into: dict[int, list[int]] = {}
    for a, b in links.tolist():
        into.setdefault(b, []).append(a)
    ready = [i for i, count in enumerate(waiting) if count == 0]
    while ready:
        done = ready.pop()
        for a in into.get(done, ()):
            reached[a] |= reached[done]
            waiting[a] -= 1
            if waiting[a] == 0:
                ready.append(a)
    return reached

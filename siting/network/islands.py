"""Defects of a network as built: parts that hang apart, and streets one cannot come out of."""

from __future__ import annotations

from collections.abc import Callable

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import breadth_first_order, connected_components

from siting.errors import first_ids
from siting.network.defects import defects_table
from siting.network.graph import RoadNetwork

I64 = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]

NO_WAY_OUT, NO_WAY_IN = "no street leads out", "no street leads in"


def network_defects(
    network: RoadNetwork,
    *,
    homes_at: pd.DataFrame | None = None,
    persons: pd.Series[int] | None = None,
    name_of: Callable[[int], str] | None = None,
) -> gpd.GeoDataFrame:
    """Return the islands and one-way traps of a network, with the people on them.

    An *island* is a component other than the one with the most kilometres. A *one-way trap* is a
    run of streets from which no way leads to the main part of its component, or to which none
    leads from there; the main part is the strongly connected one with the most kilometres.

    Parameters
    ----------
    network
        Any mode; from OSM, lines or networkx.
    homes_at
        Where people are attached (:func:`attach`; with ``min_component_km=0`` those on small
        islands are told too); ids of places without people may be among them.
    persons
        People by ``point_id``.
    name_of
        How ``rows`` calls a ``way_id``; ``w12`` unless given.

    Returns
    -------
    GeoDataFrame
        The ``road_defects`` table: ``size_m`` is the length of the streets concerned, ``persons``
        the people whose homes are on them (NA without ``homes_at``), ``place`` the middle of the
        longest.

    Examples
    --------
    >>> from shapely import LineString
    >>> from siting.network import from_lines
    >>> lines = [[(0, 0), (900, 0)], [(900, 0), (900, 50)], [(0, 500), (70, 500)]]
    >>> roads = gpd.GeoDataFrame(
    ...     {"highway": ["residential"] * 3, "oneway": ["no", "yes", "no"]},
    ...     geometry=[LineString(xy) for xy in lines], crs=4547,
    ... )
    >>> network_defects(from_lines(roads, mode="drive"))[["kind", "size_m"]].values.tolist()
    [['island', 70.0], ['one_way_trap', 50.0]]
    """
    people = _people(homes_at, persons)
    called = name_of or (lambda way: f"w{way}")
    rows = []
    for kind, why, group, home_group in _groups(network, homes_at):
        count = int(group.max(initial=-1)) + 1
        length = np.bincount(group[group >= 0], network.length_mm[group >= 0], minlength=count)
        there = home_group >= 0
        lost = np.bincount(home_group[there], people[there], minlength=count).astype(np.int64)
        edges = np.flatnonzero(group >= 0)
        order = edges[np.lexsort((edges, -network.length_mm[edges], group[edges]))]
        bounds = np.searchsorted(group[order], np.arange(count + 1))
        for g in range(count):
            own = order[bounds[g] : bounds[g + 1]]
            if not own.size:
                continue
            middle = shapely.line_interpolate_point(network.geometry[own[0]], 0.5, normalized=True)
            ways = sorted({called(way) for way in network.way_id[own].tolist()})
            rows.append(
                (kind, network.mode, middle.x, middle.y, first_ids(ways), length[g] / 1000.0,
                 pd.NA if homes_at is None else int(lost[g]), "listed", why)
            )  # fmt: skip
    table = pd.DataFrame(
        rows,
        columns=["kind", "mode", "x", "y", "rows", "size_m", "persons", "done", "why"],
    )
    table = table.sort_values(["kind", "why", "x", "y", "rows"], kind="stable")
    return defects_table(table, network.crs)


def _people(homes_at: pd.DataFrame | None, persons: pd.Series[int] | None) -> I64:
    """Return the people of each row of attachments."""
    count = 0 if homes_at is None else len(homes_at)
    result = np.zeros(count, dtype=np.int64)
    if homes_at is not None and persons is not None:
        result += homes_at["point_id"].map(persons).fillna(0).to_numpy(dtype=np.int64)
    return result


def _groups(network: RoadNetwork, homes_at: pd.DataFrame | None) -> list[tuple[str, str, I64, I64]]:
    """Return kind, why, and the group of each edge and of each home, −1 where it has none."""
    if homes_at is None:
        edge = offset = np.empty(0, dtype=np.int64)
    else:
        edge = homes_at["edge_id"].to_numpy(dtype=np.int64)
        offset = homes_at["offset_mm"].to_numpy(dtype=np.int64)
    component = network.component.astype(np.int64)
    main = int(np.argmax(network.component_km))
    number = np.where(component == main, -1, component)
    number = np.where(number > main, number - 1, number)
    home = np.where(edge >= 0, number[network.tail[np.maximum(edge, 0)]], -1)
    found = [("island", "apart from the longest part", number[network.tail], home)]
    forward, backward = network.forward_ms >= 0, network.backward_ms >= 0
    if forward.all() and backward.all():
        return found
    free = _main_part(network)
    tail, head = network.tail.astype(np.int64), network.head.astype(np.int64)
    for why, ahead in ((NO_WAY_OUT, True), (NO_WAY_IN, False)):
        arcs = _arcs(network, against=ahead)
        cut_off = ~_from(arcs, free)
        # where one who is on the edge comes to (or comes from), each way it is open
        first, second = (head, tail) if ahead else (tail, head)
        stuck = (~forward | cut_off[first]) & (~backward | cut_off[second])
        inner = np.flatnonzero(cut_off[tail] & cut_off[head])
        n = network.node_id.size
        link = coo_array((np.ones(inner.size), (tail[inner], head[inner])), shape=(n, n))
        _, label = connected_components(link.tocsr(), directed=False)
        at = np.where(forward, first, second)
        group = np.where(stuck, label[at], -1)
        _, group = np.unique(group, return_inverse=True)
        group = group.reshape(-1) - int(not stuck.all())
        by_label = np.full(n, -1, dtype=np.int64)
        by_label[label[at[stuck]]] = group[stuck]
        spot = np.where(offset == 0, tail[edge], head[edge])
        corner = (offset == 0) | (offset == network.length_mm[edge])
        on_corner = np.where(cut_off[spot], by_label[label[spot]], -1)
        home = np.where(edge >= 0, np.where(corner, on_corner, group[edge]), -1)
        found.append(("one_way_trap", why, group, home))
    return found


def _arcs(network: RoadNetwork, *, against: bool) -> csr_array:
    """Return the directed graph, or the one against the traffic, with room for one more node."""
    forward, backward = network.forward_ms >= 0, network.backward_ms >= 0
    a = np.concatenate([network.tail[forward], network.head[backward]])
    b = np.concatenate([network.head[forward], network.tail[backward]])
    if against:
        a, b = b, a
    n = network.node_id.size + 1
    return coo_array((np.ones(a.size, dtype=np.int8), (a, b)), shape=(n, n)).tocsr()


def _from(arcs: csr_array, start: Bool) -> Bool:
    """Return which nodes can be come to from the nodes ``start``."""
    n = start.size
    begin = np.flatnonzero(start)
    door = coo_array(
        (np.ones(begin.size, dtype=np.int8), (np.full(begin.size, n), begin)), shape=(n + 1, n + 1)
    )
    order = breadth_first_order(arcs + door.tocsr(), n, return_predecessors=False)
    reached = np.zeros(n + 1, dtype=bool)
    reached[order] = True
    return reached[:n]


def _main_part(network: RoadNetwork) -> Bool:
    """Return the nodes of the longest strongly connected part of every component."""
    n = network.node_id.size
    count, part = connected_components(
        _arcs(network, against=False)[:n, :n], directed=True, connection="strong"
    )
    within = part[network.tail] == part[network.head]
    length = np.zeros(count, dtype=np.int64)
    np.add.at(length, part[network.tail[within]], network.length_mm[within])
    _, smallest = np.unique(part, return_index=True)
    of = np.empty(count, dtype=np.int64)
    of[part] = network.component
    order = np.lexsort((smallest, -length, of))
    _, first = np.unique(of[order], return_index=True)
    chosen = np.zeros(count, dtype=bool)
    chosen[order[first]] = True
    result: Bool = chosen[part]
    return result

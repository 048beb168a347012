"""Shortest-path kernels over arrays: numba, no tables, no units of their own.

A graph is three arrays in compressed rows: ``indptr`` (int64, nodes + 1), ``target`` (int32) and
``weight`` (int64, non-negative). Row ``x`` lists the arcs that a search leaving ``x`` may take; for
demand → site times the caller passes the *reversed* graph and searches from the sites.

Everything is an integer, so no result depends on the order of rows, of heap entries or of threads.
Where an owner is carried, a node's label is the single integer ``impedance * owners + owner``:
comparing labels compares first impedance and then owner, and adding ``weight * owners`` moves along
an arc. Ties therefore go to the smallest owner exactly, over arcs of weight zero too.

All kernels release the GIL; :func:`parallel_blocks` runs one over blocks of sources in threads.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any, TypeVar, cast

import numba
import numpy as np
import numpy.typing as npt

I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]

NEVER = np.iinfo(np.int64).max
"""Label of a node that no search has reached."""

_F = TypeVar("_F", bound=Callable[..., Any])
_R = TypeVar("_R")


def compiled(function: _F) -> _F:
    """Return ``function`` compiled by numba: cached on disk, without the GIL."""
    return cast("_F", numba.njit(cache=True, nogil=True)(function))


def compressed_rows(row: npt.NDArray[Any], *, rows: int) -> tuple[I64, I64]:
    """Sort entries into compressed rows.

    Parameters
    ----------
    row
        The row of each entry.
    rows
        Number of rows.

    Returns
    -------
    tuple
        ``indptr`` (rows + 1) and the order of entries, row by row and as given within a row.
        Nothing is merged: of parallel arcs all stay, so that the least of them is what counts.

    Examples
    --------
    >>> indptr, order = compressed_rows(np.array([1, 0, 1]), rows=2)
    >>> indptr.tolist(), order.tolist()
    ([0, 1, 3], [1, 0, 2])
    """
    indptr = np.zeros(rows + 1, dtype=np.int64)
    np.cumsum(np.bincount(row, minlength=rows), out=indptr[1:])
    return indptr, np.argsort(row, kind="stable").astype(np.int64)


def default_threads() -> int:
    """Return how many threads to search with: ``NUMBA_NUM_THREADS``, else the cores given to us."""
    return int(vars(numba.config)["NUMBA_NUM_THREADS"])


def parallel_blocks(work: Callable[[int, int], _R], count: int, *, threads: int) -> list[_R]:
    """Run ``work(start, stop)`` over blocks of ``range(count)``, results in block order.

    ``work`` must release the GIL to gain anything. Results do not depend on ``threads`` as long as
    ``work`` treats each item by itself. There are several blocks a thread, because sources in a
    dense centre cost more than sources at the edge of the map.
    """
    blocks = max(1, min(count, threads * 8 if threads > 1 else 1))
    edges = np.linspace(0, count, blocks + 1).astype(int).tolist()
    spans = list(pairwise(edges))
    if threads == 1:
        return [work(start, stop) for start, stop in spans]
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(lambda span: work(*span), spans))


@compiled
def _push(keys: I64, nodes: I32, size: int, key: int, node: int) -> int:
    """Add to a 4-ary heap with room for it; return its new size."""
    at = size
    while at > 0:
        parent = (at - 1) >> 2
        if keys[parent] <= key:
            break
        keys[at] = keys[parent]
        nodes[at] = nodes[parent]
        at = parent
    keys[at] = key
    nodes[at] = node
    return size + 1


@compiled
def _pop(keys: I64, nodes: I32, size: int) -> int:
    """Remove the top (read it first); return the new size."""
    size -= 1
    key = keys[size]
    node = nodes[size]
    at = 0
    while True:
        child = 4 * at + 1
        if child >= size:
            break
        least = child
        for other in range(child + 1, min(child + 4, size)):
            if keys[other] < keys[least]:
                least = other
        if keys[least] >= key:
            break
        keys[at] = keys[least]
        nodes[at] = nodes[least]
        at = least
    keys[at] = key
    nodes[at] = node
    return size


@compiled
def _grown(array: Any, size: int) -> Any:
    """Return ``array``, or a copy of twice the room when it is full."""
    if size < array.size:
        return array
    bigger = np.empty(2 * array.size + 64, dtype=array.dtype)
    bigger[:size] = array[:size]
    return bigger


@compiled
def nearest_labels(
    indptr: I64, target: I32, weight: I64, seed_node: I32, seed_label: I64, owners: int
) -> I64:
    """Return the least label of every node: one multi-source Dijkstra.

    Parameters
    ----------
    indptr, target, weight
        The graph to search, in compressed rows.
    seed_node, seed_label
        Where searches start, each with its label ``impedance * owners + owner``; a node may have
        several seeds and an owner several nodes.
    owners
        Number of owners.

    Returns
    -------
    int64 array, one label per node; ``NEVER`` where no seed leads. ``label // owners`` is the
    least impedance, ``label % owners`` the smallest owner that attains it.
    """
    label = np.full(indptr.size - 1, NEVER, dtype=np.int64)
    keys = np.empty(1024, dtype=np.int64)
    nodes = np.empty(1024, dtype=np.int32)
    size = 0
    for i in range(seed_node.size):
        if seed_label[i] < label[seed_node[i]]:
            label[seed_node[i]] = seed_label[i]
            keys = _grown(keys, size)
            nodes = _grown(nodes, size)
            size = _push(keys, nodes, size, seed_label[i], seed_node[i])
    while size > 0:
        key = keys[0]
        node = nodes[0]
        size = _pop(keys, nodes, size)
        if key > label[node]:
            continue
        for arc in range(indptr[node], indptr[node + 1]):
            further = key + weight[arc] * owners
            if further < label[target[arc]]:
                label[target[arc]] = further
                keys = _grown(keys, size)
                nodes = _grown(nodes, size)
                size = _push(keys, nodes, size, further, target[arc])
    return label


@compiled
def nearest_k_labels(
    indptr: I64,
    target: I32,
    weight: I64,
    seed_node: I32,
    seed_label: I64,
    owners: int,
    k: int,
) -> Any:
    """Return the least labels of up to ``k`` distinct owners at every node.

    As :func:`nearest_labels`, but each node is settled by up to ``k`` owners. That is enough: if
    ``k`` owners come before some owner at a node, they come before it at every node reached
    through that node.

    Returns
    -------
    int64 array (nodes, k), each row ascending, ``NEVER`` where fewer than ``k`` owners lead.
    """
    n = indptr.size - 1
    label = np.full((n, k), NEVER, dtype=np.int64)
    settled = np.zeros(n, dtype=np.int32)
    keys = np.empty(1024, dtype=np.int64)
    nodes = np.empty(1024, dtype=np.int32)
    size = 0
    for i in range(seed_node.size):
        keys = _grown(keys, size)
        nodes = _grown(nodes, size)
        size = _push(keys, nodes, size, seed_label[i], seed_node[i])
    while size > 0:
        key = keys[0]
        node = nodes[0]
        size = _pop(keys, nodes, size)
        count = settled[node]
        if count == k:
            continue
        owner = key % owners
        known = False
        for i in range(count):
            if label[node, i] % owners == owner:
                known = True
                break
        if known:
            continue
        label[node, count] = key
        settled[node] = count + 1
        for arc in range(indptr[node], indptr[node + 1]):
            neighbour = target[arc]
            if settled[neighbour] == k:
                continue
            known = False
            for i in range(settled[neighbour]):
                if label[neighbour, i] % owners == owner:
                    known = True
                    break
            if not known:
                keys = _grown(keys, size)
                nodes = _grown(nodes, size)
                size = _push(keys, nodes, size, key + weight[arc] * owners, neighbour)
    return label


@compiled
def pairs_within(
    indptr: I64,
    target: I32,
    weight: I64,
    seed_indptr: I64,
    seed_node: I32,
    seed_value: I64,
    stub_indptr: I64,
    stub_demand: I32,
    stub_value: I64,
    direct_indptr: I64,
    direct_demand: I32,
    direct_value: I64,
    demands: int,
    cutoff: int,
    first: int,
    last: int,
) -> Any:
    """Return every (demand, impedance ≤ cutoff) of the sources ``first`` … ``last - 1``.

    Each source is searched by itself and no further than the cutoff; the work is proportional to
    what it reaches.

    Parameters
    ----------
    indptr, target, weight
        The graph to search, in compressed rows.
    seed_indptr, seed_node, seed_value
        Where each source starts and at what impedance, in compressed rows by source.
    stub_indptr, stub_demand, stub_value
        By node, the demands that enter the network there and at what impedance.
    direct_indptr, direct_demand, direct_value
        By source, demands on the same edge, reached along it.
    demands
        Number of demands.
    cutoff
        Largest impedance wanted.
    first, last
        The block of sources.

    Returns
    -------
    tuple of ``count`` (int64, per source), ``demand`` (int32) and ``value`` (int32), sources one
    after the other and within a source by demand.
    """
    n = indptr.size - 1
    reached = np.full(n, NEVER, dtype=np.int64)
    seen = np.empty(256, dtype=np.int32)
    best = np.full(demands, NEVER, dtype=np.int64)
    found = np.empty(256, dtype=np.int32)
    keys = np.empty(1024, dtype=np.int64)
    nodes = np.empty(1024, dtype=np.int32)
    count = np.zeros(last - first, dtype=np.int64)
    out_demand = np.empty(1024, dtype=np.int32)
    out_value = np.empty(1024, dtype=np.int32)
    total = 0
    for source in range(first, last):
        size = 0
        n_seen = 0
        n_found = 0
        for i in range(seed_indptr[source], seed_indptr[source + 1]):
            node = seed_node[i]
            if seed_value[i] <= cutoff and seed_value[i] < reached[node]:
                if reached[node] == NEVER:
                    seen = _grown(seen, n_seen)
                    seen[n_seen] = node
                    n_seen += 1
                reached[node] = seed_value[i]
                keys = _grown(keys, size)
                nodes = _grown(nodes, size)
                size = _push(keys, nodes, size, seed_value[i], node)
        while size > 0:
            key = keys[0]
            node = nodes[0]
            size = _pop(keys, nodes, size)
            if key > reached[node]:
                continue
            for i in range(stub_indptr[node], stub_indptr[node + 1]):
                value = key + stub_value[i]
                demand = stub_demand[i]
                if value <= cutoff and value < best[demand]:
                    if best[demand] == NEVER:
                        found = _grown(found, n_found)
                        found[n_found] = demand
                        n_found += 1
                    best[demand] = value
            for arc in range(indptr[node], indptr[node + 1]):
                further = key + weight[arc]
                neighbour = target[arc]
                if further <= cutoff and further < reached[neighbour]:
                    if reached[neighbour] == NEVER:
                        seen = _grown(seen, n_seen)
                        seen[n_seen] = neighbour
                        n_seen += 1
                    reached[neighbour] = further
                    keys = _grown(keys, size)
                    nodes = _grown(nodes, size)
                    size = _push(keys, nodes, size, further, neighbour)
        for i in range(direct_indptr[source], direct_indptr[source + 1]):
            demand = direct_demand[i]
            if direct_value[i] <= cutoff and direct_value[i] < best[demand]:
                if best[demand] == NEVER:
                    found = _grown(found, n_found)
                    found[n_found] = demand
                    n_found += 1
                best[demand] = direct_value[i]
        found[:n_found].sort()
        while out_demand.size < total + n_found:
            out_demand = _grown(out_demand, out_demand.size)
            out_value = _grown(out_value, out_value.size)
        for i in range(n_found):
            out_demand[total + i] = found[i]
            out_value[total + i] = best[found[i]]
            best[found[i]] = NEVER
        total += n_found
        count[source - first] = n_found
        for i in range(n_seen):
            reached[seen[i]] = NEVER
    return count, out_demand[:total].copy(), out_value[:total].copy()


@compiled
def merged_k(demand_indptr: I64, entry_label: I64, owners: int, k: int) -> Any:
    """Return the least labels of up to ``k`` distinct owners of each row of labels.

    Parameters
    ----------
    demand_indptr, entry_label
        Labels in compressed rows, in any order and with ``NEVER`` among them.
    owners, k
        As in :func:`nearest_k_labels`.

    Returns
    -------
    int64 array (rows, k), ascending, ``NEVER`` where there are fewer.
    """
    rows = demand_indptr.size - 1
    result = np.full((rows, k), NEVER, dtype=np.int64)
    for row in range(rows):
        labels = np.sort(entry_label[demand_indptr[row] : demand_indptr[row + 1]])
        count = 0
        for label in labels:
            if label == NEVER or count == k:
                break
            known = False
            for i in range(count):
                if result[row, i] % owners == label % owners:
                    known = True
                    break
            if not known:
                result[row, count] = label
                count += 1
    return result


@compiled
def scatter_rows(
    fill: I64, site: int, demand: I32, value: I32, out_site: I32, out_value: I32
) -> None:
    """Write one site's pairs into the rows of its demands; ``fill`` (next free places) moves on."""
    for i in range(demand.size):
        at = fill[demand[i]]
        out_site[at] = site
        out_value[at] = value[i]
        fill[demand[i]] = at + 1


@compiled
def sort_rows(indptr: I64, site: I32, value: I32) -> None:
    """Sort each row in place by value, then site."""
    for row in range(indptr.size - 1):
        start, stop = indptr[row], indptr[row + 1]
        packed = np.empty(stop - start, dtype=np.int64)
        for i in range(start, stop):
            packed[i - start] = (np.int64(value[i]) << 32) | np.int64(site[i])
        packed.sort()
        for i in range(start, stop):
            value[i] = packed[i - start] >> 32
            site[i] = packed[i - start] & 0xFFFFFFFF


@compiled
def first_wanted(indptr: I64, column: I32, wanted: npt.NDArray[np.bool_]) -> Any:
    """Return, per row sorted by value, the position of the first wanted column, −1 where none."""
    rows = indptr.size - 1
    where = np.full(rows, -1, dtype=np.int64)
    for row in range(rows):
        for i in range(indptr[row], indptr[row + 1]):
            if wanted[column[i]]:
                where[row] = i
                break
    return where


@compiled
def walk_chains(
    seg_from: I32, seg_to: I32, indptr: I64, segment: I64, kept: npt.NDArray[np.bool_]
) -> Any:
    """Join segments into chains from one kept node to the next.

    Parameters
    ----------
    seg_from, seg_to
        End nodes of each segment.
    indptr, segment
        By node, the segments that touch it, in compressed rows.
    kept
        Nodes where chains end. A ring without one is cut at its smallest node.

    Returns
    -------
    tuple of ``order`` (segments, chain after chain), ``against`` (bool, segment is walked from its
    ``seg_to``) and ``start`` (where each chain starts in ``order``, plus the end). Chains come by
    starting node, smallest first, and each starts at the smaller of its two ends.
    """
    count = seg_from.size
    nodes = indptr.size - 1
    order = np.empty(count, dtype=np.int64)
    against = np.empty(count, dtype=np.bool_)
    start = np.empty(count + 1, dtype=np.int64)
    done = np.zeros(count, dtype=np.bool_)
    total = 0
    chains = 0
    for rings in range(2):
        for first in range(nodes):
            if rings == 0 and not kept[first]:
                continue
            for i in range(indptr[first], indptr[first + 1]):
                here = segment[i]
                if done[here]:
                    continue
                start[chains] = total
                chains += 1
                node = first
                while True:
                    done[here] = True
                    order[total] = here
                    against[total] = seg_from[here] != node
                    total += 1
                    node = seg_from[here] if seg_from[here] != node else seg_to[here]
                    if kept[node] or node == first:
                        break
                    follow = np.int64(-1)
                    for j in range(indptr[node], indptr[node + 1]):
                        if not done[segment[j]]:
                            follow = segment[j]
                            break
                    if follow < 0:
                        break
                    here = follow
    start[chains] = total
    return order, against, start[: chains + 1].copy()

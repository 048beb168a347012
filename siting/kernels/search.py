"""Dijkstra on integers, three ways: nearest owner, k nearest owners, all pairs within a cutoff.

The heap and the searches stand in one file because numba does not notice when a compiled function
in another file has changed.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from siting.kernels.compile import I32, I64, NEVER, compiled


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
    after the other; within a source in no particular order.
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

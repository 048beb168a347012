"""From labels of a search to the ways they were reached by."""

from __future__ import annotations

from typing import Any

import numpy as np

from siting.kernels.compile import I32, I64, NEVER, compiled


@compiled
def next_arcs(
    indptr: I64,
    target: I32,
    weight: I64,
    arc: I64,
    label: I64,
    seed_node: I32,
    seed_label: I64,
    owners: int,
) -> Any:
    """Return, for every node, how the search came to it: by the fewest arcs, then the least arc.

    Parameters
    ----------
    indptr, target, weight
        The graph that was searched, in compressed rows.
    arc
        A number of each arc; of equally short ways the least number is taken.
    label
        What :func:`siting.kernels.nearest_labels` found on it.
    seed_node, seed_label, owners
        As given to it.

    Returns
    -------
    tuple of int64 arrays by node: ``hops`` (arcs from the seed, −1 where nothing leads), ``via``
    (number of the last arc, −1 at a seed) and ``back`` (the node it came from, −1 at a seed).
    """
    n = indptr.size - 1
    hops = np.full(n, -1, dtype=np.int64)
    via = np.full(n, -1, dtype=np.int64)
    back = np.full(n, -1, dtype=np.int64)
    queue = np.empty(n, dtype=np.int64)
    last = 0
    for i in range(seed_node.size):
        node = seed_node[i]
        if hops[node] < 0 and seed_label[i] == label[node]:
            hops[node] = 0
            queue[last] = node
            last += 1
    first = 0
    while first < last:
        node = queue[first]
        first += 1
        for i in range(indptr[node], indptr[node + 1]):
            other = target[i]
            # only arcs along which the least label is passed on
            if label[other] == NEVER or label[other] != label[node] + weight[i] * owners:
                continue
            if hops[other] < 0:
                hops[other] = hops[node] + 1
                queue[last] = other
                last += 1
            if hops[other] == hops[node] + 1 and (via[other] < 0 or arc[i] < via[other]):
                via[other] = arc[i]
                back[other] = node
    return hops, via, back


@compiled
def follow(start: I64, indptr: I64, via: I64, back: I64) -> Any:
    """Return the arcs from each start to its seed, one start after the other, and where it ends.

    Parameters
    ----------
    start
        Nodes, −1 for none.
    indptr
        Where each way's arcs go: as many as ``hops`` says.
    via, back
        Of :func:`next_arcs`.
    """
    arcs = np.empty(indptr[indptr.size - 1], dtype=np.int64)
    end = np.full(start.size, -1, dtype=np.int64)
    for i in range(start.size):
        node = start[i]
        if node < 0:
            continue
        at = indptr[i]
        while via[node] >= 0:
            arcs[at] = via[node]
            node = back[node]
            at += 1
        end[i] = node
    return arcs, end

"""Dijkstra on integers, three ways: nearest owner, k nearest owners, all pairs within a cutoff.

The queue is a ring of buckets, each a range of labels a quarter to half of the mean arc wide, and
each a doubly linked list through the nodes themselves: to queue a node, to move it when its label
falls and to take the next one are a few writes, whatever the number queued, and nothing grows.
Buckets come in ascending order, nodes within one in none; a node whose label falls after it was
left is queued again. So labels only fall, and end where no arc lowers one: at the least, which is
one and the same whatever the order. (R. B. Dial, 1969, Commun. ACM 12(11), 632-633; buckets wider
than one unit: U. Meyer and P. Sanders, 2003, J. Algorithms 49(1), 114-152.)

The queue and the searches stand in one file because numba does not notice when a compiled function
in another file has changed.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from siting.kernels.compile import I32, I64, NEVER, compiled

OUT = -1
"""Mark of a node that is not queued."""
UNSEEN = np.uint32(0xFFFFFFFF)
"""As ``NEVER``, for searches within a cutoff."""
MOST_BUCKETS = 1 << 16
"""Where one arc is far longer than the mean, buckets get wider rather than more."""


@compiled
def _bucket_width(weight: I64, owners: int, farthest: int) -> Any:
    """Return the width of buckets as a shift of labels, and how many (a power of two).

    ``farthest`` is the most by which a label that is queued exceeds the label in hand.
    """
    mean = np.int64(1)
    if weight.size > 0:
        mean = weight.sum() // weight.size
    shift = np.int64(0)
    while (np.int64(2) << shift) <= mean * owners // 2:
        shift += 1
    while (farthest >> shift) + 2 > MOST_BUCKETS:
        shift += 1
    buckets = np.int64(2)
    while buckets < (farthest >> shift) + 2:
        buckets *= 2
    return shift, buckets


@compiled
def _new_queue(nodes: int, buckets: int) -> Any:
    """Return an empty queue: (next, previous) of every node, bucket and, last, the hand.

    Each bucket is a ring that the bucket itself is part of, as number ``nodes + bucket``.
    """
    link = np.empty((nodes + buckets + 1, 2), dtype=np.int32)
    link[:nodes] = OUT
    for ring in range(nodes, nodes + buckets + 1):
        link[ring, 0] = link[ring, 1] = ring
    return link


@compiled
def _leave(link: Any, node: int) -> None:
    """Take a node out of its bucket."""
    after, before = link[node, 0], link[node, 1]
    link[before, 0] = after
    link[after, 1] = before
    link[node, 0] = OUT


@compiled
def _join(link: Any, node: int, ring: int) -> int:
    """Put a node into a bucket, out of any it is in; return how many more are queued now."""
    more = 1
    if link[node, 0] != OUT:
        _leave(link, node)
        more = 0
    after = link[ring, 0]
    link[node, 0], link[node, 1] = after, ring
    link[after, 1] = node
    link[ring, 0] = node
    return more


@compiled
def _take_in_hand(link: Any, ring: int) -> bool:
    """Move a bucket's nodes into the empty hand; return whether there was one.

    What joins the bucket meanwhile waits for the next round, so that a node is left at most as
    often as there are arcs on a way within the bucket.
    """
    hand = link.shape[0] - 1
    after, before = link[ring, 0], link[ring, 1]
    if after == ring:
        return False
    link[hand, 0], link[hand, 1] = after, before
    link[after, 1] = link[before, 0] = hand
    link[ring, 0] = link[ring, 1] = ring
    return True


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
    if seed_label.size == 0:
        return label
    now = seed_label.min()
    farthest = seed_label.max() - now
    if weight.size > 0:
        farthest = max(farthest, weight.max() * owners)
    shift, buckets = _bucket_width(weight, owners, farthest)
    mask = buckets - 1
    n = label.size
    link = _new_queue(n, buckets)
    hand = n + buckets
    queued = 0
    for i in range(seed_node.size):
        if seed_label[i] < label[seed_node[i]]:
            label[seed_node[i]] = seed_label[i]
            queued += _join(link, seed_node[i], n + ((seed_label[i] >> shift) & mask))
    now >>= shift
    while queued > 0:
        while _take_in_hand(link, n + (now & mask)):
            while link[hand, 0] != hand:
                node = link[hand, 0]
                _leave(link, node)
                queued -= 1
                here = label[node]
                for arc in range(indptr[node], indptr[node + 1]):
                    neighbour = target[arc]
                    further = here + weight[arc] * owners
                    if further < label[neighbour]:
                        label[neighbour] = further
                        queued += _join(link, neighbour, n + ((further >> shift) & mask))
        now += 1
    return label


@compiled
def _admit(label: I64, owner: I32, fresh: Any, held: Any, node: int, new: int, who: int) -> bool:
    """Put a label among the least ``k`` of distinct owners of a node; return whether it fits."""
    k = label.shape[1]
    if label[node, k - 1] <= new:
        return False
    last = int(held[node])
    for i in range(held[node]):
        if owner[node, i] == who:
            last = i
            break
    if last < held[node]:
        if label[node, last] <= new:
            return False
    elif last < k:
        held[node] += 1
    else:
        last = k - 1
    while last > 0 and label[node, last - 1] > new:
        label[node, last] = label[node, last - 1]
        owner[node, last] = owner[node, last - 1]
        fresh[node, last] = fresh[node, last - 1]
        last -= 1
    label[node, last] = new
    owner[node, last] = who
    fresh[node, last] = True
    return True


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

    As :func:`nearest_labels`, but each node keeps up to ``k`` owners. That is enough: if ``k``
    owners come before some owner at a node, they come before it at every node reached through
    that node.

    Returns
    -------
    int64 array (nodes, k), each row ascending, ``NEVER`` where fewer than ``k`` owners lead.
    """
    n = indptr.size - 1
    label = np.full((n, k), NEVER, dtype=np.int64)
    if seed_label.size == 0:
        return label
    owner = np.empty((n, k), dtype=np.int32)
    # a label is fresh until the arcs of its node were followed with it
    fresh = np.zeros((n, k), dtype=np.bool_)
    held = np.zeros(n, dtype=np.int32)
    # the least fresh label of a queued node: what it is queued by
    key = np.full(n, NEVER, dtype=np.int64)
    now = seed_label.min()
    farthest = seed_label.max() - now
    if weight.size > 0:
        farthest = max(farthest, weight.max() * owners)
    shift, buckets = _bucket_width(weight, owners, farthest)
    mask = buckets - 1
    link = _new_queue(n, buckets)
    hand = n + buckets
    queued = 0
    for i in range(seed_node.size):
        node, new = seed_node[i], seed_label[i]
        if _admit(label, owner, fresh, held, node, new, new % owners) and new < key[node]:
            key[node] = new
            queued += _join(link, node, n + ((new >> shift) & mask))
    now >>= shift
    while queued > 0:
        while _take_in_hand(link, n + (now & mask)):
            while link[hand, 0] != hand:
                node = link[hand, 0]
                _leave(link, node)
                queued -= 1
                key[node] = NEVER
                for i in range(held[node]):
                    if not fresh[node, i]:
                        continue
                    here, who = label[node, i], owner[node, i]
                    if here >> shift > now:
                        key[node] = here
                        queued += _join(link, node, n + ((here >> shift) & mask))
                        break
                    fresh[node, i] = False
                    for arc in range(indptr[node], indptr[node + 1]):
                        neighbour = target[arc]
                        new = here + weight[arc] * owners
                        if (
                            _admit(label, owner, fresh, held, neighbour, new, who)
                            and new < key[neighbour]
                        ):
                            key[neighbour] = new
                            queued += _join(link, neighbour, n + ((new >> shift) & mask))
        now += 1
    return label


@compiled
def _grown(array: Any, size: int) -> Any:
    """Return ``array``, or a copy of half as much room again where ``size`` does not fit."""
    if size <= array.size:
        return array
    bigger = np.empty(max(size, array.size + array.size // 2), dtype=array.dtype)
    bigger[: array.size] = array
    return bigger


@compiled
def pairs_workspace(weight: I64, nodes: int, demands: int, cutoff: int) -> Any:
    """Return the arrays that one thread needs for :func:`pairs_within`.

    To make them takes as long as the city is large; a search leaves them as they were.
    """
    shift, buckets = _bucket_width(weight, 1, cutoff)
    reached = np.full(nodes, UNSEEN, dtype=np.uint32)
    seen = np.empty(nodes, dtype=np.int32)
    best = np.full(demands, UNSEEN, dtype=np.uint32)
    found = np.empty(demands, dtype=np.int32)
    return reached, seen, best, found, _new_queue(nodes, buckets), shift


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
    workspace: Any,
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
    workspace
        Of :func:`pairs_workspace`, for the same graph and cutoff; one for each thread.
    cutoff
        Largest impedance wanted, less than ``UNSEEN``; held in half the room of labels.
    first, last
        The block of sources.

    Returns
    -------
    tuple of ``count`` (int64, per source), ``demand`` (int32) and ``value`` (int32), sources one
    after the other; within a source in no particular order.
    """
    n = indptr.size - 1
    reached, seen, best, found, link, shift = workspace
    buckets = link.shape[0] - n - 1
    mask = buckets - 1
    hand = n + buckets
    count = np.zeros(last - first, dtype=np.int64)
    out_demand = np.empty(1024, dtype=np.int32)
    out_value = np.empty(1024, dtype=np.int32)
    total = 0
    for source in range(first, last):
        queued = 0
        n_seen = 0
        n_found = 0
        for i in range(seed_indptr[source], seed_indptr[source + 1]):
            node = seed_node[i]
            if seed_value[i] <= cutoff and seed_value[i] < reached[node]:
                if reached[node] == UNSEEN:
                    seen[n_seen] = node
                    n_seen += 1
                reached[node] = seed_value[i]
                queued += _join(link, node, n + (seed_value[i] >> shift & mask))
        now = np.int64(0)
        while queued > 0:
            while _take_in_hand(link, n + (now & mask)):
                while link[hand, 0] != hand:
                    node = link[hand, 0]
                    _leave(link, node)
                    queued -= 1
                    here = np.int64(reached[node])
                    for arc in range(indptr[node], indptr[node + 1]):
                        neighbour = target[arc]
                        further = here + weight[arc]
                        if further <= cutoff and further < reached[neighbour]:
                            if reached[neighbour] == UNSEEN:
                                seen[n_seen] = neighbour
                                n_seen += 1
                            reached[neighbour] = further
                            queued += _join(link, neighbour, n + (further >> shift & mask))
            now += 1
        for j in range(n_seen):
            node = seen[j]
            here = np.int64(reached[node])
            reached[node] = UNSEEN
            for i in range(stub_indptr[node], stub_indptr[node + 1]):
                value = here + stub_value[i]
                demand = stub_demand[i]
                if value <= cutoff and value < best[demand]:
                    if best[demand] == UNSEEN:
                        found[n_found] = demand
                        n_found += 1
                    best[demand] = value
        for i in range(direct_indptr[source], direct_indptr[source + 1]):
            demand = direct_demand[i]
            if direct_value[i] <= cutoff and direct_value[i] < best[demand]:
                if best[demand] == UNSEEN:
                    found[n_found] = demand
                    n_found += 1
                best[demand] = direct_value[i]
        out_demand = _grown(out_demand, total + n_found)
        out_value = _grown(out_value, total + n_found)
        for i in range(n_found):
            out_demand[total + i] = found[i]
            out_value[total + i] = best[found[i]]
            best[found[i]] = UNSEEN
        total += n_found
        count[source - first] = n_found
    return count, out_demand[:total].copy(), out_value[:total].copy()

"""Streets cut into segments → chains between junctions."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from siting.kernels.compile import I32, I64, compiled


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

"""Where pieces meet other than end to end: crossings, and ends on the middle of a line.

Coordinates are whole millimetres and the sides of a line are told by exact arithmetic, so a
crossing never depends on the order of the two lines. What comes within a millimetre touches.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import shapely

from siting.errors import NetworkError
from siting.network.pieces import Cuts, Pieces

I64 = npt.NDArray[np.int64]
F64 = npt.NDArray[np.float64]
Bool = npt.NDArray[np.bool_]

TOUCH_MM = 1.0
"""As near as this is a touch: half a grid step each way, and what rounding a corner does."""

ONE_PLACE_MM = 3.0
"""Touches of the same two pieces this near are one: rounded corners either side of a crossing."""

BLOCK = 100_000
MOST_PAIRS = 200_000_000


@dataclass(frozen=True, eq=False)
class Contacts:
    """Places where two pieces (or one and itself) meet within at least one of them.

    Attributes
    ----------
    p, q
        int64, the pieces, ``p <= q``.
    p_segment, q_segment
        int64, the segments that meet, by their first corner.
    xy
        int64 (n, 2), mm.
    end
        bool, an end of one lies on the middle of the other.
    shared
        bool, both have a corner there.
    """

    p: I64
    q: I64
    p_segment: I64
    q_segment: I64
    xy: I64
    end: Bool
    shared: Bool

    def __getitem__(self, chosen: I64 | Bool) -> Contacts:
        """Return the chosen contacts."""
        return Contacts(
            self.p[chosen], self.q[chosen], self.p_segment[chosen], self.q_segment[chosen],
            self.xy[chosen], self.end[chosen], self.shared[chosen],
        )  # fmt: skip


def contacts(pieces: Pieces) -> Contacts:
    """Return where pieces meet, once for each place and pair, in an order of their own.

    Raises
    ------
    NetworkError
        So many lines lie upon each other that the pairs cannot be looked at.
    """
    not_last = np.ones(len(pieces.xy), dtype=bool)
    not_last[pieces.last] = False
    segment = np.flatnonzero(not_last)
    a, b = pieces.xy[segment], pieces.xy[segment + 1]
    low, high = np.minimum(a, b) - TOUCH_MM, np.maximum(a, b) + TOUCH_MM
    boxes = np.asarray(shapely.box(*low.T, *high.T), dtype=object)
    tree = shapely.STRtree(boxes)
    of, along = pieces.of_corner, pieces.along()
    is_end = np.zeros(len(pieces.xy), dtype=bool)
    is_end[pieces.first] = is_end[pieces.last] = True
    none = np.empty(0, dtype=np.int64)
    found = [(none, none, none.reshape(0, 2), np.empty(0, dtype=np.int8))]
    looked = 0
    for begin in range(0, segment.size, BLOCK):
        i, j = tree.query(boxes[begin : begin + BLOCK])
        i = i + begin
        looked += i.size
        if looked > MOST_PAIRS:
            raise NetworkError(
                f"roads: more than {MOST_PAIRS:,} pairs of segments lie upon each other. The layer "
                "is not a road layer, or is drawn many times over: remove what is double."
            )
        i, j = segment[i[j > i]], segment[j[j > i]]
        # neighbours along one line meet at their corner and nowhere else
        ahead = (of[i] != of[j]) | (along[j] - along[i + 1] > 2 * ONE_PLACE_MM)
        i, j = i[ahead], j[ahead]
        found += [_touches(pieces.xy, is_end, i, j), _crossings(pieces.xy, i, j)]
    i, j, xy, rank = (np.concatenate(columns) for columns in zip(*found, strict=True))
    return _one_a_place(of, i, j, xy, rank)


def cuts_of(pieces: Pieces, where: Contacts) -> Cuts:
    """Return where to cut so that all these contacts become ends of pieces."""
    segment = np.concatenate([where.p_segment, where.q_segment])
    xy = np.concatenate([where.xy, where.xy])
    at_next = (xy == pieces.xy[segment + 1]).all(axis=1)
    segment = segment + at_next
    step = (xy - pieces.xy[segment]).astype(float)
    following = np.minimum(segment + 1, len(pieces.xy) - 1)
    way = (pieces.xy[following] - pieces.xy[segment]).astype(float)
    size = np.hypot(*way.T)
    with np.errstate(invalid="ignore", divide="ignore"):
        share = np.clip((step * way).sum(axis=1) / size**2, 1e-9, 1.0 - 1e-9)
    along = np.where((step == 0).all(axis=1), 0.0, np.nan_to_num(share * size))
    piece = pieces.of_corner[segment]
    ends = (along == 0) & ((segment == pieces.first[piece]) | (segment == pieces.last[piece]))
    rows = np.column_stack([piece, xy, segment])[~ends]
    along = along[~ends]
    whole = pieces.along()[rows[:, 3]] + along
    order = np.lexsort((whole, rows[:, 2], rows[:, 1], rows[:, 0]))
    rows, along, whole = rows[order], along[order], whole[order]
    # one place is cut once, unless the line comes by a second time
    again = np.zeros(len(rows), dtype=bool)
    again[1:] = (rows[1:, :3] == rows[:-1, :3]).all(axis=1) & (np.diff(whole) <= 2 * ONE_PLACE_MM)
    rows, along = rows[~again], along[~again]
    return Cuts(rows[:, 0], rows[:, 3], along, rows[:, 1:3])


def _off(v: I64, s: I64, e: I64) -> F64:
    """Return the distance of points from segments, mm."""
    way, to = (e - s).astype(float), (v - s).astype(float)
    share = np.clip((way * to).sum(axis=1) / (way**2).sum(axis=1), 0.0, 1.0)
    result: F64 = np.hypot(*(to - way * share[:, None]).T)
    return result


def _touches(xy: I64, is_end: Bool, i: I64, j: I64) -> tuple[I64, I64, I64, npt.NDArray[np.int8]]:
    """Return corners that lie on the other segment: pairs, places and rank (ends first)."""
    out = []
    for corner, other in ((i, j), (i + 1, j), (j, i), (j + 1, i)):
        near = np.flatnonzero(_off(xy[corner], xy[other], xy[other + 1]) <= TOUCH_MM)
        at, on = corner[near], other[near]
        # end to end is joined already, or is a gap to be looked at with the ends
        meets_end = np.zeros(near.size, dtype=bool)
        same = np.zeros(near.size, dtype=bool)
        for far in (on, on + 1):
            apart = np.abs(xy[at] - xy[far]).max(axis=1)
            meets_end |= is_end[far] & (apart <= 2)
            same |= apart == 0
        keep = ~(is_end[at] & meets_end)
        rank = np.where(is_end[at], 0, np.where(same, 1, 2)).astype(np.int8)
        out.append((i[near][keep], j[near][keep], xy[at][keep], rank[keep]))
    first, second, place, rank = (np.concatenate(columns) for columns in zip(*out, strict=True))
    return first, second, place, rank


def _side(s: I64, e: I64, v: I64) -> I64:
    """Return on which side of a segment a point lies: −1, 0, 1. Exact below 2 000 km."""
    w, u = e - s, v - s
    result: I64 = np.sign(w[:, 0] * u[:, 1] - w[:, 1] * u[:, 0])
    return result


def _crossings(xy: I64, i: I64, j: I64) -> tuple[I64, I64, I64, npt.NDArray[np.int8]]:
    """Return where segments cross within both, rounded to the grid."""
    a, b, c, d = xy[i], xy[i + 1], xy[j], xy[j + 1]
    through = (_side(a, b, c) * _side(a, b, d) < 0) & (_side(c, d, a) * _side(c, d, b) < 0)
    i, j = i[through], j[through]
    a, b, c, d = (v[through].astype(float) for v in (a, b, c, d))
    r, s, to = b - a, d - c, c - a
    share = (to[:, 0] * s[:, 1] - to[:, 1] * s[:, 0]) / (r[:, 0] * s[:, 1] - r[:, 1] * s[:, 0])
    place = np.rint(a + r * share[:, None]).astype(np.int64)
    return i, j, place, np.full(i.size, 3, dtype=np.int8)


def _one_a_place(of: I64, i: I64, j: I64, xy: I64, rank: npt.NDArray[np.int8]) -> Contacts:
    """Return one contact for each pair of pieces and place: an end before a corner, then by place.

    Corners that were rounded either side of a crossing make several touches of it.
    """
    swap = of[i] > of[j]
    i, j = np.where(swap, j, i), np.where(swap, i, j)
    p, q = of[i], of[j]
    left = np.lexsort((j, i, xy[:, 1], xy[:, 0], rank, q, p))
    chosen = []
    while left.size:
        pair = np.stack([p[left], q[left]])
        new = np.ones(left.size, dtype=bool)
        new[1:] = (pair[:, 1:] != pair[:, :-1]).any(axis=0)
        leader = left[new][np.cumsum(new) - 1]
        chosen.append(left[new])
        apart = np.hypot(*(xy[left] - xy[leader]).astype(float).T)
        left = left[apart > ONE_PLACE_MM]
    keep = np.sort(np.concatenate(chosen)) if chosen else np.empty(0, dtype=np.int64)
    keep = keep[np.lexsort((xy[keep, 1], xy[keep, 0], q[keep], p[keep]))]
    return Contacts(p[keep], q[keep], i[keep], j[keep], xy[keep], rank[keep] == 0, rank[keep] == 1)

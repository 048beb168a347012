"""Loose ends of a line layer: which lie near another end or line, and what closes the gap.

An end is *loose* where nothing else is joined to it. It is moved to another end within the
tolerance, or a straight step is added from it to the nearest line. Only loose ends move, each by no
more than the tolerance and never after one that moves itself, so nothing is pulled along in chains.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from siting.errors import NetworkError
from siting.network.contacts import MOST_PAIRS, TOUCH_MM
from siting.network.pieces import Pieces, places

I64 = npt.NDArray[np.int64]
F64 = npt.NDArray[np.float64]
Bool = npt.NDArray[np.bool_]
Objects = npt.NDArray[np.object_]

DETOUR = 3.0
"""An end that already comes to a place by a way at most this many times the gap has no gap there:
a short stub is near the street it leaves."""


@dataclass(frozen=True, eq=False)
class Ends:
    """Both ends of every piece.

    Attributes
    ----------
    piece, last
        int64 and bool (2 m): the piece, and whether it is its last corner.
    xy
        int64 (2 m, 2), mm.
    node, other
        int64 (2 m), number of the place, and of the place at the piece's other end.
    degree
        int64 (2 m), how many lines leave the place, in different directions.
    """

    piece: I64
    last: Bool
    xy: I64
    node: I64
    other: I64
    degree: I64

    @property
    def loose(self) -> Bool:
        """Where nothing else is joined."""
        result: Bool = self.degree == 1
        return result


@dataclass(frozen=True, eq=False)
class Steps:
    """What is done about loose ends: one row an end.

    ``end`` is a position in :class:`Ends`, ``to`` the place it goes to (mm), ``size`` how far that
    is (mm), ``near`` the piece it comes to, ``why`` why it is left (blank: it is closed).
    """

    end: I64
    to: I64
    size: F64
    near: I64
    why: Objects

    @property
    def closed(self) -> Bool:
        """Which gaps may be closed."""
        return np.array([not why for why in self.why.tolist()], dtype=bool)


def ends_of(pieces: Pieces) -> Ends:
    """Return the ends of all pieces."""
    m = pieces.level.size
    at = np.concatenate([pieces.first, pieces.last])
    beside = np.concatenate([pieces.first + 1, pieces.last - 1])
    xy = pieces.xy[at]
    node, next_to = places(xy, pieces.xy[beside])
    # lines drawn on each other leave a place in one direction
    count = int(max(node.max(initial=-1), next_to.max(initial=-1))) + 1
    ways = pd.unique(node * count + next_to)
    degree = np.bincount(ways // max(count, 1), minlength=count)
    return Ends(
        piece=np.concatenate([np.arange(m), np.arange(m)]),
        last=np.repeat([False, True], m),
        xy=xy,
        node=node,
        other=np.concatenate([node[m:], node[:m]]),
        degree=degree[node],
    )


def place_and_level(pieces: Pieces, ends: Ends) -> I64:
    """Return a number for each end, the same for ends at one place on one level."""
    level = pieces.level[ends.piece]
    low = int(level.min(initial=0))
    result: I64 = ends.node * (int(level.max(initial=0)) - low + 1) + level - low
    return result


def closing_moves(
    pieces: Pieces, *, snap_mm: float, walls: shapely.STRtree | None
) -> tuple[Ends, Steps, I64]:
    """Return which loose ends move to another end within the tolerance, and refused places (mm).

    A loose end goes to the nearest joined end, which stays; loose ends among themselves come
    together in one of them, where all are within the tolerance of each other, and are refused
    where they are not.
    """
    ends = ends_of(pieces)
    # one stands for all that are drawn there on the level
    one = _first_on_level(pieces, ends, np.arange(ends.node.size))
    loose = one[ends.loose[one]]
    loose = loose[~_touching(pieces, ends, loose)]
    i, j, far = _pairs(ends.xy[loose], ends.xy[one], snap_mm)
    i, j = loose[i], one[j]
    apart = ends.node[i] != ends.node[j]
    level = pieces.level[ends.piece[i]] == pieces.level[ends.piece[j]]
    open_ = apart & level & (_way_round(pieces, ends, i, j) > DETOUR * far)
    open_ &= ~_behind(ends.xy[i], ends.xy[j], walls)
    i, j, far = i[open_], j[open_], far[open_]
    is_loose = np.zeros(ends.node.size, dtype=bool)
    is_loose[loose] = True

    to = np.full(ends.node.size, -1, dtype=np.int64)
    held = ~is_loose[j]
    order = np.lexsort((ends.xy[j][:, 1], ends.xy[j][:, 0], far, i))
    order = order[held[order]]
    mover, first = np.unique(i[order], return_index=True)
    to[mover] = j[order[first]]
    free = is_loose[j] & (to[i] < 0) & (to[j] < 0)
    together, wide = _clusters(ends, i[free], j[free], far[free])
    to[together[0]] = together[1]
    # a line whose ends would both come to one place would vanish
    m = pieces.level.size
    target = np.where(to >= 0, ends.node[np.maximum(to, 0)], ends.node)
    gone = (target[:m] == target[m:]) & (ends.node[:m] != ends.node[m:])
    to[np.concatenate([gone, gone])] = -1
    moved = np.flatnonzero(to >= 0)
    moved = moved[to[moved] != moved]
    goal = to[moved]
    step = (ends.xy[goal] - ends.xy[moved]).astype(float)
    closed = np.full(moved.size, "", dtype=object)
    steps = Steps(moved, ends.xy[goal], np.hypot(*step.T), ends.piece[goal], closed)
    return ends, steps, ends.xy[wide]


def closing_steps(
    pieces: Pieces, *, snap_mm: float, look_mm: float, walls: shapely.STRtree | None, left: I64
) -> tuple[Ends, Steps]:
    """Return the gaps between loose ends and the nearest end or line within ``look_mm``.

    Pieces are noded: what meets is joined. Ends at the places ``left`` (mm) are not closed.
    """
    ends = ends_of(pieces)
    loose = np.flatnonzero(ends.loose)
    loose = _first_on_level(pieces, ends, loose)
    if not loose.size or look_mm <= 0:
        none = np.empty(0, dtype=np.int64)
        return ends, Steps(none, none.reshape(0, 2), none.astype(float), none, none.astype(object))
    lines = pieces.lines()
    spots = np.asarray(shapely.points(ends.xy[loose].astype(float)), dtype=object)
    i, t = shapely.STRtree(lines).query(spots, predicate="dwithin", distance=look_mm)
    foreign = t != ends.piece[loose[i]]
    i, t = i[foreign], t[foreign]
    e, spot = loose[i], spots[i]
    along, size = shapely.line_locate_point(lines[t], spot), pieces.lengths()
    onto = shapely.get_coordinates(shapely.line_interpolate_point(lines[t], along))
    far = shapely.distance(lines[t], spot)
    m = pieces.level.size
    round_ = np.full(e.size, np.inf)
    for side, rest in ((t, along), (t + m, size[t] - along)):
        joined = ends.node[side] == ends.other[e]
        way = np.where(joined, size[ends.piece[e]] + rest, np.inf)
        round_ = np.minimum(round_, way)
    # the end of the line nearest to the foot, and whether the foot is that end
    tip = np.where(along * 2 <= size[t], t, t + m)
    at_tip = np.minimum(along, size[t] - along) <= 2 * TOUCH_MM
    same = pieces.level[t] == pieces.level[ends.piece[e]]
    real = (round_ > DETOUR * far) & (same | (at_tip & ends.loose[tip]))
    chosen = np.flatnonzero(real)
    keys = (t, onto[:, 1], onto[:, 0], far, ~same, e)
    order = chosen[np.lexsort(tuple(k[chosen] for k in keys))]
    _, first = np.unique(e[order], return_index=True)
    c = order[first]
    e, t, far, tip, at_tip, same = e[c], t[c], far[c], tip[c], at_tip[c], same[c]
    to_tip = np.hypot(*(ends.xy[tip] - ends.xy[e]).astype(float).T)
    held = ends.degree[tip] > 1
    by_end = at_tip | (held & (to_tip <= snap_mm) & (ends.node[tip] != ends.other[e]))
    to = np.where(by_end[:, None], ends.xy[tip], np.rint(onto[c]).astype(np.int64))
    step = np.hypot(*(to - ends.xy[e]).astype(float).T)
    why = np.full(e.size, "", dtype=object)
    why[at_tip & ~held] = "another loose end"
    why[pieces.separated[t] & ~pieces.separated[ends.piece[e]]] = (
        "the line nearby is of a class that is joined by its ramps only"
    )
    why[_among(ends.xy[e], left)] = "loose ends farther apart than snap_m hang together"
    why[_behind(ends.xy[e], to, walls)] = "a barrier lies between"
    why[~same] = "on another level"
    why[step > snap_mm] = "wider than snap_m"
    # two loose ends that see each other are one gap
    a, b = ends.node[e], np.where(at_tip & ~held, ends.node[tip], -1)
    back = pd.MultiIndex.from_arrays([b, a]).isin(pd.MultiIndex.from_arrays([a, b]))
    here, there = ends.xy[e], ends.xy[tip]
    later = (here[:, 0] > there[:, 0]) | ((here == there)[:, 0] & (here[:, 1] > there[:, 1]))
    keep = ~(back & (b >= 0) & later)
    return ends, Steps(e[keep], to[keep], step[keep], t[keep], why[keep])


def _first_on_level(pieces: Pieces, ends: Ends, chosen: I64) -> I64:
    """Return one of the chosen ends for each place and level."""
    again = pd.Series(place_and_level(pieces, ends)[chosen]).duplicated().to_numpy()
    return chosen[~again]


def _touching(pieces: Pieces, ends: Ends, loose: I64) -> Bool:
    """Return which loose ends lie on another line of their level: they are about to be joined."""
    result = np.zeros(loose.size, dtype=bool)
    if loose.size:
        spots = shapely.points(ends.xy[loose].astype(float))
        tree = shapely.STRtree(pieces.lines())
        i, t = tree.query(spots, predicate="dwithin", distance=TOUCH_MM)
        own = ends.piece[loose[i]]
        on = (t != own) & (pieces.level[t] == pieces.level[own])
        # on an end it is not yet joined to: a gap of a millimetre
        m = pieces.level.size
        for tip in (t, t + m):
            on &= np.abs(ends.xy[tip] - ends.xy[loose[i]]).max(axis=1) > 2
        result[i[on]] = True
    return result


def _pairs(a: I64, b: I64, within: float) -> tuple[I64, I64, F64]:
    """Return all pairs of places no farther apart than ``within``, and how far they are."""
    none = np.empty(0, dtype=np.int64)
    if not len(a) or within <= 0:
        return none, none, none.astype(float)
    # crowded cells are counted before pairs are made of them
    cells, count = np.unique(b // max(int(within), 1), axis=0, return_counts=True)
    if int((count.astype(float) ** 2).sum()) > MOST_PAIRS:
        x, y = (cells[int(count.argmax())] * max(int(within), 1) / 1000.0).tolist()
        raise NetworkError(
            f"roads: {int(count.max())} ends lie within snap_m of each other near ({x:.0f}, "
            f"{y:.0f}). Give a smaller snap_m, or remove what is drawn many times over."
        )
    tree = shapely.STRtree(np.asarray(shapely.points(b.astype(float)), dtype=object))
    i, j = tree.query(shapely.points(a.astype(float)), predicate="dwithin", distance=within)
    return i, j, np.hypot(*(a[i] - b[j]).astype(float).T)


def _way_round(pieces: Pieces, ends: Ends, i: I64, j: I64) -> F64:
    """Return the length of the way from an end to another by its own piece and one more, if any."""
    size = pieces.lengths()
    count = int(ends.node.max(initial=0)) + 1
    key = ends.node * count + ends.other
    order = np.lexsort((size[ends.piece], key))
    known, first = np.unique(key[order], return_index=True)
    least = size[ends.piece[order[first]]]
    asked = ends.other[i] * count + ends.node[j]
    at = np.minimum(np.searchsorted(known, asked), known.size - 1)
    own = size[ends.piece[i]]
    more = np.where(known[at] == asked, least[at], np.inf)
    result: F64 = own + np.where(ends.other[i] == ends.node[j], 0.0, more)
    return result


def _clusters(ends: Ends, i: I64, j: I64, far: F64) -> tuple[tuple[I64, I64], I64]:
    """Return (ends, the end they come to) of loose ends near each other, and those refused."""
    both, place = np.unique(np.concatenate([i, j]), return_inverse=True)
    none = np.empty(0, dtype=np.int64)
    if not both.size:
        return (none, none), none
    a, b = place[: i.size], place[i.size :]
    link = coo_array((np.ones(a.size), (a, b)), shape=(both.size, both.size))
    count, group = connected_components(link.tocsr(), directed=False)
    members = np.bincount(group, minlength=count)
    # each end pairs with all others of its group, or the group is wider than the tolerance
    whole = np.bincount(group[a], minlength=count) >= members * (members - 1)
    reach = np.zeros(both.size)
    np.maximum.at(reach, a, far)
    np.maximum.at(reach, b, far)
    xy = ends.xy[both]
    order = np.lexsort((xy[:, 1], xy[:, 0], reach, group))
    _, first = np.unique(group[order], return_index=True)
    centre = order[first][group]
    good = whole[group] & (centre != np.arange(both.size))
    return (both[good], both[centre[good]]), both[~whole[group]]


def _behind(a: I64, b: I64, walls: shapely.STRtree | None) -> Bool:
    """Return where the straight step from one place to another crosses a barrier."""
    result = np.zeros(len(a), dtype=bool)
    if walls is not None and len(a):
        legs = np.asarray(shapely.linestrings(np.stack([a, b], axis=1) / 1000.0), dtype=object)
        leg, wall = walls.query(legs, predicate="intersects")
        through = ~shapely.touches(legs[leg], walls.geometries[wall])
        result[leg[through]] = True
    return result


def _among(xy: I64, places: I64) -> Bool:
    known = {tuple(place) for place in places.tolist()}
    return np.array([tuple(place) in known for place in xy.tolist()], dtype=bool)

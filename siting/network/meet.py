"""Where lines meet, and who stands on which side there.

Two lines *meet* where they come within a millimetre of each other (:data:`EPS_M`): line layers are
joined on the millimetre, so that what was drawn to touch still touches after rounding. What
happens at a meeting is told by its *arms*: the directions in which lines leave the place. The arms
of a barrier cut the full turn into sectors, and two streets are on different sides of it where
they leave in different sectors.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import shapely

I64 = npt.NDArray[np.int64]
F64 = npt.NDArray[np.float64]
Bool = npt.NDArray[np.bool_]
Objects = npt.NDArray[np.object_]

EPS_M = 1e-3
"""Lines nearer than this meet."""

ARM_M = 0.05
"""Directions are taken this far from the place: far enough for a millimetre not to turn them."""

ALONG = 2.0 * EPS_M / ARM_M
"""Directions closer than this (radians) are one direction: the lines run along each other."""


@dataclass(frozen=True)
class Meetings:
    """Places where lines meet other lines.

    Attributes
    ----------
    line, other
        Positions in the two arrays.
    along, other_along
        How far along each the place is, m from its start.
    xy
        The place (n, 2).
    """

    line: I64
    other: I64
    along: F64
    other_along: F64
    xy: F64


@dataclass(frozen=True)
class _Pieces:
    """Lines as straight pieces."""

    start: F64
    stop: F64
    owner: I64
    before: F64  # metres of the line before the piece


def straight_pieces(lines: Objects) -> _Pieces:
    """Return the straight pieces of lines, those of no length left out."""
    xy, of = shapely.get_coordinates(lines, return_index=True)
    if not len(xy):
        empty = np.empty((0, 2))
        return _Pieces(empty, empty, np.empty(0, np.int64), np.empty(0))
    same = of[:-1] == of[1:]
    length = np.where(same, np.hypot(*(xy[1:] - xy[:-1]).T), 0.0)
    run = np.concatenate([[0.0], np.cumsum(length)])[:-1]
    first = np.concatenate([[True], of[1:] != of[:-1]])
    begin = run[np.flatnonzero(first)] if first[:-1].any() else np.zeros(1)
    number = np.cumsum(first)[:-1] - 1
    keep = same & (length > 0)
    before = run - begin[np.minimum(number, begin.size - 1)]
    return _Pieces(xy[:-1][keep], xy[1:][keep], of[:-1][keep].astype(np.int64), before[keep])


def meetings(lines: Objects, others: Objects) -> Meetings:
    """Return every place where one of ``lines`` meets one of ``others``, each once.

    Where two run along each other the ends of the common stretch are among the places, and so may
    be corners within it.

    Examples
    --------
    >>> road = np.array([shapely.LineString([(0, 0), (10, 0)])])
    >>> rail = np.array([shapely.LineString([(4, -5), (4, 5)])])
    >>> meetings(road, rail).along.tolist()
    [4.0]
    """
    nothing = np.empty(0)
    none = Meetings(
        nothing.astype(np.int64), nothing.astype(np.int64), nothing, nothing, np.empty((0, 2))
    )
    if not len(lines) or not len(others):
        return none
    whole = shapely.STRtree(others)
    pairs = whole.query(lines, predicate="dwithin", distance=EPS_M)
    near, met = np.unique(pairs[0]), np.unique(pairs[1])
    p, q = straight_pieces(lines[near]), straight_pieces(others[met])
    if not p.owner.size or not q.owner.size:
        return none
    tree = shapely.STRtree(np.array(shapely.linestrings(np.stack([q.start, q.stop], axis=1))))
    i, j = tree.query(
        shapely.linestrings(np.stack([p.start, p.stop], axis=1)),
        predicate="dwithin",
        distance=EPS_M,
    )
    a, u = p.start[i], p.stop[i] - p.start[i]
    c, v = q.start[j], q.stop[j] - q.start[j]
    long_u, long_v = np.hypot(*u.T), np.hypot(*v.T)
    turn = _cross(u, v)
    found: list[tuple[I64, F64, F64]] = []
    level = np.abs(turn) <= 1e-9 * long_u * long_v
    with np.errstate(invalid="ignore", divide="ignore"):
        s, t = _cross(c - a, v) / turn, _cross(c - a, u) / turn
    inside = ~level & (s >= 0) & (s <= 1) & (t >= 0) & (t <= 1)
    at = np.flatnonzero(inside)
    found.append((at, s[at], t[at]))
    every = np.arange(i.size)
    for end, place in ((0.0, a), (1.0, a + u)):
        t = np.clip(_dot(place - c, v) / long_v**2, 0.0, 1.0)
        close = np.hypot(*(place - c - t[:, None] * v).T) <= EPS_M
        found.append((every[close], np.full(int(close.sum()), end), t[close]))
    for end, place in ((0.0, c), (1.0, c + v)):
        s = np.clip(_dot(place - a, u) / long_u**2, 0.0, 1.0)
        close = np.hypot(*(place - a - s[:, None] * u).T) <= EPS_M
        found.append((every[close], s[close], np.full(int(close.sum()), end)))
    pair = np.concatenate([part[0] for part in found])
    s = np.concatenate([part[1] for part in found])
    t = np.concatenate([part[2] for part in found])
    line = near[p.owner[i[pair]]]
    other = met[q.owner[j[pair]]]
    along = p.before[i[pair]] + s * long_u[pair]
    other_along = q.before[j[pair]] + t * long_v[pair]
    xy = a[pair] + s[:, None] * u[pair]
    # one place is found from several pieces: at most two millimetres apart it is one
    order = np.lexsort((other_along, along, other, line))
    line, other, xy = line[order], other[order], xy[order]
    along, other_along = along[order], other_along[order]
    keep: list[int] = []
    for k in range(order.size):
        for m in reversed(keep):
            if line[m] != line[k] or other[m] != other[k] or along[k] - along[m] > 2 * EPS_M:
                keep.append(k)
                break
            if abs(other_along[m] - other_along[k]) <= 2 * EPS_M:
                break
        else:
            keep.append(k)
    kept = np.array(keep, dtype=np.int64)
    return Meetings(line[kept], other[kept], along[kept], other_along[kept], xy[kept])


def arm(line: shapely.LineString, along: float, *, ahead: bool) -> float | None:
    """Return the direction (radians) in which a line leaves the place ``along`` m from its start.

    None where the line ends there.

    Examples
    --------
    >>> arm(shapely.LineString([(0, 0), (10, 0)]), 10.0, ahead=True) is None
    True
    """
    length = float(shapely.length(line))
    room = length - along if ahead else along
    if room <= EPS_M:
        return None
    step = min(ARM_M, room)
    here = shapely.get_coordinates(shapely.line_interpolate_point(line, along))[0]
    there = shapely.get_coordinates(
        shapely.line_interpolate_point(line, along + step if ahead else along - step)
    )[0]
    return float(np.arctan2(there[1] - here[1], there[0] - here[0]))


@dataclass(frozen=True)
class Star:
    """The arms of barriers at one place, by direction.

    Attributes
    ----------
    angle
        Directions, ascending in (−π, π].
    leaves
        Whether the line as drawn leaves the place by this arm (else it comes in by it).
    key
        Whose arm it is.
    """

    angle: tuple[float, ...]
    leaves: tuple[bool, ...]
    key: tuple[int, ...]

    def sector(self, angle: float) -> int:
        """Return the sector a direction lies in: ``k`` is just past arm ``k``, counterclockwise.

        A direction along an arm counts as on the left of the line as drawn.
        """
        k = self.along(angle)
        if k is not None:
            return self.beside(k, left=self.drawn_left(k, ahead=True), ahead=True)
        return (int(np.searchsorted(self.angle, angle, side="right")) - 1) % len(self.angle)

    def along(self, angle: float) -> int | None:
        """Return the arm that a direction runs along, None where there is none."""
        return next((k for k, own in enumerate(self.angle) if apart(own, angle) <= ALONG), None)

    def beside(self, k: int, *, left: bool, ahead: bool) -> int:
        """Return the sector to the left or right of a walker along arm ``k``.

        ``ahead``: walking away from the place, else towards it.
        """
        return k if left == ahead else (k - 1) % len(self.angle)

    def drawn_left(self, k: int, *, ahead: bool) -> bool:
        """Return whether the left of the line as drawn is the left of a walker along arm ``k``."""
        return self.leaves[k] == ahead


def star(arms: list[tuple[float, bool, int]]) -> Star:
    """Return the arms ``(angle, leaves, key)`` of a place; of several in one direction one.

    Examples
    --------
    >>> both = star([(0.0, True, 7), (3.1, False, 7)])
    >>> both.sector(1.0), both.sector(-1.0)
    (0, 1)
    """
    kept: list[tuple[float, bool, int]] = []
    for one in sorted(arms, key=lambda a: (a[0], a[2], a[1])):
        if all(apart(one[0], other[0]) > ALONG for other in kept):
            kept.append(one)
    return Star(*(tuple(part) for part in zip(*kept, strict=True))) if kept else Star((), (), ())


def apart(a: float, b: float) -> float:
    """Return the angle between two directions, 0 … π."""
    turn = abs(a - b) % (2 * np.pi)
    return float(min(turn, 2 * np.pi - turn))


def _cross(a: F64, b: F64) -> F64:
    result: F64 = a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]
    return result


def _dot(a: F64, b: F64) -> F64:
    result: F64 = (a * b).sum(axis=1)
    return result

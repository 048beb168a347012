"""A line layer as distinct pieces on a millimetre grid, each once however often it is drawn.

Everything here is in whole millimetres, so that "the same place" is exact. A piece runs in its
*own direction*, the one that comes first when its corners are compared, whichever way it was drawn;
pieces are numbered by their corners. So neither the order of rows nor the way a line was drawn
matters to whatever works on pieces, and a million copies of a line are one piece.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

I64 = npt.NDArray[np.int64]
F64 = npt.NDArray[np.float64]
Bool = npt.NDArray[np.bool_]
Objects = npt.NDArray[np.object_]


@dataclass(frozen=True, eq=False)
class Pieces:
    """Distinct pieces, and who draws them.

    Attributes
    ----------
    xy
        int64 (n, 2), corners in mm, piece after piece.
    start
        int64 (m + 1), where each piece begins in ``xy``.
    level
        int64 (m): what lies on another level is another piece.
    separated
        bool (m), of a class that is crossed by bridges only.
    row, part, piece, turned
        Every drawing of a piece: the row of the layer, its part, the piece (−1: all corners on one
        millimetre), and whether it is drawn against the piece's own direction.
    """

    xy: I64
    start: I64
    level: I64
    separated: Bool
    row: I64
    part: I64
    piece: I64
    turned: Bool

    @property
    def first(self) -> I64:
        """Position in ``xy`` of the first corner of each piece."""
        return self.start[:-1]

    @property
    def last(self) -> I64:
        """Position in ``xy`` of the last corner of each piece."""
        return self.start[1:] - 1

    @property
    def of_corner(self) -> I64:
        """The piece of each corner."""
        result: I64 = np.repeat(np.arange(self.level.size), np.diff(self.start))
        return result

    def along(self) -> F64:
        """Return how far along the layer's pieces, laid end to end, each corner lies, mm."""
        step = np.zeros(len(self.xy))
        step[1:] = np.hypot(*np.diff(self.xy, axis=0).astype(float).T)
        step[self.first] = 0.0
        result: F64 = np.cumsum(step)
        return result

    def lengths(self) -> F64:
        """Return the length of each piece, mm."""
        along = self.along()
        result: F64 = along[self.last] - along[self.first]
        return result

    def lines(self) -> Objects:
        """Return the pieces as lines in mm."""
        if not self.level.size:
            return np.empty(0, dtype=object)
        return np.asarray(
            shapely.linestrings(self.xy.astype(float), indices=self.of_corner), dtype=object
        )


def on_grid(geometry: Objects) -> tuple[I64, I64, I64]:
    """Return the parts of lines on the grid: corners (mm), where parts begin, and their rows.

    Corners that fall on the same millimetre as the one before are left out; a part of zero length
    keeps one corner.
    """
    parts, row = shapely.get_parts(geometry, return_index=True)
    metres, part = shapely.get_coordinates(parts, return_index=True)
    # the rounding of from_lines, so that "the same millimetre" means the same to both
    xy = np.rint(np.round(metres, 3) * 1000.0).astype(np.int64)
    fresh = np.ones(len(xy), dtype=bool)
    fresh[1:] = (part[1:] != part[:-1]) | (xy[1:] != xy[:-1]).any(axis=1)
    start = starts(part[fresh], len(parts))
    return xy[fresh], start, np.asarray(row, dtype=np.int64)


def places(*several: I64) -> list[I64]:
    """Return numbers of places, the same for the same place in any of the arrays of corners."""
    xy = np.concatenate(several)
    low = xy.min(axis=0, initial=0)
    span = xy.max(axis=0, initial=0) - low + 1
    if float(span[0]) * float(span[1]) < 2.0**62:
        number, _ = pd.factorize((xy[:, 0] - low[0]) * span[1] + xy[:, 1] - low[1])
    else:
        _, number = np.unique(xy, axis=0, return_inverse=True)
    ends = np.cumsum([len(part) for part in several])[:-1]
    return [part.astype(np.int64) for part in np.split(number.reshape(-1), ends)]


def starts(owner: npt.NDArray[np.integer], count: int) -> I64:
    """Return where each of ``count`` owners begins in a sorted array of owners, plus the end."""
    result: I64 = np.searchsorted(owner, np.arange(count + 1)).astype(np.int64)
    return result


def distinct(
    xy: I64, start: I64, row: I64, level: I64, separated: Bool, *, part: I64 | None = None
) -> Pieces:
    """Return the distinct pieces of parts given by corners; ``level`` and so on are by part."""
    count = len(start) - 1
    part = np.arange(count) if part is None else part
    long = np.flatnonzero(np.diff(start) > 1)
    turned = np.zeros(count, dtype=bool)
    turned[long] = _against(xy, start, long)
    at, size = corners_of(start, long, turned[long])
    piece = np.full(count, -1, dtype=np.int64)
    if not long.size:
        none = np.empty(0, dtype=np.int64)
        return Pieces(
            np.empty((0, 2), np.int64), np.zeros(1, np.int64), none, none.astype(bool),
            row, part, piece, turned,
        )  # fmt: skip
    own = np.repeat(np.arange(long.size), size)
    lines = shapely.linestrings(xy[at].astype(float), indices=own)
    keys = shapely.to_wkb(lines, byte_order=0, include_srid=False)
    told = [key + b"%d" % where for key, where in zip(keys, level[long].tolist(), strict=True)]
    code, names = pd.factorize(np.array(told, dtype=object))
    order = np.array(sorted(range(len(names)), key=names.__getitem__), dtype=np.int64)
    rank = np.empty_like(order)
    rank[order] = np.arange(order.size)
    piece[long] = rank[code]
    _, one = np.unique(piece[long], return_index=True)
    chosen, chosen_size = corners_of(start, long[one], turned[long[one]])
    apart = np.zeros(order.size, dtype=bool)
    np.logical_or.at(apart, piece[long], separated[long])
    return Pieces(
        xy=xy[chosen],
        start=np.concatenate([[0], np.cumsum(chosen_size)]),
        level=level[long[one]],
        separated=apart,
        row=row,
        part=part,
        piece=piece,
        turned=turned,
    )


def corners_of(start: I64, chosen: I64, turned: Bool) -> tuple[I64, I64]:
    """Return positions of the corners of ``chosen`` parts, backwards where turned, and counts."""
    size = np.diff(start)[chosen]
    within = np.arange(int(size.sum())) - np.repeat(np.cumsum(size) - size, size)
    first, last = np.repeat(start[chosen], size), np.repeat(start[chosen + 1] - 1, size)
    at: I64 = np.where(np.repeat(turned, size), last - within, first + within)
    return at, size


def _against(xy: I64, start: I64, chosen: I64) -> Bool:
    """Return which parts are drawn against their own direction: the smaller list of corners."""
    result = np.zeros(chosen.size, dtype=bool)
    open_ = np.ones(chosen.size, dtype=bool)
    first, last = start[chosen], start[chosen + 1] - 1
    step = 0
    # corner by corner from both ends; lines that read the same both ways have no direction
    while open_.any():
        i = np.flatnonzero(open_)
        a, b = first[i] + step, last[i] - step
        open_[i[a >= b]] = False
        i, a, b = i[a < b], a[a < b], b[a < b]
        dx, dy = (xy[a] - xy[b]).T
        less, more = (dx < 0) | ((dx == 0) & (dy < 0)), (dx > 0) | ((dx == 0) & (dy > 0))
        result[i[more]] = True
        open_[i[less | more]] = False
        step += 1
    return result


@dataclass(frozen=True, eq=False)
class Cuts:
    """Where pieces are to be cut.

    Attributes
    ----------
    piece, segment
        The piece, and its segment by its first corner in ``xy``.
    along
        How far along the segment, mm; 0 at its first corner.
    xy
        The place, mm.
    """

    piece: I64
    segment: I64
    along: F64
    xy: I64


def cut(pieces: Pieces, cuts: Cuts) -> tuple[I64, I64, I64]:
    """Return the parts of pieces after cutting: corners, where parts begin, and their piece.

    Parts come piece after piece, in the piece's own direction. A cut within a segment puts a
    corner there.
    """
    inside = cuts.along > 0
    n = len(pieces.xy)
    segment = np.concatenate([np.arange(n), cuts.segment[inside]])
    along = np.concatenate([np.zeros(n), cuts.along[inside]])
    xy = np.concatenate([pieces.xy, cuts.xy[inside]])
    here = np.zeros(len(xy), dtype=bool)
    here[n:] = True
    here[cuts.segment[~inside]] = True
    here[pieces.first] = here[pieces.last] = False
    owner = np.concatenate([pieces.of_corner, cuts.piece[inside]])
    order = np.lexsort((along, segment))
    xy, here, owner = xy[order], here[order], owner[order]
    # a corner where a part ends stands twice: once as its last, once as the next one's first
    twice = np.repeat(np.arange(len(xy)), 1 + here)
    begins = np.zeros(len(twice), dtype=bool)
    begins[1:] = (twice[1:] == twice[:-1]) | (owner[twice[1:]] != owner[twice[:-1]])
    begins[:1] = True
    start = np.append(np.flatnonzero(begins), len(twice)).astype(np.int64)
    return xy[twice], start, owner[twice[start[:-1]]]

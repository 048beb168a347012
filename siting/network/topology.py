"""A line layer without topology → one whose streets end where they meet, and a list of defects.

Lines are drawn through crossings, end short of each other or a little past, lie double. All that is
found, what is safe to mend is mended where asked, and everything is listed with its place, its size
and what was done; ``docs/method-roads.md`` has the rules in a table.
"""

from __future__ import annotations

from itertools import combinations
from typing import Literal, NamedTuple

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from siting.errors import NetworkError
from siting.network.contacts import ONE_PLACE_MM, Contacts, contacts, cuts_of
from siting.network.defects import Found, defects_table
from siting.network.ends import Ends, Steps, closing_moves, closing_steps, ends_of, place_and_level
from siting.network.given import checked_parts
from siting.network.graph import check_metric, drops_table
from siting.network.pieces import Pieces, corners_of, cut, distinct, on_grid, places
from siting.network.rows import Rows, rows_of
from siting.network.speeds import Speeds

Repair = Literal["none", "safe"]

I64 = npt.NDArray[np.int64]
F64 = npt.NDArray[np.float64]
Bool = npt.NDArray[np.bool_]

ROUNDS = 8
"""Closing a gap may bring lines together that were apart, once or twice; this ends any quarrel."""

MOST_NAMED = 20
"""Rows of one overlap that are looked at in pairs, so that a heap of lines stays a short list."""


class Topology(NamedTuple):
    """The layer after mending, its defects, and the rows that are gone."""

    lines: gpd.GeoDataFrame
    defects: gpd.GeoDataFrame
    drops: pd.DataFrame


def topology(
    lines: gpd.GeoDataFrame,
    *,
    snap_m: float = 0.0,
    repair: Repair = "none",
    look_m: float = 5.0,
    barriers: gpd.GeoSeries | None = None,
    speeds: Speeds | None = None,
) -> Topology:
    """List the defects of a line layer and, where asked, mend what is safe to mend.

    Parameters
    ----------
    lines
        The ``roads`` table in a projected CRS in metres, as :func:`from_lines` takes it.
    snap_m
        Tolerance, m: no end moves farther.
    repair
        ``"none"`` changes nothing and lists everything. ``"safe"`` brings loose ends to the nearest
        end, or else line, within ``snap_m``; cuts lines where they meet on the same level; takes
        away stubs of at most ``snap_m`` past a crossing, second drawings of a line with the same
        attributes, and lines of zero length.
    look_m
        How far from a loose end a line is looked for, to be listed; at least ``snap_m``.
    barriers
        What no end is moved across: lines or areas in the same CRS.
    speeds
        Whose classes tell motorways, which are crossed by bridges whatever the layer says.

    Returns
    -------
    Topology
        ``lines``: the rows left, in their order, with ``way_id`` (the 0-based row given; kept where
        there is one) and, where changed, a line for each piece. ``defects``: the ``road_defects``
        table. ``drops``: rows that are gone. Mending what was mended changes nothing; the order of
        rows and the direction of lines do not matter.

    Raises
    ------
    DataError
        Geometries missing or not lines; no CRS, or another one of the barriers.
    NetworkError
        The CRS is not metric, there are no lines, ``snap_m`` or ``look_m`` is not a length, or the
        layer is crowded beyond what can be looked at.

    Examples
    --------
    >>> from shapely import LineString
    >>> roads = gpd.GeoDataFrame(
    ...     {"highway": ["residential", "residential"]},
    ...     geometry=[LineString([(0, 0), (99.5, 0)]), LineString([(100, -50), (100, 50)])],
    ...     crs="EPSG:4547",
    ... )
    >>> found = topology(roads, snap_m=1, repair="safe")
    >>> found.defects[["kind", "size_m", "done"]].values.tolist()
    [['gap', 0.5, 'snapped']]
    >>> [len(shapely.get_parts(g)) for g in found.lines.geometry]
    [1, 2]
    """
    for name, value in (("snap_m", snap_m), ("look_m", look_m)):
        if not (np.isfinite(value) and value >= 0):
            raise NetworkError(f"roads: {name} is {value}; give a length in metres from 0 up.")
    if repair not in ("none", "safe"):
        raise NetworkError(f'roads: repair is {repair!r}; it is "none" or "safe".')
    rows = rows_of(lines, speeds)
    check_metric(lines.crs)
    parts = checked_parts(lines.crs, barriers)
    walls = shapely.STRtree(parts) if len(parts) else None
    work = _Work(rows, snap_m * 1000.0, max(look_m, snap_m) * 1000.0, walls)
    for _ in range(1 if repair == "none" else ROUNDS):
        if not work.round():
            break
    numbered = lines.copy()
    if "way_id" not in numbered.columns:
        numbered["way_id"] = np.arange(len(lines), dtype=np.int64)
    defects = work.found.table(rows.names)
    if repair == "none":
        return Topology(
            numbered, defects_table(defects.assign(done="none"), lines.crs), drops_table([])
        )
    mended, gone = work.result(numbered)
    drops = [("roads", str(name), why, "dropped") for name, why in gone]
    return Topology(mended, defects_table(defects, lines.crs), drops_table(drops))


class _Work:
    """The lines as they are drawn at the moment: parts on the grid, each of a row."""

    def __init__(
        self, rows: Rows, snap_mm: float, look_mm: float, walls: shapely.STRtree | None
    ) -> None:
        self.rows, self.snap, self.look, self.walls = rows, snap_mm, look_mm, walls
        self.xy, self.start, self.row = on_grid(rows.geometry)
        # of rows that draw one street the first by id stays, wherever it stands in the layer
        self.by_id = np.argsort(rows.ids.astype(str), kind="stable")
        self.rank = np.empty_like(self.by_id)
        self.rank[self.by_id] = np.arange(self.by_id.size)
        self.found = Found()
        self.changed = np.zeros(rows.level.size, dtype=bool)
        self.lost = np.zeros(rows.level.size, dtype=bool)
        self.double = np.full(rows.level.size, -1, dtype=np.int64)
        self.told: set[tuple[int, ...]] = set()
        self._no_length()

    def round(self) -> bool:
        """Find and mend everything once; return whether anything was mended on the way."""
        # a piece of a millimetre whose end was moved to its other end is no more
        self._keep(np.diff(self.start) > 1)
        before = (self.xy, self.start, self.row)
        pieces = self._distinct()
        pieces = self._without_doubles(pieces, "duplicate")
        pieces, refused = self._moved(pieces)
        pieces = self._noded(pieces)
        pieces = self._without_doubles(pieces, "overlap")
        self._stepped(pieces, refused)
        now = (self.xy, self.start, self.row)
        return not all(map(np.array_equal, before, now))

    def result(self, lines: gpd.GeoDataFrame) -> tuple[gpd.GeoDataFrame, list[tuple[str, str]]]:
        """Return the layer as it is drawn now, and the rows that are gone with why."""
        count = len(lines)
        kept = np.bincount(self.row, minlength=count) > 0
        made = np.asarray(lines.geometry.array, dtype=object).copy()
        new = np.flatnonzero(self.changed & kept)
        if new.size:
            mine = np.flatnonzero(self.changed[self.row])
            at, size = corners_of(self.start, mine, np.zeros(mine.size, dtype=bool))
            owner = np.repeat(np.arange(mine.size), size)
            drawn = np.asarray(shapely.linestrings(self.xy[at] / 1000.0, indices=owner))
            _, number = np.unique(self.row[mine], return_inverse=True)
            several = np.empty(new.size, dtype=object)
            several[:] = shapely.multilinestrings(drawn, indices=number.reshape(-1))
            one = shapely.get_num_geometries(several) == 1
            several[one] = shapely.get_geometry(several[one], 0)
            # a stated length is of the whole line: of what is left it is that share
            if "length_m" in lines.columns:
                lines = lines.assign(length_m=self._lengths_left(lines, made, new, several))
            made[new] = several
        gone = [
            (
                self.rows.names[i],
                f"drawn a second time over {self.rows.names[self.double[i]]}"
                if self.double[i] >= 0
                else "a line of zero length"
                if not self.lost[i]
                else "drawn over by others",
            )
            for i in np.flatnonzero(~kept).tolist()
        ]
        return lines.set_geometry(made, crs=lines.crs)[kept].reset_index(drop=True), gone

    def _lengths_left(
        self, lines: gpd.GeoDataFrame, made: npt.NDArray[np.object_], new: I64, several: object
    ) -> F64:
        numbers = pd.to_numeric(lines["length_m"], errors="coerce")
        stated: F64 = numbers.to_numpy(dtype=float, na_value=np.nan, copy=True)
        less = self.lost[new]
        share = shapely.length(np.asarray(several)[less]) / shapely.length(made[new[less]])
        stated[new[less]] *= share
        return stated

    # --- rounds -------------------------------------------------------------------------------

    def _distinct(self) -> Pieces:
        return distinct(
            self.xy, self.start, self.row, self.rows.level[self.row], self.rows.separated[self.row]
        )

    def _no_length(self) -> None:
        """List and leave out parts whose corners are all on one millimetre."""
        short = np.flatnonzero(np.diff(self.start) < 2)
        if short.size:
            row = self.row[short]
            self.found.add("zero_length", self.xy[self.start[short]], (row,), 0.0, "removed")
            self.changed[row] = True
            self._keep(np.diff(self.start) > 1)

    def _keep(self, kept: Bool) -> None:
        chosen = np.flatnonzero(kept)
        at, size = corners_of(self.start, chosen, np.zeros(chosen.size, dtype=bool))
        self.xy, self.row = self.xy[at], self.row[chosen]
        self.start = np.concatenate([[0], np.cumsum(size)]).astype(np.int64)

    def _row_of(self, pieces: Pieces) -> I64:
        """Return the first row by id that draws each piece."""
        first = np.full(pieces.level.size, self.by_id.size, dtype=np.int64)
        np.minimum.at(first, pieces.piece, self.rank[pieces.row])
        result: I64 = self.by_id[first]
        return result

    def _without_doubles(self, pieces: Pieces, kind: str) -> Pieces:
        """List what several rows draw alike, and leave out second drawings of one street."""
        count = np.bincount(pieces.piece, minlength=pieces.level.size)
        many = np.flatnonzero(count[pieces.piece] > 1)
        if not many.size:
            return pieces
        piece, row = pieces.piece[many], pieces.row[many]
        sign = self.rows.direction[row] * np.where(pieces.turned[many], -1, 1)
        order = np.lexsort((many, self.rank[row], piece))
        many, piece, row, sign = many[order], piece[order], row[order], sign[order]
        same_street = np.column_stack([piece, self.rows.alike[row], sign])
        _, first, of = np.unique(same_street, axis=0, return_index=True, return_inverse=True)
        keeper = first[of.reshape(-1)]
        again = keeper != np.arange(many.size)
        sizes, middle = pieces.lengths(), pieces.xy[(pieces.first + pieces.last) // 2]
        groups: dict[tuple[int, ...], list[int]] = {}
        bounds = np.flatnonzero(np.diff(piece, prepend=-1))
        for a, b in zip(bounds.tolist(), [*bounds[1:].tolist(), many.size], strict=True):
            groups.setdefault(tuple(row[a:b].tolist()), []).append(a)
        for rows, where in groups.items():
            if kind == "overlap":
                self._upon(pieces, rows, piece[where])
            if rows in self.told:
                continue
            self.told.add(rows)
            those = piece[where]
            whole = int(again[where[0] : where[0] + len(rows)].sum())
            why = "" if whole == len(rows) - 1 else "with other attributes"
            self.found.one(
                kind,
                middle[those[0]],
                rows,
                float(sizes[those].sum()),
                "removed" if whole == len(rows) - 1 else "listed",
                why,
            )
        if not again.any():
            return pieces
        self.lost[row[again]] = self.changed[row[again]] = True
        if kind == "duplicate":
            self.double[row[again]] = row[keeper[again]]
        kept = np.ones(self.row.size, dtype=bool)
        kept[many[again]] = False
        self._keep(kept)
        return self._distinct()

    def _upon(self, pieces: Pieces, rows: tuple[int, ...], those: I64) -> None:
        """Remember where an overlap begins and ends: those meetings need no line of their own."""
        for a, b in combinations(sorted(set(rows))[:MOST_NAMED], 2):
            for end in (pieces.first[those], pieces.last[those]):
                self.found.upon.update((a, b, x, y) for x, y in pieces.xy[end].tolist())

    def _moved(self, pieces: Pieces) -> tuple[Pieces, I64]:
        """Bring loose ends together; return the pieces, and places that were refused."""
        ends, steps, refused = closing_moves(pieces, snap_mm=self.snap, walls=self.walls)
        self._list_gaps(pieces, ends, steps)
        if not steps.end.size:
            return pieces, refused
        # all that is drawn there on the level goes along
        key = place_and_level(pieces, ends)
        order = np.argsort(key[steps.end], kind="stable")
        from_, to = key[steps.end][order], steps.to[order]
        at = np.minimum(np.searchsorted(from_, key), from_.size - 1)
        hit = np.flatnonzero(from_[at] == key)
        piece = ends.piece[hit]
        xy = pieces.xy.copy()
        xy[np.where(ends.last[hit], pieces.last[piece], pieces.first[piece])] = to[at[hit]]
        touched = np.zeros(pieces.level.size, dtype=bool)
        touched[piece] = True
        self._draw(pieces, xy, pieces.start, np.arange(pieces.level.size), touched)
        return self._distinct(), refused

    def _noded(self, pieces: Pieces) -> Pieces:
        """Cut pieces where they meet, take stubs away, and list both."""
        where = contacts(pieces)
        level = pieces.level[where.p] == pieces.level[where.q]
        itself = where.p == where.q
        crossing = ~where.end & ~where.shared
        apart = (pieces.separated[where.p] | pieces.separated[where.q]) & crossing
        bridge = level & apart & (pieces.level[where.p] == 0)
        above = level & itself & crossing & (pieces.level[where.p] != 0)
        join = level & ~bridge & ~above
        cuts = cuts_of(pieces, where[join])
        if not cuts.piece.size:
            self._list_contacts(pieces, where, level, join, bridge, np.empty((0, 3), np.int64))
            return pieces
        xy, start, of = cut(pieces, cuts)
        stub, inner = self._stubs(pieces, xy, start, of)
        self._list_contacts(pieces, where, level, join, bridge, inner)
        trimmed = stub[self._size(xy, start)[stub] <= self.snap]
        kept = np.ones(of.size, dtype=bool)
        kept[trimmed] = False
        chosen = np.flatnonzero(kept)
        at, size = corners_of(start, chosen, np.zeros(chosen.size, dtype=bool))
        several = np.bincount(of, minlength=pieces.level.size) > 1
        begins = np.concatenate([[0], np.cumsum(size)]).astype(np.int64)
        self._draw(pieces, xy[at], begins, of[chosen], several)
        return self._distinct()

    def _stepped(self, pieces: Pieces, refused: I64) -> None:
        """Close the gaps that are left with a straight step, and list all."""
        ends, steps = closing_steps(
            pieces, snap_mm=self.snap, look_mm=self.look, walls=self.walls, left=refused
        )
        self._list_gaps(pieces, ends, steps)
        done = np.flatnonzero(steps.closed)
        if not done.size:
            return
        self.found.mended_ends.update(map(tuple, steps.to[done].tolist()))
        at_last = ends.last[steps.end[done]]
        piece = ends.piece[steps.end[done]]
        # a step of rounding moves the corner: a further corner beside it would be one more stub
        small = steps.size[done] <= ONE_PLACE_MM
        corner = np.where(at_last, pieces.last[piece], pieces.first[piece])[small]
        moved = pieces.xy.copy()
        moved[corner] = steps.to[done][small]
        where = np.where(at_last, pieces.start[piece + 1], pieces.start[piece])[~small]
        xy = np.insert(moved, where, steps.to[done][~small], axis=0)
        grown = np.bincount(piece[~small], minlength=pieces.level.size)
        start = pieces.start + np.concatenate([[0], np.cumsum(grown)])
        more = np.bincount(piece, minlength=pieces.level.size)
        self._draw(pieces, xy, start, np.arange(pieces.level.size), more > 0)

    def _draw(self, pieces: Pieces, xy: I64, start: I64, of: I64, changed: Bool) -> None:
        """Draw every row anew from parts of its pieces; ``of`` is the piece of each part."""
        first = np.searchsorted(of, np.arange(pieces.level.size + 1))
        count = np.diff(first)[pieces.piece]
        within = np.arange(int(count.sum())) - np.repeat(np.cumsum(count) - count, count)
        turned = np.repeat(pieces.turned, count)
        a, b = np.repeat(first[pieces.piece], count), np.repeat(first[pieces.piece + 1] - 1, count)
        part = np.where(turned, b - within, a + within)
        at, size = corners_of(start, part, turned)
        self.row = np.repeat(pieces.row, count)
        self.xy = xy[at]
        self.start = np.concatenate([[0], np.cumsum(size)]).astype(np.int64)
        self.changed[pieces.row[changed[pieces.piece]]] = True
        # a corner that came to lie on its neighbour
        own = np.repeat(np.arange(size.size), size)
        fresh = np.ones(len(self.xy), dtype=bool)
        fresh[1:] = (own[1:] != own[:-1]) | (self.xy[1:] != self.xy[:-1]).any(axis=1)
        self.xy = self.xy[fresh]
        self.start = np.searchsorted(own[fresh], np.arange(size.size + 1)).astype(np.int64)

    # --- what is found ------------------------------------------------------------------------

    @staticmethod
    def _size(xy: I64, start: I64) -> F64:
        step = np.zeros(len(xy))
        step[1:] = np.hypot(*np.diff(xy, axis=0).astype(float).T)
        step[start[:-1]] = 0.0
        along = np.cumsum(step)
        result: F64 = along[start[1:] - 1] - along[start[:-1]]
        return result

    def _stubs(self, pieces: Pieces, xy: I64, start: I64, of: I64) -> tuple[I64, I64]:
        """Return parts past the outermost crossing of a piece that nothing else joins.

        A piece that would be gone with them has none. ``inner`` is where each begins.
        """
        parts = distinct(xy, start, of, pieces.level[of], pieces.separated[of])
        ends: Ends = ends_of(parts)
        spot, first, last = places(ends.xy, xy[start[:-1]], xy[start[1:] - 1])
        degree = np.zeros(int(spot.max(initial=-1)) + 1, dtype=np.int64)
        degree[spot] = ends.degree
        head, tail = degree[first], degree[last]
        n = of.size
        opens, closes = np.ones(n, dtype=bool), np.ones(n, dtype=bool)
        opens[1:] = closes[:-1] = of[1:] != of[:-1]
        # millimetres beside a corner are rounding, not drawing
        size = self._size(xy, start)
        short = (size > ONE_PLACE_MM) & (size <= self.look)
        at_head = opens & ~closes & (head == 1) & (tail > 1) & short
        at_tail = closes & ~opens & (tail == 1) & (head > 1) & short
        lone = np.bincount(of[at_head | at_tail], minlength=pieces.level.size)
        whole = np.bincount(of, minlength=pieces.level.size)
        stub = np.flatnonzero((at_head | at_tail) & (lone[of] < whole[of]))
        inner = np.where(at_head[stub, None], xy[start[stub + 1] - 1], xy[start[stub]])
        outer = np.where(at_head[stub, None], xy[start[stub]], xy[start[stub + 1] - 1])
        size = size[stub]
        row = self._row_of(pieces)[of[stub]]
        cut_off = size <= self.snap
        for some, done in ((cut_off, "removed"), (~cut_off, "listed")):
            why = "" if done == "removed" else "longer than snap_m"
            self.found.add("overshoot", outer[some], (row[some],), size[some], done, why)
        self.lost[pieces.row[np.isin(pieces.piece, of[stub[cut_off]])]] = True
        return stub, np.column_stack([of[stub], inner])

    def _list_contacts(
        self,
        pieces: Pieces,
        where: Contacts,
        level: Bool,
        join: Bool,
        bridge: Bool,
        inner: I64,
    ) -> None:
        """List crossings and touches, but for those told as the overshoot of one of their lines."""
        known = {tuple(place) for place in inner.tolist()}
        told = np.zeros(where.p.size, dtype=bool)
        if known:
            for side in (where.p, where.q):
                told |= np.array(
                    [
                        (piece, x, y) in known
                        for piece, (x, y) in zip(side.tolist(), where.xy.tolist(), strict=True)
                    ],
                    dtype=bool,
                )
        row = self._row_of(pieces)
        itself = where.p == where.q
        unlike = ~level & where.end
        for kind, some, done, why in (
            ("self_crossing", join & itself, "noded", ""),
            ("self_crossing", level & itself & ~join, "listed", "may be a bridge over itself"),
            ("unnoded_end", join & ~itself & where.end & ~told, "noded", ""),
            ("unnoded_crossing", join & ~itself & ~where.end & ~told, "noded", ""),
            ("bridge_like_junction", bridge & ~itself, "listed", "no level is given"),
            ("bridge_like_junction", unlike, "listed", "an end on a line of another level"),
        ):
            both = (row[where.p[some]], row[where.q[some]])
            self.found.add(kind, where.xy[some], both, np.nan, done, why)

    def _list_gaps(self, pieces: Pieces, ends: Ends, steps: Steps) -> None:
        row = self._row_of(pieces)
        place = ends.xy[steps.end]
        both = (row[ends.piece[steps.end]], row[steps.near])
        for why in sorted(set(steps.why.tolist())):
            some = steps.why == why
            pair = (both[0][some], both[1][some])
            done = "listed" if why else "snapped"
            self.found.add("gap", place[some], pair, steps.size[some], done, why)

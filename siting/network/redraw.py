"""A network with edges cut, removed or added: on its arrays, nothing is read again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from siting.network.graph import RoadNetwork, assemble, joined_drops
from siting.network.meet import EPS_M

I64 = npt.NDArray[np.int64]
F64 = npt.NDArray[np.float64]

BY_EDGE = (
    "tail", "head", "length_mm", "forward_ms", "backward_ms", "stoppable", "highway", "geometry",
    "way_id", "bridge", "tunnel",
)  # fmt: skip


def share(whole: int, part_mm: int, length_mm: int) -> int:
    """Return the part of ``whole`` on the first ``part_mm`` of an edge, rounded half up.

    Examples
    --------
    >>> share(100, 1, 8)
    13
    """
    return (whole * part_mm + length_mm // 2) // max(length_mm, 1)


def stretch(line: shapely.LineString, start_m: float, stop_m: float) -> shapely.LineString:
    """Return the part of a line between two places on it, its corners kept.

    Examples
    --------
    >>> stretch(shapely.LineString([(0, 0), (4, 0), (4, 4)]), 2, 5).wkt
    'LINESTRING (2 0, 4 0, 4 1)'
    """
    xy = shapely.get_coordinates(line)
    along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(xy, axis=0).T))])
    within = (along > start_m + EPS_M / 10) & (along < stop_m - EPS_M / 10)
    ends = [[np.interp(at, along, xy[:, axis]) for axis in (0, 1)] for at in (start_m, stop_m)]
    if stop_m >= along[-1] - EPS_M / 10:
        ends[1] = xy[-1].tolist()
    if start_m <= EPS_M / 10:
        ends[0] = xy[0].tolist()
    return shapely.LineString([ends[0], *xy[within].tolist(), ends[1]])


class Draft:
    """A network on the drawing board.

    Edges that are not touched keep their numbers; pieces of a cut edge stand where it stood, new
    edges come last. Nodes without an edge go. Once finished, ``origin`` is by new edge the old one
    it is or is a piece of (−1 for an added one), and ``start_mm`` where on that it begins.
    """

    def __init__(self, network: RoadNetwork) -> None:
        self.network = network
        self.node_xy: list[tuple[float, float]] = []
        self.node_like: list[int] = []
        self.tail = network.tail.astype(np.int64)
        self.head = network.head.astype(np.int64)
        self.forward = network.forward_ms.copy()
        self.backward = network.backward_ms.copy()
        self.gone = np.zeros(network.tail.size, dtype=bool)
        self.rows: list[dict[str, Any]] = []
        self.place: list[tuple[int, int]] = []
        self.starts: list[int] = []
        self.origin: I64 = np.arange(network.tail.size)
        self.start_mm: I64 = np.zeros(network.tail.size, dtype=np.int64)

    def new_node(self, x: float, y: float, like: int = -1) -> int:
        """Return the position of a new node; with ``like`` it has that node's delay and lights."""
        self.node_xy.append((x, y))
        self.node_like.append(like)
        return self.network.node_id.size + len(self.node_xy) - 1

    def split(
        self,
        edge: int,
        at_m: Sequence[float],
        nodes: Sequence[tuple[int, int]],
        keep: Sequence[bool] | None = None,
    ) -> None:
        """Cut an edge at places on its line.

        Parameters
        ----------
        edge
            Position of the edge.
        at_m
            Metres from the start of its line, ascending.
        nodes
            For each place the node that the piece before it ends at and the node that the piece
            after it starts from: the same where the street goes on, two where it is cut.
        keep
            For each of the pieces (one more than places) whether it stays.

        Lengths and times are shared out by length and add up to those of the whole exactly.
        """
        network = self.network
        line = network.geometry[edge]
        drawn = float(shapely.length(line))
        length = int(network.length_mm[edge])
        cuts = [0, *(int(np.floor(a / drawn * length + 0.5)) for a in at_m), length]
        metres = [0.0, *at_m, drawn]
        tails = [int(self.tail[edge]), *(after for _, after in nodes)]
        heads = [*(before for before, _ in nodes), int(self.head[edge])]
        times = [int(self.forward[edge]), int(self.backward[edge])]
        self.gone[edge] = True
        for k in range(len(cuts) - 1):
            if keep is not None and not keep[k]:
                continue
            row = {name: getattr(network, name)[edge] for name in BY_EDGE}
            row |= {
                "tail": tails[k],
                "head": heads[k],
                "length_mm": cuts[k + 1] - cuts[k],
                "geometry": stretch(line, metres[k], metres[k + 1]),
            }
            for name, whole in zip(("forward_ms", "backward_ms"), times, strict=True):
                row[name] = whole
                if whole >= 0:
                    row[name] = share(whole, cuts[k + 1], length) - share(whole, cuts[k], length)
            self.place.append((edge, k))
            self.starts.append(cuts[k])
            self.rows.append(row)

    def add(self, row: dict[str, Any]) -> None:
        """Add an edge: a value for each of :data:`BY_EDGE`."""
        self.place.append((self.network.tail.size, len(self.rows)))
        self.starts.append(0)
        self.rows.append(row)

    def finished(self, drops: pd.DataFrame) -> RoadNetwork:
        """Return the network as drawn, ``drops`` listed behind its own."""
        network = self.network
        old = np.flatnonzero(~self.gone)
        order = np.lexsort(
            (
                np.concatenate([np.zeros(old.size, np.int64), [k for _, k in self.place]]),
                np.concatenate([old, [e for e, _ in self.place]]),
            )
        )
        origin = np.concatenate([old, [e for e, _ in self.place]]).astype(np.int64)[order]
        self.origin = np.where(origin < network.tail.size, origin, -1)
        self.start_mm = np.concatenate([np.zeros(old.size, np.int64), self.starts])[order]
        self.start_mm = self.start_mm.astype(np.int64)
        own = {"tail": self.tail, "head": self.head}
        own |= {"forward_ms": self.forward, "backward_ms": self.backward}
        columns: dict[str, Any] = {}
        for name in BY_EDGE:
            base = own.get(name, getattr(network, name))
            more = np.empty(len(self.rows), dtype=base.dtype)
            more[:] = [row[name] for row in self.rows]
            columns[name] = np.concatenate([base[old], more])[order]
        count = network.node_id.size + len(self.node_xy)
        like = np.concatenate([np.arange(network.node_id.size), self.node_like]).astype(np.int64)
        top = int(network.node_id.max(initial=-1))
        ids = np.concatenate([network.node_id, top + 1 + np.arange(len(self.node_xy))])
        xy = np.concatenate([network.node_xy, np.array(self.node_xy).reshape(-1, 2)])
        used = np.unique(np.concatenate([columns["tail"], columns["head"]])).astype(np.int64)
        number = np.full(count, -1, dtype=np.int64)
        number[used] = np.arange(used.size)
        columns["tail"], columns["head"] = number[columns["tail"]], number[columns["head"]]
        known = like[used] >= 0
        source = np.maximum(like[used], 0)
        return assemble(
            mode=network.mode,
            access_kph=network.access_kph,
            crs=network.crs,
            node_id=ids[used],
            node_xy=xy[used],
            half_delay_ms=np.where(known, network.half_delay_ms[source], 0),
            signal=known & network.signal[source],
            drops=joined_drops([network.drops, drops]),
            **columns,
        )

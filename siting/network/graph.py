"""The road network: arrays of nodes and edges, their components and their version."""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyproj
import shapely
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from siting.errors import NetworkError, first_ids
from siting.kernels import compressed_rows, order_along_curve
from siting.network.speeds import Mode

I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]
F64 = npt.NDArray[np.float64]
Bool = npt.NDArray[np.bool_]
Objects = npt.NDArray[np.object_]

DROP_COLUMNS = ("table", "row", "what", "action")


@dataclass(frozen=True, eq=False)
class RoadNetwork:
    """Streets as one mode uses them.

    An edge is a street between two junctions; it is one row whether it may be travelled one way or
    both, so that two points on one street are on one edge. Attributes ending in ``_ms`` and
    ``_mm`` are integers; see ``docs/method-travel-time.md``.

    Attributes
    ----------
    mode
        One of :data:`siting.network.MODES`.
    access_kph
        Speed of the leg between a point and its edge, km/h.
    crs
        Projected, metric.
    node_id
        int64 (n), unique: OSM ids, or positions for other sources.
    node_xy
        float64 (n, 2), metres in ``crs``.
    tail, head
        int32 (m), positions of the end nodes.
    length_mm
        int64 (m).
    forward_ms, backward_ms
        int64 (m), time tail → head and head → tail; −1 where that direction is not allowed.
    stoppable
        bool (m): a point may attach here (no motorways, tunnels, bridges).
    highway
        str (m).
    geometry
        LineString (m), from tail to head, in ``crs``.
    way_id
        int64 (m), where the edge comes from: the OSM way (the smallest, where several were
        joined) or the 0-based row of the line layer.
    bridge, tunnel
        bool (m).
    half_delay_ms
        int64 (n), half of what it takes to pass a junction: one half is paid on coming to it and
        one on leaving it, so that a way costs the same read from either end.
    signal
        bool (n), traffic lights stand here.
    component
        int32 (n), weakly connected component, numbered by smallest node position.
    component_km
        float64, length of each component.
    version
        SHA-256 of all the above.
    drops
        ``table``, ``row``, ``what``, ``action``: everything in the source that is not in the
        network as given. ``row`` is an OSM id (``w12``, ``n3``), a row of the layer, or empty
        where one line stands for many.
    """

    mode: Mode
    access_kph: float
    crs: pyproj.CRS
    node_id: I64
    node_xy: F64
    tail: I32
    head: I32
    length_mm: I64
    forward_ms: I64
    backward_ms: I64
    stoppable: Bool
    highway: Objects
    geometry: Objects
    way_id: I64
    bridge: Bool
    tunnel: Bool
    half_delay_ms: I64
    signal: Bool
    component: I32 = field(repr=False)
    component_km: F64 = field(repr=False)
    version: str
    drops: pd.DataFrame = field(repr=False)

    @cached_property
    def arrivals(self) -> tuple[I64, I32, I64]:
        """The reversed graph in compressed rows: by node, the arcs that arrive there.

        ``indptr`` (n + 1), ``source`` (int32, where each arc comes from) and ``arc``: its edge
        where it runs tail → head, edge + m where it runs head → tail.
        """
        m = self.tail.size
        arc = np.concatenate(
            [np.flatnonzero(self.forward_ms >= 0), m + np.flatnonzero(self.backward_ms >= 0)]
        )
        ends = np.concatenate([self.head, self.tail])[arc]
        indptr, order = compressed_rows(ends, rows=self.node_id.size)
        source = np.concatenate([self.tail, self.head])[arc[order]]
        return indptr, source, arc[order]

    @cached_property
    def arrivals_by_place(self) -> tuple[I32, I64, I32, I64]:
        """``arrivals`` with nodes numbered along a curve through the plane, for searches.

        ``rank`` (int32, the number of each node), then ``indptr``, ``source`` and ``arc`` as in
        ``arrivals``, with nodes by their rank. Files number nodes by when they were drawn; here
        neighbours lie close in memory, and searches take half the time.
        """
        indptr, source, arc = self.arrivals
        order = order_along_curve(self.node_xy)
        rank = np.empty(order.size, dtype=np.int32)
        rank[order] = np.arange(order.size, dtype=np.int32)
        size = np.diff(indptr)[order]
        start = np.concatenate([[0], np.cumsum(size)])
        entry = np.arange(start[-1]) + np.repeat(indptr[order] - start[:-1], size)
        return rank, start, rank[source[entry]], arc[entry]

    @cached_property
    def ms_by_place(self) -> I64:
        """The time over each arc of ``arrivals_by_place``, half of the delay at both its ends."""
        rank, indptr, source, arc = self.arrivals_by_place
        ms: I64 = np.concatenate([self.forward_ms, self.backward_ms])[arc]
        if self.half_delay_ms.any():
            delay = np.empty_like(self.half_delay_ms)
            delay[rank] = self.half_delay_ms
            ms = ms + delay[source] + np.repeat(delay, np.diff(indptr))
        return ms

    @cached_property
    def mm_by_place(self) -> I64:
        """The length of each arc of ``arrivals_by_place``."""
        result: I64 = np.concatenate([self.length_mm, self.length_mm])[self.arrivals_by_place[3]]
        return result

    @cached_property
    def strong_parts(self) -> tuple[I32, I64]:
        """The strongly connected part of each node, and (part, part) for every way onward.

        The ways onward, (p, 2), are sorted and distinct; they make no round.
        """
        n = self.node_id.size
        indptr, source, _ = self.arrivals
        arrive = np.repeat(np.arange(n), np.diff(indptr))
        arcs = coo_array((np.ones(source.size, dtype=np.int32), (source, arrive)), shape=(n, n))
        parts, part = connected_components(arcs.tocsr(), directed=True, connection="strong")
        across = part[source] != part[arrive]
        packed = part[source[across]].astype(np.int64) * parts + part[arrive[across]]
        return part, np.stack(np.divmod(np.unique(packed), max(parts, 1)), axis=1)

    def __repr__(self) -> str:
        """Return the size in a line."""
        return (
            f"RoadNetwork(mode={self.mode!r}, nodes={self.node_id.size}, edges={self.tail.size}, "
            f"km={self.length_mm.sum() / 1e6:.1f}, components={self.component_km.size}, "
            f"version={self.version[:12]!r})"
        )


def assemble(
    *,
    mode: Mode,
    access_kph: float,
    crs: pyproj.CRS,
    node_id: npt.ArrayLike,
    node_xy: npt.ArrayLike,
    tail: npt.ArrayLike,
    head: npt.ArrayLike,
    length_mm: npt.ArrayLike,
    forward_ms: npt.ArrayLike,
    backward_ms: npt.ArrayLike,
    stoppable: npt.ArrayLike,
    highway: Iterable[str],
    geometry: npt.ArrayLike,
    way_id: npt.ArrayLike,
    bridge: npt.ArrayLike,
    tunnel: npt.ArrayLike,
    drops: pd.DataFrame,
    half_delay_ms: npt.ArrayLike | None = None,
    signal: npt.ArrayLike | None = None,
) -> RoadNetwork:
    """Return the network of these arrays, with components and version worked out.

    Without ``half_delay_ms`` junctions take no time, without ``signal`` there are no lights.

    Raises
    ------
    NetworkError
        ``crs`` is not projected in metres, there is no edge, the arrays contradict each other, or
        an edge is so long (thousands of km) that parts of it would leave 64 bits.
    """
    check_metric(crs)
    ids = np.asarray(node_id, dtype=np.int64)
    xy = np.asarray(node_xy, dtype=np.float64).reshape(-1, 2)
    tails = np.asarray(tail, dtype=np.int32)
    heads = np.asarray(head, dtype=np.int32)
    lengths = np.asarray(length_mm, dtype=np.int64)
    forward = np.asarray(forward_ms, dtype=np.int64)
    backward = np.asarray(backward_ms, dtype=np.int64)
    if not tails.size:
        raise NetworkError(_nothing_left(mode, drops))
    if not (np.diff(ids) > 0).all() and np.unique(ids).size != ids.size:
        raise NetworkError("roads: node ids repeat. Give every node an id of its own.")
    delay = np.zeros(ids.size, dtype=np.int64)
    if half_delay_ms is not None:
        delay = np.asarray(half_delay_ms, dtype=np.int64)
    if delay.shape != ids.shape or (delay < 0).any():
        raise NetworkError("roads: junction delays are not one per node, from 0 up.")
    lights = np.zeros(ids.size, dtype=np.bool_)
    if signal is not None:
        lights = np.asarray(signal, dtype=np.bool_)
    if (lengths < 0).any() or ((forward < 0) & (backward < 0)).any():
        raise NetworkError("roads: an edge of negative length, or closed in both directions.")
    # parts of an edge are shared out by length: their products must stay within 64 bits
    most = np.maximum(lengths, np.maximum(forward, backward)).astype(np.float64)
    huge = np.flatnonzero(most * lengths >= 2.0**62)
    if huge.size:
        named = first_ids([f"way {way}" for way in np.asarray(way_id)[huge].tolist()])
        raise NetworkError(
            f"roads: {huge.size} edges are too long or too slow to share out ({named}; the longest "
            f"has {int(lengths[huge].max()) / 1e6:.0f} km). Correct length_m or the speed."
        )
    component, km = weak_components(tails, heads, lengths, nodes=ids.size)
    words = np.empty(tails.size, dtype=object)
    words[:] = [str(word) for word in highway]
    parts: dict[str, Any] = {
        "node_id": ids,
        "node_xy": xy,
        "tail": tails,
        "head": heads,
        "length_mm": lengths,
        "forward_ms": forward,
        "backward_ms": backward,
        "stoppable": np.asarray(stoppable, dtype=np.bool_),
        "way_id": np.asarray(way_id, dtype=np.int64),
        "bridge": np.asarray(bridge, dtype=np.bool_),
        "tunnel": np.asarray(tunnel, dtype=np.bool_),
        "half_delay_ms": delay,
        "signal": lights,
    }
    lines = np.asarray(geometry, dtype=object)
    digest = hashlib.sha256(f"{mode}|{access_kph!r}|{crs.to_wkt()}".encode())
    for name, array in parts.items():
        array.setflags(write=False)
        digest.update(name.encode() + np.ascontiguousarray(array).tobytes())
    digest.update("\n".join(words.tolist()).encode())
    digest.update(b"".join(shapely.to_wkb(lines, byte_order=1).tolist()))
    return RoadNetwork(
        mode=mode,
        access_kph=float(access_kph),
        crs=crs,
        highway=words,
        geometry=lines,
        component=component,
        component_km=km,
        version=digest.hexdigest(),
        drops=drops.reset_index(drop=True),
        **parts,
    )


def changed(network: RoadNetwork, **arrays: Any) -> RoadNetwork:
    """Return the network with some of the arrays of :func:`assemble` replaced, made anew.

    Components and version are worked out again, which ``dataclasses.replace`` would not do.

    Examples
    --------
    >>> import geopandas as gpd
    >>> from siting.network import from_lines
    >>> roads = gpd.GeoDataFrame(
    ...     {"highway": ["residential"]}, geometry=[shapely.LineString([(0, 0), (60, 0)])], crs=4547
    ... )
    >>> network = from_lines(roads, mode="walk")
    >>> slow = changed(network, forward_ms=2 * network.forward_ms)
    >>> slow.forward_ms.tolist(), slow.version == network.version
    ([120000], False)
    """
    kept = {
        name: getattr(network, name)
        for name in inspect.signature(assemble).parameters
        if name not in arrays
    }
    return assemble(**kept, **arrays)


def same_streets(one: RoadNetwork, other: RoadNetwork) -> bool:
    """Tell whether points attach to two networks alike: they differ in times only.

    Examples
    --------
    >>> import geopandas as gpd
    >>> from siting.network import from_lines, read_speeds
    >>> roads = gpd.GeoDataFrame(
    ...     {"highway": ["residential"]}, geometry=[shapely.LineString([(0, 0), (60, 0)])], crs=4547
    ... )
    >>> adults = from_lines(roads, mode="walk")
    >>> same_streets(adults, from_lines(roads, mode="walk", speeds=read_speeds().walking_at(3.0)))
    True
    """
    alike = ("tail", "head", "length_mm", "stoppable")
    return (
        one.crs == other.crs
        and all(np.array_equal(getattr(one, name), getattr(other, name)) for name in alike)
        and all(
            np.array_equal(of(one.geometry), of(other.geometry))
            for of in (shapely.get_num_coordinates, shapely.get_coordinates)
        )
    )


def weak_components(tail: I32, head: I32, length_mm: I64, *, nodes: int) -> tuple[I32, F64]:
    """Return the component of each node and the km of each component.

    Components ignore direction and are numbered by their smallest node position, so that their
    numbers do not depend on the order of edges.
    """
    link = coo_array((np.ones(tail.size, dtype=np.int32), (tail, head)), shape=(nodes, nodes))
    count, label = connected_components(link.tocsr(), directed=False)
    _, first = np.unique(label, return_index=True)
    number = np.empty(count, dtype=np.int32)
    number[np.argsort(first)] = np.arange(count, dtype=np.int32)
    component: I32 = number[label]
    # summed as integers: the same whatever the order of edges
    total = np.zeros(count, dtype=np.int64)
    np.add.at(total, component[tail], length_mm)
    return component, total / 1e6


def _nothing_left(mode: Mode, drops: pd.DataFrame) -> str:
    """Say that no street is open to a mode, and what became of those there were."""
    told = list(dict.fromkeys(f"{row.what}: {row.action}" for row in drops.itertuples()))
    told = [*told[:3], f"and {len(told) - 3} more"] if len(told) > 3 else told
    became = f" ({'; '.join(told)})" if told else ""
    return (
        f"roads: no edge is left for mode {mode!r}{became}. A network needs at least one street "
        "open to the mode: look at the road classes, the study area, the barriers and, where a "
        "plan was asked, at the streets it closes."
    )


def check_metric(crs: pyproj.CRS) -> None:
    """Raise NetworkError unless ``crs`` is projected with metres on both axes."""
    metric = crs.is_projected and all(
        abs(axis.unit_conversion_factor - 1.0) < 1e-12 for axis in crs.axis_info[:2]
    )
    if not metric:
        raise NetworkError(
            f"roads: {crs.name} is not a projected CRS in metres. "
            "Pass the working CRS of the study (siting.crs.working_crs)."
        )


def drops_table(rows: Iterable[tuple[str, str, str, str]]) -> pd.DataFrame:
    """Return ``(table, row, what, action)`` tuples as a table."""
    return pd.DataFrame(list(rows), columns=list(DROP_COLUMNS), dtype="str")


def joined_drops(tables: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """Return several tables of drops as one."""
    kept = [table for table in tables if len(table)]
    return pd.concat(kept, ignore_index=True) if kept else drops_table([])

"""Sites and thresholds → the ground that is proved to lie within them."""

from __future__ import annotations

import math
import threading
from collections.abc import Sequence
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from siting import kernels
from siting.errors import NetworkError
from siting.isochrone.lattice import DEPTH, Lattice, lattice
from siting.isochrone.outline import Rings, joined, polygons, rings
from siting.kernels import NEVER
from siting.network import RoadNetwork, barrier_parts, check_reach, usable_edges
from siting.travel_time.question import Impedance, Question

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]
Objects = npt.NDArray[np.object_]

NO_RINGS = Rings(np.empty((0, 2)), np.zeros(1, dtype=np.int64), np.empty(0, dtype=np.int64))

FINEST_M, BESIDE_BARRIERS_M = 8.0, 3.0
"""Side of the finest cells; smaller beside barriers, where cells are whole or not at all."""
MOST_CELLS = 8_000_000
"""Cells of the box round one area, at four bytes each; where there would be more, larger ones."""


def service_areas(
    network: RoadNetwork,
    site_at: pd.DataFrame,
    *,
    thresholds: Sequence[int],
    max_access_m: float,
    min_component_km: float,
    barriers: gpd.GeoSeries | None = None,
    impedance: Impedance = "time",
    dissolve: bool = False,
    cell_m: float | None = None,
    threads: int | None = None,
) -> gpd.GeoDataFrame:
    """Return the ground from which each site is within each threshold.

    A place is claimed only if a demand point put there would be covered: attached by the same
    rules, its access leg counted and crossing no barrier, on the way from the place to the site.
    Claimed are cells of a lattice that are proved whole: every street that is nearest to some
    point of the cell must be within the threshold from every point of it. Along the edge cells
    are cut where a bound that is convex over the cell says so. What cannot be proved is left
    out, so that areas are a little too small and never too large.

    Parameters
    ----------
    network, site_at, impedance
        As :func:`siting.travel_time.nearest`; a site may have several rows.
    thresholds
        In ms or mm; at most 254 of them.
    max_access_m, min_component_km, barriers
        As :func:`siting.network.attach` had them: by these a demand point would be attached.
    dissolve
        One area for all sites together, under ``site_id`` ``""``.
    cell_m
        Side of the finest cells. 8 m, or 3 m where barriers are given, unless the box that can be
        reached within the largest threshold would hold more than 8 million of them; then twice as
        large until it does not.
    threads
        Threads to work with; all by default. Changes nothing but the time taken.

    Returns
    -------
    GeoDataFrame
        One row per site and threshold, sorted by them: ``site_id``, ``threshold``, ``impedance``,
        ``cell_m``, ``area_m2`` and a MultiPolygon, empty where nothing is claimed. A larger
        threshold holds the smaller ones; holes are kept.

    Raises
    ------
    DataError
        Attachments are not of this network; barriers are in another CRS, or neither lines nor
        areas.
    NetworkError
        Thresholds, ``cell_m``, ``max_access_m`` or ``min_component_km`` are none.

    Examples
    --------
    At 1 m/s and with legs of 100 m at most the ground within 200 s is a diamond whose upper and
    lower tips are cut off: 60,000 m².

    >>> from shapely import LineString, Point
    >>> from siting.network import attach, from_lines
    >>> roads = gpd.GeoDataFrame(
    ...     {"highway": ["residential"]}, geometry=[LineString([(0, 0), (1000, 0)])], crs=4547
    ... )
    >>> network = from_lines(roads, mode="walk")
    >>> rules = {"max_access_m": 100, "min_component_km": 0}
    >>> at = attach(network, gpd.GeoSeries([Point(500, 0)], index=["S1"], crs=4547), **rules)
    >>> areas = service_areas(network, at, thresholds=[200_000], **rules)
    >>> 0.95 * 60_000 < areas["area_m2"].iloc[0] <= 60_000
    np.True_
    """
    limits = _checked(thresholds, cell_m)
    check_reach(max_access_m, min_component_km)
    workers = threads or kernels.default_threads()
    ask = Question(network, site_at.iloc[:0], site_at, impedance, int(limits[-1]))
    parts = barrier_parts(network, barriers)
    usable = usable_edges(network, min_component_km)
    reach_m = _reach_m(ask, int(limits[-1])) + max_access_m
    bounds = shapely.bounds(network.geometry)
    boxes = _boxes(bounds, ask.entry_edge, reach_m, max_access_m)
    finest = BESIDE_BARRIERS_M if len(parts) else FINEST_M
    side = cell_m or _cell_m(_all(boxes) if dissolve and len(boxes) else boxes, finest)
    names = [""] if dissolve else ask.site_id.tolist()
    shapes = np.full((len(names), limits.size), shapely.MultiPolygon(), dtype=object)
    if len(boxes) and usable.any():
        ground = lattice(
            network, usable, tuple(_all(boxes)[0].tolist()),
            cell_m=side, max_access_m=max_access_m, barriers=parts, threads=workers,
        )  # fmt: skip
        work = _Work(ask, ground, limits, max_access_m, bounds, boxes)
        if dissolve:
            found = work.together(workers)
        else:
            blocks = kernels.parallel_blocks(work.each, len(names), threads=workers)
            found = np.concatenate(blocks)
        shapes[:] = found.reshape(shapes.shape)
        for k in range(1, limits.size):
            # a corner given up here may be whole in the smaller area
            shapes[:, k] = joined(shapes[:, k], shapes[:, k - 1])
    geometry = shapes.reshape(-1)
    return gpd.GeoDataFrame(
        {
            "site_id": pd.Series(np.repeat(names, limits.size), dtype="str"),
            "threshold": np.tile(limits, len(names)),
            "impedance": impedance,
            "cell_m": side,
            "area_m2": shapely.area(geometry),
        },
        geometry=geometry,
        crs=network.crs,
    )


class _Work:
    """What all sites share, and what each thread writes on."""

    def __init__(
        self,
        ask: Question,
        ground: Lattice,
        limits: I64,
        max_access_m: float,
        bounds: F64,
        boxes: F64,
    ) -> None:
        self.ask, self.network, self.ground, self.limits = ask, ask.network, ground, limits
        self.max_access_m, self.bounds, self.boxes = float(max_access_m), bounds, boxes
        self.graph, network = ask.graph, ask.network
        nodes = network.node_id.size
        self.round_node = _round_nodes(network, bounds)
        self.seed_indptr, self.seeds = kernels.compressed_rows(
            ask.seed_owner, rows=len(ask.site_id)
        )
        # every node is asked as a demand that stands at it
        self.every = (
            np.arange(nodes + 1, dtype=np.int64),
            np.arange(nodes, dtype=np.int32),
            np.zeros(nodes, dtype=np.int64),
        )
        self.no_direct = (
            np.zeros(len(ask.site_id) + 1, dtype=np.int64),
            np.empty(0, dtype=np.int32),
            np.empty(0, dtype=np.int64),
        )
        rate_kph = np.floor(network.access_kph * 1000.0 + 0.5)
        self.access_rate = 3600.0 / rate_kph if ask.impedance == "time" else 1.0
        self.local = threading.local()
        self.tile_at = np.full((ground.grid.rows, ground.grid.columns), -1, dtype=np.int64)
        self.tile_at.ravel()[ground.tiles.tile] = np.arange(ground.tiles.tile.size)
        forward, backward = (
            np.where(whole >= 0, whole / np.maximum(network.length_mm, 1), -1.0)
            for whole in ask.edge_impedance
        )
        self.streets = kernels.Streets(
            _pieces(ground), ground.edge, ground.in_barrier, network.tail, network.head,
            network.length_mm.astype(np.float64), forward, backward, ask.delay,
        )  # fmt: skip

    def each(self, first: int, last: int) -> Objects:
        """Return the areas of sites ``first`` … ``last - 1``, all thresholds of one together."""
        ask, nodes, limit = self.ask, self.network.node_id.size, int(self.limits[-1])
        if not hasattr(self.local, "label"):
            self.local.label = np.full(nodes, NEVER, dtype=np.int64)
            self.local.workspace = kernels.pairs_workspace(self.graph[2], nodes, nodes, limit)
        label = self.local.label
        count, node, value = kernels.pairs_within(
            *self.graph,
            self.seed_indptr, ask.seed_node[self.seeds], ask.seed_value[self.seeds],
            *self.every, *self.no_direct, self.local.workspace, limit, first, last,
        )  # fmt: skip
        ends = np.concatenate([[0], np.cumsum(count)])
        found: list[Rings] = []
        for i in range(last - first):
            here = node[ends[i] : ends[i + 1]]
            label[here] = value[ends[i] : ends[i + 1]]
            entry = np.flatnonzero(ask.entry_owner == first + i)
            found += self._rings(label, here, entry)
            label[here] = NEVER
        return polygons(found)

    def together(self, threads: int) -> Objects:
        """Return the areas from which any site is within the thresholds."""
        ask = self.ask
        label = kernels.nearest_labels(*self.graph, ask.seed_node, ask.seed_value, 1)
        label[label > self.limits[-1]] = NEVER
        reached = np.flatnonzero(label < NEVER)
        entry = np.arange(ask.entry_owner.size)
        return polygons(self._rings(label, reached, entry, threads))

    def _rings(self, label: I64, reached: I64, entry: I64, threads: int = 1) -> list[Rings]:
        """Return, by threshold, the outline of what these entries of sites reach."""
        ask, ground, grid = self.ask, self.ground, self.ground.grid
        if not entry.size:
            return [NO_RINGS for _ in self.limits]
        # no farther than the streets that were reached, nor than anybody gets in the time
        streets = np.concatenate([self.round_node[reached], self.bounds[ask.entry_edge[entry]]])
        west, south, east, north = self._tiles(
            _cut(_grown(_all(streets), self.max_access_m), _all(self.boxes[entry]))[0]
        )
        here = self.tile_at[south : north + 1, west : east + 1].ravel()
        here = here[here >= 0]
        per = 2**DEPTH
        x0, y0 = grid.x0 + west * grid.side_m, grid.y0 + south * grid.side_m
        found: list[Rings] = []
        for threshold in self.limits.tolist():
            cells = np.zeros(((north - south + 1) * per, (east - west + 1) * per), dtype=np.int32)
            asked = kernels.Asked(
                label, ask.entry_edge[entry], ask.entry_offset[entry], ask.entry_leg[entry],
                self.access_rate, self.max_access_m, float(threshold),
            )  # fmt: skip

            def claim(first: int, last: int, cells: Any = cells, asked: Any = asked) -> Any:
                # tiles are apart from one another among the cells, so threads may share them
                return kernels.claim(
                    here[first:last], grid, ground.tiles, ground.walls, self.streets, asked,
                    cells, west * per, south * per,
                )  # fmt: skip

            blocks = kernels.parallel_blocks(claim, here.size, threads=threads)
            cut_at, cut_value = (np.concatenate(parts) for parts in zip(*blocks, strict=True))
            cells[*cut_at.T] = kernels.FIRST_CUT + np.arange(len(cut_at))
            found.append(rings(cells, cut_at, cut_value, x0=x0, y0=y0, cell_m=ground.cell_m))
        return found

    def _tiles(self, box: F64) -> tuple[int, int, int, int]:
        """Return the first and last column and row of tiles that a box touches."""
        grid = self.ground.grid
        west, south, east, north = box.tolist()
        return (
            max(math.floor((west - grid.x0) / grid.side_m), 0),
            max(math.floor((south - grid.y0) / grid.side_m), 0),
            min(math.floor((east - grid.x0) / grid.side_m), grid.columns - 1),
            min(math.floor((north - grid.y0) / grid.side_m), grid.rows - 1),
        )


def _round_nodes(network: RoadNetwork, bounds: F64) -> F64:
    """Return, by node, the box round all streets that end there."""
    size = network.node_id.size
    box = np.column_stack([np.full((size, 2), np.inf), np.full((size, 2), -np.inf)])
    for end in (network.tail, network.head):
        np.minimum.at(box[:, :2], end, bounds[:, :2])
        np.maximum.at(box[:, 2:], end, bounds[:, 2:])
    return box


def _pieces(ground: Lattice) -> F64:
    """Return the straight pieces of streets as the kernel takes them."""
    step = ground.xy[:, 2:] - ground.xy[:, :2]
    length = np.maximum(np.hypot(*step.T), 1e-9)
    return np.column_stack(
        [
            ground.xy[:, :2], step, 1.0 / length**2, 1.0 / length,
            ground.at_mm[:, 0], ground.at_mm[:, 1] - ground.at_mm[:, 0],
        ]
    )  # fmt: skip


def _reach_m(ask: Question, limit: int) -> float:
    """Return how far a way within the limit can lead on the streets at most, in m."""
    if ask.impedance == "length":
        return limit / 1000.0
    least = np.where(ask.edge_impedance >= 0, ask.edge_impedance, NEVER).min(axis=0)
    # half a unit may have been rounded away
    fastest = float((ask.network.length_mm / np.maximum(least - 0.5, 0.5)).max(initial=0.0))
    return limit * fastest / 1000.0


def _boxes(bounds: F64, edge: I64, reach_m: float, max_access_m: float) -> F64:
    """Return, by entry, the box of what can be reached: no farther than streets go."""
    streets = _grown(_all(bounds), max_access_m)
    return _cut(_grown(bounds[edge], reach_m), streets)


def _all(boxes: F64) -> F64:
    """Return the one box round all boxes, as an array of one."""
    return np.concatenate([boxes[:, :2].min(axis=0), boxes[:, 2:].max(axis=0)])[None]


def _grown(boxes: F64, by_m: float) -> F64:
    result: F64 = boxes + np.array([-by_m, -by_m, by_m, by_m])
    return result


def _cut(boxes: F64, other: F64) -> F64:
    return np.hstack(
        [np.maximum(boxes[:, :2], other[:, :2]), np.minimum(boxes[:, 2:], other[:, 2:])]
    )


def _cell_m(boxes: F64, finest_m: float) -> float:
    """Return the side of the finest cells: none of the boxes holds too many."""
    m2 = float(((boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])).max(initial=0.0))
    side = finest_m
    while m2 / side**2 > MOST_CELLS:
        side *= 2.0
    return side


def _checked(thresholds: Sequence[int], cell_m: float | None) -> I64:
    """Return the thresholds ascending, or raise NetworkError."""
    limits = np.array(sorted({int(t) for t in thresholds}), dtype=np.int64)
    if not 0 < limits.size <= 254 or limits[0] < 0:
        raise NetworkError(
            f"service_areas: thresholds are {list(thresholds)[:5]}; give 1 to 254 from 0 up."
        )
    if cell_m is not None and not (math.isfinite(cell_m) and 0.1 <= cell_m <= 1000):
        raise NetworkError(f"service_areas: cell_m is {cell_m}; give 0.1 to 1000, or None.")
    return limits

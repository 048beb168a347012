"""Control-plan units (控制性规划单元): the central city's street plans cut into so many pieces."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
from scipy import ndimage, sparse
from scipy.sparse import csgraph

from siting.demo.blocks import CRS, middles
from siting.demo.chance import stream
from siting.demo.outlines import trace
from siting.demo.scale import Scale
from siting.demo.terrain import Terrain

REACH_M = 260.0  # a unit goes so far beyond the blocks in it


def control_units(
    seed: int, terrain: Terrain, blocks: gpd.GeoDataFrame, scale: Scale
) -> gpd.GeoDataFrame:
    """Return the units: every cell near a block of the central city goes to its nearest middle.

    Returns
    -------
    GeoDataFrame
        ``zone_id``, ``name``, polygons that share their borders and do not overlap.
    """
    count, towns = scale.control_units
    ours = blocks[blocks["plan"] < towns]
    at = middles(ours)
    row, column = terrain.at(at)
    empty = np.ones(terrain.county.shape, dtype=np.bool_)
    empty[row, column] = False
    near = ndimage.distance_transform_edt(empty) * terrain.cell_m < REACH_M
    near &= terrain.county
    rng = stream(seed, "control units")
    chosen = [int(np.argmin(((at - at.sum(axis=0) / len(at)) ** 2).sum(axis=1)))]
    luck = 0.55 + 0.45 * rng.random(len(at))
    pieces = ndimage.label(near)[0]
    for town in range(1, towns):  # a town across the river or apart has units of its own
        inside = np.nonzero((ours["plan"] == town).to_numpy())[0]
        middle = at[inside].sum(axis=0) / len(inside)
        chosen.append(int(inside[np.argmin(((at[inside] - middle) ** 2).sum(axis=1))]))
    while len(chosen) < count:
        gap = ((at[:, None] - at[chosen][None]) ** 2).sum(axis=2).min(axis=1)
        chosen.append(int((gap * luck).argmax()))
    near &= np.isin(pieces, pieces[row[chosen], column[chosen]])
    labels = _grown(near, row[chosen], column[chosen])
    shapes = trace(labels, origin=terrain.origin, cell_m=terrain.cell_m)
    order = sorted(shapes, key=lambda k: (-at[chosen[k], 1] // 3000.0, at[chosen[k], 0]))
    return gpd.GeoDataFrame(
        {
            "zone_id": [f"KG{k:02d}" for k in range(1, len(order) + 1)],
            "name": [f"{ours['community'].iloc[chosen[k]][:-2]}单元{n:02d}"
                     for n, k in enumerate(order, 1)],
        },
        geometry=[shapes[k] for k in order],
        crs=CRS,
    )  # fmt: skip


def _grown(
    inside: np.ndarray[tuple[int, int], np.dtype[np.bool_]],
    row: np.ndarray[tuple[int], np.dtype[np.int64]],
    column: np.ndarray[tuple[int], np.dtype[np.int64]],
) -> np.ndarray[tuple[int, int], np.dtype[np.int64]]:
    """Return which start every cell ``inside`` is nearest to on the way over such cells."""
    number = np.arange(inside.size).reshape(inside.shape)
    pairs = [
        (number[a][inside[a] & inside[b]], number[b][inside[a] & inside[b]])
        for a, b in (
            ((slice(None), slice(None, -1)), (slice(None), slice(1, None))),
            ((slice(None, -1), slice(None)), (slice(1, None), slice(None))),
        )
    ]
    tail, head = (np.concatenate(ends) for ends in zip(*pairs, strict=True))
    graph = sparse.csr_matrix((np.ones(len(tail)), (tail, head)), shape=(number.size,) * 2)
    starts = number[row, column]
    _, _, source = csgraph.dijkstra(
        graph, directed=False, indices=starts, min_only=True, return_predecessors=True
    )
    owner = np.full(number.size, -1, dtype=np.int64)
    for k, start in enumerate(starts):
        owner[source == start] = k
    return owner.reshape(inside.shape)

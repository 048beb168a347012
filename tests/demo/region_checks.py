"""Graphs of generated roads, drawn from their lines alone."""

import geopandas as gpd
import numpy as np
import shapely
from scipy import sparse
from scipy.sparse import csgraph


def nodes_of(roads: gpd.GeoDataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Return the distinct ends of lines ``(n, 2)`` and their numbers for each line ``(m, 2)``."""
    lines = roads.geometry.to_numpy()
    ends = [shapely.get_coordinates(shapely.get_point(lines, at)) for at in (0, -1)]
    nodes, number = np.unique(np.concatenate(ends), axis=0, return_inverse=True)
    return nodes, number.reshape(2, -1).T


def pieces_of(edges: np.ndarray, count: int, *, strong: bool = False) -> list[int]:
    graph = sparse.csr_matrix((np.ones(len(edges)), (edges[:, 0], edges[:, 1])), (count, count))
    _, label = csgraph.connected_components(
        graph, directed=strong, connection="strong" if strong else "weak"
    )
    sizes = np.bincount(label[np.unique(edges)])
    return sorted(sizes[sizes > 0].tolist(), reverse=True)

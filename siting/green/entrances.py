"""Where one can walk into a park: given entrances, path crossings, and an upper bound."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from siting.errors import StudyError


def park_entrances(
    parks: gpd.GeoDataFrame, paths: gpd.GeoSeries, *, given: gpd.GeoDataFrame | None = None
) -> gpd.GeoDataFrame:
    """Return the entrances of parks: those given, else where walking paths meet the park's edge.

    A path that ends on the edge is a gate. Of a path that runs along the edge both ends of the
    common stretch are taken. Parks that neither are given an entrance nor meet a path have none:
    on foot they serve nobody that we know of, and only :func:`boundary_samples` bounds what they
    may serve.

    Parameters
    ----------
    parks
        ``park_id``, polygon ``geometry``.
    paths
        Lines one may walk and leave anywhere: without bridges, tunnels and motorways.
    given
        ``park_id``, point ``geometry``: known entrances; a park named here takes no others.

    Returns
    -------
    gpd.GeoDataFrame
        ``park_id``, ``source`` (``given`` or ``path_crossing``), point ``geometry``, sorted by
        park, x, y; points equal to the millimetre once.
    """
    known = set() if given is None else set(given["park_id"])
    open_parks = parks[~parks["park_id"].isin(known)]
    edges = shapely.boundary(open_parks.geometry.to_numpy())
    lines = paths.to_numpy()
    at, line = shapely.STRtree(lines).query(edges, predicate="intersects")
    meet = shapely.intersection(edges[at], lines[line])
    parts, of = shapely.get_parts(meet, return_index=True)
    dimension = shapely.get_dimensions(parts)
    ids = open_parks["park_id"].to_numpy()[at[of]]
    along = dimension == 1
    points = np.concatenate(
        [
            parts[dimension == 0],
            shapely.get_point(parts[along], 0),
            shapely.get_point(parts[along], -1),
        ]
    )
    owner = np.concatenate([ids[dimension == 0], ids[along], ids[along]])
    found = _table(owner, points, "path_crossing", parks)
    if given is None:
        return found
    declared = _table(given["park_id"].to_numpy(), given.geometry.to_numpy(), "given", parks)
    together = pd.concat([declared, found], ignore_index=True)
    return together.sort_values("park_id", kind="stable", ignore_index=True)


def boundary_samples(parks: gpd.GeoDataFrame, *, spacing_m: float) -> gpd.GeoDataFrame:
    """Return points along the edge of every park, at most ``spacing_m`` apart.

    As if one could step in anywhere: an upper bound, to be shown apart, never an entrance.

    Parameters
    ----------
    parks
        ``park_id``, polygon ``geometry``.
    spacing_m
        Greatest distance between neighbours along the edge.

    Raises
    ------
    StudyError
        ``spacing_m`` is not a positive number.
    """
    if not (np.isfinite(spacing_m) and spacing_m > 0):
        raise StudyError(f"spacing_m is {spacing_m}; it must be above 0 m. Correct it.")
    # get_rings passes over multipolygons without a word, and every area of an OSM extract is one
    parts, park = shapely.get_parts(parks.geometry.to_numpy(), return_index=True)
    rings, part = shapely.get_rings(parts, return_index=True)
    points, owner = shapely.get_coordinates(shapely.segmentize(rings, spacing_m), return_index=True)
    owners = parks["park_id"].to_numpy()[park[part[owner]]]
    return _table(owners, np.asarray(shapely.points(points)), "boundary_sample", parks)


def _table(
    park_id: NDArray[np.object_],
    points: NDArray[np.object_],
    source: str,
    parks: gpd.GeoDataFrame,
) -> gpd.GeoDataFrame:
    table = pd.DataFrame(
        {
            "park_id": park_id,
            "x": np.round(shapely.get_x(points), 3),
            "y": np.round(shapely.get_y(points), 3),
        }
    )
    table = table.drop_duplicates().sort_values(["park_id", "x", "y"], ignore_index=True)
    return gpd.GeoDataFrame(
        {"park_id": table["park_id"], "source": source},
        geometry=shapely.points(table["x"], table["y"]),
        crs=parks.crs,
    )

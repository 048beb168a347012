"""Slope: walking uphill takes longer, and walking steeply downhill too.

Speed on a slope ``S`` (rise over run) is in proportion to ``exp(−3.5 · |S + 0.05|)``, Tobler's
hiking function, taken relative to flat ground: on the flat the walking speed of the group stays.
The time over a piece of an edge is therefore its time on the flat times

    exp(rate · (|S + shift| − shift))

and that of an edge the mean of this factor over equal pieces, each way apart.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import shapely
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.sparse.linalg import spsolve

from siting.crs import same
from siting.errors import NetworkError
from siting.network.graph import RoadNetwork, changed, drops_table, joined_drops
from siting.network.speeds import Slope

if TYPE_CHECKING:
    from siting.load.elevation import Elevation

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]

SCALE = 10**9
"""Factors are added as whole billionths, so that their sum does not depend on the order."""

MOST_PIECES = 10_000
"""Pieces of one edge; of a longer one the pieces are longer."""

CHUNK = 500_000


def slope_factor(rise_over_run: F64, slope: Slope) -> F64:
    """Return walking time on a slope relative to flat ground.

    Examples
    --------
    >>> from siting.network import read_speeds
    >>> tobler = read_speeds().slope
    >>> [round(float(f), 4) for f in slope_factor(np.array([-0.05, 0.0, 0.1, -0.1]), tobler)]
    [0.8395, 1.0, 1.4191, 1.0]
    """
    result: F64 = np.exp(slope.rate * (np.abs(rise_over_run + slope.shift) - slope.shift))
    return result


def with_slope(network: RoadNetwork, elevation: Elevation, slope: Slope) -> RoadNetwork:
    """Return the walking network with the time that slopes take, uphill and downhill apart.

    Parameters
    ----------
    network
        On foot: its times are those of flat ground.
    elevation
        Heights, from :func:`siting.load.read_elevation`, in the network's CRS.
    slope
        Of the speeds in force (``read_speeds().slope``). An edge is cut into equal pieces of at
        most ``spacing_m``; a piece steeper than ``steepest`` counts as that steep.

    Returns
    -------
    RoadNetwork
        An edge's time is its flat time times the mean factor of its pieces, rounded half up once
        each way. Bridges and tunnels run straight between their ends: where they meet only each
        other, as on a viaduct, heights between are interpolated along them. Pieces without a
        height at either end are flat, and listed in ``drops`` with their length, as are those
        that are too steep.

    Raises
    ------
    NetworkError
        The network is not on foot, or elevation is in another CRS.

    Examples
    --------
    >>> hilly = with_slope(network, read_elevation("dem.tif", crs), speeds.slope)  # doctest: +SKIP
    """
    if network.mode != "walk":
        raise NetworkError(
            f"elevation: slope is known for walking only, not for mode {network.mode!r}. "
            "Give it a network made with mode='walk'."
        )
    if not same(network.crs, elevation.crs):
        raise NetworkError(
            f"elevation: heights are asked for in {elevation.crs.name}, the streets are in "
            f"{network.crs.name}. Read both for one working CRS."
        )
    built = network.bridge | network.tunnel
    pieces = np.ceil(network.length_mm / (slope.spacing_m * 1000.0)).astype(np.int64)
    pieces = np.where(built, 1, np.clip(pieces, 1, MOST_PIECES))
    factor = np.ones((2, network.tail.size))
    missing_mm, steep_mm = np.zeros((2, network.tail.size))
    structures = _structure_heights(network, elevation.at(network.node_xy), built)
    for low, high in _chunks(pieces):
        n = pieces[low:high]
        run_m = network.length_mm[low:high] / 1000.0 / n
        rise = _rises(network, elevation, low, high, n)
        own = np.flatnonzero(built[low:high])
        first = np.cumsum(n) - n
        rise[first[own]] = structures[low:high][own]
        with np.errstate(invalid="ignore", divide="ignore"):
            steepness = rise / np.repeat(run_m, n)
        unknown = ~np.isfinite(steepness)
        steepness[unknown] = 0.0
        beyond = np.abs(steepness) > slope.steepest
        steepness = np.clip(steepness, -slope.steepest, slope.steepest)
        for side, sign in enumerate((1.0, -1.0)):
            parts = np.floor(slope_factor(sign * steepness, slope) * SCALE + 0.5).astype(np.int64)
            factor[side, low:high] = np.add.reduceat(parts, first) / (n * SCALE)
        missing_mm[low:high] = np.add.reduceat(unknown.astype(np.int64), first) * run_m * 1000
        steep_mm[low:high] = np.add.reduceat(beyond.astype(np.int64), first) * run_m * 1000
    told = [
        *_told(missing_mm, "without elevation", "taken as flat"),
        *_told(steep_mm, f"steeper than {slope.steepest:.0%}", "taken as that steep"),
    ]
    return changed(
        network,
        forward_ms=_slowed(network.forward_ms, factor[0]),
        backward_ms=_slowed(network.backward_ms, factor[1]),
        drops=joined_drops([network.drops, drops_table(told)]),
    )


def _chunks(pieces: I64) -> list[tuple[int, int]]:
    """Return ranges of edges with about as many pieces each."""
    total = np.cumsum(pieces)
    marks = np.searchsorted(total, np.arange(CHUNK, int(total[-1]) + CHUNK, CHUNK))
    stops = np.unique(np.append(np.minimum(marks + 1, pieces.size), pieces.size))
    return [(int(a), int(b)) for a, b in zip([0, *stops[:-1]], stops, strict=True)]


def _rises(network: RoadNetwork, elevation: Elevation, low: int, high: int, n: I64) -> F64:
    """Return by how much each piece of edges ``low`` to ``high`` rises from tail to head."""
    edge = np.repeat(np.arange(n.size), n + 1)
    first = np.cumsum(n + 1) - (n + 1)
    share = (np.arange(edge.size) - first[edge]) / n[edge]
    lines = network.geometry[low:high][edge]
    points = shapely.line_interpolate_point(lines, share, normalized=True)
    height = elevation.at(shapely.get_coordinates(points))
    result: F64 = np.diff(height)[edge[1:] == edge[:-1]]
    return result


def _structure_heights(network: RoadNetwork, ground: F64, built: Bool) -> F64:
    """Return by how much each bridge or tunnel rises from tail to head; 0 elsewhere.

    Its ends are on the ground, unless nothing but bridges and tunnels meets there: such a height
    is the mean of its neighbours', each by the inverse of its distance, which along a viaduct is
    the straight line between its ends.
    """
    rise = np.zeros(network.tail.size)
    on = np.flatnonzero(built)
    if not on.size:
        return rise
    nodes = network.node_id.size
    tail, head = network.tail[on], network.head[on]
    every = np.bincount(np.concatenate([network.tail, network.head]), minlength=nodes)
    carried = np.bincount(np.concatenate([tail, head]), minlength=nodes)
    aloft = (carried == every) & (carried >= 2)
    height = ground.copy()
    height[aloft] = np.nan
    between = tail != head
    u = np.concatenate([tail[between], head[between]])
    v = np.concatenate([head[between], tail[between]])
    near = 1000.0 / np.maximum(network.length_mm[on][between], 1)
    near = np.concatenate([near, near])
    known = np.isfinite(height)
    use = aloft[u] & (aloft[v] | known[v])
    u, v, near = u[use], v[use], near[use]
    # a group of them that touches the ground nowhere has no height
    link = coo_array((np.ones(u.size), (u, v)), shape=(nodes, nodes))
    _, group = connected_components(link.tocsr(), directed=False)
    free = np.flatnonzero(aloft & np.isin(group, group[v[known[v]]]))
    if free.size:
        place = np.full(nodes, -1)
        place[free] = np.arange(free.size)
        rows = place[u] >= 0
        u, v, near = u[rows], v[rows], near[rows]
        inner = place[v] >= 0
        total = np.bincount(place[u], weights=near, minlength=free.size)
        right = np.bincount(
            place[u[~inner]], weights=near[~inner] * height[v[~inner]], minlength=free.size
        )
        matrix = coo_array(
            (
                np.concatenate([total, -near[inner]]),
                (
                    np.concatenate([np.arange(free.size), place[u[inner]]]),
                    np.concatenate([np.arange(free.size), place[v[inner]]]),
                ),
            ),
            shape=(free.size, free.size),
        )
        height[free] = spsolve(matrix.tocsc(), right)
    rise[on] = height[head] - height[tail]
    return rise


def _slowed(flat_ms: I64, factor: F64) -> I64:
    """Return times by their factor, rounded half up; −1 stays."""
    slowed = np.floor(flat_ms * factor + 0.5).astype(np.int64)
    result: I64 = np.where(flat_ms >= 0, slowed, flat_ms)
    return result


def _told(mm: F64, what: str, action: str) -> list[tuple[str, str, str, str]]:
    """Return a line for the table of drops, where there is anything to tell."""
    streets = int((mm > 0).sum())
    if not streets:
        return []
    return [("roads", "", f"{mm.sum() / 1e6:.2f} km of {streets} streets {what}", action)]

"""Traffic lights, and what passing a junction takes.

OSM draws lights where traffic stops: at the stop line, some metres before the junction they serve,
or on the crossing. Lights are therefore brought to the nearest junction along the street, within
``signal_reach_m``; lights farther from every junction are a crossing of their own.
"""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import shapely

from siting.errors import NetworkError
from siting.network.given import POINTS, checked
from siting.network.graph import RoadNetwork, changed, drops_table, joined_drops
from siting.network.speeds import Speeds

I64 = npt.NDArray[np.int64]
I32 = npt.NDArray[np.int32]
Bool = npt.NDArray[np.bool_]

JUNCTION_STREETS = 3
"""Fewer streets than these do not make a junction: one turns into the other."""


def is_signal(highway: str, crossing: str, crossing_signals: str) -> bool:
    """Return whether the tags of a node say that lights stand there.

    Examples
    --------
    >>> is_signal("traffic_signals", "", ""), is_signal("crossing", "traffic_signals", "")
    (True, True)
    """
    return (
        highway == "traffic_signals"
        or crossing == "traffic_signals"
        or crossing_signals in ("yes", "shared", "separate")
    )


def served(
    lights: I64,
    start: I32,
    stop: I32,
    length_nm: I64,
    indptr: I64,
    touching: I64,
    *,
    reach_m: float,
) -> tuple[Bool, Bool]:
    """Return which nodes have lights once these are brought to the junctions they serve.

    Parameters
    ----------
    lights
        Nodes where lights are drawn.
    start, stop, length_nm
        Segments between nodes, lengths in nanometres.
    indptr, touching
        By node, the segments that touch it, in compressed rows.
    reach_m
        How far along the street a junction may be.

    Returns
    -------
    tuple of bool by node: junctions of three or more streets with lights, and nodes of fewer
    streets that keep theirs. Of two junctions the nearer is served, of equally near ones that of
    the smaller position.
    """
    nodes = indptr.size - 1
    degree = np.diff(indptr)
    junction, alone = np.zeros(nodes, dtype=np.bool_), np.zeros(nodes, dtype=np.bool_)
    most = round(reach_m * 1e9)
    for light in lights.tolist():
        if degree[light] >= JUNCTION_STREETS:
            junction[light] = True
            continue
        found: list[tuple[int, int]] = []
        for first in touching[indptr[light] : indptr[light + 1]].tolist():
            node, segment, gone = light, first, 0
            while True:
                gone += int(length_nm[segment])
                node = int(stop[segment]) if start[segment] == node else int(start[segment])
                if gone > most or node == light or degree[node] == 1:
                    break
                if degree[node] >= JUNCTION_STREETS:
                    found.append((gone, node))
                    break
                pair = touching[indptr[node] : indptr[node + 1]].tolist()
                segment = pair[0] if pair[1] == segment else pair[1]
        if found:
            junction[min(found)[1]] = True
        elif degree[light]:
            alone[light] = True
    return junction, alone


def with_delay(network: RoadNetwork, speeds: Speeds) -> RoadNetwork:
    """Return the network with the time that its junctions take, by the mode's figures.

    A node takes ``junction_s`` where three or more streets meet of which one is of a main class,
    and with lights at least ``signal_s``, whatever streets meet there. Half is kept
    per node: one half is paid on coming and one on leaving. A street that ends where it began
    meets itself twice there.

    Raises
    ------
    NetworkError
        See :func:`siting.network.graph.assemble`.

    Examples
    --------
    >>> from shapely import LineString
    >>> from siting.network import from_lines, read_speeds
    >>> roads = gpd.GeoDataFrame(
    ...     {"highway": ["primary"] * 3},
    ...     geometry=[LineString([(0, 0), end]) for end in ((60, 0), (0, 60), (-60, 0))],
    ...     crs=4547,
    ... )
    >>> speeds = read_speeds().waiting("drive", junction_s=5)
    >>> with_delay(from_lines(roads, mode="drive"), speeds).half_delay_ms.tolist()
    [0, 2500, 0, 0]
    """
    rules, mode = speeds.delay, network.mode
    signal_s, junction_s = rules.signal_s.get(mode, 0.0), rules.junction_s.get(mode, 0.0)
    half = np.zeros(network.node_id.size, dtype=np.int64)
    if junction_s > 0:
        ends = np.concatenate([network.tail, network.head])
        main = np.isin(network.highway.astype(str), sorted(rules.main))
        streets = np.bincount(ends, minlength=half.size)
        mains = np.bincount(ends[np.concatenate([main, main])], minlength=half.size)
        half[(streets >= JUNCTION_STREETS) & (mains > 0)] = _half_ms(junction_s)
    half[network.signal] = np.maximum(half[network.signal], _half_ms(signal_s))
    if np.array_equal(half, network.half_delay_ms):
        return network
    return changed(network, half_delay_ms=half)


def with_signals(network: RoadNetwork, lights: gpd.GeoSeries, *, reach_m: float) -> RoadNetwork:
    """Return the network with lights at the junctions nearest to these points.

    Parameters
    ----------
    network
        Of a line layer, which says nothing of lights.
    lights
        Points in the network's CRS; the index names them.
    reach_m
        How far, in a straight line, the junction of three or more streets may be. A point without
        one is listed in ``drops`` and changes nothing: give the crossing a junction of its own.

    Raises
    ------
    DataError
        No CRS, another one than the network's, or something that is no point.
    NetworkError
        ``reach_m`` is not a length.

    Examples
    --------
    >>> from shapely import LineString
    >>> from siting.network import from_lines
    >>> ends = [(60, 0), (0, 60), (-60, 0)]
    >>> roads = gpd.GeoDataFrame(
    ...     {"highway": ["primary"] * 3}, geometry=[LineString([(0, 0), e]) for e in ends], crs=4547
    ... )
    >>> lights = gpd.GeoSeries([shapely.Point(0, -5), shapely.Point(60, 0)], crs=4547)
    >>> lit = with_signals(from_lines(roads, mode="drive"), lights, reach_m=30)
    >>> lit.node_xy[lit.signal].tolist(), lit.drops["row"].tolist()
    ([[0.0, 0.0]], ['1'])
    """
    if not reach_m >= 0:
        raise NetworkError(f"signals: reach_m is {reach_m}; give a length in metres from 0 up.")
    points = checked(network.crs, lights, "signals", kinds=POINTS)
    ends = np.concatenate([network.tail, network.head])
    streets = np.bincount(ends, minlength=network.node_id.size)
    junctions = np.flatnonzero(streets >= JUNCTION_STREETS)
    signal = network.signal.copy()
    lost = np.ones(points.size, dtype=bool)
    if junctions.size and points.size:
        at = np.asarray(shapely.points(network.node_xy[junctions]), dtype=object)
        tree = shapely.STRtree(at)
        (who, near), metres = tree.query_nearest(
            points, return_distance=True, all_matches=True, max_distance=max(reach_m, 1e-9)
        )
        order = np.lexsort((near, metres, who))
        who, near = who[order], near[order]
        first = np.append(True, who[1:] != who[:-1]) if who.size else np.zeros(0, dtype=bool)
        signal[junctions[near[first]]] = True
        lost[who] = False
    what = f"no junction of three streets within {reach_m:g} m"
    rows = [("signals", str(name), what, "left out") for name in lights.index[lost]]
    return changed(network, signal=signal, drops=joined_drops([network.drops, drops_table(rows)]))


def _half_ms(seconds: float) -> int:
    """Return half of some seconds in milliseconds, half up."""
    return int(np.floor(seconds * 500.0 + 0.5))

"""To and from networkx, in the conventions of OSMnx."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import networkx as nx
import numpy as np
import pandas as pd
import pyproj
import shapely

from siting.errors import DataError, NetworkError, Problem
from siting.network.delay import is_signal, with_delay
from siting.network.graph import RoadNetwork, assemble, drops_table
from siting.network.lines import word_of
from siting.network.project import projected
from siting.network.speed_file import speeds_for
from siting.network.speeds import (
    LEAST_KPH,
    MOST_KPH,
    SPEED_COLUMN,
    SURFACE_KEYS,
    Mode,
    Speeds,
    travel_ms,
)
from siting.network.tags import limit_kph


def to_networkx(network: RoadNetwork) -> Any:
    """Return the network as a ``networkx.MultiDiGraph`` as OSMnx makes them.

    Nodes carry ``x``, ``y``, ``half_delay_ms`` and ``signal``; arcs carry ``osmid``, ``length``
    (m), ``highway``, ``oneway``, ``reversed``, ``geometry``, and as exact integers ``length_mm``
    and ``travel_ms``. A two-way street is two arcs that share ``edge``. ``graph["crs"]`` is the
    metric CRS.

    Examples
    --------
    >>> import geopandas as gpd
    >>> from shapely import LineString
    >>> from siting.network import from_lines
    >>> roads = gpd.GeoDataFrame(
    ...     {"highway": ["residential"]}, geometry=[LineString([(0, 0), (60, 0)])], crs=4547
    ... )
    >>> to_networkx(from_lines(roads, mode="walk")).edges[1, 0, 0]["travel_ms"]
    60000
    """
    graph = nx.MultiDiGraph()
    graph.graph.update(
        crs=network.crs.to_wkt(),
        mode=network.mode,
        access_kph=network.access_kph,
        version=network.version,
    )
    ids = network.node_id.tolist()
    half, lights = network.half_delay_ms.tolist(), network.signal.tolist()
    for node, (x, y), delay, light in zip(ids, network.node_xy.tolist(), half, lights, strict=True):
        graph.add_node(node, x=x, y=y, half_delay_ms=delay, signal=light)
    for i in range(network.tail.size):
        u, v = ids[network.tail[i]], ids[network.head[i]]
        forward, backward = int(network.forward_ms[i]), int(network.backward_ms[i])
        shared = {
            "edge": i,
            "osmid": int(network.way_id[i]),
            "length": float(network.length_mm[i]) / 1000.0,
            "length_mm": int(network.length_mm[i]),
            "highway": str(network.highway[i]),
            "oneway": forward < 0 or backward < 0,
            "stoppable": bool(network.stoppable[i]),
            "bridge": bool(network.bridge[i]),
            "tunnel": bool(network.tunnel[i]),
        }
        line = network.geometry[i]
        if forward >= 0:
            graph.add_edge(u, v, reversed=False, travel_ms=forward, geometry=line, **shared)
        if backward >= 0:
            graph.add_edge(
                v, u, reversed=True, travel_ms=backward, geometry=shapely.reverse(line), **shared
            )
    return graph


def from_networkx(
    graph: Any,
    *,
    mode: Mode,
    crs: pyproj.CRS | str | int,
    speeds: Speeds | str | None = None,
) -> RoadNetwork:
    """Return the network of a ``networkx.MultiDiGraph`` in the conventions of OSMnx.

    Parameters
    ----------
    graph
        Nodes with ``x``, ``y`` in ``graph.graph["crs"]``, named by whole numbers. Arcs with
        ``length`` (m) and, unless ``travel_ms`` says so, ``highway``; where present ``geometry``,
        ``osmid``, ``speed_kph`` (of cars; ``walk_kph``, ``cycle_kph``, ``ebike_kph``),
        ``maxspeed``, ``surface``, ``bridge``, ``tunnel``, and of nodes ``highway`` (lights). The
        two arcs of a two-way street (equal ``osmid`` and length, the line reversed) become one
        edge, as a home and a school on one street need. A graph of :func:`to_networkx` comes back
        to the bit.
    mode
        What the arcs are good for; directions are taken as the graph has them (the walking graphs
        of OSMnx have both).
    crs
        Metric CRS of the result; coordinates are projected to it where it differs.
    speeds
        Speeds, or the path of a file that overrides the shipped ones.

    Raises
    ------
    DataError
        Nodes without coordinates or not named by whole numbers, arcs without length, of unknown
        class or with speeds that are none; all at once.
    NetworkError
        ``crs`` is not metric, or the graph is not directed or has no ``crs``.

    Examples
    --------
    >>> g = nx.MultiDiGraph(crs="EPSG:4547")
    >>> g.add_node(1, x=0.0, y=0.0); g.add_node(2, x=60.0, y=0.0)
    >>> _ = g.add_edge(1, 2, length=60.0, highway="residential", osmid=5)
    >>> from_networkx(g, mode="drive", crs="EPSG:4547").backward_ms.tolist()
    [-1]
    """
    used = speeds_for(mode, speeds)
    target = pyproj.CRS.from_user_input(crs)
    if not graph.is_directed() or "crs" not in graph.graph:
        raise NetworkError(
            'roads: the graph must be a directed networkx graph with graph.graph["crs"]. '
            "Make it with OSMnx or with siting.network.to_networkx."
        )
    problems: list[Problem] = []
    nodes = _nodes(graph, problems)
    strange: dict[str, int] = {}
    arcs = _arcs(graph, used, mode, problems, strange)
    if problems:
        raise DataError(problems)
    source = pyproj.CRS.from_user_input(graph.graph["crs"])
    xy = projected(
        nodes[["x", "y"]].to_numpy(dtype=float),
        source=source,
        target=target,
    )
    position = pd.Series(np.arange(len(nodes)), index=nodes.index)
    arcs["u"] = position[arcs["u"]].to_numpy()
    arcs["v"] = position[arcs["v"]].to_numpy()
    lines = _geometry(arcs, xy, source=source, target=target)
    edges = _paired(arcs, lines)
    network = assemble(
        mode=mode,
        access_kph=float(graph.graph.get("access_kph", used.access_kph(mode))),
        crs=target,
        node_id=nodes.index.to_numpy(dtype=np.int64),
        node_xy=xy,
        tail=edges["u"],
        head=edges["v"],
        length_mm=edges["length_mm"],
        forward_ms=edges["forward_ms"],
        backward_ms=edges["backward_ms"],
        stoppable=edges["stoppable"],
        highway=edges["highway"],
        geometry=edges["line"].to_numpy(),
        way_id=edges["osmid"],
        bridge=edges["bridge"],
        tunnel=edges["tunnel"],
        half_delay_ms=[int(graph.nodes[n].get("half_delay_ms", 0)) for n in nodes.index],
        signal=[_lit(graph.nodes[n]) for n in nodes.index],
        drops=drops_table(
            ("roads", "", f"{count} arcs of {word}, not known", "at the speed of the class")
            for word, count in sorted(strange.items())
        ),
    )
    stated = any("half_delay_ms" in data for _, data in graph.nodes(data=True))
    return network if stated else with_delay(network, used)


def _nodes(graph: Any, problems: list[Problem]) -> pd.DataFrame:
    """Return node coordinates, sorted by node id."""
    names = list(graph.nodes)
    odd = [n for n in names if isinstance(n, bool) or not isinstance(n, int | np.integer)]
    if odd:
        problems.append(
            Problem(
                "roads",
                f"{len(odd)} of {len(names)} nodes are not named by whole numbers",
                "Use networkx.convert_node_labels_to_integers.",
                tuple(str(n) for n in odd),
            )
        )
        return pd.DataFrame({"x": [], "y": []})
    x = [graph.nodes[n].get("x", np.nan) for n in names]
    y = [graph.nodes[n].get("y", np.nan) for n in names]
    table = pd.DataFrame({"x": x, "y": y}, index=names, dtype=float).sort_index()
    bad = table.index[~np.isfinite(table.to_numpy()).all(axis=1)]
    if len(bad):
        problems.append(
            Problem(
                "roads",
                f"{len(bad)} of {len(names)} nodes have no coordinates x, y",
                "Give every node its coordinates.",
                tuple(str(n) for n in bad),
            )
        )
    return table


def _lit(node: Mapping[str, Any]) -> bool:
    """Return whether a node has lights: as we say it, or as OSMnx keeps the tags."""
    if "signal" in node:
        return bool(node["signal"])
    return is_signal(str(node.get("highway", "")), str(node.get("crossing", "")), "")


def _first(value: Any) -> Any:
    """Return the first of a list: OSMnx joins the values of merged streets in lists."""
    if isinstance(value, list | tuple | set):
        return sorted(value, key=str)[0] if value else None
    return value


def _arcs(
    graph: Any, speeds: Speeds, mode: Mode, problems: list[Problem], strange: dict[str, int]
) -> pd.DataFrame:
    """Return one row per arc, with its integers; count the surfaces nobody knows in ``strange``."""
    rows: list[dict[str, Any]] = []
    lengthless: list[str] = []
    unknown: dict[str, list[str]] = {}
    no_speed: list[str] = []
    for u, v, data in graph.edges(data=True):
        name = f"{u}-{v}"
        metres = data.get("length", np.nan)
        mm = data.get("length_mm")
        if mm is None:
            if not isinstance(metres, int | float | np.number) or not 0 <= float(metres) < 1e9:
                lengthless.append(name)
                continue
            mm = int(np.floor(float(metres) * 1000.0 + 0.5))
        highway = str(_first(data.get("highway", "")) or "")
        found = speeds.road_class(highway)
        travel = data.get("travel_ms")
        if travel is None:
            if found is None:
                unknown.setdefault(highway, []).append(name)
                continue
            kph = speeds.kph(highway, mode)
            if kph > 0:
                own = _own_kph(data, kph, mode, speeds, strange)
                if own is None:
                    no_speed.append(name)
                    continue
                kph = own
            if kph <= 0:
                unknown.setdefault(highway, []).append(name)
                continue
            travel = int(travel_ms(np.array([mm], dtype=np.int64), kph)[0])
        bridge = str(_first(data.get("bridge")) or "no") not in ("no", "False")
        tunnel = str(_first(data.get("tunnel")) or "no") not in ("no", "False")
        stop = (found is None or found.stop) and not bridge and not tunnel
        osmid = _first(data.get("osmid", -1))
        rows.append(
            {
                "u": u,
                "v": v,
                "edge": int(data.get("edge", -1)),
                "osmid": int(osmid) if str(osmid).lstrip("-").isdigit() else -1,
                "length_mm": int(mm),
                "travel_ms": int(travel),
                "highway": speeds.class_name(highway),
                "reversed": bool(_first(data.get("reversed", False))),
                "oneway": bool(_first(data.get("oneway", True))),
                "stoppable": bool(data.get("stoppable", stop)),
                "bridge": bridge,
                "tunnel": tunnel,
                "geometry": data.get("geometry"),
            }
        )
    if lengthless:
        problems.append(
            Problem(
                "roads",
                f"{len(lengthless)} arcs have no length",
                "Give length in metres.",
                tuple(lengthless),
            )
        )
    if no_speed:
        problems.append(
            Problem(
                "roads",
                f"{len(no_speed)} arcs have a {SPEED_COLUMN[mode]} that is not a number from "
                f"{LEAST_KPH:g} to {MOST_KPH[mode]:g}",
                "Give km/h, or leave it out for the speed of the class.",
                tuple(no_speed),
            )
        )
    for highway, names in sorted(unknown.items()):
        problems.append(
            Problem(
                "roads",
                f"{len(names)} arcs have highway={highway!r}, which mode {mode} has no speed for",
                "Leave them out, or give travel_ms, or a speeds file.",
                tuple(names),
            )
        )
    return pd.DataFrame(
        rows,
        columns=[
            "u", "v", "edge", "osmid", "length_mm", "travel_ms", "highway", "reversed", "oneway",
            "stoppable", "bridge", "tunnel", "geometry",
        ],
    )  # fmt: skip


def _own_kph(
    data: Mapping[str, Any], kph: float, mode: Mode, speeds: Speeds, strange: dict[str, int]
) -> float | None:
    """Return the speed an arc states, else that of its class on its surface, within its limit.

    None where what it states is no speed.
    """
    given = word_of(_first(data.get(SPEED_COLUMN[mode])))
    if given:
        stated = float(pd.to_numeric(given, errors="coerce"))
        fits = LEAST_KPH <= stated <= MOST_KPH[mode]
        return stated * speeds.factor(mode) if fits else None
    words = {key: word_of(_first(data.get(key))) for key in SURFACE_KEYS}
    share, odd = speeds.surface_factor(words, mode)
    for word in odd:
        strange[word] = strange.get(word, 0) + 1
    kph *= share
    limit = limit_kph(word_of(_first(data.get("maxspeed"))), speeds)
    return min(kph, limit * speeds.factor(mode)) if limit and mode != "walk" else kph


def _geometry(arcs: pd.DataFrame, xy: Any, *, source: pyproj.CRS, target: pyproj.CRS) -> Any:
    """Return the line of every arc in ``target``; straight where it has none."""
    lines = np.empty(len(arcs), dtype=object)
    lines[:] = arcs["geometry"].to_list()
    bare = np.array([line is None for line in lines], dtype=bool)
    if (~bare).any():
        lines[~bare] = shapely.transform(
            lines[~bare], lambda c: projected(c, source=source, target=target)
        )
    if bare.any():
        ends = np.stack([xy[arcs["u"].to_numpy()[bare]], xy[arcs["v"].to_numpy()[bare]]], axis=1)
        lines[bare] = shapely.linestrings(ends)
    return lines


def _paired(arcs: pd.DataFrame, lines: Any) -> pd.DataFrame:
    """Join the two arcs of a two-way street into one edge, in an order of the data itself.

    An arc marked ``reversed`` runs against its street; turning it back gives both arcs the same
    ends and the same line, which is what they are matched by.
    """
    table = arcs.drop(columns="geometry")
    back = table["reversed"].to_numpy(dtype=bool)
    flip = back.copy()
    plain = table["edge"].to_numpy() < 0
    # without marks of ours, a street's two arcs are told apart by their ends alone
    ends = table["u"].to_numpy() > table["v"].to_numpy()
    wkb_forward = shapely.to_wkb(lines)
    wkb_backward = shapely.to_wkb(shapely.reverse(lines))
    loop = table["u"].to_numpy() == table["v"].to_numpy()
    flip = np.where(plain, ends | (loop & (wkb_backward < wkb_forward)), flip)
    turned = lines.copy()
    turned[flip] = shapely.reverse(lines[flip])
    u, v = table["u"].to_numpy(), table["v"].to_numpy()
    table["u"], table["v"] = np.where(flip, v, u), np.where(flip, u, v)
    table["line"] = turned
    table["wkb"] = shapely.to_wkb(turned)
    table["against"] = flip
    keys = ["edge", "u", "v", "osmid", "length_mm", "wkb"]
    # several equal arcs the same way are parallel streets: the i-th goes with the i-th
    table = table.sort_values([*keys, "against", "travel_ms"], kind="stable")
    table["nth"] = table.groupby([*keys, "against"]).cumcount()
    keys.append("nth")
    along, against = table[~table["against"]], table[table["against"]]
    time = along[[*keys, "travel_ms"]].rename(columns={"travel_ms": "forward_ms"})
    both = time.merge(
        against[[*keys, "travel_ms"]].rename(columns={"travel_ms": "backward_ms"}),
        on=keys,
        how="outer",
    )
    rest = table.drop_duplicates(keys).drop(columns=["travel_ms", "against"])
    both = both.merge(rest, on=keys, how="left").sort_values(keys, kind="stable")
    both[["forward_ms", "backward_ms"]] = (
        both[["forward_ms", "backward_ms"]].fillna(-1).astype("int64")
    )
    return both.reset_index(drop=True)

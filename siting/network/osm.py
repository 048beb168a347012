"""OpenStreetMap files → network."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import osmium
import pyproj
import shapely

from siting.errors import DataError, NetworkError, Problem
from siting.kernels import compressed_rows, walk_chains
from siting.network.delay import is_signal, served, with_delay
from siting.network.graph import RoadNetwork, assemble, check_metric, drops_table
from siting.network.project import projected
from siting.network.speed_file import speeds_for
from siting.network.speeds import Mode, Speeds, travel_ms
from siting.network.tags import WayUse, blocks, way_use

I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]
F64 = npt.NDArray[np.float64]
Drop = tuple[str, str, str, str]

ELLIPSOID = pyproj.Geod(ellps="WGS84")
DEGREE = 1e7
"""OSM keeps coordinates as whole ten-millionths of a degree."""

MOST_STRETCH = 0.02
"""A working CRS stretches lengths by less than half a percent; more than this is the wrong CRS."""

NOT_READ = {
    "walk": "not walked", "cycle": "not cycled", "ebike": "not cycled", "drive": "not driven",
}  # fmt: skip
ENDINGS = (".osm.pbf", ".pbf", ".osm", ".osm.gz", ".osm.bz2")


def read_osm(
    path: Path | str,
    *,
    mode: Mode,
    crs: pyproj.CRS | str | int,
    clip: shapely.Polygon | shapely.MultiPolygon | None = None,
    speeds: Speeds | Path | str | None = None,
) -> RoadNetwork:
    """Return the streets of an OpenStreetMap file as one mode uses them.

    Ways join where they share a node and nowhere else: a bridge does not join what it crosses.
    Nodes between two junctions become the shape of one edge, unless class, speed, direction,
    bridge or tunnel change there; dead ends and loops stay. Traffic lights are brought to the
    junction they serve (:mod:`siting.network.delay`). Lengths are geodesic on the WGS 84
    ellipsoid, so that they do not depend on ``crs``; each segment is measured by itself and an
    edge is rounded once. What tags mean is in :mod:`siting.network.tags`, speeds are in
    ``speeds.toml``.

    Parameters
    ----------
    path
        ``.osm.pbf``, ``.osm`` or ``.osm.gz``. The order of its elements does not matter.
    mode
        One of :data:`siting.network.MODES`. A one-way street binds vehicles only.
    crs
        The projected metric CRS of the result.
    clip
        In ``crs``: segments with an end inside are kept whole. Take the study area and a halo, for
        the nearest site may lie across the border.
    speeds
        Speeds, or the path of a file that overrides the shipped ones.

    Returns
    -------
    RoadNetwork
        Nodes are numbered by OSM id. ``drops`` lists ways closed by tags, ferries, areas, ways
        cut where the extract ends, gates that stop the mode, surfaces nobody knows, and by class
        what it does not use.

    Raises
    ------
    DataError
        The file is not there, empty, cut short or not OSM.
    NetworkError
        ``crs`` is not metric, streets lie where it cannot go, or no street is left.

    Examples
    --------
    >>> network = read_osm("malta.osm.pbf", mode="walk", crs=32633)  # doctest: +SKIP
    """
    target = pyproj.CRS.from_user_input(crs)
    check_metric(target)
    used = speeds_for(mode, speeds)
    file = Path(path)
    drops: list[Drop] = []
    ways = _open_ways(_ways(file, drops), mode, used, drops)
    node_id, lonlat, blocked, signal = _nodes(file, ways, mode, drops)
    xy = projected(lonlat, source=pyproj.CRS(4326), target=target, strict=clip is None)
    segments = _segments(ways, node_id, drops)
    if clip is not None:
        segments = _clipped(segments, xy, clip, drops)
    if not segments.start.size:
        raise NetworkError(
            f"roads: {file} has no street for mode {mode!r}"
            + (" in the study area" if clip is not None else "")
            + ". Check that it covers the area and holds highway=* ways."
        )
    node_id, place, segments = _parted(node_id, segments, blocked)
    nodes = _Nodes(node_id, lonlat[place], xy[place], signal[place])
    return with_delay(_network(mode, used, target, nodes, segments, ways, drops), used)


@dataclass(frozen=True)
class _Way:
    id: int
    tags: Mapping[str, str]
    refs: list[int]
    use: WayUse


@dataclass(frozen=True)
class _Nodes:
    id: I64
    lonlat: F64
    xy: F64
    signal: npt.NDArray[np.bool_]  # lights are drawn here


@dataclass(frozen=True)
class _Segments:
    """Straight pieces between neighbouring nodes of a way, by way id and place in the way."""

    start: I32
    stop: I32
    way: I32  # position in the list of ways


def _unreadable(file: Path, error: object) -> DataError:
    return DataError(
        Problem(
            "roads",
            f"{file} cannot be read as OpenStreetMap data: {error}",
            "Give a whole .osm.pbf, .osm or .osm.gz file; fetch it again if it was cut short.",
        )
    )


def _elements(file: Path, kinds: Any, filters: Iterable[Any]) -> Iterable[Any]:
    """Yield the elements of a file, turning what osmium raises into a DataError."""
    if not file.name.lower().endswith(ENDINGS):
        raise _unreadable(file, f"its name does not end in {', '.join(ENDINGS)}")
    try:
        if not file.is_file() or file.stat().st_size == 0:
            raise _unreadable(file, "there is no such file, or it is empty")
        processor = osmium.FileProcessor(str(file), kinds)
        for one in filters:
            processor = processor.with_filter(one)
        yield from processor
    except (RuntimeError, OSError, ValueError) as error:
        if isinstance(error, DataError):
            raise
        raise _unreadable(file, error) from error


def _ways(file: Path, drops: list[Drop]) -> list[tuple[int, dict[str, str], list[int]]]:
    """Return id, tags and node ids of all ways with a highway or a ferry, by way id."""
    found: dict[int, tuple[int, dict[str, str], list[int]]] = {}
    areas: list[tuple[int, str]] = []
    kinds = osmium.osm.WAY | osmium.osm.RELATION
    for one in _elements(file, kinds, [osmium.filter.KeyFilter("highway", "route")]):
        tags = dict(one.tags)
        if not one.visible:
            continue
        if one.is_relation():
            if "highway" in tags and tags.get("type") == "multipolygon":
                areas.append((one.id, tags["highway"]))
        elif (
            ("highway" in tags or tags.get("route") == "ferry")
            # a file may hold several versions of a way; the last one counts
            and (one.id not in found or one.version > found[one.id][0])
        ):
            found[one.id] = (one.version, tags, [node.ref for node in one.nodes])
    drops += [
        ("roads", f"r{number}", f"highway={word} drawn as a multipolygon", "not read")
        for number, word in sorted(areas)
    ]
    return [(number, found[number][1], found[number][2]) for number in sorted(found)]


def _open_ways(
    ways: list[tuple[int, dict[str, str], list[int]]],
    mode: Mode,
    speeds: Speeds,
    drops: list[Drop],
) -> list[_Way]:
    """Return the ways that are open to the mode; list the others."""
    kept: list[_Way] = []
    classes: dict[str, int] = {}
    unknown: dict[str, int] = {}
    memory: dict[frozenset[tuple[str, str]], WayUse] = {}
    for number, tags, refs in ways:
        name = f"w{number}"
        if "highway" not in tags:
            drops.append(("roads", name, "route=ferry", NOT_READ[mode]))
            continue
        key = frozenset(item for item in tags.items() if item[0] not in ("name", "source"))
        use = memory.get(key)
        if use is None:
            use = memory[key] = way_use(tags, mode, speeds)
        if use.closed.startswith("highway="):
            classes[use.closed] = classes.get(use.closed, 0) + 1
        elif use.closed:
            what = f"highway={use.highway}, {use.closed}"
            drops.append(("roads", name, what, NOT_READ[mode]))
        elif len(refs) < 2:
            drops.append(("roads", name, "fewer than two nodes", "left out"))
        else:
            for word in use.unknown:
                unknown[word] = unknown.get(word, 0) + 1
            if use.note:
                drops.append(("roads", name, f"highway={use.highway}, area=yes", use.note))
            kept.append(_Way(number, tags, refs, use))
    for what, count in sorted(classes.items()):
        drops.append(("roads", "", f"{count} ways {what}", NOT_READ[mode]))
    for what, count in sorted(unknown.items()):
        drops.append(("roads", "", f"{count} ways {what}, not known", "at the speed of the class"))
    return kept


def _nodes(
    file: Path, ways: list[_Way], mode: Mode, drops: list[Drop]
) -> tuple[I64, F64, npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Return ids (sorted), lon and lat, which nodes stop the mode, which have lights."""
    wanted = {ref for way in ways for ref in way.refs}
    place = _indexed(file, wanted) if not wanted or min(wanted) >= 0 else _listed(file, wanted)
    ids = np.array(sorted(place), dtype=np.int64)
    fixed = np.array([place[i] for i in ids.tolist()], dtype=np.int64).reshape(-1, 2)
    stops: dict[int, str] = {}
    lights: set[int] = set()
    keys = osmium.filter.KeyFilter("barrier", "highway", "crossing", "crossing:signals")
    for node in _elements(file, osmium.osm.NODE, [keys]):
        if node.id not in place:
            continue
        tags = node.tags
        if "barrier" in tags and (why := blocks(dict(tags), mode)):
            stops[node.id] = why
        words = (tags.get(key, "") for key in ("highway", "crossing", "crossing:signals"))
        if is_signal(*words):
            lights.add(node.id)
    drops += [
        ("roads", f"n{i}", why, f"{NOT_READ[mode]} past it") for i, why in sorted(stops.items())
    ]
    blocked = np.isin(ids, np.array(list(stops), dtype=np.int64))
    signal = np.isin(ids, np.array(list(lights), dtype=np.int64))
    return ids, fixed / DEGREE, blocked, signal


def _indexed(file: Path, wanted: set[int]) -> dict[int, tuple[int, int]]:
    """Return fixed-point coordinates by node id, read through osmium's own index."""
    index = osmium.index.create_map("sparse_mem_map")  # takes nodes in any order
    filters = [
        osmium.filter.IdFilter(wanted),
        osmium.NodeLocationsForWays(index),
        osmium.filter.EntityFilter(osmium.osm.WAY),  # no node need come up into Python
    ]
    for _ in _elements(file, osmium.osm.NODE, filters):
        pass
    place: dict[int, tuple[int, int]] = {}
    for i in wanted:
        try:
            where = index.get(i)
        except KeyError:
            continue
        if where.valid():
            place[i] = (where.x, where.y)
    return place


def _listed(file: Path, wanted: set[int]) -> dict[int, tuple[int, int]]:
    """As :func:`_indexed`, for files of editors with negative ids, which the index cannot hold."""
    return {
        node.id: (node.location.x, node.location.y)
        for node in _elements(file, osmium.osm.NODE, [])
        if node.id in wanted and node.location.valid()
    }


def _segments(ways: list[_Way], node_id: I64, drops: list[Drop]) -> _Segments:
    """Cut ways into segments; a way whose nodes are not all in the file is cut there."""
    count = np.array([len(way.refs) for way in ways], dtype=np.int64)
    refs = np.array([ref for way in ways for ref in way.refs], dtype=np.int64)
    way = np.repeat(np.arange(len(ways), dtype=np.int32), count)
    if not node_id.size or not refs.size:
        empty = np.empty(0, dtype=np.int32)
        return _Segments(empty, empty, empty)
    position = np.minimum(np.searchsorted(node_id, refs), node_id.size - 1)
    there = node_id[position] == refs
    lost = np.bincount(way[~there], minlength=len(ways))
    for i in np.flatnonzero(lost).tolist():
        what = f"{lost[i]} of its {count[i]} nodes are not in the file"
        drops.append(("roads", f"w{ways[i].id}", what, "cut there"))
    joined = (way[:-1] == way[1:]) & there[:-1] & there[1:] & (refs[:-1] != refs[1:])
    where = np.flatnonzero(joined)
    return _Segments(
        position[where].astype(np.int32), position[where + 1].astype(np.int32), way[where]
    )


def _clipped(segments: _Segments, xy: F64, clip: Any, drops: list[Drop]) -> _Segments:
    """Return the segments with an end inside ``clip``."""
    shapely.prepare(clip)
    inside = shapely.intersects_xy(clip, xy[:, 0], xy[:, 1])
    keep = inside[segments.start] | inside[segments.stop]
    before, after = np.unique(segments.way).size, np.unique(segments.way[keep]).size
    if after < before:
        drops.append(("roads", "", f"{before - after} ways outside the study area", "left out"))
    return _Segments(segments.start[keep], segments.stop[keep], segments.way[keep])


def _parted(
    node_id: I64, segments: _Segments, blocked: npt.NDArray[np.bool_]
) -> tuple[I64, I64, _Segments]:
    """Give each segment its own copy of a node that stops the mode: all end there, none passes.

    Copies get new ids after the greatest id. Returns ids, the position each had, and segments.
    """
    ends = np.stack([segments.start, segments.stop], axis=1).reshape(-1)
    at = np.flatnonzero(blocked[ends])
    original = ends[at]
    ends[at] = node_id.size + np.arange(at.size, dtype=np.int32)
    # nodes that no segment uses any more are no nodes of the network
    every = np.concatenate([node_id, node_id.max(initial=0) + 1 + np.arange(at.size)])
    place = np.concatenate([np.arange(node_id.size), original])
    used, position = np.unique(ends, return_inverse=True)
    pairs = position.reshape(-1, 2).astype(np.int32)
    return (
        every[used],
        place[used],
        _Segments(pairs[:, 0], pairs[:, 1], segments.way),
    )


def _network(
    mode: Mode,
    speeds: Speeds,
    crs: pyproj.CRS,
    at: _Nodes,
    segments: _Segments,
    ways: list[_Way],
    drops: list[Drop],
) -> RoadNetwork:
    """Join segments into edges between junctions and measure them."""
    node_id, lonlat, xy = at.id, at.lonlat, at.xy
    uses = [way.use for way in ways]
    way_ids = np.array([way.id for way in ways], dtype=np.int64)
    # a way may only be open against its drawing: turn segments so that the faster way is forward
    turn = np.array([use.backward_kph > use.forward_kph for use in uses])[segments.way]
    start = np.where(turn, segments.stop, segments.start)
    stop = np.where(turn, segments.start, segments.stop)
    kinds: dict[tuple[Any, ...], int] = {}
    kind_of_way = np.array(
        [
            kinds.setdefault(
                (
                    use.highway,
                    max(use.forward_kph, use.backward_kph),
                    min(use.forward_kph, use.backward_kph),
                    use.stop,
                    use.bridge,
                    use.tunnel,
                ),
                len(kinds),
            )
            for use in uses
        ]
    )
    table = list(kinds)
    kind = kind_of_way[segments.way]
    directed = np.array([row[1] != row[2] for row in table])[kind]
    nodes = node_id.size
    indptr, touching = compressed_rows(np.concatenate([start, stop]), rows=nodes)
    touching %= start.size
    _, _, metres = ELLIPSOID.inv(
        lonlat[start, 0], lonlat[start, 1], lonlat[stop, 0], lonlat[stop, 1]
    )
    # summed as whole nanometres: exact, so the direction of a walk along the chain is no matter
    nanometres = np.floor(np.asarray(metres) * 1e9 + 0.5).astype(np.int64)
    kept = _junctions(indptr, touching, kind, directed, stop)
    signal, alone = served(
        np.flatnonzero(at.signal), start, stop, nanometres, indptr, touching,
        reach_m=speeds.delay.signal_reach_m,
    )  # fmt: skip
    signal |= alone
    if speeds.delay.signal_s[mode] > 0:
        kept |= alone  # only where they cost time does an edge end at lights between junctions
    order, against, first = walk_chains(start, stop, indptr, touching, kept)

    # a chain with a direction runs in it
    chain = np.repeat(np.arange(first.size - 1), np.diff(first))
    flip = (directed[order] & against)[first[:-1]]
    place = np.arange(order.size)
    place = np.where(flip[chain], first[chain] + first[chain + 1] - 1 - place, place)
    order, against = order[place], against[place] ^ flip[chain]

    enter = np.where(against, stop[order], start[order])
    leave = np.where(against, start[order], stop[order])
    tail, head = enter[first[:-1]], leave[first[1:] - 1]
    length_mm = (np.add.reduceat(nanometres[order], first[:-1]) + 500_000) // 1_000_000
    # the line of a chain: its first node, then the far end of each segment
    points = np.insert(xy[leave], first[:-1], xy[tail], axis=0)
    line = np.insert(chain, first[:-1], np.arange(tail.size))
    geometry = shapely.linestrings(points, indices=line)

    _check_stretch(float(shapely.length(geometry).sum()), float(length_mm.sum()) / 1000.0, crs)

    of = kind[order[first[:-1]]]
    fast = np.array([row[1] for row in table], dtype=float)[of]
    slow = np.array([row[2] for row in table], dtype=float)[of]
    words = np.array([row[0] for row in table], dtype=object)[of]
    flags = np.array([row[3:6] for row in table], dtype=bool).reshape(-1, 3)[of]
    joints = np.unique(np.concatenate([tail, head]))
    new = np.zeros(nodes, dtype=np.int32)
    new[joints] = np.arange(joints.size, dtype=np.int32)
    by = np.lexsort((length_mm, new[head], new[tail]))
    back = np.where(slow > 0, travel_ms(length_mm, np.where(slow > 0, slow, 1.0)), -1)
    return assemble(
        mode=mode,
        access_kph=speeds.access_kph(mode),
        crs=crs,
        node_id=node_id[joints],
        node_xy=xy[joints],
        tail=new[tail][by],
        head=new[head][by],
        length_mm=length_mm[by],
        forward_ms=travel_ms(length_mm, fast)[by],
        backward_ms=back[by],
        stoppable=flags[by, 0],
        highway=words[by],
        geometry=geometry[by],
        way_id=np.minimum.reduceat(way_ids[segments.way][order], first[:-1])[by],
        bridge=flags[by, 1],
        tunnel=flags[by, 2],
        signal=signal[joints],
        drops=drops_table(drops),
    )


def _check_stretch(planar_m: float, geodesic_m: float, crs: pyproj.CRS) -> None:
    """Raise where lengths in ``crs`` are not lengths on the ground: the wrong CRS for the place."""
    if abs(planar_m - geodesic_m) > MOST_STRETCH * geodesic_m:
        raise NetworkError(
            f"roads: {geodesic_m / 1000:.1f} km of streets measure {planar_m / 1000:.1f} km in "
            f"{crs.name}. Choose a working CRS made for where the streets are."
        )


def _junctions(
    indptr: I64,
    touching: I64,
    kind: I64,
    directed: npt.NDArray[np.bool_],
    stop: I32,
) -> npt.NDArray[np.bool_]:
    """Return the nodes where an edge must end: not exactly two alike segments in line."""
    degree = np.diff(indptr)
    kept: npt.NDArray[np.bool_] = degree != 2
    two = np.flatnonzero(~kept)
    a, b = touching[indptr[two]], touching[indptr[two] + 1]
    # of two segments with a direction, one must arrive and the other leave
    head_on = directed[a] & ((stop[a] == two) == (stop[b] == two))
    kept[two] = (kind[a] != kind[b]) | head_on
    return kept

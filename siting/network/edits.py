"""What if a bridge were built, a street closed, a bus street made slower: edits of a network.

An edit changes the arrays of a network that is there; no file is read and nothing is noded again,
so that many plans can be tried. The result is what reading the roads with these changes would
give: the same edges and times, but for a millisecond where an edge is divided
(``docs/method-roads.md``).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import shapely

from siting.crs import to_lonlat
from siting.errors import DataError, NetworkError, Problem
from siting.network.added import TABLE, Add, add_streets, bad_lines
from siting.network.delay import with_delay
from siting.network.graph import RoadNetwork, drops_table
from siting.network.redraw import Draft
from siting.network.speed_file import read_speeds
from siting.network.speeds import LEAST_KPH, MOST_KPH, Mode, Speeds, travel_ms

__all__ = [
    "TABLE",
    "Add",
    "Close",
    "Edit",
    "Retime",
    "Revised",
    "absent",
    "edited",
    "revised",
]

I64 = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]

JOIN_M = 1.0
NEAR_M = 50.0

TIME_FACTORS = (0.01, 1000.0)
"""Times are multiplied by numbers within these: beyond, a street is closed or takes no time."""


@dataclass(frozen=True)
class Close:
    """A street closed: all edges of a way, or the one nearest a point.

    Attributes
    ----------
    way
        ``way_id`` of the network; None where ``near`` alone says which edge.
    near
        Of the way's edges (of all, without ``way``) only that nearest this point is meant.
    modes
        Modes it is closed to; none means all.
    """

    way: int | None = None
    near: tuple[float, float] | None = None
    modes: tuple[Mode, ...] = ()


@dataclass(frozen=True)
class Retime:
    """Another speed on a street, in the directions that are open.

    Attributes
    ----------
    way, near
        As of :class:`Close`.
    mode
        Whose speed.
    kph
        The new speed, km/h, as a line layer would state it: the speeds' factor of the mode applies
        to it too; or
    time_factor
        what times are multiplied by (2 is half as fast).
    """

    mode: Mode
    way: int | None = None
    near: tuple[float, float] | None = None
    kph: float | None = None
    time_factor: float | None = None


Edit: TypeAlias = Add | Close | Retime


def edited(
    network: RoadNetwork,
    edits: Sequence[Edit],
    *,
    speeds: Speeds | None = None,
    join_m: float = JOIN_M,
    strict: bool = True,
) -> RoadNetwork:
    """Return the network with streets added, closed or retimed.

    Streets are closed and retimed first, then new ones are joined to what is left; the order of
    edits does not matter. A new street joins the nearest node within ``join_m`` of its end, else
    the nearest edge (one at grade before a bridge), which is divided there, else the end of
    another new street, else it is a dead end and listed.

    Parameters
    ----------
    network
        As read. Delays at junctions are worked out anew, by ``speeds``.
    edits
        What changes. Those that say another mode than the network's leave it as it is.
    speeds
        The speeds the network was read with.
    join_m
        How far an end may lie from what it joins, m.
    strict
        Refuse ways that the network does not have; else they are passed over, as befits one of
        several networks (:func:`absent` says what none of them has).

    Returns
    -------
    RoadNetwork
        Another ``version``; the network itself where nothing changes. Edges that are not touched
        keep their order; added ones come last, with negative ``way_id``: the first edit that adds
        has the greatest number below all others.

    Raises
    ------
    DataError
        All at once: ways that are not there, points with no street near, classes that are unknown,
        lines of fewer than two places, speeds and factors that are none, a street retimed twice, or
        retimed and closed.
    NetworkError
        No street is left; ``join_m`` is not a length.

    Examples
    --------
    >>> import geopandas as gpd
    >>> from shapely import LineString
    >>> from siting.network import from_lines
    >>> roads = gpd.GeoDataFrame(
    ...     {"highway": ["residential"]}, geometry=[LineString([(0, 0), (60, 0)])], crs=4547
    ... )
    >>> today = from_lines(roads, mode="walk")
    >>> edited(today, [Add(((30, 0), (30, 90)), "residential")]).length_mm.tolist()
    [30000, 30000, 90000]
    """
    return revised(network, edits, speeds=speeds, join_m=join_m, strict=strict).network


@dataclass(frozen=True, eq=False)
class Revised:
    """An edited network, and what became of the edges of the one before.

    Attributes
    ----------
    network
        As :func:`edited` returns it.
    origin
        int64 by its edges: the edge before that it is or is a piece of, −1 where added.
    start_mm
        int64, where on that edge it begins.
    """

    network: RoadNetwork
    origin: I64
    start_mm: I64


def revised(
    network: RoadNetwork,
    edits: Sequence[Edit],
    *,
    speeds: Speeds | None = None,
    join_m: float = JOIN_M,
    strict: bool = True,
) -> Revised:
    """As :func:`edited`, telling what became of each edge (for reattaching).

    Examples
    --------
    >>> import geopandas as gpd
    >>> from shapely import LineString
    >>> from siting.network import from_lines
    >>> roads = gpd.GeoDataFrame(
    ...     {"highway": ["residential"]}, geometry=[LineString([(0, 0), (60, 0)])], crs=4547
    ... )
    >>> today = from_lines(roads, mode="walk")
    >>> after = revised(today, [Add(((20, 0), (20, 90)), "residential")])
    >>> after.origin.tolist(), after.start_mm.tolist()
    ([0, 0, -1], [0, 20000, 0])
    """
    if not join_m >= 0:
        raise NetworkError(f"{TABLE}: join_m is {join_m}; give a length in metres from 0 up.")
    used = speeds if speeds is not None else read_speeds()
    problems = [
        Problem(TABLE, f"edit {i} is a {type(edit).__name__}", "Give Add, Close or Retime.")
        for i, edit in enumerate(edits, 1)
        if not isinstance(edit, (Add, Close, Retime))
    ]
    draft = Draft(network)
    lost: list[Problem] = []
    draft.gone |= _closed(network, edits, lost)
    retimed = _retime(draft, edits, used, problems, lost)
    problems += lost if strict else []
    adds = [(i, edit) for i, edit in enumerate(edits, 1) if isinstance(edit, Add)]
    problems += bad_lines(adds, used)
    if problems:
        raise DataError(problems)
    drops: list[tuple[str, str, str, str]] = []
    count = add_streets(draft, adds, used, join_m, drops) if adds else 0
    if not draft.gone.any() and not retimed and not count and not drops:
        return Revised(network, draft.origin, draft.start_mm)
    made = with_delay(draft.finished(drops_table(drops)), used)
    return Revised(made, draft.origin, draft.start_mm)


def absent(networks: Iterable[RoadNetwork], edits: Sequence[Edit]) -> list[Problem]:
    """Return what edits name that none of the networks has, of those the edit is for.

    Examples
    --------
    >>> absent([], [Close(way=7)])[0].what
    'edit 1 names a street that no network has'
    """
    problems = []
    kinds = list(networks)
    for number, edit in enumerate(edits, 1):
        if isinstance(edit, Add):
            continue
        tried: list[Problem] = []
        meant = [n for n in kinds if _is_for(edit, n.mode)]
        there = [n for n in meant if _edges(n, edit, number, tried).size]
        if not there:
            known = ", ".join(sorted({n.mode for n in kinds})) or "none"
            nothing = Problem(
                TABLE,
                f"edit {number} names a street that no network has",
                f"Correct it; the modes of this study are: {known}.",
            )
            problems.append(tried[0] if tried else nothing)
    return problems


def _is_for(edit: Close | Retime, mode: Mode) -> bool:
    return edit.mode == mode if isinstance(edit, Retime) else not edit.modes or mode in edit.modes


def _closed(network: RoadNetwork, edits: Sequence[Edit], lost: list[Problem]) -> Bool:
    """Return which edges are closed to the mode."""
    gone = np.zeros(network.tail.size, dtype=bool)
    for number, edit in enumerate(edits, 1):
        if isinstance(edit, Close) and _is_for(edit, network.mode):
            gone[_edges(network, edit, number, lost)] = True
    return gone


def _retime(
    draft: Draft,
    edits: Sequence[Edit],
    speeds: Speeds,
    problems: list[Problem],
    lost: list[Problem],
) -> bool:
    """Give edges other times; return whether any changed."""
    network = draft.network
    taken: dict[int, int] = {}
    for number, edit in enumerate(edits, 1):
        if not isinstance(edit, Retime):
            continue
        value = edit.kph if edit.kph is not None else edit.time_factor
        one = (edit.kph is None) != (edit.time_factor is None)
        if not one or value is None:
            problems.append(
                Problem(
                    TABLE,
                    f"edit {number} retimes a street and gives not one of kph and time_factor",
                    "Give one of them.",
                )
            )
            continue
        name = "time_factor" if edit.kph is None else "kph"
        least, most = TIME_FACTORS if edit.kph is None else (LEAST_KPH, MOST_KPH[edit.mode])
        if not least <= value <= most:
            problems.append(
                Problem(
                    TABLE,
                    f"edit {number} retimes a street with a {name} of {value:g}",
                    f"Give a number from {least:g} to {most:g}; close the street if nobody passes.",
                )
            )
            continue
        if not _is_for(edit, network.mode):
            continue
        edges = _edges(network, edit, number, lost)
        if edges.size and draft.gone[edges].all():
            problems.append(
                Problem(
                    TABLE,
                    f"edit {number} retimes a street that another edit closes",
                    "Leave one of them.",
                )
            )
            continue
        twice = sorted({taken[e] for e in edges.tolist() if e in taken})
        if twice:
            problems.append(
                Problem(
                    TABLE,
                    f"edits {', '.join(map(str, twice))} and {number} retime the same street",
                    "Leave one of them.",
                )
            )
            continue
        taken |= dict.fromkeys(edges.tolist(), number)
        for times in (draft.forward, draft.backward):
            open_ = edges[times[edges] >= 0]
            if edit.kph is not None:
                kph = edit.kph * speeds.factor(network.mode)
                times[open_] = travel_ms(network.length_mm[open_], kph)
            else:
                factor = float(edit.time_factor or 1.0)
                times[open_] = np.floor(times[open_] * factor + 0.5).astype(np.int64)
    return bool(taken)


def _edges(network: RoadNetwork, edit: Close | Retime, number: int, problems: list[Problem]) -> I64:
    """Return the edges an edit means."""
    nothing = np.empty(0, dtype=np.int64)
    if edit.way is None and edit.near is None:
        problems.append(Problem(TABLE, f"edit {number} names no street", "Give way, or near."))
        return nothing
    edges = np.arange(network.tail.size)
    if edit.way is not None:
        edges = np.flatnonzero(network.way_id == edit.way)
        if not edges.size:
            problems.append(
                Problem(
                    TABLE,
                    f"edit {number} names way {edit.way}, and no edge open to mode "
                    f"{network.mode!r} is called so",
                    "Correct the id; where ways were joined, the smallest id counts, or say near.",
                    (str(edit.way),),
                )
            )
            return nothing
    if edit.near is None:
        return edges
    distance = shapely.distance(network.geometry[edges], shapely.Point(edit.near))
    mm = np.floor(distance * 1000 + 0.5)
    least = int(np.argmin(np.where(np.isfinite(mm), mm, np.inf)))
    if not mm[least] <= NEAR_M * 1000:
        problems.append(
            Problem(
                TABLE,
                f"edit {number}: no such street within {NEAR_M:g} m of "
                f"{_place(network, edit.near)}",
                "Correct the point.",
            )
        )
        return nothing
    return edges[[least]]


def _place(network: RoadNetwork, xy: tuple[float, float]) -> str:
    """Return a place as a plan says it: longitude and latitude."""
    lon, lat = to_lonlat(network.crs, np.array([xy[0]]), np.array([xy[1]]))
    return f"{float(lon[0]):.5f}, {float(lat[0]):.5f}"

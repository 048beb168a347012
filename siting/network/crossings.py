"""How often a way crosses a trunk road or a railway: at grade, with lights, or above or below."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Protocol

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from siting.errors import DataError, Problem
from siting.network.given import POINTS, checked
from siting.network.graph import RoadNetwork
from siting.network.hazards import Hazards
from siting.network.meet import EPS_M, arm
from siting.network.sides import HAZARDS, KINDS, Came, Event, Junction, cost, merged
from siting.rules import Rule
from siting.rules import load as load_rules

I64 = npt.NDArray[np.int64]
F64 = npt.NDArray[np.float64]
Bool = npt.NDArray[np.bool_]
Objects = npt.NDArray[np.object_]

COLUMNS = tuple(f"{hazard}_{kind}" for hazard in HAZARDS for kind in KINDS)


class Ways(Protocol):
    """Ways as :class:`siting.travel_time.Paths` has them."""

    @property
    def demand_id(self) -> Objects:
        """Whose way it is."""
        ...

    @property
    def entry(self) -> I64:
        """Where the way enters its first street."""
        ...

    @property
    def indptr(self) -> I64:
        """First street of each way in ``edge``."""
        ...

    @property
    def edge(self) -> I64:
        """Streets, way after way."""
        ...

    @property
    def forward(self) -> Bool:
        """Whether each is walked as it is drawn."""
        ...

    @property
    def from_mm(self) -> I64:
        """Where on the street each begins."""
        ...

    @property
    def to_mm(self) -> I64:
        """Where on the street each ends."""
        ...


@dataclass(frozen=True)
class CrossingRules:
    """What counts as a crossing, and as one: rules ``crossing.*`` and ``network/crossings.toml``.

    Attributes
    ----------
    classes
        Road classes that are trunk roads.
    same_road_m, same_road_deg
        Carriageways and tracks this near, crossed in one direction to this many degrees, are one.
    signal_m
        Lights this near serve a crossing.
    """

    classes: frozenset[str]
    same_road_m: float
    same_road_deg: float
    signal_m: float


def crossing_rules(book: Mapping[str, Rule] | None = None) -> CrossingRules:
    """Return what counts by these rules, by those that ship with siting unless given.

    Examples
    --------
    >>> "trunk" in crossing_rules().classes
    True
    """
    told = tomllib.loads(
        resources.files("siting.network").joinpath("crossings.toml").read_text("utf-8")
    )
    used = book or load_rules()
    return CrossingRules(
        classes=frozenset(told["road"]["classes"]),
        same_road_m=used["crossing.same_road"].strict,
        same_road_deg=used["crossing.same_direction"].strict,
        signal_m=used["crossing.lights"].strict,
    )


def crossings(
    network: RoadNetwork,
    ways: Ways,
    demand_at: pd.DataFrame,
    site_at: pd.DataFrame,
    *,
    rules: CrossingRules | None = None,
    lines: gpd.GeoDataFrame | None = None,
    signals: gpd.GeoSeries | None = None,
    homes: gpd.GeoSeries | None = None,
    gates: gpd.GeoSeries | None = None,
) -> pd.DataFrame:
    """Count how often each way crosses a trunk road or a railway.

    The least number of crossings at grade that lead from the side of the home to the side of the
    site, then the least with lights: who walks along a trunk road crosses it once if he leaves it
    on the other side, and not at all if he leaves it on the same. The way back counts the same.

    Parameters
    ----------
    network
        The network of the ways.
    ways
        From :func:`siting.travel_time.paths`.
    demand_at, site_at
        The attachments they were found for.
    rules
        What counts; :func:`crossing_rules` unless given.
    lines
        Further lines in the CRS of the network that are crossed where the map has them cross:
        ``geometry``, ``hazard`` (``road``: one nobody walks along, ``rail``) and, where there is
        one, ``raised`` (on a bridge or in a tunnel).
    signals
        Lights besides those at nodes of the network.
    homes, gates
        The points that were attached, in the order of the attachments; their legs are looked at
        too. Without them every leg comes from the side that suits.

    Returns
    -------
    DataFrame
        Index ``demand_id``; ``road_level``, ``road_signalled``, ``road_grade_separated`` and the
        same of ``rail``: Int64, missing where no road leads to a site. A street that crosses one
        it does not join is grade-separated where either is a bridge or a tunnel, else at grade.

    Raises
    ------
    DataError
        CRS differs, geometries are not as asked, or homes and gates are not as many as there are.

    Examples
    --------
    >>> import geopandas as gpd
    >>> from shapely import LineString, Point
    >>> from siting.network import attach, from_lines
    >>> from siting.travel_time import paths
    >>> roads = gpd.GeoDataFrame(
    ...     {"highway": ["trunk", "trunk", "service", "service"]},
    ...     geometry=[LineString([a, (0, 0)]) for a in ((-90, 0), (90, 0), (0, -90), (0, 90))],
    ...     crs=4547,
    ... )
    >>> network = from_lines(roads, mode="walk")
    >>> points = gpd.GeoSeries([Point(5, 60), Point(5, -60)], index=["D1", "S1"], crs=4547)
    >>> at = attach(network, points, max_access_m=100, min_component_km=0)
    >>> home, gate = at.iloc[:1], at.iloc[1:]
    >>> crossings(network, paths(network, home, gate), home, gate)["road_level"].tolist()
    [1]
    """
    used = rules or crossing_rules()
    hazards = Hazards(
        network, np.unique(ways.edge), classes=used.classes, signal_m=used.signal_m,
        lines=lines, signals=signals,
    )  # fmt: skip
    walker = _Walker(hazards)
    feet = [
        _feet(hazards, at, points, name)
        for at, points, name in ((demand_at, homes, "homes"), (site_at, gates, "gates"))
    ]
    rows: list[list[object]] = []
    for i in range(len(ways.demand_id)):
        if ways.entry[i] < 0:
            rows.append([pd.NA] * len(COLUMNS))
            continue
        part = slice(int(ways.indptr[i]), int(ways.indptr[i + 1]))
        steps = list(
            zip(
                ways.edge[part].tolist(), ways.forward[part].tolist(),
                ways.from_mm[part].tolist(), ways.to_mm[part].tolist(), strict=True,
            )
        )  # fmt: skip
        events = walker.walked(feet[0](i), steps, feet[1](int(ways.entry[i])))
        counted = merged(events, within_m=used.same_road_m, within_deg=used.same_road_deg)
        rows.append([counted.get((h, k), 0) for h in HAZARDS for k in KINDS])
    index = pd.Index(ways.demand_id, name="demand_id", dtype="str")
    return pd.DataFrame(rows, index=index, columns=list(COLUMNS)).astype("Int64")


Step = tuple[int, bool, int, int]
"""Edge, forward, from mm, to mm."""

Found = tuple[int, tuple[Event, ...]]
"""What it took to come here by, and what was crossed."""


Turn = dict[tuple[bool | None, bool | None], tuple[Event, ...]]
"""From each side of the way in to each side of the way out, what is crossed."""


@dataclass(frozen=True)
class _Foot:
    """Where a point joins the network.

    Attributes
    ----------
    edge, offset_mm
        Its place.
    leg
        Vector from there to the point, None where it is not known or of no length.
    events
        What is crossed on the leg: metres from the point, and the events of a walker from it.
    """

    edge: int
    offset_mm: int
    leg: tuple[float, float] | None
    events: tuple[tuple[float, tuple[Event, ...]], ...]

    @property
    def leg_m(self) -> float:
        return 0.0 if self.leg is None else float(np.hypot(*self.leg))

    @property
    def angle(self) -> float | None:
        return None if self.leg is None else float(np.arctan2(self.leg[1], self.leg[0]))


def _feet(
    hazards: Hazards, at: pd.DataFrame, points: gpd.GeoSeries | None, name: str
) -> Callable[[int], _Foot]:
    """Return how to come by the foot of each row of attachments."""
    network = hazards.network
    edge = at["edge_id"].to_numpy(dtype=np.int64)
    offset = at["offset_mm"].to_numpy(dtype=np.int64)
    if points is None:
        return lambda i: _Foot(int(edge[i]), int(offset[i]), None, ())
    shapes = checked(network.crs, points, name, kinds=POINTS)
    if len(shapes) != len(at):
        raise DataError(
            Problem(
                name,
                f"{len(shapes)} points do not fit {len(at)} rows of attachments",
                "Give the points that were attached, in their order.",
            )
        )
    xy = shapely.get_coordinates(shapes)
    on = np.flatnonzero(edge >= 0)
    foot = xy.copy()
    share = offset[on] / np.maximum(network.length_mm[edge[on]], 1)
    place = shapely.line_interpolate_point(network.geometry[edge[on]], share, normalized=True)
    foot[on] = shapely.get_coordinates(place)
    events = hazards.on_legs(xy, foot)

    def found(i: int) -> _Foot:
        leg = xy[i] - foot[i]
        known = (float(leg[0]), float(leg[1])) if np.hypot(*leg) > EPS_M else None
        return _Foot(int(edge[i]), int(offset[i]), known, tuple(events.get(i, ())))

    return found


class _Walker:
    """Goes along ways, keeping to the side from which the least is crossed."""

    def __init__(self, hazards: Hazards) -> None:
        self.hazards, self.network = hazards, hazards.network
        self._angles: dict[tuple[int, bool], float | None] = {}
        self._turns: dict[tuple[int, bool, int, bool], Turn | None] = {}

    def walked(self, home: _Foot, steps: list[Step], gate: _Foot) -> list[Event]:
        """Return what is crossed from home to gate.

        Both ways of a street are walked in one direction, so that the way back counts the same.
        """
        back = [(e, not forward, to, begin) for e, forward, begin, to in reversed(steps)]
        if (back, gate.edge, gate.offset_mm) < (steps, home.edge, home.offset_mm):
            home, steps, gate = gate, back, home
        at_m = home.leg_m
        state = self._set_out(home, steps[0] if steps else None, gate, at_m)
        for k, (edge, forward, begin, stop) in enumerate(steps):
            state = self._along(state, edge, forward, begin, stop, at_m)
            at_m += abs(stop - begin) / 1000
            if k + 1 < len(steps):
                state = self._pass(state, edge, forward, *steps[k + 1][:2], at_m)
        if steps:
            state = self._arrive(state, steps[-1], gate, at_m)
        events = list(min(state.values())[1])
        for along, crossed in home.events:
            events += [e._replace(at_m=along) for e in crossed]
        for along, crossed in gate.events:
            events += [_turned(e, at_m + gate.leg_m - along) for e in crossed]
        return events

    def _set_out(
        self, home: _Foot, first: Step | None, gate: _Foot, at_m: float
    ) -> dict[bool | None, Found]:
        """Return what it takes to be on either side of the first street."""
        start: dict[bool | None, Found] = {None: (0, ())}
        node = self._at_node(home)
        if first is None:
            if node is not None:
                ends = Came(home.angle, False), Came(gate.angle, False)
                return self._turn(start, node, *ends, at_m)
            one, two = (self._side(home.edge, foot, True) for foot in (home, gate))
            if None in (one, two) or one == two:
                return start
            over = (self._across(home.edge, True, home.offset_mm, bool(two), at_m),)
            return {None: (cost(over), over)}
        edge, forward, _, _ = first
        if node is not None:
            return self._turn(
                start, node, Came(home.angle, False), self._arm(edge, at_tail=forward), at_m
            )
        if not self.hazards.is_hazard[edge]:
            return start
        side = self._side(edge, home, forward)
        return dict.fromkeys((True, False) if side is None else (side,), (0, ()))

    def _arrive(
        self, state: dict[bool | None, Found], last: Step, gate: _Foot, at_m: float
    ) -> dict[bool | None, Found]:
        """Return what it takes to come to the gate from the last street."""
        edge, forward, _, stop = last
        node = self._at_node(gate)
        if node is not None:
            came = self._arm(edge, at_tail=not forward)
            return self._turn(state, node, came, Came(gate.angle, False), at_m)
        side = self._side(edge, gate, forward)
        if side is None:
            return state
        ways = []
        if side in state:
            ways.append(state[side])
        if (not side) in state:
            spent, events = state[not side]
            over = (self._across(edge, forward, stop, side, at_m),)
            ways.append((spent + cost(over), events + over))
        return {None: min(ways)}

    def _along(
        self,
        state: dict[bool | None, Found],
        edge: int,
        forward: bool,
        begin: int,
        stop: int,
        at_m: float,
    ) -> dict[bool | None, Found]:
        """Return the state at the end of a step: what the street crosses on its way."""
        over: list[Event] = []
        for mm, events in self.hazards.on_edge.get(edge, ()):
            if min(begin, stop) <= mm <= max(begin, stop):
                at = at_m + abs(mm - begin) / 1000
                over += [e._replace(at_m=at) if forward else _turned(e, at) for e in events]
        if not over:
            return state
        more = tuple(over)
        return {s: (spent + cost(more), e + more) for s, (spent, e) in state.items()}

    def _pass(
        self,
        state: dict[bool | None, Found],
        edge: int,
        forward: bool,
        onto: int,
        onto_forward: bool,
        at_m: float,
    ) -> dict[bool | None, Found]:
        """Return the state after a junction between two streets; many ways turn alike."""
        key = (edge, forward, onto, onto_forward)
        if key not in self._turns:
            place = self.hazards.junction(self._node(edge, forward))
            hazard = self.hazards.is_hazard
            table = None
            if place is not None or hazard[edge] or hazard[onto]:
                came = self._arm(edge, at_tail=not forward)
                table = self._table(place, came, self._arm(onto, at_tail=onto_forward))
            self._turns[key] = table
        table = self._turns[key]
        return state if table is None else self._by(table, state, at_m)

    def _turn(
        self, state: dict[bool | None, Found], node: int, came: Came, goes: Came, at_m: float
    ) -> dict[bool | None, Found]:
        """Return the state after a junction."""
        return self._by(self._table(self.hazards.junction(node), came, goes), state, at_m)

    def _table(self, place: Junction | None, came: Came, goes: Came) -> Turn:
        """Return what is crossed from each side of the way in to each side of the way out."""
        if place is not None:
            return place.turn(came, goes, 0.0)
        sides: dict[bool, tuple[bool | None, ...]] = {True: (True, False), False: (None,)}
        return {(a, b): () for a in sides[came.is_hazard] for b in sides[goes.is_hazard]}

    def _by(
        self, table: Turn, state: dict[bool | None, Found], at_m: float
    ) -> dict[bool | None, Found]:
        result: dict[bool | None, Found] = {}
        for (one, two), over in table.items():
            if one not in state:
                continue
            spent, events = state[one]
            crossed = tuple(e._replace(at_m=at_m) for e in over)
            way = (spent + cost(over), events + crossed)
            if two not in result or way < result[two]:
                result[two] = way
        return result

    def _arm(self, edge: int, *, at_tail: bool) -> Came:
        """Return the direction in which a street leaves its tail or its head."""
        key = (edge, at_tail)
        if key not in self._angles:
            line = self.network.geometry[edge]
            start = 0.0 if at_tail else float(shapely.length(line))
            self._angles[key] = arm(line, start, ahead=at_tail)
        return Came(self._angles[key], bool(self.hazards.is_hazard[edge]))

    def _node(self, edge: int, forward: bool) -> int:
        return int((self.network.head if forward else self.network.tail)[edge])

    def _at_node(self, foot: _Foot) -> int | None:
        """Return the node a point stands at, None within an edge."""
        if foot.offset_mm == 0:
            return int(self.network.tail[foot.edge])
        if foot.offset_mm == self.network.length_mm[foot.edge]:
            return int(self.network.head[foot.edge])
        return None

    def _heading(self, edge: int, mm: int) -> tuple[float, float]:
        """Return the direction of an edge from tail to head at a place on it."""
        line = self.network.geometry[edge]
        along = mm / max(int(self.network.length_mm[edge]), 1) * float(shapely.length(line))
        ahead, behind = arm(line, along, ahead=True), arm(line, along, ahead=False)
        if ahead is None:
            ahead = 0.0 if behind is None else behind + np.pi
        return float(np.cos(ahead)), float(np.sin(ahead))

    def _side(self, edge: int, foot: _Foot, forward: bool) -> bool | None:
        """Return whether a point lies to the left of a walker along a hazard.

        None elsewhere and where it is not known.
        """
        if foot.leg is None or not self.hazards.is_hazard[edge]:
            return None
        x, y = self._heading(edge, foot.offset_mm)
        return bool((x * foot.leg[1] - y * foot.leg[0] > 0) == forward)

    def _across(self, edge: int, forward: bool, mm: int, to_left: bool, at_m: float) -> Event:
        """Return crossing the street one walks along, at a place of it."""
        x, y = self._heading(edge, mm)
        turn = 1.0 if to_left == forward else -1.0
        return Event(at_m, "road", "level", (-turn * y, turn * x))


def _turned(event: Event, at_m: float) -> Event:
    """Return the event of a walker the other way."""
    x, y = event.normal
    return event._replace(at_m=at_m, normal=(-x, -y))

"""What there is to cross: trunk roads of a network, railways, and where streets meet them."""

from __future__ import annotations

from collections.abc import Iterable

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import shapely

from siting.errors import DataError, Problem
from siting.network.given import LINES, POINTS, checked
from siting.network.graph import RoadNetwork
from siting.network.meet import EPS_M, arm, meetings, star
from siting.network.sides import HAZARDS, Came, Event, Hazard, Junction, Kind

I64 = npt.NDArray[np.int64]
F64 = npt.NDArray[np.float64]
Bool = npt.NDArray[np.bool_]
Objects = npt.NDArray[np.object_]


class Hazards:
    """Trunk roads of a network and other lines, as those who walk ``walked`` edges meet them.

    Attributes
    ----------
    is_hazard
        bool by edge of the network.
    on_edge
        By edge, what it crosses away from its ends: mm from its tail, and the events of a walker
        towards its head.
    """

    def __init__(
        self,
        network: RoadNetwork,
        walked: I64,
        *,
        classes: frozenset[str],
        signal_m: float,
        lines: gpd.GeoDataFrame | None,
        signals: gpd.GeoSeries | None,
    ) -> None:
        self.network, self.signal_m = network, signal_m
        self.is_hazard = np.isin(network.highway.astype(str), sorted(classes))
        self.own = np.flatnonzero(self.is_hazard)
        shapes, hazard, raised = _lines_of(network, lines)
        self.shapes = np.concatenate([network.geometry[self.own], shapes])
        own: list[Hazard] = ["road"] * self.own.size
        self.hazard = own + hazard
        self.raised = np.concatenate([(network.bridge | network.tunnel)[self.own], raised])
        lights = np.empty(0, dtype=object)
        if signals is not None:
            lights = checked(network.crs, signals, "signals", kinds=POINTS)
        lit = np.array(shapely.points(network.node_xy[network.signal]), dtype=object).reshape(-1)
        self.lights = shapely.STRtree(np.concatenate([lights, lit]))
        self.loose = shapely.STRtree(lights)
        self._junctions: dict[int, Junction | None] = {}
        self._incident = self._arms()
        self._meet(walked)

    def _arms(self) -> dict[int, list[tuple[float, bool, int]]]:
        """Return by node the directions in which trunk roads of the network leave it."""
        network = self.network
        found: dict[int, list[tuple[float, bool, int]]] = {}
        for i, edge in enumerate(self.own.tolist()):
            line = network.geometry[edge]
            for node, start, ahead in (
                (int(network.tail[edge]), 0.0, True),
                (int(network.head[edge]), float(shapely.length(line)), False),
            ):
                angle = arm(line, start, ahead=ahead)
                if angle is not None:
                    found.setdefault(node, []).append((angle, ahead, i))
        return found

    def _meet(self, walked: I64) -> None:
        """Find where streets of ways cross hazards that they do not join."""
        network = self.network
        found = meetings(network.geometry[walked], self.shapes)
        raised = network.bridge | network.tunnel
        drawn = shapely.length(network.geometry[walked]) if walked.size else np.empty(0)
        inner: dict[tuple[int, float], list[tuple[int, float]]] = {}
        self.at_node: dict[int, set[tuple[int, float]]] = {}
        order = np.lexsort((found.other, found.along, found.line))
        last = (-1, -1.0)
        for k in order.tolist():
            edge, other = int(walked[found.line[k]]), int(found.other[k])
            ends = (int(network.tail[edge]), int(network.head[edge]))
            along, length = float(found.along[k]), float(drawn[found.line[k]])
            through = (other, float(found.other_along[k]))
            at = None
            if along <= EPS_M or along >= length - EPS_M:
                at = ends[0] if along <= EPS_M else ends[1]
            if other < self.own.size:
                hazard = int(self.own[other])
                if hazard == edge:
                    continue
                joined = {int(network.tail[hazard]), int(network.head[hazard])}
                if at is not None and at in joined:
                    continue  # an arm of the junction already
            if at is not None:
                self.at_node.setdefault(at, set()).add(through)
                continue
            if last[0] != edge or along - last[1] > 2 * EPS_M:
                last = (edge, along)
            inner.setdefault(last, []).append(through)
        self.on_edge: dict[int, list[tuple[float, tuple[Event, ...]]]] = {}
        for (edge, along), lines in sorted(inner.items()):
            line = network.geometry[edge]
            events = self._over(line, along, lines, above=bool(raised[edge]))
            if events:
                share = along / float(shapely.length(line))
                mm = share * float(network.length_mm[edge])
                self.on_edge.setdefault(edge, []).append((mm, events))

    def _over(
        self,
        line: shapely.LineString,
        along: float,
        through: Iterable[tuple[int, float]],
        *,
        above: bool,
    ) -> tuple[Event, ...]:
        """Return what a line crosses at an inner place of it."""
        here = shapely.line_interpolate_point(line, along)
        place = self._junction_of([], through, above=above, lit=self._lit(here, self.lights))
        before, after = arm(line, along, ahead=False), arm(line, along, ahead=True)
        if before is None or after is None or place is None:
            return ()
        return place.turn(Came(before, False), Came(after, False), 0.0)[None, None]

    def _lit(self, place: shapely.Point, lights: shapely.STRtree) -> bool:
        return bool(lights.query(place, predicate="dwithin", distance=self.signal_m).size)

    def _junction_of(
        self,
        arms: list[tuple[float, bool, int]],
        through: Iterable[tuple[int, float]],
        *,
        above: bool,
        lit: bool,
    ) -> Junction | None:
        """Return the arms at a place: of streets that join it, and of lines that pass it."""
        level: Kind = "signalled" if lit else "level"
        joined = len(self.shapes)
        passing = []
        for other, along in sorted(set(through)):
            for ahead in (True, False):
                angle = arm(self.shapes[other], along, ahead=ahead)
                if angle is not None:
                    passing.append((angle, ahead, joined + other))
        around = star([*arms, *passing])
        if len(around.angle) < 2:
            return None
        kinds: list[Kind] = []
        hazards: list[Hazard] = []
        for key in around.key:
            other = key - joined
            hazards.append("road" if other < 0 else self.hazard[other])
            over = other >= 0 and (above or bool(self.raised[other]))
            kinds.append("grade_separated" if over else level)
        return Junction(around, tuple(hazards), tuple(kinds))

    def junction(self, node: int) -> Junction | None:
        """Return what there is to cross at a node."""
        if node not in self._junctions:
            arms = self._incident.get(node, [])
            through = self.at_node.get(node, set())
            found = None
            if arms or through:
                here = shapely.Point(self.network.node_xy[node])
                lit = bool(self.network.signal[node]) or self._lit(here, self.loose)
                found = self._junction_of(arms, through, above=False, lit=lit)
            self._junctions[node] = found
        return self._junctions[node]

    def on_legs(self, start: F64, stop: F64) -> dict[int, list[tuple[float, tuple[Event, ...]]]]:
        """Return by leg what is crossed on it: metres from its start, and the events."""
        some = np.flatnonzero(np.hypot(*(stop - start).T) > EPS_M)
        if not some.size:
            return {}
        drawn = np.empty(some.size, dtype=object)
        drawn[:] = shapely.linestrings(np.stack([start[some], stop[some]], axis=1))
        found = meetings(drawn, self.shapes)
        result: dict[int, list[tuple[float, tuple[Event, ...]]]] = {}
        places: list[tuple[int, float, list[tuple[int, float]]]] = []
        for k in np.lexsort((found.other, found.along, found.line)).tolist():
            i, along = int(found.line[k]), float(found.along[k])
            if not EPS_M < along < float(shapely.length(drawn[i])) - EPS_M:
                continue
            if not places or places[-1][0] != i or along - places[-1][1] > 2 * EPS_M:
                places.append((i, along, []))
            places[-1][2].append((int(found.other[k]), float(found.other_along[k])))
        for i, along, through in places:
            events = self._over(drawn[i], along, through, above=False)
            if events:
                result.setdefault(int(some[i]), []).append((along, events))
        return result


def _lines_of(
    network: RoadNetwork, lines: gpd.GeoDataFrame | None
) -> tuple[Objects, list[Hazard], Bool]:
    """Return further lines: their parts, and of each its hazard and whether it is raised."""
    if lines is None or not len(lines):
        return np.empty(0, dtype=object), [], np.zeros(0, dtype=np.bool_)
    wrong = [i for i, word in enumerate(lines["hazard"]) if word not in HAZARDS]
    if wrong:
        raise DataError(
            Problem(
                "lines",
                f"{len(wrong)} of {len(lines)} rows have a hazard that is none of "
                f"{', '.join(HAZARDS)}",
                "Use these words.",
                tuple(str(lines.index[i]) for i in wrong),
            )
        )
    shapes = checked(network.crs, lines.geometry, "lines", kinds=LINES)
    parts, of = shapely.get_parts(shapes, return_index=True)
    raised = np.zeros(len(lines), dtype=np.bool_)
    if "raised" in lines.columns:
        raised = lines["raised"].to_numpy(dtype=np.bool_)
    words = lines["hazard"].tolist()
    return parts, [words[i] for i in of.tolist()], raised[of]

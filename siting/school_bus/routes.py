"""The buses of one school: stops, seats, the order of pick-up, and how long each pupil rides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from siting.errors import DataError, Problem, StudyError
from siting.school_bus.search import FAR, Route, Trips, planned
from siting.school_bus.stops import Stops, told_of
from siting.travel_time import TravelTimes

I64 = npt.NDArray[np.int64]

ROUTE_COLUMNS = (
    "route_id", "site_id", "order", "stop_id", "arrival_ms", "dwell_ms", "leg_ms",
    "boarding", "load", "ride_ms",
)  # fmt: skip
NO_LIMIT = 2**46
"""Milliseconds no ride takes; below ``FAR``, so that "no way" is over every limit."""

MOST_VISITS = 5_000
"""Visits of one school, beyond which tables of all pairs would fill the memory: a slip, such as
everybody in a county going to school."""


@dataclass(frozen=True, eq=False)
class BusRoutes:
    """The buses of one school in the morning.

    Attributes
    ----------
    school
        Site id.
    seats
        Seats of a bus.
    routes
        One row a stop of a bus: ``route_id``, ``site_id`` (the school), ``order`` (from 1),
        ``stop_id``, ``arrival_ms`` (0 at the first stop), ``dwell_ms``, ``leg_ms`` (driving to the
        next stop or the school), ``boarding``, ``load`` (pupils aboard on leaving), ``ride_ms``
        (from the bus's arrival here to its arrival at the school).
    unserved
        Pupils at a stop whom no bus takes: ``stop_id``, ``persons``, ``why`` (``unreachable``,
        ``too_far``: even directly the ride is too long, or beyond the search; ``no_seat``: more
        buses would be needed than there are).
    """

    school: str
    seats: int
    routes: pd.DataFrame = field(repr=False)
    unserved: pd.DataFrame = field(repr=False)

    @property
    def buses(self) -> int:
        """Number of buses, each driving one route."""
        return int(self.routes["route_id"].nunique())

    @property
    def drive_ms(self) -> int:
        """Driving of all buses from their first stops to the school; no standing."""
        return int(self.routes["leg_ms"].sum())


def routes(
    between: TravelTimes,
    to_school: TravelTimes,
    boarding: pd.Series[int],
    *,
    school: str,
    seats: int,
    dwell_s: float,
    board_s: float,
    max_ride_min: float | None = None,
    buses: int | None = None,
) -> BusRoutes:
    """Build the morning routes of one school by savings and local improvement.

    Routes are open: a bus begins at its first stop and ends at the school; the way from a depot is
    not counted. The driving time of all buses is what is kept small, subject to seats and the
    longest ride; times are directed, so that one-way streets count as they are. A stop with more
    pupils than a bus can take is served by several buses, whole persons each. See
    ``docs/method-school-bus.md``.

    Parameters
    ----------
    between
        Driving times from stops to stops. A pair that is absent is not driven in a row.
    to_school
        Driving times from stops to schools.
    boarding
        Whole pupils of this school by stop id.
    school
        Site id of the school.
    seats
        Seats of a bus, at least 1.
    dwell_s, board_s
        Seconds a bus stands at a stop, and further seconds a boarding pupil.
    max_ride_min
        Longest ride, from the bus's arrival at a pupil's stop to its arrival at the school; no
        limit but the search's own where not given.
    buses
        Buses there are, each driving once. Where the routes of least driving need more, routes with
        the fewest buses are sought; pupils who still find no seat are listed.

    Returns
    -------
    BusRoutes
        Every pupil of ``boarding`` is on one route or listed with the reason.

    Raises
    ------
    StudyError
        Seats, seconds, limits or tables that cannot be; more visits of buses than
        ``MOST_VISITS``.
    DataError
        Stops that are not in the travel times or stand twice, pupils that are not whole.

    Examples
    --------
    Two stops on one road: the farther is picked up first.

    >>> import geopandas as gpd
    >>> from shapely import LineString
    >>> from siting.network import attach, from_lines
    >>> from siting.travel_time import table
    >>> road = gpd.GeoDataFrame(
    ...     {"highway": ["residential"], "speed_kph": [36.0]},
    ...     geometry=[LineString([(0, 0), (9000, 0)])], crs=4547)
    >>> drive = from_lines(road, mode="drive")
    >>> at = attach(drive, gpd.GeoSeries.from_xy([0, 3000, 6000], [0] * 3,
    ...     index=["school", "near", "far"], crs=4547), max_access_m=50, min_component_km=0)
    >>> stop_at, school_at = at.iloc[1:], at.iloc[:1]
    >>> between = table(drive, stop_at, stop_at, impedance="time", cutoff=3_600_000)
    >>> to_school = table(drive, stop_at, school_at, impedance="time", cutoff=3_600_000)
    >>> found = routes(between, to_school, pd.Series({"near": 5, "far": 2}), school="school",
    ...     seats=20, dwell_s=30, board_s=2)
    >>> found.routes[["order", "stop_id", "load"]].values.tolist()
    [[1, 'far', 2], [2, 'near', 7]]
    """
    longest = NO_LIMIT if max_ride_min is None else round(max_ride_min * 60_000)
    _check(between, to_school, seats, dwell_s, board_s, longest, buses)
    if problems := told_of(boarding, "stops"):
        raise DataError(problems)
    pupils = boarding[boarding > 0].sort_index()
    names = [str(i) for i in pupils.index]
    waiting: I64 = np.array(pupils, dtype=np.int64)
    ms, why = _matrix(between, to_school, names, school)
    stand, each = round(dwell_s * 1_000), round(board_s * 1_000)
    stop, load = _visits(waiting, ms[:-1, -1], why, stand, each, seats, longest, school)
    spread = np.append(stop, len(names))
    trips = Trips(
        ms=ms[np.ix_(spread, spread)],
        load=load,
        dwell=stand + each * load,
        seats=seats,
        longest=longest,
    )
    lines = planned(trips)
    lost: I64 = np.zeros(len(load), dtype=np.int64)
    if buses is not None and len(lines) > buses:
        trips, stop, lines, lost = _fewer(trips, stop, buses, stand, each)
    table = _table(trips, lines, [names[i] for i in stop], school)
    left = pd.DataFrame({"stop_id": names, "persons": waiting, "why": why})
    left.loc[left["why"] == "", "persons"] = 0
    for visit in np.flatnonzero(lost):
        left.loc[stop[visit], "persons"] += lost[visit]
        left.loc[stop[visit], "why"] = "no_seat"
    left = left[left["persons"] > 0].astype({"stop_id": "str", "why": "str"})
    return BusRoutes(school, seats, table, left.reset_index(drop=True))


def journeys(
    stops: Stops, plans: Sequence[BusRoutes], school_of: pd.Series[str], *, wait_ms: int
) -> pd.DataFrame:
    """Return every pupil's morning: the walk to the stop, the wait there, the ride.

    Where several buses of a school serve one stop, homes in the order of their ids fill the bus
    that rides the shortest first.

    Parameters
    ----------
    stops
        From :func:`siting.school_bus.stops`.
    plans
        The routes of every school.
    school_of
        School by ``demand_id``, of every home in ``stops``.
    wait_ms
        Wait at the stop, a parameter.

    Returns
    -------
    DataFrame
        ``demand_id``, ``site_id``, ``stop_id``, ``route_id``, ``persons``, ``walk_ms``,
        ``wait_ms``, ``ride_ms``, ``total_ms`` (−1 where there is no ride) and ``why`` (``""``, or
        why there is none: ``no_stop``, ``unattached``, ``unreachable``, ``too_far``, ``no_seat``).
        A home whose pupils take several buses has several rows.

    Examples
    --------
    >>> walks = pd.DataFrame({"demand_id": ["D1", "D2"], "stop_id": ["B1", "B1"],
    ...     "persons": [2, 3], "walk_ms": [60_000, 0], "walk_mm": [60_000, 0]})
    >>> stops = Stops(("B1",), walks, walks.iloc[:0])
    >>> route = pd.DataFrame([("S-01", "S", 1, "B1", 0, 0, 300_000, 4, 4, 300_000)],
    ...     columns=list(ROUTE_COLUMNS))
    >>> left = pd.DataFrame({"stop_id": ["B1"], "persons": [1], "why": ["no_seat"]})
    >>> plan = BusRoutes("S", 4, route, left)
    >>> school_of = pd.Series("S", index=["D1", "D2"])
    >>> found = journeys(stops, [plan], school_of, wait_ms=120_000)
    >>> found[["demand_id", "persons", "total_ms", "why"]].values.tolist()
    [['D1', 2, 480000, ''], ['D2', 2, 420000, ''], ['D2', 1, -1, 'no_seat']]
    """
    aboard: dict[tuple[str, str], list[list[int | str]]] = {}
    why: dict[tuple[str, str], str] = {}
    for plan in plans:
        served = plan.routes.sort_values(["ride_ms", "route_id"], kind="stable")
        for row in served.itertuples():
            aboard.setdefault((plan.school, str(row.stop_id)), []).append(
                [str(row.route_id), int(row.ride_ms), int(row.boarding)]  # type: ignore[arg-type]
            )
        for row in plan.unserved.itertuples():
            why[plan.school, str(row.stop_id)] = str(row.why)
    school_by = {str(home): str(school) for home, school in school_of.items()}
    rows: list[tuple[object, ...]] = []
    for home in stops.walks.sort_values("demand_id", kind="stable").itertuples():
        school = school_by[str(home.demand_id)]
        key, waiting = (school, str(home.stop_id)), int(home.persons)  # type: ignore[arg-type]
        walk = int(home.walk_ms)  # type: ignore[arg-type]
        place = aboard.get(key, [])
        while waiting and place:
            route_id, ride, seats = str(place[0][0]), int(place[0][1]), int(place[0][2])
            some = min(waiting, seats)
            total = walk + wait_ms + ride
            rows.append((home.demand_id, school, home.stop_id, route_id, some, walk, wait_ms, ride,
                         total, ""))  # fmt: skip
            waiting -= some
            place[0][2] = seats - some
            if seats == some:
                place.pop(0)
        if waiting:
            rows.append((home.demand_id, school, home.stop_id, "", waiting, walk, wait_ms, -1, -1,
                         why[key]))  # fmt: skip
    rows += [
        (home.demand_id, school_by[str(home.demand_id)], "", "", home.persons, -1, -1, -1, -1,
         home.why)
        for home in stops.without.sort_values("demand_id", kind="stable").itertuples()
    ]  # fmt: skip
    columns = ["demand_id", "site_id", "stop_id", "route_id", "persons", "walk_ms", "wait_ms",
               "ride_ms", "total_ms", "why"]  # fmt: skip
    whole = dict.fromkeys(("persons", "walk_ms", "wait_ms", "ride_ms", "total_ms"), np.int64)
    words = dict.fromkeys(("demand_id", "site_id", "stop_id", "route_id", "why"), "str")
    return pd.DataFrame(rows, columns=columns).astype(whole | words)  # type: ignore[operator]


def _check(
    between: TravelTimes,
    to_school: TravelTimes,
    seats: int,
    dwell_s: float,
    board_s: float,
    longest: int,
    buses: int | None,
) -> None:
    told = []
    if (between.impedance, to_school.impedance) != ("time", "time"):
        told.append("give driving times by time")
    if seats < 1:
        told.append(f"seats = {seats}; a bus has at least 1")
    if not (0 <= dwell_s < 3_600 and 0 <= board_s < 3_600):
        told.append(f"dwell_s = {dwell_s}, board_s = {board_s}; give seconds from 0 up")
    if longest <= 0:
        told.append("max_ride_min is not above 0")
    if buses is not None and buses < 0:
        told.append(f"buses = {buses}; give 0 or more")
    if told:
        raise StudyError("\n".join(f"school_bus.routes: {line}." for line in told))


def _matrix(
    between: TravelTimes, to_school: TravelTimes, names: Sequence[str], school: str
) -> tuple[I64, list[str]]:
    """Return driving between these stops and the school, and why a stop has no way there."""
    n = len(names)
    row_of = {name: at for at, name in enumerate(to_school.demand_id)}
    from_of = {name: at for at, name in enumerate(between.demand_id)}
    onto_of = {name: at for at, name in enumerate(between.site_id)}
    known = row_of.keys() & from_of.keys() & onto_of.keys()
    problems = []
    if lost := [name for name in names if name not in known]:
        problems.append(
            Problem("stops", f"{len(lost)} are not in the travel times",
                    "Compute driving times from every stop to every stop and school.", tuple(lost))
        )  # fmt: skip
    if school not in to_school.site_id.tolist():
        problems.append(
            Problem("schools", "the school is not in the travel times",
                    "Compute driving times to every school.", (school,))
        )  # fmt: skip
    if problems:
        raise DataError(problems)
    ms = np.full((n + 1, n + 1), FAR, dtype=np.int64)
    column = np.full(len(between.site_id), -1)
    column[[onto_of[name] for name in names]] = np.arange(n)
    goal = to_school.site_id.tolist().index(school)
    why = []
    for at, name in enumerate(names):
        row = from_of[name]
        part = slice(between.indptr[row], between.indptr[row + 1])
        onto = column[between.site[part]]
        ms[at, onto[onto >= 0]] = between.value[part][onto >= 0]
        row = row_of[name]
        part = slice(to_school.indptr[row], to_school.indptr[row + 1])
        here = to_school.value[part][to_school.site[part] == goal]
        if here.size:
            ms[at, n] = here[0]
        group = to_school.reach_class[row]
        leads = group >= 0 and bool(to_school.reachable[group, goal])
        why.append("" if here.size else "too_far" if leads else "unreachable")
    ms[np.arange(n), np.arange(n)] = 0
    ms[n] = 0
    return ms, why


def _visits(
    pupils: I64,
    direct: I64,
    why: list[str],
    stand: int,
    each: int,
    seats: int,
    longest: int,
    school: str,
) -> tuple[I64, I64]:
    """Return (stop, pupils) of the visits; stops too far even for one pupil are marked so."""
    stop: list[int] = []
    load: list[int] = []
    for at, waiting in enumerate(pupils.tolist()):
        if why[at]:
            continue
        spare = longest - int(direct[at]) - stand
        most = min(seats, spare // each if each else seats)
        if spare < 0 or most < 1:
            why[at] = "too_far"
            continue
        full, rest = divmod(waiting, most)
        if len(load) + full + (rest > 0) > MOST_VISITS:
            raise StudyError(
                f"school_bus.routes: the {int(pupils.sum())} pupils of {school} with {seats} seats "
                f"a bus need more than {MOST_VISITS} visits of buses to their stops. Give the "
                "group of people who ride (group), more seats, or stops that more of them share."
            )
        parts = [most] * full + ([rest] if rest else [])
        stop += [at] * len(parts)
        load += parts
    return np.array(stop, dtype=np.int64), np.array(load, dtype=np.int64)


def _fewer(
    trips: Trips, stop: I64, buses: int, stand: int, each: int
) -> tuple[Trips, I64, list[Route], I64]:
    """Return routes with at most ``buses`` buses, and the pupils they have to leave behind.

    First a further bus is made dearer than all driving together, so that routes are joined as long
    as seats and rides allow. If that is not enough, the routes with most pupils are kept (ties:
    least driving, then first visit) and pupils of the others are put, stop by stop, where most of
    them fit and the drive lengthens least.
    """
    n = trips.school
    dear = trips.ms.copy()
    dear[n, :n] = int(trips.ms[:n, n].sum()) + 1
    few = replace(trips, ms=dear)
    lines = planned(few)
    if len(lines) <= buses:
        return trips, stop, lines, np.zeros(n, dtype=np.int64)
    lines.sort(key=lambda r: (-int(trips.load[r].sum()), trips.cost([r]), r[0]))
    kept, dropped = lines[:buses], sorted(v for r in lines[buses:] for v in r)
    load, lost = trips.load.copy(), np.zeros(n, dtype=np.int64)
    for visit in dropped:
        wanting = int(load[visit])
        load[visit] = 0
        best: tuple[int, int, int, int] | None = None
        for number, route in enumerate(kept):
            free = min(wanting, trips.seats - int(load[route].sum()))
            if free < 1:
                continue
            load[visit] = free
            trial = replace(trips, load=load, dwell=stand + each * load)
            for place in range(len(route) + 1):
                longer = [*route[:place], visit, *route[place:]]
                if trial.allows(longer):
                    added = trips.cost([longer]) - trips.cost([route])
                    found = (-free, added, number, place)
                    best = found if best is None else min(best, found)
        load[visit] = 0 if best is None else -best[0]
        lost[visit] = wanting - load[visit]
        if best is not None:
            _, _, number, place = best
            kept[number] = [*kept[number][:place], visit, *kept[number][place:]]
    final = replace(trips, load=load, dwell=stand + each * load)
    return final, stop, sorted(kept, key=lambda r: r[0]), lost


def _table(trips: Trips, lines: list[Route], stop: Sequence[str], school: str) -> pd.DataFrame:
    rows: list[tuple[object, ...]] = []
    for number, route in enumerate(lines, start=1):
        clock = load = 0
        whole = trips.duration(route)
        legs = trips.ms[route, [*route[1:], trips.school]].tolist()
        for order, (visit, leg) in enumerate(zip(route, legs, strict=True), start=1):
            boards, stands = int(trips.load[visit]), int(trips.dwell[visit])
            load += boards
            rows.append((f"{school}-{number:02d}", school, order, stop[visit], clock, stands, leg,
                         boards, load, whole - clock))  # fmt: skip
            clock += stands + leg
    words = {"route_id": "str", "site_id": "str", "stop_id": "str"}
    numbers = {name: "int64" for name in ROUTE_COLUMNS if name not in words}
    return pd.DataFrame(rows, columns=list(ROUTE_COLUMNS)).astype(words | numbers)

"""Where the bus picks pupils up: stops given or chosen, and who walks to which."""

from __future__ import annotations

import heapq
from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from siting.demand import not_whole
from siting.errors import DataError, Problem, StudyError
from siting.network import RoadNetwork
from siting.travel_time import TravelTimes

I64 = npt.NDArray[np.int64]

WALK_COLUMNS = ("demand_id", "stop_id", "persons", "walk_ms", "walk_mm")


@dataclass(frozen=True, eq=False)
class Stops:
    """Stops and who walks to which.

    Attributes
    ----------
    stop_id
        The stops used, sorted.
    walks
        One row a home with pupils and a stop: ``demand_id``, ``stop_id``, ``persons``, ``walk_ms``,
        ``walk_mm``; in the order of the travel times.
    without
        Homes with pupils and no stop: ``demand_id``, ``persons``, ``why`` (``no_stop``: none within
        the walk allowed; ``unattached``: the home is on no road).
    """

    stop_id: tuple[str, ...]
    walks: pd.DataFrame
    without: pd.DataFrame

    @property
    def boarding(self) -> pd.Series[int]:
        """Pupils by stop."""
        return self.walks.groupby("stop_id", sort=True)["persons"].sum()


def stops(
    length: TravelTimes,
    time: TravelTimes,
    persons: pd.Series[int],
    *,
    max_walk_m: float,
    choose: bool,
) -> Stops:
    """Send pupils to stops, so that nobody walks farther than ``max_walk_m`` along the network.

    Pupils go to the stop that is quickest on foot of those within ``max_walk_m`` (ties: smallest
    stop id). With ``choose`` the places are candidates, and a greedy set cover takes the place that
    serves most pupils not yet served (ties: least walking of those pupils, then smallest id) until
    all who can be served are. The greedy cover needs at most ``1 + ln n`` times the fewest stops
    (Chvátal 1979, *Mathematics of Operations Research* 4(3)).

    Parameters
    ----------
    length, time
        Travel times on foot from homes to places, by length with a cutoff of at least
        ``max_walk_m``, and by time. Pairs that stand in one only are not used.
    persons
        Whole pupils by ``demand_id``; homes that are not named have none.
    max_walk_m
        The longest walk, m along the network, access legs included.
    choose
        Choose among the places (True), or use them as stops that are there (False).

    Raises
    ------
    StudyError
        The tables are not of the same homes and places, or stop short of ``max_walk_m``.
    DataError
        Pupils that are not whole or not at a home.

    Examples
    --------
    >>> from siting.network import attach, from_lines
    >>> from siting.travel_time import table
    >>> roads = gpd.GeoDataFrame(
    ...     {"highway": ["residential"]}, geometry=[shapely.LineString([(0, 0), (900, 0)])],
    ...     crs=4547)
    >>> walk = from_lines(roads, mode="walk")
    >>> homes = gpd.GeoSeries.from_xy([0, 200, 400, 900], [0] * 4, index=list("abcd"), crs=4547)
    >>> at = attach(walk, homes, max_access_m=50, min_component_km=0)
    >>> length = table(walk, at, at, impedance="length", cutoff=300_000)
    >>> time = table(walk, at, at, impedance="time", cutoff=600_000)
    >>> pupils = pd.Series([3, 2, 4, 1], index=list("abcd"))
    >>> stops(length, time, pupils, max_walk_m=300, choose=True).boarding.to_dict()
    {'b': 9, 'd': 1}
    """
    longest = round(max_walk_m * 1_000)
    _check(length, time, longest)
    people = _whole(persons, time.demand_id)
    row, place, ms, mm = _pairs(length, time, longest)
    wanted = people[row] > 0
    row, place, ms, mm = row[wanted], place[wanted], ms[wanted], mm[wanted]
    if choose:
        taken = _cover(row, place, people, ms, places=len(time.site_id))
        keep = taken[place]
        row, place, ms, mm = row[keep], place[keep], ms[keep], mm[keep]
    # of a home's stops the quickest, then the smallest id: site ids are sorted
    order = np.lexsort((place, ms, row))
    row, place, ms, mm = row[order], place[order], ms[order], mm[order]
    first = np.ones(len(row), dtype=bool)
    first[1:] = row[1:] != row[:-1]
    row, place, ms, mm = row[first], place[first], ms[first], mm[first]
    walks = pd.DataFrame(
        {
            "demand_id": pd.Series(time.demand_id[row], dtype="str"),
            "stop_id": pd.Series(time.site_id[place], dtype="str"),
            "persons": people[row],
            "walk_ms": ms,
            "walk_mm": mm,
        },
        columns=list(WALK_COLUMNS),
    )
    left = people > 0
    left[row] = False
    lost = np.flatnonzero(left)
    without = pd.DataFrame(
        {
            "demand_id": pd.Series(time.demand_id[lost], dtype="str"),
            "persons": people[lost],
            "why": pd.Series(np.where(time.attached[lost], "no_stop", "unattached"), dtype="str"),
        }
    )
    used = tuple(str(i) for i in time.site_id[np.unique(place)])
    return Stops(stop_id=used, walks=walks, without=without)


def kerbsides(network: RoadNetwork, at: pd.DataFrame) -> gpd.GeoSeries:
    """Return where attached points meet their street: places where a bus may stop.

    Parameters
    ----------
    network
        The network a bus uses.
    at
        Attachments of points to it (:func:`siting.network.attach`); those that are not attached
        have no kerbside.

    Returns
    -------
    GeoSeries
        Points on the edges, indexed by ``point_id``; of points that meet the street at one place
        the smallest id stands for all.

    Examples
    --------
    >>> from siting.network import attach, from_lines
    >>> roads = gpd.GeoDataFrame(
    ...     {"highway": ["residential"]}, geometry=[shapely.LineString([(0, 0), (900, 0)])],
    ...     crs=4547)
    >>> drive = from_lines(roads, mode="drive")
    >>> homes = gpd.GeoSeries.from_xy([100, 100, 300], [30, -20, 10], index=list("bac"), crs=4547)
    >>> at = attach(drive, homes, max_access_m=50, min_component_km=0)
    >>> kerbsides(drive, at).to_wkt().to_dict()
    {'a': 'POINT (100 0)', 'c': 'POINT (300 0)'}
    """
    on = at[at["edge_id"] >= 0].sort_values("point_id", kind="stable")
    edge = on["edge_id"].to_numpy(dtype=np.int64)
    length = np.maximum(network.length_mm[edge], 1)
    share = on["offset_mm"].to_numpy(dtype=np.int64) / length
    points = shapely.line_interpolate_point(network.geometry[edge], share, normalized=True)
    whole = np.rint(shapely.get_coordinates(points) * 1_000).astype(np.int64)
    found = gpd.GeoSeries(points, index=on["point_id"].to_numpy(), crs=network.crs)
    result: gpd.GeoSeries = found[~pd.DataFrame(whole).duplicated().to_numpy()]
    return result


def _check(length: TravelTimes, time: TravelTimes, longest: int) -> None:
    told = []
    if (length.impedance, time.impedance) != ("length", "time"):
        told.append("give the walk by length and by time")
    if list(length.demand_id) != list(time.demand_id) or list(length.site_id) != list(time.site_id):
        told.append("the two tables are of different homes or places; compute both for the same")
    if length.impedance == "length" and length.cutoff < longest:
        told.append(f"the walk by length stops at {length.cutoff} mm; set cutoff={longest}")
    if longest < 0:
        told.append(f"max_walk_m is {longest / 1_000:g}; give 0 or more")
    if told:
        raise StudyError("\n".join(f"school_bus.stops: {line}." for line in told))


def _whole(persons: pd.Series[int], homes: npt.NDArray[np.object_]) -> I64:
    """Return pupils in the order of the homes."""
    problems = told_of(persons, "homes")
    if unknown := sorted(set(persons.index) - set(homes.tolist())):
        problems.append(
            Problem(
                "pupils",
                f"{len(unknown)} homes are not in the travel times",
                "Compute travel times for all homes.",
                tuple(map(str, unknown)),
            )
        )
    if problems:
        raise DataError(problems)
    result: I64 = np.array(persons.reindex(pd.Index(homes)).fillna(0), dtype=np.int64)
    return result


def told_of(persons: pd.Series[int], where: str) -> list[Problem]:
    """Return what is wrong with pupils by place: parts of persons, or a place named twice."""
    bad = persons.index[not_whole(persons)]
    twice = persons.index[persons.index.duplicated()].unique()
    told = ((bad, "have pupils that are no whole number from 0 up", "Give whole persons."),
            (twice, "stand in several rows", "Give each one row."))  # fmt: skip
    return [
        Problem("pupils", f"{len(those)} {where} {what}", mend, tuple(map(str, those)))
        for those, what, mend in told
        if len(those)
    ]


def _pairs(length: TravelTimes, time: TravelTimes, longest: int) -> tuple[I64, I64, I64, I64]:
    """Return (home, place, ms, mm) of the pairs that both tables hold and the walk allows."""
    sites = max(1, len(time.site_id))

    def keys(table: TravelTimes) -> I64:
        row = np.repeat(np.arange(len(table.demand_id)), np.diff(table.indptr))
        result: I64 = row * sites + table.site
        return result

    by_length, by_time = keys(length), keys(time)
    near = length.value <= longest
    common, a, b = np.intersect1d(by_length[near], by_time, assume_unique=True, return_indices=True)
    return (
        common // sites,
        common % sites,
        time.value[b].astype(np.int64),
        length.value[near][a].astype(np.int64),
    )


def _cover(row: I64, place: I64, people: I64, ms: I64, *, places: int) -> npt.NDArray[np.bool_]:
    """Return which places a greedy set cover takes.

    A place's gain only falls as others are taken, so a stale entry at the top of the heap is
    reckoned anew and put back: the result is that of looking at all places every time.
    """
    order = np.argsort(place, kind="stable")
    bounds = np.searchsorted(place[order], np.arange(places + 1))
    served = np.zeros(len(people), dtype=bool)
    taken = np.zeros(places, dtype=bool)

    def gain(at: int) -> tuple[int, int, int]:
        mine = order[bounds[at] : bounds[at + 1]]
        mine = mine[~served[row[mine]]]
        who = people[row[mine]]
        return -int(who.sum()), int((who * ms[mine]).sum()), at

    heap = [gain(at) for at in range(places)]
    heapq.heapify(heap)
    while heap and heap[0][0] < 0:
        best = heapq.heappop(heap)
        now = gain(best[2])
        if now != best:
            heapq.heappush(heap, now)
            continue
        taken[best[2]] = True
        served[row[order[bounds[best[2]] : bounds[best[2] + 1]]]] = True
    return taken

"""Journeys by bus as travel times: by built routes, by a detour factor, or as a lower bound."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import numpy.typing as npt
import pandas as pd

from siting.errors import NetworkError, StudyError
from siting.rules import Rule
from siting.travel_time import LARGEST, TravelTimes

I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]


def by_detour(times: TravelTimes, factor: Rule, *, walk_ms: int, wait_ms: int) -> TravelTimes:
    """Return direct driving times × a detour factor, plus the walk to a stop and the wait there.

    ``floor(time · factor + 1/2) + walk + wait``, in whole milliseconds, rounded once. The factor is
    the rule's value, else the strict (here the low) end of its range; see :func:`ranged`.

    Parameters
    ----------
    times
        Direct driving times, by time.
    factor
        A rule in ``factor`` of at least 1: a bus is never quicker than the direct way.
    walk_ms, wait_ms
        Added to every journey.

    Raises
    ------
    StudyError
        Not times, a factor below 1, or a negative walk or wait.
    NetworkError
        A journey longer than a table can hold.

    Examples
    --------
    >>> import numpy as np
    >>> from siting import rules
    >>> direct = TravelTimes("drive", "time", 1000, 0, np.array(["d"], object),
    ...     np.array(["s"], object), np.array([0, 1]), np.array([0], np.int32),
    ...     np.array([601], np.int32), np.array([0]), np.array([True]), np.array([0], np.int32),
    ...     ((0,),), np.array([0], np.int32), np.array([[True]]))
    >>> by_detour(direct, rules.load()["bus.detour_factor"], walk_ms=100, wait_ms=50).value.tolist()
    [991]
    """
    if times.impedance != "time":
        raise StudyError(f"by_detour needs travel times by time, these are by {times.impedance}.")
    number = _exact(factor)
    if factor.measure != "factor" or number < 1:
        raise StudyError(
            f"rule {factor.id} is {factor.measure} {float(number):g}; a detour is a factor of 1 or "
            "more. Correct the rule."
        )
    if walk_ms < 0 or wait_ms < 0:
        raise StudyError("by_detour: the walk and the wait are 0 or more. Correct them.")
    more = walk_ms + wait_ms
    value = _scaled(times.value.astype(np.int64), number) + more
    if value.size and int(value.max()) > LARGEST:
        raise NetworkError(
            f"by_detour: a journey takes {int(value.max())} ms, more than {LARGEST}. "
            "Check speeds and the factor."
        )
    cutoff = int(_scaled(np.array([times.cutoff]), number)[0]) + more
    return replace(times, value=value.astype(np.int32), cutoff=min(cutoff, LARGEST))


def lower_bound(times: TravelTimes) -> TravelTimes:
    """Return direct times marked as what they are for a bus: at least so long.

    They show who is out of reach; they cannot show that a hard rule is kept
    (:func:`siting.coverage.may_pass`).

    Examples
    --------
    >>> import geopandas as gpd
    >>> from shapely import LineString, Point
    >>> from siting.network import attach, from_lines
    >>> from siting.travel_time import table
    >>> roads = gpd.GeoDataFrame(
    ...     {"highway": ["residential"]}, geometry=[LineString([(0, 0), (900, 0)])], crs=4547
    ... )
    >>> drive = from_lines(roads, mode="drive")
    >>> where = gpd.GeoSeries([Point(0, 0), Point(900, 0)], index=["D1", "S1"], crs=4547)
    >>> at = attach(drive, where, max_access_m=50, min_component_km=0)
    >>> direct = table(drive, at.iloc[:1], at.iloc[1:], impedance="time", cutoff=600_000)
    >>> lower_bound(direct).reach(["S1"])["bound"].tolist()
    ['lower']
    """
    return replace(times, bound="lower")


def ranged(speed: Rule, factor: Rule) -> Rule:
    """Return the range of speed that times by detour are judged over: speed ÷ detour.

    A time ``t`` at speed ``v`` and detour ``f`` is ``t·(v/f)/(u/g)`` at speed ``u`` and detour
    ``g``. The walk and the wait are scaled with it: the strict end is a little too strict, the
    loose end a little too loose.

    Parameters
    ----------
    speed
        Factor of driving speed, with its range.
    factor
        The detour, with its range.

    Examples
    --------
    >>> from siting import rules
    >>> book = rules.load()
    >>> both = ranged(book["drive.speed_factor"], book["bus.detour_factor"])
    >>> round(both.low, 3), round(both.strict, 3), round(both.high, 3)
    (0.4, 0.714, 1.0)
    """
    least, most = (Fraction(repr(end)) for end in factor.bounds)
    low, high = (Fraction(repr(end)) for end in speed.bounds)
    value = Fraction(repr(speed.strict)) / _exact(factor)
    return speed.model_copy(
        update={
            "id": f"{speed.id} / {factor.id}",
            "value": float(value),
            "low": min(float(low / most), float(value)),
            "high": max(float(high / least), float(value)),
        }
    )


def by_routes(direct: TravelTimes, journeys: pd.DataFrame) -> TravelTimes:
    """Return journeys as travel times: every home to its own school, and to no other.

    Where a home's pupils take several buses the longest journey counts, for a rule is about every
    pupil; where some of them find no seat, the home has no journey. Which schools roads lead to,
    and the parts of the network, are as in ``direct``; a journey leads to its school even where no
    street for cars does, as for those who walk.

    Parameters
    ----------
    direct
        Direct driving times from all homes to all schools.
    journeys
        ``demand_id``, ``site_id``, ``total_ms`` (−1 where there is none): from
        :func:`siting.school_bus.journeys`, and those who walk.

    Raises
    ------
    NetworkError
        A journey longer than a table can hold.

    Examples
    --------
    >>> import geopandas as gpd
    >>> from shapely import LineString, Point
    >>> from siting.network import attach, from_lines
    >>> from siting.travel_time import table
    >>> roads = gpd.GeoDataFrame(
    ...     {"highway": ["residential"]}, geometry=[LineString([(0, 0), (900, 0)])], crs=4547
    ... )
    >>> drive = from_lines(roads, mode="drive")
    >>> where = gpd.GeoSeries([Point(0, 0), Point(900, 0)], index=["D1", "S1"], crs=4547)
    >>> at = attach(drive, where, max_access_m=50, min_component_km=0)
    >>> direct = table(drive, at.iloc[:1], at.iloc[1:], impedance="time", cutoff=600_000)
    >>> morning = pd.DataFrame({"demand_id": ["D1"], "site_id": ["S1"], "total_ms": [480_000]})
    >>> by_routes(direct, morning).reach(["S1"])["impedance"].tolist()
    [480000]
    """
    total = journeys.groupby("demand_id", sort=True)["total_ms"].agg(["min", "max"])
    site = journeys.groupby("demand_id", sort=True)["site_id"].first()
    total = total[total["min"] >= 0]
    if len(total) and int(total["max"].max()) > LARGEST:
        raise NetworkError(f"school bus: a journey takes more than {LARGEST} ms. Check speeds.")
    homes = pd.Index(direct.demand_id)
    has = homes.isin(total.index)
    mine = homes[has]
    position = {name: at for at, name in enumerate(direct.site_id)}
    goal = np.array([position[s] for s in site.loc[mine]], dtype=np.int64)
    reach_class, reachable = _led(direct, np.flatnonzero(has), goal)
    return replace(
        direct,
        cutoff=LARGEST,  # every journey is known; who has none has none at any distance
        k=0,
        indptr=np.concatenate([[0], np.cumsum(has)]).astype(np.int64),
        site=goal.astype(np.int32),
        value=total["max"].loc[mine].to_numpy(dtype=np.int32),
        access=np.where(has, 0, direct.access),
        attached=direct.attached | has,
        reach_class=reach_class,
        reachable=reachable,
    )


def _led(direct: TravelTimes, row: I64, goal: I64) -> tuple[I32, Bool]:
    """Return ``reach_class`` and ``reachable`` once each of these homes can come to its school."""
    nowhere = np.zeros((1, len(direct.site_id)), dtype=np.bool_)
    leads = np.concatenate([direct.reachable, nowhere])  # class −1, of no street, is the last
    new = ~leads[direct.reach_class[row], goal]
    row, goal = row[new], goal[new]
    kinds, number = np.unique(
        np.stack([direct.reach_class[row], goal]), axis=1, return_inverse=True
    )
    more = leads[kinds[0]]
    more[np.arange(len(more)), kinds[1]] = True
    reach_class = direct.reach_class.copy()
    reach_class[row] = len(direct.reachable) + number.reshape(-1)
    return reach_class, np.concatenate([direct.reachable, more])


def _exact(rule: Rule) -> Fraction:
    """Read the rule's number as the decimal it was written as."""
    return Fraction(repr(float(rule.strict)))


def _scaled(values: I64, number: Fraction) -> I64:
    """Multiply whole numbers by a fraction, half up."""
    result: I64 = (2 * values * number.numerator + number.denominator) // (2 * number.denominator)
    return result

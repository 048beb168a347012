"""Most persons served within a threshold, then least person-time, then smallest id."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse import csgraph

from siting import kernels
from siting.allocation.areas import within_areas
from siting.allocation.result import Allocation, Homes, allocation, homes_of
from siting.allocation.seats import seats_at
from siting.allocation.transport import Problem, problem, solved
from siting.demand import whole_persons
from siting.errors import StudyError
from siting.travel_time import is_covered

if TYPE_CHECKING:
    from siting.travel_time import TravelTimes


def max_served(
    times: TravelTimes,
    persons: pd.Series[int],
    *,
    open_sites: Collection[str],
    threshold: int,
    capacity: pd.Series[int],
    islands: NDArray[np.bool_] | None = None,
    seated: pd.Series[int] | None = None,
    shift: pd.Series[int] | None = None,
    zone_of: pd.Series[str] | None = None,
    eligible: pd.DataFrame | None = None,
) -> Allocation:
    r"""Seat as many persons as can be within the threshold.

    With persons :math:`w_i`, seats :math:`c_j` and impedance :math:`t_{ij}`, over the pairs
    :math:`t_{ij} \le T`:

    .. math:: \max \sum x_{ij}, \quad \text{then} \; \min \sum t_{ij} x_{ij}, \quad
              \sum_j x_{ij} \le w_i, \; \sum_i x_{ij} \le c_j, \; x_{ij} \ge 0

    A transportation problem, so that whole persons and seats have a whole answer (Hoffman &
    Kruskal 1956); solved exactly by successive shortest paths. Of equal answers that one is given
    in which the persons without a seat, by demand id from first to last, are lexicographically
    least: the smaller id keeps the seat. The answer is held against its prices before it is
    returned: they prove it.

    Parameters
    ----------
    times
        Travel times from demand to all sites.
    persons
        Whole persons by demand id; points that are not named have none.
    open_sites
        Sites that are open.
    threshold
        Integer milliseconds or millimetres; at the threshold is within it.
    capacity
        Seats by site id, nullable: every open site needs a number.
    islands
        By demand as in ``times``, who is not assessed where no road leads to an open site; those
        whom none leads to any of ``open_sites`` by default.
    seated
        Persons by demand id who keep a seat before anybody else has one. Where all of them can, as
        those of a smaller threshold can within a larger one, as many are served as without this.
    shift
        By demand id, in the unit of the threshold: how much farther (below 0: nearer) than their
        impedance people are held to live where the threshold is applied; points not named: 0.
    zone_of, eligible
        Admission areas, as in :func:`siting.travel_time.table`: the zone of every demand id, and
        ``zone_id`` and ``site_id`` of the sites that it may use; a zone without a row has none.
        Whoever reaches no site of these is out of reach. Everybody may go everywhere by default.

    Returns
    -------
    Allocation
        ``status`` is ``optimal``, ``bound`` the persons served, ``gap`` 0.

    Raises
    ------
    DataError
        An open site without capacity, by name; unknown sites or points; persons not whole.
    StudyError
        The threshold lies beyond the cutoff of the travel times.
    SolverError
        The answer does not keep its own proof: a fault of siting.

    Examples
    --------
    Four people and six, as near to a school with five seats; the first home alone is also in reach
    of one with three. Both lose as much by moving, so the smaller id keeps its seats.

    >>> import geopandas as gpd
    >>> from shapely import LineString, Point
    >>> from siting.network import attach, from_lines
    >>> from siting.travel_time import table
    >>> roads = gpd.GeoDataFrame({"highway": ["residential"]},
    ...                          geometry=[LineString([(0, 0), (1000, 0)])], crs=4547)
    >>> walk = from_lines(roads, mode="walk")
    >>> places = gpd.GeoSeries([Point(300, 0), Point(500, 0), Point(400, 0), Point(0, 0)],
    ...                        index=["d1", "d2", "near", "off"], crs=4547)
    >>> at = attach(walk, places, max_access_m=100, min_component_km=0)
    >>> times = table(walk, at.iloc[:2], at.iloc[2:], impedance="length", cutoff=500_000)
    >>> found = max_served(times, pd.Series({"d1": 4, "d2": 6}), open_sites=["near", "off"],
    ...                    threshold=300_000, capacity=pd.Series({"near": 5, "off": 3}))
    >>> found.table[["demand_id", "site_id", "persons"]].values.tolist()
    [['d1', 'near', 1], ['d1', 'off', 3], ['d2', 'near', 4]]
    >>> found.unserved.values.tolist()
    [['d2', 2, 'no_seat']]
    """
    seats = seats_at(capacity, open_sites)
    homes = homes_of(
        times,
        persons,
        open_sites=open_sites,
        threshold=threshold if shift is None else None,
        islands=islands,
    )
    if shift is not None:
        homes = _shifted(homes, shift, threshold, times.cutoff)
    homes = within_areas(homes, times.site_id, zone_of, eligible)
    keeps = np.zeros(len(homes.persons), np.int64)
    if seated is not None:
        order = np.argsort(np.asarray(times.demand_id, dtype=str), kind="stable")
        keeps = np.minimum(whole_persons(seated, times.demand_id)[order], homes.persons)
    asked, pair, _ = problem(homes, keeps, seats)
    flow = np.zeros(len(homes.row), np.int64)
    np.add.at(flow, pair, solved(asked)[0])
    in_reach = np.zeros(len(homes.persons), dtype=bool)
    in_reach[homes.row] = True
    served = np.zeros(len(homes.persons), np.int64)
    np.add.at(served, homes.row, flow)
    return allocation(
        "max_served", homes, flow, np.where(in_reach, homes.persons - served, 0), proved=True
    )


def without_each(
    times: TravelTimes,
    persons: pd.Series[int],
    *,
    open_sites: Collection[str],
    threshold: int,
    capacity: pd.Series[int],
    counted: pd.Series[bool] | None = None,
    zone_of: pd.Series[str] | None = None,
    eligible: pd.DataFrame | None = None,
    threads: int | None = None,
) -> pd.DataFrame:
    """Return how many persons lose their seat if each open site alone shuts, by ``max_served``.

    Equal, site by site and person by person, to :func:`max_served` with all sites and without the
    one; worked out from the one answer with all of them (:func:`siting.kernels.without_each`). A
    closure gives nobody a seat who had none, so nobody's loss is another's gain.

    Parameters
    ----------
    times, persons, open_sites, threshold, capacity, zone_of, eligible
        As in :func:`max_served`.
    counted
        By demand id, whose persons are counted; everybody by default. All compete.
    threads
        Threads to search with; all by default. Changes nothing but the time taken.

    Returns
    -------
    DataFrame
        By ``site_id``, sorted: ``seated`` (int64, who has a seat there; of sites equally good for
        them, the order of ids says which) and ``lost`` (int64, who has none without it).

    Raises
    ------
    DataError, StudyError, SolverError
        As :func:`max_served`.

    Examples
    --------
    Five seats for four people, and three more that only they reach: without the five one is left.

    >>> from siting.travel_time import TravelTimes
    >>> times = TravelTimes(
    ...     mode="walk", impedance="length", cutoff=9, k=0,
    ...     demand_id=np.array(["d"], dtype=object), site_id=np.array(["A", "B"], dtype=object),
    ...     indptr=np.array([0, 2]), site=np.array([0, 1], dtype=np.int32),
    ...     value=np.array([2, 7], dtype=np.int32), access=np.array([0]),
    ...     attached=np.array([True]), component=np.array([0], dtype=np.int32),
    ...     site_components=((0,), (0,)), reach_class=np.array([0], dtype=np.int32),
    ...     reachable=np.array([[True, True]]))
    >>> without_each(times, pd.Series({"d": 4}), open_sites=["A", "B"], threshold=9,
    ...              capacity=pd.Series({"A": 5, "B": 3})).to_dict("index")
    {'A': {'seated': 4, 'lost': 1}, 'B': {'seated': 0, 'lost': 0}}
    """
    seats = seats_at(capacity, open_sites)
    homes = homes_of(times, persons, open_sites=open_sites, threshold=threshold, islands=None)
    homes = within_areas(homes, times.site_id, zone_of, eligible)
    asked, _, home = problem(homes, np.zeros(len(homes.persons), np.int64), seats)
    flow, price = solved(asked)
    counts = np.ones(len(home), dtype=np.bool_)
    if counted is not None:
        counts = counted.reindex(homes.demand_id[home]).fillna(False).to_numpy(dtype=np.bool_)
    seated = np.zeros(len(seats), np.int64)
    np.add.at(seated, asked.site, flow * counts[asked.row])

    whose = _whose(asked, counts)

    def shut(first: int, last: int) -> NDArray[np.int64]:
        lost: NDArray[np.int64] = kernels.without_each(
            *asked, flow, price, counts, whose, first, last
        )
        return lost

    workers = threads or kernels.default_threads()
    parts = kernels.parallel_blocks(shut, len(seats), threads=workers)
    lost = np.concatenate([*parts, np.empty(0, np.int64)])
    return pd.DataFrame(
        {"seated": seated, "lost": lost},
        index=pd.Index(homes.sites.astype(str), name="site_id", dtype="str"),
    )


def _whose(asked: Problem, counts: NDArray[np.bool_]) -> NDArray[np.int8]:
    """Return by site whether everybody, some or nobody is counted of those joined to it.

    Joined are homes that can choose the same site, and who is joined to these.
    """
    sites, row = len(asked.seats), asked.row
    size = sites + len(asked.persons)
    choices = sparse.coo_array((np.ones(len(row), np.int8), (asked.site, sites + row)), (size,) * 2)
    parts, part = csgraph.connected_components(choices.tocsr(), directed=False)
    there = asked.persons > 0
    some, others = np.zeros(parts, np.bool_), np.zeros(parts, np.bool_)
    some[part[sites:][there & counts]] = True
    others[part[sites:][there & ~counts]] = True
    told = np.where(others, np.where(some, kernels.SOME, kernels.NOBODY), kernels.EVERYBODY)
    return told[part[:sites]].astype(np.int8)


def _shifted(homes: Homes, shift: pd.Series[int], threshold: int, cutoff: int) -> Homes:
    """Return homes with the pairs that are within the threshold from where people may live."""
    by = np.asarray(shift.reindex(homes.demand_id).fillna(0), dtype=np.int64)
    needed = threshold - int(by[homes.persons > 0].min(initial=0))
    if needed > cutoff:
        raise StudyError(
            f"max_served: the loose end of the threshold {threshold} looks {needed} far, beyond "
            f"the cutoff {cutoff} of the travel times. Compute them with cutoff={needed} or more."
        )
    within = is_covered(np.maximum(homes.value + by[homes.row], 0), threshold)
    return homes._replace(row=homes.row[within], site=homes.site[within], value=homes.value[within])

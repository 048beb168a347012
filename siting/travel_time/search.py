"""The nearest site of every demand point, and the table that says so."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from siting import kernels
from siting.kernels import NEVER
from siting.network import RoadNetwork
from siting.travel_time.question import Impedance, Question

I64 = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]
Objects = npt.NDArray[np.object_]

STATES = ("reached", "beyond_cutoff", "unreachable", "unattached")


def nearest(
    network: RoadNetwork,
    demand_at: pd.DataFrame,
    site_at: pd.DataFrame,
    *,
    impedance: Impedance = "time",
    cutoff: int | None = None,
) -> pd.DataFrame:
    """Return the nearest site of each demand point: one search for all of them.

    Parameters
    ----------
    network
        The network both were attached to.
    demand_at, site_at
        Attachments (:func:`siting.network.attach`). A site may have several rows: the least over
        its entrances counts. Demand ids are unique.
    impedance
        ``"time"`` in ms or ``"length"`` in mm.
    cutoff
        Search limit in that unit; None for none.

    Returns
    -------
    DataFrame
        Index ``demand_id`` in the order given. ``site_id`` (ties go to the smallest; None where
        none), ``impedance`` (int64, −1 where none), ``access`` (the demand's own leg, −1 where
        unattached), ``state``:

        - ``reached``;
        - ``beyond_cutoff``: there is a site, but farther (it and its impedance are given);
        - ``unreachable``: no road leads to any site;
        - ``unattached``: the demand is on no road.

    Raises
    ------
    DataError
        Demand ids repeat, or attachments are not of this network.
    NetworkError
        ``impedance`` or ``cutoff`` is not one.

    Examples
    --------
    >>> import geopandas as gpd
    >>> from shapely import LineString, Point
    >>> from siting.network import attach, from_lines
    >>> roads = gpd.GeoDataFrame(
    ...     {"highway": ["residential"]}, geometry=[LineString([(0, 0), (1000, 0)])], crs=4547
    ... )
    >>> network = from_lines(roads, mode="walk")
    >>> points = gpd.GeoSeries([Point(100, 0), Point(700, 0)], index=["D1", "S1"], crs=4547)
    >>> at = attach(network, points, max_access_m=100, min_component_km=0)
    >>> nearest(network, at.iloc[:1], at.iloc[1:])["impedance"].tolist()
    [600000]
    """
    ask = Question(network, demand_at, site_at, impedance, cutoff)
    owners = max(1, len(ask.site_id))
    indptr, source, weight = ask.graph_by_place
    label = kernels.nearest_labels(
        indptr, source, weight, ask.seed_rank, ask.seed_value * owners + ask.seed_owner, owners
    )
    best = np.full(ask.demands, NEVER, dtype=np.int64)
    there = label[ask.stub_rank]
    led = there < NEVER
    np.minimum.at(best, ask.stub_demand[led], there[led] + ask.stub_value[led] * owners)
    np.minimum.at(best, ask.direct_demand, ask.direct_value * owners + ask.direct_owner)
    found = best < NEVER
    return reach_table(
        ask.demand_id,
        ask.site_id,
        np.where(found, best % owners, -1),
        np.where(found, best // owners, -1),
        ask.access,
        ask.attached,
        found,
        cutoff=cutoff,
    )


def reach_table(
    demand_id: Objects | pd.Index[str],
    site_id: Objects,
    owner: I64,
    value: I64,
    access: I64,
    attached: Bool,
    reachable: Bool,
    *,
    cutoff: int | None,
) -> pd.DataFrame:
    """Return the reach table; ``owner`` and ``value`` are −1 where no site is known."""
    state = np.zeros(len(demand_id), dtype=np.int64)
    if cutoff is not None:
        state[(value > cutoff) | (value < 0)] = STATES.index("beyond_cutoff")
    state[~reachable] = STATES.index("unreachable")
    state[~attached] = STATES.index("unattached")
    sites = np.array([*site_id, None], dtype=object)[owner]
    return pd.DataFrame(
        {
            "site_id": pd.Series(sites, dtype=object),
            "impedance": value,
            "access": access,
            "state": pd.array(STATES, dtype="str").take(state),
        }
    ).set_index(pd.Index(demand_id, name="demand_id", dtype="str"))

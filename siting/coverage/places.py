"""Gaps: connected places whose people are out of reach, or in reach and without a seat."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from siting.coverage.judge import assess
from siting.coverage.limits import PER_UNIT, thresholds
from siting.coverage.members import Members, members
from siting.coverage.seats import Seats, seated_today
from siting.errors import StudyError
from siting.rules import Rule
from siting.travel_time import is_covered


def gaps(
    demand: gpd.GeoDataFrame,
    membership: pd.DataFrame | Members,
    reach: pd.DataFrame,
    *,
    zoning: str,
    service: str,
    rule: Rule,
    link_m: float,
    islands: pd.Series[bool] | NDArray[np.bool_],
    speed: Rule | None = None,
    straight: pd.Series[int] | None = None,
    crow: pd.Series[int] | None = None,
    seats: Seats | None = None,
) -> gpd.GeoDataFrame:
    """List the connected places whose people are left without, most people first.

    Out-of-reach demand points of one zone at most ``link_m`` apart (straight line) belong to one
    place: a gap is somebody's to mend, and in a dense town chains would otherwise run from one end
    to the other. So do points in reach some of whose people have no seat, to places of their own:
    what they lack is another thing. Only people whom the rule judges, and who are assessed in
    ``zoning``, are in a gap, so that the persons of all gaps add up to ``out_of_reach`` and
    ``no_seat`` of the judged rows of :func:`cover`.

    Parameters
    ----------
    demand, membership, reach, rule, islands, speed, straight
        As in :func:`cover`; ``demand`` with point geometry in a metric CRS.
    zoning
        The zoning that names the gaps' zones.
    service
        Name written into the rows.
    link_m
        Greatest distance between neighbours of one place.
    crow
        By ``demand_id``, in the unit of the rule's impedance: the straight line to the nearest
        open site, as if a street ran along it.
    seats
        Where seats count, as in :func:`cover`.

    Returns
    -------
    gpd.GeoDataFrame
        ``gap_id`` (by rank), ``service``, ``rule_id``, ``zoning``, ``zone_id``, ``why``
        (``out_of_reach`` or ``no_seat``), ``persons``, and of these ``no_seat_persons`` (all in a
        gap of that kind, else 0), ``missing_road_persons`` (a site lies within the threshold along
        the straight line, and not by road), ``missing_facility_persons`` (the others; both missing
        without ``crow``), ``n_points``, ``nearest_site_id``, ``nearest_m``, ``nearest_min`` (one of
        them, by the rule's measure; missing where no site answers), ``state`` and point
        ``geometry``. Zone, nearest site and point are those of the place's demand point with most
        persons (ties: the smallest id).
    """
    if not (np.isfinite(link_m) and link_m >= 0):
        raise StudyError(f"link_m is {link_m}; it must be 0 m or more. Correct it.")
    judged = assess(demand, reach, rule=rule, islands=islands, speed=speed, straight=straight)
    judged["zone_id"] = members(demand["demand_id"], membership).of(zoning)
    judged["geometry"] = demand.geometry.to_numpy()
    line = np.full(len(demand), -1, dtype=np.int64)
    if crow is not None:
        line = np.asarray(crow.reindex(judged["demand_id"]).fillna(-1).to_numpy(), dtype=np.int64)
    covered = judged["covered"].to_numpy()
    served = judged["persons"].to_numpy() * covered
    if seats is not None:
        served = seated_today(judged, seats, rule=rule)
    judged["persons"] -= served
    judged["why"] = np.where(covered, "no_seat", "out_of_reach")
    judged["no_seat"] = judged["persons"] * covered
    judged["by_road"] = judged["persons"] * (~covered & is_covered(line, thresholds(rule).judged))
    out = judged[
        judged["assessed"]
        & (judged["persons"] > 0)
        & (judged["zone_id"] != "")
        & judged["settlement"].isin(rule.judges)
    ]
    out = out.sort_values(["persons", "demand_id"], ascending=[False, True], ignore_index=True)
    spots = shapely.get_coordinates(out["geometry"].to_numpy())
    kind = out.groupby(["zone_id", "why"]).ngroup().to_numpy()
    out["place"] = _places(spots, kind, link_m)
    heads = out.drop_duplicates("place").set_index("place")  # heaviest first by the sort above
    heads["n_points"] = out.groupby("place").size()
    counts = ["persons", "no_seat", "by_road"]
    heads[counts] = out.groupby("place")[counts].sum()
    heads = heads.sort_values(["persons", "demand_id"], ascending=[False, True])
    nearest = heads["impedance"].where(heads["impedance"] >= 0).astype(float)
    is_time = rule.measure == "time_min"
    road = heads["by_road"].astype("Int64")
    if crow is None:
        road = road.mask(heads["why"] == "out_of_reach")
    return gpd.GeoDataFrame(
        {
            "gap_id": [f"{service}-{rule.id}-{n:04d}" for n in range(1, len(heads) + 1)],
            "service": service,
            "rule_id": rule.id,
            "zoning": zoning,
            "zone_id": heads["zone_id"].to_numpy(),
            "why": heads["why"].to_numpy(),
            "persons": heads["persons"].to_numpy(dtype=np.int64),
            "no_seat_persons": heads["no_seat"].to_numpy(dtype=np.int64),
            "missing_road_persons": road.array,
            "missing_facility_persons": (heads["persons"] - heads["no_seat"] - road)
            .astype("Int64")
            .array,
            "n_points": heads["n_points"].to_numpy(dtype=np.int64),
            "nearest_site_id": heads["site_id"].to_numpy(),
            "nearest_m": np.nan if is_time else nearest.to_numpy() / PER_UNIT["m"],
            "nearest_min": nearest.to_numpy() / PER_UNIT["min"] if is_time else np.nan,
            "state": heads["state"].to_numpy(),
        },
        geometry=heads["geometry"].to_numpy(),
        crs=demand.crs,
    )


def _places(xy: NDArray[np.float64], kind: NDArray[np.integer], link_m: float) -> NDArray[np.int32]:
    """Label points that chain together, of one zone and kind, by steps of at most ``link_m``."""
    if len(xy) == 0:
        return np.empty(0, np.int32)
    pairs = cKDTree(xy).query_pairs(link_m, output_type="ndarray")
    pairs = pairs[kind[pairs[:, 0]] == kind[pairs[:, 1]]]
    graph = coo_array((np.ones(len(pairs), np.int8), (pairs[:, 0], pairs[:, 1])), (len(xy),) * 2)
    return np.asarray(connected_components(graph.tocsr(), directed=False)[1], np.int32)

"""The two-step floating catchment area: supply per 1,000 persons within reach (2SFCA, E2SFCA)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from siting.allocation import seats_of
from siting.coverage import is_assessed, is_covered, members, whole_persons
from siting.demand import not_whole
from siting.errors import DataError, Problem, StudyError

if TYPE_CHECKING:
    from siting.travel_time import TravelTimes

PER_PERSONS = 1_000
"""Accessibility is supply per so many persons."""


class Band(NamedTuple):
    """One band of a catchment: all within ``threshold`` (ms or mm) and beyond the band before it.

    ``weight`` says how much a person, or a seat, that far away counts: above 0, at most 1.
    """

    threshold: int
    weight: float


@dataclass(frozen=True, eq=False)
class FloatingCatchment:
    """Supply per 1,000 persons within reach, from homes and from sites.

    Attributes
    ----------
    points
        In the order of the travel times: ``demand_id``, ``persons``, ``assessed`` (as in coverage:
        the network can speak about the point), ``per_1000`` (0 where nothing is within the
        catchment, missing where not assessed).
    sites
        By ``site_id``: ``supply``, ``demand_persons`` (within its catchment, weighted by band),
        ``per_1000`` (its supply over these; missing where nobody is) and ``reached``.
    """

    points: pd.DataFrame
    sites: pd.DataFrame

    @property
    def supply(self) -> int:
        """All supply."""
        return int(self.sites["supply"].sum())

    @property
    def unreached(self) -> int:
        """Supply that nobody has within the catchment: it is in no figure of any place."""
        return int(self.sites.loc[~self.sites["reached"], "supply"].sum())


def bands(catchment: int, weights: Sequence[float] = (1.0,)) -> tuple[Band, ...]:
    """Cut a catchment into bands of equal width, the nearest first.

    Parameters
    ----------
    catchment
        Its end, ms or mm.
    weights
        One a band; a single 1 makes the plain catchment of the 2SFCA.

    Raises
    ------
    StudyError
        Weights that are not above 0, above 1, or rise outwards; a catchment too short to cut.

    Examples
    --------
    >>> bands(1_800_000, (1, 0.68, 0.22))[1]
    Band(threshold=1200000, weight=0.68)
    """
    if not weights or not all(0 < w <= 1 for w in weights) or list(weights) != sorted(
        weights, reverse=True
    ):  # fmt: skip
        raise StudyError(
            f"weights of a catchment are {', '.join(f'{w:g}' for w in weights) or 'none'}; they "
            "are above 0, at most 1, and do not rise with distance. Correct them."
        )
    if catchment < len(weights):
        raise StudyError(f"a catchment of {catchment} cannot be cut into {len(weights)} bands.")
    n = len(weights)
    return tuple(Band(catchment * (r + 1) // n, float(w)) for r, w in enumerate(weights))


def supply_of(offers: pd.DataFrame, service: str, opened: Sequence[str]) -> pd.Series[int]:
    """Return the capacity of each open site, over all the levels it offers.

    Unknown capacity is not unlimited and not 0: such sites are refused by name.

    Parameters
    ----------
    offers
        ``site_id``, ``service``, ``capacity``.
    service, opened
        Whose open sites.

    Returns
    -------
    pd.Series
        Whole numbers by ``site_id``, sorted.

    Raises
    ------
    DataError
        Open sites whose capacity is unknown, or that do not offer the service.
    """
    total = seats_of(offers, service).reindex(sorted(opened))
    missing = total.index[total.isna()]
    if len(missing):
        raise DataError(
            Problem(
                f"services.{service}",
                f"{len(missing)} of {len(total)} open sites have no capacity, and supply per "
                "person needs one",
                "Name its column (columns.capacity) and fill it, or remove access.",
                tuple(map(str, missing)),
            )
        )
    return total.astype("int64").rename("supply")


def floating_catchment(
    times: TravelTimes,
    supply: pd.Series[int],
    persons: pd.Series[int],
    *,
    bands: Sequence[Band],
    islands: NDArray[np.bool_] | None = None,
) -> FloatingCatchment:
    r"""Return supply per 1,000 persons by the two-step floating catchment area method.

    With home k of P_k persons, site j of supply S_j, and W(d) the weight of the band d lies in,
    0 beyond the last::

        R_j = S_j / Σ_k P_k · W(d_kj)        what each person in j's catchment has of j
        A_i = Σ_j R_j · W(d_ij)              what a person at i has of all sites

    One band of weight 1 is the 2SFCA of Luo and Wang (2003, Environment and Planning B 30,
    865–884, doi:10.1068/b29120); several are the E2SFCA of Luo and Qi (2009, Health & Place 15,
    1100–1107, doi:10.1016/j.healthplace.2009.06.002). Supply is kept: Σ_i P_i · A_i is the supply
    of all sites that anybody has within the catchment.

    Persons by band are added as whole numbers, and the sites of a home in the order of the travel
    times, so that the result does not depend on the order of rows.

    Parameters
    ----------
    times
        From demand to the sites; every pair within the catchment must be in it.
    supply
        Whole numbers by ``site_id``: the open sites, from :func:`supply_of`.
    persons
        Whole persons of the group served, by ``demand_id``; points that are not named have none.
    bands
        From :func:`bands`.
    islands
        As in :func:`siting.coverage.assess`, in the order of ``times``; by default nobody.

    Raises
    ------
    StudyError
        Times that stop short of the catchment, or are only a lower bound.
    DataError
        Supply or persons that are not whole numbers, or not of these travel times.

    Examples
    --------
    One site of 6 beds, 1,000 persons near and 2,000 in the outer half of its catchment:

    >>> from siting.travel_time import TravelTimes
    >>> times = TravelTimes(
    ...     mode="drive", impedance="time", cutoff=60, k=0,
    ...     demand_id=np.array(["near", "far"], dtype=object),
    ...     site_id=np.array(["S"], dtype=object), indptr=np.array([0, 1, 2]),
    ...     site=np.array([0, 0], dtype=np.int32), value=np.array([10, 30], dtype=np.int32),
    ...     access=np.array([0, 0]), attached=np.array([True, True]),
    ...     component=np.array([0, 0], dtype=np.int32), site_components=((0,),),
    ...     reach_class=np.array([0, 0], dtype=np.int32), reachable=np.array([[True]]))
    >>> people = pd.Series({"near": 1_000, "far": 2_000})
    >>> beds = pd.Series({"S": 6})
    >>> plain = floating_catchment(times, beds, people, bands=bands(40))
    >>> plain.points["per_1000"].tolist()
    [2.0, 2.0]
    >>> weighted = floating_catchment(times, beds, people, bands=bands(40, (1, 0.5)))
    >>> weighted.points["per_1000"].tolist()
    [3.0, 1.5]
    """
    last = bands[-1].threshold
    if last > times.cutoff:
        raise StudyError(
            f"a catchment of {last} lies beyond the cutoff of the travel times, {times.cutoff}. "
            f"Compute them with cutoff={last} or more."
        )
    if times.bound != "exact":
        raise StudyError(
            "travel times that are only a lower bound reach too far: no catchment can be drawn by "
            'them. Use bus.how = "detour" or "route".'
        )
    people = whole_persons(persons, times.demand_id)
    amount, is_open = _amounts(times, supply)
    thresholds = np.array([band.threshold for band in bands], dtype=np.int64)
    weights = np.array([band.weight for band in bands])

    within = is_covered(times.value, last) & is_open[times.site]
    home = np.repeat(np.arange(len(people)), np.diff(times.indptr))[within]
    site = times.site[within]
    band = np.searchsorted(thresholds, times.value[within])
    counted = np.zeros((len(amount), len(bands)), dtype=np.int64)
    np.add.at(counted, (site, band), people[home])
    served = np.zeros(len(amount))
    for r, weight in enumerate(weights):  # a fixed order of few bands
        served += weight * counted[:, r]
    each = PER_PERSONS * amount / np.where(served > 0, served, np.inf)
    reached_by = np.bincount(home, weights=each[site] * weights[band], minlength=len(people))

    state = times.reach(list(supply.index))["state"].to_numpy()
    island = np.zeros(len(people), dtype=bool) if islands is None else islands
    assessed = is_assessed(state, island)
    at = np.flatnonzero(is_open)
    return FloatingCatchment(
        points=pd.DataFrame(
            {
                "demand_id": times.demand_id,
                "persons": people,
                "assessed": assessed,
                "per_1000": np.where(assessed, reached_by, np.nan),
            }
        ),
        sites=pd.DataFrame(
            {
                "site_id": times.site_id[at],
                "supply": amount[at],
                "demand_persons": served[at],
                "per_1000": np.where(served > 0, each, np.nan)[at],
                "reached": served[at] > 0,
            }
        ),
    )


def by_zone(points: pd.DataFrame, membership: pd.DataFrame) -> pd.DataFrame:
    """Return accessibility by zone: the mean over persons who can be assessed.

    People outside every zone use supply too; their row (``zone_id`` ``""``) has its mean, so that
    Σ persons assessed × mean is the supply reached, in every zoning.

    Parameters
    ----------
    points
        Of a :class:`FloatingCatchment`.
    membership
        ``demand_id``, ``zoning``, ``zone_id``.

    Returns
    -------
    pd.DataFrame
        ``zoning``, ``zone_id``, ``persons``, ``not_assessed`` (persons) and ``per_1000``, which is
        Σ P·A / Σ P, missing where nobody is assessed.
    """
    member = members(points["demand_id"], membership)
    at = member.at
    persons = points["persons"].to_numpy()[at]
    counted = np.where(points["assessed"].to_numpy()[at], persons, 0)
    amount = counted * points["per_1000"].fillna(0.0).to_numpy()[at]
    rows = pd.DataFrame(
        {
            "zoning": member.zoning,
            "zone_id": member.zone_id,
            "persons": persons,
            "assessed": counted,
            "amount": amount,
        }
    )
    grouped = rows.groupby(["zoning", "zone_id"], sort=True)
    table = grouped[["persons", "assessed"]].sum()
    # fsum is rounded once, so the order of homes does not matter
    table["amount"] = grouped["amount"].agg(math.fsum)
    table["not_assessed"] = table["persons"] - table["assessed"]
    table["per_1000"] = table["amount"] / table["assessed"].where(table["assessed"] > 0)
    return table.reset_index()[["zoning", "zone_id", "persons", "not_assessed", "per_1000"]]


def _amounts(
    times: TravelTimes, supply: pd.Series[int]
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return supply by site of the travel times, and which of them are open."""
    problems = []
    known = pd.Index(times.site_id)
    unknown = supply.index[~supply.index.isin(known)]
    if len(unknown):
        problems.append(
            Problem(
                "supply",
                f"{len(unknown)} sites are not in the travel times",
                "Compute travel times to all sites, existing and candidate, once.",
                tuple(map(str, unknown)),
            )
        )
    twice = supply.index[supply.index.duplicated()]
    if len(twice):
        problems.append(
            Problem("supply", f"{len(twice)} sites repeat", "Add up the supply of a site first.",
                    tuple(map(str, twice)))
        )  # fmt: skip
    wrong = not_whole(supply)
    if wrong.any():
        problems.append(
            Problem(
                "supply",
                f"{wrong.sum()} of {len(supply)} values are not whole numbers",
                "Give seats or beds; unknown is not 0.",
                tuple(map(str, supply.index[wrong])),
            )
        )
    if problems:
        raise DataError(problems)
    amount = np.asarray(supply.reindex(known).fillna(0), dtype=np.int64)
    return amount, np.asarray(known.isin(supply.index), dtype=bool)

"""What every question of mergers is asked of: one service, its schools, ways and areas."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from siting.errors import StudyError
from siting.rules import Rule

if TYPE_CHECKING:
    from siting.travel_time import TravelTimes


@dataclass(frozen=True, eq=False)
class Setting:
    """One service with everything its mergers are judged on.

    Attributes
    ----------
    service
        Whose pupils and units; those of others are left aside.
    units
        From :func:`siting.merger.units`.
    times
        Travel times by mode, today's first, from the same homes to the same sites.
    rules
        By id; a function that lacks one says so.
    teaching
        ``site_id``, ``service``, ``grade_from``, ``grade_to`` and, where known, ``seats``.
    schools
        ``site_id`` and, where known, ``classrooms``, ``beds``, ``boarders``, ``level``,
        ``running_cost_yuan``.
    zone_of, eligible
        Admission areas as in :func:`siting.merger.pupils`.
    towns
        ``to_site``, ``zone_id`` and, where stated, ``journey_min``: the zone that families move to
        and their children's journey; else the mean of the pupils who live there to the receiver by
        today's mode. A receiver that is not named cannot be moved to.
    crossings
        ``demand_id``, ``site_id``, ``road_level``, ``rail_level``: trunk roads and railways crossed
        at grade on the walk; a pair that is not named is not assessed.
    years
        Which; those of the pupils by default, which leave out a year without any.
    """

    service: str
    units: pd.DataFrame
    times: Mapping[str, TravelTimes]
    rules: Mapping[str, Rule]
    teaching: pd.DataFrame
    schools: pd.DataFrame | None = None
    zone_of: pd.Series[str] | None = None
    eligible: pd.DataFrame | None = None
    towns: pd.DataFrame | None = None
    crossings: pd.DataFrame | None = None
    years: Sequence[int] | None = None

    @property
    def today(self) -> TravelTimes:
        """Travel times by today's mode.

        Raises
        ------
        StudyError
            There are none.
        """
        if not self.times:
            raise StudyError("mergers need travel times. Give them by mode, today's first.")
        return next(iter(self.times.values()))

    @property
    def eligible_here(self) -> pd.DataFrame | None:
        """The admission areas of the service alone."""
        if self.eligible is None:
            return None
        return self.eligible[self.eligible["service"] == self.service]

    def years_of(self, pupils: pd.DataFrame) -> list[int]:
        """Return the years asked about, rising."""
        told = pupils["year"].unique() if self.years is None else self.years
        return sorted({int(y) for y in told})

"""The Plan: named decisions, period by period."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PlainSerializer,
    StrictInt,
    model_validator,
)

from siting.errors import StudyError, first_ids
from siting.plan.streets import StreetEdit

VERSION: Literal[1] = 1


def _sorted_open(value: Mapping[str, tuple[str, ...]]) -> Mapping[str, tuple[str, ...]]:
    """Sort services and sites, so that equal decisions are equal Plans; forbid later changes."""
    for service, ids in value.items():
        if len(set(ids)) != len(ids):
            twice = sorted({i for i in ids if ids.count(i) > 1})
            raise ValueError(f"{service}: sites listed twice ({first_ids(twice)})")
    return MappingProxyType({service: tuple(sorted(value[service])) for service in sorted(value)})


OpenSites = Annotated[
    Mapping[str, tuple[str, ...]],
    AfterValidator(_sorted_open),
    PlainSerializer(lambda value: {s: list(ids) for s, ids in value.items()}),
]


def _sorted_seats(value: Mapping[str, Mapping[str, int]]) -> Mapping[str, Mapping[str, int]]:
    """Sort services and sites, and leave out services without any; forbid later changes."""
    return MappingProxyType(
        {
            service: MappingProxyType({site: value[service][site] for site in sorted(sites)})
            for service, sites in sorted(value.items())
            if sites
        }
    )


Seats = Annotated[
    Mapping[str, Mapping[str, Annotated[StrictInt, Field(ge=0, lt=2**31)]]],
    AfterValidator(_sorted_seats),
    PlainSerializer(lambda value: {service: dict(sites) for service, sites in value.items()}),
]


class Period(BaseModel):
    """A stretch of time with one set of open sites.

    Attributes
    ----------
    year
        First year of the period; ``None`` where the Plan has no calendar.
    open
        Open site ids by service, sorted; every service of the study is named, with no sites where
        nothing is open.
    seats
        By service and open site, the seats it then has, or beds: whatever the capacity of its offer
        counts. Sites that are not named keep the capacity of their offer.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    year: int | None = None
    open: OpenSites
    seats: Seats = Field(default_factory=dict, validate_default=True)

    @model_validator(mode="after")
    def _seats_are_of_open_sites(self) -> Period:
        for service, seats in self.seats.items():
            if service not in self.open:
                raise ValueError(f"seats of {service!r}, which the plan opens no sites for")
            if shut := sorted(set(seats) - set(self.open[service])):
                raise ValueError(
                    f"{service}: seats at {len(shut)} sites that are not open ({first_ids(shut)})"
                )
        return self


class Plan(BaseModel):
    """A named decision: which sites are open for which service, period by period.

    Attributes
    ----------
    name
        What the Plan is called on pages.
    version
        Version of the ``plan.json`` format.
    periods
        At least one; with years strictly rising where there are several.
    network_edits
        Streets built, closed or made slower, for all periods. Their order does not matter: plans
        that differ in it are equal and are saved alike; messages count them as given.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1)
    version: Literal[1] = VERSION
    periods: tuple[Period, ...] = Field(min_length=1)
    network_edits: tuple[StreetEdit, ...] = ()

    @model_validator(mode="after")
    def _years_rise(self) -> Plan:
        years = [period.year for period in self.periods]
        if len(years) > 1:
            known = [year for year in years if year is not None]
            if len(known) < len(years) or any(a >= b for a, b in itertools.pairwise(known)):
                raise ValueError("a plan of several periods needs a rising year for each")
        services = {tuple(period.open) for period in self.periods}
        if len(services) > 1:
            raise ValueError("every period must name the same services")
        return self

    def __eq__(self, other: object) -> bool:
        """Tell whether two Plans decide the same under one name."""
        if not isinstance(other, Plan):
            return NotImplemented
        mine, theirs = ((p.name, p.periods, p.sorted_edits()) for p in (self, other))
        return mine == theirs

    __hash__ = None  # type: ignore[assignment]  # as it was: open sites are a mapping

    def sorted_edits(self) -> list[str]:
        """Return the edits as texts in an order of their own."""
        return sorted(edit.model_dump_json() for edit in self.network_edits)

    @property
    def services(self) -> tuple[str, ...]:
        """The services the Plan decides about."""
        return tuple(self.periods[0].open)

    def open_sites(self, service: str, *, period: int = 0) -> tuple[str, ...]:
        """Return the open sites of a service in a period, sorted.

        Raises
        ------
        StudyError
            The Plan does not name the service.
        """
        if service not in self.periods[period].open:
            raise StudyError(
                f"plan {self.name}: no service {service!r}; it decides about "
                f"{first_ids(self.services)}. Use one of these or add the service to the study."
            )
        return self.periods[period].open[service]

    def seats(self, service: str, *, period: int = 0) -> Mapping[str, int]:
        """Return the seats that the Plan gives to sites of a service; often to none."""
        return self.periods[period].seats.get(service, {})

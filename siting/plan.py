"""What is open, for whom: the Plan and its algebra.

Today is a Plan, a closure is a Plan, and location models return one; every Plan goes through the
same :func:`siting.evaluate.evaluate`. A Plan holds decisions only, never results: sites to open,
and streets to build, close or make slower.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Collection, Iterable, Mapping
from types import MappingProxyType
from typing import Annotated, Any, Final, Literal

import numpy as np
import pandas as pd
import pyproj
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PlainSerializer,
    StrictInt,
    ValidationError,
    model_validator,
)

from siting.errors import StudyError, first_ids
from siting.network import Mode, edits
from siting.network.project import projected

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


class Period(BaseModel):
    """A stretch of time with one set of open sites.

    Attributes
    ----------
    year
        First year of the period; ``None`` where the Plan has no calendar.
    open
        Open site ids by service, sorted; every service of the study is named, with no sites where
        nothing is open.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    year: int | None = None
    open: OpenSites


LonLat = tuple[
    Annotated[float, Field(ge=-180, le=180, allow_inf_nan=False)],
    Annotated[float, Field(ge=-90, le=90, allow_inf_nan=False)],
]
EPSG: Final = {"CGCS2000": 4490, "WGS84": 4326}


class _Street(BaseModel):
    """What edits of streets share: places are longitude and latitude in a named datum."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    crs: Literal["CGCS2000", "WGS84"] = "CGCS2000"

    def _xy(self, places: Iterable[LonLat], crs: pyproj.CRS) -> tuple[tuple[float, float], ...]:
        lonlat = np.array(list(places), dtype=float).reshape(-1, 2)
        xy = projected(lonlat, source=pyproj.CRS(EPSG[self.crs]), target=crs)
        return tuple((float(x), float(y)) for x, y in xy)


class AddStreet(_Street):
    """A street to be built; see :class:`siting.network.edits.Add`."""

    kind: Literal["add"] = "add"
    line: tuple[LonLat, ...] = Field(min_length=2)
    highway: str
    oneway: Literal["", "yes", "-1", "no"] = ""
    speed_kph: Annotated[float, Field(gt=0, le=300)] | None = None
    bridge: bool = False
    tunnel: bool = False
    name: str = ""
    join: Literal["ends", "crossings"] = "ends"

    def on(self, crs: pyproj.CRS) -> edits.Add:
        """Return the edit in the CRS of a network."""
        told = self.model_dump(exclude={"kind", "crs", "line"})
        return edits.Add(line=self._xy(self.line, crs), **told)


class CloseStreet(_Street):
    """A street to be closed; see :class:`siting.network.edits.Close`."""

    kind: Literal["close"] = "close"
    way: StrictInt | None = None
    near: LonLat | None = None
    modes: tuple[Mode, ...] = ()

    def on(self, crs: pyproj.CRS) -> edits.Close:
        """Return the edit in the CRS of a network."""
        near = None if self.near is None else self._xy([self.near], crs)[0]
        return edits.Close(way=self.way, near=near, modes=self.modes)


class RetimeStreet(_Street):
    """Another speed on a street; see :class:`siting.network.edits.Retime`."""

    kind: Literal["retime"] = "retime"
    mode: Mode
    way: StrictInt | None = None
    near: LonLat | None = None
    kph: Annotated[float, Field(gt=0, le=300)] | None = None
    time_factor: Annotated[float, Field(gt=0, le=1000, allow_inf_nan=False)] | None = None

    def on(self, crs: pyproj.CRS) -> edits.Retime:
        """Return the edit in the CRS of a network."""
        near = None if self.near is None else self._xy([self.near], crs)[0]
        told = self.model_dump(exclude={"kind", "crs", "near"})
        return edits.Retime(near=near, **told)


StreetEdit = Annotated[AddStreet | CloseStreet | RetimeStreet, Field(discriminator="kind")]


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
        mine, theirs = ((p.name, p.periods, p._sorted_edits()) for p in (self, other))
        return mine == theirs

    __hash__ = None  # type: ignore[assignment]  # as it was: open sites are a mapping

    def _sorted_edits(self) -> list[str]:
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


def today(offers: pd.DataFrame, sites: pd.DataFrame, *, name: str = "today") -> Plan:
    """Return the Plan in which every existing site is open for every service it offers.

    Parameters
    ----------
    offers
        Columns ``site_id``, ``service``.
    sites
        Columns ``site_id``, ``status`` (``existing`` or ``candidate``).
    name
        Name of the Plan.

    Raises
    ------
    StudyError
        An offer at a site that is not in ``sites``.

    Examples
    --------
    >>> sites = pd.DataFrame({"site_id": ["a", "b"], "status": ["existing", "candidate"]})
    >>> offers = pd.DataFrame({"site_id": ["a", "b"], "service": ["clinic", "clinic"]})
    >>> today(offers, sites).open_sites("clinic")
    ('a',)
    """
    status = dict(zip(sites["site_id"], sites["status"], strict=True))
    _known(offers["site_id"], status, "offers")
    opened: dict[str, set[str]] = {str(s): set() for s in offers["service"].unique()}
    for site_id, service in zip(offers["site_id"], offers["service"], strict=True):
        if status[site_id] == "existing":
            opened[service].add(site_id)
    return Plan(
        name=name, periods=(Period(open={s: tuple(sorted(ids)) for s, ids in opened.items()}),)
    )


def close(plan: Plan, service: str, site_id: str, *, name: str | None = None) -> Plan:
    """Return the Plan with one site closed for one service, in every period.

    Raises
    ------
    StudyError
        The site is not open for the service in any period.

    Examples
    --------
    >>> plan = Plan(name="today", periods=(Period(open={"clinic": ("a", "b")}),))
    >>> fewer = close(plan, "clinic", "b")
    >>> fewer.name, fewer.open_sites("clinic")
    ('today - b', ('a',))
    """
    if all(site_id not in plan.open_sites(service, period=p) for p in range(len(plan.periods))):
        raise StudyError(
            f"plan {plan.name}: site {site_id!r} is not open for {service}, so it cannot be closed."
            f" Open are {first_ids(plan.open_sites(service))}."
        )
    return _with_open(
        plan,
        service,
        lambda ids: tuple(i for i in ids if i != site_id),
        name or f"{plan.name} - {site_id}",
    )


def open_more(plan: Plan, service: str, ids: Iterable[str], *, name: str | None = None) -> Plan:
    """Return the Plan with further sites open for one service, in every period.

    Raises
    ------
    StudyError
        A site is open already in some period (it would be counted twice as new).

    Examples
    --------
    >>> plan = Plan(name="today", periods=(Period(open={"clinic": ("a",)}),))
    >>> more = open_more(plan, "clinic", ["c", "b"])
    >>> more.name, more.open_sites("clinic")
    ('today + b, c', ('a', 'b', 'c'))
    """
    more = sorted(ids)
    opened = {i for p in range(len(plan.periods)) for i in plan.open_sites(service, period=p)}
    already = sorted(set(more) & opened)
    if already or len(set(more)) != len(more):
        twice = already or sorted({i for i in more if more.count(i) > 1})
        raise StudyError(
            f"plan {plan.name}: {len(twice)} sites would be opened twice for {service} "
            f"({first_ids(twice)}). Leave them out of the list."
        )
    return _with_open(
        plan,
        service,
        lambda old: tuple(sorted({*old, *more})),
        name or f"{plan.name} + {first_ids(more)}",
    )


def to_json(plan: Plan) -> str:
    """Return the text of ``plan.json``: the same Plan always gives the same text.

    Examples
    --------
    >>> plan = Plan(name="today", periods=(Period(open={"clinic": ("b", "a")}),))
    >>> from_json(to_json(plan)) == plan
    True
    """
    told = plan.model_dump(mode="json")
    told["network_edits"] = [json.loads(edit) for edit in plan._sorted_edits()]
    if not plan.network_edits:  # as such plans were written before there were any
        del told["network_edits"]
    return json.dumps(told, ensure_ascii=False, indent=1) + "\n"


def from_json(text: str, *, offers: pd.DataFrame | None = None) -> Plan:
    """Read the text of a ``plan.json``.

    Parameters
    ----------
    text
        Contents of the file.
    offers
        Columns ``site_id``, ``service``; when given, every open site must offer its service.

    Raises
    ------
    StudyError
        Not JSON, an unknown version, unknown fields, or sites and services the study lacks.
    """
    try:
        raw: Any = json.loads(text, object_pairs_hook=_no_key_twice)
    except json.JSONDecodeError as error:
        raise StudyError(
            f"plan.json is not JSON (line {error.lineno}: {error.msg}). Save the plan again."
        ) from error
    except RecursionError:
        raise StudyError(
            "plan.json is nested too deep to be a plan. Save the plan again."
        ) from None
    if not isinstance(raw, dict) or raw.get("version") != VERSION or raw["version"] is True:
        found = raw.get("version") if isinstance(raw, dict) else None
        raise StudyError(
            f"plan.json has version {found!r}; this siting reads version {VERSION}. "
            "Save the plan again with this version of siting."
        )
    try:
        plan = Plan.model_validate(raw)
    except ValidationError as error:
        lines = [f"plan.json {'.'.join(map(str, e['loc']))}: {e['msg']}." for e in error.errors()]
        raise StudyError("\n".join([*lines, "Mend the plan or save it again."])) from error
    if offers is not None:
        check(plan, offers)
    return plan


def check(plan: Plan, offers: pd.DataFrame) -> None:
    """Check that every open site of a Plan offers its service.

    Raises
    ------
    StudyError
        All services and sites the study lacks, at once.

    Examples
    --------
    >>> plan = Plan(name="today", periods=(Period(open={"clinic": ("a",)}),))
    >>> check(plan, pd.DataFrame({"site_id": ["a"], "service": ["clinic"]}))
    >>> check(plan, pd.DataFrame({"site_id": ["a"], "service": ["school"]}))
    Traceback (most recent call last):
    ...
    siting.errors.StudyError: plan today: the study has no service 'clinic'.
    Run the plan with the study it was made for, or remove these sites from it.
    """
    known: dict[str, set[str]] = {}
    for site_id, service in zip(offers["site_id"], offers["service"], strict=True):
        known.setdefault(service, set()).add(site_id)
    problems = []
    for service in plan.services:
        if service not in known:
            problems.append(f"plan {plan.name}: the study has no service {service!r}.")
            continue
        wanted = {i for period in plan.periods for i in period.open[service]}
        if unknown := sorted(wanted - known[service]):
            problems.append(
                f"plan {plan.name}: {len(unknown)} open sites do not offer {service} in this study "
                f"({first_ids(unknown)})."
            )
    if problems:
        mend = "Run the plan with the study it was made for, or remove these sites from it."
        raise StudyError("\n".join([*problems, mend]))


def _no_key_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse what JSON allows and nobody means: of two equal keys the last would count."""
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [key for key, _ in pairs]
        twice = sorted({key for key in names if names.count(key) > 1})
        raise StudyError(f"plan.json names {first_ids(twice)} twice in one place. Leave one.")
    return found


def _with_open(
    plan: Plan, service: str, change: Callable[[tuple[str, ...]], tuple[str, ...]], name: str
) -> Plan:
    plan.open_sites(service)  # an unknown service is refused before anything is built
    periods = tuple(
        Period(year=p.year, open={**p.open, service: change(p.open[service])}) for p in plan.periods
    )
    return Plan(name=name, periods=periods, network_edits=plan.network_edits)


def _known(ids: Iterable[str], known: Collection[str], table: str) -> None:
    if unknown := sorted({i for i in ids if i not in known}):
        raise StudyError(
            f"{table}: {len(unknown)} sites are not in the sites table ({first_ids(unknown)}). "
            "Add them to the sites layer or remove the rows."
        )

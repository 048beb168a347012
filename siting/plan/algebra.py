"""Plans from plans: today's, with a site closed, more opened, other seats; held against a study."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping

import pandas as pd
from pydantic import ValidationError

from siting.errors import StudyError, first_ids
from siting.plan.model import Period, Plan


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


def give_seats(
    plan: Plan, service: str, seats: Mapping[str, int], *, name: str | None = None
) -> Plan:
    """Return the Plan with so many seats (or beds) at open sites of a service, in every period.

    Raises
    ------
    StudyError
        A site that is not open in every period, a number below 0 or not whole.

    Examples
    --------
    >>> plan = Plan(name="today", periods=(Period(open={"school": ("a", "b")}),))
    >>> wider = give_seats(plan, "school", {"b": 450}, name="a wing at b")
    >>> wider.seats("school")["b"], wider.open_sites("school")
    (450, ('a', 'b'))
    """
    plan.open_sites(service)
    try:
        periods = tuple(
            Period(
                year=p.year,
                open=p.open,
                seats={**p.seats, service: {**p.seats.get(service, {}), **seats}},
            )
            for p in plan.periods
        )
    except ValidationError as error:
        told = "; ".join(f"{'.'.join(map(str, e['loc']))} {e['msg']}" for e in error.errors())
        raise StudyError(
            f"plan {plan.name}: {told.strip()}. Give whole numbers of 0 or more to open sites."
        ) from error
    return Plan(
        name=name or f"{plan.name}, seats at {first_ids(sorted(seats))}",
        periods=periods,
        network_edits=plan.network_edits,
    )


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


def _with_open(
    plan: Plan, service: str, change: Callable[[tuple[str, ...]], tuple[str, ...]], name: str
) -> Plan:
    plan.open_sites(service)  # an unknown service is refused before anything is built
    periods = []
    for p in plan.periods:
        opened = change(p.open[service])
        kept = {i: n for i, n in p.seats.get(service, {}).items() if i in opened}
        periods.append(
            Period(year=p.year, open={**p.open, service: opened}, seats={**p.seats, service: kept})
        )
    return Plan(name=name, periods=tuple(periods), network_edits=plan.network_edits)


def _known(ids: Iterable[str], known: Collection[str], table: str) -> None:
    if unknown := sorted({i for i in ids if i not in known}):
        raise StudyError(
            f"{table}: {len(unknown)} sites are not in the sites table ({first_ids(unknown)}). "
            "Add them to the sites layer or remove the rows."
        )

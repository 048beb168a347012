"""What a run publishes, worked out again from plain dictionaries: a function a figure.

Nothing here knows files or streets, and no line of siting: homes come with their persons, zone and
impedance, pairs with theirs. Persons and impedances are whole numbers, ratios exact fractions.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from typing import NamedTuple

import shapely

Pairs = Mapping[str, Mapping[str, int]]  # home → site within some limit → impedance


class Home(NamedTuple):
    """A home and one service, in the unit of the rule (ms or mm).

    ``value`` is the impedance to the nearest site; None where no way leads to any. ``leg`` is what
    of it is the way to the street, ``apart`` how far people may live from the point. ``line`` and
    ``line_apart`` are the straight line to the nearest site, and ``apart``, in mm.
    """

    persons: int
    value: int | None
    leg: int
    apart: int
    line: int
    line_apart: int


class Limits(NamedTuple):
    """Strict end, headline and loose end; whether the straight line counts too."""

    low: int
    judged: int
    high: int
    radius: bool = False


def ends(home: Home, limits: Limits) -> tuple[bool, bool, bool]:
    """Whether a home is in reach: at worst, as computed, and at best."""
    if home.value is None:
        return False, False, False
    # at worst everybody lives at the far end and the way to the street is 1.4 times as long
    at = (home.value + home.apart + home.leg * 2 // 5, home.value,
          home.value - home.leg - home.apart)  # fmt: skip
    line = (home.line + home.line_apart, home.line, home.line - home.line_apart)
    return tuple(
        value <= limit and (crow <= limit or not limits.radius)
        for value, crow, limit in zip(at, line, limits[:3], strict=True)
    )  # type: ignore[return-value]  # three of them


def coverage(
    homes: Mapping[str, Home],
    zone: Mapping[str, str],
    limits: Limits,
    seated: Sequence[Mapping[str, int]] | None = None,
) -> dict[str, dict[str, int]]:
    """Persons by zone, "" outside every zone. ``seated``: who has a seat, at each end by home."""
    table: dict[str, dict[str, int]] = {}
    for name, home in homes.items():
        row = table.setdefault(zone[name], {})
        unknown = home.value is None or zone[name] == ""
        reached = [home.persons * true for true in ends(home, limits)]
        seats = reached if seated is None else [found.get(name, 0) for found in seated]
        low, covered, high = [0, 0, 0] if unknown else seats
        within = 0 if unknown else reached[1]
        near = limits.radius and not unknown and home.line <= limits.judged
        for figure, n in {
            "persons": home.persons,
            "covered": covered,
            "no_seat": within - covered,
            "out_of_reach": 0 if unknown else home.persons - within,
            "not_assessed": home.persons * unknown,
            "covered_low": low,
            "covered_high": high,
            "covered_straight": home.persons * near,
        }.items():
            row[figure] = row.get(figure, 0) + n
    return table


class Gap(NamedTuple):
    zone: str
    persons: int
    missing_road: int | None
    homes: int
    nearest: int
    no_seat: int = 0


def gaps(
    homes: Mapping[str, Home],
    zone: Mapping[str, str],
    limits: Limits,
    spots: Mapping[str, shapely.Point],
    *,
    link_m: float,
    crow: Mapping[str, int] | None,
    seated: Mapping[str, int] | None = None,
) -> Counter[Gap]:
    """Places left out: neighbours within a zone joined one by one.

    ``crow`` is the straight line as an impedance; None where nobody knows how fast it is. Who is in
    reach is left out where only so many of a home are ``seated``; such homes join each other only.
    """
    within = {name: ends(home, limits)[1] for name, home in homes.items()}
    without = {
        name: home.persons
        - (0 if not within[name] else home.persons if seated is None else seated.get(name, 0))
        for name, home in homes.items()
        if home.value is not None and zone[name]
    }
    out = [name for name, n in without.items() if n]
    head = {name: name for name in out}

    def top(name: str) -> str:
        while head[name] != name:
            name = head[name]
        return name

    points = [spots[name] for name in out]
    tree = shapely.STRtree(points)
    for i, point in enumerate(points):
        for j in tree.query(point, predicate="dwithin", distance=link_m):
            if zone[out[i]] == zone[out[j]] and within[out[i]] == within[out[j]]:
                head[top(out[i])] = top(out[j])
    places: dict[str, list[str]] = {}
    for name in out:
        places.setdefault(top(name), []).append(name)
    found: Counter[Gap] = Counter()
    for members in places.values():
        first = min(members, key=lambda n: (-without[n], n))
        road = 0 if within[first] else None
        if crow is not None and not within[first]:
            road = sum(without[n] for n in members if crow[n] <= limits.judged)
        found[
            Gap(
                zone[first],
                sum(without[n] for n in members),
                road,
                len(members),
                homes[first].value or 0,
                sum(without[n] for n in members if within[n]),
            )
        ] += 1
    return found


class Loss(NamedTuple):
    covered: int
    lost: int


def losses(
    homes: Mapping[str, Home],
    zone: Mapping[str, str],
    limits: Limits,
    sites: Iterable[str],
    pairs: Pairs,
    lines: Pairs,
) -> dict[str, Loss]:
    """Shut every site alone: whose nearest it is among the covered, and who is no longer covered.

    ``pairs`` and ``lines`` are all within the judged limit, by the streets and straight.
    """
    found = {site: [0, 0] for site in sites}
    for name, home in homes.items():
        if not zone[name] or not ends(home, limits)[1]:
            continue
        near = pairs[name]
        nearest = min(near, key=lambda site: (near[site], site))
        found[nearest][0] += home.persons
        for site in {*near, *lines.get(name, {})}:
            left = set(near) - {site}
            straight = set(lines[name]) - {site} if limits.radius else left
            if not left or not straight:
                found[site][1] += home.persons
    return {site: Loss(*both) for site, both in found.items()}


class Catchment(NamedTuple):
    """Supply per 1,000 persons of homes and of sites, and supply that nobody has."""

    homes: dict[str, Fraction]
    sites: dict[str, Fraction | None]
    persons: dict[str, Fraction]
    unreached: int


def catchment(
    homes: Mapping[str, Home],
    pairs: Pairs,
    supply: Mapping[str, int],
    bands: Sequence[tuple[int, Fraction]],
) -> Catchment:
    """Two steps (Luo and Wang 2003): sites over their persons, then homes over their sites."""

    def weight(value: int) -> Fraction:
        return next((w for end, w in bands if value <= end), Fraction(0))

    persons = dict.fromkeys(supply, Fraction(0))
    for name, near in pairs.items():
        for site, value in near.items():
            persons[site] += homes[name].persons * weight(value)
    each = {
        site: Fraction(1000 * n) / persons[site] if persons[site] else None
        for site, n in supply.items()
    }
    reached = {
        name: sum(
            ((each[site] or Fraction(0)) * weight(value) for site, value in pairs[name].items()),
            Fraction(0),
        )
        for name, home in homes.items()
        if home.value is not None
    }
    left = sum(n for site, n in supply.items() if each[site] is None)
    return Catchment(reached, each, persons, left)


def mean_by_zone(
    homes: Mapping[str, Home], zone: Mapping[str, str], amount: Mapping[str, Fraction | int]
) -> dict[str, tuple[int, Fraction]]:
    """(persons counted, their mean) by zone, of the homes that have an amount."""
    persons: dict[str, int] = {}
    total: dict[str, Fraction] = {}
    for name, value in amount.items():
        n = homes[name].persons
        persons[zone[name]] = persons.get(zone[name], 0) + n
        total[zone[name]] = total.get(zone[name], Fraction(0)) + value * n
    return {z: (n, total[z] / n) for z, n in persons.items() if n}


def gini(groups: Sequence[tuple[int, Fraction]]) -> Fraction | None:
    """Mean difference between any two people over twice the mean."""
    people = sum(n for n, _ in groups)
    amount = sum(n * x for n, x in groups)
    if not amount:
        return None
    apart = sum(n * m * abs(x - y) for n, x in groups for m, y in groups)
    return Fraction(apart) / (2 * people * amount)


def ratio(
    groups: Sequence[tuple[int, Fraction]], top: Fraction, bottom: Fraction
) -> Fraction | None:
    """Mean of the ``top`` share of people over that of the ``bottom`` share, taken one by one."""
    people = sum(n for n, _ in groups)

    def mean(order: Iterable[tuple[int, Fraction]], share: Fraction) -> Fraction:
        left, amount = people * share, Fraction(0)
        for n, x in order:
            taken = min(left, Fraction(n))
            left, amount = left - taken, amount + taken * x
        return amount / (people * share)

    ranked = sorted(groups, key=lambda group: group[1])
    least = mean(ranked, bottom)
    return mean(reversed(ranked), top) / least if least else None


class Provision(NamedTuple):
    persons: int
    sites: int
    capacity: int
    per_1000: Fraction | None
    short: int | None


def provision(
    persons: Mapping[str, int],
    zone: Mapping[str, str],
    site_zone: Mapping[str, str],
    capacity: Mapping[str, int],
    norm: Fraction,
) -> dict[str, Provision]:
    """What stands in each zone over who lives there; ``short`` is missing to the norm."""
    found = {}
    for z in {*zone.values(), *site_zone.values()}:
        people = sum(n for home, n in persons.items() if zone[home] == z)
        here = [capacity[site] for site, where in site_zone.items() if where == z]
        stock = sum(here)
        found[z] = Provision(
            people,
            len(here),
            stock,
            Fraction(stock * 1000, people) if people else None,
            max(0, math.ceil(norm * people / 1000 - stock)) if people else None,
        )
    return found


def times(homes: Mapping[str, Home], zone: Mapping[str, str], cutoff: int) -> tuple[int, ...]:
    """(persons reached, their summed impedance, 95th percentile, longest), inside the zones."""
    reached = sorted(
        (home.value, home.persons)
        for name, home in homes.items()
        if zone[name] and home.persons and home.value is not None and home.value <= cutoff
    )
    people = sum(n for _, n in reached)
    p95, below = 0, 0
    for value, n in reached:
        if below * 100 < people * 95:
            p95 = value
        below += n
    return people, sum(value * n for value, n in reached), p95, reached[-1][0]

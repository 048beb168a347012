"""A town as the second program knows it: homes, zones, sites and streets joined, without siting.

Built from plain values that a test reads from raw files by its own means; :mod:`figures` counts
what comes out of it, and :mod:`held` holds a run against that.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cache

import figures
import shapely
from figures import Home, Limits
from malta_independent import Place, Walks
from malta_places import door
from malta_reach import placed
from search import Search
from seating import seated

IN_MINUTES = (
    "clinic.walk_30min",
    "hospital.drive_30min",
    "school.journey",
    "school.journey_grades_1_3",
)
WEIGHTS = (Fraction(1), Fraction(68, 100), Fraction(22, 100))  # of the thirds of a catchment


def unit_of(rule: str) -> str:
    return "ms" if rule in IN_MINUTES else "mm"


@dataclass(frozen=True)
class Service:
    """What a study asks of a service.

    ``metres_per_hour`` is the pace of those who walk; None: by car. ``catchment`` is a unit and its
    end; ``norm`` is what should stand per 1,000 residents.
    """

    rules: Mapping[str, Limits]
    metres_per_hour: int | None = 3600
    catchment: tuple[str, int] | None = None
    seats: bool = False
    norm: Fraction | None = None

    @property
    def by_car(self) -> bool:
        return self.metres_per_hour is None


@dataclass(eq=False)
class Town:
    """Everything in one metric CRS.

    Attributes
    ----------
    persons, spots, apart_mm
        Of each home: how many, where, and how far from there they may live.
    zone
        By zoning, the zone of each home; "" outside every zone. The first zoning has the gaps.
    site_zone
        By zoning, a function from a point to its zone.
    services, shapes, supply
        Services by name, and by service the shapes and the capacities of their sites.
    streets
        Those of walkers (False), and those of cars (True).
    """

    persons: Mapping[str, int]
    spots: Mapping[str, shapely.Point]
    apart_mm: Mapping[str, int]
    zone: Mapping[str, Mapping[str, str]]
    site_zone: Mapping[str, Callable[[shapely.Point], str]]
    services: Mapping[str, Service]
    shapes: Callable[[str], Mapping[str, shapely.Geometry]]
    supply: Callable[[str], Mapping[str, int]]
    streets: Callable[[bool], Walks]

    @property
    def first(self) -> str:
        return next(iter(self.zone))

    @cache  # noqa: B019 - one town a test module
    def places(self, car: bool) -> dict[str, Place]:
        return placed(self.streets(car), self.spots)

    @cache  # noqa: B019
    def doors(self, service: str) -> dict[str, Place]:
        spots = {name: door(shape) for name, shape in self.shapes(service).items()}
        return placed(self.streets(self.services[service].by_car), spots)

    @cache  # noqa: B019
    def search(self, metres_per_hour: int | None, unit: str) -> Search:
        streets = self.streets(metres_per_hour is None)
        return Search(streets.paced(metres_per_hour or streets.speed), unit)

    def search_for(self, service: str, unit: str) -> Search:
        return self.search(self.services[service].metres_per_hour, unit)

    def told(self, service: str, unit: str, mm: int) -> int:
        """A length as an impedance at the pace of those who walk."""
        return mm if unit == "mm" else self.search_for(service, unit).streets.ms(mm)

    @cache  # noqa: B019
    def homes(self, service: str, unit: str) -> dict[str, Home]:
        places = self.places(self.services[service].by_car)
        near = self.search_for(service, unit).nearest(self.doors(service).values(), places)
        sites = list(self.shapes(service).values())
        tree = shapely.STRtree(sites)
        return {
            name: Home(
                persons=n,
                value=near.get(name),
                leg=self.told(service, unit, places[name].access) if name in near else 0,
                apart=self.told(service, unit, self.apart_mm[name]),
                line=_mm(self.spots[name], sites[tree.nearest(self.spots[name])]),
                line_apart=self.apart_mm[name],
            )
            for name, n in self.persons.items()
        }

    @cache  # noqa: B019
    def pairs(self, service: str, unit: str, limit: int) -> figures.Pairs:
        """Impedance from each home to every site within the limit."""
        places = self.places(self.services[service].by_car)
        found = self.search_for(service, unit).pairs(self.doors(service), places, limit)
        return {name: found.get(name, {}) for name in self.persons}

    def lines(self, service: str, limit: int) -> figures.Pairs:
        """Straight lines from each home to every site within the limit, mm."""
        shapes = self.shapes(service)
        names = list(shapes)
        tree = shapely.STRtree([shapes[name] for name in names])
        found: dict[str, dict[str, int]] = {}
        for home, spot in self.spots.items():
            near = tree.query(spot, predicate="dwithin", distance=limit / 1000 + 1)
            far = {names[i]: _mm(spot, shapes[names[i]]) for i in near}
            found[home] = {site: mm for site, mm in far.items() if mm <= limit}
        return found

    @cache  # noqa: B019
    def seats(self, service: str, rule: str) -> tuple[dict[str, int], ...] | None:
        """Who has a seat at the strict end, as computed, and at the loose end, by home.

        At the strict end those who have one look again; at the loose end they keep theirs. None
        where the study does not ask.
        """
        if not self.services[service].seats:
            return None
        limits, unit = self.services[service].rules[rule], unit_of(rule)
        homes, capacity = self.homes(service, unit), self.supply(service)
        reached = {name: figures.ends(home, limits) for name, home in homes.items()}
        beyond = max(home.leg + home.apart for home in homes.values())
        every = self.pairs(service, unit, limits.high + beyond)

        def most(
            of: Mapping[str, int],
            end: int,
            shift: Mapping[str, int],
            keep: Mapping[str, int] | None = None,
        ) -> dict[str, int]:
            people = {name: of.get(name, 0) * reached[name][end] for name in homes}
            near = {
                name: {s: v for s, v in every[name].items() if v + shift[name] <= limits[end]}
                for name in homes
            }
            return seated(people, capacity, near, keep)

        covered = most(self.persons, 1, dict.fromkeys(homes, 0))
        farther = {name: home.apart + home.leg * 2 // 5 for name, home in homes.items()}
        nearer = {name: -home.apart - home.leg for name, home in homes.items()}
        return most(covered, 0, farther), covered, most(self.persons, 2, nearer, covered)

    def lost_seats(self, service: str, rule: str) -> dict[str, int]:
        """Who of the first zoning has a seat and would have none if a site alone shut, by site.

        Solved anew without each, sites being far from one another or not.
        """
        seats = self.seats(service, rule)
        assert seats is not None
        limits, unit = self.services[service].rules[rule], unit_of(rule)
        homes, capacity = self.homes(service, unit), self.supply(service)
        near = self.pairs(service, unit, limits.judged)
        lines = self.lines(service, limits.judged) if limits.radius else {}
        zone = self.zone[self.first]
        found = {}
        for shut in capacity:
            left = {name: {s: v for s, v in row.items() if s != shut} for name, row in near.items()}
            people = {
                name: n
                * figures.ends(homes[name], limits)[1]
                * (not limits.radius or bool(set(lines[name]) - {shut}))
                for name, n in self.persons.items()
            }
            then = seated(people, {s: n for s, n in capacity.items() if s != shut}, left)
            found[shut] = sum(n - then.get(name, 0) for name, n in seats[1].items() if zone[name])
        return found

    def coverage(self, zoning: str, service: str, rule: str) -> dict[str, dict[str, int]]:
        return figures.coverage(
            self.homes(service, unit_of(rule)),
            self.zone[zoning],
            self.services[service].rules[rule],
            self.seats(service, rule),
        )

    @cache  # noqa: B019
    def catchments(self, service: str) -> dict[str, figures.Catchment]:
        """2SFCA and E2SFCA."""
        asked = self.services[service].catchment
        assert asked is not None
        unit, end = asked
        homes, pairs = self.homes(service, unit), self.pairs(service, unit, end)
        thirds = [(end * (k + 1) // 3, weight) for k, weight in enumerate(WEIGHTS)]
        return {
            name: figures.catchment(homes, pairs, self.supply(service), bands)
            for name, bands in (("2sfca", [(end, Fraction(1))]), ("e2sfca", thirds))
        }


def _mm(spot: shapely.Point, shape: shapely.Geometry) -> int:
    return math.floor(spot.distance(shape) * 1000 + 0.5)

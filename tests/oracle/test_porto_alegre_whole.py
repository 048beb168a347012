"""Every figure of Porto Alegre from its own files: all services, rules and zonings, to the person.

The whole run by ``python -m siting run``; the second program reads hexagons, streets and zones
itself (csv, pyosmium, json), searches by scipy, counts by :mod:`figures`, seats by HiGHS.
"""

from __future__ import annotations

import csv
import dataclasses
from fractions import Fraction
from pathlib import Path

import held
import pytest
import shapely
import zonings
from figures import Limits
from finished_run import Finished
from malta_independent import Walks
from town import Service, Town

EPSG = 31982
STUDY = Path(__file__).parents[1] / "studies" / "porto_alegre"
PEOPLE = 812_935  # the sum of the column
WITHIN_MM = 200_000  # the study's people.within_m
ZONINGS = {"district": "districts.geojson", "quarter": "quarters.geojson"}
CIRCLE = Limits(800_000, 800_000, 1_000_000)
# Strict end, headline and loose end: on foot at 3.4 to 5 km/h, the elderly at 2.5 to 3.6.
SERVICES = {
    "school": Service(
        {"circle_15min": CIRCLE, "primary.radius": Limits(500_000, 500_000, 500_000, True)},
        catchment=("mm", 1_000_000),
    ),
    "healthcare": Service(
        {"circle_15min": CIRCLE, "clinic.walk_30min": Limits(1_700_000, 1_800_000, 2_500_000)}
    ),
    "care": Service(
        {"hospital.drive_30min": Limits(1_500_000, 1_800_000, 2_160_000)},
        metres_per_hour=3000,
        catchment=("ms", 1_500_000),
    ),
    "work": Service(
        {
            "circle_15min": CIRCLE,
            "health_centre.radius": Limits(1_000_000, 1_000_000, 1_000_000, True),
        },
        seats=True,
        norm=Fraction(60),
    ),
}
COLUMN = {"school": "schools", "healthcare": "healthcare", "care": "healthcare", "work": "jobs"}
MORE_THAN = {"work": 500}
PAIRS = [(name, rule) for name, service in SERVICES.items() for rule in service.rules]


@pytest.fixture(scope="module")
def town(test_data: Path) -> Town:
    folder = test_data / "porto_alegre"
    with (folder / "poa_hexgrid.csv").open(encoding="utf-8-sig") as file:
        hexagons = {row["id"]: row for row in csv.DictReader(file)}
    walks = Walks(str(folder / "poa_osm.pbf"), metres_per_hour=3600, min_km=2, epsg=EPSG)
    spots = {
        name: shapely.Point(walks.to_metric.transform(float(row["lon"]), float(row["lat"])))
        for name, row in hexagons.items()
    }
    zones = {name: zonings.read(STUDY / file, "id", EPSG) for name, file in ZONINGS.items()}
    supply = {
        service: {
            name: n
            for name, row in hexagons.items()
            if (n := int(row[column] or 0)) > MORE_THAN.get(service, 0)
        }
        for service, column in COLUMN.items()
    }
    return Town(
        persons={name: int(row["population"]) for name, row in hexagons.items()},
        spots=spots,
        apart_mm=dict.fromkeys(hexagons, WITHIN_MM),
        zone={
            zoning: zonings.zone_of(rings, {name: (p.x, p.y) for name, p in spots.items()})
            for zoning, rings in zones.items()
        },
        site_zone={
            zoning: lambda p, rings=rings: zonings.zone_of(rings, {"": (p.x, p.y)})[""]
            for zoning, rings in zones.items()
        },
        services=SERVICES,
        shapes=lambda service: {name: spots[name] for name in supply[service]},
        supply=supply.__getitem__,
        streets=lambda car: walks,
    )


def test_people_and_zones(town: Town, porto_alegre: Finished) -> None:
    held.people(town, porto_alegre)
    assert sum(town.persons.values()) == PEOPLE
    assert "" not in town.zone["district"].values()
    assert sum(n for home, n in town.persons.items() if not town.zone["quarter"][home]) == 25_084


@pytest.mark.parametrize(("service", "rule"), PAIRS)
def test_coverage(town: Town, porto_alegre: Finished, service: str, rule: str) -> None:
    held.coverage(town, porto_alegre, service, rule)


def test_seats_are_scarce(town: Town) -> None:
    """Seats would prove little if there were enough, or if they moved no end of the range."""
    everybody = {"every": dict.fromkeys(town.persons, "every")}
    whole = dataclasses.replace(town, zone=everybody)
    (found,) = whole.coverage("every", "work", "circle_15min").values()
    assert found["no_seat"] > 100_000
    assert found["covered_low"] < found["covered"] < found["covered_high"]


@pytest.mark.parametrize(("service", "rule"), PAIRS)
def test_gaps(town: Town, porto_alegre: Finished, service: str, rule: str) -> None:
    held.gaps(town, porto_alegre, service, rule)


SEATED_RADIUS = (
    "work",
    "health_centre.radius",
)  # every closure solved anew by HiGHS takes its time


@pytest.mark.parametrize(
    ("service", "rule"),
    [pytest.param(*p, marks=pytest.mark.slow) if p == SEATED_RADIUS else p for p in PAIRS],
)
def test_losses(town: Town, porto_alegre: Finished, service: str, rule: str) -> None:
    held.losses(town, porto_alegre, service, rule)


@pytest.mark.parametrize("service", ["school", "care"])
def test_supply_within_reach(town: Town, porto_alegre: Finished, service: str) -> None:
    held.supply(town, porto_alegre, service)


def test_equity(town: Town, porto_alegre: Finished) -> None:
    held.equity(town, porto_alegre)


def test_jobs_per_thousand_residents(town: Town, porto_alegre: Finished) -> None:
    held.provision(town, porto_alegre, "work")


@pytest.mark.parametrize("service", SERVICES)
def test_times(town: Town, porto_alegre: Finished, service: str) -> None:
    held.times(town, porto_alegre, service)

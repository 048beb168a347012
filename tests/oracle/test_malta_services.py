"""Ten services of Malta by three zonings, every figure again from the extract, to the person.

The run by ``python -m siting run tests/studies/malta_services``; the second program reads the
extract by pyosmium, places points by shapely, searches by scipy, counts by :mod:`figures`, seats by
HiGHS.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from fractions import Fraction
from functools import cache
from pathlib import Path

import geopandas as gpd
import held
import malta_seats
import pyproj
import pytest
import shapely
from figures import Limits
from finished_run import Finished, study_run
from malta_independent import Walks
from malta_places import EPSG, Places, cells, farthest_mm, people
from malta_reach import Drives
from shapely.geometry import shape
from town import Service, Town

pytestmark = pytest.mark.slow

PEOPLE = 519_562  # Malta, Census of Population and Housing 2021
MIN_KM = 2
CIRCLES = {
    "circle_5min": Limits(300_000, 300_000, 300_000),
    "circle_10min": Limits(500_000, 500_000, 500_000),
    "circle_15min": Limits(800_000, 800_000, 1_000_000),
}
DRIVEN = {"hospital.drive_30min": Limits(1_440_000, 1_800_000, 2_160_000)}  # at 0.8 to 1.2


def circles(*minutes: int) -> dict[str, Limits]:
    return {rule: CIRCLES[rule] for rule in (f"circle_{m}min" for m in minutes)}


def radius(rule: str, mm: int) -> dict[str, Limits]:
    return {rule: Limits(mm, mm, mm, True)}


# Children walk at 3.3 km/h (2.7 to 4.0), the elderly at 3.0 (2.5 to 3.6), others at 3.6 (3.4 to 5).
SERVICES = {
    "school": Service(
        circles(15)
        | radius("primary.radius", 500_000)
        | {"school.journey_grades_1_3": Limits(1_472_727, 1_800_000, 2_181_818)},
        metres_per_hour=3300,
        catchment=("mm", 1_500_000),
        seats=True,
        norm=Fraction(60),
    ),
    "hospital": Service(DRIVEN, metres_per_hour=None, catchment=("ms", 750_000), norm=Fraction(6)),
    "police": Service(DRIVEN, metres_per_hour=None),
    "fire_station": Service(DRIVEN, metres_per_hour=None),
    "public_library": Service(circles(15) | radius("health_centre.radius", 1_000_000)),
    "post_office": Service(
        circles(15) | {"school.journey": Limits(2_000_000, 2_400_000, 2_880_000)},
        metres_per_hour=3000,
    ),
    "food": Service(circles(5, 10) | radius("health_station.radius", 300_000)),
    "sport": Service(circles(10) | radius("junior.radius", 1_000_000)),
    "playground": Service(
        circles(5) | radius("kindergarten.radius", 300_000), metres_per_hour=3300
    ),
    "clinic": Service(circles(15) | {"clinic.walk_30min": Limits(1_700_000, 1_800_000, 2_500_000)}),
}
TAGS = {
    "food": ("shop", "supermarket", "convenience"),
    "sport": ("leisure", "pitch", "sports_centre"),
    "playground": ("leisure", "playground"),
    "clinic": ("amenity", "clinic", "doctors"),
    "public_library": ("amenity", "library"),
}
PAIRS = [(name, rule) for name, service in SERVICES.items() for rule in service.rules]


@pytest.fixture(scope="module")
def places(test_data: Path) -> Places:
    return Places(str(test_data / "malta" / "malta.osm.pbf"))


@pytest.fixture(scope="module")
def run(
    places: Places,
    siting_command: Callable[..., Finished],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Finished]:
    made = tmp_path_factory.mktemp("made_seats")
    malta_seats.write(places, made)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SITING_MADE_SEATS", str(made))
        yield study_run("malta_services", siting_command, tmp_path_factory)


def localities(file: Path, run: Finished) -> dict[str, shapely.Geometry]:
    """The file's zones under the ids that siting gives rows without one, found by their shape."""
    to_metric = pyproj.Transformer.from_crs(4326, EPSG, always_xy=True)
    layer = gpd.read_file(run.folder / "results.gpkg", layer="zones")
    layer = layer[layer["zoning"] == "locality_file"].set_index("zone_id").geometry
    found = {}
    for feature in json.loads(file.read_text("utf-8"))["features"]:
        land = shapely.transform(shape(feature["geometry"]), to_metric.transform, interleaved=False)
        land = land if land.is_valid else shapely.make_valid(land)
        (name,) = layer.index[layer.symmetric_difference(land).area < 1]
        found[name] = land
    assert len(found) == len(layer) == 67
    return found


def first_of(zones: dict[str, shapely.Geometry]) -> Callable[[shapely.Point], str]:
    """The smallest id of the zones that a point is in."""
    names = sorted(zones)
    tree = shapely.STRtree([zones[name] for name in names])
    return lambda p: min((names[i] for i in tree.query(p, predicate="intersects")), default="")


@pytest.fixture(scope="module")
def town(places: Places, run: Finished, test_data: Path) -> Town:
    pbf = str(test_data / "malta" / "malta.osm.pbf")
    land = places.residential()
    pieces = cells(land)
    persons = people(land, pieces, PEOPLE)
    spots = {name: shapely.point_on_surface(pieces[name]) for name in persons}
    zones = {
        "island": places.zones("4"),
        "locality": places.zones("8"),
        "locality_file": localities(test_data / "malta" / "localities.geojson", run),
    }
    site_zone = {zoning: first_of(shapes) for zoning, shapes in zones.items()}
    walks = Walks(pbf, metres_per_hour=3600, min_km=MIN_KM)
    drives = Drives(pbf, metres_per_hour=3600, min_km=MIN_KM)

    @cache
    def shapes(service: str) -> dict[str, shapely.Geometry]:
        key, *values = TAGS.get(service, ("amenity", service))
        found = places.sites(*values, key=key)
        if service in malta_seats.SEATS:  # written as points
            found = {name: malta_seats.door(s) for name, s in found.items()}
        return found

    return Town(
        persons=persons,
        spots=spots,
        apart_mm={name: farthest_mm(pieces[name], spots[name]) for name in persons},
        zone={
            zoning: {name: where(spot) for name, spot in spots.items()}
            for zoning, where in site_zone.items()
        },
        site_zone=site_zone,
        services=SERVICES,
        shapes=shapes,
        supply=lambda service: malta_seats.seats(places, service),
        streets=lambda car: drives if car else walks,
    )


def test_sites(town: Town, run: Finished) -> None:
    table = run.table("sites")
    for service in SERVICES:
        mine = set(town.shapes(service))
        assert set(table.loc[table["service"] == service, "site_id"]) == mine, service
        assert len(mine) > 3


def test_people_and_zones(town: Town, run: Finished) -> None:
    held.people(town, run)
    assert sum(town.persons.values()) == PEOPLE


@pytest.mark.parametrize(("service", "rule"), PAIRS)
def test_coverage(town: Town, run: Finished, service: str, rule: str) -> None:
    held.coverage(town, run, service, rule)


@pytest.mark.parametrize(("service", "rule"), PAIRS)
def test_gaps(town: Town, run: Finished, service: str, rule: str) -> None:
    held.gaps(town, run, service, rule)


@pytest.mark.parametrize(("service", "rule"), PAIRS)
def test_losses(town: Town, run: Finished, service: str, rule: str) -> None:
    held.losses(town, run, service, rule)


@pytest.mark.parametrize("service", ["school", "hospital"])
def test_supply_within_reach(town: Town, run: Finished, service: str) -> None:
    held.supply(town, run, service)


@pytest.mark.parametrize("service", ["school", "hospital"])
def test_per_thousand_residents(town: Town, run: Finished, service: str) -> None:
    held.provision(town, run, service)


def test_equity(town: Town, run: Finished) -> None:
    held.equity(town, run)


@pytest.mark.parametrize("service", SERVICES)
def test_times(town: Town, run: Finished, service: str) -> None:
    held.times(town, run, service)

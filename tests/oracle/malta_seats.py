"""Made-up seats and beds at the schools and hospitals of the extract, as CSV, without siting."""

from __future__ import annotations

import csv
from pathlib import Path

from malta_places import Places, door

# between these, by the digits of the OSM id; the beds are for a figure, not for a country
SEATS = {"school": (150, 4500), "hospital": (40, 900)}


def seats(places: Places, amenity: str) -> dict[str, int]:
    """Seats by site."""
    least, most = SEATS[amenity]
    return {name: least + int(name[1:]) % (most - least) for name in places.sites(amenity)}


def write(places: Places, folder: Path) -> None:
    """One file a service: id, point and seats."""
    for amenity in SEATS:
        stock = seats(places, amenity)
        with (folder / f"{amenity}.csv").open("w", encoding="utf-8", newline="") as file:
            rows = csv.writer(file)
            rows.writerow(["osm", "x", "y", "seats"])
            for name, shape in places.sites(amenity).items():
                spot = door(shape)
                rows.writerow([name, spot.x, spot.y, stock[name]])

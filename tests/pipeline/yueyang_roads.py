"""Made up for the study of Yueyang: straight roads, and for how many a health centre has places."""

from __future__ import annotations

import csv
from pathlib import Path

import geopandas as gpd
import numpy as np
import shapely
from scipy.spatial import Delaunay


def write_roads(data: Path, folder: Path) -> None:
    """Write ``roads.gpkg``: the Delaunay edges of all places, connected, and made up."""
    places = set()
    for name in ("yueyang_village_points.csv", "yueyang_township_seats.csv"):
        with (data / name).open(encoding="utf-8-sig") as file:
            places |= {(float(r["lon_wgs84"]), float(r["lat_wgs84"])) for r in csv.DictReader(file)}
    spots = gpd.GeoSeries(shapely.points(sorted(places)), crs=4326).to_crs(4547)
    xy = shapely.get_coordinates(spots.to_numpy())
    corners = Delaunay(xy).simplices
    sides = np.vstack([corners[:, [0, 1]], corners[:, [1, 2]], corners[:, [2, 0]]])
    edges = np.unique(np.sort(sides, axis=1), axis=0)
    lines = shapely.linestrings(xy[edges])
    roads = gpd.GeoDataFrame({"highway": ["residential"] * len(lines)}, geometry=lines, crs=4547)
    roads.to_file(folder / "roads.gpkg", driver="GPKG", engine="pyogrio")
    write_places(data, folder)


def write_places(data: Path, folder: Path) -> None:
    """Write ``health_centres.csv``: one at every township seat, for a made-up number of persons."""
    with (data / "yueyang_township_seats.csv").open(encoding="utf-8-sig") as file:
        seats = list(csv.DictReader(file))
    with (folder / "health_centres.csv").open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["code", "name", "lon", "lat", "persons"])
        for seat in seats:
            persons = 5_000 + int(seat["code"]) // 1_000 % 97 * 300
            rows.writerow(
                [seat["code"], seat["name"], seat["lon_wgs84"], seat["lat_wgs84"], persons]
            )

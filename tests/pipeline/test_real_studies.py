"""Malta and Porto Alegre whole: real files from end to end."""

import csv
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from everybody import adds_up
from finished_run import Finished

CENSUS_2021 = 519_562  # Malta, Census of Population and Housing 2021


def test_malta_keeps_the_census_to_the_person(malta: Finished) -> None:
    assert {"coverage", "people", "comparison", "equity"} <= adds_up(malta, CENSUS_2021)
    (package,) = malta.folder.rglob("results.gpkg")
    demand = gpd.read_file(package, layer="demand")
    assert int(demand["population"].sum()) == CENSUS_2021
    zones = gpd.read_file(package, layer="zones")
    assert len(zones) == 67


def test_malta_has_the_facilities_of_the_extract(malta: Finished, test_data: Path) -> None:
    """Against the shared list of amenities: every one is a site or a listed drop."""
    listed = gpd.read_file(test_data / "malta" / "facilities.geojson")
    sites = malta.table("sites")
    drops = malta.table("drops")
    for service in ("school", "hospital", "pharmacy"):
        wanted = set(listed.loc[listed["amenity"] == service, "osm"])
        found = set(sites.loc[sites["service"] == service, "site_id"])
        left_out = set(drops.loc[drops["table"] == f"services.{service}", "row"])
        assert wanted, service
        missing = {osm for osm in wanted - found if not any(osm in row for row in left_out)}
        assert not missing, (service, missing)


def test_nobody_on_gozo_walks_to_malta(malta: Finished) -> None:
    """Gozo ends at 36.02° north in the east and at 14.31° east in the south; the sea is between."""
    (package,) = malta.folder.rglob("results.gpkg")
    sites = gpd.read_file(package, layer="sites").to_crs(4326)
    gaps = gpd.read_file(package, layer="gaps").to_crs(4326)
    gaps = gaps[gaps["service"].isin(["school", "pharmacy"]) & gaps["nearest_site_id"].notna()]

    def on_gozo(shapes: gpd.GeoSeries) -> np.ndarray:
        spots = shapely.centroid(shapes.to_numpy())
        x, y = shapely.get_x(spots), shapely.get_y(spots)
        return (y > 36.021) | ((x < 14.315) & (y > 36.0))

    island = pd.Series(on_gozo(sites.geometry), index=sites["site_id"])
    here = on_gozo(gaps.geometry)
    assert here.any()
    assert (~here).any()
    assert (island[gaps["nearest_site_id"]].to_numpy() == here).all()


def test_malta_pages_are_small(malta: Finished) -> None:
    pages = sorted(malta.folder.rglob("*.html"))
    assert len(pages) == 6
    assert all(page.stat().st_size <= 5_000_000 for page in pages)


def test_porto_alegre_counts_its_own_people(porto_alegre: Finished, test_data: Path) -> None:
    with (test_data / "porto_alegre" / "poa_hexgrid.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    whole = adds_up(porto_alegre, sum(int(row["population"]) for row in rows))
    assert {"accessibility", "provision"} < whole
    comparison = porto_alegre.table("comparison")
    today = comparison[comparison["plan"] == "today"]
    for service, column in (("school", "schools"), ("healthcare", "healthcare")):
        hexagons = sum(1 for row in rows if row[column] and float(row[column]) > 0)
        assert set(today.loc[today["service"] == service, "n_open"]) == {hexagons}


def test_porto_alegre_hexagons_with_a_school_have_it_at_their_door(
    porto_alegre: Finished, test_data: Path
) -> None:
    """A hexagon that is a site is at 0 m: all its people are covered by every rule."""
    table = porto_alegre.table("comparison")
    with (test_data / "porto_alegre" / "poa_hexgrid.csv").open(encoding="utf-8") as file:
        own = sum(int(r["population"]) for r in csv.DictReader(file) if int(r["schools"]) > 0)
    covered = table.loc[(table["plan"] == "today") & (table["service"] == "school")]
    assert (covered["covered_persons"] >= own * 0.99).all()

"""The generated city from the command line: fifteen services, three zonings, pages that open."""

from collections.abc import Callable

import geopandas as gpd
import pandas as pd
import pytest
from finished_run import Finished

SERVICES = {
    "kindergarten", "primary", "junior", "senior", "clinic", "hospital", "elderly", "childcare",
    "culture", "sport", "market", "shop", "park", "health_centre", "clinic_elderly",
}  # fmt: skip
pytestmark = pytest.mark.slow  # a whole run each

PARTS = ["covered", "no_seat", "out_of_reach", "not_assessed"]
PAGE_BYTES, PAGES_BYTES = 6e6, 15e6  # what an office PC opens at once, and a mail carries


@pytest.fixture(scope="module", params=["mini-city", "city"])
def city_run(
    request: pytest.FixtureRequest,
    siting_command: Callable[..., Finished],
    tmp_path_factory: pytest.TempPathFactory,
) -> Finished:
    folder = tmp_path_factory.mktemp(request.param)
    done = siting_command("demo", "--scale", request.param, "--out", folder, folder=folder)
    assert done.code == 0, done.stderr
    return done


def test_every_service_and_zoning_sums_to_the_raw_people(city_run: Finished) -> None:
    raw = pd.read_csv(city_run.folder / "data/raw/demo/常住人口点.csv", encoding="utf-8-sig")
    groups = {
        "kindergarten": "3-5岁", "primary": "6-11岁", "junior": "12-14岁", "senior": "15-17岁",
        "elderly": "60岁以上", "childcare": "0-2岁", "clinic_elderly": "60岁以上",
    }  # fmt: skip
    table = city_run.table("coverage")
    assert set(table["service"]) == SERVICES
    assert (table[PARTS].sum(axis=1) == table["persons"]).all()
    classes = table[(table["settlement"] != "judged") & (table["level"] == "zone")]
    keys = ["plan", "service", "rule_id", "zoning"]
    sums = classes.groupby(keys)["persons"].sum().reset_index()
    assert set(sums["zoning"]) == {"township", "county", "control_unit"}
    for service, part in sums.groupby("service"):
        assert set(part["persons"]) == {int(raw[groups.get(str(service), "常住人口")].sum())}


def test_people_in_control_units_are_those_that_lie_there(city_run: Finished) -> None:
    """Recounted from the raw points and polygons by geopandas alone."""
    raw = city_run.folder / "data/raw/demo"
    people = pd.read_csv(raw / "常住人口点.csv", encoding="utf-8-sig")
    points = gpd.GeoDataFrame(
        people, geometry=gpd.points_from_xy(people["经度"], people["纬度"]), crs=4490
    ).to_crs(4547)
    units = gpd.read_file(raw / "控制性规划单元.gpkg")
    inside = points.sjoin(units[["zone_id", "geometry"]], predicate="within")
    counted = inside.groupby("zone_id")["常住人口"].sum()
    table = city_run.table("coverage")
    here = table[
        (table["zoning"] == "control_unit") & (table["service"] == "culture")
        & (table["rule_id"] == "circle_15min")
        & (table["plan"] == "today") & (table["level"] == "zone") & table["zone_id"].notna()
        & (table["settlement"] != "judged")
    ]  # fmt: skip
    stated = here.groupby("zone_id")["persons"].sum()
    assert stated[stated > 0].to_dict() == counted[counted > 0].to_dict()


def test_baskets_sum_and_each_is_of_no_more_kinds_than_have_a_layer(city_run: Finished) -> None:
    raw = pd.read_csv(city_run.folder / "data/raw/demo/常住人口点.csv", encoding="utf-8-sig")
    table, lacks = city_run.table("baskets"), city_run.table("basket_services")
    assert (table[["complete", "incomplete", "not_assessed"]].sum(axis=1) == table["persons"]).all()
    zones = table[(table["settlement"] != "judged") & (table["level"] == "zone")]
    sums = zones.groupby(["basket", "zoning"])["persons"].sum()
    children = raw[["0-2岁", "3-5岁", "6-11岁"]].sum().sum()
    for (basket, _), persons in sums.items():
        group = {"elderly": raw["60岁以上"].sum(), "children": children}
        assert persons == group.get(str(basket), raw["常住人口"].sum())
    found = lacks[(lacks["level"] == "region") & (lacks["settlement"] == "judged")]
    for basket, part in found[found["zoning"] == "county"].groupby("basket"):
        (row,) = table[
            (table["basket"] == basket) & (table["level"] == "region")
            & (table["settlement"] == "judged") & (table["zoning"] == "county")
        ].to_dict("records")  # fmt: skip
        assert row["kinds"] == part["why"].isna().sum()
        assert row["kinds_missing"] == part["why"].notna().sum()
        assert row["incomplete"] >= part["lacking_persons"].max()
    gone = found[found["why"].notna()].groupby("basket")["kind"].unique()
    assert set(gone["circle_15min"]) >= {"elderly_home", "sport_centre"}


def test_the_finding_speaks_of_the_whole_city_not_of_its_control_units(
    city_run: Finished,
) -> None:
    lines = [line for line in city_run.stdout.splitlines() if "数据不足" in line]
    assert lines == []


def test_pages_are_small_enough_to_open(city_run: Finished) -> None:
    pages = sorted((city_run.folder / "maps").rglob("*.html"))
    assert len(pages) == 7
    sizes = [page.stat().st_size for page in pages]
    assert max(sizes) < PAGE_BYTES
    assert sum(sizes) < PAGES_BYTES

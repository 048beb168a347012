"""What the demo says of its schools adds up, and shows births that fall."""

from __future__ import annotations

import geopandas as gpd
import pandas as pd
import pytest

from siting.demo import pupils
from siting.demo.people import GROUPS
from siting.demo.region import Region

LAST = pupils.YEARS[-1]


@pytest.fixture(scope="module")
def schools(county: Region) -> gpd.GeoDataFrame:
    return pupils.register(county.tables["schools"])


@pytest.fixture(scope="module")
def counted(county: Region) -> pd.DataFrame:
    return pupils.enrolment(county.tables["schools"])


def test_pupils_of_the_last_year_are_the_registers(
    counted: pd.DataFrame, schools: gpd.GeoDataFrame
) -> None:
    taught = schools[schools["stage"] != pupils.KINDERGARTEN].set_index("site_id")
    now = counted[counted["year"] == LAST]
    assert now.groupby("site_id")["pupils"].sum().to_dict() == taught["enrolment"].to_dict()
    grades = counted.groupby("site_id")["grade"].agg(["min", "max"])
    assert grades["min"].to_dict() == taught["grade_from"].to_dict()
    assert grades["max"].to_dict() == taught["grade_to"].to_dict()


def test_a_cohort_moves_up_and_each_is_smaller(counted: pd.DataFrame) -> None:
    by = counted.set_index(["site_id", "year", "grade"])["pupils"]
    for year in pupils.YEARS[:-1]:
        here = by.xs(year, level="year")
        after = by.xs(year + 1, level="year")
        for (site, grade), number in here.items():
            if (site, grade + 1) in after.index:
                assert after[(site, grade + 1)] == number
    sums = counted.groupby(["year", "grade"])["pupils"].sum().unstack()
    assert (sums[1].diff().dropna() < 0).all()
    assert (sums.loc[LAST, [1, 2, 3, 4, 5, 6]].diff().dropna() > 0).all()


def test_boarders_are_of_grade_four_and_up_and_have_beds(
    counted: pd.DataFrame, schools: gpd.GeoDataFrame
) -> None:
    now = counted[counted["year"] == LAST]
    assert (now["boarders"] <= now["pupils"]).all()
    assert now.loc[now["grade"] < 4, "boarders"].sum() == 0
    assert counted.loc[counted["year"] < LAST, "boarders"].isna().all()
    assert now["boarders"].sum() == schools["boarders"].sum()
    assert ((schools["beds"] > 0) <= (schools["boarders"] > 0)).all()


def test_bands_are_the_people_of_the_townships(county: Region) -> None:
    zones = county.tables["zones"].set_index("zone_id")
    bands = pupils.ages(county.tables["zones"]).set_index("zone_id")[list(pupils.BANDS)]
    assert bands.sum(axis=1).to_dict() == zones["population"].to_dict()
    young = zones[[g for g in GROUPS if g in ("age_0_2", "age_3_5", "age_6_11", "age_12_14")]]
    upto_14 = bands[list(pupils.BANDS[:4])].sum(axis=1)
    assert upto_14.to_dict() == young.sum(axis=1).to_dict()
    assert (bands["0岁"] * 4 < bands["1-4岁"]).all()


def test_births_are_the_bands_and_go_on_falling(county: Region) -> None:
    born = pupils.births(county.tables["zones"])
    bands = pupils.ages(county.tables["zones"]).set_index("zone_id")
    for column, first, last in (
        ("0岁", 2025, 2025),
        ("5-9岁", 2016, 2020),
        ("10-14岁", 2011, 2015),
    ):
        sums = born[born["year"].between(first, last)].groupby("zone_id")["persons"].sum()
        assert sums.to_dict() == bands[column].to_dict()
    later = born[born["year"] >= 2025].groupby("year")["persons"].sum()
    assert later.index.tolist() == list(range(2025, 2031))
    assert (later.diff().dropna() < 0).all()


def test_one_region_makes_one_register(county: Region, schools: gpd.GeoDataFrame) -> None:
    again = pupils.register(county.tables["schools"])
    pd.testing.assert_frame_equal(pd.DataFrame(again), pd.DataFrame(schools))

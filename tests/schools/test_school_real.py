"""Real numbers: Yueyang's census of 2020 at its villages and seats, and Decatur's nine schools.

Expected numbers are read from the files here, without siting. Where children live within a county
is made up (every village and seat the same), and said so.
"""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from siting import quality
from siting.cohorts import by_grade, children, single_years, split_by_grade
from siting.errors import DataError
from siting.load import age_bands, enrolment, read_table, schools

TOTAL, QUYUAN, MILUO = "430600", "岳阳市屈原管理区", "430681"
BANDS = {
    "0": ("男_0岁", "女_0岁"),
    "1-4": ("男_1到4岁", "女_1到4岁"),
    **{f"{a}-{a + 4}": (f"男_{a}到{a + 4}岁", f"女_{a}到{a + 4}岁") for a in range(5, 85, 5)},
    "85+": ("男_85岁以上", "女_85岁以上"),
}


@pytest.fixture(scope="module")
def census(test_data: Path) -> list[dict[str, str]]:
    file = test_data / "yueyang" / "yueyang_census2020_county_age_sex.csv"
    with file.open(encoding="utf-8-sig", newline="") as lines:
        return list(csv.DictReader(lines))


def bands_of(test_data: Path, **words: Any) -> pd.DataFrame:
    file = test_data / "yueyang" / "yueyang_census2020_county_age_sex.csv"
    raw = read_table(file, table="people.ages")
    columns = {"zone_id": "区划代码", "name": "区县"}
    table: pd.DataFrame = age_bands(raw, columns=columns, bands=BANDS, **words).table
    return table


def persons(row: dict[str, str], band: str) -> int:
    return sum(int(row[column]) for column in BANDS[band])


def test_the_total_row_and_the_codeless_district_are_told(test_data: Path) -> None:
    with pytest.raises(DataError) as caught:
        bands_of(test_data)
    told = str(caught.value)
    assert "have no zone_id" in told
    assert QUYUAN in told
    assert "hold the sum of all others: a total row among the parts (430600)" in told
    assert "merge = { name = zone_id }" in told


def test_bands_are_the_census_to_the_person(test_data: Path, census: list[dict[str, str]]) -> None:
    bands = bands_of(test_data, total_row=TOTAL, merge={QUYUAN: MILUO})
    assert bands["zone_id"].nunique() == 9
    whole = next(row for row in census if row["区划代码"] == TOTAL)
    sums = bands.groupby("age_from")["persons"].sum()
    for band in BANDS:
        assert sums[int(re.split(r"[-+]", band)[0])] == persons(whole, band), band
    assert bands["persons"].sum() == 5_051_922
    apart = [r for r in census if r["区划代码"] == MILUO or r["区县"] == QUYUAN]
    miluo = bands[(bands["zone_id"] == MILUO) & (bands["age_from"] == 5)]["persons"].item()
    assert len(apart) == 2
    assert miluo == sum(persons(row, "5-9") for row in apart)


def test_children_at_villages_and_seats_are_the_census(
    test_data: Path, census: list[dict[str, str]]
) -> None:
    bands = bands_of(test_data, total_row=TOTAL, merge={QUYUAN: MILUO})
    single = single_years(bands)
    parts = [
        pd.read_csv(test_data / "yueyang" / f"yueyang_{name}.csv", dtype=str)
        for name in ("village_points", "township_seats")
    ]
    places = pd.concat(parts).drop_duplicates("code").sort_values("code")
    demand = pd.DataFrame({"demand_id": places["code"].to_numpy(), "population": 1})  # made up
    home = places.set_index("code")["adcode"]
    found = children(demand, single.ages[single.ages["age"] <= 17], zone_of=home, year=2020)
    at = found.assign(zone_id=found["demand_id"].map(home))
    for band, ages in (("0", (0, 0)), ("1-4", (1, 4)), ("5-9", (5, 9)), ("10-14", (10, 14))):
        sums = at[at["age"].between(*ages)].groupby("zone_id")["persons"].sum()
        for code, number in sums.items():
            rows = [r for r in census if r["区划代码"] == code]
            rows += [r for r in census if r["区县"] == QUYUAN and code == MILUO]
            assert number == sum(persons(r, band) for r in rows), (code, band)
    graded = by_grade(found, first_grade_age=6)
    grown = at[at["age"].between(6, 17)].groupby("age")["persons"].sum()
    assert graded.groupby("grade")["persons"].sum().tolist() == grown.tolist()
    # births had begun to fall in every county: age 0 is less than the mean of ages 1–4
    rows = [r for r in census if r["区划代码"] not in ("", TOTAL)]
    assert all(persons(r, "0") < persons(r, "1-4") / 4 for r in rows)


@pytest.fixture(scope="module")
def decatur(test_data: Path) -> list[dict[str, Any]]:
    file = test_data / "schools" / "decatur_schools_capacity_enrolment.json"
    found: list[dict[str, Any]] = json.loads(file.read_text("utf-8"))["schools"]
    return found


# An American school is of kindergarten to grade 2, of grades 3–5, 6–8 or 9–12: our twelve grades
# have no kindergarten and end three years earlier in life, so the four kinds stand for these here.
GRADES = {"K-2": (1, 3, "primary"), "3-5": (4, 6, "primary"), "6-8": (7, 9, "junior"),
          "9-12": (10, 12, "senior")}  # fmt: skip


def test_decatur_is_read_as_register_and_enrolment(decatur: list[dict[str, Any]]) -> None:
    raw = pd.DataFrame(
        [
            (s["id"], s["name"], GRADES[s["grades"]][2], *GRADES[s["grades"]][:2], s["capacity"])
            for s in decatur
        ],
        columns=["site_id", "name", "stage", "grade_from", "grade_to", "seats"],
    )
    register = schools(raw).table
    assert len(register) == 9
    assert register["seats"].sum() == sum(s["capacity"] for s in decatur)
    assert register[["beds", "boarders", "staff"]].isna().all(axis=None)
    years = {2000 + y: f"FY{y}" for y in range(14, 27)}
    counts = pd.DataFrame([{"site_id": s["id"], **s["enrollment"]} for s in decatur])
    read = enrolment(counts, years=years).table
    assert len(read) == 9 * 13
    blank = read[read["pupils"].isna()]
    # first counted in the school years 2020 and 2015: unknown before, and not 0
    assert sorted(zip(blank["site_id"], blank["year"], strict=True)) == [
        *(("talley_street", year) for year in range(2014, 2020)), ("westchester", 2014)
    ]  # fmt: skip
    for school in decatur:
        mine = read[read["site_id"] == school["id"]].set_index("year")["pupils"].dropna()
        assert mine.to_dict() == {2000 + int(y[2:]): n for y, n in school["enrollment"].items()}
    whole = read[read["pupils"].notna()]
    spans = register.set_index("site_id")
    rows = [
        (site, year, grade, n)
        for site, year, pupils in zip(whole["site_id"], whole["year"], whole["pupils"], strict=True)
        for grade, n in split_by_grade(
            int(pupils),
            range(int(spans.at[site, "grade_from"]), int(spans.at[site, "grade_to"]) + 1),
        ).items()
    ]
    graded = pd.DataFrame(rows, columns=["site_id", "year", "grade", "pupils"])
    graded["boarders"] = pd.array([pd.NA] * len(graded), dtype="Int64")
    assert graded["pupils"].sum() == sum(sum(s["enrollment"].values()) for s in decatur)
    spread = graded.groupby(["site_id", "year"])["pupils"].agg(np.ptp)
    assert spread.max() <= 1
    teaching = register.assign(service=register["stage"])
    told = quality.findings(
        quality.pupils(register, graded, read=read, teaching=teaching, year=2020, boarding_from=4)
    )
    missing = told[told["what"] == "no_enrolment"].set_index("id")["detail"].to_dict()
    assert missing == {
        "talley_street": "2014, 2015, 2016, 2017, 2018, 2019", "westchester": "2014"
    }  # fmt: skip
    above = sorted(told.loc[told["what"] == "enrolment_above_seats", "id"])
    full = [s["id"] for s in decatur if s["enrollment"]["FY20"] > s["capacity"]]
    assert above == sorted(full)
    assert above

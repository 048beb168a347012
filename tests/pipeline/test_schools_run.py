"""Schools in a whole run of the demo: tables against the files that it was made of."""

from __future__ import annotations

import pandas as pd
from finished_run import Finished


def test_pupils_are_those_of_the_file(demo_run: Finished) -> None:
    (file,) = demo_run.folder.rglob("分年级在校生.csv")
    raw = pd.read_csv(file, encoding="gb18030")
    raw = raw[raw["年级"] <= 9]
    found = demo_run.table("enrolment")
    assert found["pupils"].sum() == raw["在校生数"].sum()
    keys = ["site_id", "year", "grade"]
    assert found.set_index(keys)["pupils"].to_dict() == (
        raw.set_index(["学校代码", "年份", "年级"])["在校生数"].to_dict()
    )
    assert set(found["site_id"]) == set(demo_run.table("schools")["site_id"])


def test_every_zoning_has_every_child(demo_run: Finished) -> None:
    children = demo_run.table("children")
    sums = children.groupby(["zoning", "year", "grade"])["persons"].sum().unstack("zoning")
    assert set(sums.columns) == {"county", "township"}
    assert (sums["county"] == sums["township"]).all()
    by = sums["county"]
    for year in range(2026, 2031):  # nobody moves away or dies: a grade is the one below, grown
        for grade in range(2, 13):
            assert by[year, grade] == by[year - 1, grade - 1]
    (file,) = demo_run.folder.rglob("分乡镇分年龄人口.xlsx")
    bands = pd.read_excel(file, dtype={"代码": str})
    # ages 10–14 are grades 5–9, township by township
    now = children[(children["year"] == 2025) & children["grade"].between(5, 9)]
    found = now[now["zoning"] == "township"].groupby("zone_id")["persons"].sum()
    assert found.to_dict() == bands.set_index("代码")["10-14岁"].to_dict()


def test_findings_say_what_they_mean_and_assumptions_are_kept(demo_run: Finished) -> None:
    found = demo_run.table("findings")
    assert found["meaning"].notna().all()
    record = demo_run.record()["schools"]
    assert record["findings"] == found["what"].value_counts().to_dict()
    assert record["source"] == "虚构 (made up)"
    assert record["first_grade_age"] == 6
    assert {"school.first_grade_age", "school.compulsory_grades"} <= {
        rule["id"] for rule in demo_run.record()["rules"]
    }
    # who has more pupils is listed, and nobody else
    schools, pupils = demo_run.table("schools"), demo_run.table("enrolment")
    now = pupils[pupils["year"] == 2025].groupby("site_id")["pupils"].sum()
    seats = schools.set_index("site_id")["seats"].dropna()
    full = {site for site in seats.index if now[site] > seats[site]}
    assert full == set(found.loc[found["what"] == "enrolment_above_seats", "id"])

"""Accessibility and equity of a run, made again from the raw files and the other tables."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import page_data
import pandas as pd
import pytest
from finished_run import Finished

from siting.pipeline.equity import FIGURES, between_zones

CATCHMENT_MIN = 30


def raw_beds(demo: Finished) -> pd.Series:
    raw = pd.read_csv(demo.folder / "data/raw/demo/医疗机构.csv", encoding="gb18030")
    return raw[raw["类别"] == "医院"].set_index("机构代码")["床位数"]


def test_beds_are_those_of_the_raw_file_and_all_of_them_are_given_to_people(
    demo_run: Finished,
) -> None:
    beds = raw_beds(demo_run)
    sites = demo_run.table("accessibility_sites").set_index("site_id")
    assert sites["supply"].to_dict() == beds.to_dict()
    zones = demo_run.table("accessibility")
    region = zones[zones["level"] == "region"]
    assert (region["supply"] == beds.sum()).all()
    assert (region["unreached_supply"] == beds[~sites.loc[beds.index, "reached"]].sum()).all()
    people = pd.read_csv(demo_run.folder / "data/raw/demo/常住人口点.csv", encoding="utf-8-sig")
    for method in ("per_1000_2sfca", "per_1000_e2sfca"):
        for (_, _), part in zones.groupby(["level", "zoning"]):
            assert part["persons"].sum() == people["常住人口"].sum()
            given = (part["persons"] - part["not_assessed"]) * part[method] / 1_000
            assert given.sum() + region["unreached_supply"].iat[0] == pytest.approx(beds.sum())


def test_people_in_the_catchments_are_at_least_those_covered(demo_run: Finished) -> None:
    """Whoever is covered within 30 minutes is in a catchment of 30 minutes, and nobody else."""
    coverage = demo_run.table("coverage")
    covered = coverage[
        (coverage["plan"] == "today")
        & (coverage["service"] == "hospital")
        & (coverage["level"] == "zone")
        & (coverage["settlement"] == "judged")
    ].fillna({"zone_id": ""})
    found = demo_run.table("accessibility").fillna({"zone_id": ""})
    both = covered.merge(found[found["level"] == "zone"], on=["zoning", "zone_id"])
    assert len(both) == len(covered) > 20
    inside = both[both["zone_id"] != ""]
    assert ((inside["covered"] > 0) == (inside["per_1000_2sfca"] > 0)).all()
    sites = demo_run.table("accessibility_sites")
    everyone = covered.groupby("zoning")["covered"].sum()
    assert (sites["demand_persons"] <= everyone.max()).all()
    assert sites["demand_persons"].sum() >= everyone.max()


def naive_gini(values: Any, persons: Any) -> float:
    x, p = np.array(values, float), np.array(persons, float)
    apart = (p[:, None] * p[None, :] * np.abs(x[:, None] - x[None, :])).sum()
    return float(apart / (2 * p.sum() * (p * x).sum()))


def test_gini_is_that_of_the_zones_in_the_tables(demo_run: Finished) -> None:
    equity = demo_run.table("equity").fillna({"rule_id": ""})
    assert {"covered_share_assessed", "per_1000_2sfca", "mean_time_min"} <= set(equity["figure"])
    coverage = demo_run.table("coverage")
    shares = coverage[
        (coverage["plan"] == "today")
        & (coverage["level"] == "zone")
        & (coverage["settlement"] == "judged")
    ]
    zones = demo_run.table("accessibility")
    zones = zones[zones["level"] == "zone"].assign(rule_id="")
    seen = 0
    for table in (shares, zones):
        for row in equity[equity["figure"].isin(table.columns)].itertuples():
            part = table[
                (table["service"] == row.service)
                & (table["rule_id"] == row.rule_id)
                & (table["zoning"] == row.zoning)
            ]
            whole = part["persons"].sum()
            part = part[part["zone_id"].notna() & part[row.figure].notna()]
            part = part[part["not_assessed"] * 20 <= part["persons"]]  # judge.max_not_assessed
            counted = part["persons"] - part["not_assessed"]
            assert (row.zones, row.persons) == (len(part), counted.sum())
            if (whole - row.persons) * 20 > whole:
                assert (row.why, math.isnan(row.gini)) == ("left_out", True)
                continue
            assert row.gini == pytest.approx(naive_gini(part[row.figure], counted))
            seen += 1
    assert seen >= 6
    people = pd.read_csv(demo_run.folder / "data/raw/demo/常住人口点.csv", encoding="utf-8-sig")
    of_all = equity[equity["service"].isin(["clinic", "hospital"])]
    assert set(of_all["rule_id"]) >= {"circle_15min", "clinic.walk_30min", "hospital.drive_30min"}
    assert set(of_all["persons"] + of_all["left_out_persons"]) == {people["常住人口"].sum()}
    county = equity[equity["zoning"] == "county"]
    assert county.empty  # one county: there is nothing to compare


def test_the_page_says_what_the_tables_say(demo_run: Finished) -> None:
    (file,) = demo_run.folder.rglob("maps/**/coverage.html")
    html = file.read_text("utf-8")
    data = page_data.read(html)
    zones = demo_run.table("accessibility").fillna({"zone_id": ""})
    shown = data["figures"]["hospital hospital.drive_30min"]["township"]
    row = zones[(zones["level"] == "region") & (zones["zoning"] == "township")].iloc[0]
    lines = {line["k"]: line["v"] for line in shown["region"]["x"]}
    assert lines["per_1000_2sfca"] == f"{row['per_1000_2sfca']:.2f}"
    assert lines["per_1000_e2sfca"] == f"{row['per_1000_e2sfca']:.2f}"
    equity = demo_run.table("equity").set_index(["figure", "service"])
    told = equity.loc[("per_1000_2sfca", "hospital")]
    assert f"{told['gini']:.3f}" in lines["equity per_1000_2sfca"]
    assert f"{told['ratio']:.2f}" in lines["equity per_1000_2sfca"]
    for name, service in (("per_1000_2sfca", "hospital"), ("mean_time_min", "hospital")):
        left = equity.loc[(name, service), "left_out_persons"]
        assert f"未计入 {left:,} 人" in lines[f"equity {name}"]
    inside = zones[(zones["level"] == "zone") & (zones["zoning"] == "township")]
    by_hand = {f"{v:.2f}" for v in inside.loc[inside["zone_id"] != "", "per_1000_2sfca"]}
    drawn = {
        line["v"]
        for entry in shown["zones"]
        if entry["i"] >= 0
        for line in entry["x"]
        if line["k"] == "per_1000_2sfca"
    }
    assert drawn == by_hand
    assert not data["figures"]["clinic circle_15min"]["township"]["zones"][0]["x"]
    assert all(rule in html for rule in ("e2sfca.weight_near", "e2sfca.weight_far"))


def compared(rows: list[tuple[str, float, int, int]], limit: float = 0.05) -> dict[str, Any]:
    """Zones as (id, share covered, persons, not assessed): what is said between them."""
    here: Any = SimpleNamespace(
        today=SimpleNamespace(name="today"), services=[SimpleNamespace(name="s", time=None)],
        persons=lambda _: pd.Series([persons for _, _, persons, _ in rows]),
    )  # fmt: skip
    table = pd.DataFrame(rows, columns=["zone_id", FIGURES[0], "persons", "not_assessed"])
    table = table.assign(
        plan="today", level="zone", settlement="judged", service="s", rule_id="r", zoning="t"
    )
    (row,) = between_zones(here, table, None, max_not_assessed=limit).to_dict("records")
    return row


def test_nothing_is_compared_where_too_many_are_left_out() -> None:
    zones = [("a", 0.5, 1_000, 50), ("b", 1.0, 1_000, 0), ("", 0.2, 55, 0)]
    row = compared(zones)  # 50 and the 55 outside are 105 of 2,055: more than 5 %
    assert (row["zones"], row["left_out_persons"], row["why"]) == (2, 105, "left_out")
    assert math.isnan(row["gini"])
    row = compared([*zones[:2], ("", 0.2, 50, 0)])  # 100 of 2,050
    assert (row["left_out_persons"], row["why"]) == (100, "")
    assert row["gini"] == pytest.approx(naive_gini([0.5, 1.0], [950, 1_000]))


def test_a_zone_whose_figure_is_not_stated_is_not_compared() -> None:
    row = compared([("a", 0.5, 100, 6), ("b", 1.0, 2_000, 0), ("c", 0.8, 2_000, 100)])
    # a is left out whole, for 6 of its 100 are not assessed; c is within the limit
    assert (row["zones"], row["persons"], row["left_out_persons"]) == (2, 3_900, 200)
    assert row["gini"] == pytest.approx(naive_gini([1.0, 0.8], [2_000, 1_900]))

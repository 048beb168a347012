"""One figure, four files: what CSV says, GeoPackage, workbook and pages say too, cell by cell."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import geopandas as gpd
import openpyxl
import pandas as pd
import pytest
from finished_run import Finished
from page_data import decode, read

from siting import text

RUNS = ["demo_run", "malta", "porto_alegre"]
GREEN_RUNS = ["demo_run", "malta"]  # Porto Alegre asks nothing about green
SHAPES = {"geometry", "fid"}


@pytest.fixture(scope="module", params=RUNS)
def run(request: pytest.FixtureRequest) -> Finished:
    finished: Finished = request.getfixturevalue(request.param)
    return finished


def raw_table(run: Finished, name: str) -> pd.DataFrame:
    """A CSV with every cell as it is written."""
    (file,) = run.folder.rglob(f"tables/{name}.csv")
    return pd.read_csv(file, dtype=str, keep_default_na=False, encoding="utf-8-sig")


def layer(run: Finished, name: str) -> gpd.GeoDataFrame:
    (package,) = run.folder.rglob("results.gpkg")
    return gpd.read_file(package, layer=name)


def page_data(run: Finished, name: str) -> dict[str, Any]:
    """What a page holds inside."""
    (file,) = run.folder.rglob(f"{name}.html")
    return dict(read(file.read_text("utf-8")))


def blank(cell: object) -> bool:
    return cell is None or cell != cell or cell == ""


def same(a: object, b: object) -> bool:
    """Whether two cells say one thing: numbers by value, text by letter, blank as blank."""
    if blank(a) or blank(b):
        return blank(a) and blank(b)
    try:
        return float(a) == pytest.approx(float(b), rel=1e-12, abs=1e-12)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return str(a) == str(b)


def alike(a: pd.DataFrame, b: pd.DataFrame, keys: list[str]) -> None:
    """The columns that both have are the same in every row, rows being told by ``keys``."""
    common = [c for c in a if c in set(b) - SHAPES]
    assert len(common) > len(keys)
    a, b = a[common].copy(), b[common].copy()
    for table in (a, b):
        for key in keys:
            table[key] = table[key].map(lambda v: "" if blank(v) else str(v))
    a, b = (t.sort_values(keys).reset_index(drop=True) for t in (a, b))
    assert len(a) == len(b)
    for column in common:
        cells = zip(a[column], b[column], strict=True)
        odd = [(n, x, y) for n, (x, y) in enumerate(cells) if not same(x, y)]
        assert not odd, (column, len(odd), odd[:3])


def test_workbook(run: Finished) -> None:
    (file,) = run.folder.rglob("report.xlsx")
    book = openpyxl.load_workbook(file, read_only=True)
    sheets = {}
    for sheet in book:
        rows = list(sheet.iter_rows(values_only=True))
        if len(rows) > 1:
            sheets[rows[1]] = rows[2:]
    yes_no = {"True": ("是", "yes"), "False": ("否", "no")}
    files = sorted(run.folder.rglob("tables/*.csv"))
    assert len(files) >= 5
    for csv in files:
        table = raw_table(run, csv.stem)
        rows = sheets[tuple(table.columns)]
        assert len(rows) == len(table), csv.name
        for line, row in zip(table.itertuples(index=False), rows, strict=True):
            for cell, shown in zip(line, row, strict=True):
                if cell in yes_no:
                    assert str(shown).lower() in yes_no[cell]
                else:
                    assert same(cell.removeprefix("'") if cell[1:] else cell, shown), csv.name


def test_geopackage(run: Finished) -> None:
    table = raw_table(run, "coverage")
    table = table[(table["level"] == "zone") & (table["plan"] == "today")]
    keys = ["zoning", "zone_id", "service", "rule_id", "settlement"]
    alike(table, layer(run, "coverage").astype({"judged": bool}), keys)
    zones = layer(run, "coverage_zones")
    assert len(zones) == len(layer(run, "zones"))  # a polygon a zone, not one a figure
    judged = table[(table["settlement"] == "judged") & (table["zone_id"] != "")]
    shown = {"covered_share_assessed": "share", "covered": "covered", "share_low": "share_low"}
    for (service, rule_id), rows in judged.groupby(["service", "rule_id"]):
        at = zones.set_index(["zoning", "zone_id"]).loc[
            pd.MultiIndex.from_frame(rows[["zoning", "zone_id"]])
        ]
        for column, name in shown.items():
            for cell, drawn in zip(rows[column], at[f"{service}: {rule_id}: {name}"], strict=True):
                assert same(cell, drawn), (service, rule_id, column)
    gaps = raw_table(run, "gaps")
    alike(gaps, layer(run, "gaps"), ["gap_id"])
    sites = raw_table(run, "sites").drop_duplicates("site_id")
    alike(sites[["site_id", "name", "status"]], layer(run, "sites"), ["site_id"])


@pytest.mark.parametrize("run", GREEN_RUNS, indirect=True)
def test_land_of_the_cells_makes_the_green_table(run: Finished) -> None:
    cells, green = layer(run, "green_cells"), run.table("green")
    region = green[(green["level"] == "region") & (green["quarter"] == "all")]
    for (indicator, zoning), rows in region.groupby(["indicator", "zoning"]):
        # rows of one target after the other say the same land again
        once = rows.drop_duplicates("judged")
        assert once["land_m2"].sum() == pytest.approx(cells["area_m2"].sum(), abs=1e-3)
        straight = cells[f"{indicator}_straight_m2"]
        left = green[(green["level"] == "zone") & (green["indicator"] == indicator)]
        left = left[(left["zoning"] == zoning) & left["zone_id"].isna()]
        outside = left.drop_duplicates(["judged", "quarter"])["land_m2"].sum()
        assert once["straight_m2"].sum() <= straight.sum() + 1e-3
        assert once["straight_m2"].sum() >= straight.sum() - outside - 1e-3
        for column, way in (("foot_m2", "foot"), ("foot_upper_m2", "foot_upper")):
            on_foot = straight[cells[f"{indicator}_{way}"].astype(bool)].sum()
            assert once[column].sum() <= on_foot + 1e-3
            assert once[column].sum() >= on_foot - outside - 1e-3


def test_coverage_page(run: Finished) -> None:
    data, table = page_data(run, "coverage"), run.table("coverage")
    table = table[(table["plan"] == "today") & (table["settlement"] == "judged")]
    parts = ["covered", "no_seat", "out_of_reach", "not_assessed"]
    ids: dict[str, list[str]] = {}
    for zoning, part in layer(run, "zones").groupby("zoning"):
        ids[zoning] = part["zone_id"].tolist()
    seen = 0
    for (service, rule, zoning), rows in table.groupby(["service", "rule_id", "zoning"]):
        shown = data["figures"][f"{service} {rule}"][zoning]
        (region,) = rows[rows["level"] == "region"].to_dict("records")
        entries = {
            ids[zoning][entry["i"]] if entry["i"] >= 0 else "": entry
            for entry in shown["zones"]
            if entry["b"]
        }
        zones = rows[rows["level"] == "zone"]
        zones = zones[zones["persons"] > 0].fillna({"zone_id": ""}).set_index("zone_id")
        assert set(entries) == set(zones.index)
        for entry, row in [
            (shown["region"], region),
            *((entries[zone], row) for zone, row in zones.to_dict("index").items()),
        ]:
            assert entry["b"] == [row[name] for name in parts]
            assert entry["p"] == text.percent(row["covered_share_assessed"])
            seen += 1
    assert seen >= len(data["measures"])


def test_gaps_page(run: Finished) -> None:
    data, table = page_data(run, "gaps"), run.table("gaps").set_index("gap_id")
    asked = {(m["service"], m["rule_id"]): m for m in data["measures"]}
    # the thousand largest of each service and rule, as the page says; ids tell the rank
    ranked = table.sort_values("persons", ascending=False, kind="stable")
    for (service, rule), part in ranked.groupby(["service", "rule_id"]):
        rows = asked[service, rule]["rows"]
        ids = [f"{service}-{rule}-{n:04d}" for n in range(1, len(rows) + 1)]
        assert len(rows) == min(1_000, len(part))
        for name, row in zip(ids, rows, strict=True):
            near = table.loc[name, ["nearest_m", "nearest_min"]].dropna().tolist()
            assert row["p"] == table.loc[name, "persons"]
            assert same(row["m"], near[0] if near else None), name
        assert min(part["persons"].head(1_000)) == rows[-1]["p"]
        at = layer(run, "gaps").set_index("gap_id").loc[ids].to_crs(4326).geometry
        drawn = decode(asked[service, rule]["at"])
        for point, (lon, lat) in zip(at, drawn, strict=True):
            assert abs(point.x - lon) < 1e-5
            assert abs(point.y - lat) < 1e-5
    totals = table.groupby(["service", "rule_id"])["persons"].sum()
    losses = run.table("losses")
    # a rule that leaves nobody out has no gap and is asked all the same what closures lose
    assert set(asked) == set(zip(losses["service"], losses["rule_id"], strict=True))
    assert {pair: m["total"] for pair, m in asked.items() if m["total"]} == totals.to_dict()
    sites = layer(run, "sites").set_index("site_id").representative_point().to_crs(4326)
    for (service, rule), part in losses.groupby(["service", "rule_id"]):
        drawn = data["facilities"][service]
        spots = decode(drawn["at"])
        ours = part.sort_values("rank").to_dict("records")
        for row, loss in zip(asked[service, rule]["losses"], ours, strict=True):
            assert drawn["names"][row["i"]] == str(loss["name"])
            assert (row["covered"], row["lost"]) == (loss["covered_persons"], loss["lost_persons"])
            there = sites[loss["site_id"]]
            assert abs(there.x - spots[row["i"]][0]) < 1e-5
            assert abs(there.y - spots[row["i"]][1]) < 1e-5


def test_schools_page(run: Finished) -> None:
    data, table = page_data(run, "schools"), run.table("closures").set_index("site_id")
    (measure,) = data["measures"]
    assert [row["id"] for row in measure["rows"]] == table.sort_values("rank").index.tolist()
    receivers = run.table("closures_receivers").groupby("site_id")["persons"].sum()
    for row in measure["rows"]:
        ours = table.loc[row["id"]]
        assert row["raw"]["displaced"] == ours["displaced"]
        assert row["raw"]["unserved"] == ours["unserved_after"]
        assert same(row["raw"]["before"], ours["mean_before_min"])
        assert same(row["raw"]["after"], ours["mean_after_min"])
        assert same(row["raw"]["short"], ours["receiver_seats_short"])
        assert sum(to["p"] for to in row["to"]) == receivers.get(row["id"], 0)
        assert receivers.get(row["id"], 0) <= ours["displaced"]


def test_new_sites_page(run: Finished) -> None:
    data, table = page_data(run, "new_sites"), run.table("new_sites").set_index("site_id")
    record = run.record()["new_sites"]
    chosen = {row["id"] for row in data["rows"] if row["chosen"]}
    assert chosen == set(record["chosen"]) == set(table.index[table["chosen"]])
    for row in data["rows"]:
        assert row["p"] == table.loc[row["id"], "new_persons"]
    already, gained = data["bars"][:2]
    assert already == record["already"]
    assert gained == record["objective"] - record["already"]
    comparison = run.table("comparison").set_index(["plan", "service", "rule_id"])
    study = run.record()["study"]["decide"]["new_sites"]
    pair = (study["service"], study["rule"])
    rows = [comparison.loc[(plan, *pair)] for plan in ("today", "new_sites")]
    judged = run.table("coverage")
    judged = judged[(judged["level"] == "region") & (judged["settlement"] == "judged")]
    judged = judged[(judged["service"] == pair[0]) & (judged["rule_id"] == pair[1])]
    by_plan = judged.drop_duplicates("plan").set_index("plan")["covered"]
    assert by_plan["today"] == record["already"]
    assert by_plan["new_sites"] == record["objective"]
    assert rows[1]["covered_persons"] - rows[0]["covered_persons"] >= gained
    assert rows[1]["n_open"] - rows[0]["n_open"] == len(chosen)


@pytest.mark.parametrize("run", GREEN_RUNS, indirect=True)
def test_green_page(run: Finished) -> None:
    data, table = page_data(run, "green"), run.table("green")
    table = table[table["judged"] & (table["quarter"] == "all")]
    ids = {z: part["zone_id"].tolist() for z, part in layer(run, "zones").groupby("zoning")}
    first = data["zonings"][0]["key"]
    for measure in data["measures"]:
        rows = table[table["indicator"] == measure["key"]].fillna({"zone_id": ""})
        rows = rows.drop_duplicates(["level", "zoning", "zone_id"])
        whole = rows[(rows["level"] == "region") & (rows["zoning"] == first)].iloc[0]
        pairs = [(measure["region"], whole)]
        for zoning, entries in measure["zones"].items():
            mine = rows[(rows["level"] == "zone") & (rows["zoning"] == zoning)]
            mine = mine.set_index("zone_id")
            pairs += [(entry, mine.loc[ids[zoning][entry["i"]]]) for entry in entries]
            assert len(entries) == len(mine.drop(index="", errors="ignore"))
        for entry, row in pairs:
            assert same(entry["s"], row["straight_share"])
            assert same(entry["f"], row["foot_share"])
            assert same(entry["land"], row["land_m2"])


@pytest.mark.parametrize("run", GREEN_RUNS, indirect=True)
def test_parks_per_person_and_pocket_parks_on_the_page(run: Finished) -> None:
    data, people = page_data(run, "green"), run.table("green_per_person")
    judged = people[people["settlement"] == "judged"].fillna({"zone_id": ""})
    judged = judged.set_index(["level", "zoning", "zone_id"])
    ids = {z: part["zone_id"].tolist() for z, part in layer(run, "zones").groupby("zoning")}
    first = data["zonings"][0]["key"]
    for measure in data["measures"]:
        rooms = [(measure["region"]["room"], ("region", first, ""))]
        for zoning, entries in measure["zones"].items():
            rooms += [(e["room"], ("zone", zoning, ids[zoning][e["i"]])) for e in entries]
        for room, key in rooms:
            if room is None:  # neither people nor parks of a class that is judged
                assert key not in judged.index
                continue
            assert same(room["raw"], judged.loc[key, "m2_per_person"])
            assert room["mark"] == judged.loc[key, "verdict"]
    if data["pocket"] is None:
        assert "pocket_parks" not in run.record()
        return
    table, record = run.table("pocket_parks"), run.record()["pocket_parks"]
    turns = table.dropna(subset="step").sort_values("step")
    assert turns["place_id"].tolist() == record["chosen"]
    gained = record["after_m2"] - record["before_m2"]
    assert turns["adds_m2"].sum() == pytest.approx(gained)
    assert gained <= record["bound_m2"]
    by_id = table.set_index("place_id")
    for row in data["pocket"]["rows"]:
        ours = by_id.loc[row["id"]]
        assert (row["rank"], row["step"]) == (
            ours["rank"], None if pd.isna(ours["step"]) else ours["step"]
        )  # fmt: skip
        for shown, name in zip(
            row["raw"],
            ("park_radius_rate_new_m2", "park_radius_rate_new_on_foot_m2", "adds_m2",
             "closes_share"),
            strict=True,
        ):  # fmt: skip
            assert same(shown, ours[name])
    green = run.table("green")
    region = green[(green["level"] == "region") & green["judged"] & (green["zoning"] == first)]
    rate = region[(region["indicator"] == record["by"]) & (region["quarter"] == "all")].iloc[0]
    assert rate["straight_m2"] == pytest.approx(record["before_m2"])


def test_pages_are_those_of_the_run(run: Finished) -> None:
    names = {Path(f).stem for f in run.folder.rglob("maps/**/*.html")}
    assert {"index", "coverage", "gaps", "schools", "new_sites"} <= names

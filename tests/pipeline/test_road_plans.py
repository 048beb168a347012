"""A town on two banks of a river: plans that change streets, barriers that cut, roads crossed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd
import pyproj
import pytest
from shapely import LineString, Point, box

import siting
from siting import demo
from siting import plan as plans
from siting.errors import DataError, StudyError
from siting.pipeline import questions, whatif
from siting.pipeline.region import Region, join
from siting.pipeline.steps import Steps, quiet
from siting.study import Study

CRS = "EPSG:4547"
X, Y = 430_000.0, 3_250_000.0


def at(*xy: tuple[float, float]) -> list[tuple[float, float]]:
    return [(X + x, Y + y) for x, y in xy]


def street(*xy: tuple[float, float], **more: Any) -> dict[str, Any]:
    return {"highway": "residential", "bridge": "no", "geometry": LineString(at(*xy)), **more}


# the river runs north between x = 900 and 1100; one bridge in the middle, the trunk road west of it
STREETS = [
    street((0, 1000), (500, 1000)), street((500, 1000), (900, 1000)),
    street((900, 1000), (1100, 1000), bridge="yes"), street((1100, 1000), (2000, 1000)),
    street((500, 1000), (500, 2000), highway="trunk"),
    street((500, 0), (500, 1000), highway="trunk"), street((0, 1000), (0, 2000)),
    street((2000, 1000), (2000, 2000)), street((2000, 1000), (2000, 0)),
    street((900, 1000), (900, 1900)), street((1100, 1000), (1100, 1900)),
]  # fmt: skip
HOMES = {"west": (100, 1010, 100), "bank": (910, 1800, 10), "east": (1500, 1010, 1)}
STUDY = """
title = "两岸"
crs = "EPSG:4547"
[zones]
file = "zones.gpkg"
[roads]
file = "roads.gpkg"
[people.points]
file = "people.gpkg"
[services.clinic]
file = "clinic.gpkg"
rules = ["clinic.walk_30min"]
{service}
[rules."clinic.walk_30min"]
value = {minutes}
reason = "a town of toys"
{more}
"""


def write(folder: Path, *, more: str = "", service: str = "", minutes: float = 30) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    data = folder / "data" / "raw"
    data.mkdir(parents=True, exist_ok=True)

    def layer(name: str, rows: list[dict[str, Any]]) -> None:
        gpd.GeoDataFrame(rows, geometry="geometry", crs=CRS).to_file(data / f"{name}.gpkg")

    layer("roads", STREETS)
    layer("zones", [{"zone_id": "Z", "name": "town", "settlement": "urban",
                     "geometry": box(X - 100, Y - 100, X + 2100, Y + 2100)}])  # fmt: skip
    layer("people", [
        {"demand_id": n, "population": p, "settlement": "urban", "geometry": Point(X + x, Y + y)}
        for n, (x, y, p) in HOMES.items()
    ])  # fmt: skip
    layer("clinic", [{"site_id": "C", "name": "c", "geometry": Point(X + 1950, Y + 1000)}])
    layer("river", [{"geometry": LineString(at((1000, -500), (1000, 2500)))}])
    layer("water", [{"geometry": box(X + 950, Y - 500, X + 1050, Y + 2500)}])
    layer("rail", [{"geometry": LineString(at((700, -500), (700, 2500)))}])
    file = folder / "study.toml"
    file.write_text(STUDY.format(more=more, service=service, minutes=minutes), "utf-8")
    return file


def lonlat(*xy: tuple[float, float]) -> list[list[float]]:
    to = pyproj.Transformer.from_crs(CRS, "EPSG:4490", always_xy=True)
    return [list(to.transform(x, y)) for x, y in at(*xy)]


def plan_of(edits: list[dict[str, Any]], name: str = "bridge") -> dict[str, Any]:
    return {
        "name": name, "version": 1, "periods": [{"year": None, "open": {"clinic": ["C"]}}],
        "network_edits": edits,
    }  # fmt: skip


def region(file: Path) -> tuple[Study, Region]:
    """The study up to its travel times; no page is written."""
    study = siting.read_study(file)
    inputs = siting.pipeline.read_inputs(study)
    return study, join(study, inputs, step=Steps(quiet, 1))


def asked(study: Study, here: Region, *edits: dict[str, Any]) -> tuple[Region, pd.Series[Any]]:
    """A plan on its own roads: the region there, and its indicators."""
    plan = plans.from_json(json.dumps(plan_of(list(edits))))
    there = whatif.on_edited_roads(study, here, plan)
    return there, questions.evaluated(there, plan).indicators.iloc[0]


def minutes(here: Region) -> dict[str, float]:
    reach = here.service("clinic").times("time").reach(["C"])
    return {i: v / 60_000 for i, v in reach["impedance"].items() if v >= 0}


def test_plans_that_change_streets(tmp_path: Path) -> None:
    study, here = region(write(tmp_path / "a", minutes=40))
    before = questions.evaluated(here, here.today).indicators.iloc[0]
    # at 60 m a minute, legs included
    expected = {"west": 1860 / 60, "bank": (10 + 800 + 200 + 850) / 60, "east": 460 / 60}
    assert minutes(here) == pytest.approx(expected, abs=0.01)
    assert before["covered_persons"] == 111
    bridge = lonlat((1000, 1003))[0]

    shut, told = asked(study, here, {"kind": "close", "near": bridge})
    assert minutes(shut) == pytest.approx({"east": 460 / 60}, abs=0.01)
    # whom a decision cuts off is out of reach: it is no gap in the data
    counts = ["covered_persons", "out_of_reach_persons", "not_assessed_persons"]
    assert told[counts].tolist() == [1, 110, 0]
    assert told["unreached_persons"] == 110

    line = lonlat((900, 1800), (1100, 1800))
    built, told = asked(
        study, here, {"kind": "add", "line": line, "highway": "residential", "bridge": True}
    )
    assert told["covered_persons"] == 111
    assert minutes(built)["bank"] == pytest.approx(expected["bank"], abs=0.01)  # no shorter
    line = lonlat((900, 1800), (1500, 1800), (1950, 1000.4))
    built, _ = asked(study, here, {"kind": "add", "line": line, "highway": "residential"})
    way = 10 + 600 + (450**2 + 800**2) ** 0.5
    assert minutes(built)["bank"] == pytest.approx(way / 60, abs=0.02)

    slow, told = asked(
        study, here, {"kind": "retime", "mode": "walk", "near": bridge, "time_factor": 10.0}
    )
    more = 9 * 200 / 60
    assert minutes(slow)["west"] == pytest.approx(expected["west"] + more, abs=0.01)
    assert told["mean_time_min"] - before["mean_time_min"] == pytest.approx(
        110 / 111 * more, abs=0.01
    )
    cars, _ = asked(study, here, {"kind": "close", "near": bridge, "modes": ["drive", "walk"]})
    assert minutes(cars) == minutes(shut)

    with pytest.raises(DataError, match="edit 1 names way 77"):
        asked(study, here, {"kind": "close", "way": 77})
    with pytest.raises(DataError, match="edit 1 adds a street outside the study area"):
        asked(study, here, {"kind": "add", "line": [[10, 50], [10.1, 50]], "highway": "path"})
    line = lonlat((0, 1500), (-80, 1500))
    there, _ = asked(study, here, {"kind": "add", "line": line, "highway": "residential"})
    assert there.inputs.drops["what"].tolist() == ["the end of the line joins nothing within 1 m"]


@pytest.mark.parametrize("first", [[], ["far"], ["far", "canal"]])
@pytest.mark.parametrize("named", [False, True])
def test_a_way_is_the_row_of_the_file(tmp_path: Path, first: list[str], named: bool) -> None:
    """Whatever the rows are called and sorted by, and whatever rows before are left out."""
    file = write(tmp_path, minutes=40)
    more = {
        "far": street((90_000, 0), (90_100, 0)),  # outside the area
        "canal": street((0, 0), (900, 0), highway="canal"),  # not asked for
    }
    rows = [more[name] for name in first] + STREETS
    if named:
        rows = [row | {"road_id": f"R{99 - i}"} for i, row in enumerate(rows)]
    data = file.parent / "data" / "raw"
    gpd.GeoDataFrame(rows, geometry="geometry", crs=CRS).to_file(data / "roads.gpkg")
    if "canal" in first:
        where = 'file = "roads.gpkg"\nwhere = { highway = ["residential", "trunk"] }'
        file.write_text(file.read_text("utf-8").replace('file = "roads.gpkg"', where), "utf-8")
    study, here = region(file)
    bridge = next(i for i, row in enumerate(rows) if row["bridge"] == "yes")
    shut, _ = asked(study, here, {"kind": "close", "way": bridge})
    assert minutes(shut) == pytest.approx({"east": 460 / 60}, abs=0.01)


def test_messages_and_defects_call_a_street_by_what_its_file_has(tmp_path: Path) -> None:
    """Its id where the file has one, else its row: never by an id made up on the way."""
    file = write(tmp_path)
    layer = tmp_path / "data" / "raw" / "roads.gpkg"
    stray = street((300, 300), (350, 300))
    for ids, called in (({}, "row 12"), ({"road_id": "K7"}, "K7")):
        rows = [row | dict.fromkeys(ids, f"K9{i}") for i, row in enumerate(STREETS)]
        gpd.GeoDataFrame([*rows, stray | ids], geometry="geometry", crs=CRS).to_file(layer)
        _, here = region(file)
        assert here.road_defects.loc[here.road_defects["kind"] == "island", "rows"].tolist() == [
            called
        ]
        wrong = [*rows, stray | ids | {"highway": "alley"}]
        gpd.GeoDataFrame(wrong, geometry="geometry", crs=CRS).to_file(layer)
        with pytest.raises(DataError, match=rf"unknown highway class: 'alley' \({called}\)"):
            region(file)


@pytest.mark.parametrize("least_km", [0, 2])
def test_people_on_an_island_are_told_however_small_it_is(tmp_path: Path, least_km: float) -> None:
    """Homes of the west lie 5 m from a stray lane of 60 m and 10 m from their street."""
    file = write(tmp_path, more=f"[network]\nmin_component_km = {least_km}\n")
    layer = tmp_path / "data" / "raw" / "roads.gpkg"
    lane = street((70, 1015), (130, 1015))
    gpd.GeoDataFrame([*STREETS, lane], geometry="geometry", crs=CRS).to_file(layer)
    _, here = region(file)
    defects = here.road_defects
    found = defects.loc[defects["kind"] == "island", ["size_m", "persons"]].values.tolist()
    assert found == [[60.0, 100]]
    # they are assessed only where they may attach to their street instead
    told = questions.evaluated(here, here.today).indicators.iloc[0]
    assert told["not_assessed_persons"] == (0 if least_km else 100)


def test_an_island_joined_is_assessed_and_a_gap_stays_one(tmp_path: Path) -> None:
    file = write(tmp_path / "n", minutes=40)
    roads = gpd.GeoDataFrame(STREETS, geometry="geometry", crs=CRS)
    roads.drop(index=2).to_file(file.parent / "data" / "raw" / "roads.gpkg")  # no bridge
    study, here = region(file)
    before = questions.evaluated(here, here.today).indicators.iloc[0]
    assert before["not_assessed_persons"] == 110
    _, same = asked(study, here, {"kind": "close", "near": lonlat((2000, 1500))[0]})
    assert same["not_assessed_persons"] == 110
    line = lonlat((900, 1000), (1100, 1000))
    _, told = asked(study, here, {"kind": "add", "line": line, "highway": "tertiary"})
    assert (told["not_assessed_persons"], told["covered_persons"]) == (0, 111)


@pytest.mark.parametrize("layer", ["rail", "water"])
def test_a_new_street_over_a_barrier_is_listed(tmp_path: Path, layer: str) -> None:
    kind = "barriers" if layer == "rail" else "water"
    file = write(tmp_path, more=f'[[{kind}]]\nfile = "{layer}.gpkg"\n')
    study, here = region(file)
    add = {"kind": "add", "highway": "residential"}
    over = lonlat((500, 1500), (1500, 1500))
    short = lonlat((500, 1700), (600, 1700))
    there, _ = asked(
        study, here, add | {"line": short}, add | {"line": over}, add | {"line": over, "bridge": 1}
    )
    told = there.inputs.drops
    assert told.loc[told["action"] == "not cut there", ["table", "row"]].values.tolist() == [
        ["network_edits", "edit 2"]
    ]


def reached(file: Path) -> tuple[set[str], pd.DataFrame]:
    here = region(file)[1]
    return set(minutes(here)), here.inputs.drops


def test_barriers_cut_streets_but_not_bridges(tmp_path: Path) -> None:
    # a river drawn as a line: the bridge stays
    assert reached(write(tmp_path / "e", more='[barriers]\nfile = "river.gpkg"\n'))[0] == set(HOMES)
    # a railway cuts the street west of the river
    rail = '[[barriers]]\nfile = "rail.gpkg"\n'
    found, drops = reached(write(tmp_path / "f", more=rail))
    assert found == {"bank", "east"}
    assert (drops["action"] == "cut there").sum() == 1
    # legs only; and a level crossing where it meets the street
    assert reached(write(tmp_path / "g", more=rail + 'cuts = "legs"\n'))[0] == set(HOMES)
    file = write(tmp_path / "h", more='[crossings]\nfile = "gates.gpkg"\n' + rail)
    gate = gpd.GeoDataFrame(geometry=[Point(X + 705, Y + 1000)], crs=CRS)
    gate.to_file(file.parent / "data" / "raw" / "gates.gpkg")
    found, drops = reached(file)
    assert found == set(HOMES)
    assert not (drops["table"] == "crossings").any()


@pytest.mark.parametrize(
    ("spot", "cuts", "listed"),
    [
        ((700, 1019), "edges_and_legs", False),
        ((700, 1021), "edges_and_legs", True),  # on the railway, off the street
        ((721, 1000), "edges_and_legs", True),  # on the street, off the railway
        ((700, 1000), "legs", True),  # no street is cut at all
    ],
)
def test_a_crossing_that_opens_nothing_is_listed(
    tmp_path: Path, spot: tuple[float, float], cuts: str, listed: bool
) -> None:
    """Else a point drawn beside its street would leave the street cut, and nobody the wiser."""
    more = f'[crossings]\nfile = "gates.gpkg"\n[[barriers]]\nfile = "rail.gpkg"\ncuts = "{cuts}"\n'
    file = write(tmp_path, more=more)
    rows = {"signal_id": ["G1", "G2"]}
    gates = [Point(at(spot)[0]), Point(at((700, 1002))[0])]
    gpd.GeoDataFrame(rows, geometry=gates, crs=CRS).to_file(tmp_path / "data/raw/gates.gpkg")
    drops = reached(file)[1]
    told = drops.loc[drops["table"] == "crossings", ["row", "what", "action"]].values.tolist()
    line = ["no street meets a barrier within 20 m", "opens nothing"]
    both = cuts == "legs"
    assert told == [["G1", *line]] * listed + [["G2", *line]] * both


@pytest.mark.parametrize("metres", [24, 26])
def test_a_study_says_how_near_a_crossing_must_be(tmp_path: Path, metres: int) -> None:
    more = '[crossings]\nfile = "gates.gpkg"\n[[barriers]]\nfile = "rail.gpkg"\n'
    more += f'[rules."crossing.gate"]\nvalue = {metres}\nreason = "surveyed so"\n'
    file = write(tmp_path, more=more)
    gates = gpd.GeoDataFrame({"signal_id": ["G"]}, geometry=[Point(at((700, 1025))[0])], crs=CRS)
    gates.to_file(tmp_path / "data/raw/gates.gpkg")
    found, drops = reached(file)
    assert (found == set(HOMES)) == (metres == 26)
    told = f"no street meets a barrier within {metres} m"
    assert drops["what"].tolist().count(told) == (metres == 24)


def test_water_cuts_no_street_but_lists_what_crosses_it(tmp_path: Path) -> None:
    file = write(tmp_path / "i", more='[water]\nfile = "water.gpkg"\n')
    assert not reached(file)[1]["what"].str.contains("across water").any()
    plain = [row | {"bridge": "no"} for row in STREETS]
    gpd.GeoDataFrame(plain, geometry="geometry", crs=CRS).to_file(
        file.parent / "data" / "raw" / "roads.gpkg"
    )
    found, drops = reached(file)
    assert found == set(HOMES)
    assert "100 m across water without a bridge or tunnel" in drops["what"].tolist()


def test_a_whole_run_with_a_plan_and_crossings(tmp_path: Path) -> None:
    rail = '[railways]\nfile = "rail.gpkg"\n'
    file = write(tmp_path / "j", more=rail, service="count_crossings = true", minutes=40)
    plan = file.parent / "plan.json"
    edit = {"kind": "close", "near": lonlat((1000, 1003))[0]}
    plan.write_text(json.dumps(plan_of([edit])), "utf-8")
    done = siting.run(siting.read_study(file), plan=plan)
    told = pd.read_csv(
        next(done.tables_folder.rglob("comparison.csv")), encoding="utf-8-sig"
    ).set_index("plan")
    assert told["covered_persons"].to_dict() == {"today": 111, "bridge": 1}
    written = pd.read_csv(next(done.tables_folder.rglob("crossings.csv")), encoding="utf-8-sig")
    # the west crosses the trunk road and the railway, nobody else any
    assert {
        (row.hazard, int(row.level_crossings)): row.persons for row in written.itertuples()
    } == {
        ("road", 0): 11, ("road", 1): 100, ("rail", 0): 11, ("rail", 1): 100,
        ("any", 0): 11, ("any", 2): 100,
    }  # fmt: skip
    assert set(written["zone_id"]) == {"Z"}
    record = json.loads(next(done.tables_folder.rglob("run.json")).read_text("utf-8"))
    assert "school.crossings" in {rule["id"] for rule in record["rules"]}
    page = next(done.maps_folder.rglob("index.html")).read_text("utf-8")
    assert "crossings.csv" in page
    with pytest.raises(StudyError, match="on foot or by bicycle"):
        siting.read_study(write(tmp_path / "k", service='count_crossings = true\nmode = "drive"'))


@pytest.mark.slow
def test_bridges_of_the_demo_county(tmp_path: Path) -> None:
    """Closed, nobody is nearer and some are farther; with a third, the other way round."""
    study, here = region(demo.write_region(tmp_path, scale="county", seed=430600).study)
    crs = here.inputs.crs
    to = pyproj.Transformer.from_crs(crs, "EPSG:4490", always_xy=True)
    walk = here.inputs.networks["walk"]
    over = [i for i in range(walk.tail.size) if walk.bridge[i]]
    assert len(over) == 2
    middles = [walk.geometry[i].interpolate(0.5, normalized=True) for i in over]
    river = here.inputs.water.union_all()
    # half way between the two, from a street to the nearest one across the water
    spot = LineString(middles).interpolate(0.5, normalized=True)

    def impedances(there: Region) -> dict[str, pd.Series[int]]:
        found = {}
        for service in there.services:
            reach = service.times("time").reach(here.today.open_sites(service.name))
            value = reach["impedance"].where(reach["state"] != "unattached")
            found[service.name] = value.where(value >= 0, 10**12)
        return found

    today = impedances(here)

    def on(*edits: dict[str, Any]) -> dict[str, pd.Series[int]]:
        opened = {s.name: list(here.today.open_sites(s.name)) for s in here.services}
        plan = plans.from_json(json.dumps({
            "name": "p", "version": 1, "periods": [{"year": None, "open": opened}],
            "network_edits": list(edits),
        }))  # fmt: skip
        return impedances(whatif.on_edited_roads(study, here, plan))

    shut = on(*({"kind": "close", "way": int(walk.way_id[i])} for i in over))
    assert all((shut[n] >= today[n]).all() for n in today)
    assert any((shut[n] > today[n]).sum() > 50 for n in today)

    near = sorted(
        (geometry.distance(spot), i)
        for i, geometry in enumerate(walk.geometry)
        if walk.stoppable[i]
    )
    first = walk.geometry[near[0][1]]
    start = first.interpolate(first.project(spot))
    far = next(
        g for _, i in near
        if (g := walk.geometry[i]).distance(start) > 300
        and LineString([start, g.interpolate(g.project(start))]).intersects(river)
    )  # fmt: skip
    stop = far.interpolate(far.project(start))
    line = [list(to.transform(p.x, p.y)) for p in (start, stop)]
    built = on({"kind": "add", "line": line, "highway": "secondary", "bridge": True})
    # a millisecond for each division of an edge
    assert all((built[n] <= today[n] + 4).all() for n in today)
    assert any((built[n] < today[n] - 60_000).any() for n in today)

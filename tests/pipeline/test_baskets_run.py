"""Baskets in whole runs of the toy town: tables, page, record, and what is refused."""

from __future__ import annotations

import json
import tomllib
from itertools import pairwise
from pathlib import Path
from typing import Any

import geopandas as gpd
import networkx as nx
import page_data
import pandas as pd
import pytest
import shapely

import siting
from siting import network
from siting.errors import DataError
from siting.pipeline import Run, parks
from tests.mutation import tiny
from tests.pipeline.test_hostile import _toml as toml

PARTS = ["complete", "incomplete", "not_assessed"]
BASKETS: dict[str, Any] = {
    "circle_10min": {
        "kinds": ["primary", "health_station", "market", "junior"],
        "rule": "circle_15min",
        "reason": "a town of toys",
    },
    "village": {},
    "children": {"groups": ["pupils"]},
}


class Town:
    """The toy town: schools (primary) and clinics on foot, clinics at the pace of children too."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        paths, declared, _ = tiny.build(folder / "town")
        self.text = tiny.study_toml(paths, declared)
        self.content = tomllib.loads(self.text)
        for key in ("green", "decide"):
            self.content.pop(key)
        services = self.content["services"]
        services["school"] |= {"kind": "primary", "rules": ["circle_15min"]}
        services["clinic"] |= {"kind": "health_station", "rules": []}
        services["clinic_children"] = services["clinic"] | {"walkers": "children"}
        services["far"] = services["clinic"] | {"kind": "junior", "mode": "drive"}
        self.runs = 0

    def run(self, **changes: Any) -> Run:
        self.runs += 1
        content = json.loads(json.dumps(self.content)) | {"baskets": BASKETS} | changes
        file = self.folder / f"s{self.runs}" / "study.toml"
        file.parent.mkdir()
        file.write_text("\n".join(f"{toml(k)} = {toml(v)}" for k, v in content.items()), "utf-8")
        return siting.run(siting.read_study(file))


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Town:
    return Town(tmp_path_factory.mktemp("baskets"))


@pytest.fixture(scope="module")
def run(town: Town) -> Run:
    return town.run()


def table(run: Run, name: str) -> pd.DataFrame:
    file = run.tables_folder / "tables" / f"{name}.csv"
    return pd.read_csv(file, keep_default_na=False, na_values={"lacking_persons": [""]})


def data_of(run: Run) -> dict[str, Any]:
    page = (run.maps_folder / "baskets.html").read_text("utf-8")
    return dict(page_data.read(page))


def test_people_are_those_of_the_raw_layer_in_every_zoning(run: Run) -> None:
    rows, raw = table(run, "baskets"), tiny.frame("people")
    assert (rows[PARTS].sum(axis=1) == rows["persons"]).all()
    apart = rows[rows["settlement"] != "judged"]
    sums = apart.groupby(["basket", "level", "zoning"])["persons"].sum()
    assert set(sums["circle_10min"]) == set(sums["village"]) == {raw["people"].sum()}
    assert set(sums["children"]) == {raw["age6_11"].sum()}
    judged = rows[(rows["settlement"] == "judged") & (rows["level"] == "region")]
    by_class = raw.groupby("class")["people"].sum()
    persons = judged.set_index("basket")["persons"]
    assert persons["circle_10min"] == by_class["urban"]
    assert persons["village"] == by_class["village"]
    assert persons["children"] == raw.loc[raw["class"] == "urban", "age6_11"].sum()


def test_the_whole_basket_recounted_home_by_home(run: Run) -> None:
    """From travel times alone: 800 m for the circle, 30 min for villages, 15 for children."""
    here = run.results.region
    homes = here.inputs.demand.set_index("demand_id")
    inside = here.inputs.membership.set_index("demand_id")["zone_id"] != ""
    pupils = here.inputs.cohorts.set_index("demand_id")["persons"]
    rows = table(run, "baskets")
    some = 0
    for basket, services, impedance, most, settlement, persons in (
        ("circle_10min", ("school", "clinic"), "length", 800_000, "urban", homes["population"]),
        ("village", ("clinic",), "time", 1_800_000, "village", homes["population"]),
        ("children", ("clinic_children",), "time", 900_000, "urban", pupils),
    ):
        counts = dict.fromkeys(PARTS, 0)
        for home in homes.index[homes["settlement"] == settlement]:
            states = set()
            for name in services:
                service = here.service(name)
                reach = service.times(impedance).reach(here.today.open_sites(name)).loc[home]
                known = reach["state"] == "reached" and inside[home]
                states.add(reach["impedance"] <= most if known else None)
            state = "incomplete" if False in states else (
                "not_assessed" if None in states else "complete"
            )  # fmt: skip
            counts[state] += int(persons[home])
        (row,) = rows[
            (rows["basket"] == basket) & (rows["level"] == "region")
            & (rows["settlement"] == "judged")
        ].to_dict("records")  # fmt: skip
        assert {name: row[name] for name in PARTS} == counts, basket
        some += 0 < counts["complete"] < row["persons"]
    assert some  # somebody has it and somebody has not


def test_the_rule_of_a_basket_is_in_coverage_and_gaps_of_its_services(run: Run) -> None:
    pairs = set(table(run, "coverage")[["service", "rule_id"]].itertuples(index=False, name=None))
    assert pairs == {
        ("school", "circle_15min"), ("clinic", "circle_15min"), ("clinic", "life_unit.village"),
        ("clinic_children", "children.walk_15min"),
    }  # fmt: skip
    assert set(table(run, "losses")["rule_id"]) == {rule_id for _, rule_id in pairs}


def test_one_kind_for_all_residents_is_the_coverage_of_its_service(run: Run) -> None:
    rows, of = table(run, "baskets"), table(run, "coverage")
    keys = ["level", "zoning", "zone_id", "settlement"]
    ours = rows[rows["basket"] == "village"].set_index(keys)
    theirs = of[(of["service"] == "clinic") & (of["rule_id"] == "life_unit.village")]
    theirs = theirs.set_index(keys).loc[ours.index]
    same = {"complete": "covered", "incomplete": "out_of_reach", "not_assessed": "not_assessed",
            "complete_low": "covered_low"}  # fmt: skip
    for one, two in same.items():
        assert ours[one].tolist() == theirs[two].tolist()
    high = theirs["covered_high"] + theirs["not_assessed"]
    assert ours["complete_high"].tolist() == high.tolist()


def test_what_is_missing_is_named_in_table_page_and_record(run: Run) -> None:
    lacks = table(run, "basket_services")
    gone = lacks[(lacks["basket"] == "circle_10min") & (lacks["why"] != "")]
    assert dict(zip(gone["kind"], gone["why"], strict=True)) == {
        "market": "no_layer", "junior": "other_way",
    }  # fmt: skip
    assert gone["lacking_persons"].isna().all()
    record = json.loads((run.tables_folder / "run.json").read_text("utf-8"))
    asked = record["baskets"]["circle_10min"]
    assert asked["missing"] == {"market": "no_layer", "junior": "other_way"}
    assert asked["services"] == {"primary": ["school"], "health_station": ["clinic"]}
    assert asked["reason"] == "a town of toys"
    used = {rule["id"] for rule in record["rules"]}
    assert {"circle_15min", "life_unit.village", "children.walk_15min", "provision.primary",
            "circle.no_substitute", "circle.rural_apart"} <= used  # fmt: skip
    measures = {m["key"]: m for m in data_of(run)["measures"]}
    circle = measures["circle_10min"]
    assert [kind["label"] for kind in circle["missing"]] == ["菜市场", "初中"]
    assert circle["missing"][1]["why"] == "只有按其他出行方式的图层"
    assert "应有 4 类，按有图层的 2 类计" in circle["finding"]
    assert "小学（参照 60 个/千人，provision.primary（本工具假定））" in circle["unstocked"]
    assert "a town of toys" in circle["contents"]
    assert "本工具假定" in measures["village"]["contents"]


def test_the_page_shows_the_figures_of_the_table(run: Run) -> None:
    rows, lacks, data = table(run, "baskets"), table(run, "basket_services"), data_of(run)
    for basket in BASKETS:
        entry = data["figures"][basket]["township"]
        own = rows[(rows["basket"] == basket) & (rows["settlement"] == "judged")]
        (whole,) = own[own["level"] == "region"].to_dict("records")
        assert entry["region"]["b"] == [whole[name] for name in PARTS]
        zones = own[own["level"] == "zone"].set_index("zone_id")
        shown = [zone["b"] for zone in entry["zones"] if zone["b"]]
        assert sorted(shown) == sorted(
            [row[name] for name in PARTS] for row in zones[zones["persons"] > 0].to_dict("records")
        )
        told = lacks[
            (lacks["basket"] == basket) & (lacks["level"] == "region") & (lacks["why"] == "")
            & (lacks["settlement"] == "judged")
        ]  # fmt: skip
        ranked = [row["n"] for row in entry["region"]["k"]]
        assert ranked == sorted(told["lacking_persons"], reverse=True)
    (group,) = data["groups"]
    assert group["key"] == "children"
    assert data["groups_finding"].startswith("一老一小：")
    layer = gpd.read_file(run.tables_folder / "results.gpkg", layer="baskets")
    assert set(layer["basket"]) == set(BASKETS)


def test_the_first_page_tells_of_the_first_basket_and_of_the_groups(run: Run) -> None:
    told = [line for line in run.headlines if "服务齐全" in line]
    assert len(told) == 2
    assert "十分钟生活圈" in told[0]
    assert told[1].startswith("一小（")


def test_groups_that_count_somebody_twice_are_refused(town: Town) -> None:
    people = json.loads(json.dumps(town.content["people"]))
    for n in range(2):
        people["groups"][f"all_{n}"] = {"share": 0.7, "source": "made up"}
    with pytest.raises(DataError, match=r"baskets\.children\.groups.*name groups that do not"):
        town.run(people=people, baskets={"children": {"groups": ["all_0", "all_1"]}})


def test_a_study_without_baskets_has_no_page_of_them(town: Town) -> None:
    services = {"school": town.content["services"]["school"]}
    plain = town.run(baskets={}, services=services)
    assert not (plain.maps_folder / "baskets.html").exists()
    assert not (plain.tables_folder / "tables" / "baskets.csv").exists()
    assert "baskets.html" not in (plain.maps_folder / "index.html").read_text("utf-8")


# --- parks of [[green]]: the town's park is 160 × 120 m with the street x = 800 through it; the
# pocket park touches no street, so that its one entrance is the one given here

GATE = (1610, 1240)
OPEN: dict[str, Any] = {
    "circle_15min": {"kinds": ["primary", "park", "pocket_park"], "reason": "a town of toys"},
    "children": {"kinds": ["pocket_park"], "groups": ["pupils"], "reason": "a town of toys"},
}


def with_parks(town: Town, **changes: Any) -> Run:
    whole = tomllib.loads(town.text)
    gate = gpd.GeoDataFrame(
        {"park": ["G2"]}, geometry=[shapely.Point(tiny.X0 + GATE[0], tiny.Y0 + GATE[1])],
        crs=tiny.CRS,
    )  # fmt: skip
    gate.to_file(file := town.folder / "gates.gpkg")
    given = {"file": str(file), "columns": {"park_id": "park"}}
    return town.run(**{"green": whole["green"], "park_entrances": given, "baskets": OPEN} | changes)


def walk_m(gates: list[tuple[float, float]]) -> dict[str, float]:
    """Metres from every home to the nearest gate along the town's streets, 400 m apart, by hand."""
    homes = tiny.frame("people")
    points = {
        str(row.no): (row.geometry.x - tiny.X0, row.geometry.y - tiny.Y0)
        for row in homes.itertuples()
    }
    points |= {f"gate {n}": gate for n, gate in enumerate(gates)}
    lines = [400.0 * n for n in range(6)]
    on: dict[tuple[int, float], list[tuple[float, str]]] = {
        (axis, at): [(other, f"{at if axis else other} {other if axis else at}") for other in lines]
        for axis in (0, 1)
        for at in lines
    }
    streets = nx.Graph()
    for name, place in points.items():
        # a street of axis 1 has one x, of axis 0 one y; the nearest is walked to straight
        axis, at = min(on, key=lambda s: abs(place[1 - s[0]] - s[1]))
        on[axis, at].append((place[axis], f"foot {name}"))
        streets.add_edge(name, f"foot {name}", m=abs(place[1 - axis] - at))
    for stops in on.values():
        stops.sort()
        for (a, one), (b, two) in pairwise(stops):
            streets.add_edge(one, two, m=b - a)
    far = nx.multi_source_dijkstra_path_length(
        streets, {name for name in points if name.startswith("gate")}, weight="m"
    )
    return {str(name): float(far[name]) for name in homes["no"]}


PARK = [(800.0, 640.0), (800.0, 760.0)]
BOTH = [*PARK, (float(GATE[0]), float(GATE[1]))]


@pytest.fixture(scope="module")
def green_run(town: Town) -> Run:
    return with_parks(town)


def lacking(run: Run, basket: str, settlement: str = "judged") -> dict[str, int]:
    rows = table(run, "basket_services")
    rows = rows[(rows["basket"] == basket) & (rows["level"] == "region")]
    rows = rows[rows["settlement"] == settlement].astype({"lacking_persons": "Int64"})
    return dict(zip(rows["kind"], rows["lacking_persons"], strict=True))


def test_parks_of_the_green_fill_the_kinds_of_open_space_as_walked_by_hand(green_run: Run) -> None:
    """800 m for residents; 15 min at their own pace for pupils."""
    homes = tiny.frame("people").set_index("no")
    park, either = pd.Series(walk_m(PARK)), pd.Series(walk_m(BOTH))
    reach = green_run.results.region.inputs.rules["walk.speed_children"].strict * 1000 / 4
    assert (either - reach).abs().min() > 1  # nobody lives on the limit
    seen = set()
    for settlement, some in homes.groupby("class"):
        told = lacking(green_run, "circle_15min", settlement)
        expected = {
            "park": some["people"][park[some.index] > 800].sum(),
            "pocket_park": some["people"][either[some.index] > 800].sum(),
        }
        assert {kind: told[kind] for kind in expected} == expected
        young = some["age6_11"][either[some.index] > reach].sum()
        assert lacking(green_run, "children", settlement) == {"pocket_park": young}
        seen |= {0 < expected["pocket_park"] < expected["park"] < some["people"].sum()}
    assert True in seen  # somewhere the pocket park alone is what some have


def test_parks_are_as_a_service_that_stands_at_their_entrances(town: Town, green_run: Run) -> None:
    """Every row and both ends of the range, whatever fills the kind."""
    layers = {}
    for name, gates in {"park": PARK, "pocket_park": BOTH}.items():
        frame = gpd.GeoDataFrame(
            {"id": [f"{name} {n}" for n in range(len(gates))]}, crs=tiny.CRS,
            geometry=[shapely.Point(tiny.X0 + x, tiny.Y0 + y) for x, y in gates],
        )  # fmt: skip
        frame.to_file(file := town.folder / f"{name}.gpkg")
        layers[name] = {"file": str(file), "columns": {"site_id": "id"}}
    layers["at_childrens_pace"] = layers["pocket_park"] | {
        "kind": "pocket_park", "walkers": "children",
    }  # fmt: skip
    served = town.run(services=town.content["services"] | layers, baskets=OPEN)
    ours, theirs = (run.results.baskets for run in (green_run, served))
    assert ours is not None
    assert theirs is not None
    pd.testing.assert_frame_equal(ours.table, theirs.table)
    shown = [list(of.services["service"].unique()) for of in (ours, theirs)]
    assert shown[0] == [
        "school", "[[green]] open_space.park_m2", "[[green]] open_space.pocket_park_m2",
    ]  # fmt: skip
    pd.testing.assert_frame_equal(
        ours.services.drop(columns="service"), theirs.services.drop(columns="service")
    )


def test_entrances_are_attached_once_and_only_where_parks_are_asked_for(
    green_run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    study, here = green_run.results.study, green_run.results.region
    attached = []

    def attach(*args: Any, **more: Any) -> pd.DataFrame:
        attached.append(args)
        return honest(*args, **more)

    honest = network.attach
    monkeypatch.setattr(network, "attach", attach)
    found = parks.entrances(study, here, ("coverage", "green"))
    assert found is not None
    assert set(found.at) == {"walk", "walk.children"}
    assert len(attached) == 1  # children walk the same streets
    for way, at in found.at.items():
        own = honest(
            here.inputs.networks[way], found.places.set_index("park_id").geometry,
            max_access_m=study.network.max_access_m,
            min_component_km=study.network.min_component_km,
        )  # fmt: skip
        pd.testing.assert_frame_equal(at, own)
    attached.clear()
    assert parks.entrances(study, here, ("closures", "new_sites")) is None
    without = study.model_copy(update={"baskets": {}})
    assert parks.entrances(without, here, ("coverage", "closures")) is None
    assert not attached
    green = parks.entrances(without, here, ("pocket_parks",))
    assert green is not None
    assert set(green.at) == {"walk"}


def test_a_park_below_the_least_area_is_none_and_the_page_says_which_are(town: Town) -> None:
    rule = {"open_space.park_m2": {"value": 19_201, "reason": "above the town's only park"}}
    found = with_parks(town, rules=rule)
    urban = tiny.frame("people").loc[lambda t: t["class"] == "urban", "people"].sum()
    assert lacking(found, "circle_15min")["park"] == urban  # there is green, and no park of that
    data = data_of(found)
    kinds = {k["label"]: k for k in data["measures"][0]["kinds"]}
    assert kinds["公园"]["from"] == "公园绿地图层中不小于 1.9 公顷的公园"
    assert kinds["社区游园"]["from"] == "公园绿地图层中不小于 400 平方米的公园"
    names = {key: pins["names"] for key, pins in data["facilities"].items()}
    assert names["[[green]] open_space.park_m2"] == []
    assert names["[[green]] open_space.pocket_park_m2"] == ["人民公园", "口袋公园"]
    record = json.loads((found.tables_folder / "run.json").read_text("utf-8"))
    assert record["baskets"]["children"]["services"] == {
        "pocket_park": ["[[green]] open_space.pocket_park_m2"]
    }
    used = {rule["id"] for rule in record["rules"]}
    assert {"open_space.park_m2", "open_space.pocket_park_m2"} <= used


def test_parks_that_no_way_leads_into_are_nobodys_lack(town: Town) -> None:
    """Nothing is known of how to get in: not assessed, never out of reach."""
    only = {"circle_15min": {"kinds": ["pocket_park"], "reason": "a town of toys"}}
    layer = tomllib.loads(town.text)["green"][0] | {"where": {"id": ["G2"]}}
    found = town.run(green=[layer], baskets=only)
    rows = table(found, "baskets")
    assert (rows["not_assessed"] == rows["persons"]).all()

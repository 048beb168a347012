"""One file a page, no address to fetch from, nothing of the data ever markup or code."""

import base64
import dataclasses
import hashlib
import json
import re
from html.parser import HTMLParser

import geopandas as gpd
import hypothesis
import numpy as np
import page_data
import pages_world as made
import pandas as pd
import pytest
import shapely
from hypothesis import strategies as st

from siting import maps
from siting.errors import DataError, StudyError
from siting.maps import access, geometry, packed, page

PAGES = ("index", *maps.PAGES)
ATTACKS = (
    "</script><img src=x onerror=alert(1)>",
    "=cmd|' /C calc'!A0",
    "‮txt.exe‬‏",
    "\u2028\u2029`${alert(1)}`",
    "'\"><svg onload=alert(1)>",
    "{{ 7*7 }}{% raw %}",
    "x" * 4000,
)


class Elements(HTMLParser):
    """What a parser makes of a page: its elements and the names of their attributes."""

    def __init__(self):
        super().__init__()
        self.tags, self.attributes = [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [name for name, _ in attrs]


@pytest.fixture(scope="module")
def pages():
    return made.plain_pages()


@pytest.fixture(scope="module")
def hostile():
    wheel = iter(ATTACKS * 1000)
    return made.pages(made.make(rename=lambda _: next(wheel)))


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_one_small_file_that_fetches_nothing(pages, name):
    html = pages[name]
    assert len(html.encode()) <= 5_000_000
    tags = re.sub(r"<(script|style)\b.*?</\1>|<!--.*?-->", "", html, flags=re.DOTALL)
    assert not re.findall(r"(?:src|href|action|srcset)\s*=\s*[\"']?\s*(?:[a-z]+:)?//", tags)
    assert not re.findall(r"<(?:link|iframe|object|embed|img|base)\b", tags)
    assert not re.findall(r"url\((?!data:)[^)]*\)|@import", html.split("</style>")[0])
    assert "sourceMappingURL" not in html
    for library in ("jquery", "bootstrap", "fontawesome", "AwesomeMarkers", "cdn."):
        assert library not in html.lower()


@pytest.mark.parametrize("name", PAGES)
def test_the_policy_lets_in_exactly_the_scripts_and_style_of_the_page(pages, name):
    html = pages[name]
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', html)[1].replace("&#39;", "'")
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy
    assert "http" not in policy
    for kind, tag in (("script-src", "<script>"), ("style-src", "<style>")):
        inside = re.findall(f"{tag}(.*?)</{tag[1:]}", html, flags=re.DOTALL)
        told = set(re.findall(r"'sha256-([^']+)'", policy.split(kind)[1].split(";")[0]))
        found = {base64.b64encode(hashlib.sha256(t.encode()).digest()).decode() for t in inside}
        assert told == found


@pytest.mark.parametrize("name", PAGES)
def test_licences_stay_in_the_page(pages, name):
    assert "BSD 2-Clause License" in pages[name]
    assert "Copyright (C) 2013-, Folium developers" in pages[name]


def test_the_same_tables_make_the_same_bytes(pages):
    assert made.pages(made.make()) == pages


@pytest.mark.parametrize("name", PAGES)
def test_names_never_become_markup(hostile, name):
    html = hostile[name]
    seen = Elements()
    seen.feed(html)
    assert not {"img", "svg", "b"} & set(seen.tags)
    assert seen.tags.count("script") == (2 if name == "index" else 7)
    assert not [a for a in seen.attributes if a.startswith("on")]
    assert "\u2028" not in html.split('id="siting-data">')[1].split("</script>")[0]
    assert ">49" not in html
    assert page_data.read(html)["page"] == name


def test_the_data_keep_hostile_names_letter_by_letter(hostile):
    assert set(page_data.read(hostile["coverage"])["zones"]["township"]) <= set(ATTACKS)


def test_encoded_points_are_read_back_to_a_metre():
    rng = np.random.default_rng(1)
    points = np.c_[rng.uniform(-180, 180, 300), rng.uniform(-90, 90, 300)]
    assert (
        np.abs(np.array(page_data.decode(geometry.encode(points))) - points).max() <= 0.5e-5 + 1e-12
    )


def test_a_budget_drops_minor_roads_first_and_counts_them():
    lines = [shapely.LineString([(i * 1000, 0), (i * 1000, 9000)]) for i in range(6)]
    kinds = ["trunk", "trunk", "tertiary", "residential", "residential", "footway"]
    frame = gpd.GeoDataFrame({"highway": kinds}, geometry=lines, crs=made.CRS)
    drawn, left = geometry.roads(frame, budget=10_000)
    assert [bool(d) for d in drawn] == [False, True, False, False, True, False, True]
    assert left == 0
    size = len(drawn[1])
    assert geometry.roads(frame, budget=size + 2) == (["", drawn[1], "", ""], 2)


def drawn(text):
    """A shape as maps.geometry.polygons wrote it."""
    parts = [list(map(page_data.decode, part.split(" "))) for part in text.split("\n")]
    return shapely.MultiPolygon([(shell, holes) for shell, *holes in parts])


def test_shapes_with_holes_and_islands_are_read_back_row_by_row():
    lake = shapely.box(0, 0, 8000, 8000) - shapely.box(2000, 2000, 4000, 4000)
    shapes = [lake | shapely.box(9000, 0, 9900, 900), None, shapely.Point(5, 5),
              shapely.box(-3000, 0, -1, 3000)]  # fmt: skip
    frame = gpd.GeoDataFrame(geometry=shapes, crs=made.CRS)
    written = geometry.polygons(frame)
    assert [bool(text) for text in written] == [True, False, False, True]
    there = frame.to_crs("EPSG:4326").geometry
    for place in (0, 3):
        assert drawn(written[place]).hausdorff_distance(there[place]) < 1e-5
        assert len(list(drawn(written[place]).geoms)) == (2 if place == 0 else 1)


@pytest.mark.parametrize(
    "shape",
    [shapely.Polygon(), shapely.MultiPolygon(), shapely.box(500_000, 0, 500_050, 50)],
    ids=["no polygon", "no polygons", "narrower than two pixels"],
)
def test_ground_that_is_not_drawn_is_a_blank(shape):
    assert geometry.encode_areas(shape, made.CRS, 30.0) == ""


@pytest.mark.parametrize("shape", [None, shapely.Polygon(), shapely.Point(500_000, 0)])
def test_a_layer_without_any_polygon_has_a_blank_a_row(shape):
    assert geometry.polygons(gpd.GeoDataFrame(geometry=[shape] * 2, crs=made.CRS)) == ["", ""]


values = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text('ab|Ā"', max_size=3),
    lambda inside: (
        st.lists(inside, max_size=6)
        | st.dictionaries(st.sampled_from("xyz"), inside, max_size=3)
        | st.lists(st.fixed_dictionaries({"x": inside, "y": st.text("a|", max_size=2)}), max_size=6)
    ),
    max_leaves=40,
)


@hypothesis.given(values)
@hypothesis.example([[], [], []])
@hypothesis.example([f"{n % 70:04d}" for n in range(300)])
@hypothesis.example([{"a": [1]}, {"a": []}])
@hypothesis.example([{}, {}])
def test_packed_data_are_read_back_as_they_were(value):
    written = json.loads(json.dumps(packed.packed(value)))
    assert page_data.unpacked(written) == value


def test_shared_borders_stay_shared_after_simplification():
    world = made.plain()
    shapes = [drawn(text) for text in geometry.polygons(world.zones, shared_borders=True)]
    parts, whole = sum(s.area for s in shapes), shapely.union_all(shapes).area
    assert parts == pytest.approx(whole, rel=1e-6)


def test_layers_are_reprojected_and_inputs_left_alone():
    world = made.plain()
    before = world.zones.copy(deep=True)
    maps.coverage_page(made.atlas_of(world), world.figures)
    assert before.equals(world.zones)
    assert world.zones.crs == made.CRS


def test_two_plans_or_missing_columns_are_refused():
    world = made.plain()
    two = pd.concat([world.figures, world.figures.assign(plan="other")])
    with pytest.raises(DataError, match="one plan"):
        maps.coverage_page(made.atlas_of(world), two)
    with pytest.raises(DataError, match="rule_id"):
        maps.coverage_page(made.atlas_of(world), world.figures.drop(columns="rule_id"))


def test_tiles_are_named_on_the_page_and_in_the_policy_only_when_given():
    world = made.plain()
    tiles = maps.Tiles("https://{s}.tile.example.org/{z}/{x}/{y}.png?k=1", "© <b>Somebody</b>")
    sheet = dataclasses.replace(world.sheet, tiles=tiles)
    html = maps.gaps_page(maps.Atlas(sheet, world.zones), world.gaps)
    assert "img-src data: https://*.tile.example.org;" in html
    assert "<b>Somebody" not in html
    assert sheet.say("page.tiles", url=tiles.url).split("：")[0] in html
    bad = dataclasses.replace(sheet, tiles=maps.Tiles("javascript:alert(1)", "x"))
    with pytest.raises(StudyError, match="not the address of a tile service"):
        maps.gaps_page(maps.Atlas(bad, world.zones), world.gaps)


def test_empty_tables_make_pages_that_say_so():
    world = made.plain()
    atlas = maps.Atlas(world.sheet, world.zones)
    html = maps.gaps_page(atlas, world.gaps.iloc[:0])
    assert world.sheet.say("finding.gaps.none") in html
    assert maps.coverage_page(atlas, world.figures.iloc[:0])


def test_made_up_data_and_the_approval_number_are_on_every_page(pages):
    world = made.plain()
    sheet = dataclasses.replace(world.sheet, made_up=False, approval_number="湘S(2026)001号")
    real = made.pages(dataclasses.replace(world, sheet=sheet))
    for name in PAGES:
        assert world.sheet.say("page.made_up") in pages[name]
        assert "审图号：________" in pages[name]
        assert 'class="made-up"' not in real[name]
        assert "审图号：湘S(2026)001号" in real[name]


def test_in_script_text_cannot_close_its_element():
    for attack in ATTACKS:
        written = page.in_script({"name": attack})
        assert json.loads(written) == {"name": attack}
        assert not set("<>&\u2028\u2029") & set(written)


def test_malta_makes_pages_within_the_limit(test_data):
    """A whole country: 67 localities and every road class that is drawn."""
    lines = gpd.read_file(test_data / "malta" / "malta.osm.pbf", layer="lines", columns=["highway"])
    roads = lines[lines["highway"].notna()].to_crs(32633)
    zones = gpd.read_file(test_data / "malta" / "localities.geojson").to_crs(32633)
    zones = zones.assign(zoning="locality", zone_id=[f"L{i}" for i in range(len(zones))])
    zones["name"] = zones.get("name", zones["zone_id"]).fillna("?").astype(str)
    sheet = dataclasses.replace(
        made.plain("en").sheet, region="Malta", title="Malta", made_up=False
    )
    gaps = gpd.GeoDataFrame(
        {"gap_id": zones["zone_id"], "service": "clinic", "rule_id": "clinic.walk_30min",
         "zoning": "locality", "zone_id": zones["zone_id"], "persons": range(67)},
        geometry=zones.representative_point(), crs=zones.crs,
    )  # fmt: skip
    html = maps.gaps_page(maps.Atlas(sheet, zones, roads=roads), gaps)
    assert len(html.encode()) <= 5_000_000


def test_a_page_of_many_gaps_lists_the_largest_and_counts_the_others():
    """Everybody in a gap is either in a row of the page or in its sentence about the others."""
    world = made.plain()
    rows = 1_003
    many = gpd.GeoDataFrame(
        {
            "gap_id": [f"g{n:04d}" for n in range(rows)],
            "service": "clinic",
            "rule_id": "clinic.walk_30min",
            "zone_id": world.zones["zone_id"].iloc[0],
            "persons": np.arange(1, rows + 1),
        },
        geometry=[world.zones.geometry.iloc[0].representative_point()] * rows,
        crs=world.zones.crs,
    )
    atlas = maps.Atlas(world.sheet, world.zones)
    html = maps.gaps_page(atlas, many)
    (measure,) = page_data.read(html)["measures"]
    listed = [row["p"] for row in measure["rows"]]
    assert listed == list(range(rows, 3, -1))
    assert re.findall(r"[0-9]+", measure["lead"])[-2:] == ["3", str(1 + 2 + 3)]
    assert measure["total"] == sum(range(1, rows + 1))
    few = maps.gaps_page(atlas, many.iloc[3:])
    assert "gaps.csv" not in page_data.read(few)["measures"][0]["lead"]
    assert "gaps.csv" in measure["lead"]


def test_supply_and_equity_say_who_is_left_out_and_nothing_of_the_rest_where_they_are_many():
    sheet = made.plain().sheet
    zone = {"level": "zone", "service": "s", "zoning": "t", "catchment": "30 min",
            "per_1000_2sfca": 4.0, "per_1000_e2sfca": 5.0}  # fmt: skip
    shared = pd.DataFrame(
        [{**zone, "zone_id": "a", "why": ""}, {**zone, "zone_id": "b", "why": "not_assessed"}]
    )
    apart = {"figure": "mean_time_min", "service": "s", "rule_id": "", "zoning": "t", "zones": 7,
             "gini": 0.25, "ratio": 3.0, "ratio_of": "s80_s20", "persons": 970,
             "left_out_persons": 30, "why": ""}  # fmt: skip
    told = access.lines(shared, pd.DataFrame([apart]), "s", "r", sheet)
    assert [line["v"] for line in told["zone", "t", "a"]] == ["4.00", "5.00"]
    assert [line["v"] for line in told["zone", "t", "b"]] == ["—（无法评价者过多）"] * 2
    (line,) = told["region", "t", ""]
    assert line["v"] == "基尼 0.250 · 高20%/低20% 3.00 · 未计入 30 人（3.0%）"
    many = apart | {"gini": np.nan, "ratio": np.nan, "ratio_of": "", "why": "left_out",
                    "persons": 700, "left_out_persons": 300}  # fmt: skip
    (line,) = access.lines(None, pd.DataFrame([many]), "s", "r", sheet)["region", "t", ""]
    assert line["v"] == "— · 未计入 300 人（30.0%），过多，不作比较"

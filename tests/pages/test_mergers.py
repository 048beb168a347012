"""The page of mergers: what it says is what the tables say; a real Chromium clicks through it."""

import dataclasses
import re
from pathlib import Path

import merger_world
import numpy as np
import page_data
import pages_world as made
import pandas as pd
import pytest

from siting import maps, text
from siting.errors import DataError
from siting.maps.mergers import dossiers

PICTURES = Path(__file__).parents[1] / "artefacts"
SIZES = [(1280, 720), (1920, 1080)]


@pytest.fixture(scope="module")
def world():
    return made.make()


@pytest.fixture(scope="module")
def asked(world):
    return made.mergers_of(world)


@pytest.fixture(scope="module")
def html(world, asked):
    return asked.page(made.atlas_of(world))


@pytest.fixture(scope="module")
def data(html):
    return page_data.read(html)


def row(programme, year):
    years = programme.outcome.years
    return years[years["year"] == year].iloc[0]


def test_side_by_side_says_what_the_outcomes_say(asked, data):
    first, last = merger_world.YEARS[0], merger_world.YEARS[-1]
    lines = {line["key"]: line for line in data["compared"]["lines"]}
    columns = [(asked.programmes[0], first), *((p, last) for p in asked.programmes)]
    for place, (programme, year) in enumerate(columns):
        of = row(programme, year)
        assert lines["children"]["cells"][place] == text.count(of["children"])
        assert lines["max_min"]["cells"][place] == text.decimal(of["max_min"])
        for key, rule_id in (
            ("over_young", "school.journey_grades_1_3"),
            ("over", "school.journey"),
        ):
            limits = programme.outcome.limits
            told = limits[(limits["year"] == year) & (limits["rule_id"] == rule_id)]
            told = told["over_after_persons"].iloc[0]
            assert lines[key]["cells"][place] == text.count(told)
            assert rule_id in lines[key]["note"]
            assert lines[key]["bad"][place] == (told > 0)
    for place, programme in enumerate(asked.programmes, 1):
        at = programme.attending
        gone = at[(at["year"] == last) & (at["way"] != "stays")]["persons"].sum()
        assert lines["moved"]["cells"][place] == text.count(gone)
        spent = [row(p, last)[["running", "bus", "board_cost"]].sum() for p in
                 (asked.programmes[0], programme)]  # fmt: skip
        assert lines["saved"]["cells"][place] == text.count(spent[0] - spent[1])
        assert lines["building"]["cells"][place] == text.count(programme.steps["cost"].sum())
    assert [h["note"] for h in data["compared"]["heads"]][2] == text.get("mergers.draft", "zh")


def test_every_child_who_moves_flows_once_a_year(asked, data):
    years = list(merger_world.YEARS)
    for programme, shown in zip(asked.programmes, data["programmes"], strict=True):
        at = programme.attending[programme.attending["way"] != "stays"]
        want = at.groupby(["year", "unit_id", "to_site", "way"])["persons"].sum().to_dict()
        units = sorted(asked.units["unit_id"])
        found = {}
        for f in shown["flows"]:
            to, way = data["schools"][f["t"]]["id"], data["ways"][f["w"]]
            found[years[f["y"]], units[f["u"]], to, way] = f["p"]
        assert len(found) == len(shown["flows"])
        assert found == want
        told = [(d["y"], d["u"]) for d in shown["done"] if d["u"] >= 0]
        want = sorted(
            (years.index(y), units.index(u))
            for y, u in programme.decisions[["year", "unit_id"]].itertuples(index=False)
        )
        assert sorted(told) == want


def test_rules_that_a_programme_breaks_stand_beside_the_move(asked, data, world):
    """Of the year of the move and of every later one; what is allowed from then on breaks none."""
    table = asked.options[asked.options["year"] > merger_world.YEARS[0]]
    key = ["unit_id", "to_site", "way"]
    refused = table[table["refused_by"] != ""].groupby(key)["year"].max().reset_index()
    refused = refused.drop_duplicates("unit_id")
    last = refused[refused["year"] == merger_world.YEARS[-1]].iloc[:2]
    programme = dataclasses.replace(asked.programmes[-1], decisions=last.assign(year=2026))
    other = dataclasses.replace(asked, programmes=[asked.programmes[0], programme])
    shown = page_data.read(other.page(made.atlas_of(world)))
    moves = [d for d in shown["programmes"][1]["done"] if d["u"] >= 0]
    assert len(moves) == len(last)
    units = sorted(asked.units["unit_id"])
    for move in moves:
        unit, to = units[move["u"]], shown["schools"][move["t"]]["id"]
        rows = table[(table["unit_id"] == unit) & (table["to_site"] == to)]
        rows = rows[rows["way"] == shown["ways"][move["w"]]]
        want = {rule for by in rows["refused_by"] for rule in by.split(";") if rule}
        assert want
        notes = [shown["rules"][r]["note"] for r in move["against"]]
        assert len(notes) == len(want)
        assert all(any(rule in note for note in notes) for rule in want)
    assert not any(d["against"] for d in data["programmes"][-1]["done"])


def test_states_are_told_a_second_way(asked, data):
    first = merger_world.YEARS[0]
    ids = [s["id"] for s in data["schools"]]
    for programme, shown in zip(asked.programmes, data["programmes"], strict=True):
        at = programme.attending
        for place, year in enumerate(merger_world.YEARS):
            now = at[at["year"] == year]
            here = now.groupby("to_site")["persons"].sum()
            had = at[at["year"] == first].groupby("from_site")["persons"].sum()
            left = set(now.loc[now["way"] != "stays", "from_site"])
            came = set(now.loc[now["way"] != "stays", "to_site"])
            for site, letter in zip(ids, shown["states"][place], strict=True):
                if had.get(site, 0) and not here.get(site, 0):
                    assert letter in "cl"
                elif site in left:
                    assert letter == "p"
                else:
                    assert letter == ("r" if site in came else "o")


def test_options_are_told_in_the_year_they_can_be_chosen_from(asked, data):
    table = asked.options[asked.options["year"] > merger_world.YEARS[0]]
    units = sorted(asked.units["unit_id"])
    by = {k: g.sort_values("year") for k, g in table.groupby(["unit_id", "to_site", "way"])}
    assert len(data["options"]) == len(by)
    kinds = set()
    for option in data["options"]:
        site = data["schools"][option["t"]]["id"]
        rows = by[(units[option["u"]], site, data["ways"][option["w"]])].to_dict("records")
        letters = ["A" if r["status"] == "allowed" else "R" for r in rows]
        assert option["st"] == "".join(letters)
        if letters[-1] == "A":
            last = max([n for n, letter in enumerate(letters) if letter == "R"], default=-1)
            told = rows[last + 1]
            assert option["ok"] == str(told["year"])
        else:
            told = rows[letters.index("R")]
            assert option["ok"] == ""
        kinds.add(option["ok"] == "")
        assert data["years"][option["y"]] == str(told["year"])
        assert option["n"][0] == told["persons"] == sum(option["n"][1:])
        assert option["sf"] == [None if pd.isna(r["seats_free"]) else r["seats_free"] for r in rows]
        assert option["min"][5] == pytest.approx(told["max_after_min"], abs=0.051, nan_ok=True) or (
            option["min"][5] is None and np.isnan(told["max_after_min"])
        )
    assert kinds == {True, False}


def test_hits_are_those_of_the_options_shown(asked, data):
    total = 0
    hits = asked.refusals.groupby("option_id")["persons"].sum()
    table = asked.options.set_index(["unit_id", "to_site", "way", "year"])["option_id"]
    units = sorted(asked.units["unit_id"])
    for n, o in enumerate(data["options"]):
        key = (units[o["u"]], data["schools"][o["t"]]["id"], data["ways"][o["w"]])
        option_id = table[(*key, int(data["years"][o["y"]]))]
        shown = sum(h["p"] for h in data["hits"] if h["o"] == n)
        assert shown == hits.get(option_id, 0)
        total += shown
        if not o["ok"]:  # nothing is refused without a rule
            assert any(h["o"] == n and h["hard"] for h in data["hits"])
    assert total > 0
    assert all("（" in rule["note"] for rule in data["rules"])


def test_homes_hold_every_child_whose_home_is_known(asked, data, monkeypatch, world):
    at = asked.programmes[0].attending
    base = at[
        (at["year"] == merger_world.YEARS[0]) & (at["demand_id"] != "") & (at["from_site"] != "")
    ]
    want = base.groupby("from_site")["persons"].sum()
    want = want[want > 0].to_dict()

    def held(page):
        ids = [s["id"] for s in page["schools"]]
        return {i: sum(h["p"]) for i, h in zip(ids, page["homes"]["of"], strict=True) if h["p"]}

    assert held(data) == want
    monkeypatch.setattr(dossiers, "HOME_ROWS", 60)
    monkeypatch.setattr(dossiers, "OPTION_ROWS", 40)
    small_html = asked.page(made.atlas_of(world))
    small = page_data.read(small_html)
    assert held(small) == want  # coarser, nobody lost
    assert len(page_data.decode(small["homes"]["at"])) < len(page_data.decode(data["homes"]["at"]))
    assert len(small["options"]) < len(data["options"])
    left = len(data["options"]) - len(small["options"])
    assert text.get("note.mergers_left_out", "zh", n=text.count(left)) in small_html


def test_programmes_that_do_not_fit_are_refused(asked, world):
    with pytest.raises(DataError, match="keep_all first"):
        dataclasses.replace(asked, programmes=asked.programmes[1:]).page(made.atlas_of(world))
    odd = asked.programmes[1]
    outcome = dataclasses.replace(odd.outcome, years=odd.outcome.years.iloc[1:])
    programmes = [asked.programmes[0], dataclasses.replace(odd, outcome=outcome)]
    with pytest.raises(DataError, match="other years"):
        dataclasses.replace(asked, programmes=programmes).page(made.atlas_of(world))
    with pytest.raises(DataError, match="not in schools"):
        dataclasses.replace(asked, schools=asked.schools.iloc[1:]).page(made.atlas_of(world))


def test_row_order_does_not_matter(asked, world, html):
    turned = {n: getattr(asked, n).iloc[::-1] for n in ("schools", "units", "options", "homes")}
    assert dataclasses.replace(asked, **turned).page(made.atlas_of(world)) == html


def test_fronts_of_areas_stand_apart_without_programmes(asked, world):
    two = pd.concat([asked.pareto.assign(area="T00"), asked.pareto.head(2).assign(area="T01")])
    html = dataclasses.replace(asked, pareto=two).page(made.atlas_of(world))
    told = page_data.read(html)["front"]
    names = world.zones.set_index("zone_id")["name"]
    assert [(a["label"], len(a["points"])) for a in told["areas"]] == [
        (names["T00"], 4),
        (names["T01"], 2),
    ]
    assert told["marks"] == []


def test_the_proof_of_a_city_is_that_of_its_areas():
    row = {"objective": 10.0, "keep_all": 20.0, "bound": 10.0, "gap": 0.0, "unique": True}
    fine = row | {"status": "optimal"}
    assert maps.proof_of(pd.DataFrame([fine])) == maps.Proof("optimal", 10, 10, 0, True)
    assert maps.proof_of(pd.DataFrame([fine, fine | {"unique": False}])).unique is False
    lost = row | {"status": "time_limit", "bound": 4.0, "gap": 6 / 16, "unique": None}
    both = maps.proof_of(pd.DataFrame([fine, lost]))
    assert (both.status, both.unique) == ("time_limit", None)
    assert both.gap == pytest.approx(6 / 26)
    never = maps.proof_of(pd.DataFrame([fine, lost | {"gap": float("inf")}]))
    assert never.gap == float("inf")
    assert maps.proof_of(pd.DataFrame()) is None


# --- in a browser


@pytest.fixture(scope="module")
def file(html, tmp_path_factory):
    path = tmp_path_factory.mktemp("mergers") / "mergers.html"
    path.write_text(html, "utf-8")
    return path


@pytest.fixture(scope="module")
def visit(browser, file):
    contexts = []

    def opened(size=(1280, 720), path=file):
        context = browser.new_context(viewport={"width": size[0], "height": size[1]}, offline=True)
        contexts.append(context)
        page = context.new_page()
        page.faults = []
        page.on("console", lambda m: page.faults.append(m.text))
        page.on("pageerror", lambda e: page.faults.append(str(e)))
        page.on(
            "request",
            lambda r: None if r.url.startswith(("file:", "data:")) else page.faults.append(r.url),
        )
        page.goto(path.as_uri())
        page.wait_for_function("document.documentElement.dataset.ready === 'true'")
        return page

    yield opened
    for context in contexts:
        context.close()


OVERLAPS = """() => {
    const parts = document.querySelectorAll(
        '#panel .figures td, #panel .figures th, #panel .pickable td, .head button, .proof-line');
    return [...parts].filter(e => e.offsetParent && e.scrollWidth > e.clientWidth + 1)
        .map(e => e.textContent);
}"""


@pytest.mark.browser
@pytest.mark.parametrize("size", SIZES, ids=lambda s: str(s[0]))
@pytest.mark.parametrize("view", ["compare", "year", "school", "fair"])
def test_nothing_runs_over_in_any_view(visit, size, view):
    page = visit(size)
    if view == "school":
        page.locator(".list .pick").first.click()
    else:
        page.locator(f".tabs button[data-key={view}]").click()
    page.wait_for_timeout(100)
    PICTURES.mkdir(exist_ok=True)
    page.screenshot(path=PICTURES / f"mergers_{view}_{size[0]}.png")
    assert page.evaluate(OVERLAPS) == []
    assert (
        page.evaluate("(e => e.scrollWidth - e.clientWidth)(document.getElementById('panel'))") <= 0
    )
    proof = page.locator(".proof-line")
    assert proof.is_visible()
    for key in ("solver.time_limit", "mergers.not_unique"):
        assert text.get(key, "zh") in proof.text_content()
    assert "60,111,222" in proof.text_content()
    assert page.faults == []
    page.context.close()


@pytest.mark.browser
def test_clicks_show_what_the_tables_say(visit, asked, data):
    page = visit((1920, 1080))
    years = list(merger_world.YEARS)
    choices = page.locator(".head .choose")
    for k, programme in enumerate(asked.programmes):
        choices.nth(0).locator("button").nth(k).click()
        for n, year in enumerate(years):
            choices.nth(1).locator("button").nth(n).click()
            page.locator(".tabs button[data-key=year]").click()
            said = page.locator("#headline").text_content()
            assert said == maps.mergers_finding(programme, year, atlas_sheet(data))
            of = row(programme, year)
            heads = page.locator(".view table th[scope=row]").all_text_contents()
            lines = page.locator(".view table tr:has(th[scope=row])").all_text_contents()
            told = dict(zip(heads, lines, strict=True))
            for name in ("stays", "commutes", "boards", "moves_home", "by_bus", "not_known"):
                head = text.get(f"js_mergers.is_{name}", "zh")
                assert told[head] == head + text.count(of[name])
            at = programme.attending
            moved = at[(at["year"] == year) & (at["way"] != "stays") & (at["persons"] > 0)]
            lines = moved[["from_site", "to_site"]].drop_duplicates()
            assert page.locator(".leaflet-flows-pane path").count() == 2 * len(lines)
    assert page.faults == []
    page.context.close()


def atlas_sheet(data):
    """The sheet's words are all that the finding takes."""
    return maps.Sheet("t", "r", data["lang"], "2026-01-01", "0")


@pytest.mark.browser
def test_a_school_is_told_by_its_options_and_can_be_printed(visit, asked, data):
    page = visit((1920, 1080))
    best = asked.programmes[-1].decisions
    site = asked.units.set_index("unit_id")["site_id"][best["unit_id"].iloc[0]]
    place = next(n for n, s in enumerate(data["schools"]) if s["id"] == site)
    page.locator(f".list tr[data-key='{place}'] .pick").click()
    assert page.locator(".view h2 .name").text_content() == data["schools"][place]["n"]
    assert page.locator("tr[aria-selected=true]").count() == 1
    homes = data["homes"]["of"][place]
    assert page.locator(".leaflet-people-pane path").count() == len(homes["h"])
    for step in data["steps"]:
        assert step["note"] in page.locator(".steps-box").text_content()
    assert page.locator(".principle").is_visible()
    for n, unit in enumerate(data["units"]):
        if unit["s"] != place:
            continue
        box = page.locator(f".unit[data-unit='{n}']")
        mine = [(k, o) for k, o in enumerate(data["options"]) if o["u"] == n]
        assert box.locator("tr[data-option]").count() == min(len(mine), 12)
        for k, o in mine[:12]:
            line = box.locator(f"tr[data-option='{k}']")
            line.locator("button").click()
            if o["ok"]:
                assert o["ok"] in line.text_content()
            else:
                hard = {h["r"] for h in data["hits"] if h["o"] == k and h["hard"]}
                assert hard
                for rule in hard:
                    assert data["rules"][rule]["note"] in line.text_content()
            part = box.locator(".option")
            told = part.locator("table").first.locator("tbody td").all_text_contents()
            pairs = [o["min"][j] for pair in ((0, 3), (1, 4), (2, 5)) for j in pair]
            assert told == ["—" if v is None else f"{v:.1f}" for v in pairs]
            hits = [h for h in data["hits"] if h["o"] == k]
            assert part.locator("tr.hard").count() == sum(h["hard"] for h in hits)
    methods = "document.querySelector('.methods').open"
    assert not page.evaluate(methods)
    sheet = page.pdf(prefer_css_page_size=True)
    sizes = [tuple(map(float, m.split())) for m in re.findall(rb"/MediaBox \[([^\]]*)\]", sheet)]
    assert sizes
    assert all(wide > high for _, _, wide, high in sizes)
    assert not page.evaluate(methods)  # as it was before
    page.locator(".view .back").last.click()
    assert page.locator("tr[aria-selected=true]").count() == 0
    assert page.faults == []
    page.context.close()


@pytest.mark.browser
def test_a_school_on_the_map_can_be_clicked(visit):
    page = visit((1920, 1080))
    page.locator(".leaflet-sites-pane path").last.dispatch_event("click")
    assert page.locator(".view .steps-box").is_visible()
    assert page.faults == []
    page.context.close()


@pytest.mark.browser
def test_the_front_and_the_worst_hit_are_shown(visit, asked):
    page = visit()
    for _, point in asked.pareto.iterrows():
        box = page.locator(".front-box").text_content()
        assert text.count(point["money"]) in box
        assert text.percent(point["gap"]) in box
    assert page.locator(".front .point").count() == len(asked.pareto)
    assert page.locator(".front .mark").count() == len(asked.programmes)
    marks = page.locator(".front-box tbody tr").all_text_contents()[-len(asked.programmes) :]
    assert [text.count(p.money) in m for p, m in zip(asked.programmes, marks, strict=True)] == [
        True
    ] * 3
    page.locator(".tabs button[data-key=fair]").click()
    places = asked.programmes[-1].fairness.places
    added = page.locator(".view table").first.locator("tbody td:nth-child(3)").all_text_contents()
    assert added == [f"+{text.decimal(v)}" for v in places["added_min"].head(30)]
    assert page.faults == []
    page.context.close()


@pytest.mark.browser
def test_english_and_hostile_names(visit, asked, world, tmp_path):
    sheet = dataclasses.replace(
        made.atlas_of(world).sheet, lang="en", labels={"senior": "Senior schools"}
    )
    bad = "</script><img src=x onerror=alert(1)>"
    schools = asked.schools.assign(name=bad)
    homes = asked.homes.assign(zone_name="East")
    zones = world.zones.assign(name="East")
    there = dataclasses.replace(made.atlas_of(world), sheet=sheet, zones=zones)
    path = tmp_path / "mergers.html"
    path.write_text(dataclasses.replace(asked, schools=schools, homes=homes).page(there), "utf-8")
    page = visit(SIZES[0], path)
    for view in ("compare", "year", "fair"):
        page.locator(f".tabs button[data-key={view}]").click()
        page.screenshot(path=PICTURES / f"mergers_{view}_en_1280.png")
        assert not re.search("[\u4e00-\u9fff]", page.locator(".view").inner_text())
        assert (
            page.evaluate("(e => e.scrollWidth - e.clientWidth)(document.getElementById('panel'))")
            <= 0
        )
    page.locator(".list .pick").first.click()
    page.screenshot(path=PICTURES / "mergers_school_en_1280.png")
    assert page.locator(".view h2 .name").text_content() == bad
    assert page.evaluate("document.querySelectorAll('img').length") == 0
    assert page.faults == []
    page.context.close()

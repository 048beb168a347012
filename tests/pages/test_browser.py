"""The pages in a real Chromium with no network at all; a picture of each is kept and looked at."""

import re
from pathlib import Path

import page_data
import pages_world as made
import pandas as pd
import pytest

from siting import maps, report, text

pytestmark = pytest.mark.browser

PAGES = ("index", *maps.PAGES)
MAPS = maps.PAGES
PICTURES = Path(__file__).parents[1] / "artefacts"


@pytest.fixture(scope="module")
def world():
    return made.plain()


@pytest.fixture(scope="module")
def folder(world, tmp_path_factory):
    """Pages and tables as a run writes them."""
    out = tmp_path_factory.mktemp("run")
    report.write_outputs(
        out,
        tables={"coverage_figures": world.figures, "gaps": world.gaps, "ranking": world.ranking},
        layers={},
        pages=made.plain_pages(),
        run={},
        lang="zh",
        title="t",
    )
    return out


class Visit:
    """A page opened from disk; every request that is not the file itself is stopped and kept."""

    def __init__(self, browser, file, size=(1280, 720)):
        self.context = browser.new_context(
            viewport={"width": size[0], "height": size[1]}, offline=True
        )
        self.page = self.context.new_page()
        self.requests, self.errors = [], []
        self.page.on("console", lambda m: self.errors.append(m.text) if m.type != "log" else None)
        self.page.on("pageerror", lambda e: self.errors.append(str(e)))
        self.page.on("dialog", lambda d: (self.errors.append(f"dialog {d.message}"), d.dismiss()))
        self.page.route("**/*", self._stop)
        self.file = file.as_uri()
        self.page.goto(self.file)
        if 'id="siting-data"' in file.read_text("utf-8") and file.stem != "index":
            self.page.wait_for_function("document.documentElement.dataset.ready === 'true'")

    def _stop(self, route):
        if route.request.url == self.file:
            route.continue_()
            return
        if not route.request.url.startswith(("data:", "blob:")):
            self.requests.append(route.request.url)
        route.abort()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.context.close()


@pytest.mark.parametrize("size", [(1280, 720), (1920, 1080)], ids=lambda s: str(s[0]))
@pytest.mark.parametrize("name", PAGES)
def test_opens_without_network_error_or_sideways_scroll(browser, folder, name, size):
    with Visit(browser, folder / "maps" / f"{name}.html", size) as visit:
        visit.page.wait_for_timeout(150)
        PICTURES.mkdir(exist_ok=True)
        visit.page.screenshot(path=PICTURES / f"{name}_{size[0]}.png")
        assert visit.requests == []
        assert visit.errors == []
        wide = visit.page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
        assert wide[0] <= wide[1]
        panel = visit.page.evaluate(
            "(({scrollWidth: a, clientWidth: b}) => a - b)(document.getElementById('panel'))"
        )
        assert panel <= 0
        assert visit.page.evaluate("parseFloat(getComputedStyle(document.body).fontSize)") >= 16


@pytest.mark.parametrize("name", MAPS)
def test_adds_one_name_to_the_browser(browser, folder, name):
    blank = folder / "blank.html"
    blank.write_text("<!DOCTYPE html><title>-</title>")
    with Visit(browser, blank) as visit:
        before = set(visit.page.evaluate("Object.getOwnPropertyNames(window)"))
    blank.unlink()
    with Visit(browser, folder / "maps" / f"{name}.html") as visit:
        after = set(visit.page.evaluate("Object.getOwnPropertyNames(window)"))
        ids = {f"{i}" for i in range(9)} | set(
            visit.page.evaluate("[...document.querySelectorAll('[id]')].map(e => e.id)")
        )
    # Leaflet keeps its own listeners on the window under this name
    assert after - before - ids - {"_leaflet_events"} == {"siting"}


@pytest.mark.parametrize("name", PAGES)
def test_the_script_reads_the_data_as_they_were_written(browser, folder, name):
    file = folder / "maps" / f"{name}.html"
    with Visit(browser, file) as visit:
        assert visit.page.evaluate("siting.data") == page_data.read(file.read_text("utf-8"))


@pytest.mark.parametrize("name", MAPS)
def test_every_layer_can_be_switched_off_and_on(browser, folder, name):
    drawn = """() => {
        const pane = document.querySelector('.leaflet-map-pane');
        return pane.querySelectorAll('path, .leaflet-marker-icon').length
            + [...pane.querySelectorAll('canvas')].reduce((n, c) => n + c.toDataURL().length, 0);
    }"""
    with Visit(browser, folder / "maps" / f"{name}.html") as visit:
        if name == "schools":  # flows and receivers are drawn for a school that is picked
            visit.page.locator(".pick").nth(60).click()
        if name == "mergers":
            visit.page.locator(".pick").first.click()
        boxes = visit.page.locator(".leaflet-control-layers-overlays input")
        assert boxes.count() >= 5
        for place in range(boxes.count()):
            box = boxes.nth(place)
            first = visit.page.evaluate(drawn)
            was = box.is_checked()
            box.click()
            visit.page.wait_for_timeout(60)
            assert box.is_checked() != was
            assert visit.page.evaluate(drawn) != first, place
            box.click()
            visit.page.wait_for_timeout(60)
            assert visit.page.evaluate(drawn) == first, place
        assert visit.errors == []


def shown(page):
    """The figures of the panel: {class: {figure: words}}."""
    return page.evaluate(
        """() => { const t = document.querySelector('.detail .figures');
        const heads = [...t.querySelectorAll('thead th')].map(h => h.textContent);
        const all = Object.fromEntries(heads.map(h => [h, {}]));
        for (const row of t.querySelectorAll('tbody tr'))
          [...row.querySelectorAll('td')].forEach(
            (d, k) => { all[heads[k]][d.dataset.figure] = d.textContent; });
        return all; }"""
    )


def written(row):
    """The same figures, from a row of the CSV; seats only where the run counted any."""
    counts = ("persons", "covered", "out_of_reach", "not_assessed")
    shares = ("covered_share_assessed", "covered_share", "straight_share_assessed")
    return (
        {name: text.count(row[name]) for name in counts}
        | {name: text.percent(row[name]) for name in shares}
        | {"range": text.percent_range(row["share_low"], row["share_high"])}
    )


def test_a_click_on_a_zone_shows_the_figures_of_the_csv(browser, folder, world):
    table = pd.read_csv(
        folder / "tables" / "coverage_figures.csv", keep_default_na=False, na_values=[""]
    )
    table["zone_id"] = table["zone_id"].fillna("")
    assert table["no_seat"].sum() == 0
    heads = {
        text.get(f"settlement.{c}", "zh") + mark: c
        for c in ("judged", "urban", "township_seat", "village")
        for mark in ("", "*")
    }
    checked = 0
    with Visit(browser, folder / "maps" / "coverage.html", (1920, 1080)) as visit:
        page = visit.page
        for button in range(2):
            page.locator(".choose").first.locator("button").nth(button).click()
            service, rule_id = page.evaluate(
                "document.querySelector('.choose [aria-checked=true]').dataset.key"
            ).split()
            rows = table[(table["service"] == service) & (table["rule_id"] == rule_id)]
            zones = page.locator(".leaflet-overlay-pane path")
            assert zones.count() == len(world.zones)
            for place in range(0, zones.count(), 3):
                # the shape itself is clicked, not a coordinate that a circle may cover
                zones.nth(place).dispatch_event("click")
                name = page.locator(".detail h2 .name").text_content()
                zone_id = world.zones.loc[world.zones["name"] == name, "zone_id"].iloc[0]
                here = rows[(rows["level"] == "zone") & (rows["zone_id"] == zone_id)].set_index(
                    "settlement"
                )
                for head, figures in shown(page).items():
                    assert figures == written(here.loc[heads[head]]), (name, head)
                    checked += 1
            page.locator(".back").click()
            here = rows[rows["level"] == "region"].set_index("settlement")
            for head, figures in shown(page).items():
                assert figures == written(here.loc[heads[head]])
                checked += 1
        assert visit.errors == []
    assert checked > 30


def test_a_real_mouse_click_on_the_map_picks_the_zone_under_it(browser, folder, world):
    with Visit(browser, folder / "maps" / "coverage.html", (1920, 1080)) as visit:
        for label in ("到不了的人", "现有设施"):
            visit.page.locator(".leaflet-control-layers-overlays label", has_text=label).click()
        box = visit.page.locator(".leaflet-overlay-pane path").first.bounding_box()
        visit.page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        assert visit.page.locator(".detail h2 .name").text_content() in set(world.zones["name"])
        assert visit.page.locator("tr[aria-selected=true]").count() == 1


def test_straight_line_and_network_are_a_switch_away(browser, folder, world):
    with Visit(browser, folder / "maps" / "coverage.html") as visit:
        visit.page.locator("button[data-key='primary primary.radius']").click()
        rows = world.figures[
            (world.figures["service"] == "primary") & (world.figures["level"] == "region")
        ]
        judged = rows[rows["settlement"] == "judged"].iloc[0]
        big = visit.page.locator(".detail .big strong")
        assert big.text_content() == text.percent(judged["covered_share_assessed"])
        visit.page.locator("button[data-key='straight']").click()
        assert big.text_content() == text.percent(judged["straight_share_assessed"])


def test_gaps_are_listed_by_persons_and_a_click_zooms(browser, folder, world):
    with Visit(browser, folder / "maps" / "gaps.html") as visit:
        service = visit.page.evaluate(
            "document.querySelector('.choose [aria-checked=true]').dataset.key"
        ).split()[0]
        rows = world.gaps[world.gaps["service"] == service].sort_values(
            ["persons", "gap_id"], ascending=[False, True]
        )
        gaps, shut = (visit.page.locator(f"{part} .pickable") for part in (".list", ".shut"))
        cells = gaps.locator("tbody tr td:nth-child(3)").all_text_contents()
        assert cells == [text.count(p) for p in rows["persons"].head(300)]
        roads = gaps.locator("tbody tr td:nth-child(4)").all_text_contents()
        assert roads == [text.count(p) for p in rows["missing_road_persons"].head(300)]
        lost = world.losses[world.losses["service"] == service].head(20)
        assert shut.locator("tbody .name").all_text_contents() == lost["name"].tolist()
        assert shut.locator("tbody tr td:nth-child(3)").all_text_contents() == [
            text.count(n) for n in lost["lost_persons"]
        ]
        start = visit.page.locator(".leaflet-control-scale-line").text_content()
        visit.page.locator(".shut summary").click()
        shut.locator(".pick:visible").first.click()
        assert visit.page.locator(".leaflet-control-scale-line").text_content() != start
        visit.page.reload()
        before = visit.page.locator(".leaflet-control-scale-line").text_content()
        gaps.locator(".pick:visible").first.click()
        assert visit.page.locator(".leaflet-control-scale-line").text_content() != before
        assert visit.page.locator(".leaflet-tooltip").text_content()


def test_schools_are_ranked_as_in_the_csv_and_flows_add_up(browser, folder, world):
    table = pd.read_csv(folder / "tables" / "ranking.csv")
    with Visit(browser, folder / "maps" / "schools.html") as visit:
        page = visit.page
        assert page.locator(".principle").is_visible()
        names = page.locator(".pickable .name").all_text_contents()
        assert names == table["name"].tolist()
        unserved = page.locator(".pickable tbody td:nth-child(3)").all_text_contents()
        assert unserved == [text.count(n) for n in table["unserved_after"]]
        for place in (20, 60, len(table) - 1):
            row = table.iloc[place]
            page.locator(".pickable .pick").nth(place).click()
            assert page.locator(".detail .big strong").first.text_content() == text.count(
                row["displaced"]
            )
            goes = world.receivers[world.receivers["site_id"] == row["site_id"]]
            cells = page.locator(".detail .figures").nth(1).locator("tbody td:nth-child(2)")
            assert cells.all_text_contents() == [text.count(p) for p in goes["persons"]]
        assert page.locator(".leaflet-flows-pane path").count() == 2 * len(goes)


def test_pocket_parks_are_in_turn_and_the_page_says_how_good_they_are(browser, folder, world):
    with Visit(browser, folder / "maps" / "green.html") as visit:
        page = visit.page
        turns = page.locator(".pocket .pickable").first.locator("tbody tr")
        assert turns.count() == len(world.pocket.chosen)
        gained = [text.hectares(a, "zh") for a in world.pocket.places["adds_m2"].dropna()]
        shown = turns.locator("td:nth-child(3)").all_text_contents()
        assert sorted(shown) == sorted(gained)
        rate = text.percent(world.pocket.after_m2 / world.pocket.land_m2)
        assert turns.last.locator("td").last.text_content() == rate
        assert text.hectares(world.pocket.bound_m2, "zh") in page.locator(".proof").text_content()
        assert page.locator(".turn").count() == len(world.pocket.chosen)
        turns.nth(1).locator(".pick").click()
        assert page.locator("tr[aria-selected=true]").count() == 1
        tip = page.locator(".leaflet-tooltip").text_content()
        assert world.pocket.chosen[1] in tip
        judged = world.per_person[world.per_person["settlement"] == "judged"].iloc[0]
        assert text.decimal(judged["m2_per_person"]) in page.locator(".detail h3").text_content()


def test_new_sites_always_say_how_good_they_are(browser, folder, world):
    with Visit(browser, folder / "maps" / "new_sites.html") as visit:
        proof = visit.page.locator(".proof").text_content()
        assert text.get(f"solver.{world.solution.status}", "zh") in proof
        assert text.count(world.solution.bound) in proof
        assert text.percent(world.solution.gap) in proof
        chosen = visit.page.locator(".pickable .verdict-pass").count()
        assert chosen == len(world.solution.chosen)


@pytest.mark.parametrize("name", MAPS)
def test_a_page_can_be_worked_with_the_keyboard(browser, folder, name):
    with Visit(browser, folder / "maps" / f"{name}.html") as visit:
        seen = set()
        for _ in range(60):
            visit.page.keyboard.press("Tab")
            seen.add(
                visit.page.evaluate(
                    "document.activeElement.className + document.activeElement.type"
                )
            )
        assert any("leaflet-control-layers-selector" in s for s in seen)
        assert any(s.startswith("pick") for s in seen)
        visit.page.locator(".pick:visible").first.focus()
        visit.page.keyboard.press("Enter")
        assert visit.page.locator("tr[aria-selected=true]").count() == 1


def test_hostile_names_are_shown_as_text(browser, tmp_path):
    attacks = (
        "</script><img src=x onerror=alert(1)>",
        "=cmd|' /C calc'!A0",
        "‮txt.exe",
        "<b>x</b>&amp;",
        "x" * 4000,
        "\u2028`${alert(2)}`",
    )
    wheel = iter(attacks * 1000)
    world = made.make(rename=lambda _: next(wheel))
    for name, html in made.pages(world).items():
        (tmp_path / f"{name}.html").write_text(html, "utf-8")
    for name in PAGES:
        with Visit(browser, tmp_path / f"{name}.html") as visit:
            page = visit.page
            if name != "index":
                page.evaluate("for (const d of document.querySelectorAll('.shut')) d.open = true")
                picks = page.locator(".pick")
                shut = page.locator(".shut .pick").count()
                for place in (*range(min(4, shut)), *range(shut, min(shut + 4, picks.count()))):
                    picks.nth(place).click()
                page.mouse.move(400, 400)
                assert (
                    page.evaluate("document.querySelectorAll('img, #panel b b, bdi *').length") == 0
                )
                assert set(page.locator(".pickable .name").all_text_contents()) <= set(attacks) | {
                    "区划之外"
                }
            assert page.evaluate("document.scripts.length") <= 7
            wide = page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
            assert wide[0] <= wide[1]
            page.screenshot(path=PICTURES / f"hostile_{name}.png")
            assert visit.errors == []
            assert visit.requests == []


def test_printing_shows_the_map_and_the_method(browser, folder):
    with Visit(browser, folder / "maps" / "coverage.html") as visit:
        sheet = visit.page.pdf(prefer_css_page_size=True)
        boxes = {
            tuple(map(float, m.split())) for m in re.findall(rb"/MediaBox \[([^\]]*)\]", sheet)
        }
        assert all(width > height for _, _, width, height in boxes)  # landscape
        assert 2 <= len(re.findall(rb"/Type\s*/Page\b", sheet)) <= 4


def test_english_pages_hold_no_chinese_but_names(browser, tmp_path):
    world = made.make("en", rename=lambda name: f"Place {len(name)}")
    for name, html in made.pages(world).items():
        (tmp_path / f"{name}.html").write_text(html, "utf-8")
    for name in MAPS:
        with Visit(browser, tmp_path / f"{name}.html") as visit:
            panel = (
                visit.page.locator("#panel").inner_text() + visit.page.locator(".top").inner_text()
            )
            assert not re.search("[\u4e00-\u9fff]", panel.replace("年中央一号文件", "")), name
            assert visit.errors == []


@pytest.mark.parametrize("name", PAGES)
def test_english_pages_fit_a_small_projector(browser, tmp_path, name):
    (tmp_path / f"{name}.html").write_text(made.plain_pages("en")[name], "utf-8")
    with Visit(browser, tmp_path / f"{name}.html") as visit:
        visit.page.screenshot(path=PICTURES / f"{name}_en_1280.png")
        beyond = "(e => e.scrollWidth - e.clientWidth)(document.getElementById('panel'))"
        assert visit.page.evaluate(beyond) <= 0
        assert visit.page.evaluate("document.documentElement.scrollWidth") <= 1280


def test_baskets_name_what_is_missing_and_rank_what_is_lacking(browser, folder, world):
    figures, services = world.baskets
    with Visit(browser, folder / "maps" / "baskets.html") as visit:
        page = visit.page
        for basket in world.asked:
            page.locator(f'button[data-key="{basket.key}"]').click()
            own = services[
                (services["basket"] == basket.key) & (services["level"] == "region")
                & (services["settlement"] == "judged")
            ]  # fmt: skip
            told = page.locator('.missing[data-figure="missing"]').text_content()
            for kind in own.loc[own["why"] != "", "kind"]:
                assert text.get(f"kind.{kind}", "zh") in told
            known = own[own["why"] == ""].sort_values("lacking_persons", ascending=False)
            for name, column in (("lacking", "lacking_persons"), ("only", "lacking_only_persons")):
                shown = page.locator(f'[data-figure="{name}"]').all_text_contents()
                assert shown == [text.count(n) for n in known[column]]
            row = figures[
                (figures["basket"] == basket.key) & (figures["level"] == "region")
                & (figures["settlement"] == "judged")
            ].iloc[0]  # fmt: skip
            share = page.locator('strong[data-figure="share"]').text_content()
            assert share == text.percent(row["complete_share_assessed"])
            assert share in page.locator("#headline").text_content()
        assert page.locator(".groups [data-group]").count() == 2
        page.locator('.groups [data-group="elderly"] button').click()
        assert page.locator('button[data-key="elderly"]').get_attribute("aria-checked") == "true"

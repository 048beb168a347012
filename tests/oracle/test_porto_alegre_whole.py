"""Every figure of Porto Alegre from its own files: all services, rules and zonings, to the person.

The whole run by ``python -m siting run``; the second program reads hexagons, streets and zones
itself (csv, pyosmium, json), searches by scipy, counts by :mod:`figures`, seats by HiGHS.
"""

from __future__ import annotations

import csv
import math
from collections import Counter
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import NamedTuple

import figures
import pandas as pd
import pytest
import shapely
import zonings
from figures import Home, Limits
from finished_run import Finished
from malta_independent import Place, Walks
from malta_reach import placed
from search import Search
from seating import seated

EPSG = 31982
STUDY = Path(__file__).parents[1] / "studies" / "porto_alegre"
WITHIN_MM = 200_000  # the study's people.within_m
CUTOFF_MS = 120 * 60_000
LINK_M = 200
ZONINGS = {"district": "districts.geojson", "quarter": "quarters.geojson"}
FIRST = "district"
CIRCLE = Limits(800_000, 800_000, 1_000_000)


class Service(NamedTuple):
    """What the study asks of a service: its sites, whose pace, rules, and its catchment."""

    column: str
    more_than: int
    metres_per_hour: int
    rules: dict[str, Limits]
    catchment: tuple[str, int] | None = None  # unit, and its end


SERVICES = {
    "school": Service(
        "schools", 0, 3600,
        {"circle_15min": CIRCLE, "primary.radius": Limits(500_000, 500_000, 500_000, True)},
        ("mm", 1_000_000),
    ),
    "healthcare": Service(
        "healthcare", 0, 3600,
        {"circle_15min": CIRCLE, "clinic.walk_30min": Limits(1_700_000, 1_800_000, 2_500_000)},
    ),
    # 2.5 to 3.6 km/h
    "care": Service(
        "healthcare", 0, 3000,
        {"hospital.drive_30min": Limits(1_500_000, 1_800_000, 2_160_000)},
        ("ms", 1_500_000),
    ),
    "work": Service(
        "jobs", 500, 3600,
        {
            "circle_15min": CIRCLE,
            "health_centre.radius": Limits(1_000_000, 1_000_000, 1_000_000, True),
        },
    ),
}  # fmt: skip
PAIRS = [(name, rule) for name, service in SERVICES.items() for rule in service.rules]
JUDGED = [pair for pair in PAIRS if pair[1] != "clinic.walk_30min"]  # which judges no townspeople
IN_MINUTES = ("clinic.walk_30min", "hospital.drive_30min")
SEATED = "work"
WEIGHTS = (Fraction(1), Fraction(68, 100), Fraction(22, 100))


def unit_of(rule: str) -> str:
    return "ms" if rule in IN_MINUTES else "mm"


@dataclass(eq=False)
class Raw:
    """The raw files, in metres."""

    hexagons: dict[str, dict[str, str]]
    walks: Walks

    def __post_init__(self) -> None:
        self.persons = {name: int(row["population"]) for name, row in self.hexagons.items()}
        self.spots = {
            name: shapely.Point(
                self.walks.to_metric.transform(float(row["lon"]), float(row["lat"]))
            )
            for name, row in self.hexagons.items()
        }
        self.places = placed(self.walks, self.spots)
        points = {name: (p.x, p.y) for name, p in self.spots.items()}
        self.zone = {
            zoning: zonings.zone_of(zonings.read(STUDY / file, "id", EPSG), points)
            for zoning, file in ZONINGS.items()
        }

    def sites(self, service: str) -> dict[str, int]:
        """Sites and what they hold."""
        asked = SERVICES[service]
        held = {name: int(row[asked.column] or 0) for name, row in self.hexagons.items()}
        return {name: n for name, n in held.items() if n > asked.more_than}

    def doors(self, service: str) -> dict[str, Place]:
        return {name: self.places[name] for name in self.sites(service) if name in self.places}

    @cache  # noqa: B019 - one city a test run
    def search(self, service: str, unit: str) -> Search:
        return Search(self.walks.paced(SERVICES[service].metres_per_hour), unit)

    @cache  # noqa: B019
    def homes(self, service: str, unit: str) -> dict[str, Home]:
        search = self.search(service, unit)
        near = search.nearest(self.doors(service).values(), self.places)
        sites = [self.spots[name] for name in self.sites(service)]
        tree = shapely.STRtree(sites)

        def told(mm: int) -> int:
            return mm if unit == "mm" else search.streets.ms(mm)

        return {
            name: Home(
                persons=n,
                value=near.get(name),
                leg=told(self.places[name].access) if name in near else 0,
                apart=told(WITHIN_MM),
                line=math.floor(
                    self.spots[name].distance(sites[tree.nearest(self.spots[name])]) * 1000 + 0.5
                ),
                line_apart=WITHIN_MM,
            )
            for name, n in self.persons.items()
        }

    @cache  # noqa: B019
    def pairs(self, service: str, unit: str, limit: int) -> figures.Pairs:
        found = self.search(service, unit).pairs(self.doors(service), self.places, limit)
        return {name: found.get(name, {}) for name in self.persons}

    def lines(self, service: str, limit: int) -> figures.Pairs:
        found: dict[str, dict[str, int]] = {}
        sites = [(site, self.spots[site]) for site in self.sites(service)]
        for name, spot in self.spots.items():
            far = {site: math.floor(spot.distance(p) * 1000 + 0.5) for site, p in sites}
            found[name] = {site: mm for site, mm in far.items() if mm <= limit}
        return found

    @cache  # noqa: B019
    def seats(self, service: str, rule: str) -> tuple[dict[str, int], ...]:
        """Who has a seat at the strict end, as computed, and at the loose end, by home.

        At the strict end those who have one look again; at the loose end they keep theirs.
        """
        limits, unit = SERVICES[service].rules[rule], unit_of(rule)
        homes, capacity = self.homes(service, unit), self.sites(service)
        reached = {name: figures.ends(home, limits) for name, home in homes.items()}
        beyond = max(home.leg + home.apart for home in homes.values())
        every = self.pairs(service, unit, limits.high + beyond)

        def most(of: dict[str, int], end: int, shift: dict[str, int], keep=None) -> dict[str, int]:
            people = {name: of.get(name, 0) * reached[name][end] for name in homes}
            near = {
                name: {s: v for s, v in every[name].items() if v + shift[name] <= limits[end]}
                for name in homes
            }
            return seated(people, capacity, near, keep)

        persons = {name: home.persons for name, home in homes.items()}
        still = dict.fromkeys(homes, 0)
        covered = most(persons, 1, still)
        farther = {name: home.apart + home.leg * 2 // 5 for name, home in homes.items()}
        nearer = {name: -home.apart - home.leg for name, home in homes.items()}
        return most(covered, 0, farther), covered, most(persons, 2, nearer, covered)


@pytest.fixture(scope="module")
def raw(test_data: Path) -> Raw:
    folder = test_data / "porto_alegre"
    with (folder / "poa_hexgrid.csv").open(encoding="utf-8-sig") as file:
        hexagons = {row["id"]: row for row in csv.DictReader(file)}
    walks = Walks(str(folder / "poa_osm.pbf"), metres_per_hour=3600, min_km=2, epsg=EPSG)
    return Raw(hexagons, walks)


def rows(run: Finished, name: str, **keys: str) -> pd.DataFrame:
    """Rows of a published table, zones outside every zone called ""."""
    table = run.table(name)
    for key, value in keys.items():
        table = table[table[key] == value]
    return table.assign(zone_id=table["zone_id"].fillna("")) if "zone_id" in table else table


def test_people_and_zones(raw: Raw, porto_alegre: Finished) -> None:
    for zoning in ZONINGS:
        shown = rows(porto_alegre, "people", zoning=zoning).groupby("zone_id")["persons"].sum()
        mine: dict[str, int] = {}
        for name, n in raw.persons.items():
            mine[raw.zone[zoning][name]] = mine.get(raw.zone[zoning][name], 0) + n
        assert shown[shown > 0].to_dict() == {z: n for z, n in mine.items() if n}
        assert sum(mine.values()) == 812_935
    assert "" not in raw.zone["district"].values()
    assert sum(n for h, n in raw.persons.items() if not raw.zone["quarter"][h]) > 20_000


@pytest.mark.parametrize(("service", "rule"), PAIRS)
def test_coverage(raw: Raw, porto_alegre: Finished, service: str, rule: str) -> None:
    limits = SERVICES[service].rules[rule]
    homes = raw.homes(service, unit_of(rule))
    seats = raw.seats(service, rule) if service == SEATED else None
    table = rows(porto_alegre, "coverage", service=service, rule_id=rule, plan="today")
    table = table[table["settlement"] == "urban"]
    whole = dict.fromkeys(raw.persons, "every")
    for zoning, zone in raw.zone.items():
        here = table[table["zoning"] == zoning].set_index("zone_id")
        mine = figures.coverage(homes, zone, limits, seats)
        shown = here[here["level"] == "zone"]
        assert set(shown.index) == set(mine)
        summed: Counter[str] = Counter()
        for z, figure in mine.items():
            figure = {k: n for k, n in figure.items() if k != "covered_straight" or limits.radius}
            assert shown.loc[z, list(figure)].to_dict() == figure, (zoning, z)
            summed.update(figure)
        region = here[here["level"] == "region"].iloc[0]
        assert region[list(summed)].to_dict() == dict(summed)
    if service == SEATED:
        (found,) = figures.coverage(homes, whole, limits, seats).values()
        assert found["no_seat"] > 100_000
        assert found["covered_low"] < found["covered"] < found["covered_high"]


@pytest.mark.parametrize(("service", "rule"), JUDGED)
def test_gaps(raw: Raw, porto_alegre: Finished, service: str, rule: str) -> None:
    homes, unit = raw.homes(service, unit_of(rule)), unit_of(rule)
    streets = raw.search(service, unit).streets
    mine = figures.gaps(
        homes,
        raw.zone[FIRST],
        SERVICES[service].rules[rule],
        raw.spots,
        link_m=LINK_M,
        crow={n: h.line if unit == "mm" else streets.ms(h.line) for n, h in homes.items()},
    )
    table = rows(porto_alegre, "gaps", service=service, rule_id=rule)
    told, per = ("nearest_m", 1000) if unit == "mm" else ("nearest_min", 60_000)
    shown = Counter(
        figures.Gap(row.zone_id, row.persons, row.missing_road_persons, row.n_points,
                    round(getattr(row, told) * per))
        for row in table.itertuples()
    )  # fmt: skip
    assert shown == mine
    assert set(table["zoning"]) == {FIRST}
    assert (
        table["missing_road_persons"] + table["missing_facility_persons"] == table["persons"]
    ).all()


@pytest.mark.parametrize(("service", "rule"), PAIRS)
def test_what_each_closure_loses(raw: Raw, porto_alegre: Finished, service: str, rule: str) -> None:
    limits = SERVICES[service].rules[rule]
    table = rows(porto_alegre, "losses", service=service, rule_id=rule).set_index("site_id")
    mine = figures.losses(
        raw.homes(service, unit_of(rule)),
        raw.zone[FIRST],
        limits,
        raw.sites(service),
        raw.pairs(service, unit_of(rule), limits.judged),
        raw.lines(service, limits.judged) if limits.radius else {},
    )
    if (service, rule) not in JUDGED:
        mine = dict.fromkeys(mine, figures.Loss(0, 0))
    shown = {
        row.Index: figures.Loss(row.covered_persons, row.lost_persons) for row in table.itertuples()
    }
    assert shown == mine
    ranked = sorted(mine, key=lambda site: (-mine[site].lost, site))
    assert table.sort_values("rank").index.tolist() == ranked


@cache
def catchments(raw: Raw, service: str) -> tuple[figures.Catchment, figures.Catchment]:
    """2SFCA and E2SFCA."""
    unit, end = SERVICES[service].catchment or ("", 0)
    homes, pairs = raw.homes(service, unit), raw.pairs(service, unit, end)
    thirds = [(end * (k + 1) // 3, weight) for k, weight in enumerate(WEIGHTS)]
    plain, three = (
        figures.catchment(homes, pairs, raw.sites(service), bands)
        for bands in ([(end, Fraction(1))], thirds)
    )
    return plain, three


@pytest.mark.parametrize("service", ["school", "care"])
def test_supply_within_reach(raw: Raw, porto_alegre: Finished, service: str) -> None:
    unit, _ = SERVICES[service].catchment or ("", 0)
    homes, supply = raw.homes(service, unit), raw.sites(service)
    zones = rows(porto_alegre, "accessibility", service=service)
    sites = rows(porto_alegre, "accessibility_sites", service=service).set_index("site_id")
    assert set(sites.index) == set(supply)
    for column, found in zip(("2sfca", "e2sfca"), catchments(raw, service), strict=True):
        for site, each in found.sites.items():
            if each is None:
                assert math.isnan(sites.loc[site, f"per_1000_{column}"])
            else:
                assert sites.loc[site, f"per_1000_{column}"] == pytest.approx(float(each), rel=1e-9)
            if column == "2sfca":
                assert sites.loc[site, "demand_persons"] == found.persons[site]
        for zoning, zone in raw.zone.items():
            shown = zones[(zones["zoning"] == zoning) & (zones["level"] == "zone")]
            shown = shown.set_index("zone_id")
            mine = figures.mean_by_zone(homes, zone, found.homes)
            for z, (persons, mean) in mine.items():
                row = shown.loc[z]
                assert row["persons"] - row["not_assessed"] == persons
                assert row[f"per_1000_{column}"] == pytest.approx(float(mean), rel=1e-9)
            assert shown.loc[sorted(set(shown.index) - set(mine)), "persons"].sum() == 0
            region = zones[(zones["zoning"] == zoning) & (zones["level"] == "region")].iloc[0]
            assert region["supply"] == sum(supply.values())
            assert region["unreached_supply"] == found.unreached
            kept = sum(homes[n].persons * x for n, x in found.homes.items())
            assert kept == 1000 * (sum(supply.values()) - found.unreached)


def test_equity(raw: Raw, porto_alegre: Finished) -> None:
    mine: dict[tuple[str, str, str, str], dict[str, tuple[int, Fraction]]] = {}
    for zoning, zone in raw.zone.items():
        for service, rule in JUDGED:
            found = figures.coverage(
                raw.homes(service, unit_of(rule)), zone, SERVICES[service].rules[rule],
                raw.seats(service, rule) if service == SEATED else None,
            )  # fmt: skip
            mine["covered_share_assessed", service, rule, zoning] = {
                z: (judged, Fraction(row["covered"] / judged))  # a share is published as a double
                for z, row in found.items()
                if (judged := row["persons"] - row["not_assessed"])
            }
        for service, asked in SERVICES.items():
            homes = raw.homes(service, "ms")
            value = {n: h.value for n, h in homes.items() if (h.value or 0) <= CUTOFF_MS}
            value = {n: v for n, v in value.items() if v is not None}
            mine["mean_time_min", service, "", zoning] = figures.mean_by_zone(homes, zone, value)
            if asked.catchment:
                for name, found in zip(
                    ("per_1000_2sfca", "per_1000_e2sfca"), catchments(raw, service), strict=True
                ):
                    mine[name, service, "", zoning] = figures.mean_by_zone(homes, zone, found.homes)
    table = rows(porto_alegre, "equity").fillna({"rule_id": "", "ratio_of": ""})
    table = table.set_index(["figure", "service", "rule_id", "zoning"])
    assert set(table.index) == set(mine)
    for key, by_zone in mine.items():
        groups = [group for z, group in by_zone.items() if z]
        row = table.loc[key]
        assert row["zones"] == len(groups)
        assert row["persons"] == sum(n for n, _ in groups)
        assert row["left_out_persons"] == 812_935 - row["persons"]
        of, top, bottom = ("palma", 1, 4) if len(groups) >= 10 else ("s80_s20", 2, 2)
        assert row["ratio_of"] == of
        exact = key[0] == "covered_share_assessed"
        gini = figures.gini(groups)
        ratio = figures.ratio(groups, Fraction(top, 10), Fraction(bottom, 10))
        assert gini is not None
        assert ratio is not None
        if exact:
            assert (row["gini"], row["ratio"]) == (float(gini), float(ratio)), key
        assert row["gini"] == pytest.approx(float(gini), rel=1e-9), key
        assert row["ratio"] == pytest.approx(float(ratio), rel=1e-9), key


def test_jobs_per_thousand_residents(raw: Raw, porto_alegre: Finished) -> None:
    jobs = raw.sites("work")
    table = rows(porto_alegre, "provision", service="work", settlement="urban", level="zone")
    for zoning, zone in raw.zone.items():
        mine = figures.provision(
            raw.persons, zone, {site: zone[site] for site in jobs}, jobs, Fraction(60)
        )
        shown = table[table["zoning"] == zoning].set_index("zone_id")
        assert set(shown.index) == {z for z, row in mine.items() if row.persons or row.sites}
        for z, row in shown.iterrows():
            want = mine[z]
            assert (row["persons"], row["sites"], row["capacity"]) == want[:3]
            if want.per_1000 is None:
                assert pd.isna(row["per_1000"])
                assert pd.isna(row["short"])
            else:
                assert row["per_1000"] == float(want.per_1000)
                assert row["short"] == want.short
                assert row["verdict"] == ("fail" if want.short else "pass")


@pytest.mark.parametrize("service", SERVICES)
def test_times_to_the_nearest(raw: Raw, porto_alegre: Finished, service: str) -> None:
    homes = raw.homes(service, "ms")
    people, total, p95, longest = figures.times(homes, raw.zone[FIRST], CUTOFF_MS)
    for row in rows(porto_alegre, "comparison", service=service, plan="today").itertuples():
        assert row.reached_persons == people
        assert row.mean_time_min == pytest.approx(total / people / 60_000, rel=1e-9)
        assert row.p95_time_min * 60_000 == pytest.approx(p95, abs=1e-6)
        assert row.max_time_min * 60_000 == pytest.approx(longest, abs=1e-6)

"""A run held against the second program: a function a published table, all zones and zonings."""

from __future__ import annotations

import math
from collections import Counter
from fractions import Fraction

import figures
import pandas as pd
import pytest
from finished_run import Finished
from malta_places import door
from town import Town, unit_of

CUTOFF_MS = 120 * 60_000  # network.cutoff_min as shipped
LINK_M = 200
LEFT_OUT_OF = 20  # no more than one in twenty may be left out: judge.max_not_assessed
# Of mean times by car, and of what is made of them: a few homes on Malta are equally near to two
# streets drawn on each other, with other directions or speeds. On which of them they are is a
# choice, and the programs choose otherwise.
DRAWN_TWICE = 2e-5
JUDGES_NO_TOWNSPEOPLE = ("clinic.walk_30min",)


def rows(run: Finished, name: str, **keys: str) -> pd.DataFrame:
    """Rows of a published table; outside every zone is ""."""
    table = run.table(name)
    for key, value in keys.items():
        table = table[table[key] == value]
    return table.assign(zone_id=table["zone_id"].fillna("")) if "zone_id" in table else table


def people(town: Town, run: Finished) -> None:
    for zoning, zone in town.zone.items():
        shown = rows(run, "people", zoning=zoning).groupby("zone_id")["persons"].sum()
        mine: Counter[str] = Counter()
        for home, n in town.persons.items():
            mine[zone[home]] += n
        assert shown[shown > 0].to_dict() == {z: n for z, n in mine.items() if n}


def coverage(town: Town, run: Finished, service: str, rule: str) -> None:
    """All eight figures of every zone, and of the region."""
    table = rows(run, "coverage", service=service, rule_id=rule, plan="today", settlement="urban")
    radius = town.services[service].rules[rule].radius
    assert set(table["zoning"]) == set(town.zone)
    for zoning in town.zone:
        here = table[table["zoning"] == zoning].set_index("zone_id")
        zones = here[here["level"] == "zone"]
        mine = town.coverage(zoning, service, rule)
        assert set(zones.index) == set(mine)
        summed: Counter[str] = Counter()
        for zone, every in mine.items():
            row = {k: n for k, n in every.items() if radius or k != "covered_straight"}
            assert zones.loc[zone, list(row)].to_dict() == row, (zoning, zone)
            summed.update(row)
        (region,) = here.loc[here["level"] == "region", list(summed)].to_dict("records")
        assert region == dict(summed)
        assert here["covered_straight"].notna().all() == radius


def gaps(town: Town, run: Finished, service: str, rule: str) -> None:
    """Every place left out: persons, homes, missing road or facility, and how far it is."""
    unit = unit_of(rule)
    homes = town.homes(service, unit)
    crow = None
    if unit == "mm" or not town.services[service].by_car:
        crow = {name: town.told(service, unit, home.line) for name, home in homes.items()}
    limits = town.services[service].rules[rule]
    zone = town.zone[town.first]
    ends = town.seats(service, rule)
    has = None if ends is None else ends[1]
    mine = figures.gaps(homes, zone, limits, town.spots, link_m=LINK_M, crow=crow, seated=has)
    if rule in JUDGES_NO_TOWNSPEOPLE:
        mine = Counter()
    table = rows(run, "gaps", service=service, rule_id=rule)
    told, per = ("nearest_m", 1000) if unit == "mm" else ("nearest_min", 60_000)
    shown = Counter(
        figures.Gap(
            row.zone_id,
            row.persons,
            None if pd.isna(row.missing_road_persons) else int(row.missing_road_persons),
            row.n_points,
            round(getattr(row, told) * per),
            row.no_seat_persons,
        )
        for row in table.itertuples()
    )
    assert shown == mine
    known = table[table["missing_road_persons"].notna()]
    parts = ["no_seat_persons", "missing_road_persons", "missing_facility_persons"]
    assert (known[parts].sum(axis=1) == known["persons"]).all()
    assert (table["why"] == "no_seat").eq(table["no_seat_persons"] > 0).all()
    assert set(table["zoning"]) <= {town.first}


def losses(town: Town, run: Finished, service: str, rule: str) -> None:
    """Every facility shut alone, and their order."""
    limits, unit = town.services[service].rules[rule], unit_of(rule)
    mine = figures.losses(
        town.homes(service, unit),
        town.zone[town.first],
        limits,
        town.shapes(service),
        town.pairs(service, unit, limits.judged),
        town.lines(service, limits.judged) if limits.radius else {},
    )
    if rule in JUDGES_NO_TOWNSPEOPLE:
        mine = dict.fromkeys(mine, figures.Loss(0, 0))
    table = rows(run, "losses", service=service, rule_id=rule).set_index("site_id")
    if (ends := town.seats(service, rule)) is not None:
        # which of equally good sites has somebody is a choice: all together and by site at most
        seated = table["covered_persons"]
        inside = sum(n for home, n in ends[1].items() if town.zone[town.first][home])
        assert seated.sum() == inside
        assert (seated <= pd.Series(town.supply(service)).reindex(seated.index)).all()
        lost = town.lost_seats(service, rule)
        mine = {site: figures.Loss(seated[site], n) for site, n in lost.items()}
    shown = {
        row.Index: figures.Loss(row.covered_persons, row.lost_persons) for row in table.itertuples()
    }
    assert shown == mine
    order = sorted(mine, key=lambda site: (-mine[site].lost, site))
    assert table.sort_values("rank").index.tolist() == order


def supply(town: Town, run: Finished, service: str) -> None:
    """2SFCA and E2SFCA by site and by zone; what supply nobody has."""
    asked = town.services[service].catchment
    assert asked is not None
    homes, stock = town.homes(service, asked[0]), town.supply(service)
    zones = rows(run, "accessibility", service=service)
    sites = rows(run, "accessibility_sites", service=service).set_index("site_id")
    assert sites["supply"].to_dict() == stock
    for name, found in town.catchments(service).items():
        column = f"per_1000_{name}"
        for site, each in found.sites.items():
            shown = sites.loc[site, column]
            assert sites.loc[site, "reached"] == (each is not None)
            assert math.isnan(shown) if each is None else near(shown, each)
            assert name != "2sfca" or sites.loc[site, "demand_persons"] == found.persons[site]
        kept = sum(homes[home].persons * x for home, x in found.homes.items())
        assert kept == 1000 * (sum(stock.values()) - found.unreached)
        for zoning, zone in town.zone.items():
            here = zones[zones["zoning"] == zoning].set_index("zone_id")
            by_zone = here[here["level"] == "zone"]
            mine = figures.mean_by_zone(homes, zone, found.homes)
            for z, (persons, mean) in mine.items():
                assert by_zone.loc[z, "persons"] - by_zone.loc[z, "not_assessed"] == persons
                assert near(by_zone.loc[z, column], mean), (zoning, z)
            others = by_zone[~by_zone.index.isin(set(mine))]
            assert (others["persons"] == others["not_assessed"]).all()
            assert others[column].isna().all()
            (region,) = here[here["level"] == "region"].to_dict("records")
            assert region["supply"] == sum(stock.values())
            assert region["unreached_supply"] == found.unreached
            assert near(region[column], kept / sum(n for n, _ in mine.values()))


def near(shown: float, mine: Fraction) -> bool:
    return bool(shown == pytest.approx(float(mine), rel=1e-9))


def equity(town: Town, run: Finished) -> None:
    """Gini and the ratio of every figure between zones: of shares exactly."""
    everybody = sum(town.persons.values())
    mine: dict[tuple[str, ...], dict[str, tuple[int, Fraction]]] = {}
    for zoning, zone in town.zone.items():
        for service, asked in town.services.items():
            for rule in set(asked.rules) - set(JUDGES_NO_TOWNSPEOPLE):
                mine["covered_share_assessed", service, rule, zoning] = {
                    z: (judged, Fraction(row["covered"] / judged))  # published as a double
                    for z, row in town.coverage(zoning, service, rule).items()
                    if (judged := row["persons"] - row["not_assessed"])
                }
            homes = town.homes(service, "ms")
            value = {
                name: home.value
                for name, home in homes.items()
                if home.value is not None and home.value <= CUTOFF_MS
            }
            mine["mean_time_min", service, "", zoning] = figures.mean_by_zone(homes, zone, value)
            for name, found in town.catchments(service).items() if asked.catchment else ():
                amount = figures.mean_by_zone(homes, zone, found.homes)
                mine[f"per_1000_{name}", service, "", zoning] = amount
    table = rows(run, "equity").astype({"why": object})
    table = table.fillna({"rule_id": "", "ratio_of": "", "why": ""})
    table = table.set_index(["figure", "service", "rule_id", "zoning"])
    assert set(table.index) == set(mine)
    for key, by_zone in mine.items():
        whole: Counter[str] = Counter()
        for home, n in town.persons.items():
            whole[town.zone[key[3]][home]] += n
        groups = [
            group
            for z, group in by_zone.items()
            if z and (whole[z] - group[0]) * LEFT_OUT_OF <= whole[z]
        ]
        row = table.loc[key]
        told = row[["zones", "persons", "left_out_persons"]].tolist()
        inside = sum(n for n, _ in groups)
        assert told == [len(groups), inside, everybody - inside], key
        of, top, bottom = "", Fraction(0), Fraction(0)
        silent = (everybody - inside) * LEFT_OUT_OF > everybody
        assert row["why"] == ("left_out" if silent else "")
        groups = [] if silent else groups
        if len(groups) >= 5:
            of, top, bottom = "s80_s20", Fraction(1, 5), Fraction(1, 5)
        if len(groups) >= 10:
            of, top, bottom = "palma", Fraction(1, 10), Fraction(4, 10)
        assert row["ratio_of"] == of, key
        wanted = {"gini": figures.gini(groups) if len(groups) > 1 else None}
        wanted["ratio"] = figures.ratio(groups, top, bottom) if of else None
        for name, number in wanted.items():
            if number is None:
                assert math.isnan(row[name]), (key, name)
            elif key[0] == "covered_share_assessed":
                assert row[name] == float(number), (key, name)
            else:
                by_car = key[0] == "mean_time_min" and town.services[key[1]].by_car
                off = {"abs": DRAWN_TWICE, "rel": DRAWN_TWICE} if by_car else {"rel": 1e-9}
                assert row[name] == pytest.approx(float(number), **off), (key, name)


def provision(town: Town, run: Finished, service: str) -> None:
    """Capacity per thousand residents of every zone, and what is short of the norm."""
    norm, stock = town.services[service].norm, town.supply(service)
    assert norm is not None
    table = rows(run, "provision", service=service, settlement="urban", level="zone")
    for zoning, zone in town.zone.items():
        spots = {site: door(shape) for site, shape in town.shapes(service).items()}
        where = {site: town.site_zone[zoning](spot) for site, spot in spots.items()}
        mine = figures.provision(town.persons, zone, where, stock, norm)
        shown = table[table["zoning"] == zoning].set_index("zone_id")
        assert set(shown.index) == {z for z, row in mine.items() if row.persons or row.sites}
        for z, row in shown.iterrows():
            want = mine[str(z)]
            assert (row["persons"], row["sites"], row["capacity"]) == want[:3]
            if want.per_1000 is None:
                assert pd.isna(row["per_1000"])
                assert pd.isna(row["short"])
                assert (row["verdict"], row["why"]) == ("not_judged", "no_persons")
            else:
                assert row["per_1000"] == float(want.per_1000)
                assert row["short"] == want.short
                # the norms shipped are there to be known
                assert (row["verdict"], row["why"]) == ("not_judged", "to_know")


def times(town: Town, run: Finished, service: str) -> None:
    """Persons reached, mean, 95th percentile and longest time."""
    off = DRAWN_TWICE if town.services[service].by_car else 1e-9
    homes = town.homes(service, "ms")
    persons, total, p95, longest = figures.times(homes, town.zone[town.first], CUTOFF_MS)
    for row in rows(run, "comparison", service=service, plan="today").itertuples():
        assert row.reached_persons == persons
        assert row.mean_time_min == pytest.approx(total / persons / 60_000, rel=off)
        assert row.p95_time_min == pytest.approx(p95 / 60_000, rel=1e-12)
        assert row.max_time_min == pytest.approx(longest / 60_000, rel=1e-12)

"""Mergers of a made-up county's schools, counted by the package itself: what the page is given."""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import pandas as pd

from siting import maps, merger, rules
from siting.merger import Costs
from siting.travel_time import TravelTimes

YEARS = (2025, 2026, 2027, 2028)
SERVICES = {"primary": (1, 6), "senior": (10, 12)}
BOOK = rules.load()
COSTS = Costs(person_min_yuan=20, bus_yuan=1_500, board_yuan=3_000, seat_yuan=20_000)
MINUTE = 60_000
NO_DECISIONS = pd.DataFrame(columns=["unit_id", "year", "to_site", "way"])
NO_STEPS = pd.DataFrame(columns=list(merger.STEPS))


@dataclass(frozen=True, eq=False)
class Mergers:
    """The arguments of the page."""

    programmes: list[maps.ShownProgramme]
    schools: pd.DataFrame
    units: pd.DataFrame
    options: pd.DataFrame
    refusals: pd.DataFrame
    homes: gpd.GeoDataFrame
    money: pd.DataFrame
    pareto: pd.DataFrame

    def page(self, atlas: maps.Atlas) -> str:
        """Return the page."""
        names = ("schools", "units", "options", "refusals", "homes", "money", "pareto")
        return maps.mergers_page(atlas, self.programmes, **{n: getattr(self, n) for n in names})


def times_of(minutes: np.ndarray, homes: list[str], sites: list[str], mode: str) -> TravelTimes:
    """Every pair within two hours, from a matrix of minutes; sites in rising order."""
    ms = (minutes * MINUTE).astype(np.int64)
    order = np.argsort(ms, axis=1, kind="stable")
    near = np.take_along_axis(ms, order, axis=1) <= 120 * MINUTE
    n, s = ms.shape
    return TravelTimes(
        mode=mode,
        impedance="time",
        cutoff=120 * MINUTE,
        k=0,
        demand_id=np.array(homes, dtype=object),
        site_id=np.array(sites, dtype=object),
        indptr=np.r_[0, np.cumsum(near.sum(axis=1))].astype(np.int64),
        site=order[near].astype(np.int32),
        value=np.take_along_axis(ms, order, axis=1)[near].astype(np.int32),
        access=np.zeros(n, np.int64),
        attached=np.ones(n, dtype=bool),
        component=np.zeros(n, np.int32),
        site_components=((0,),) * s,
        reach_class=np.zeros(n, np.int32),
        reachable=np.ones((1, s), dtype=bool),
    )


def make(zones: gpd.GeoDataFrame, sites: gpd.GeoDataFrame) -> Mergers:
    """Return the mergers of the county of ``pages_world``: its primaries and three seniors."""
    rng = np.random.default_rng(11)
    primaries = sites[(sites["status"] == "existing") & sites["site_id"].str.startswith("p")]
    primaries = primaries.sort_values("site_id").iloc[::2].reset_index(drop=True)
    here = list(primaries["site_id"])
    seniors = here[:3]
    schools = pd.DataFrame(
        {
            "site_id": here,
            "name": primaries["name"],
            "level": ["county_town" if s.startswith("pe00") else
                      "township_seat" if s.endswith("0") else "village" for s in here],
            "boarders": pd.array(rng.integers(0, 20, len(here)), dtype="Int64"),
            "beds": pd.array(rng.integers(10, 60, len(here)), dtype="Int64"),
            "classrooms": pd.array(rng.integers(6, 24, len(here)), dtype="Int64"),
            "running_cost_yuan": pd.array(rng.integers(3, 20, len(here)) * 100_000, dtype="Int64"),
        }
    )  # fmt: skip
    schools.loc[schools.index[-1], ["beds", "classrooms"]] = pd.NA
    homes = _homes(rng, primaries, zones)
    ids = list(homes["demand_id"])
    away = np.hypot(
        homes.geometry.x.to_numpy()[:, None] - primaries.geometry.x.to_numpy()[None, :],
        homes.geometry.y.to_numpy()[:, None] - primaries.geometry.y.to_numpy()[None, :],
    )
    walk, bus = np.rint(away * 1.3 / 67), np.rint(away * 1.4 / 500 + 5)
    rows = [
        (home, year, grade, int(rng.integers(0, 3)))
        for home in ids
        for year in YEARS
        for grade in (*range(1, 7), *range(10, 13))
    ]
    children = pd.DataFrame(rows, columns=["demand_id", "year", "grade", "persons"])
    taught = [(s, "primary", 1, 6, 500 if s.startswith("pe00") else 130) for s in here]
    taught += [(s, "senior", 10, 12, 1500) for s in [*seniors, here[-1]]]
    teaching = pd.DataFrame(
        taught, columns=["site_id", "service", "grade_from", "grade_to", "seats"]
    )
    teaching["seats"] = teaching["seats"].astype("Int64")
    teaching.loc[teaching["site_id"] == here[4], "seats"] = pd.NA
    times = {m: times_of(v, ids, here, m) for m, v in (("walk", walk), ("bus", bus))}
    units = merger.units(teaching)
    everyone, options, refusals, settings = [], [], [], []
    towns = pd.DataFrame({"to_site": seniors, "zone_id": "T00", "journey_min": 12.0})
    zone_of = pd.Series("county", index=ids)
    eligible = teaching[["site_id", "service"]].assign(zone_id="county")
    words = {"rules": BOOK, "teaching": teaching, "zone_of": zone_of, "eligible": eligible}
    enrolled = pd.DataFrame(
        [(here[-2], grade, YEARS[0], 30) for grade in range(1, 7)],
        columns=["site_id", "grade", "year", "pupils"],
    )
    for service in SERVICES:
        located = merger.pupils(
            children, times["walk"], service=service, teaching=teaching, zone_of=zone_of,
            eligible=eligible, enrolment=enrolled if service == "primary" else None,
        ).table  # fmt: skip
        everyone.append(located)
        asked = merger.Setting(
            service=service, units=units, times=times, schools=schools, towns=towns, **words
        )
        settings.append(asked)
        mine = units[units["service"] == service]
        offered = [
            (row["unit_id"], to)
            for row in mine.to_dict("records")
            for to in _near(row["site_id"], service, teaching, primaries, 4)
        ]
        offers = pd.DataFrame(offered, columns=["unit_id", "to_site"])
        found = merger.options(located, offers, asked)
        options.append(found.table)
        refusals.append(found.refusals)
    table = pd.concat(options, ignore_index=True)
    refused = pd.concat(refusals, ignore_index=True)
    pupils = pd.concat(everyone, ignore_index=True)
    running = merger.running_costs(schools, teaching, pupils, costs=COSTS)
    steps = pd.DataFrame(
        [(2027, seniors[0], "primary", "expand", 200, 2026, 200 * 20_000)],
        columns=list(merger.STEPS),
    )
    home_zone = homes.set_index("demand_id")["zone_id"]

    def shown(
        key: str, decisions: pd.DataFrame, built: pd.DataFrame, **more
    ) -> maps.ShownProgramme:
        built = pd.concat([merger.closings(decisions, units), built], ignore_index=True)
        at = pd.concat(
            [
                merger.attending(decisions, part, asked)
                for asked, part in zip(settings, everyone, strict=True)
            ],
            ignore_index=True,
        )
        told = merger.outcome(
            at, built, years=YEARS, teaching=teaching, running=running, costs=COSTS, rules=BOOK,
            mode="walk", beds=schools.set_index("site_id")["beds"],
            boarders=schools.set_index("site_id")["boarders"],
        )  # fmt: skip
        zone = pd.Series(["T00" if s.startswith("pe00") else "T01" for s in here], index=here)
        return maps.ShownProgramme(
            key, told, at, decisions, built,
            linkage=merger.linkage(at, built, rules=BOOK, zone_of_site=zone),
            fairness=merger.fairness(at, year=YEARS[-1], zone_of=home_zone), **more,
        )  # fmt: skip

    best = _decide(table, units, here, [*seniors, here[4]])
    plan = _as_worded(units, seniors, here[-1])
    programmes = [
        shown("keep_all", NO_DECISIONS, NO_STEPS, money=900_000_000, person_min=900_000.0),
        shown("worded", plan, NO_STEPS, money=880_000_000, person_min=1_400_000.0,
              unmet=pd.DataFrame({"rule_id": "plan.boarding_juniors", "why": "no_receiver",
                                  "unit_id": units["unit_id"].head(1)})),
        shown("optimised", best, steps, money=850_000_000, person_min=950_000.0,
              proof=maps.Proof("time_limit", 61_234_567, 60_111_222, 0.083, False)),
    ]  # fmt: skip
    pareto = pd.DataFrame(
        {
            "point": [0, 1, 2, 3],
            "money": [800_000_000, 830_000_000, 850_000_000, 900_000_000],
            "person_min": [1_300_000.0, 1_100_000.0, 950_000.0, 900_000.0],
            "person_min_bound": [1_300_000.0, 1_060_000.0, 940_000.0, 900_000.0],
            "gap": [0.0, 0.1, 0.025, 0.0],
            "status": ["optimal", "time_limit", "time_limit", "optimal"],
        }
    )
    money = pd.concat(
        [
            table[["option_id"]].assign(
                item="bus", quantity=table["bus_persons"], yuan=table["bus_persons"] * 1_500
            ),
            table[["option_id"]].assign(item="running:x", quantity=1, yuan=-400_000),
            table.loc[table["board_persons"] > 0, ["option_id"]].assign(
                item="board", quantity=table["board_persons"], yuan=pd.NA
            ),
        ]
    )
    return Mergers(programmes, schools, units, table, refused, homes, money, pareto)


def _homes(
    rng: np.random.Generator, primaries: gpd.GeoDataFrame, zones: gpd.GeoDataFrame
) -> gpd.GeoDataFrame:
    """Return five homes around each school."""
    x = np.repeat(primaries.geometry.x.to_numpy(), 5) + rng.normal(0, 900, 5 * len(primaries))
    y = np.repeat(primaries.geometry.y.to_numpy(), 5) + rng.normal(0, 900, 5 * len(primaries))
    homes = gpd.GeoDataFrame(
        {"demand_id": [f"h{n:04d}" for n in range(len(x))]},
        geometry=gpd.points_from_xy(x, y),
        crs=zones.crs,
    )
    at = gpd.sjoin(homes, zones[["zone_id", "name", "geometry"]], how="left", predicate="within")
    at = at[~at.index.duplicated()]
    return homes.assign(zone_id=at["zone_id"].fillna(""), zone_name=at["name"].fillna(""))


def _near(
    site: str, service: str, teaching: pd.DataFrame, primaries: gpd.GeoDataFrame, n: int
) -> list[str]:
    where = primaries.set_index("site_id").geometry
    others = teaching.loc[
        (teaching["service"] == service) & (teaching["site_id"] != site), "site_id"
    ]
    return list(where[others].distance(where[site]).sort_values(kind="stable").index[:n])


def _decide(
    options: pd.DataFrame, units: pd.DataFrame, sites: list[str], stay: list[str]
) -> pd.DataFrame:
    """Return some allowed mergers: every third school, the upper grades alone at every sixth."""
    last = options[(options["year"] == YEARS[1])]
    lasting = options[options["year"] >= YEARS[1]].groupby(["unit_id", "to_site", "way"])["status"]
    fine = lasting.agg(lambda s: (s == "allowed").all())
    movable = set(sites[5::3]) - set(stay)
    rows = []
    for n, site in enumerate(sorted(movable)):
        mine = units[(units["site_id"] == site) & (units["service"] == "primary")]
        for unit in mine.sort_values("grade_from", ascending=False).to_dict("records"):
            if unit["grade_from"] == 1 and n % 2:
                continue
            offered = last[(last["unit_id"] == unit["unit_id"]) & ~last["to_site"].isin(movable)]
            way = "boards" if unit["grade_from"] == 4 and n % 3 == 0 else "commutes"
            offered = offered[(offered["way"] == way) & (offered["persons"] > 0)]
            for row in offered.sort_values("person_min_after").to_dict("records"):
                if fine[(row["unit_id"], row["to_site"], row["way"])]:
                    rows.append((row["unit_id"], YEARS[1 + n % 3], row["to_site"], way))
                    break
            else:
                break
    return pd.DataFrame(rows, columns=["unit_id", "year", "to_site", "way"])


def _as_worded(units: pd.DataFrame, towns: list[str], senior: str) -> pd.DataFrame:
    """Return what a plan might say: four villages' families move to town, a senior school moves."""
    rural = units[(units["service"] == "primary") & ~units["site_id"].str.startswith("pe00")]
    sites = sorted(set(rural["site_id"]))[6:10]
    rows = [
        (unit, YEARS[1 + n % 3], towns[0], "moves_home", "plan.moved_primary_pupils")
        for n, site in enumerate(sites)
        for unit in rural.loc[rural["site_id"] == site, "unit_id"]
    ]
    moved = units[(units["service"] == "senior") & (units["site_id"] == senior)]
    rows += [(u, 2027, towns[1], "commutes", "plan.seniors_years") for u in moved["unit_id"]]
    return pd.DataFrame(rows, columns=["unit_id", "year", "to_site", "way", "rule_id"])

"""A small made-up county with everything the pages show; the same every time."""

import dataclasses
import functools
from collections.abc import Callable
from functools import cache

import geopandas as gpd
import merger_world
import numpy as np
import pandas as pd
import shapely

from siting import locate, maps, merger, report, rules, text
from siting.coverage import any_of, assess, basket, cover, gaps
from siting.demand import cells as cells_of
from siting.green import (
    PocketParks,
    green_coverage,
    indicators,
    lattice,
    park_per_person,
    pocket_parks,
    targets,
)

CRS = "EPSG:4547"  # CGCS2000 / 3-degree Gauss-Kruger CM 114E
NAMES = [
    "城关镇",
    "新开镇",
    "柏祥镇",
    "张谷英镇",
    "月田镇",
    "毛田镇",
    "渭洞乡",
    "公田镇",
    "甘田乡",
    "筻口镇",
    "中洲乡",
    "步仙镇",
    "杨林街镇",
    "长湖乡",
    "鹿角镇",
    "麻塘镇",
    "荣家湾镇",
    "黄沙街镇",
    "东洞庭湖乡",
    "君山垸乡",
]
SCHOOLS = (
    *("第一", "第二", "第三", "第四", "中心", "实验", "希望", "城南", "城北", "东风", "红旗"),
    *("育才", "新星", "朝阳", "光明", "和平", "建设", "解放", "向阳", "胜利", "团结", "友谊"),
    *("长江", "湘江", "岳麓", "洞庭"),
)
BOOK = rules.load()
MAX_MISSING = BOOK["judge.max_not_assessed"].strict


@dataclasses.dataclass(frozen=True, eq=False)
class World:
    sheet: maps.Sheet
    zones: gpd.GeoDataFrame
    sites: gpd.GeoDataFrame
    offers: pd.DataFrame
    water: gpd.GeoDataFrame
    roads: gpd.GeoDataFrame
    demand: gpd.GeoDataFrame
    coverage: pd.DataFrame
    figures: pd.DataFrame
    baskets: tuple[pd.DataFrame, pd.DataFrame]
    asked: list[maps.ShownBasket]
    gaps: gpd.GeoDataFrame
    losses: pd.DataFrame
    green: pd.DataFrame
    green_cells: gpd.GeoDataFrame
    parks: gpd.GeoDataFrame
    entrances: gpd.GeoDataFrame
    per_person: pd.DataFrame
    pocket: PocketParks
    pocket_places: gpd.GeoDataFrame
    ranking: pd.DataFrame
    receivers: pd.DataFrame
    limits: pd.DataFrame
    candidates: pd.DataFrame
    solution: locate.Solution
    newly: gpd.GeoDataFrame
    judged: int


def region(rng: np.random.Generator, names: list[str]) -> tuple[gpd.GeoDataFrame, gpd.GeoDataFrame]:
    angle = np.linspace(0, 2 * np.pi, 80, endpoint=False)
    radius = 21_000 * (1 + 0.16 * np.sin(2 * angle + 1) + 0.08 * np.sin(5 * angle))
    county = shapely.Polygon(
        np.c_[446_000 + 1.35 * radius * np.cos(angle), 3_225_000 + radius * np.sin(angle)]
    )
    seats: list[shapely.Point] = []
    west, south, east, north = county.bounds
    while len(seats) < len(names):
        point = shapely.Point(rng.uniform(west, east), rng.uniform(south, north))
        if county.buffer(-1500).contains(point) and all(point.distance(s) > 5200 for s in seats):
            seats.append(point)
    seats.sort(key=lambda p: p.distance(county.centroid))
    cells = shapely.get_parts(shapely.voronoi_polygons(shapely.MultiPoint(seats)))
    cells = shapely.intersection(cells, county)
    order = [next(i for i, c in enumerate(cells) if c.contains(s)) for s in seats]
    zones = gpd.GeoDataFrame(
        {
            "zoning": "township",
            "zone_id": [f"T{i:02d}" for i in range(len(names))],
            "name": names,
        },
        geometry=list(cells[order]),
        crs=CRS,
    )
    lake = (
        shapely.Point(west + 7000, 3_229_000)
        .buffer(5200)
        .union(shapely.Point(west + 11500, 3_225_500).buffer(3300))
        .intersection(county.buffer(400))
    )
    river = shapely.LineString(
        [
            (east + 500, 3_217_000),
            (455_000, 3_218_500),
            (443_000, 3_221_000),
            (west + 12000, 3_225_000),
        ]
    ).segmentize(900)
    bent = shapely.transform(river, lambda c: c + np.c_[0 * c[:, 0], 700 * np.sin(c[:, 0] / 2300)])
    river = bent.buffer(160)
    water = gpd.GeoDataFrame(
        {"water_id": ["w1", "w2"], "name": ["湖", "江"]}, geometry=[lake, river], crs=CRS
    )
    return zones, water


def road_net(rng: np.random.Generator, zones: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    seats = list(zones.geometry.representative_point())
    rows = []
    for i, seat in enumerate(seats):
        near = sorted(range(len(seats)), key=lambda j: seat.distance(seats[j]))[1:4]
        for rank, j in enumerate(near):
            line = shapely.LineString([seat, seats[j]]).segmentize(500)
            bend = rng.uniform(-0.25, 0.25) * line.length
            steps = np.linspace(0, np.pi, len(line.coords))
            coords = shapely.get_coordinates(line)
            normal = np.array([-(coords[-1] - coords[0])[1], (coords[-1] - coords[0])[0]])
            normal = normal / np.hypot(*normal)
            coords = coords + np.outer(np.sin(steps) * bend, normal)
            kind = "trunk" if i == 0 else ["secondary", "tertiary", "unclassified"][rank]
            rows.append((kind, shapely.LineString(coords)))
        for _ in range(14):
            a = rng.uniform(0, 2 * np.pi)
            r = rng.uniform(600, 2400)
            end = shapely.Point(seat.x + r * np.cos(a), seat.y + r * np.sin(a))
            rows.append(("residential", shapely.LineString([seat, end])))
    return gpd.GeoDataFrame(
        {"highway": [k for k, _ in rows]}, geometry=[g for _, g in rows], crs=CRS
    )


def make(lang: str = "zh", *, rename: Callable[[str], str] = lambda name: name) -> World:
    rng = np.random.default_rng(7)
    zones, water = region(rng, [rename(n) for n in NAMES])
    roads = road_net(rng, zones)
    seats = list(zones.geometry.representative_point())
    points, people, kinds, home = [], [], [], []
    for i, zone in enumerate(zones.geometry):
        for kind, n, spread, size in (
            [("urban", 240, 1500, 420)] if i == 0 else [("township_seat", 26, 500, 140)]
        ) + [("village", 40, 3200, 45)]:
            for x, y in rng.normal(0, spread, (n, 2)):
                spot = shapely.Point(seats[i].x + x, seats[i].y + y)
                if zone.contains(spot):
                    points.append(spot)
                    people.append(int(rng.integers(size // 3, size)))
                    kinds.append(kind)
                    home.append(f"T{i:02d}" if rng.random() > 0.004 else "")
    ids = [f"d{i:05d}" for i in range(len(points))]
    demand = gpd.GeoDataFrame(
        {"demand_id": ids, "population": people, "settlement": kinds, "area_m2": 0.0},
        geometry=points,
        crs=CRS,
    )
    membership = pd.DataFrame({"demand_id": ids, "zoning": "township", "zone_id": home})
    sites, offers = facilities(rng, zones, rename)
    covers, holes, existing = [], [], sites[sites["status"] == "existing"]
    matrices: dict[str, np.ndarray] = {}
    reaches: dict[str, pd.DataFrame] = {}
    for service, rule_id in (("primary", "primary.radius"), ("clinic", "clinic.walk_30min")):
        here = existing[
            existing["site_id"].isin(offers.loc[offers["service"] == service, "site_id"])
        ]
        matrix = shapely.distance(np.array(points)[:, None], here.geometry.to_numpy()[None, :])
        detour = rng.uniform(1.1, 1.6, len(points))[:, None]
        nearest = matrix.argmin(axis=1)
        rule = BOOK[rule_id]
        metres = matrix.min(axis=1)
        factor = 1000 if rule.measure != "time_min" else 1000 * 3.6 / 4.2
        impedance = (metres * detour[:, 0] * factor).astype("int64")
        loose = rng.random(len(points)) < 0.006
        reach = pd.DataFrame(
            {
                "site_id": here["site_id"].to_numpy()[nearest],
                "impedance": np.where(loose, -1, impedance),
                "access": 10_000,
                "state": np.where(loose, "unattached", "reached"),
            },
            index=pd.Index(ids, name="demand_id"),
        )
        told = {
            "rule": rule,
            "islands": np.zeros(len(ids), dtype=bool),
            "speed": BOOK["walk.speed"],
            "straight": pd.Series((metres * 1000).astype("int64"), index=ids),
        }
        covers.append(cover(demand, membership, reach, plan="today", service=service, **told))
        holes.append(
            gaps(
                demand,
                membership,
                reach,
                zoning="township",
                service=service,
                link_m=500,
                crow=told["straight"] if service == "primary" else None,
                **told,
            )
        )
        matrices[service] = metres
        reaches[service] = reach
    coverage = pd.concat(covers, ignore_index=True)
    figures = report.coverage_figures(coverage, max_not_assessed=MAX_MISSING)
    green, cells, parks, entrances = park_world(rng, seats, zones)
    per_person = park_per_person(
        demand, membership, parks, zones, rule=BOOK["green.park_m2_per_person"]
    )
    pocket, pocket_places = pockets(cells, parks, zones)
    ranking, receivers, limits = closures(rng, existing, offers, points, people)
    solution, candidates, newly, judged = choice(sites, demand, matrices["clinic"])
    sheet = maps.Sheet(
        title=rename("洞庭县设施布局评估" if lang == "zh" else "Facilities of Dongting County"),
        region=rename("洞庭县" if lang == "zh" else "Dongting County"),
        lang=lang,
        made_on="2026-11-23",
        version="0.1.0",
        sources=(
            maps.Source("people", "people.gpkg", "2020", "第七次人口普查（虚构）"),
            maps.Source("roads", "roads.gpkg", "2026-05", "© OpenStreetMap contributors, ODbL"),
            maps.Source("primary", "schools.xlsx", "2025-09", "教育局（虚构）"),
            maps.Source("parks", "parks.shp", "2026-01", "园林局（虚构）"),
        ),
        rules=tuple(BOOK.values()),
        made_up=True,
        modes={"primary": "walk", "clinic": "walk"},
        labels={"senior": "高中" if lang == "zh" else "Senior schools"},
    )
    return World(
        sheet,
        zones,
        sites,
        offers,
        water,
        roads,
        demand,
        coverage,
        figures,
        *whole_baskets(demand, membership, reaches, rename, lang),
        gpd.GeoDataFrame(pd.concat(holes, ignore_index=True), crs=CRS),
        lost_by_site(existing, offers),
        green,
        cells,
        parks,
        entrances,
        per_person,
        pocket,
        pocket_places,
        ranking,
        receivers,
        limits,
        candidates,
        solution,
        newly,
        judged,
    )


@functools.cache
def plain(lang: str = "zh") -> World:
    """The world with its own names: made once for all tests, which only read it."""
    return make(lang)


def whole_baskets(
    demand: gpd.GeoDataFrame,
    membership: pd.DataFrame,
    reaches: dict[str, pd.DataFrame],
    rename: Callable[[str], str],
    lang: str,
) -> tuple[tuple[pd.DataFrame, pd.DataFrame], list[maps.ShownBasket]]:
    """A circle of two kinds, one of the villages, and 一老一小, each with something missing."""
    tables, services, asked = [], [], []
    for key, rule_id, walkers, people in (
        ("circle_15min", "circle_15min", "", text.get("people.all", lang)),
        ("village", "life_unit.village", "", text.get("people.all", lang)),
        ("elderly", "elderly.walk_15min", "elderly", rename("60+")),
        ("children", "children.walk_15min", "children", rename("6–11")),
    ):
        rule = BOOK[rule_id]
        fill = {"primary": ("primary",), "health_station": ("clinic",)}
        missing = {"elderly_home": "no_layer", "market": "other_way"}
        kinds = {
            kind: any_of(
                [assess(demand, reaches[name], rule=rule, islands=np.zeros(len(demand), bool))]
            )
            for kind, (name,) in fill.items()
        }
        found = basket(kinds, membership, name=key, rule=rule, max_not_assessed=MAX_MISSING,
                       missing=missing)  # fmt: skip
        tables.append(found.table)
        services.append(found.services)
        asked.append(
            maps.ShownBasket(
                key,
                text.get(f"basket.{key}", lang),
                rule_id,
                people,
                walkers,
                fill,
                missing,
                source=rename("本工具假定"),
                status="assumed",
                reason=rename("a try"),
            )
        )  # fmt: skip
    stacked = (pd.concat(tables, ignore_index=True), pd.concat(services, ignore_index=True))
    return stacked, asked


def facilities(
    rng: np.random.Generator, zones: gpd.GeoDataFrame, rename: Callable[[str], str]
) -> tuple[gpd.GeoDataFrame, pd.DataFrame]:
    rows, offers = [], []
    for i, (name, seat) in enumerate(
        zip(NAMES, zones.geometry.representative_point(), strict=True)
    ):
        for service, status, n, spread in (
            ("primary", "existing", 26 if i == 0 else 3, 1500 if i == 0 else 2200),
            ("clinic", "existing", 5 if i == 0 else 1, 1400),
            ("clinic", "candidate", 1, 2600),
        ):
            for k in range(n):
                site_id = f"{service[0]}{status[0]}{i:02d}{k}"
                kind = {"primary": "小学", "clinic": "卫生站"}[service]
                x, y = rng.normal(0, spread, 2)
                label = f"{name.rstrip('镇乡')}{SCHOOLS[k]}{kind}"
                rows.append((site_id, rename(label), status, shapely.Point(seat.x + x, seat.y + y)))
                pupils = int(rng.integers(25, 420))
                offers.append((site_id, service, pupils + int(rng.integers(-20, 120)), pupils))
    sites = gpd.GeoDataFrame(
        pd.DataFrame([r[:3] for r in rows], columns=["site_id", "name", "status"]),
        geometry=[r[3] for r in rows],
        crs=CRS,
    )
    table = pd.DataFrame(offers, columns=["site_id", "service", "capacity", "enrolment"])
    return sites, table.astype({"capacity": "Int64", "enrolment": "Int64"})


def lost_by_site(existing: gpd.GeoDataFrame, offers: pd.DataFrame) -> pd.DataFrame:
    """Made-up losses of the right form: the longer the name, the more."""
    named = offers.merge(existing[["site_id", "name"]], on="site_id")
    found = named.assign(
        rule_id=named["service"].map({"primary": "primary.radius", "clinic": "clinic.walk_30min"}),
        covered_persons=named["enrolment"].astype("int64") * 2,
        lost_persons=named["enrolment"].astype("int64"),
    ).sort_values(["service", "lost_persons", "site_id"], ascending=[True, False, True])
    found["rank"] = found.groupby("service").cumcount() + 1
    columns = ["service", "rule_id", "rank", "site_id", "name", "covered_persons", "lost_persons"]
    return found[columns].reset_index(drop=True)


def park_world(
    rng: np.random.Generator, seats: list[shapely.Point], zones: gpd.GeoDataFrame
) -> tuple[pd.DataFrame, gpd.GeoDataFrame, gpd.GeoDataFrame, gpd.GeoDataFrame]:
    town = seats[0]
    blocks = [
        shapely.box(
            town.x + 340 * a, town.y + 300 * b, town.x + 340 * a + 290, town.y + 300 * b + 250
        )
        for a in range(-6, 6)
        for b in range(-6, 6)
        if a * a + b * b < 34
    ]
    green_at = set(rng.choice(len(blocks), 9, replace=False).tolist())
    parks = gpd.GeoDataFrame(
        {
            "park_id": [f"p{i}" for i in range(9)],
            "name": [f"公园{i}" for i in range(9)],
            "kind": "park",
        },
        geometry=[blocks[i].buffer(-20 * (n % 4)) for n, i in enumerate(sorted(green_at))],
        crs=CRS,
    )
    parks["area_m2"] = parks.area
    homes = gpd.GeoDataFrame(
        {
            "residential_id": [f"r{i}" for i in range(len(blocks)) if i not in green_at],
            "settlement": "urban",
            "quarter": ["old" if i % 3 else "new" for i in range(len(blocks)) if i not in green_at],
        },
        geometry=[b for i, b in enumerate(blocks) if i not in green_at],
        crs=CRS,
    )
    homes["area_m2"] = homes.area
    cells = cells_of(homes, cell_m=50)
    member = pd.DataFrame({"demand_id": cells["cell_id"], "zoning": "township"})
    inside = gpd.sjoin(
        gpd.GeoDataFrame(geometry=cells.representative_point(), crs=CRS), zones, how="left"
    )
    member["zone_id"] = inside["zone_id"].fillna("").to_numpy()
    found = green_coverage(cells, parks, member, indicators=indicators(BOOK))
    table, seen = found.table.copy(), found.cells.copy()
    near = shapely.distance(
        seen.representative_point().to_numpy()[:, None], parks.geometry.to_numpy()[None, :]
    ).min(axis=1)
    seen["assessed"] = rng.random(len(seen)) > 0.01
    for name, limit in (("see_green_300", 190), ("park_500", 330), ("park_radius_rate", 270)):
        seen[f"{name}_foot"] = (near < limit) & seen["assessed"] & (seen[f"{name}_straight_m2"] > 0)
        foot = seen[f"{name}_straight_m2"] * seen[f"{name}_foot"]
        keys = ["zone_id", "settlement", "quarter"]
        sums = (
            pd.DataFrame(
                {
                    "zone_id": member["zone_id"].to_numpy(),
                    "settlement": seen["settlement"].to_numpy(),
                    "quarter": seen["quarter"].to_numpy(),
                    "foot": foot.to_numpy(),
                    "missing": (seen["area_m2"] * ~seen["assessed"]).to_numpy(),
                }
            )
            .groupby(keys)
            .sum()
        )
        rows = table["indicator"] == name
        at = pd.MultiIndex.from_frame(table.loc[rows, keys])
        table.loc[rows, "foot_m2"] = sums["foot"].reindex(at).to_numpy()
        table.loc[rows, "not_assessed_m2"] = sums["missing"].reindex(at).to_numpy()
    gates = gpd.GeoDataFrame(
        {"park_id": parks["park_id"], "source": "path_crossing"},
        geometry=[shapely.Point(g.exterior.coords[0]) for g in parks.geometry],
        crs=CRS,
    )
    figures = report.green_figures(table, targets=targets(BOOK), max_not_assessed=MAX_MISSING)
    return figures, seen, parks, gates


def pockets(
    cells: gpd.GeoDataFrame, parks: gpd.GeoDataFrame, zones: gpd.GeoDataFrame
) -> tuple[PocketParks, gpd.GeoDataFrame]:
    """Some places tried on land that no park serves, all in the first zone."""
    short = cells[cells["park_radius_rate_straight_m2"] < cells["area_m2"]]
    places = lattice(short, spacing_m=150, area_m2=2000)
    member = pd.DataFrame({"demand_id": cells["cell_id"], "zoning": "township", "zone_id": "T00"})
    found = pocket_parks(
        cells,
        parks,
        member,
        places,
        zoning="township",
        indicators=indicators(BOOK),
        by="park_radius_rate",
        target=BOOK["green.target_rate"],
        n=4,
    )
    return found, found.places.assign(zone_id=zones["zone_id"].iloc[0], why="")


def closures(
    rng: np.random.Generator,
    existing: gpd.GeoDataFrame,
    offers: pd.DataFrame,
    points: list[shapely.Point],
    people: list[int],
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    schools = existing[existing["site_id"].str.startswith("p")].reset_index(drop=True)
    seats = offers.set_index("site_id").loc[schools["site_id"]].reset_index()
    matrix = shapely.distance(np.array(points)[:, None], schools.geometry.to_numpy()[None, :]) / 60
    order = matrix.argsort(axis=1)[:, :2]
    rows, flows, limits = [], [], []
    for n, site_id in enumerate(schools["site_id"]):
        mine = order[:, 0] == n
        pupils = (np.array(people)[mine] * 0.07).astype(int)
        before, after = matrix[mine, n], matrix[mine, order[mine, 1]]
        weights = pupils if pupils.sum() else None
        over = int(pupils[(after > 30) & (before <= 30)].sum())
        longer = int(pupils[(before > 30) & (after > before)].sum())
        gone = pd.Series(pupils).groupby(order[mine, 1]).sum()
        gone = gone[gone > 0].sort_values(ascending=False)
        for other, moved in gone.items():
            free = max(int(seats["capacity"][other] - seats["enrolment"][other]), 0)
            flows.append(
                (
                    site_id,
                    schools["site_id"][other],
                    schools["name"][other],
                    int(moved),
                    float(after[order[mine, 1] == other].mean()),
                    free,
                    max(int(moved) - free, 0),
                )
            )
        limits.append(
            (site_id, "school.journey_grades_1_3", "hard", over, longer, over + longer > 0)
        )
        rows.append(
            {
                "site_id": site_id,
                "name": schools["name"][n],
                "service": "primary",
                "persons": int(pupils.sum()),
                "displaced": int(pupils.sum()),
                "unserved_after": over,
                "mean_before_min": float(np.average(before, weights=weights))
                if len(before)
                else np.nan,
                "p95_before_min": float(np.quantile(before, 0.95)) if len(before) else np.nan,
                "max_before_min": float(before.max()) if len(before) else np.nan,
                "mean_after_min": float(np.average(after, weights=weights))
                if len(after)
                else np.nan,
                "p95_after_min": float(np.quantile(after, 0.95)) if len(after) else np.nan,
                "max_after_min": float(after.max()) if len(after) else np.nan,
                "limits_broken": "school.journey_grades_1_3" if over + longer else "",
                "capacity": seats["capacity"][n],
                "enrolment": seats["enrolment"][n],
                "receiver_seats_short": sum(f[6] for f in flows if f[0] == site_id),
                "capacity_unknown": "",
            }
        )
    ranking = pd.DataFrame(rows).sort_values(["unserved_after", "displaced"], ignore_index=True)
    ranking["rank"] = np.arange(1, len(ranking) + 1)
    ranking = ranking.reindex(columns=merger.RANKING)
    ranking.loc[3, "receiver_seats_short"] = pd.NA
    ranking.loc[3, "capacity_unknown"] = "pe001;pe002"
    columns = [
        "site_id",
        "receiver_id",
        "receiver_name",
        "persons",
        "mean_after_min",
        "free_seats",
        "seats_short",
    ]
    told = ["site_id", "rule_id", "strength", "newly_over_persons", "lengthened_persons", "broken"]
    return ranking, pd.DataFrame(flows, columns=columns), pd.DataFrame(limits, columns=told)


def choice(
    sites: gpd.GeoDataFrame, demand: gpd.GeoDataFrame, now: np.ndarray
) -> tuple[locate.Solution, pd.DataFrame, gpd.GeoDataFrame, int]:
    options = sites[sites["status"] == "candidate"].reset_index(drop=True)
    matrix = shapely.distance(
        demand.geometry.to_numpy()[:, None], options.geometry.to_numpy()[None, :]
    )
    times = pd.DataFrame(
        np.c_[now, matrix].astype("int64"),
        index=demand["demand_id"],
        columns=["now", *options["site_id"]],
    )
    persons = demand.set_index("demand_id")["population"].astype("int64")
    solution = locate.mclp(
        times, persons, threshold=1500, n_new=4, candidates=list(options["site_id"]), fixed=["now"]
    )
    away = now > 1500
    alone = [
        (persons.to_numpy() * (away & (matrix[:, j] <= 1500))).sum() for j in range(len(options))
    ]
    candidates = pd.DataFrame(
        {
            "site_id": options["site_id"],
            "name": options["name"],
            "new_persons": alone,
            "excluded": "",
        }
    )
    first = [i for i, s in enumerate(options["site_id"]) if s not in solution.chosen][-1]
    candidates.loc[first, "excluded"] = "永久基本农田 1,240 m²"
    mine = options["site_id"].isin(solution.chosen).to_numpy()
    hit = away & (matrix[:, mine] <= 1500).any(axis=1)
    newly = demand.loc[hit, ["population", "geometry"]].rename(columns={"population": "persons"})
    return solution, candidates, newly, int(persons.sum())


@cache
def _counted() -> merger_world.Mergers:
    world = make()
    return merger_world.make(world.zones, world.sites)


def mergers_of(world: World) -> merger_world.Mergers:
    """What the page of mergers takes: counted once, for all worlds stand where they stand."""
    told = _counted()
    named = world.sites.set_index("site_id")["name"]
    zones = world.zones.set_index("zone_id")["name"]
    return dataclasses.replace(
        told,
        schools=told.schools.assign(name=told.schools["site_id"].map(named)),
        homes=told.homes.assign(zone_name=told.homes["zone_id"].map(zones).fillna("")),
    )


def atlas_of(world: World) -> maps.Atlas:
    """What every page of a world takes."""
    return maps.Atlas(world.sheet, world.zones, world.sites, world.offers, world.water, world.roads)


@functools.cache
def plain_pages(lang: str = "zh") -> dict[str, str]:
    return pages(plain(lang))


def pages(world: World) -> dict[str, str]:
    """All pages of a world by key."""
    atlas = atlas_of(world)
    lang = world.sheet.lang
    return {
        "coverage": maps.coverage_page(atlas, world.figures),
        "baskets": maps.baskets_page(atlas, *world.baskets, asked=world.asked),
        "gaps": maps.gaps_page(atlas, world.gaps, losses=world.losses),
        "green": maps.green_page(
            atlas,
            world.green,
            cells=world.green_cells,
            cell_m=50,
            parks=world.parks,
            entrances=world.entrances,
            per_person=world.per_person,
            pocket=world.pocket,
            pocket_places=world.pocket_places,
            left_out={"water": 2},
        ),
        "schools": maps.schools_page(atlas, world.ranking, world.receivers, limits=world.limits),
        "mergers": mergers_of(world).page(atlas),
        "new_sites": maps.new_sites_page(
            atlas,
            world.solution,
            world.candidates,
            service="clinic",
            rule_id="clinic.walk_30min",
            persons=world.judged,
            newly=world.newly,
        ),
        "index": maps.index_page(
            [
                maps.Card(
                    "coverage",
                    "18.4%",
                    maps.finding(world.figures, "primary", "primary.radius", world.sheet),
                    world.sheet.rule_note("primary.radius"),
                ),
                maps.Card(
                    "gaps",
                    text.with_unit(int(world.gaps["persons"].sum()), "persons", lang),
                    world.sheet.say("legend.gaps"),
                ),
                maps.Card("green", "71.0%", world.sheet.label("indicator", "park_500")),
                maps.Card(
                    "schools", text.count(len(world.ranking)), world.sheet.say("page.name.schools")
                ),
                maps.Card("mergers", "6", world.sheet.say("page.name.mergers")),
                maps.Card(
                    "new_sites",
                    text.count(world.solution.objective - world.solution.already),
                    world.sheet.say("layer.newly"),
                ),
            ],
            sheet=world.sheet,
            files=["coverage_figures.csv", "gaps.csv", "ranking.csv"],
        ),
    }

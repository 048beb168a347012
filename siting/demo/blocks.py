"""Land inside the street plans: homes, parks, schools, idle plots, roadside green."""

from __future__ import annotations

from collections.abc import Mapping

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from siting.demo.chance import Floats, below, shuffled, stream
from siting.demo.names import COMMUNITIES
from siting.demo.scale import Scale
from siting.demo.streets import RANK, StreetPlan

CRS = "EPSG:4547"
# How many blocks of a plan are what, homes being the rest: towns by their kind, a seat.
_TOWN = {
    "hospital": 3, "park": 11, "small park": 17, "primary": 13, "junior": 6, "senior": 3,
    "health centre": 2, "market": 24, "office": 22, "works": 20, "idle": 15,
}  # fmt: skip
_NORTH = {
    "park": 1, "small park": 1, "primary": 1, "health centre": 1, "market": 5, "works": 8,
    "idle": 5,
}  # fmt: skip
_SEAT = {
    "primary": 1, "junior": 1, "senior": 1, "health centre": 1, "market": 2, "office": 2,
    "idle": 1,
}  # fmt: skip
_CORE = {
    "hospital": 14, "park": 60, "small park": 96, "primary": 62, "junior": 26, "senior": 12,
    "health centre": 8, "market": 110, "office": 120, "works": 110, "idle": 70,
}  # fmt: skip
_USES = {"town": _TOWN, "north": _NORTH, "core": _CORE}
_SPREAD = ("primary", "park", "small park", "hospital", "junior", "senior", "health centre")


def make_blocks(
    seed: int, plans: list[StreetPlan], zones: gpd.GeoDataFrame, scale: Scale
) -> gpd.GeoDataFrame:
    """Return every block with its use.

    Returns
    -------
    GeoDataFrame
        ``block_id``, ``plan`` (towns first, then seats), ``town`` (is it one), ``seat``, ``corner``
        (row among the plan's blocks), ``zone_id`` (its middle's), ``use`` (``home`` or a key of the
        tables above), ``quarter`` (old, new), ``community``, polygons set back from the streets.
    """
    rows: list[dict[str, object]] = []
    for number, plan in enumerate(plans):
        corners = plan.xy[plan.blocks]
        town = number < len(scale.towns)
        setback = 17.0 if town else 8.0
        wanted = _USES[scale.towns[number].uses] if town else _SEAT
        shapes = inset(corners, setback)
        use = _uses(seed, number, plan, corners, wanted)
        rows += [
            {
                "block_id": f"B{number:02d}{k + 1:03d}",
                "plan": number,
                "town": town,
                "seat": plan.seat,
                "corner": k,
                "use": use[k],
                "quarter": "old" if plan.old[k] else "new",
                "geometry": shapely.Polygon(np.round(shapes[k], 2)),
            }
            for k in range(len(corners))
        ]
    table = gpd.GeoDataFrame(pd.DataFrame(rows), geometry="geometry", crs=CRS)
    sound = table.geometry.is_valid & (table.geometry.area > 400.0)
    table = table[sound].reset_index(drop=True)
    middle, zone = shapely.STRtree(zones.geometry.to_numpy()).query(
        shapely.points(middles(table)), predicate="within"
    )
    owner = np.full(len(table), "", dtype=object)
    owner[middle] = zones["zone_id"].to_numpy()[zone]
    table["zone_id"] = owner
    table["community"] = _communities(table)
    return table


def inset(corners: Floats, metres: float) -> Floats:
    """Move the sides of quadrilaterals ``(k, 4, 2)``, counter-clockwise, inwards.

    Examples
    --------
    >>> square = np.array([[[0.0, 0.0], [10.0, 0.0], [10.0, 10.0], [0.0, 10.0]]])
    >>> inset(square, 1.0)[0].tolist()
    [[1.0, 1.0], [9.0, 1.0], [9.0, 9.0], [1.0, 9.0]]
    """
    side = np.roll(corners, -1, axis=1) - corners
    length = np.sqrt((side * side).sum(axis=2, keepdims=True))
    along = side / length
    inward = np.stack([-along[..., 1], along[..., 0]], axis=-1)
    before_in = np.roll(inward, 1, axis=1)
    # the corner where both moved sides meet: p + s * along, s from the previous side's normal
    gap = before_in * metres - inward * metres
    facing = (along * before_in).sum(axis=2, keepdims=True)
    s = (gap * before_in).sum(axis=2, keepdims=True) / np.where(facing == 0.0, 1.0, facing)
    return np.asarray(corners + inward * metres + along * s)


def middles(areas: gpd.GeoDataFrame) -> Floats:
    """Return the mean corner of quadrilaterals, which lies inside a convex one."""
    corners = shapely.get_coordinates(areas.geometry).reshape(-1, 5, 2)[:, :4]
    return np.asarray(np.round(corners.sum(axis=1) / 4.0, 2))


def _uses(
    seed: int, number: int, plan: StreetPlan, corners: Floats, wanted: Mapping[str, int]
) -> list[str]:
    rng = stream(seed, f"uses {number}")
    count = len(corners)
    use = ["home"] * count
    middle = corners.sum(axis=1) / 4.0
    centre = plan.xy[plan.centre]
    for kind, many in wanted.items():
        free = np.array([k for k in range(count) if use[k] == "home"])
        many = min(many, max(len(free) // 8, 1))
        if kind in _SPREAD:
            # old towns keep their schools and hospitals: the spread leans to the centre
            reach = {"park": 1.0, "small park": 1.0, "primary": 0.84}.get(kind, 0.66)
            far = ((middle[free] - centre) ** 2).sum(axis=1)
            inner = free[far <= reach * reach * far.max()]
            chosen = _apart(rng, middle, inner if len(inner) >= many else free, many)
        else:
            chosen = free[shuffled(rng, len(free))[:many]].tolist()
        for k in chosen:
            use[k] = kind
    return use


def _apart(rng: np.random.Generator, middle: Floats, free: Floats, many: int) -> list[int]:
    """Return ``many`` of the free blocks, each far from those before it."""
    chosen = [int(free[below(rng, len(free))])]
    while len(chosen) < min(many, len(free)):
        gap = ((middle[free][:, None] - middle[chosen][None]) ** 2).sum(axis=2).min(axis=1)
        chosen.append(int(free[int((gap * (0.35 + rng.random(len(free)))).argmax())]))
    return chosen


def _communities(blocks: gpd.GeoDataFrame) -> list[str]:
    """Name neighbourhoods of some 30 blocks in town; a seat is one community."""
    names: list[str] = []
    order = blocks.groupby("plan").cumcount()
    for plan, town, k in zip(blocks["plan"], blocks["town"], order, strict=True):
        if town:
            names.append(COMMUNITIES[(int(k) // 34 + 16 * int(plan)) % len(COMMUNITIES)] + "社区")
        else:
            names.append("集镇社区")
    return names


def residential(seed: int, blocks: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Return residential land; a block with a small park keeps the rest of it."""
    rest = _small_parks(seed, blocks)[1]
    homes = blocks[blocks["use"].isin(["home", "small park"])].copy()
    homes["geometry"] = [
        rest.get(b, g) for b, g in zip(homes["block_id"], homes.geometry, strict=True)
    ]
    homes["block"] = homes.index
    homes.insert(0, "residential_id", [f"H{k:04d}" for k in range(1, len(homes) + 1)])
    homes["settlement"] = np.where(homes["town"], "urban", "township_seat")
    homes["area_m2"] = np.floor(homes.geometry.area + 0.5).astype(np.int64)
    return homes.reset_index(drop=True)


def _small_parks(
    seed: int, blocks: gpd.GeoDataFrame
) -> tuple[dict[str, shapely.Polygon], dict[str, shapely.Polygon]]:
    """Cut a strip off every ``small park`` block: the park, and what is left for homes."""
    rng = stream(seed, "small parks")
    parks: dict[str, shapely.Polygon] = {}
    rest: dict[str, shapely.Polygon] = {}
    sizes = (1250.0, 2400.0, 4300.0, 1700.0, 3100.0)
    for k, (block, shape) in enumerate(
        blocks.loc[blocks["use"] == "small park", ["block_id", "geometry"]].itertuples(index=False)
    ):
        a, b, c, d = np.asarray(shape.exterior.coords)[:4]
        part = min(sizes[k % len(sizes)] * (0.9 + 0.2 * rng.random()) / shape.area, 0.5)
        near, far = np.round(a + (b - a) * part, 2), np.round(d + (c - d) * part, 2)
        parks[block] = shapely.Polygon([a, near, far, d])
        gap_n, gap_f = near + (b - a) * 0.03, far + (c - d) * 0.03
        rest[block] = shapely.Polygon(np.round([gap_n, b, c, gap_f], 2))
    return parks, rest


def parks(
    seed: int, blocks: gpd.GeoDataFrame, plans: list[StreetPlan], towns: int
) -> gpd.GeoDataFrame:
    """Return parks and roadside green.

    Returns
    -------
    GeoDataFrame
        ``park_id``, ``name``, ``kind`` (``park``, ``green``), ``area_m2``, polygons.
    """
    rng = stream(seed, "parks")
    names = (
        "古槐",
        "荷塘",
        "文澜",
        "望江",
        "翠竹",
        "丹桂",
        "听涛",
        "芦雪",
        "银杏",
        "百草",
        "枫林",
        "月台",
    )
    rows: list[tuple[str, str, shapely.Polygon]] = []
    whole = blocks[(blocks["use"] == "park") & blocks["town"]]
    rows += [(f"{names[k % 12]}公园", "park", g) for k, g in enumerate(whole.geometry)]
    small = _small_parks(seed, blocks)[0]
    rows += [(f"{names[(k + 5) % 12]}游园", "park", g) for k, g in enumerate(small.values())]
    for number in range(towns, len(plans)):
        own = blocks[(blocks["plan"] == number) & (blocks["use"] == "market")]
        if number % 3 != 0 and len(own):
            rows.append(("集镇广场", "park", own.geometry.iloc[0]))
    for plan in plans[:towns]:
        main = {tuple(sorted(e)) for e, r in zip(plan.edges.tolist(), plan.rank, strict=True)
                if r <= RANK["secondary"]}  # fmt: skip
        outer, inner = inset(plan.xy[plan.blocks], 8.0), inset(plan.xy[plan.blocks], 14.0)
        for block, o, i in zip(plan.blocks.tolist(), outer, inner, strict=True):
            for k in range(4):
                j = (k + 1) % 4
                if tuple(sorted((block[k], block[j]))) in main and rng.random() < 0.16:
                    strip = shapely.Polygon(np.round([o[k], o[j], i[j], i[k]], 2))
                    if strip.is_valid:
                        rows.append(("路侧绿带", "green", strip))
    table = gpd.GeoDataFrame(
        rows, columns=["name", "kind", "geometry"], geometry="geometry", crs=CRS
    )
    table.insert(0, "park_id", [f"P{k:03d}" for k in range(1, len(table) + 1)])
    table["area_m2"] = np.floor(table.geometry.area + 0.5).astype(np.int64)
    return table[["park_id", "name", "kind", "area_m2", "geometry"]]


def park_entrances(seed: int, parks: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Return gates in the middle of some sides; every third park has none on record.

    Roadside green is open along the street: its gates are its ends and middle on that side.
    """
    rng = stream(seed, "gates")
    rows: list[tuple[str, shapely.Point]] = []
    for park, kind, shape in zip(parks["park_id"], parks["kind"], parks.geometry, strict=True):
        ring = np.asarray(shape.exterior.coords)
        draw = rng.random(4)
        if kind == "green":
            a, b = ring[0], ring[1]
            open_at = (a, (a + b) / 2.0, b)
            rows += [(park, shapely.Point(np.round(point, 2))) for point in open_at]
            continue
        if int(park[1:]) % 3 == 0:
            continue
        sides = [k for k in range(4) if draw[k] < 0.7] or [0]
        rows += [(park, shapely.Point(np.round((ring[k] + ring[k + 1]) / 2.0, 2))) for k in sides]
    return gpd.GeoDataFrame(rows, columns=["park_id", "geometry"], geometry="geometry", crs=CRS)

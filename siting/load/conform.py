"""Raw layers → the tables of docs/architecture.md, in the working CRS.

Every function takes what :func:`siting.load.read_layer` gave, finds our columns in it, reprojects,
mends invalid polygons, and returns the table with its drops: every row that is not used exactly as
given. All problems of a layer are raised at once. Rows are sorted by id, so that the order of rows
in a file never matters.
"""

from __future__ import annotations

from typing import Any, Final, Literal, NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import shapely

from siting import tables
from siting.load.gates import gates_of, points_of
from siting.load.geometry import shapes_of
from siting.load.ground import count_once, list_holes, list_overlaps
from siting.load.intake import Columns, Intake, Layer
from siting.load.shapes import area_m2, farthest_m
from siting.tables import LINE, POINT, POLYGON

# The three classes in our words, in those of Chinese statistics, and as its 城乡分类代码 (rule
# settlement.codes): 城区 110 (主城区 111, 城乡结合区 112), 镇区 120 (镇中心区 121, 镇乡结合区 122,
# 特殊区域 123), 乡村 200 (乡中心区 210, 村庄 220). 100 (城镇) is either of two and not taken.
SETTLEMENT_WORDS: Final = {
    "urban": "urban",
    "township_seat": "township_seat",
    "village": "village",
    "城区": "urban",
    "镇区": "township_seat",
    "乡村": "village",
    **dict.fromkeys(("110", "111", "112"), "urban"),
    **dict.fromkeys(("120", "121", "122", "123"), "township_seat"),
    **dict.fromkeys(("200", "210", "220"), "village"),
}
_QUARTER_WORDS: Final = {"old": "old", "new": "new", "旧城": "old", "新区": "new"}
_YES_NO: Final = {
    "yes": "yes", "true": "yes", "t": "yes", "1": "yes", "y": "yes", "是": "yes",
    "no": "no", "false": "no", "f": "no", "0": "no", "n": "no", "否": "no",
}  # fmt: skip
# F, T and B are the Esri words: from, to, both. A lone t is not "true" here.
_ONEWAY: Final = {
    "yes": "yes", "true": "yes", "1": "yes", "f": "yes", "ft": "yes", "forward": "yes", "是": "yes",
    "-1": "-1", "reverse": "-1", "t": "-1", "tf": "-1", "backward": "-1",
    "no": "no", "false": "no", "0": "no", "b": "no", "否": "no",
}  # fmt: skip
_STRUCTURE: Final = {
    **_YES_NO, "viaduct": "yes", "boardwalk": "yes", "covered": "yes", "movable": "yes",
    "culvert": "yes", "building_passage": "yes", "avalanche_protector": "yes",
    "cantilever": "yes", "low_water_crossing": "yes", "aqueduct": "yes", "trestle": "yes",
}  # fmt: skip
# A stated length far below the straight line, or far above the drawn one, is of another unit.
LEAST_OF_STRAIGHT: Final = 0.5
MOST_OF_DRAWN: Final = 20.0
SHORT_M: Final = 5.0
# Half of a layer's lines are no longer than this times as drawn, or all are in feet or the like.
MEDIAN_OF_DRAWN: Final = 1.5
FEWEST_FOR_MEDIAN: Final = 10
# Shared borders drawn twice overlap by slivers; two zones that really overlap do so by more.
OVERLAP_M2: Final = 100.0


class Parks(NamedTuple):
    """Parks, the entrances given for them (none: an empty table), and drops."""

    parks: gpd.GeoDataFrame
    entrances: gpd.GeoDataFrame
    drops: pd.DataFrame


def zones(
    raw: gpd.GeoDataFrame,
    *,
    crs: pyproj.CRS,
    zoning: str,
    columns: Columns | None = None,
    settlement: str | None = None,
    overlap_m2: float = OVERLAP_M2,
    layer: str = "zones",
) -> Layer:
    """Return the polygons of one zoning.

    Parameters
    ----------
    raw
        Polygons; columns ``zone_id``, ``name``, ``code``, ``parent_id``, ``settlement``,
        ``population`` (a control total), each under its own name or mapped.
    zoning
        What these zones are (``"township"``).
    settlement
        Class of every zone that no column says it for.
    overlap_m2
        Zones that overlap by more are listed; a point in both belongs to the smaller id. So are
        holes of more between them: a point there is in no zone.

    Raises
    ------
    DataError
        All breaches. A zone with people and no polygon is one: people do not vanish. So is a zone
        that stands twice, by its id or, where no column is one, by ground, name and code: its
        total would count twice.

    Examples
    --------
    >>> import shapely
    >>> raw = gpd.GeoDataFrame(
    ...     {"zone_id": ["b", "a"]},
    ...     geometry=shapely.box([5e5, 5.1e5], 3.2e6, [5.1e5, 5.2e5], 3.3e6),
    ...     crs=4547,
    ... )
    >>> zones(raw, crs=pyproj.CRS(4547), zoning="township").table["zone_id"].tolist()
    ['a', 'b']
    """
    known = ("zone_id", "name", "code", "parent_id", "settlement", "population")
    intake = Intake(raw, layer=layer, columns=columns or {}, known=known)
    own = ("name", "code")
    if not intake.has("zone_id"):
        intake.wrong(
            intake.alike(own),
            "are a zone that stands twice, with the same ground, name and code",
            "Leave one of each: its people would count twice.",
        )
    ids = intake.ids("zone_id", prefix="zone", content=own)
    names = intake.names(ids)
    data: dict[str, Any] = {"zoning": [zoning] * len(intake), "zone_id": ids, "name": names}
    for key in ("code", "parent_id"):
        if intake.has(key):
            data[key] = intake.text(key)
    data["settlement"] = intake.choice("settlement", SETTLEMENT_WORDS, settlement or "")
    people = intake.whole("population")
    if intake.has("population"):
        data["population"] = people
    stay = (people.fillna(0) > 0).to_numpy(dtype=bool)
    data["geometry"] = shapes_of(intake, crs, kinds=POLYGON, must_stay=stay)
    intake.finish()
    list_overlaps(intake, ids, data["geometry"], overlap_m2)
    list_holes(intake, data["geometry"], overlap_m2)
    return Layer(intake.table("zones", data, crs=crs, sort="zone_id"), intake.listed())


def residential(
    raw: gpd.GeoDataFrame,
    *,
    crs: pyproj.CRS,
    columns: Columns | None = None,
    settlement: str | None = None,
    quarter: Literal["old", "new", ""] = "",
    area: Any = None,
    layer: str = "residential",
) -> Layer:
    """Return residential land; ground drawn twice is counted once, for the smaller id.

    Parameters
    ----------
    raw
        Polygons; columns ``residential_id``, ``settlement``, ``quarter`` (``old``, ``new``).
    settlement, quarter
        Of every polygon that no column says it for.
    area
        Study area in the working CRS; polygons wholly outside are dropped and listed.
    """
    known = ("residential_id", "settlement", "quarter")
    intake = Intake(raw, layer=layer, columns=columns or {}, known=known)
    ids = intake.ids("residential_id", prefix="land")
    data: dict[str, Any] = {
        "residential_id": ids,
        "settlement": intake.choice("settlement", SETTLEMENT_WORDS, settlement or ""),
        "quarter": intake.choice("quarter", _QUARTER_WORDS, quarter),
    }
    shapes = shapes_of(intake, crs, kinds=POLYGON, area=area)
    intake.finish()
    shapes = count_once(intake, ids, shapes)
    data |= {"area_m2": area_m2(shapes), "geometry": shapes}
    intake.finish()
    return Layer(intake.table("residential", data, crs=crs, sort="residential_id"), intake.listed())


def carriers(
    raw: gpd.GeoDataFrame,
    *,
    crs: pyproj.CRS,
    columns: Columns | None = None,
    settlement: str | None = None,
    area: Any = None,
    layer: str = "people.carriers",
) -> Layer:
    """Return what control totals are spread over: buildings (polygons) or villages (points).

    Parameters
    ----------
    raw
        Points or polygons; columns ``carrier_id``, ``weight`` (0 or more; floor space, homes),
        ``settlement``. A polygon becomes a point inside it and keeps its ``area_m2``; ``spread_m``
        is how far its farthest corner is from there, missing where a point was given.
    """
    known = ("carrier_id", "weight", "settlement")
    intake = Intake(raw, layer=layer, columns=columns or {}, known=known)
    ids = intake.ids("carrier_id", prefix="carrier")
    data: dict[str, Any] = {"carrier_id": ids}
    if intake.has("weight"):
        data["weight"] = intake.number("weight", blank=False, most=1e12)
    data["settlement"] = intake.choice("settlement", SETTLEMENT_WORDS, settlement or "")
    shapes = shapes_of(intake, crs, kinds=("Point", *POLYGON), area=area)
    data |= {"area_m2": area_m2(shapes), "geometry": points_of(shapes)}
    drawn = shapely.get_dimensions(shapes) == 2
    data["spread_m"] = np.where(drawn, farthest_m(shapes, data["geometry"]), np.nan)
    intake.finish()
    return Layer(intake.table("carriers", data, crs=crs, sort="carrier_id"), intake.listed())


def parks(
    raw: gpd.GeoDataFrame,
    *,
    crs: pyproj.CRS,
    kind: Literal["park", "green"] = "park",
    columns: Columns | None = None,
    entrances: gpd.GeoDataFrame | None = None,
    entrance_columns: Columns | None = None,
    area: Any = None,
    layer: str = "green",
) -> Parks:
    """Return parks or other public green, and the entrances given for them.

    Parameters
    ----------
    raw
        Polygons; columns ``park_id``, ``name``, ``access``. Where ``access`` is ``private`` or
        ``no`` the row is dropped and listed: it is not open to the public.
    kind
        ``"park"``, or ``"green"`` for any public green.
    entrances
        Points; a column ``park_id``, or each belongs to the park within 20 m.
    """
    known = ("park_id", "name", "access")
    intake = Intake(raw, layer=layer, columns=columns or {}, known=known)
    ids = intake.ids("park_id", prefix=kind, content=("name",))
    data: dict[str, Any] = {
        "park_id": ids,
        "name": intake.names(ids),
        "kind": [kind] * len(intake),
    }
    shut = [a.casefold() in ("private", "no") for a in intake.text("access")]
    shapes = shapes_of(intake, crs, kinds=POLYGON, area=area)
    intake.drop(shut, "not open to the public (access is private or no)")
    data |= {"area_m2": area_m2(shapes), "geometry": shapes}
    intake.finish()
    table = intake.table("parks", data, crs=crs, sort="park_id")
    if entrances is None:
        none = gpd.GeoDataFrame(
            {"park_id": pd.Series([], dtype="str"), "source": pd.Series([], dtype="str")},
            geometry=[],
            crs=crs,
        )
        return Parks(table, none, intake.listed())
    gates = gates_of(
        entrances,
        table.set_index("park_id").geometry,
        crs=crs,
        key="park_id",
        columns=entrance_columns,
        layer="park_entrances",
    )
    given = gates.table.assign(source=pd.Series("given", index=gates.table.index, dtype="str"))
    given = given[["park_id", "source", "geometry"]]
    tables.check("park_entrances", given)
    return Parks(table, given, join_drops(intake.listed(), gates.drops))


def roads(
    raw: gpd.GeoDataFrame,
    *,
    crs: pyproj.CRS,
    columns: Columns | None = None,
    highway: str | None = None,
    area: Any = None,
    layer: str = "roads",
    lengthless: bool = False,
) -> Layer:
    """Return a line layer as roads.

    Parameters
    ----------
    raw
        Lines; columns ``highway`` (OSM road classes), ``oneway`` (``yes``, ``no``, ``-1`` against
        the line; also ``F``, ``T``, ``B``; blank as is usual for the class), ``speed_kph`` (of
        cars), ``cycle_kph``, ``ebike_kph``, ``walk_kph``, ``surface``, ``length_m``, ``bridge``,
        ``tunnel``, ``layer``.
    highway
        Class of every road that no column says it for.
    lengthless
        Keep lines of zero length, for :func:`siting.network.topology` to list; else they are
        dropped and listed here.

    Returns
    -------
    Layer
        ``way_id`` is the 0-based row of the file, by which a plan names a street, and ``row`` what
        messages and defects call it: its ``road_id`` where the file has one, else ``row 1`` for
        the first. A ``road_id`` made here tells rows apart whatever their order.
    """
    speeds = ("speed_kph", "walk_kph", "cycle_kph", "ebike_kph")
    known = (
        "road_id", "highway", "oneway", *speeds, "surface", "length_m", "bridge", "tunnel", "layer"
    )  # fmt: skip
    intake = Intake(raw, layer=layer, columns=columns or {}, known=known)
    ids = intake.ids("road_id", prefix="road", content=known[1:])
    if highway is None:
        intake.require("highway")
    classes = [h or (highway or "") for h in intake.text("highway")]
    if intake.has("highway"):
        intake.wrong([not h for h in classes], "have no highway", "Fill in the road class.")
    stated = {key: intake.number(key, most=300.0) for key in speeds}
    for key, kph in stated.items():
        mend = "Give the speed, or leave the cell blank."
        intake.wrong(kph == 0, f"have a {key} of 0", mend)
    levels = intake.number("layer", least=-20.0, most=20.0)
    intake.wrong(levels % 1 > 0, "have a layer that is not a whole number")
    data: dict[str, Any] = {
        "road_id": ids,
        "row": intake.labels,
        "way_id": _file_rows(intake.raw["row"]),
        "highway": classes,
        "oneway": intake.choice("oneway", _ONEWAY, ""),
    }
    data |= {key: kph for key, kph in stated.items() if intake.has(key)}
    if intake.has("surface"):
        data["surface"] = intake.text("surface")
    lengths = intake.number("length_m")
    intake.wrong(lengths == 0, "have a length_m of 0", "Give the length, or leave the cell blank.")
    if intake.has("length_m"):
        data["length_m"] = lengths
    for key in ("bridge", "tunnel"):
        data[key] = np.array([v == "yes" for v in intake.choice(key, _STRUCTURE, "no")])
    data["layer"] = np.nan_to_num(levels).astype(np.int64)
    data["geometry"] = shapes_of(intake, crs, kinds=LINE, area=area, lengthless=lengthless)
    drawn, straight = _lengths(data["geometry"])
    odd = (lengths < LEAST_OF_STRAIGHT * straight) | (lengths > MOST_OF_DRAWN * drawn)
    intake.wrong(
        odd,
        "have a length_m that their line cannot have",
        "Give metres, not kilometres or millimetres; or map no such column: lengths are then as "
        "drawn.",
    )
    many = np.isfinite(lengths) & np.isfinite(drawn) & intake.keep
    if many.sum() >= FEWEST_FOR_MEDIAN and not odd.any():
        median = float(np.median(lengths[many] / drawn[many]))
        intake.wrong(
            many & (median > MEDIAN_OF_DRAWN or median < 1 / MEDIAN_OF_DRAWN),
            f"have a length_m, which is {median:.2f} times the line as drawn in half of them",
            "Give metres, not feet or the like; or map no such column: lengths are then as drawn.",
        )
    intake.finish()
    return Layer(intake.table("roads", data, crs=crs, sort="road_id"), intake.listed())


def _file_rows(names: pd.Series[Any]) -> Any:
    """Return 0-based rows of the file from ``row 1`` on; positions where rows are called else."""
    numbers = names.astype("str").str.extract(r"^row (\d+)$", expand=False)
    if numbers.isna().any() or numbers.duplicated().any():
        return np.arange(len(names), dtype=np.int64)
    return numbers.astype("int64").to_numpy() - 1


def _lengths(shapes: Any) -> tuple[Any, Any]:
    """Return how long lines are drawn and how far it is straight from end to end of their parts.

    NaN where there is no line, or one too short to tell.
    """
    drawn = shapely.length(shapes)
    parts, row = shapely.get_parts(shapes, return_index=True)
    ends = shapely.distance(shapely.get_point(parts, 0), shapely.get_point(parts, -1))
    straight = np.bincount(row, weights=ends, minlength=len(shapes))
    short = ~(drawn > SHORT_M)
    return np.where(short, np.nan, drawn), np.where(short, np.nan, straight)


def water(
    raw: gpd.GeoDataFrame,
    *,
    crs: pyproj.CRS,
    columns: Columns | None = None,
    area: Any = None,
    layer: str = "water",
) -> Layer:
    """Return rivers and lakes (lines or polygons; columns ``water_id``, ``name``)."""
    return _drawn(raw, "water", crs, columns, area, layer)


def barriers(
    raw: gpd.GeoDataFrame,
    *,
    crs: pyproj.CRS,
    columns: Columns | None = None,
    area: Any = None,
    layer: str = "barriers",
) -> Layer:
    """Return what access legs may not cross (lines or polygons; ``barrier_id``, ``name``)."""
    return _drawn(raw, "barriers", crs, columns, area, layer)


def signals(
    raw: gpd.GeoDataFrame,
    *,
    crs: pyproj.CRS,
    columns: Columns | None = None,
    area: Any = None,
    layer: str = "network.signals",
) -> Layer:
    """Return where traffic lights stand (points; column ``signal_id``)."""
    intake = Intake(raw, layer=layer, columns=columns or {}, known=("signal_id",))
    data: dict[str, Any] = {"signal_id": intake.ids("signal_id", prefix="signal")}
    data["geometry"] = shapes_of(intake, crs, kinds=POINT, area=area)
    intake.finish()
    return Layer(intake.table("signals", data, crs=crs, sort="signal_id"), intake.listed())


def join_drops(*drops: pd.DataFrame) -> pd.DataFrame:
    """Return several drops tables as one."""
    return tables.drops_table([tuple(r) for d in drops for r in d.itertuples(index=False)])


def _drawn(
    raw: gpd.GeoDataFrame,
    name: Literal["water", "barriers"],
    crs: pyproj.CRS,
    columns: Columns | None,
    area: Any,
    layer: str,
) -> Layer:
    key = {"water": "water_id", "barriers": "barrier_id"}[name]
    intake = Intake(raw, layer=layer, columns=columns or {}, known=(key, "name"))
    ids = intake.ids(key, prefix=key.removesuffix("_id"), content=("name",))
    data = {key: ids, "name": intake.text("name")}
    shapes = shapes_of(intake, crs, kinds=(*LINE, *POLYGON), area=area)
    intake.finish()
    return Layer(
        intake.table(name, {**data, "geometry": shapes}, crs=crs, sort=key), intake.listed()
    )

"""Roads of the study → a network for every way of travelling it needs."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from functools import cache
from threading import Lock
from typing import Any, Final, cast

import geopandas as gpd
import pyproj
import shapely

from siting import load, network, rules
from siting.errors import DataError, StudyError
from siting.load import Elevation, Layer
from siting.network import Mode, RoadNetwork, Speeds
from siting.pipeline.cache import checksum
from siting.pipeline.reader import Reader, read_raw, told
from siting.pipeline.road_layer import RoadLines, walls_key
from siting.pipeline.workers import side_by_side
from siting.rules import Rule
from siting.study import Study

Area = shapely.Polygon | shapely.MultiPolygon

SPEED_RULE: Final[Mapping[str, str]] = {
    "walk": "walk.speed",
    "walk.elderly": "walk.speed_elderly",
    "walk.children": "walk.speed_children",
    "cycle": "cycle.speed_factor",
    "ebike": "ebike.speed_factor",
    "drive": "drive.speed_factor",
}
"""Ways of travelling, each a network of its own, and the rule that holds its speed and range."""

ELEVATION, SIGNALS = "network.elevation", "network.signals"


def ways(study: Study) -> tuple[str, ...]:
    """Return the ways of travelling that the study's services, baskets and green need."""
    needed = {way for service in study.services.values() for way in service.networks}
    needed |= {made.walked for made in study.filled_baskets() if made.parks}
    return tuple(sorted(needed | ({"walk"} if study.green else set())))


def mode_of(way: str) -> Mode:
    """Return the mode of a way of travelling.

    Examples
    --------
    >>> mode_of("walk.children")
    'walk'
    """
    return cast("Mode", way.split(".")[0])


def speeds_of(way: str, speeds: Speeds, book: Mapping[str, Rule]) -> Speeds:
    """Return the speeds of a way of travelling; access legs are walked.

    Examples
    --------
    >>> speeds_of("walk.elderly", network.read_speeds(), rules.load()).walk_kph
    3.0
    """
    own = book[SPEED_RULE[way]].strict
    if mode_of(way) == "walk":
        return speeds.walking_at(own)
    return speeds.walking_at(book["walk.speed"].strict).going_by(mode_of(way), own)


def networks(
    study: Study,
    reader: Reader,
    crs: pyproj.CRS,
    area: Area | None,
    drawn: RoadLines | None,
    *,
    workers: int | None = None,
) -> dict[str, RoadNetwork]:
    """Return the networks by way of travelling; ``reader`` keeps problems with the roads.

    ``drawn`` is the road layer, ``None`` for an OSM extract and where it has problems. ``workers``
    as in :func:`siting.pipeline.workers.side_by_side`.

    Raises
    ------
    StudyError
        The study's speeds file states how fast people walk.
    """
    source = study.roads
    book = rules.load(study.rules)
    speeds = network.read_speeds(study.network.speeds)
    _leaves_walking_to_rules(speeds)
    key = told(source) | {"sha256": reader.sums["roads"], "crs": crs.to_wkt()}
    key |= {"area": shapely.to_wkb(area, hex=True) if area else ""}
    key |= {} if source.is_osm else {"walls": walls_key(reader)}
    if study.network.speeds is not None:
        key["speeds"] = checksum(study.network.speeds)
    for name in (ELEVATION, SIGNALS):
        if (more := reader.sources.get(name)) is not None:
            key[name] = told(more) | {"sha256": reader.sums[name]}
    lights = _signals(study, reader, crs, area)
    ground = _ground(study, reader, crs, area)

    def build(way: str) -> RoadNetwork:
        mode, used = mode_of(way), speeds_of(way, speeds, book)
        if source.is_osm:
            made = network.read_osm(source.file, mode=mode, crs=crs, clip=area, speeds=used)
        else:
            assert drawn is not None
            made = network.from_lines(drawn.table, mode=mode, speeds=used)
        if lights is not None:
            points = gpd.GeoSeries(lights.set_index("signal_id").geometry)
            made = network.with_signals(made, points, reach_m=used.delay.signal_reach_m)
            made = network.with_delay(made, used)
        if ground is not None and mode == "walk":
            made = network.with_slope(made, ground(), used.slope)
        return made

    def kept(way: str) -> RoadNetwork | DataError:
        at = {rule: book[rule].strict for rule in ("walk.speed", SPEED_RULE[way])}
        try:
            return reader.cache.network({**key, "way": way, "at": at}, lambda: build(way))
        except DataError as error:
            return error

    built: dict[str, RoadNetwork] = {}
    if drawn is None and not source.is_osm:
        return built
    with contextlib.closing(side_by_side(kept, ways(study), workers=workers)) as found:
        for way in ways(study):
            reader.step(f"network: {way}")
            made = next(found)
            if isinstance(made, DataError):
                reader.problems += made.problems
            else:
                built[way] = made
    return built


def _leaves_walking_to_rules(speeds: Speeds) -> None:
    """Refuse a walking speed in a speeds file, which the rules would replace without a word."""
    shipped = network.read_speeds()
    stated = {
        "walk.kph": speeds.walk_kph != shipped.walk_kph,
        "drive.access_kph": speeds.drive_access_kph != shipped.drive_access_kph,
    }
    if idle := [key for key, differs in stated.items() if differs]:
        raise StudyError(
            f"network.speeds: {', '.join(idle)} would not be used: how fast people walk is said by "
            "rule walk.speed (walk.speed_elderly, walk.speed_children). Remove it from the speeds "
            'file and change the rule: [rules."walk.speed"].'
        )


def _signals(
    study: Study, reader: Reader, crs: pyproj.CRS, area: Area | None
) -> gpd.GeoDataFrame | None:
    """Return where traffic lights stand, as the study gives them."""
    source = study.network.signals
    if source is None:
        return None
    common: dict[str, Any] = {
        "crs": crs.to_wkt(), "area": shapely.to_wkb(area, hex=True) if area else ""
    }  # fmt: skip
    found = reader(
        "signals",
        SIGNALS,
        Layer,
        lambda: load.signals(
            read_raw(SIGNALS, source), crs=crs, columns=source.columns, area=area, layer=SIGNALS
        ),
        **common,
    )
    return None if found is None else found.table


def _ground(
    study: Study, reader: Reader, crs: pyproj.CRS, area: Area | None
) -> Callable[[], Elevation] | None:
    """Return how to come by heights: read only where a network is built anew."""
    source = study.network.elevation
    if source is None:
        return None
    reader.step("read elevation")

    one_reads = Lock()  # networks are built side by side

    @cache
    def read() -> Elevation:
        return load.read_elevation(source.file, crs, area=area, declared=source.crs)

    def heights() -> Elevation:
        with one_reads:
            return read()

    return heights

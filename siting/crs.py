"""The working CRS, and whether a layer's coordinates can be in the CRS it claims.

Everything is measured in one projected CRS in metres. Inputs may be in any CRS, but it must be
said: by the file, or by the study where the file is silent. A contradiction is an error.
Coordinates that cannot belong to the CRS (degrees called metres, metres called degrees, swapped
axes, eastings with a zone prefix) are errors that name the layer, the rows and the mend.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Final, TypeAlias

import numpy as np
import pyproj
import shapely
from pyproj.exceptions import CRSError, ProjError

from siting.errors import DataError, Problem, StudyError

Bounds: TypeAlias = tuple[float, float, float, float]
Declared: TypeAlias = str | int | pyproj.CRS | None

_WGS84: Final = pyproj.CRS.from_epsg(4326)
_MAX_SPAN_DEGREES: Final = 6.0
# A length is taken as measured on the ground when the projection stretches it by less than this.
_MAX_SCALE_ERROR: Final = 0.005
# Data reach a little over the edge of the area that a CRS is made for; a neighbouring zone's
# projection is still usable, another country's is not.
_MARGIN_DEGREES: Final = {"geographic": 1.0, "projected": 3.0}
# Coarse outline of China with some margin, lon and lat. It only picks the *default* working CRS
# (3-degree CGCS2000 or UTM, both metric everywhere it may err); a study may declare another.
_CHINA: Final = shapely.Polygon(
    [
        (135.2, 48.5), (131.0, 47.6), (131.2, 45.2), (131.3, 43.4), (130.8, 42.2), (129.5, 42.3),
        (128.0, 41.9), (126.9, 41.7), (124.3, 39.9), (121.4, 38.4), (123.1, 37.3), (120.8, 35.8),
        (122.4, 31.6), (123.2, 29.8), (120.8, 26.2), (122.3, 25.3), (121.1, 21.7), (118.0, 22.6),
        (114.5, 21.7), (111.5, 19.8), (111.0, 18.0), (108.4, 18.2), (108.2, 21.4), (106.7, 21.9),
        (105.4, 23.2), (103.9, 22.4), (102.1, 22.4), (101.2, 21.0), (99.9, 21.9), (98.7, 24.1),
        (97.4, 24.6), (98.5, 27.6), (97.3, 28.2), (94.5, 29.2), (91.7, 27.8), (88.9, 27.3),
        (86.0, 27.9), (84.0, 28.8), (81.1, 30.0), (78.7, 31.4), (78.2, 34.0), (76.8, 35.6),
        (74.5, 37.2), (73.4, 39.5), (75.6, 40.7), (78.3, 41.4), (80.1, 42.3), (80.2, 45.0),
        (82.4, 45.4), (83.0, 47.3), (85.5, 47.2), (85.6, 48.5), (87.8, 49.3), (90.2, 47.8),
        (91.1, 45.3), (95.4, 44.4), (96.4, 42.8), (101.8, 42.7), (105.0, 41.7), (107.5, 42.5),
        (110.0, 42.8), (111.6, 44.5), (113.6, 45.0), (116.3, 46.4), (119.8, 46.8), (118.5, 48.0),
        (115.5, 47.8), (116.7, 49.9), (119.2, 50.3), (120.0, 51.7), (120.9, 53.4), (123.6, 53.7),
        (126.1, 52.8), (127.6, 50.3), (130.8, 49.0),
    ]
)  # fmt: skip


def working_crs(bounds: Bounds | None = None, *, declared: Declared = None) -> pyproj.CRS:
    """Return the projected metric CRS that everything is measured in.

    Declared, or chosen from where the study lies: in China the 3-degree Gauss-Krüger zone of
    CGCS2000 without zone prefix (EPSG:4534 for 75°E to EPSG:4554 for 135°E), elsewhere the UTM
    zone of WGS 84.

    Parameters
    ----------
    bounds
        West, south, east, north of the study area in degrees. With ``declared`` it is used to
        test that lengths in the declared CRS are lengths on the ground there.
    declared
        The study's own choice.

    Raises
    ------
    StudyError
        Neither is given; the declared CRS is not projected, not in metres, or stretches lengths
        by more than 0.5 % here (Web Mercator does); or the area is too wide for one zone.

    Examples
    --------
    >>> working_crs((112.3, 28.4, 114.2, 29.9)).to_epsg()
    4547
    >>> working_crs((14.2, 35.8, 14.6, 36.1)).to_epsg()
    32633
    """
    if declared is not None:
        return _metric(parse(declared), bounds)
    if bounds is None or not all(math.isfinite(b) for b in bounds):
        raise StudyError(
            "study: the working CRS cannot be chosen without an extent. "
            'Declare one, such as crs = "EPSG:4547".'
        )
    west, south, east, north = bounds
    if west < -180 or east > 180 or south < -90 or north > 90 or west > east or south > north:
        raise StudyError(
            f"study: {bounds} is not an extent in degrees of longitude and latitude. "
            'Declare the working CRS, such as crs = "EPSG:4547".'
        )
    if east - west > _MAX_SPAN_DEGREES or south < -80 or north > 84:
        raise StudyError(
            f"study: the zones span {east - west:.1f}° of longitude (from {west:.2f} to "
            f"{east:.2f}, latitude {south:.2f} to {north:.2f}), too much for one zone of 6°. "
            "Remove the zone that lies far from the others, or declare a working CRS: crs = …."
        )
    lon, lat = (west + east) / 2, (south + north) / 2
    if _CHINA.contains(shapely.Point(lon, lat)):
        meridian = 3 * math.floor(lon / 3 + 0.5)
        return pyproj.CRS.from_epsg(4534 + (meridian - 75) // 3)
    zone = min(60, int((lon + 180) // 6) + 1)
    return pyproj.CRS.from_epsg((32600 if lat >= 0 else 32700) + zone)


def parse(declared: str | int | pyproj.CRS, *, table: str = "study") -> pyproj.CRS:
    """Return the CRS that a user's words name.

    Raises
    ------
    StudyError
        No such CRS.

    Examples
    --------
    >>> parse("EPSG:4490").name
    'China Geodetic Coordinate System 2000'
    """
    try:
        return pyproj.CRS.from_user_input(declared)
    except (CRSError, ProjError, TypeError, ValueError):
        raise StudyError(
            f'{table}: "{str(declared)[:60]}" is not a CRS. '
            'Write it like crs = "EPSG:4490" (CGCS2000) or crs = "EPSG:4326" (WGS 84).'
        ) from None


def same(one: pyproj.CRS, other: pyproj.CRS) -> bool:
    """Tell whether two CRS mean the same coordinates, whatever their names and axis order.

    Examples
    --------
    >>> same(pyproj.CRS("OGC:CRS84"), pyproj.CRS(4326)), same(pyproj.CRS(4326), pyproj.CRS(4490))
    (True, False)
    """
    if one.equals(other, ignore_axis_order=True):
        return True
    codes = one.to_epsg(), other.to_epsg()  # a Shapefile's .prj names things its own way
    return codes[0] is not None and codes[0] == codes[1]


def of_layer(own: pyproj.CRS | None, declared: Declared, *, table: str) -> pyproj.CRS:
    """Return the CRS of a layer from what the file says and what the study says.

    Raises
    ------
    DataError
        Neither says, or they contradict each other.
    StudyError
        The declared CRS does not exist.

    Examples
    --------
    >>> of_layer(None, "EPSG:4490", table="zones").to_epsg()
    4490
    """
    said = None if declared is None else parse(declared, table=table)
    if own is None and said is None:
        raise DataError(
            Problem(
                table,
                "the file does not say which CRS its coordinates are in",
                'Ask where it comes from and declare it, such as crs = "EPSG:4490" (CGCS2000 '
                'degrees), "EPSG:4547" (CGCS2000 metres, 114°E) or "EPSG:4326" (WGS 84).',
            )
        )
    if own is not None and said is not None and not same(own, said):
        raise DataError(
            Problem(
                table,
                f"the file says its CRS is {name(own)}, the study says {name(said)}",
                "Remove crs from the study, or mend the file if the file is wrong.",
            )
        )
    chosen = own if own is not None else said
    assert chosen is not None  # one of the two, by the tests above
    return chosen


def name(crs: pyproj.CRS) -> str:
    """Return a CRS as a user would write it: its code and name.

    Examples
    --------
    >>> name(pyproj.CRS(4547))
    'EPSG:4547 (CGCS2000 / 3-degree Gauss-Kruger CM 114E)'
    """
    code = crs.to_epsg()
    return f"EPSG:{code} ({crs.name})" if code else crs.name


def range_problems(
    geometry: Any, crs: pyproj.CRS, *, table: str, labels: Sequence[str]
) -> list[Problem]:
    """Return what shows that coordinates cannot be in the CRS they are said to be in.

    Parameters
    ----------
    geometry
        Shapely geometries; missing and empty ones are passed over.
    crs
        What the layer is said to be in.
    labels
        Name of each row, for messages.

    Examples
    --------
    >>> p = range_problems([shapely.Point(29.4, 113.1)], pyproj.CRS(4326), table="t", labels=["7"])
    >>> p[0].what
    '1 of 1 rows have coordinates outside the range of degrees; with x and y exchanged 1 would fit'
    >>> p[0].mend
    'x and y look exchanged: name the columns the other way round (x is the longitude).'
    """
    bounds = shapely.bounds(np.asarray(geometry, dtype=object)).reshape(-1, 4)
    there = ~np.isnan(bounds).all(axis=1)
    if not there.any():
        return []
    inside = np.zeros(len(bounds), dtype=bool)
    inside[there] = _in_area(bounds[there], crs)
    wrong = there & ~inside
    if not wrong.any():
        return []
    rows = tuple(str(labels[int(i)]) for i in np.flatnonzero(wrong))
    count = f"{len(rows)} of {int(there.sum())} rows have coordinates"
    what, mend = _diagnosis(bounds[wrong], crs)
    return [Problem(table, f"{count} {what}", mend, rows)]


def check_scale(crs: pyproj.CRS, lon: float, lat: float) -> float:
    """Return by what share lengths in ``crs`` are wrong at a place (0 for none, inf if unusable).

    Examples
    --------
    >>> round(check_scale(pyproj.CRS(3857), 113.1, 29.4), 2)
    0.15
    >>> check_scale(pyproj.CRS(4547), 113.1, 29.4) < 0.001
    True
    """
    try:
        factors = pyproj.Proj(crs).get_factors(lon, lat, errcheck=True)
    except (ProjError, CRSError):
        return math.inf
    scales = (factors.meridional_scale, factors.parallel_scale)
    return max(abs(scale - 1.0) for scale in scales)


def to_lonlat(crs: pyproj.CRS, x: Any, y: Any) -> tuple[Any, Any]:
    """Return longitudes and latitudes of coordinates; inf where there are none.

    Examples
    --------
    >>> lon, lat = to_lonlat(pyproj.CRS(4547), 500000.0, 3250000.0)
    >>> round(float(lon), 6), round(float(lat), 3)
    (114.0, 29.367)
    """
    lon, lat = _transformer(crs).transform(x, y)
    return lon, lat


def from_lonlat(crs: pyproj.CRS, lon: Any, lat: Any) -> tuple[Any, Any]:
    """Return coordinates of longitudes and latitudes; inf where there are none.

    Examples
    --------
    >>> x, y = from_lonlat(pyproj.CRS(4547), 114.0, 29.367)
    >>> round(float(x))
    500000
    """
    x, y = _transformer(crs, inverse=True).transform(lon, lat)
    return x, y


@lru_cache(maxsize=32)
def _transformer(crs: pyproj.CRS, *, inverse: bool = False) -> pyproj.Transformer:
    pair = (_WGS84, crs) if inverse else (crs, _WGS84)
    return pyproj.Transformer.from_crs(*pair, always_xy=True)


def _metric(crs: pyproj.CRS, bounds: Bounds | None) -> pyproj.CRS:
    if not crs.is_projected or {axis.unit_name for axis in crs.axis_info} != {"metre"}:
        raise StudyError(
            f"study: the working CRS {name(crs)} is not a projected CRS in metres. "
            'Declare one that is, such as crs = "EPSG:4547", or none to have it chosen.'
        )
    if bounds is not None:
        places = [((bounds[0] + bounds[2]) / 2, (bounds[1] + bounds[3]) / 2)]
    else:
        area = crs.area_of_use
        # without an extent only a CRS that is wrong over most of its own area can be known
        places = [((area.west + area.east) / 2, (area.south + area.north) / 2 + 30)] if area else []
        places = [p for p in places if area is not None and area.north - area.south > 120]
    for lon, lat in places:
        error = check_scale(crs, lon, lat)
        if not error <= _MAX_SCALE_ERROR:
            by = f"wrong by {error:.1%}" if math.isfinite(error) else "not defined"
            raise StudyError(
                f"study: lengths in the working CRS {name(crs)} are {by} at "
                f"{lon:.2f}°E {lat:.2f}°N. Declare a CRS made for that place, or none to have "
                "it chosen."
            )
    return crs


def _in_area(bounds: Any, crs: pyproj.CRS) -> Any:
    """Tell which bounds lie, wholly, where the CRS may be used."""
    finite = np.isfinite(bounds).all(axis=1)
    if crs.is_geographic:
        factor = crs.axis_info[0].unit_conversion_factor * 180 / math.pi  # grads are rare but real
        low, high = bounds[:, :2] * factor, bounds[:, 2:] * factor
        inside = finite & (abs(low[:, 0]) <= 180) & (abs(high[:, 0]) <= 180)
        inside &= (abs(low[:, 1]) <= 90) & (abs(high[:, 1]) <= 90)
        corners = [low, high]
    else:
        corners = []
        inside = finite
        for x, y in ((0, 1), (2, 3)):
            corner = np.column_stack(to_lonlat(crs, bounds[:, x], bounds[:, y]))
            corners.append(corner)
            inside = inside & np.isfinite(corner).all(axis=1)
    area = crs.area_of_use
    if area is None or area.east - area.west >= 359:
        return inside
    margin = _MARGIN_DEGREES["geographic" if crs.is_geographic else "projected"]
    width = (area.east - area.west) % 360
    for corner in corners:
        with np.errstate(invalid="ignore"):
            east = (corner[:, 0] - area.west + margin) % 360
            inside = inside & (east <= width + 2 * margin)
            inside &= (corner[:, 1] >= area.south - margin) & (corner[:, 1] <= area.north + margin)
    return inside


def _diagnosis(bounds: Any, crs: pyproj.CRS) -> tuple[str, str]:
    """Say what is most likely wrong with bounds that cannot be in ``crs``.

    That x and y are exchanged is a guess, so it is told with how many would fit, and made only
    where most would: one odd row among them hides it as little as it proves it.
    """
    small = np.isfinite(bounds).all() and (abs(bounds) <= 180).all()
    if crs.is_geographic:
        beyond = bool((abs(bounds[:, [0, 2]]) > 180).any() or (abs(bounds[:, [1, 3]]) > 90).any())
        what = (
            "outside the range of degrees" if beyond else f"outside the area of use of {name(crs)}"
        )
        if told := _exchanged(bounds, crs, what, "longitude"):
            return told
        if (abs(bounds) > 1000).any():
            return what, (
                "They look like metres: declare the projected CRS they are in, "
                'such as crs = "EPSG:4547".'
            )
        return what, "Correct the coordinates, or the CRS if it is another."
    what = f"outside the area of use of {name(crs)}"
    if small:
        return what, (
            'They look like degrees: declare the CRS they are in, such as crs = "EPSG:4490" '
            '(CGCS2000) or "EPSG:4326" (WGS 84).'
        )
    if told := _exchanged(bounds, crs, what, "easting"):
        return told
    prefix = _zone_prefix(bounds)
    if prefix is not None:
        return what, (
            f"The eastings begin with {prefix}: a zone prefix. Declare the CRS with the prefix, "
            f'such as crs = "EPSG:{4513 + prefix - 25}" (CGCS2000, 3-degree zone {prefix}).'
        )
    return what, "Correct the coordinates, or the CRS if it is another."


def _exchanged(bounds: Any, crs: pyproj.CRS, what: str, x: str) -> tuple[str, str] | None:
    """Say so where most of the bounds would fit with x and y exchanged."""
    fit = int(_in_area(bounds[:, [1, 0, 3, 2]], crs).sum())
    if 2 * fit <= len(bounds):
        return None
    mend = f"x and y look exchanged: name the columns the other way round (x is the {x})."
    if fit < len(bounds):
        mend += f" Then correct the {len(bounds) - fit} that fit neither way."
    return f"{what}; with x and y exchanged {fit} would fit", mend


def _zone_prefix(bounds: Any) -> int | None:
    """Return the 3-degree zone number that all eastings begin with, if any."""
    prefixes = {int(x // 1e6) for x in bounds[:, [0, 2]].ravel() if math.isfinite(x)}
    if len(prefixes) != 1:
        return None
    prefix = prefixes.pop()
    return prefix if 25 <= prefix <= 45 else None

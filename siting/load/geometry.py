"""Shapes of a layer on their way: in the working CRS, of the kinds wanted, valid, in the area.

What is wrong with a shape, and what is left out for it, is told to the layer's
:class:`~siting.load.intake.Intake`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pyproj
import shapely

from siting import crs as crs_
from siting.errors import Problem
from siting.load.intake import Flags, Intake
from siting.load.shapes import made_valid

Outside = Literal["dropped", "kept"]


def shapes_of(
    intake: Intake,
    crs: pyproj.CRS,
    *,
    kinds: Sequence[str],
    must_stay: Flags | None = None,
    area: Any = None,
    outside: Outside = "dropped",
    lengthless: bool = False,
) -> npt.NDArray[np.object_]:
    """Return geometries in the working CRS: valid, of the kinds wanted, in the study area.

    Parameters
    ----------
    intake
        The layer, whose raw rows have a geometry.
    crs
        The working CRS.
    kinds
        Geometry types accepted; others are problems in a file, drops in an OSM extract.
    must_stay
        Rows that carry people: without a geometry they are a problem, not a drop.
    area
        Study area in the working CRS; rows wholly outside are listed. None inside is a problem.
    outside
        What becomes of rows outside the area; those that ``must_stay`` are kept.
    lengthless
        Keep lines without length, for a list of their own.
    """
    raw = _checked(intake, crs)
    if raw is None:
        return np.full(len(intake), None, dtype=object)
    source = raw.geometry.to_numpy()
    bare = shapely.is_missing(source) | shapely.is_empty(source)
    stay = must_stay if must_stay is not None else np.zeros(len(intake), dtype=bool)
    intake.wrong(
        bare & stay, "have people but no geometry", "Give them a place, or take the row out."
    )
    osm = "osm_id" in intake.raw
    lost = (
        "an OSM element that is not of the wanted geometry, not closed or not whole"
        if osm
        else "no geometry"
    )
    intake.drop(bare & ~stay, lost)
    if bare.all():
        intake.problems.append(
            Problem(
                intake.layer, f"none of the {len(intake)} rows has a geometry", "Export it again."
            )
        )
        return np.full(len(intake), None, dtype=object)
    moved = shapely.force_2d(raw.geometry.to_crs(crs).to_numpy())
    moved = _simple(intake, moved, kinds)
    finite = np.isfinite(shapely.bounds(moved)).all(axis=1)
    intake.wrong(
        ~bare & ~finite & ~shapely.is_missing(moved),
        f"have coordinates that cannot be brought into {crs_.name(crs)}",
        "Correct the coordinates, or declare another working CRS.",
    )
    moved = _mended(intake, moved, bare | ~finite, stay)
    if not lengthless:
        dots = (shapely.get_dimensions(moved) == 1) & (shapely.length(moved) <= 0)
        intake.drop(dots & ~bare & finite, "a line without length")
    if area is not None:
        _inside(intake, moved, raw, crs, area, outside, stay)
    placed: npt.NDArray[np.object_] = moved
    return placed


def _checked(intake: Intake, crs: pyproj.CRS) -> gpd.GeoDataFrame | None:
    if not isinstance(intake.raw, gpd.GeoDataFrame) or intake.raw.crs is None:
        intake.problems.append(
            Problem(
                intake.layer,
                "the layer has no geometry in a known CRS",
                "Read it with siting.load.read_layer, or set its CRS.",
            )
        )
        return None
    shapes = intake.raw.geometry.to_numpy()
    places, owner = shapely.get_coordinates(shapes, return_index=True)
    odd = np.unique(owner[~np.isfinite(places).all(axis=1)])
    if len(odd):
        mask = np.zeros(len(intake), dtype=bool)
        mask[odd] = True
        intake.wrong(mask, "have a coordinate that is not a number", "Draw or export them again.")
        return None
    told = crs_.range_problems(shapes, intake.raw.crs, table=intake.layer, labels=intake.labels)
    if not told and intake.raw.crs != crs:
        bounds = shapely.bounds(shapes)
        lonlat = intake.raw.geometry.to_crs(4326).to_numpy()
        there = np.isfinite(bounds).all(axis=1)
        centres = shapely.centroid(shapely.envelope(lonlat[there]))
        points = np.full(len(shapes), None, dtype=object)
        working = crs_.from_lonlat(crs, shapely.get_x(centres), shapely.get_y(centres))
        points[there] = shapely.points(*working)
        told = crs_.range_problems(points, crs, table=intake.layer, labels=intake.labels)
        told = [
            Problem(
                p.table,
                f"{p.what.split(' rows ')[0]} rows lie where the working CRS "
                f"{crs_.name(crs)} cannot be used",
                "Correct their coordinates or CRS, or those of the zones, by which the "
                "working CRS is chosen where the study declares none.",
                p.rows,
            )
            for p in told
        ]
    intake.problems += told
    return None if told else intake.raw


def _simple(intake: Intake, shapes: Any, kinds: Sequence[str]) -> npt.NDArray[np.object_]:
    """Take multi-points of one point as that point; tell shapes of other kinds."""
    shapes = np.array(shapes, dtype=object)
    one = (shapely.get_type_id(shapes) == shapely.GeometryType.MULTIPOINT) & (
        shapely.get_num_geometries(shapes) == 1
    )
    shapes[one] = shapely.get_geometry(shapes[one], 0)
    there = ~shapely.is_missing(shapes) & ~shapely.is_empty(shapes)
    types = np.array([g.geom_type if g is not None else "" for g in shapes], dtype=object)
    other = there & ~np.isin(types, list(kinds))
    wanted = " or ".join(k for k in kinds if not k.startswith("Multi") or len(kinds) == 1)
    if "osm_id" in intake.raw:
        intake.drop(other, f"an OSM element that is not a {wanted}")
    elif other.any():
        example = types[int(np.flatnonzero(other)[0])]
        intake.wrong(
            other,
            f"have a geometry that is not a {wanted}, such as a {example}",
            f"Give a layer of {wanted} geometries.",
        )
    shapes[other] = None
    simple: npt.NDArray[np.object_] = shapes
    return simple


def _mended(
    intake: Intake, shapes: npt.NDArray[np.object_], skip: Flags, stay: Flags
) -> npt.NDArray[np.object_]:
    """Make invalid polygons valid, listed with the change of area."""
    shapes, mends = made_valid(shapes, skip)
    for row, what in mends:
        intake.note(row, what, "mended")
    size = shapely.get_dimensions(shapes)
    gone = (size == 2) & ~skip & (shapely.area(shapes) <= 0)
    gone |= (size < 0) & ~skip & ~shapely.is_missing(shapes)
    intake.wrong(gone & stay, "have people but a polygon without area", "Draw the polygon again.")
    intake.drop(gone & ~stay, "a polygon without area")
    return shapes


def _inside(
    intake: Intake,
    shapes: npt.NDArray[np.object_],
    raw: gpd.GeoDataFrame,
    crs: pyproj.CRS,
    area: Any,
    outside: Outside,
    stay: Flags,
) -> None:
    there = intake.keep & ~shapely.is_missing(shapes) & ~shapely.is_empty(shapes)
    if not there.any():
        return
    shapely.prepare(area)
    out = there & ~shapely.intersects(area, shapes)
    if (out == there).all():
        intake.problems.append(_all_outside(intake, raw, crs, area, there))
        return

    def far(row: int) -> str:
        km = float(shapely.distance(area, shapes[row])) / 1000
        return f"{max(km, 0.1):.1f} km outside the study area"

    kept = stay | (outside == "kept")
    intake.drop(out & ~kept, far)
    for i in np.flatnonzero(out & kept):
        intake.note(int(i), far(int(i)), "kept")


def _all_outside(
    intake: Intake, raw: gpd.GeoDataFrame, crs: pyproj.CRS, area: Any, there: Flags
) -> Problem:
    mend = "Check its CRS and the CRS of the zones, and that it is of this study's area."
    swapped = gpd.GeoSeries(
        shapely.transform(raw.geometry.to_numpy()[there], lambda c: c[:, ::-1]), crs=raw.crs
    )
    if not crs_.range_problems(swapped.to_numpy(), raw.crs, table="", labels=[""] * len(swapped)):
        hits = int(shapely.intersects(area, swapped.to_crs(crs).to_numpy()).sum())
        if hits:
            mend = (
                f"With x and y exchanged {hits} would lie inside: they look exchanged, here or "
                "in the zones. Name the columns the other way round (x is the longitude or "
                "the easting)."
            )
    rows = tuple(intake.labels[i] for i in np.flatnonzero(there))
    return Problem(intake.layer, f"none of the {len(rows)} rows lies in the study area", mend, rows)

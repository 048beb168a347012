"""Ground drawn twice or not at all: listed between zones, counted once on residential land."""

from __future__ import annotations

from typing import Any

import numpy as np
import shapely

from siting.load.intake import Intake
from siting.load.shapes import polygons_of
from siting.tables import label


def list_overlaps(intake: Intake, ids: list[str], shapes: Any, overlap_m2: float) -> None:
    """List zones that overlap by more than slivers."""
    kept = np.flatnonzero(intake.keep)
    tree = shapely.STRtree(shapes[kept])
    a, b = tree.query(shapes[kept], predicate="intersects")
    for i, j in zip(kept[a[a < b]], kept[b[a < b]], strict=True):
        area = float(shapely.area(shapely.intersection(shapes[i], shapes[j])))
        if area > overlap_m2:
            first = label(min(ids[i], ids[j]))
            for row, other in ((i, ids[j]), (j, ids[i])):
                what = f"overlaps {label(other)} by {area:.0f} m²; shared ground is {first}'s"
                intake.note(int(row), what, "kept")


def list_holes(intake: Intake, shapes: Any, least_m2: float) -> None:
    """List ground inside the zoning that no zone has, by more than slivers: a lake, or a gap."""
    whole = shapely.get_parts(shapely.union_all(shapes[intake.keep]))
    rings = [ring for part in whole for ring in shapely.get_rings(part)[1:]]
    if not rings:
        return
    holes = shapely.polygons(rings)
    sizes = shapely.area(holes)
    big = np.flatnonzero(sizes > least_m2)
    if len(big):
        place = shapely.point_on_surface(holes[np.argmax(sizes)])
        what = f"{sizes[big].sum():.0f} m² inside the zoning that no zone has"
        what += f", most at {place.x:.0f} {place.y:.0f}: who lives there is in no zone"
        intake.drops.append((intake.layer, f"{len(big)} holes", what, "kept"))


def count_once(intake: Intake, ids: list[str], shapes: Any) -> Any:
    """Give ground drawn twice to the smaller id alone."""
    shapes = np.array(shapes, dtype=object)
    given = shapes.copy()
    kept = np.flatnonzero(intake.keep)
    kept = kept[np.argsort(np.array(ids, dtype=object)[kept], kind="stable")]
    tree = shapely.STRtree(given[kept])
    later, earlier = tree.query(given[kept], predicate="intersects")
    for place in np.unique(later[earlier < later]):
        row = int(kept[place])
        others = kept[earlier[(later == place) & (earlier < place)]]
        taken = shapely.union_all(given[others])
        over = float(shapely.area(shapely.intersection(given[row], taken)))
        if over <= 1.0:
            continue
        left = polygons_of(shapely.difference(given[row], taken))
        shapes[row] = left
        names = ", ".join(label(ids[int(o)]) for o in others[:3])
        if shapely.area(left) < 1.0:
            gone = np.zeros(len(intake), dtype=bool)
            gone[row] = True
            intake.drop(gone, f"its ground is already in {names}")
        else:
            intake.note(row, f"{over:.0f} m² of its ground is already in {names}", "trimmed")
    return shapes

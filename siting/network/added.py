"""New streets of a plan: where they join what is there, and what is left of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import geopandas as gpd
import numpy as np
import shapely

from siting.errors import Problem
from siting.network.joints import Joints, parts
from siting.network.lines import from_lines
from siting.network.redraw import Draft
from siting.network.speeds import LEAST_KPH, MOST_KPH, Speeds

TABLE = "network_edits"
LEAST_M = 0.002
"""What is shorter between two joints is none: on whole millimetres it may have no length."""


@dataclass(frozen=True)
class Add:
    """A new street.

    Attributes
    ----------
    line
        Its corners, metres in the CRS of the network.
    highway
        Its class, as in the roads table.
    oneway
        ``""`` as is usual for the class, ``"yes"`` along the line, ``"-1"`` against it, ``"no"``.
    speed_kph
        Speed of cars; None for that of the class.
    bridge, tunnel
        It passes above or below what it crosses, and nobody lives on it.
    name
        What it is called in messages.
    join
        ``"ends"``: it joins streets where its ends touch them; ``"crossings"``: also where it
        crosses them at grade.
    """

    line: tuple[tuple[float, float], ...]
    highway: str
    oneway: Literal["", "yes", "-1", "no"] = ""
    speed_kph: float | None = None
    bridge: bool = False
    tunnel: bool = False
    name: str = ""
    join: Literal["ends", "crossings"] = "ends"


def bad_lines(adds: list[tuple[int, Add]], speeds: Speeds) -> list[Problem]:
    """Return what is wrong with the streets to be added."""
    problems = []
    for number, add in adds:
        name = (add.name,) if add.name else ()
        xy = np.array(add.line, dtype=float).reshape(-1, 2)
        if len(np.unique(np.round(xy, 3), axis=0)) < 2 or not np.isfinite(xy).all():
            problems.append(
                Problem(TABLE, f"edit {number} adds a line of no length", "Draw it.", name)
            )
        if speeds.road_class(add.highway) is None:
            problems.append(
                Problem(
                    TABLE,
                    f"edit {number} adds a street of unknown class {add.highway!r}",
                    f"Use one of {', '.join(sorted(speeds.classes))}.",
                    name,
                )
            )
        if add.speed_kph is not None and not LEAST_KPH <= add.speed_kph <= MOST_KPH["drive"]:
            problems.append(
                Problem(
                    TABLE,
                    f"edit {number} adds a street with a speed of {add.speed_kph} km/h",
                    f"Give one from {LEAST_KPH:g} to {MOST_KPH['drive']:g}, or none for that of "
                    "the class.",
                    name,
                )
            )
    return problems


def add_streets(
    draft: Draft,
    adds: list[tuple[int, Add]],
    speeds: Speeds,
    join_m: float,
    drops: list[tuple[str, str, str, str]],
) -> int:
    """Join new streets to the draft; return how many edges they are."""
    network = draft.network
    rank = {number: n for n, (number, _) in enumerate(adds, 1)}
    # in an order of their own, so that the order of edits does not matter
    adds = sorted(adds, key=lambda row: (row[1].line, repr(row[1])))
    lines = np.empty(len(adds), dtype=object)
    lines[:] = [shapely.LineString(np.round(np.array(a.line, dtype=float), 3)) for _, a in adds]
    open_ = [i for i, (_, a) in enumerate(adds) if speeds.kph(a.highway, network.mode) > 0]
    for i in sorted(set(range(len(adds))) - set(open_)):
        number, add = adds[i]
        what = f"highway={add.highway}"
        drops.append((TABLE, f"edit {number}", what, f"closed to mode {network.mode}"))
    if not open_:
        return 0
    adds, lines = [adds[i] for i in open_], lines[open_]
    joints = Joints(draft, lines, join_m)
    for i, line in enumerate(lines):
        joints.end(i, 0.0)
        joints.end(i, float(shapely.length(line)))
    level = [
        i for i, (_, a) in enumerate(adds) if a.join == "crossings" and not (a.bridge or a.tunnel)
    ]
    if level:
        joints.crossings(level)
    for i, along in joints.settle():
        number, add = adds[i]
        end = "start" if along == 0 else "end"
        what = f"the {end} of {add.name or 'the line'} joins nothing within {join_m:g} m"
        drops.append((TABLE, f"edit {number}", what, "kept as a dead end"))
    rows: list[dict[str, Any]] = []
    ends: list[tuple[int, int]] = []
    for i, (number, add) in enumerate(adds):
        for part, tail, head in parts(draft, lines[i], joints.stops[i]):
            if shapely.length(part) < LEAST_M:
                what = f"{add.name or 'the line'} has no length between what it joins"
                drops.append((TABLE, f"edit {number}", what, "left out"))
                continue
            rows.append(_row(number, add, part))
            ends.append((tail, head))
    if not rows:
        return 0
    way = min(0, int(network.way_id.min()))
    small = from_lines(
        gpd.GeoDataFrame(rows, geometry="geometry", crs=network.crs),
        mode=network.mode,
        speeds=speeds,
    )
    listed = small.drops[["row", "what", "action"]].to_numpy().tolist()
    drops += [(TABLE, row, what, action) for row, what, action in listed]
    for edge in range(small.tail.size):
        source = int(small.way_id[edge])
        row = {name: getattr(small, name)[edge] for name in _TAKEN}
        row |= {"tail": ends[source][0], "head": ends[source][1]}
        row |= {"geometry": rows[source]["geometry"]}
        row |= {"way_id": way - rank[rows[source]["edit"]]}
        draft.add(row)
    return int(small.tail.size)


_TAKEN = (
    "length_mm", "forward_ms", "backward_ms", "stoppable", "highway", "bridge", "tunnel",
)  # fmt: skip


def _row(number: int, add: Add, part: shapely.LineString) -> dict[str, Any]:
    """Return a piece of a new street as a row of a line layer."""
    return {
        "row": f"edit {number}",
        "edit": number,
        "highway": add.highway,
        "oneway": add.oneway,
        "speed_kph": add.speed_kph,
        "bridge": "yes" if add.bridge else "no",
        "tunnel": "yes" if add.tunnel else "no",
        "geometry": part,
    }

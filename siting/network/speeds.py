"""Road classes and speeds as data, and the one place where a length becomes a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Literal, get_args

import numpy as np
import numpy.typing as npt

Mode = Literal["walk", "cycle", "ebike", "drive"]
MODES: tuple[Mode, ...] = get_args(Mode)
RIDDEN: Final = frozenset(("cycle", "ebike"))
"""Bicycles and electric bicycles: ridden where riding is allowed, pushed where only walking is."""

SPEED_COLUMN: Final[Mapping[Mode, str]] = {
    "walk": "walk_kph", "cycle": "cycle_kph", "ebike": "ebike_kph", "drive": "speed_kph",
}  # fmt: skip
"""The column of a line layer that states a speed of its own, by mode."""

MOST_KPH: Final[Mapping[Mode, float]] = {
    "walk": 15.0, "cycle": 60.0, "ebike": 60.0, "drive": 300.0,
}  # fmt: skip
"""Stated speeds beyond these are slips of the pen: metres a minute for km/h."""

LEAST_KPH: Final = 0.1
"""Stated speeds below this are none: in whole metres per hour they would soon be zero."""

SURFACE_KEYS: Final = ("surface", "tracktype", "smoothness")

I64 = npt.NDArray[np.int64]


@dataclass(frozen=True)
class RoadClass:
    """What a ``highway`` class is good for.

    Attributes
    ----------
    drive_kph
        Travelling speed of a car, km/h; 0 where cars may not go.
    walk
        People may walk there unless tagged otherwise.
    stop
        A point may attach to it.
    oneway
        One-way unless tagged otherwise.
    cycle_kph, ebike_kph
        Travelling speed of a bicycle and of an electric one, km/h; 0 where they are not ridden.
    push
        Where they are not ridden, they may be pushed.
    """

    drive_kph: float
    walk: bool
    stop: bool
    oneway: bool = False
    cycle_kph: float = 0.0
    ebike_kph: float = 0.0
    push: bool = False

    def kph(self, mode: Mode) -> float:
        """Return the speed of a vehicle, 0 where it may not go."""
        return {"drive": self.drive_kph, "cycle": self.cycle_kph, "ebike": self.ebike_kph}[mode]


@dataclass(frozen=True)
class Riding:
    """How a bicycle gets on where it is not ridden as usual.

    Attributes
    ----------
    push_kph
        Speed of pushing it, km/h; 0 where nobody does.
    shared_kph
        Speed on a class that is not ridden unless a tag invites to: among people on foot.
    """

    push_kph: float = 0.0
    shared_kph: float = 0.0


@dataclass(frozen=True)
class Delay:
    """What passing a junction takes, seconds; see :mod:`siting.network.delay`.

    Attributes
    ----------
    signal_s
        By mode, passing traffic lights.
    junction_s
        By mode, passing a junction of three or more streets, one of them main. With lights the
        longer of the two counts.
    main
        Classes that make a junction one.
    signal_reach_m
        Lights farther than this from every junction are a crossing of their own.
    """

    signal_s: Mapping[Mode, float] = field(default_factory=dict)
    junction_s: Mapping[Mode, float] = field(default_factory=dict)
    main: frozenset[str] = frozenset()
    signal_reach_m: float = 0.0


@dataclass(frozen=True)
class Slope:
    """How slope changes walking time; see :mod:`siting.network.slope`.

    Attributes
    ----------
    rate, shift
        Of Tobler's function: speed is in proportion to ``exp(−rate · |S + shift|)``.
    spacing_m
        An edge is looked at in equal pieces of at most this length.
    steepest
        A piece steeper than this (rise over run) counts as this steep.
    """

    rate: float
    shift: float
    spacing_m: float
    steepest: float


@dataclass(frozen=True)
class Speeds:
    """The content of a speeds file; see :func:`siting.network.read_speeds`.

    Attributes
    ----------
    walk_kph
        Walking speed on every edge and on access legs, km/h.
    drive_access_kph
        Speed of the access leg of drivers, km/h.
    classes
        Road classes by OSM ``highway`` value.
    alias
        Other words for them, such as 主干路.
    limits
        Speed limits written as words (``CN:urban``), km/h.
    slope
        How slope changes walking time.
    riding
        How bicycles get on, by mode.
    surfaces
        ``{"surface" | "tracktype" | "smoothness": {word: {mode: factor}}}``; a mode that is not
        named keeps its speed.
    delay
        What passing a junction takes.
    factors
        By mode, what every speed of a vehicle is multiplied by, stated ones included.
    """

    walk_kph: float
    drive_access_kph: float
    classes: Mapping[str, RoadClass]
    alias: Mapping[str, str]
    limits: Mapping[str, float]
    slope: Slope
    riding: Mapping[Mode, Riding] = field(default_factory=dict)
    surfaces: Mapping[str, Mapping[str, Mapping[Mode, float]]] = field(default_factory=dict)
    delay: Delay = Delay()
    factors: Mapping[Mode, float] = field(default_factory=dict)

    def access_kph(self, mode: Mode) -> float:
        """Return the speed of access legs, km/h: they are walked, whatever the mode."""
        return self.drive_access_kph if mode == "drive" else self.walk_kph

    def road_class(self, highway: str) -> RoadClass | None:
        """Return the class of a ``highway`` value or of its alias, None where unknown."""
        return self.classes.get(self.class_name(highway))

    def class_name(self, highway: str) -> str:
        """Return the name of the class that a ``highway`` value stands for; itself if unknown.

        Examples
        --------
        >>> from siting.network import read_speeds
        >>> read_speeds().class_name("主干路")
        'primary'
        """
        return self.alias.get(highway, highway)

    def factor(self, mode: Mode) -> float:
        """Return what every speed of the mode is multiplied by."""
        return self.factors.get(mode, 1.0)

    def kph(self, highway: str, mode: Mode) -> float:
        """Return the speed of ``mode`` on a known class, 0 where it may not go.

        A bicycle that is not ridden there is pushed, where the class says so.

        Examples
        --------
        >>> from siting.network import read_speeds
        >>> [read_speeds().kph(way, "cycle") for way in ("residential", "footway", "steps")]
        [12.0, 3.6, 0.0]
        """
        found = self.road_class(highway)
        if found is None:
            return 0.0
        if mode == "walk":
            return self.walk_kph if found.walk else 0.0
        ridden = found.kph(mode) * self.factor(mode)
        return ridden if ridden > 0 or mode == "drive" else self.pushed_kph(found, mode)

    def pushed_kph(self, kind: RoadClass, mode: Mode) -> float:
        """Return the speed of a bicycle that is pushed along a class, 0 where it is not."""
        return self.riding[mode].push_kph if kind.push and kind.walk and mode in RIDDEN else 0.0

    def heeds(self, key: str, mode: Mode) -> bool:
        """Return whether any word of ``surface``, ``tracktype`` or ``smoothness`` matters."""
        return any(row.get(mode, 1.0) != 1.0 for row in self.surfaces.get(key, {}).values())

    def surface_factor(self, tags: Mapping[str, str], mode: Mode) -> tuple[float, tuple[str, ...]]:
        """Return what the speed of the class is multiplied by, and the words nobody knows.

        Of several words and several tags the slowest counts. A word that is not in the speeds
        file changes nothing and is returned (``"surface=lava"``), to be listed; a tag none of
        whose words matters to the mode is not read.

        Examples
        --------
        >>> from siting.network import read_speeds
        >>> read_speeds().surface_factor({"surface": "gravel;lava"}, "cycle")
        (0.7, ('surface=lava',))
        """
        factor, unknown = 1.0, []
        for key in SURFACE_KEYS:
            if not tags.get(key) or not self.heeds(key, mode):
                continue
            for word in tags[key].split(";"):
                row = self.surfaces[key].get(word.strip())
                if row is None:
                    unknown.append(f"{key}={word.strip()}")
                else:
                    factor = min(factor, row.get(mode, 1.0))
        return factor, tuple(unknown)

    def walking_at(self, kph: float) -> Speeds:
        """Return the same speeds with another walking speed (km/h), access legs included.

        Examples
        --------
        >>> from siting.network import read_speeds
        >>> read_speeds().walking_at(5.0).walk_kph
        5.0
        """
        return replace(self, walk_kph=float(kph), drive_access_kph=float(kph))

    def going_by(self, mode: Mode, factor: float) -> Speeds:
        """Return the same speeds with the vehicles of ``mode`` ``factor`` times as fast.

        Access legs are walked and pushing is walking: both stay.

        Examples
        --------
        >>> from siting.network import read_speeds
        >>> read_speeds().going_by("drive", 0.5).kph("primary", "drive")
        22.5
        """
        return replace(self, factors={**self.factors, mode: float(factor)})

    def waiting(
        self, mode: Mode, *, signal_s: float | None = None, junction_s: float | None = None
    ) -> Speeds:
        """Return the same speeds with other delays of one mode, seconds; see :class:`Delay`.

        Examples
        --------
        >>> from siting.network import read_speeds
        >>> read_speeds().waiting("drive", signal_s=15).delay.signal_s["drive"]
        15.0
        """
        delay, signals, junctions = self.delay, {}, {}
        if signal_s is not None:
            signals = {mode: float(signal_s)}
        if junction_s is not None:
            junctions = {mode: float(junction_s)}
        delay = replace(
            delay,
            signal_s={**delay.signal_s, **signals},
            junction_s={**delay.junction_s, **junctions},
        )
        return replace(self, delay=delay)


def travel_ms(length_mm: I64, kph: npt.NDArray[np.float64] | float) -> I64:
    """Return the time over a length in milliseconds, rounded half up once.

    The speed is taken to the metre per hour, and is one at least, so that the quotient is one of
    integers and the same everywhere: ``(2 · 3600 · mm + v) // (2 v)`` with ``v`` in m/h.

    Parameters
    ----------
    length_mm
        Lengths, mm.
    kph
        One speed or one per length, km/h, above zero.

    Examples
    --------
    >>> travel_ms(np.array([60_000]), 3.6).tolist()
    [60000]
    """
    v = np.floor(np.asarray(kph, dtype=np.float64) * 1000.0 + 0.5).astype(np.int64)
    v = np.maximum(v, 1)  # numpy divides by zero to zero: the slowest street would take no time
    result: I64 = (2 * 3600 * np.asarray(length_mm, dtype=np.int64) + v) // (2 * v)
    return result


@dataclass(frozen=True)
class LineSpeeds:
    """Speeds of the rows of a line layer.

    Attributes
    ----------
    kph
        float64 by row, 0 where the mode may not go.
    pushed
        bool by row: a bicycle is led here, as fast as people walk and in both directions.
    unknown
        How many rows have a surface that the speeds file has no factor for, by surface.
    """

    kph: npt.NDArray[np.float64]
    pushed: npt.NDArray[np.bool_]
    unknown: Mapping[str, int]


def line_speeds(
    kinds: Sequence[RoadClass] | npt.NDArray[np.object_],
    stated: npt.NDArray[np.float64],
    surface: Sequence[str] | npt.NDArray[np.object_],
    *,
    mode: Mode,
    speeds: Speeds,
) -> LineSpeeds:
    """Return the speed on each row: stated, else of the class on its surface.

    Parameters
    ----------
    kinds
        Class of each row.
    stated
        A speed of the row's own, km/h, NaN where there is none. It wins over class and surface
        where the class is open to the mode; a class that is closed stays so.
    surface
        Surface of each row, blank where unknown.
    mode
        Who goes there.
    speeds
        Speeds in force; their factor of the mode applies to stated speeds too.

    Examples
    --------
    >>> from siting.network import read_speeds
    >>> shipped = read_speeds()
    >>> ways = [shipped.classes[name] for name in ("residential", "residential", "footway")]
    >>> stated = np.array([np.nan, 18.0, 18.0])
    >>> line_speeds(ways, stated, ["sand"] * 3, mode="ebike", speeds=shipped).kph.tolist()
    [6.0, 18.0, 3.6]
    """
    # rows are many, and pairs of class and surface few
    pairs: dict[tuple[int, str], tuple[int, RoadClass]] = {}
    pair = np.array(
        [
            pairs.setdefault((id(kind), word), (len(pairs), kind))[0]
            for kind, word in zip(kinds, surface, strict=True)
        ],
        dtype=np.int64,
    )
    usual, led, share = np.zeros(len(pairs)), np.zeros(len(pairs)), np.ones(len(pairs))
    strange: list[tuple[str, ...]] = []
    for (_, word), (i, kind) in pairs.items():
        walked = speeds.walk_kph if kind.walk else 0.0
        usual[i] = walked if mode == "walk" else kind.kph(mode)
        share[i], words = speeds.surface_factor({"surface": word}, mode)
        strange.append(words)
        if usual[i] <= 0 and mode in RIDDEN:
            led[i] = speeds.pushed_kph(kind, mode)
    own = np.isfinite(stated)
    kph = np.where(own, stated, (usual * share)[pair]) * speeds.factor(mode)
    kph = np.where((usual > 0)[pair], kph, led[pair])
    silent = np.bincount(pair[~own & (usual > 0)[pair]], minlength=len(pairs))
    unknown: dict[str, int] = {}
    for names, rows in zip(strange, silent.tolist(), strict=True):
        for name in names if rows else ():
            unknown[name] = unknown.get(name, 0) + rows
    return LineSpeeds(kph, led[pair] > 0, unknown)

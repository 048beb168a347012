"""Road classes and speeds as data, and the one place where a length becomes a time."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from siting.errors import DataError, Problem

Mode = Literal["walk", "cycle", "ebike", "drive"]
MODES: tuple[Mode, ...] = get_args(Mode)

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
    """

    drive_kph: float
    walk: bool
    stop: bool
    oneway: bool = False


@dataclass(frozen=True)
class Speeds:
    """The content of a speeds file; see :func:`read_speeds`.

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
    drive_factor
        What every speed of a car is multiplied by, those that the data state included.
    """

    walk_kph: float
    drive_access_kph: float
    classes: Mapping[str, RoadClass]
    alias: Mapping[str, str]
    limits: Mapping[str, float]
    drive_factor: float = 1.0

    def access_kph(self, mode: Mode) -> float:
        """Return the speed of access legs, km/h."""
        return self.walk_kph if mode == "walk" else self.drive_access_kph

    def road_class(self, highway: str) -> RoadClass | None:
        """Return the class of a ``highway`` value or of its alias, None where unknown."""
        return self.classes.get(self.alias.get(highway, highway))

    def kph(self, highway: str, mode: Mode) -> float:
        """Return the speed of ``mode`` on a known class, 0 where it may not go."""
        found = self.road_class(highway)
        if found is None:
            return 0.0
        if mode == "walk":
            return self.walk_kph if found.walk else 0.0
        return found.drive_kph * self.drive_factor

    def walking_at(self, kph: float) -> Speeds:
        """Return the same speeds with another walking speed (km/h), access legs included.

        Examples
        --------
        >>> read_speeds().walking_at(5.0).walk_kph
        5.0
        """
        return replace(self, walk_kph=float(kph), drive_access_kph=float(kph))

    def driving_by(self, factor: float) -> Speeds:
        """Return the same speeds with cars ``factor`` times as fast; access legs are walked.

        Examples
        --------
        >>> read_speeds().driving_by(0.5).kph("primary", "drive")
        22.5
        """
        return replace(self, drive_factor=float(factor))


def read_speeds(path: Path | str | None = None) -> Speeds:
    """Return the speeds that ship with siting, overridden by the file at ``path`` where given.

    Parameters
    ----------
    path
        A TOML file of the shape of ``siting/network/speeds.toml``: tables ``walk``, ``drive``,
        ``class``, ``alias``, ``limit``. It holds only what differs; a class it names is replaced
        key by key.

    Raises
    ------
    DataError
        The file is not there or not TOML, a key is unknown or a value is not of its kind; all
        problems at once.

    Examples
    --------
    >>> read_speeds().classes["primary"].drive_kph
    45
    """
    shipped = tomllib.loads(
        resources.files("siting.network").joinpath("speeds.toml").read_text("utf-8")
    )
    given: dict[str, Any] = {}
    if path is not None:
        try:
            given = tomllib.loads(Path(path).read_text("utf-8"))
        except OSError as error:
            raise DataError(
                Problem("speeds", f"{path} cannot be read: {error}", "Name a readable TOML file.")
            ) from error
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise DataError(
                Problem("speeds", f"{path} is not TOML: {error}", "Mend the file at that line.")
            ) from error
    problems: list[Problem] = []
    _check(given, problems)
    if problems:
        raise DataError(problems)
    classes = {name: dict(row) for name, row in shipped["class"].items()}
    for name, row in given.get("class", {}).items():
        blank = {"drive_kph": 0, "walk": False, "stop": True}
        classes[name] = {**classes.get(name, blank), **row}
    alias = {**shipped["alias"], **given.get("alias", {})}
    for word, name in alias.items():
        if name not in classes:
            problems.append(
                Problem(
                    "speeds",
                    f"alias {word!r} stands for {name!r}, which is no class",
                    f"Name one of {', '.join(sorted(classes))}, or add [class.{name}].",
                )
            )
    if problems:
        raise DataError(problems)
    return Speeds(
        walk_kph=float({**shipped["walk"], **given.get("walk", {})}["kph"]),
        drive_access_kph=float({**shipped["drive"], **given.get("drive", {})}["access_kph"]),
        classes={name: RoadClass(**row) for name, row in classes.items()},
        alias=alias,
        limits={**shipped["limit"], **given.get("limit", {})},
    )


_KEYS: dict[str, dict[str, type]] = {
    "walk": {"kph": float, "source": str, "status": str},
    "drive": {"access_kph": float, "source": str, "status": str},
}
_CLASS_KEYS: dict[str, type] = {"drive_kph": float, "walk": bool, "stop": bool, "oneway": bool}


def _check(given: Mapping[str, Any], problems: list[Problem]) -> None:
    """Append a problem for every key of an override file that is unknown or of the wrong kind."""
    expected = ("walk", "drive", "class", "alias", "limit")
    for name, table in given.items():
        if name not in expected or not isinstance(table, dict):
            problems.append(
                Problem("speeds", f"unknown entry {name!r}", f"Tables are {', '.join(expected)}.")
            )
            continue
        if name == "class":
            for highway, row in table.items():
                if not isinstance(row, dict):
                    _wrong(f"class.{highway}", row, "a table such as { drive_kph = 30 }", problems)
                    continue
                for key, value in row.items():
                    _check_value(f"class.{highway}", key, value, _CLASS_KEYS, problems)
        elif name == "alias":
            for word, value in table.items():
                if not isinstance(value, str):
                    _wrong(f"alias.{word}", value, "the name of a class", problems)
        elif name == "limit":
            for word, value in table.items():
                _check_value("limit", word, value, {word: float}, problems)
        else:
            for key, value in table.items():
                _check_value(name, key, value, _KEYS[name], problems)


def _check_value(
    table: str, key: str, value: object, keys: Mapping[str, type], problems: list[Problem]
) -> None:
    if key not in keys:
        problems.append(
            Problem("speeds", f"unknown key {table}.{key}", f"Keys are {', '.join(keys)}.")
        )
        return
    kind = keys[key]
    if kind is float:
        least = 0.0 if key == "drive_kph" else 0.1
        right = isinstance(value, int | float) and not isinstance(value, bool)
        if not right or not least <= float(str(value)) <= 300:
            _wrong(f"{table}.{key}", value, f"a speed from {least:g} to 300 km/h", problems)
    elif not isinstance(value, kind):
        _wrong(f"{table}.{key}", value, "true or false" if kind is bool else "text", problems)


def _wrong(where: str, value: object, wanted: str, problems: list[Problem]) -> None:
    problems.append(Problem("speeds", f"{where} is {value!r}", f"Write {wanted}."))


def travel_ms(length_mm: I64, kph: npt.NDArray[np.float64] | float) -> I64:
    """Return the time over a length in milliseconds, rounded half up once.

    The speed is taken to the metre per hour, so that the quotient is one of integers and the same
    everywhere: ``(2 · 3600 · mm + v) // (2 v)`` with ``v`` in m/h.

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
    result: I64 = (2 * 3600 * np.asarray(length_mm, dtype=np.int64) + v) // (2 * v)
    return result

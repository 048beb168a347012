"""The speeds file: what ships with siting, and what a study writes over it."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any, Final

from siting.errors import DataError, NetworkError, Problem
from siting.network.speeds import (
    LEAST_KPH,
    MODES,
    SURFACE_KEYS,
    Delay,
    Mode,
    Riding,
    RoadClass,
    Slope,
    Speeds,
)


def speeds_for(mode: str, speeds: Speeds | Path | str | None) -> Speeds:
    """Return speeds as they are or read from a file, for a mode that there is.

    Raises
    ------
    NetworkError
        There is no such mode.
    DataError
        See :func:`read_speeds`.

    Examples
    --------
    >>> speeds_for("walk", None).walk_kph
    3.6
    """
    if mode not in MODES:
        raise NetworkError(f"roads: there is no mode {mode!r}. Use one of {', '.join(MODES)}.")
    return speeds if isinstance(speeds, Speeds) else read_speeds(speeds)


def read_speeds(path: Path | str | None = None) -> Speeds:
    """Return the speeds that ship with siting, overridden by the file at ``path`` where given.

    Parameters
    ----------
    path
        A TOML file of the shape of ``siting/network/speeds.toml``: tables ``walk``, ``drive``,
        ``cycle``, ``ebike``, ``class``, ``alias``, ``limit``, ``surface``, ``tracktype``,
        ``smoothness``, ``delay``, ``slope``. It holds only what differs; a row it names is
        replaced key by key.

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
    text = resources.files("siting.network").joinpath("speeds.toml").read_text("utf-8")
    given = {} if path is None else _parsed(path)
    problems: list[Problem] = []
    _check(given, problems)
    if problems:
        raise DataError(problems)
    whole = _merged(tomllib.loads(text), given)
    classes = {name: RoadClass(**{**_BLANK, **row}) for name, row in whole["class"].items()}
    for word, name in whole["alias"].items():
        if name not in classes:
            problems.append(
                Problem(
                    "speeds",
                    f"alias {word!r} stands for {name!r}, which is no class",
                    f"Name one of {', '.join(sorted(classes))}, or add [class.{name}].",
                )
            )
    problems += [
        Problem("speeds", f"delay.main names {name!r}, which is no class", "Name classes.")
        for name in whole["delay"]["main"]
        if name not in classes
    ]
    surfaces = {key: _surfaces(key, whole[key], problems) for key in SURFACE_KEYS}
    if problems:
        raise DataError(problems)
    return Speeds(
        walk_kph=float(whole["walk"]["kph"]),
        drive_access_kph=float(whole["drive"]["access_kph"]),
        classes=classes,
        alias=whole["alias"],
        limits=whole["limit"],
        slope=Slope(**{key: float(whole["slope"][key]) for key in _SLOPE_KEYS}),
        riding={
            mode: Riding(float(whole[mode]["push_kph"]), float(whole[mode]["shared_kph"]))
            for mode in _RIDDEN
        },
        surfaces=surfaces,
        delay=Delay(
            signal_s={mode: float(whole["delay"][mode]["signal_s"]) for mode in MODES},
            junction_s={mode: float(whole["delay"][mode]["junction_s"]) for mode in MODES},
            main=frozenset(whole["delay"]["main"]),
            signal_reach_m=float(whole["delay"]["signal_reach_m"]),
        ),
    )


Kind = tuple[str, float, float] | str
"""What a value may be: ``(what, least, most)`` of a number, or ``"text"``, ``"flag"``…"""

_SPEED: Final = ("a speed", LEAST_KPH, 300.0)
_SPEED_OR_NONE: Final = ("a speed", 0.0, 300.0)
_FACTOR: Final = ("a factor", 0.05, 2.0)
_SECONDS: Final = ("a number of seconds", 0.0, 600.0)
_RIDDEN: Final[tuple[Mode, ...]] = ("cycle", "ebike")
_SAID: Final[dict[str, Kind]] = {"source": "text", "status": "text"}
_RIDING: Final[dict[str, Kind]] = {"push_kph": _SPEED_OR_NONE, "shared_kph": _SPEED_OR_NONE}
_SLOPE_KEYS: Final[dict[str, Kind]] = {
    "rate": ("a rate", 0.0, 6.0),
    "shift": ("a slope", 0.0, 0.5),
    "spacing_m": ("a number of metres", 1.0, 1000.0),
    "steepest": ("a slope", 0.05, 2.0),
}
_TABLES: Final[dict[str, dict[str, Kind]]] = {
    "walk": {"kph": _SPEED, **_SAID},
    "drive": {"access_kph": _SPEED, **_SAID},
    "cycle": {**_RIDING, **_SAID},
    "ebike": {**_RIDING, **_SAID},
    "slope": {**_SLOPE_KEYS, **_SAID},
    "delay": {
        "signal_reach_m": ("a number of metres", 0.0, 200.0),
        "main": "list",
        **dict.fromkeys(MODES, "table"),
        **_SAID,
    },
}
_ROWS: Final[dict[str, dict[str, Kind]]] = {
    "class": {
        "drive_kph": _SPEED_OR_NONE,
        "walk": "flag",
        "stop": "flag",
        "oneway": "flag",
        "cycle_kph": _SPEED_OR_NONE,
        "ebike_kph": _SPEED_OR_NONE,
        "push": "flag",
    },
    **{key: dict.fromkeys(MODES, _FACTOR) for key in SURFACE_KEYS},
}
_DELAYS: Final[dict[str, Kind]] = {"signal_s": _SECONDS, "junction_s": _SECONDS}
_NAMES: Final = (*_TABLES, *_ROWS, "alias", "limit")
_BLANK: Final[dict[str, Any]] = {"drive_kph": 0, "walk": False, "stop": True}


def _parsed(path: Path | str) -> dict[str, Any]:
    try:
        return tomllib.loads(Path(path).read_text("utf-8-sig"))
    except OSError as error:
        raise DataError(
            Problem("speeds", f"{path} cannot be read: {error}", "Name a readable TOML file.")
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise DataError(
            Problem("speeds", f"{path} is not TOML: {error}", "Mend the file at that line.")
        ) from error


def _merged(shipped: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``shipped`` with what ``given`` names written over it, tables key by key."""
    whole = dict(shipped)
    for key, value in given.items():
        before = whole.get(key)
        if isinstance(before, dict) and isinstance(value, dict):
            whole[key] = _merged(before, value)
        else:
            whole[key] = value
    return whole


def _surfaces(
    key: str, table: Mapping[str, Any], problems: list[Problem]
) -> dict[str, Mapping[Mode, float]]:
    """Return factors by word; a word may stand for another one."""
    found: dict[str, Mapping[Mode, float]] = {}
    for word, row in table.items():
        meant = table.get(row) if isinstance(row, str) else row
        if isinstance(meant, dict):
            found[word] = meant
        else:
            problems.append(
                Problem(
                    "speeds",
                    f"{key}.{word} stands for {row!r}, which has no factors",
                    f"Name a word of [{key}] that has.",
                )
            )
    return found


def _check(given: Mapping[str, Any], problems: list[Problem]) -> None:
    """Append a problem for every key of an override file that is unknown or of the wrong kind."""
    for name, table in given.items():
        if name not in _NAMES or not isinstance(table, dict):
            problems.append(
                Problem("speeds", f"unknown entry {name!r}", f"Tables are {', '.join(_NAMES)}.")
            )
        elif name in _ROWS:
            for word, row in table.items():
                if name != "class" and isinstance(row, str):
                    continue  # stands for another word
                _check_row(f"{name}.{word}", row, _ROWS[name], problems)
        elif name == "alias":
            for word, value in table.items():
                if not isinstance(value, str):
                    _wrong(f"alias.{word}", value, "the name of a class", problems)
        elif name == "limit":
            _check_row("limit", table, dict.fromkeys(table, _SPEED), problems)
        else:
            _check_row(name, table, _TABLES[name], problems)


def _check_row(where: str, row: object, kinds: Mapping[str, Kind], problems: list[Problem]) -> None:
    if not isinstance(row, dict):
        example = next(iter(kinds))
        _wrong(where, row, f"a table such as {{ {example} = … }}", problems)
        return
    for key, value in row.items():
        name, kind = f"{where}.{key}", kinds.get(key)
        if kind is None:
            problems.append(
                Problem("speeds", f"unknown key {name}", f"Keys are {', '.join(kinds)}.")
            )
        elif isinstance(kind, tuple):
            what, least, most = kind
            number = isinstance(value, int | float) and not isinstance(value, bool)
            # 0 says that the class is closed; less than the least speed is no speed
            open_ = kind != _SPEED_OR_NONE or value == 0 or (number and value >= LEAST_KPH)
            if not number or not open_ or not least <= float(value) <= most:
                unit = " km/h" if what == "a speed" else ""
                _wrong(name, value, f"{what} from {least:g} to {most:g}{unit}", problems)
        elif kind == "table":
            _check_row(name, value, _DELAYS, problems)
        elif kind == "list":
            if not isinstance(value, list) or not all(isinstance(v, str) for v in value):
                _wrong(name, value, "a list of classes", problems)
        elif not isinstance(value, bool if kind == "flag" else str):
            _wrong(name, value, "true or false" if kind == "flag" else "text", problems)


def _wrong(where: str, value: object, wanted: str, problems: list[Problem]) -> None:
    problems.append(Problem("speeds", f"{where} is {value!r}", f"Write {wanted}."))

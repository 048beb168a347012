"""Every word a user sees on a page or in a report, and the one way numbers are written.

The words live in ``text.toml`` beside this module, one table per key with ``zh`` and ``en``. A key
or language that is not there is a mistake of ours and raises ``KeyError``: nothing falls back to
another language in silence.
"""

from __future__ import annotations

import math
import re
import string
import tomllib
from functools import cache
from importlib import resources
from typing import Any

LANGS = ("zh", "en")
"""Languages of the catalogue; the first is the default of the product."""

DASH = "—"
"""Written where there is no number."""


@cache
def catalogue() -> dict[str, dict[str, str]]:
    """Return all entries, ``{key: {language: words}}``, with nested tables joined by dots.

    Examples
    --------
    >>> sorted(catalogue()["persons"])
    ['en', 'zh']
    """
    raw = resources.files("siting").joinpath("text.toml").read_text("utf-8")
    flat: dict[str, dict[str, str]] = {}
    _flatten("", tomllib.loads(raw), flat)
    return flat


def _flatten(prefix: str, fields: dict[str, Any], into: dict[str, dict[str, str]]) -> None:
    """Join TOML's nested tables into dotted keys; an entry is a table that holds strings."""
    words = {lang: value for lang, value in fields.items() if isinstance(value, str)}
    if words:
        into[prefix] = words
    for key, value in fields.items():
        if isinstance(value, dict):
            _flatten(f"{prefix}.{key}" if prefix else key, value, into)


def get(key: str, lang: str, **values: str) -> str:
    """Return the words under ``key`` with the placeholders filled.

    Parameters
    ----------
    key
        Dotted key of ``text.toml``.
    lang
        ``"zh"`` or ``"en"``.
    **values
        One string for each placeholder; numbers are written by the functions below first.

    Raises
    ------
    KeyError
        The key, the language or a placeholder's value is missing.

    Examples
    --------
    >>> get("unit.persons", "en", n=count(12345))
    '12,345 people'
    >>> get("finding.within", "zh", mode="步行", limit="500 米")
    '步行 500 米内'
    """
    entry = catalogue().get(key)
    if entry is None:
        raise KeyError(f"text.toml has no entry {key!r}")
    if lang not in entry:
        raise KeyError(f"text.toml has no {lang!r} for {key!r}")
    return _filled(entry[lang], values, spaced=lang == "zh")


def _filled(words: str, values: dict[str, str], *, spaced: bool) -> str:
    """Return words with their placeholders filled; ``spaced`` sets what is Latin off from Chinese.

    Where a value meets the words around it, or another value, a space stands between a Chinese
    character and a letter or number, so that no entry need know how its values begin and end.
    """
    told = ""
    for literal, name, _, _ in string.Formatter().parse(words):
        for piece in (literal, "" if name is None else values[name]):
            told += (" " if spaced and _apart(told[-1:], piece[:1]) else "") + piece
    return told


def _apart(before: str, after: str) -> bool:
    """Return whether one of two characters is Chinese and the other of a number or Latin word."""
    return bool(_MEETING.fullmatch(before + after))


_LATIN, _HAN = "[A-Za-z0-9%<>+]", "[\u3400-\u9fff]"
_MEETING = re.compile(f"{_LATIN}{_HAN}|{_HAN}{_LATIN}")


def has(key: str) -> bool:
    """Return whether the catalogue holds ``key``.

    Examples
    --------
    >>> has("persons"), has("no.such.key")
    (True, False)
    """
    return key in catalogue()


def words(prefix: str, lang: str) -> dict[str, str]:
    """Return the entries under ``prefix`` as they stand, by the rest of their key.

    This is how the scripts of a page get their words.

    Examples
    --------
    >>> words("settlement", "en")["urban"]
    'Urban'
    """
    start = f"{prefix}."
    return {
        key[len(start) :]: entry[lang]
        for key, entry in catalogue().items()
        if key.startswith(start)
    }


def placeholders(words_of_entry: str) -> set[str]:
    """Return the names of the placeholders in an entry.

    Examples
    --------
    >>> placeholders("{n} people")
    {'n'}
    """
    return {name for _, name, _, _ in string.Formatter().parse(words_of_entry) if name}


def count(number: float | None) -> str:
    """Write a whole number with thousands separators.

    Examples
    --------
    >>> count(1234567), count(None)
    ('1,234,567', '—')
    """
    return DASH if _missing(number) else f"{round(float(number or 0)):,}"


def decimal(number: float | None, places: int = 1) -> str:
    """Write a number with ``places`` decimals and thousands separators.

    Examples
    --------
    >>> decimal(12.34), decimal(float("nan"))
    ('12.3', '—')
    """
    return DASH if _missing(number) else f"{float(number or 0):,.{places}f}"


def percent(share: float | None) -> str:
    """Write a share (0–1) as a percentage with one decimal.

    A share that is not all is never written 100.0 %, and one that is not nothing never 0.0 %: 13
    people out of 60,000 are still 13 people.

    Examples
    --------
    >>> percent(0.1839), percent(1.0), percent(0.99999), percent(0.0001)
    ('18.4%', '100.0%', '>99.9%', '<0.1%')
    """
    if _missing(share):
        return DASH
    value = float(share or 0)
    written = f"{value * 100:,.1f}%"
    if value < 1 and written == "100.0%":
        return ">99.9%"
    if value > 0 and written == "0.0%":
        return "<0.1%"
    return written


def percent_range(low: float | None, high: float | None) -> str:
    """Write two shares as a range.

    Examples
    --------
    >>> percent_range(0.152, 0.174), percent_range(0.5, 0.5)
    ('15.2–17.4%', '50.0%')
    """
    if _missing(low) or _missing(high):
        return DASH
    first, last = percent(low), percent(high)
    if first == last:
        return first
    return f"{first.removesuffix('%')}–{last}"


def points(share: float | None) -> str:
    """Write a difference of two shares in signed percentage points.

    Examples
    --------
    >>> points(0.052), points(-0.1)
    ('+5.2', '-10.0')
    """
    return DASH if _missing(share) else f"{float(share or 0) * 100:+,.1f}"


def with_unit(number: float | None, unit: str, lang: str) -> str:
    """Write a number with its unit: ``m``, ``min``, ``share``, ``persons``, ``m2`` and the like.

    Square metres of 10,000 and more are written in hectares.

    Examples
    --------
    >>> with_unit(500, "m", "zh"), with_unit(0.9, "share", "en"), with_unit(25600, "m2", "en")
    ('500 米', '90.0%', '2.6 ha')
    """
    if _missing(number):
        return DASH
    value = float(number or 0)
    if unit == "share":
        return percent(value)
    if unit == "text":
        return DASH
    if unit == "m2" and abs(value) >= 10_000:
        return get("unit.ha", lang, n=decimal(value / 10_000))
    whole = value == round(value) or unit in {"persons", "pupils", "m", "m2"}
    written = count(value) if whole else f"{value:,.10g}" if unit != "min" else decimal(value)
    return get(f"unit.{unit}", lang, n=written) if has(f"unit.{unit}") else f"{written} {unit}"


def hectares(area_m2: float | None, lang: str) -> str:
    """Write square metres in hectares, so that a column of areas has one unit.

    Examples
    --------
    >>> hectares(0, "zh"), hectares(25600, "en")
    ('0.0 公顷', '2.6 ha')
    """
    if _missing(area_m2):
        return DASH
    return get("unit.ha", lang, n=decimal(float(area_m2 or 0) / 10_000))


def joined(parts: list[str], lang: str) -> str:
    """Join words in a list the way the language does.

    Examples
    --------
    >>> joined(["城区", "镇区"], "zh")
    '城区、镇区'
    """
    return get("list.separator", lang).join(parts)


def _missing(number: float | None) -> bool:
    """Return whether there is no number: None, NaN or pandas' NA."""
    if number is None:
        return True
    try:
        return math.isnan(number)
    except TypeError:  # pandas.NA refuses float()
        return True

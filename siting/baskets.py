"""Baskets as data: which kinds of facility every level of life circle and every group should have.

They live in ``baskets.toml`` beside this module. A basket names kinds of facility, the rule it is
judged by, and how people get there; a study says which baskets it asks for, and may change them
with a reason (:mod:`siting.study.baskets`).
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any


@dataclass(frozen=True)
class Kind:
    """A kind of facility.

    Attributes
    ----------
    id
        Stable identifier; ``services.….kind`` names it.
    field
        What it is for: education, health, elderly_care, child_care, culture, sport, shops,
        open_space or charging.
    norm
        Rule id of a norm per thousand residents; ``""`` where none is used.
    least
        Rule id of the least area of a park that is one; ``""`` for kinds that no park is.
    """

    id: str
    field: str
    norm: str = ""
    least: str = ""


@dataclass(frozen=True)
class Basket:
    """What should be in reach of everybody of one level or group.

    Attributes
    ----------
    id
        Stable identifier; a study asks for it as ``[baskets.<id>]``.
    rule
        Rule id: how far.
    kinds
        Kinds of facility that make it whole, in the order they are shown.
    optional
        Kinds that a study may add with ``with_options``.
    mode
        How people get there; ``""``: by each service's own way.
    walkers
        At whose pace (``elderly``, ``children``), who are then the people counted; ``""``: whoever
        walks, for a rule in metres knows no pace.
    source, status
        Who says that these kinds belong to it, and whether that was read, as of a rule.
    """

    id: str
    rule: str
    kinds: tuple[str, ...]
    optional: tuple[str, ...] = ()
    mode: str = ""
    walkers: str = ""
    source: str = ""
    status: str = "assumed"


@cache
def _content() -> dict[str, dict[str, Any]]:
    raw = resources.files("siting").joinpath("baskets.toml").read_text("utf-8")
    content: dict[str, dict[str, Any]] = tomllib.loads(raw)
    return content


def kinds() -> dict[str, Kind]:
    """Return all kinds of facility by id.

    Examples
    --------
    >>> kinds()["child_care"]
    Kind(id='child_care', field='child_care', norm='provision.child_care', least='')
    """
    return {name: Kind(name, **fields) for name, fields in _content()["kinds"].items()}


def shipped() -> dict[str, Basket]:
    """Return the baskets that come with siting, by id.

    Examples
    --------
    >>> shipped()["circle_10min"].kinds
    ('primary', 'sport_ground', 'market', 'park')
    """
    lists = ("kinds", "optional")
    return {
        name: Basket(name, **fields | {key: tuple(fields[key]) for key in lists})
        for name, fields in _content()["baskets"].items()
    }

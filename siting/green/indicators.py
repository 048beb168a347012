"""Which parks serve whom how far: the indicators and their targets, all numbers from rules."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from siting.errors import StudyError, first_ids
from siting.rules import Rule

INDICATORS = ("see_green_300", "park_500", "park_radius_rate")


@dataclass(frozen=True)
class SizeClass:
    """Parks of one size class and how far they serve.

    Attributes
    ----------
    rule_id
        The rule of the radius.
    radius_m
        How far they serve.
    kinds
        Which ``kind`` of green counts: ``park``, ``green``.
    at_least_m2, below_m2
        Area of the park: ``at_least_m2 ≤ area < below_m2``; ``below_m2`` ``None`` has no end.
    quarters
        Quarters of residential land it serves (``old``, ``new``, ``""`` unknown); ``None`` for all.
    """

    rule_id: str
    radius_m: float
    kinds: tuple[str, ...]
    at_least_m2: float = 0.0
    below_m2: float | None = None
    quarters: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Indicator:
    """One green indicator: residential land within the radius of any of its size classes.

    Attributes
    ----------
    name
        One of :data:`INDICATORS`.
    classes
        Its size classes.
    judges
        Settlement classes it judges; land of others is reported apart.
    rule_ids
        The rules it was made from, joined by ``;``.
    """

    name: str
    classes: tuple[SizeClass, ...]
    judges: tuple[str, ...]
    rule_ids: str


@dataclass(frozen=True)
class Target:
    """A target share of an indicator, for all land or for one quarter of it."""

    indicator: str
    rule: Rule
    quarter: str | None = None


def indicators(rules: Mapping[str, Rule]) -> tuple[Indicator, ...]:
    """Return the three indicators with the numbers of the rules in force.

    Raises
    ------
    StudyError
        Rules that are missing, or sizes that contradict each other.

    Examples
    --------
    >>> from siting import rules
    >>> [i.name for i in indicators(rules.load())]
    ['see_green_300', 'park_500', 'park_radius_rate']
    """
    see, park = _rule(rules, "green.see_green_300"), _rule(rules, "green.park_500")
    large, small = _rule(rules, "green.radius_large"), _rule(rules, "green.radius_small")
    size_large = _rule(rules, "green.size_large").strict
    size_small = _rule(rules, "green.size_small").strict
    size_old = _rule(rules, "green.size_small_old").strict
    if not 0 <= size_old <= size_small <= size_large:
        raise StudyError(
            f"green.size_small_old ({size_old:g}), green.size_small ({size_small:g}) and "
            f"green.size_large ({size_large:g}) must rise. Correct the overrides."
        )
    size_rules = ("green.size_large", "green.size_small", "green.size_small_old")
    return (
        Indicator(
            "see_green_300",
            (SizeClass(see.id, see.strict, ("park", "green")),),
            see.judges,
            see.id,
        ),
        Indicator("park_500", (SizeClass(park.id, park.strict, ("park",)),), park.judges, park.id),
        Indicator(
            "park_radius_rate",
            (
                SizeClass(large.id, large.strict, ("park",), size_large),
                SizeClass(small.id, small.strict, ("park",), size_small, size_large, ("new", "")),
                SizeClass(small.id, small.strict, ("park",), size_old, size_large, ("old",)),
            ),
            large.judges,
            ";".join((large.id, small.id, *size_rules)),
        ),
    )


def targets(rules: Mapping[str, Rule]) -> tuple[Target, ...]:
    """Return the target shares of the indicators; 300米见绿 has none.

    Raises
    ------
    StudyError
        Rules that are missing.
    """
    return (
        Target("park_500", _rule(rules, "green.target_500")),
        Target("park_500", _rule(rules, "green.target_500_new"), "new"),
        Target("park_500", _rule(rules, "green.target_500_old"), "old"),
        Target("park_radius_rate", _rule(rules, "green.target_rate")),
        Target("park_radius_rate", _rule(rules, "green.target_eco_city")),
    )


def _rule(rules: Mapping[str, Rule], rule_id: str) -> Rule:
    if rule_id not in rules:
        near = [i for i in rules if i.startswith("green.")]
        raise StudyError(
            f"rule {rule_id} is missing (there are {first_ids(near)}). Pass all rules of "
            "siting.rules.load()."
        )
    return rules[rule_id]

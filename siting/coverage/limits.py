"""Rules as integer thresholds, and what they can decide."""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from siting.errors import StudyError
from siting.rules import Rule

PER_UNIT = {"m": 1_000, "min": 60_000}  # millimetres in a metre, milliseconds in a minute


def may_pass(rule: Rule, bound: str) -> bool:
    """Whether travel times of this bound can pass a rule: the one place where this is decided.

    A time that is only known to be *at least* so long (``"lower"``: a direct drive where a bus
    would go round) cannot show that a hard rule is kept. It can show that one is broken.

    Parameters
    ----------
    rule
        What is judged by.
    bound
        ``"exact"`` or ``"lower"``, as :class:`siting.travel_time.TravelTimes` has it.

    Examples
    --------
    >>> from siting import rules
    >>> hard = rules.load()["school.journey_grades_1_3"]
    >>> may_pass(hard, "exact"), may_pass(hard, "lower")
    (True, False)
    """
    if bound not in ("exact", "lower"):
        raise StudyError(f'travel times are "exact" or a "lower" bound, not {bound!r}.')
    return bound == "exact" or rule.strength != "hard"


def is_decided(within: NDArray[np.bool_], rule: Rule, bound: str) -> NDArray[np.bool_]:
    """Whether a rule can be judged: where it cannot pass, only beyond the limit is certain."""
    return np.ones(len(within), dtype=bool) if may_pass(rule, bound) else ~within


@dataclass(frozen=True)
class Thresholds:
    """Integer thresholds of a rule, in milliseconds or millimetres: ``low ≤ judged ≤ high``.

    Attributes
    ----------
    judged
        What the headline is judged by: the rule's value, else the strict end of its range.
    low
        The strict end of the rule; for times also at the slow end of the speed range.
    high
        The loose end of the rule; for times also at the fast end of the speed range.
    impedance
        ``time`` or ``length``: which travel times the rule is read on.
    """

    judged: int
    low: int
    high: int
    impedance: str


def thresholds(rule: Rule, *, speed: Rule | None = None) -> Thresholds:
    """Turn a rule into integer thresholds with their range.

    A time ``t`` computed at speed ``v`` is ``t·v/u`` at speed ``u``, so that judging at ``u`` is
    judging the computed time by ``threshold·u/v``. Thresholds are rounded down: an integer is at
    most ``x`` exactly when it is at most ``⌊x⌋``.

    Parameters
    ----------
    rule
        Measured in ``network_m``, ``straight_m`` (a radius; the network threshold is as long) or
        ``time_min``.
    speed
        The speed the times were computed at (``value``) and its range; times only.

    Raises
    ------
    StudyError
        The rule measures neither length nor time, or the speed's value lies outside its range.

    Examples
    --------
    >>> from siting import rules
    >>> book = rules.load()
    >>> thresholds(book["circle_15min"])
    Thresholds(judged=800000, low=800000, high=1000000, impedance='length')
    >>> thresholds(book["clinic.walk_30min"], speed=book["walk.speed"])
    Thresholds(judged=1800000, low=1700000, high=2500000, impedance='time')
    """
    impedances = {"network_m": "length", "straight_m": "length", "time_min": "time"}
    if rule.measure not in impedances or rule.unit not in PER_UNIT:
        raise StudyError(
            f"rule {rule.id} measures {rule.measure} in {rule.unit}; coverage is judged by a rule "
            "in network_m, straight_m or time_min. Name another rule for this service."
        )
    factor_low = factor_high = Fraction(1)
    if rule.measure == "time_min" and speed is not None:
        stated = exact(speed.strict if speed.value is None else speed.value)
        low, high = (exact(end) for end in speed.bounds)
        if not 0 < low <= stated <= high:
            raise StudyError(
                f"rule {speed.id}: the value {float(stated):g} must lie within "
                f"{float(low):g}–{float(high):g} and above 0. Correct the range."
            )
        factor_low, factor_high = low / stated, high / stated
    per_unit = PER_UNIT[rule.unit]
    return Thresholds(
        judged=math.floor(exact(rule.strict) * per_unit),
        low=math.floor(exact(min(rule.bounds[0], rule.strict)) * per_unit * factor_low),
        high=math.floor(exact(max(rule.bounds[1], rule.strict)) * per_unit * factor_high),
        impedance=impedances[rule.measure],
    )


def meets(part: float | Fraction, whole: float | Fraction, target: Rule) -> bool:
    """Whether ``part / whole`` meets a target share.

    Exactly at the target meets it, unless the rule asks for more than that (``strictly``).
    Compared without dividing, in exact fractions, so that 80 of 100 reaches 0.8.

    Examples
    --------
    >>> from siting import rules
    >>> meets(80, 100, rules.load()["green.target_500_old"])
    True
    >>> meets(80, 100, rules.load()["green.target_rate"])
    False
    """
    needed = Fraction(whole) * exact(target.strict)
    return Fraction(part) > needed if target.strictly else Fraction(part) >= needed


def too_many(left_out: int, persons: int, limit: float) -> bool:
    """Whether more than a share of persons is left out, so that nothing is said of the others.

    Exactly at the limit is not too many; compared without dividing, in exact fractions.

    Examples
    --------
    >>> too_many(5, 100, 0.05), too_many(6, 100, 0.05)
    (False, True)
    """
    return Fraction(left_out) > exact(limit) * persons


def exact(number: float) -> Fraction:
    """Read a float as the decimal it was written as: 0.8 is 4/5, not its binary neighbour."""
    return Fraction(Decimal(repr(float(number))))

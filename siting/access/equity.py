"""How evenly a figure is spread over the people of zones: Lorenz curve, Gini, Palma."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from siting.errors import DataError, Problem

PALMA = (Fraction(1, 10), Fraction(2, 5))  # the best-off tenth over the worst-off two fifths
QUINTILES = (Fraction(1, 5), Fraction(1, 5))  # the best-off fifth over the worst-off fifth


class Equity(NamedTuple):
    """How far zones are apart in one figure.

    Attributes
    ----------
    zones, persons
        How many zones and persons are compared; a zone of nobody, or without the figure, is not.
    gini
        See :func:`gini`; missing for fewer than two zones, and where the figure is 0 everywhere.
    ratio
        See :func:`top_to_bottom`; missing where there are too few zones, and where the bottom has
        nothing.
    ratio_of
        ``"palma"`` (10 % over 40 %) from ten zones on, ``"s80_s20"`` (20 % over 20 %) from five
        on, else ``""``: a tenth of the people should be about a zone, not a slice of one.
    """

    zones: int
    persons: int
    gini: float
    ratio: float
    ratio_of: str


def equity(values: Sequence[float], persons: Sequence[int]) -> Equity:
    """Return Gini and the Palma ratio, or that of quintiles, of one figure between zones.

    They compare zone means: differences within a zone are not seen, so that a finer zoning of the
    same people never shows less inequality.

    Parameters
    ----------
    values
        The figure of each zone (a share, supply per 1,000, minutes), 0 or more; NaN where there is
        none.
    persons
        Whole persons it is the mean of, in the same order.

    Examples
    --------
    Two zones, the smaller one with everything:

    >>> equity([0.0, 5.0], [300, 100]).gini
    0.75
    """
    some = [
        (value, people)
        for value, people in zip(values, persons, strict=True)
        if people > 0 and not math.isnan(value)
    ]
    mine, whose = [v for v, _ in some], [p for _, p in some]
    told = PALMA if len(some) >= 10 else QUINTILES if len(some) >= 5 else None
    return Equity(
        zones=len(some),
        persons=sum(whose),
        gini=gini(mine, whose) if len(some) >= 2 else math.nan,
        ratio=top_to_bottom(mine, whose, *told) if told else math.nan,
        ratio_of="" if told is None else "palma" if told == PALMA else "s80_s20",
    )


def lorenz(
    values: Sequence[float], persons: Sequence[int]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the Lorenz curve (Lorenz 1905): what share the worst-off share of people has.

    Zones ascend by their figure; the curve runs straight from one to the next, from (0, 0) to
    (1, 1), because all people of a zone are given its mean.

    Returns
    -------
    tuple
        Cumulative share of persons, and of persons × figure (missing where all of it is 0).

    Examples
    --------
    >>> people, amount = lorenz([3, 1], [100, 100])
    >>> people.tolist(), amount.tolist()
    ([0.0, 0.5, 1.0], [0.0, 0.25, 1.0])
    """
    count, amount = _cumulative(values, persons)
    whole = amount[-1]
    return (
        np.array([float(Fraction(c, max(count[-1], 1))) for c in count]),
        np.array([float(a / whole) if whole else math.nan for a in amount]),
    )


def gini(values: Sequence[float], persons: Sequence[int]) -> float:
    """Return the Gini coefficient of a figure between groups of people.

    Twice the area between the Lorenz curve and the line of equality. With people p_k and figure
    x_k ascending, F and L the cumulative shares of people and of p·x (Brown 1994, Social Science &
    Medicine 38, 1243–1256)::

        G = 1 − Σ_k (F_k − F_{k−1}) (L_k + L_{k−1})  =  Σ_i Σ_j p_i p_j |x_i − x_j| / (2 N Σ p x)

    0: all zones alike. At most 1 − p/N, where the p people of one zone have everything.

    Counted in exact fractions and rounded once, so that equality is 0 and order does not matter.

    Returns
    -------
    float
        NaN where nobody is there, or nobody has anything: there is nothing to share out.

    Raises
    ------
    DataError
        A figure below 0 or not finite, persons below 0.

    Examples
    --------
    >>> gini([2.0, 2.0], [10, 70]), gini([1, 3], [1, 1])
    (0.0, 0.25)
    """
    count, amount = _cumulative(values, persons)
    if not amount[-1]:
        return math.nan
    area = sum(
        (
            (count[k] - count[k - 1]) * (amount[k] + amount[k - 1])
            for k in range(1, len(count))
        ),
        Fraction(0),
    )  # fmt: skip
    return float(1 - area / (count[-1] * amount[-1]))


def top_to_bottom(
    values: Sequence[float], persons: Sequence[int], top: Fraction, bottom: Fraction
) -> float:
    """Return the mean of the people with most over the mean of the people with least.

    With L the Lorenz curve: ((1 − L(1 − top)) / top) / (L(bottom) / bottom). A zone on the border
    of a share is divided in proportion. 1: all alike. ``PALMA`` (top 10 %, bottom 40 %) is the
    ratio of Palma (2011, Development and Change 42, 87–153) taken of means instead of totals, so
    that equality is 1 and not 1/4; ``QUINTILES`` is the quintile share ratio S80/S20.

    "Most" is most of the figure: of travel times those who travel longest.

    Returns
    -------
    float
        NaN where nobody is there, or the people with least have nothing.

    Examples
    --------
    A tenth has 8, four tenths 2 on average, the rest 5:

    >>> top_to_bottom([8, 5, 2], [10, 50, 40], *PALMA)
    4.0
    """
    count, amount = _cumulative(values, persons)
    low = _share_of(count, amount, bottom)
    if not low:
        return math.nan
    high = amount[-1] - _share_of(count, amount, 1 - top)
    return float((high / top) / (low / bottom))


def _share_of(count: list[int], amount: list[Fraction], share: Fraction) -> Fraction:
    """Return what the worst-off ``share`` of people has together."""
    wanted = share * count[-1]
    for k in range(1, len(count)):
        if count[k] >= wanted:
            step = count[k] - count[k - 1]
            return amount[k - 1] + (amount[k] - amount[k - 1]) * (wanted - count[k - 1]) / step
    return Fraction(0)


def _cumulative(
    values: Sequence[float], persons: Sequence[int]
) -> tuple[list[int], list[Fraction]]:
    """Return persons and persons × figure added up from the least figure, both from 0."""
    wrong = [v for v in values if not (math.isfinite(v) and v >= 0)]
    wrong += [float(p) for p in persons if p < 0]
    if wrong:
        raise DataError(
            Problem(
                "equity",
                f"{len(wrong)} values are below 0 or not finite",
                "Give figures of 0 or more, and persons; leave out zones without a figure.",
            )
        )
    count, amount = [0], [Fraction(0)]
    for value, people in sorted(zip(values, persons, strict=True)):
        if people:
            count.append(count[-1] + int(people))
            amount.append(amount[-1] + Fraction(float(value)) * int(people))
    return count, amount

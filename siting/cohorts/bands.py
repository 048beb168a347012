"""Single years of age from the bands of a census, every band kept to the person."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from siting.demand import largest_remainder, not_whole
from siting.errors import DataError, Problem

WIDTH: Final = 5
PER: Final = 10_000  # the multipliers below are in ten-thousandths
# Rows are the single years of a band, columns the bands it is interpolated from. Sprague 1881, as
# tabulated in Shryock & Siegel, The Methods and Materials of Demography; a test derives them anew.
FIRST: Final = (
    (3616, -2768, 1488, -336),
    (2640, -960, 400, -80),
    (1840, 400, -320, 80),
    (1200, 1360, -720, 160),
    (704, 1968, -848, 176),
)
SECOND: Final = (
    (336, 2272, -752, 144),
    (80, 2320, -480, 80),
    (-80, 2160, -80, 0),
    (-160, 1840, 400, -80),
    (-176, 1408, 912, -144),
)
MIDDLE: Final = (
    (-128, 848, 1504, -240, 16),
    (-16, 144, 2224, -416, 64),
    (64, -336, 2544, -336, 64),
    (64, -416, 2224, 144, -16),
    (16, -240, 1504, 848, -128),
)
HOW: Final = ("given", "known", "sprague", "even")


class SingleYears(NamedTuple):
    """Persons by single year of age, and what had to be said about them.

    ``ages`` has ``zone_id``, ``age``, ``persons``, ``how`` (:data:`HOW`): a band of one year is
    ``given``, ages in proportion to births or enrolment are ``known``, others interpolated, or
    ``even`` within a band that the interpolation cannot speak about.

    ``negative`` has the ages whose interpolated number was below 0: ``zone_id``, ``age``,
    ``interpolated``. They are 0 in ``ages``, and their band is divided over its other years.
    """

    ages: pd.DataFrame
    negative: pd.DataFrame


def single_years(bands: pd.DataFrame, *, known: pd.DataFrame | None = None) -> SingleYears:
    """Divide the age bands of a census into single years.

    Sprague's osculatory multipliers over bands of five years; the first and the second band by
    those of the end panel. Where the census has bands within five years (age 0, ages 1–4), they
    are joined for the interpolation and each keeps its own total afterwards. Years of which
    something is known (births, enrolment by grade) divide their band in proportion to it instead,
    for an interpolation smooths away the very drop in births that empties schools.

    Parameters
    ----------
    bands
        ``zone_id``, ``age_from``, ``age_to`` (both included), ``persons``: whole numbers. The
        bands of a zone begin at 0 and leave no age out; the last may be open (``age_to`` missing)
        and is not divided.
    known
        ``zone_id``, ``age``, ``persons``: how many there are known to be of a single age, such as
        births of the year before the census that live, or pupils of a grade. Used for a band only
        where every year of it is known, and as proportions: the census keeps its total.

    Returns
    -------
    SingleYears
        Zones and ages in order; every zone as far as its last closed band.

    Raises
    ------
    DataError
        Bands that overlap or leave ages out, negative numbers, a zone with fewer than four bands of
        five years; all zones at once.

    Examples
    --------
    >>> told = pd.DataFrame({"zone_id": "z", "age_from": [0, 5, 10, 15, 20],
    ...                      "age_to": [4, 9, 14, 19, 24], "persons": [500, 400, 300, 200, 100]})
    >>> found = single_years(told).ages
    >>> found["persons"].tolist()[:10]
    [108, 104, 100, 96, 92, 88, 84, 80, 76, 72]
    """
    problems: list[Problem] = []
    zones = []
    for zone_id, rows in bands.groupby("zone_id", sort=True):
        rows = rows.sort_values("age_from", ignore_index=True)
        wrong = _wrong(str(zone_id), rows)
        problems += wrong
        if not wrong:
            zones.append((str(zone_id), rows))
    if problems:
        raise DataError(problems)
    told: dict[str, dict[int, int]] = {}
    if known is not None:
        for zone, age, number in zip(known["zone_id"], known["age"], known["persons"], strict=True):
            told.setdefault(str(zone), {})[int(age)] = int(number)
    found, below = [], []
    for zone_id, rows in zones:
        for age, number, how, raw in _years(rows, told.get(zone_id, {})):
            found.append((zone_id, age, number, how))
            if raw < 0:
                below.append((zone_id, age, float(raw)))
    ages = pd.DataFrame(found, columns=["zone_id", "age", "persons", "how"])
    return SingleYears(
        ages.astype({"zone_id": "str", "age": "int64", "persons": "int64", "how": "str"}),
        pd.DataFrame(below, columns=["zone_id", "age", "interpolated"]).astype(
            {"zone_id": "str", "age": "int64", "interpolated": "float64"}
        ),
    )


def birth_drop(ages: pd.DataFrame, *, of: int = 5) -> pd.DataFrame:
    """Return how far the youngest year falls short of the mean of the ``of`` before it.

    Parameters
    ----------
    ages
        ``zone_id``, ``age``, ``persons``.
    of
        Ages 1 … ``of`` are what age 0 is held against.

    Returns
    -------
    pd.DataFrame
        ``zone_id``, ``age_0_persons``, ``mean_before_persons``, ``drop_share`` (1 − age 0 / mean;
        negative where there are more; missing where nobody was before).

    Examples
    --------
    >>> birth_drop(pd.DataFrame({"zone_id": "z", "age": [0, 1, 2], "persons": [60, 90, 110]}),
    ...            of=2)["drop_share"].tolist()
    [0.4]
    """
    first = ages[ages["age"] == 0].set_index("zone_id")["persons"].sort_index()
    before = ages[ages["age"].between(1, of)].groupby("zone_id")["persons"].mean()
    mean = before.reindex(first.index)
    return pd.DataFrame(
        {
            "zone_id": first.index,
            "age_0_persons": first.to_numpy(),
            "mean_before_persons": mean.to_numpy(),
            "drop_share": (1 - first / mean.where(mean > 0)).to_numpy(),
        }
    )


def _wrong(zone_id: str, rows: pd.DataFrame) -> list[Problem]:
    """Return what is wrong with the bands of one zone."""
    told: list[Problem] = []
    mend = "Correct the bands of the census."
    first, last = rows["age_from"].tolist(), rows["age_to"].tolist()
    persons = rows["persons"]
    if not_whole(persons).any():
        told.append(Problem("ages", "persons of a band are no whole number", mend, (zone_id,)))
    if pd.isna(last[:-1]).any():
        told.append(Problem("ages", "a band that is not the last has no end", mend, (zone_id,)))
        return told
    if any(not pd.isna(b) and a > b for a, b in zip(first, last, strict=True)):
        told.append(Problem("ages", "a band ends before it begins", mend, (zone_id,)))
    if first[0] != 0 or any(b + 1 != a for b, a in zip(last[:-1], first[1:], strict=True)):
        told.append(
            Problem(
                "ages", "the bands leave ages out, overlap or do not begin at 0", mend, (zone_id,)
            )
        )
    edges = {0, *(int(b) + 1 for b in last if not pd.isna(b))}
    whole = next(n for n in range(len(edges) + 1) if n * WIDTH not in edges) - 1
    if not told and whole < len(FIRST[0]):
        told.append(
            Problem(
                "ages",
                f"only {whole} bands of {WIDTH} years from age 0 on; interpolation needs "
                f"{len(FIRST[0])}",
                "Give the ages up to 19 or more in bands of five years.",
                (zone_id,),
            )
        )
    return told


def _years(
    rows: pd.DataFrame, known: Mapping[int, int]
) -> Iterator[tuple[int, int, str, Fraction]]:
    """Yield age, persons, how they are known, and the number that was interpolated."""
    closed = rows[rows["age_to"].notna()]
    ends = (closed["age_to"].astype("int64") + 1).tolist()
    smooth = _sprague(closed, ends)
    for low, end, total in zip(
        closed["age_from"].tolist(), ends, closed["persons"].tolist(), strict=True
    ):
        ages = range(int(low), end)
        if len(ages) == 1:
            yield ages[0], int(total), "given", Fraction(int(total))
            continue
        weights = [Fraction(known.get(age, 0)) for age in ages]
        how = "known"
        if not all(age in known for age in ages) or not sum(weights):
            weights = [smooth.get(age, Fraction(1)) for age in ages]
            how = "sprague" if all(age in smooth for age in ages) else "even"
        raw = weights
        weights = [max(w, Fraction(0)) for w in weights]
        if not sum(weights):
            weights, how = [Fraction(1)] * len(ages), "even"
        parts = largest_remainder(_whole(weights), int(total))
        for age, part, was in zip(ages, parts.tolist(), raw, strict=True):
            yield age, part, how, was


def _whole(weights: list[Fraction]) -> npt.NDArray[np.int64]:
    """Return weights as whole numbers in the same proportion."""
    scale = math.lcm(*(w.denominator for w in weights))
    return np.array([int(w * scale) for w in weights], dtype=np.int64)


def _sprague(closed: pd.DataFrame, ends: list[int]) -> dict[int, Fraction]:
    """Return the interpolated persons of every age in whole bands of five years."""
    upto = dict(
        zip([0, *ends], [0, *closed["persons"].cumsum().astype("int64").tolist()], strict=True)
    )
    sums: list[int] = []
    while (len(sums) + 1) * WIDTH in upto and len(sums) * WIDTH in upto:
        sums.append(upto[(len(sums) + 1) * WIDTH] - upto[len(sums) * WIDTH])
    found: dict[int, Fraction] = {}
    for band in range(len(sums)):
        table, start, turned = _panel(band, len(sums))
        used = sums[start : start + len(table[0])]
        if turned:
            used = used[::-1]
        for year in range(WIDTH):
            row = table[WIDTH - 1 - year if turned else year]
            told = sum(m * n for m, n in zip(row, used, strict=True))
            found[band * WIDTH + year] = Fraction(told, PER)
    return found


def _panel(band: int, bands: int) -> tuple[tuple[tuple[int, ...], ...], int, bool]:
    """Return the multipliers of a band, the first band they are of, and if they are mirrored."""
    if band == 0:
        return FIRST, 0, False
    if band == 1:
        return SECOND, 0, False
    if band == bands - 1:
        return FIRST, bands - 4, True
    if band == bands - 2:
        return SECOND, bands - 4, True
    return MIDDLE, band - 2, False

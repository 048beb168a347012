"""Units: the grades of a school that move together."""

from __future__ import annotations

from typing import Final

import pandas as pd

from siting.errors import DataError, Problem

UNITS: Final = ("unit_id", "site_id", "service", "grade_from", "grade_to", "needs")
TEACHING: Final = ("site_id", "service", "grade_from", "grade_to")
YOUNG: Final = 3
"""Last of the grades that the rules for grades 1–3 protect (``school.journey_grades_1_3``)."""


def units(teaching: pd.DataFrame) -> pd.DataFrame:
    """Return the units of schools: who may leave alone, and who leaves only after others.

    A school that teaches grades up to 3 and above is two units: its upper grades may leave alone
    (撤高留低), the lower ones only when the upper ones have. Every other school is one unit.

    Parameters
    ----------
    teaching
        ``site_id``, ``service``, ``grade_from``, ``grade_to``: one row a school and service.

    Returns
    -------
    DataFrame
        ``unit_id`` (``<site_id>:<grade_from>-<grade_to>``), ``site_id``, ``service``,
        ``grade_from``, ``grade_to``, ``needs`` (the unit that must have left before, or ``""``);
        sorted by site and grade.

    Raises
    ------
    DataError
        A school that teaches no grade or one outside 1–12, or one grade in two rows.

    Examples
    --------
    >>> taught = pd.DataFrame({"site_id": ["A", "T"], "service": "primary",
    ...                        "grade_from": [1, 1], "grade_to": [6, 2]})
    >>> units(taught)[["unit_id", "needs"]].values.tolist()
    [['A:1-3', 'A:4-6'], ['A:4-6', ''], ['T:1-2', '']]
    """
    check_teaching(teaching)
    rows: list[tuple[str, str, str, int, int, str]] = []
    for site, service, first, last in teaching[list(TEACHING)].itertuples(index=False):
        if first <= YOUNG < last:
            upper = f"{site}:{YOUNG + 1}-{last}"
            rows.append((f"{site}:{first}-{YOUNG}", site, service, first, YOUNG, upper))
            rows.append((upper, site, service, YOUNG + 1, last, ""))
        else:
            rows.append((f"{site}:{first}-{last}", site, service, first, last, ""))
    table = pd.DataFrame(rows, columns=list(UNITS)).astype(
        {"unit_id": "str", "site_id": "str", "service": "str", "needs": "str"}
    )
    table[["grade_from", "grade_to"]] = table[["grade_from", "grade_to"]].astype("int64")
    return table.sort_values(["site_id", "grade_from"], ignore_index=True)


def check_teaching(teaching: pd.DataFrame) -> None:
    """Hold ``teaching`` to its words.

    Raises
    ------
    DataError
        Missing columns, grades outside 1–12 or upside down, a school with a service or a grade in
        two rows.
    """
    if lacking := [c for c in TEACHING if c not in teaching]:
        raise DataError(
            Problem("teaching", f"the column {', '.join(lacking)} is missing", "Add it.")
        )
    ids = teaching["site_id"].astype(str)
    first = pd.to_numeric(teaching["grade_from"], errors="coerce")
    last = pd.to_numeric(teaching["grade_to"], errors="coerce")
    wrong = ~((first >= 1) & (last <= 12) & (first <= last) & (first % 1 == 0) & (last % 1 == 0))
    problems = []
    twice = teaching.duplicated(["site_id", "service"])
    if twice.any():
        problems.append(
            Problem(
                "teaching",
                f"{int(twice.sum())} schools have another row of the same service",
                "Join them: one row a school and service.",
                tuple(sorted(set(ids[twice]))),
            )
        )
    if wrong.any():
        problems.append(
            Problem(
                "teaching",
                f"{int(wrong.sum())} rows have no grades from 1 to 12",
                "Give grade_from and grade_to, the lower first.",
                tuple(sorted(ids[wrong])),
            )
        )
    else:
        order = teaching.assign(_id=ids, _first=first, _last=last).sort_values(["_id", "_first"])
        same = (order["_id"] == order["_id"].shift()).to_numpy()
        over = same & (order["_first"] <= order["_last"].shift()).to_numpy()
        if over.any():
            problems.append(
                Problem(
                    "teaching",
                    f"{int(over.sum())} rows teach a grade that another row of the school teaches",
                    "Give every grade of a school to one service.",
                    tuple(sorted(set(order["_id"][over]))),
                )
            )
    if problems:
        raise DataError(problems)

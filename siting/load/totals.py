"""Control totals by zone: a table without coordinates, its total row and codeless rows told."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import pandas as pd

from siting.errors import Problem
from siting.load.intake import Columns, Intake, Layer, group_of
from siting.tables import label

TOTAL_WORDS: Final = frozenset({
    "合计", "总计", "总和", "总数", "小计", "共计", "全市", "全县", "全区", "全省",
    "total", "grandtotal", "subtotal", "sum",
})  # fmt: skip
"""What a total row is called, blanks left out and in small letters."""

TAKE_OUT: Final = "Take the total row out of the table, or name it: total_row = …."


def totals(
    raw: pd.DataFrame,
    *,
    columns: Columns | None = None,
    groups: Mapping[str, str] | None = None,
    merge: Mapping[str, str] | None = None,
    total_row: str | None = None,
    layer: str = "people.totals",
) -> Layer:
    """Return control totals by zone.

    Parameters
    ----------
    raw
        Rows with ``zone_id`` and ``population``; ``name``; ``town_population``, those of them who
        live in urban places and township seats.
    groups
        Age group → the file's column of its people, kept as columns named by the group.
    merge
        ``zone_id`` or name of rows → the zone whose total they are part of, such as a district
        without a code. Listed.
    total_row
        ``zone_id`` or name of the row that is the sum of all others: it must be, and is left out.

    Raises
    ------
    DataError
        All breaches; also a row that is called a total or is the sum of all others, which would
        count people twice. Where the sum may be chance it is listed and counted.

    Examples
    --------
    >>> totals(pd.DataFrame({"zone_id": ["1", "2"], "population": ["30", "12"]})).table
      zone_id  population
    0       1          30
    1       2          12
    """
    groups, merge = groups or {}, merge or {}
    known = ("zone_id", "name", "population", "town_population", *groups)
    intake = Intake(raw, layer=layer, columns={**(columns or {}), **groups}, known=known)
    intake.require("zone_id")
    intake.require("population")
    people = intake.whole("population", blank=not intake.has("population"))
    values = people.fillna(-1).to_numpy(dtype=np.int64)
    numbers: dict[str, Any] = {"population": people}
    if intake.has("town_population"):
        numbers["town_population"] = group_of(intake, "town_population", values)
        intake.wrong(numbers["town_population"].isna(), "have no town_population")
    numbers |= {group: group_of(intake, group, values) for group in groups}
    ids, numbers = joined(intake, numbers, merge, total_row)
    intake.finish()
    data = {"zone_id": ids, **{key: column.astype("int64") for key, column in numbers.items()}}
    return Layer(intake.table("totals", data, crs=None, sort="zone_id"), intake.listed())


def _sum_among_parts(intake: Intake, numbers: Mapping[str, Any], parts: Any) -> None:
    """Refuse a row that is the sum of all others in every column that has any, wherever it stands.

    Of four or more others, or in two columns, that is no chance. The sum of two or three others in
    one column may be; such a row is counted, and listed as a question.
    """
    table = np.column_stack([c.fillna(0).to_numpy(dtype=np.int64) for c in numbers.values()])
    table = np.where(parts[:, None], table, 0)
    table = table[:, table.any(axis=0)]
    sums = (table * 2 == table.sum(axis=0)).all(axis=1) & table.any(axis=1)
    others = int(table.any(axis=1).sum()) - 1
    if others >= 4 or (others >= 2 and table.shape[1] >= 2):
        intake.wrong(sums, "hold the sum of all others: a total row among the parts", TAKE_OUT)
    elif others >= 2:
        for row in np.flatnonzero(sums):
            what = "as many as all others together: if this is the total row, name it (total_row)"
            intake.note(int(row), what, "kept")


def joined(
    intake: Intake, numbers: Mapping[str, Any], merge: Mapping[str, str], total_row: str | None
) -> tuple[list[str], dict[str, Any]]:
    """Check the total row and take it out, and add merged rows to theirs.

    Returns zone ids and numbers, row by row.
    """
    numbers = {key: column.copy() for key, column in numbers.items()}
    ids, names = intake.text("zone_id"), intake.text("name")
    shown = pd.Series([i or n for i, n in zip(ids, names, strict=True)])
    intake.relabel(
        shown.tolist(), (shown != "").to_numpy() & ~shown.duplicated(keep=False).to_numpy()
    )
    called = [{i, n} - {""} for i, n in zip(ids, names, strict=True)]
    whole = np.array([total_row is not None and total_row in c for c in called], dtype=bool)
    if total_row is not None and whole.sum() != 1:
        intake.problems.append(
            Problem(
                intake.layer,
                f'{int(whole.sum())} rows are called "{label(total_row)}", the total_row',
                "Name the one row that is the sum of all others, by zone_id or name.",
            )
        )
    targets = [next((merge[n] for n in sorted(c & set(merge))), None) for c in called]
    absent = sorted(set(merge) - set().union(*called))
    several = sorted(n for n in merge if sum(n in c for c in called) > 1)
    homes = {i for i, to, w in zip(ids, targets, whole, strict=True) if to is None and not w}
    lost = sorted({to for to in merge.values() if to not in homes})
    for keys, what in (
        (absent, "rows to merge are not in the table"),
        (several, "names of rows to merge stand in several rows"),
        (lost, "zones to merge into are not in the table"),
    ):
        if keys:
            intake.problems.append(
                Problem(
                    intake.layer,
                    f"{len(keys)} {what}",
                    "Correct merge: it names rows by zone_id or name, and zones by zone_id.",
                    tuple(label(k) for k in keys),
                )
            )
    merged = np.array([to is not None for to in targets], dtype=bool) & ~whole
    plain = ~merged & ~whole
    total = [any("".join(word.split()).casefold() in TOTAL_WORDS for word in c) for c in called]
    unnamed = np.array(total, dtype=bool) & plain & (plain.sum() > 1)  # one row is a whole region
    intake.wrong(unnamed, "are called a total, but stand among the parts", TAKE_OUT)
    blank = np.array([not i for i in ids], dtype=bool)
    if intake.has("zone_id"):
        intake.wrong(
            plain & blank & ~unnamed,
            "have no zone_id",
            "Give every row an id, or say whose people they are: merge = { name = zone_id }.",
        )
        rest = pd.Series(ids).where(plain & ~blank & ~unnamed)
        intake.wrong(
            (rest.duplicated(keep=False) & rest.notna()).to_numpy(),
            "share their zone_id with another",
            "Give every row its own id.",
        )
    _sum_among_parts(intake, numbers, ~whole & ~unnamed)
    if intake.problems:
        return ids, numbers
    for key, column in numbers.items():
        parts = int(column[~whole].fillna(0).sum())
        if whole.any() and int(column[whole].fillna(0).sum()) != parts:
            intake.wrong(whole, f"should be the total, but all others add up to {parts} in {key}")
    place = {i: row for row, i in enumerate(ids) if plain[row]}
    for row in np.flatnonzero(merged):
        to = str(targets[row])
        for column in numbers.values():
            column.iat[place[to]] += column.iat[row]
        what = f"{numbers['population'].iat[row]} people counted to {label(to)}"
        intake.note(int(row), f"{what}, as the study says", "merged")
    for row in np.flatnonzero(whole):
        intake.note(int(row), "the sum of all others, checked", "not counted")
    intake.keep &= plain
    return ids, numbers

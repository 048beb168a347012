"""A register of schools, their enrolment, and the children of a census: raw rows → tables.

What is blank stays unknown: nothing is taken as 0, and nothing as without limit.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj

from siting import tables
from siting.errors import Problem
from siting.load.conform import join_drops
from siting.load.geometry import shapes_of
from siting.load.intake import Columns, Intake, Layer
from siting.load.totals import joined
from siting.tables import (
    CONDITIONS,
    LAST_GRADE,
    POLYGON,
    SCHOOL_AREAS,
    SCHOOL_COUNTS,
    SCHOOL_LEVELS,
    STAGES,
    check,
    label,
)

STAGE_WORDS: Final = {
    **{stage: stage for stage in STAGES},
    "教学点": "teaching_point", "小学教学点": "teaching_point",
    "小学": "primary", "完全小学": "primary",
    "初中": "junior", "初级中学": "junior",
    "九年一贯制": "nine_year", "九年一贯制学校": "nine_year",
    "高中": "senior", "高级中学": "senior", "普通高中": "senior",
    "完全中学": "complete_middle",
    "十二年一贯制": "twelve_year", "十二年一贯制学校": "twelve_year",
}  # fmt: skip
LEVEL_WORDS: Final = {
    **{level: level for level in SCHOOL_LEVELS},
    "村": "village", "乡村": "village", "村庄": "village",
    "乡镇": "township_seat", "乡": "township_seat", "镇": "township_seat",
    "镇区": "township_seat",
    "县城": "county_town", "城区": "county_town", "城市": "county_town",
}  # fmt: skip
CONDITION_WORDS: Final = {
    **{condition: condition for condition in CONDITIONS},
    "好": "good", "良好": "good", "一般": "fair", "差": "poor", "较差": "poor",
    "危房": "unsafe", "危险": "unsafe",
}  # fmt: skip
# What a stage teaches where the register does not say; a teaching point may be of any grades.
STAGE_GRADES: Final = {
    "primary": (1, 6),
    "junior": (7, 9),
    "nine_year": (1, 9),
    "senior": (10, 12),
    "complete_middle": (7, 12),
    "twelve_year": (1, 12),
}
GRADES_ARE: Final = f"Grades are 1 (first of primary) to {LAST_GRADE} (last of senior)."
_BAND: Final = re.compile(r"(\d{1,3})(?:-(\d{1,3})|(\+))?")


def schools(raw: pd.DataFrame, *, columns: Columns | None = None, layer: str = "schools") -> Layer:
    """Return the register: one row a school.

    Parameters
    ----------
    raw
        Rows with ``site_id``, ``name``, ``stage`` (:data:`STAGE_WORDS`), ``level``
        (:data:`LEVEL_WORDS`), ``grade_from``, ``grade_to`` (1–12; where blank what the stage
        teaches, listed), ``classrooms``, ``seats``, ``boarders``, ``beds``, ``staff``,
        ``running_cost_yuan`` (a year), ``site_area_m2``, ``floor_area_m2``, ``condition``, and
        ``zone_id``, where it says it is.

    Raises
    ------
    DataError
        Blank or repeated ids, unknown words, numbers that are negative or not whole, grades that
        end before they begin, a teaching point without grades; all at once.

    Examples
    --------
    >>> told = pd.DataFrame({"site_id": ["S1"], "name": ["某小学"], "stage": ["小学"]})
    >>> schools(told).table[["stage", "grade_from", "grade_to", "seats"]].values.tolist()
    [['primary', 1, 6, <NA>]]
    """
    known = (
        "site_id", "name", "stage", "level", "grade_from", "grade_to", *SCHOOL_COUNTS,
        *SCHOOL_AREAS, "condition", "zone_id",
    )  # fmt: skip
    intake = Intake(raw, layer=layer, columns=columns or {}, known=known)
    for key in ("site_id", "stage"):
        intake.require(key)
    ids = intake.ids("site_id", prefix="school", content=("name",))
    stages = intake.choice("stage", STAGE_WORDS, "")
    if intake.has("stage"):
        blank = [not text for text in intake.text_quietly("stage")]
        intake.wrong(blank, "have no stage", f"Use one of: {', '.join(STAGE_WORDS)}.")
    first, last = _grades(intake, stages)
    data: dict[str, Any] = {
        "site_id": ids,
        "name": intake.names(ids),
        "stage": stages,
        "level": intake.choice("level", LEVEL_WORDS, ""),
        "grade_from": first,
        "grade_to": last,
    }
    data |= {key: intake.whole(key) for key in SCHOOL_COUNTS}
    data |= {key: intake.number(key) for key in SCHOOL_AREAS}
    data["condition"] = intake.choice("condition", CONDITION_WORDS, "")
    if intake.has("zone_id"):
        data["zone_id"] = intake.text("zone_id")
    intake.finish()
    return Layer(intake.table("schools", data, crs=None, sort="site_id"), intake.listed())


def _grades(intake: Intake, stages: list[str]) -> tuple[pd.Series[Any], pd.Series[Any]]:
    """Return the first and the last grade; where not said, those of the stage, listed."""
    found = []
    for place, key in enumerate(("grade_from", "grade_to")):
        grade = intake.whole(key, least=1, most=LAST_GRADE, mend=GRADES_ARE)
        usual = [STAGE_GRADES.get(stage, (pd.NA, pd.NA))[place] for stage in stages]
        blank = grade.isna().to_numpy()
        for row in np.flatnonzero(blank & pd.notna(pd.Series(usual, dtype="Int64")).to_numpy()):
            stage = stages[int(row)]
            intake.note(int(row), f"no {key}; {usual[int(row)]}, as {stage} teaches", "filled")
        filled = grade.where(~blank, pd.Series(usual, dtype="Int64"))
        point = blank & (np.array(stages) == "teaching_point")
        intake.wrong(
            point,
            f"are teaching points without a {key}",
            "Say which grades they teach: a teaching point may be of any.",
        )
        found.append(filled)
    ends = (found[0] > found[1]).fillna(False).to_numpy(dtype=bool)
    intake.wrong(ends, "have a grade_from above grade_to", "Exchange or correct them.")
    return found[0].fillna(1).astype("int64"), found[1].fillna(LAST_GRADE).astype("int64")


def enrolment(
    raw: pd.DataFrame,
    *,
    columns: Columns | None = None,
    year: int | None = None,
    grades: Mapping[int, str] | None = None,
    years: Mapping[int, str] | None = None,
    layer: str = "schools.enrolment",
) -> Layer:
    """Return pupils by school, year and grade, as they were counted.

    Parameters
    ----------
    raw
        Long: ``site_id``, ``year``, ``grade``, ``pupils``, ``boarders``. Without ``grade``, or
        where it is blank, ``pupils`` are all of the school.
    year
        Of every row, where there is no column of it.
    grades
        Wide by grade: ``{grade: the file's column}``, a row a school and ``year``.
    years
        Wide by year: ``{year: the file's column}``; by ``grade`` or of the school as a whole. The
        wide forms have no other columns; one of the long form's names is listed as left out.

    Returns
    -------
    Layer
        ``site_id``, ``grade`` (missing: all grades together), ``year``, ``pupils`` (missing where
        the cell is blank: unknown, not 0), ``boarders``.

    Raises
    ------
    DataError
        Numbers that are negative or not whole, grades beyond 1–12, a school twice in a year and
        grade, a total beside its parts; all at once.

    Examples
    --------
    >>> told = pd.DataFrame({"site_id": ["S1"], "FY24": ["30"], "FY25": [""]})
    >>> enrolment(told, years={2024: "FY24", 2025: "FY25"}).table["pupils"].tolist()
    [30, <NA>]
    """
    wide = {**{f"grade_{g}": c for g, c in (grades or {}).items()},
            **{f"year_{y}": c for y, c in (years or {}).items()}}  # fmt: skip
    long = ("year", "grade", "pupils", "boarders")
    known = ("year",) if grades else ("grade",) if years else long
    intake = Intake(
        raw, layer=layer, columns={**(columns or {}), **wide}, known=("site_id", *known, *wide)
    )
    for key in long:  # a column of the file that has the name and no place in this form
        if key not in known and key in raw and key not in intake.columns.values():
            what = f"not read beside a column a {'grade' if grades else 'year'}"
            intake.drops.append((layer, f"column {key}", what, "left out"))
    intake.require("site_id")
    ids = intake.text("site_id")
    intake.wrong([not i for i in ids], "have no site_id", "Say whose pupils they are.")
    said = not years and year is None and intake.require("year")
    of_year = intake.whole("year", least=1, blank=not said, mend="Say of which year they are.")
    of_year = of_year.fillna(year) if year is not None else of_year
    grade = intake.whole("grade", least=1, most=LAST_GRADE, mend=GRADES_ARE)
    if not wide:
        intake.require("pupils")
    boarders = intake.whole("boarders")  # all unknown in the wide forms
    parts = []
    for key in wide or ["pupils"]:
        kind, _, number = key.partition("_")
        parts.append(
            pd.DataFrame(
                {
                    "site_id": pd.Series(ids, dtype="str"),
                    "grade": pd.Series(
                        [int(number)] * len(intake) if kind == "grade" else grade, dtype="Int64"
                    ),
                    "year": [int(number)] * len(intake) if kind == "year" else of_year,
                    "pupils": intake.whole(key),
                    "boarders": boarders,
                    "row": intake.labels,
                }
            )
        )
    table = pd.concat(parts, ignore_index=True)
    if not intake.problems:
        intake.problems += _twice(table, layer)
    intake.finish()
    table = table.astype({"year": "int64"}).drop(columns="row")
    table = table.sort_values(["site_id", "year", "grade"], kind="stable", ignore_index=True)
    return Layer(check("enrolment_read", table, layer=layer), intake.listed())


def _twice(table: pd.DataFrame, layer: str) -> list[Problem]:
    """Return what stands twice: a school, year and grade; or a total and its parts."""
    told = []
    twice = table.duplicated(["site_id", "year", "grade"], keep=False)
    known = table[table["pupils"].notna()]
    whole = known[known["grade"].isna()].set_index(["site_id", "year"]).index
    beside = known["grade"].notna() & pd.MultiIndex.from_frame(known[["site_id", "year"]]).isin(
        whole
    )
    for rows, what, mend in (
        (table[twice], "repeat a school, year and grade", "Leave one row of each."),
        (known[beside], "are parts of a total that stands there too", "Leave the parts alone."),
    ):
        if len(rows):
            told.append(
                Problem(layer, f"{len(rows)} rows {what}", mend, tuple(dict.fromkeys(rows["row"])))
            )
    return told


def age_bands(
    raw: pd.DataFrame,
    *,
    columns: Columns | None = None,
    bands: Mapping[str, tuple[str, ...]] | None = None,
    merge: Mapping[str, str] | None = None,
    total_row: str | None = None,
    layer: str = "people.ages",
) -> Layer:
    """Return people by zone and age band.

    Parameters
    ----------
    raw
        Long: ``zone_id`` (or ``name``), ``age_from``, ``age_to`` (blank: and over), ``persons``.
    bands
        Wide: ``{band: the file's columns, added up}``; a band is ``"0"``, ``"1-4"``, ``"85+"``.
    merge, total_row
        As for control totals: rows of another row's zone, and the one that is the sum of all.

    Raises
    ------
    DataError
        Numbers that are negative or not whole, bands that are none, zones twice, a total row among
        the zones, which would count everybody twice.

    Examples
    --------
    >>> told = pd.DataFrame({"zone_id": ["a"], "m": [2], "f": [3], "old": [4]})
    >>> age_bands(told, bands={"0": ("m", "f"), "1+": ("old",)}).table.values.tolist()
    [['a', 0, 0, 5], ['a', 1, <NA>, 4]]
    """
    told = tables.drops_table()
    if bands is None:
        raw, bands, told = _widened(raw, columns, layer)
        columns = {}
    named = {
        band if len(names) == 1 else f"{band} ({name})": name
        for band, names in bands.items()
        for name in names
    }
    known = ("zone_id", "name", *named)
    intake = Intake(raw, layer=layer, columns={**(columns or {}), **named}, known=known)
    intake.require("zone_id")
    called = pd.Series(intake.text_quietly("zone_id"))
    intake.relabel(called.tolist(), ((called != "") & ~called.duplicated(keep=False)).to_numpy())
    ends = {band: _ends(intake, band) for band in bands}
    parts = {key: intake.whole(key, blank=False) for key in named if intake.has(key)}
    numbers: dict[str, Any] = {"population": sum(parts.values(), _none(len(intake)))}
    for band in bands:
        mine = [column for key, column in parts.items() if key.split(" (")[0] == band]
        numbers[band] = sum(mine, _none(len(intake)))
    ids, numbers = joined(intake, numbers, merge or {}, total_row)
    intake.finish()
    rows = np.flatnonzero(intake.keep)
    table = pd.DataFrame(
        [
            (ids[row], *ends[band], int(numbers[band].iloc[row]))
            for row in rows.tolist()
            for band in bands
        ],
        columns=["zone_id", "age_from", "age_to", "persons"],
    ).astype({"zone_id": "str", "age_from": "int64", "age_to": "Int64", "persons": "int64"})
    table = table.sort_values(["zone_id", "age_from"], kind="stable", ignore_index=True)
    drops = join_drops(told, intake.listed())
    return Layer(check("age_bands", table, layer=layer), drops)


def _none(size: int) -> pd.Series[Any]:
    return pd.Series([0] * size, dtype="Int64")


def _ends(intake: Intake, band: str) -> tuple[int, Any]:
    """Return the first and the last age of a band; no last one where it is open."""
    found = _BAND.fullmatch(band.replace(" ", ""))
    if found is None or (found[2] is not None and int(found[2]) < int(found[1])):
        intake.problems.append(
            Problem(
                intake.layer, f'"{label(band)}" is no age band', 'Write "0", "1-4", "5-9" or "85+".'
            )
        )
        return 0, 0
    first = int(found[1])
    return first, pd.NA if found[3] else int(found[2] or first)


def _widened(
    raw: pd.DataFrame, columns: Columns | None, layer: str
) -> tuple[pd.DataFrame, Mapping[str, tuple[str, ...]], pd.DataFrame]:
    """Return long bands as a row a zone with a column a band, these columns, and the drops."""
    known = ("zone_id", "name", "age_from", "age_to", "persons")
    intake = Intake(raw, layer=layer, columns=columns or {}, known=known)
    for key in ("zone_id", "age_from", "age_to", "persons"):
        intake.require(key)
    first = intake.whole("age_from", blank=not intake.has("age_from"))
    last = intake.whole("age_to")
    persons = intake.whole("persons", blank=not intake.has("persons"))
    who = pd.DataFrame({"zone_id": intake.text("zone_id"), "name": intake.text("name")})
    intake.finish()
    who["band"] = [f"{a}+" if pd.isna(b) else f"{a}-{b}" for a, b in zip(first, last, strict=True)]
    twice = who.duplicated(keep=False).to_numpy()
    intake.wrong(twice, "repeat a zone and band", "Leave one row of each.")
    intake.finish()
    who["persons"] = persons
    wide = who.pivot(index=["zone_id", "name"], columns="band", values="persons")
    bands = {str(band): (str(band),) for band in wide.columns}
    wide = wide.reset_index()
    wide.columns.name = None
    wide.insert(0, "row", [z or n for z, n in zip(wide["zone_id"], wide["name"], strict=True)])
    return wide, bands, intake.listed()


def births(
    raw: pd.DataFrame, *, columns: Columns | None = None, layer: str = "schools.children.births"
) -> Layer:
    """Return births by zone and year: columns ``zone_id``, ``year``, ``persons``."""
    intake = Intake(raw, layer=layer, columns=columns or {}, known=("zone_id", "year", "persons"))
    for key in ("zone_id", "year", "persons"):
        intake.require(key)
    data: dict[str, Any] = {
        "zone_id": intake.text("zone_id"),
        "year": intake.whole(
            "year", least=1, blank=not intake.has("year"), mend="Say of which year they are."
        ),
        "persons": intake.whole("persons", blank=not intake.has("persons")),
    }
    intake.finish()
    data |= {key: data[key].astype("int64") for key in ("year", "persons")}
    return Layer(intake.table("births", data, crs=None, sort="zone_id"), intake.listed())


def catchments(
    raw: gpd.GeoDataFrame,
    *,
    crs: pyproj.CRS,
    columns: Columns | None = None,
    area: Any = None,
    layer: str = "schools.admission.catchments",
) -> Layer:
    """Return whose ground is whose: polygons with ``site_id`` and ``service`` (blank: all)."""
    intake = Intake(raw, layer=layer, columns=columns or {}, known=("site_id", "service"))
    intake.require("site_id")
    ids = intake.text("site_id")
    if intake.has("site_id"):
        intake.wrong([not i for i in ids], "have no site_id", "Say whose catchment it is.")
    data: dict[str, Any] = {"site_id": ids, "service": intake.text("service")}
    data["geometry"] = shapes_of(intake, crs, kinds=POLYGON, area=area)
    intake.finish()
    return Layer(intake.table("catchment_areas", data, crs=crs, sort="site_id"), intake.listed())

"""What is odd in the tables of schools and no error: listed, row by row, for somebody to look at.

Each check returns rows of ``findings``: ``table``, ``id``, ``what`` (a word of
:data:`siting.tables.FINDINGS`), ``detail``. Nothing is changed here.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final

import geopandas as gpd
import pandas as pd
import shapely

from siting import tables
from siting.errors import first_ids

SAID: Final = ("level", "condition")
Row = tuple[str, str, str, str]


def findings(rows: Iterable[Row]) -> pd.DataFrame:
    """Return rows as a ``findings`` table, each once, in an order that inputs do not change.

    Examples
    --------
    >>> findings([("schools", "S1", "grade_gap", "grade 2")] * 2).shape
    (1, 4)
    """
    found = pd.DataFrame(sorted(set(rows)), columns=["table", "id", "what", "detail"], dtype="str")
    return tables.check("findings", found)


def register(
    schools: pd.DataFrame,
    places: gpd.GeoSeries,
    *,
    zone_of: Mapping[str, Mapping[str, str]],
    zones: Mapping[str, Iterable[str]],
    teaching: pd.DataFrame,
    near_m: float,
    boarding_from: int,
) -> list[Row]:
    """Return what is unknown, odd or double in a register.

    Parameters
    ----------
    schools
        The ``schools`` table.
    places
        A point of each ``site_id`` (index), in the working CRS.
    zone_of
        By zoning, the zone each ``site_id`` lies in (``""``: in none).
    zones
        By zoning, its zone ids.
    teaching
        Who teaches what, and with how many seats.
    near_m
        Schools of one name nearer than this may be one.
    boarding_from
        The first grade whose children may board.
    """
    filled = _seats_of_layers(schools, teaching)
    return [
        *_unknown(schools, {site for _, site, _, _ in filled}),
        *filled,
        *_elsewhere(schools, zone_of, zones),
        *_double(schools, places, near_m),
        *_beds(schools),
        *_too_young(schools, boarding_from),
    ]


def _seats_of_layers(schools: pd.DataFrame, teaching: pd.DataFrame) -> list[Row]:
    """Name schools of one service whose seats only the layer of that service says."""
    blank = schools.loc[schools["seats"].isna(), ["site_id", "grade_from", "grade_to"]]
    alone = blank.merge(teaching, on=["site_id", "grade_from", "grade_to"])  # all its grades
    alone = alone[alone["seats"].notna()]
    return [
        ("teaching", site, "seats_of_layer", f"{service}: {seats}")
        for site, service, seats in zip(
            *(alone[c].tolist() for c in ("site_id", "service", "seats")), strict=True
        )
    ]


def _unknown(schools: pd.DataFrame, seated: Collection[str]) -> list[Row]:
    """Name what no school says, and of the rest what each school does not say.

    The seats of ``seated`` schools are known from elsewhere.
    """
    gaps = {key: schools[key].isna() for key in (*tables.SCHOOL_COUNTS, *tables.SCHOOL_AREAS)}
    gaps |= {key: schools[key] == "" for key in SAID}
    whole = [key for key, gap in gaps.items() if gap.all()]
    told: list[Row] = [
        ("schools", "", "column_unknown", f"{key}: no school says it") for key in whole
    ]
    some = {key: gap.to_numpy() for key, gap in gaps.items() if key not in whole}
    for row, site in enumerate(schools["site_id"]):
        lacking = [
            key for key, gap in some.items() if gap[row] and (key != "seats" or site not in seated)
        ]
        if lacking:
            told.append(("schools", site, "unknown", ", ".join(lacking)))
    return told


def _elsewhere(
    schools: pd.DataFrame,
    zone_of: Mapping[str, Mapping[str, str]],
    zones: Mapping[str, Iterable[str]],
) -> list[Row]:
    """Hold the zone a school says against the one it lies in, in the zoning that has that zone."""
    if "zone_id" not in schools:
        return []
    known = {str(zone): name for name, ids in sorted(zones.items()) for zone in ids}
    told: list[Row] = []
    for site, said in zip(schools["site_id"], schools["zone_id"], strict=True):
        if not said:
            continue
        zoning = known.get(said)
        if zoning is None:
            told.append(("schools", site, "zone_not_known", f"says {said}, which is no zone"))
            continue
        lies = zone_of[zoning].get(site, "")
        if lies != said:
            where = lies or "no zone"
            told.append(
                ("schools", site, "another_zone", f"says {said}, lies in {where} ({zoning})")
            )
    return told


def normalised(name: str) -> str:
    """Return a name without blanks, signs and differences of width and case.

    Examples
    --------
    >>> normalised("城关 小学（ＡB）") == normalised("城关小学(ab)")
    True
    """
    plain = unicodedata.normalize("NFKC", name).casefold()
    return "".join(c for c in plain if c.isalnum())


def _double(schools: pd.DataFrame, places: gpd.GeoSeries, near_m: float) -> list[Row]:
    ids = schools["site_id"].tolist()
    points = places.reindex(ids).to_numpy()
    one, two = shapely.STRtree(points).query(points, predicate="dwithin", distance=near_m)
    names = [normalised(name) for name in schools["name"]]
    stages = schools["stage"].tolist()
    told: list[Row] = []
    for i, j in zip(one.tolist(), two.tolist(), strict=True):
        if ids[i] >= ids[j]:
            continue
        apart = float(shapely.distance(points[i], points[j]))
        if names[i] == names[j]:
            told.append(("schools", ids[i], "same_name_near", f"{ids[j]}, {apart:.0f} m away"))
        if apart <= 0 and stages[i] == stages[j]:
            told.append(("schools", ids[i], "same_place_and_stage", ids[j]))
    return told


def _beds(schools: pd.DataFrame) -> list[Row]:
    told: list[Row] = []
    both = schools[schools["beds"].notna() & schools["boarders"].notna()]
    for site, beds, boarders in zip(both["site_id"], both["beds"], both["boarders"], strict=True):
        detail = f"{boarders} boarders, {beds} beds"
        if beds and not boarders:
            told.append(("schools", site, "beds_without_boarders", detail))
        elif boarders and not beds:
            told.append(("schools", site, "boarders_without_beds", detail))
        elif boarders > beds:
            told.append(("schools", site, "boarders_above_beds", detail))
    return told


def _too_young(schools: pd.DataFrame, boarding_from: int) -> list[Row]:
    """Name schools with boarders all of whose grades are too young for it."""
    rows = schools[(schools["grade_to"] < boarding_from) & (schools["boarders"].fillna(0) > 0)]
    return [
        ("schools", site, "boarders_too_young", f"{boarders} boarders; it teaches {first}-{last}")
        for site, boarders, first, last in zip(
            *(rows[c].tolist() for c in ("site_id", "boarders", "grade_from", "grade_to")),
            strict=True,
        )
    ]


def layers(
    schools: pd.DataFrame,
    services: Mapping[str, tuple[int, int]],
    sites: Mapping[str, Iterable[str]],
) -> list[Row]:
    """Hold a register against the layers of the services whose grades its schools teach.

    Parameters
    ----------
    services
        First and last grade by service.
    sites
        Ids of the existing sites by service.
    """
    told: list[Row] = []
    there = {name: set(ids) for name, ids in sites.items()}
    known = set(schools["site_id"])
    for site, first, last in zip(
        schools["site_id"], schools["grade_from"], schools["grade_to"], strict=True
    ):
        mine = [n for n, (low, high) in services.items() if first <= high and last >= low]
        missing = [name for name in mine if site not in there[name]]
        taught = {g for n in mine for g in range(services[n][0], services[n][1] + 1)}
        rest = sorted(set(range(first, last + 1)) - taught)
        if missing:
            told.append(("schools", site, "not_in_service_layer", ", ".join(missing)))
        if rest:
            told.append(("schools", site, "grades_of_no_service", _spans(rest)))
    for name, ids in sorted(there.items()):
        told += [("sites", site, "not_in_register", name) for site in sorted(ids - known)]
    return told


def seats(schools: pd.DataFrame, teaching: pd.DataFrame, offered: pd.DataFrame) -> list[Row]:
    """Return services of schools whose seats nobody knows, and where two sources differ.

    The layers are held against the register where they have all grades of a school.

    Parameters
    ----------
    offered
        ``site_id``, ``service``, ``capacity`` of the services' own layers.
    """
    none = teaching[teaching["seats"].isna()]
    told: list[Row] = [
        ("teaching", site, "seats_by_service_unknown", service)
        for site, service in zip(none["site_id"], none["service"], strict=True)
    ]
    whole = schools.set_index("site_id")["seats"]
    grades = (teaching["grade_to"] - teaching["grade_from"] + 1).groupby(teaching["site_id"]).sum()
    span = (schools["grade_to"] - schools["grade_from"] + 1).set_axis(schools["site_id"])
    taught = teaching[teaching["site_id"].isin(grades.index[grades == span[grades.index]])]
    both = taught[["site_id", "service"]].merge(offered, on=["site_id", "service"], how="left")
    known = both.groupby("site_id", sort=True)["capacity"].agg(["sum", "count", "size"])
    for site, total, counted, size in zip(
        known.index.astype(str), known["sum"], known["count"], known["size"], strict=True
    ):
        if counted == size and not pd.isna(whole[site]) and whole[site] != total:
            detail = f"{whole[site]} in the register, {total} in the services' layers"
            told.append(("teaching", site, "seats_differ", detail))
    return told


def pupils(
    schools: pd.DataFrame,
    enrolment: pd.DataFrame,
    *,
    read: pd.DataFrame,
    teaching: pd.DataFrame,
    year: int,
    boarding_from: int,
) -> list[Row]:
    """Return what is odd in enrolment, in the light of the register.

    Parameters
    ----------
    enrolment
        By grade.
    read
        As it was read: with its blanks and totals.
    year
        Of the register: seats and boarders are of that year.
    boarding_from
        The first grade whose children may board.
    """
    told: list[Row] = []
    known = set(schools["site_id"])
    strange = sorted(set(read["site_id"]) - known)
    told += [("enrolment", site, "not_in_register", "") for site in strange]
    told += _years_unknown(known, read)
    spans = {
        site: (first, last)
        for site, first, last in zip(
            schools["site_id"], schools["grade_from"], schools["grade_to"], strict=True
        )
    }
    mine = enrolment[enrolment["site_id"].isin(known)]
    some = mine[mine["pupils"] > 0]
    there: dict[tuple[str, int], list[int]] = {}
    for site, of_year, grade in zip(some["site_id"], some["year"], some["grade"], strict=True):
        there.setdefault((site, of_year), []).append(grade)
    for (site, of_year), found in sorted(there.items()):
        grades = sorted(found)
        first, last = spans[site]
        beyond = [g for g in grades if not first <= g <= last]
        gaps = sorted(set(range(grades[0], grades[-1] + 1)) - set(grades))
        if beyond:
            what = f"{of_year}: pupils in {_spans(beyond)}; it teaches {first}-{last}"
            told.append(("enrolment", site, "grade_not_taught", what))
        if gaps:
            told.append(("enrolment", site, "grade_gap", f"{of_year}: nobody in {_spans(gaps)}"))
    told += _boarders(mine, boarding_from)
    return told + _above(schools, enrolment[enrolment["year"] == year], teaching, year)


def _years_unknown(known: set[str], read: pd.DataFrame) -> list[Row]:
    """Name the years in which other schools have pupils and this one has no number."""
    counted = read[read["pupils"].notna()]
    years = sorted(set(counted["year"]))
    have = counted.groupby("site_id")["year"].agg(set).to_dict()
    told: list[Row] = []
    for site in sorted(known):
        lacking = [str(year) for year in years if year not in have.get(site, set())]
        if lacking:
            told.append(("enrolment", site, "no_enrolment", ", ".join(lacking)))
    blank = read[read["pupils"].isna() & read["grade"].notna()]
    told += [
        ("enrolment", site, "no_enrolment", f"{year}: grade {grade}")
        for site, year, grade in zip(blank["site_id"], blank["year"], blank["grade"], strict=True)
    ]
    return told


def _boarders(enrolment: pd.DataFrame, boarding_from: int) -> list[Row]:
    told: list[Row] = []
    rows = enrolment[enrolment["boarders"].fillna(0) > 0]
    for site, year, grade, pupils_of, boarders in zip(
        *(rows[c].tolist() for c in ("site_id", "year", "grade", "pupils", "boarders")),
        strict=True,
    ):
        if boarders > pupils_of:
            what = f"{year}: grade {grade}: {boarders} of {pupils_of}"
            told.append(("enrolment", site, "boarders_above_pupils", what))
        if grade < boarding_from:
            what = f"{year}: grade {grade}: {boarders}"
            told.append(("enrolment", site, "boarders_too_young", what))
    return told


def _above(
    schools: pd.DataFrame, enrolment: pd.DataFrame, teaching: pd.DataFrame, year: int
) -> list[Row]:
    """Hold pupils of the register's year against seats, by service and as a whole."""
    told: list[Row] = []
    number = {
        (site, grade): int(n)
        for site, grade, n in zip(
            enrolment["site_id"], enrolment["grade"], enrolment["pupils"], strict=True
        )
    }
    sums = enrolment.groupby("site_id")["pupils"].sum()
    named = set()
    for site, service, first, last, seat in zip(
        *(teaching[c].tolist() for c in ("site_id", "service", "grade_from", "grade_to", "seats")),
        strict=True,
    ):
        there = sum(number.get((site, grade), 0) for grade in range(first, last + 1))
        if not pd.isna(seat) and there > seat:
            named.add(site)
            what = f"{year}: {service}: {there} pupils, {seat} seats"
            told.append(("enrolment", site, "enrolment_above_seats", what))
    for site, seat, boarders in zip(
        schools["site_id"], schools["seats"], schools["boarders"], strict=True
    ):
        there = int(sums.get(site, 0))
        if site not in sums.index:
            continue
        if not pd.isna(seat) and there > seat and site not in named:
            what = f"{year}: {there} pupils, {seat} seats"
            told.append(("enrolment", site, "enrolment_above_seats", what))
        if not pd.isna(boarders) and boarders > there:
            what = f"{year}: {boarders} of {there}"
            told.append(("schools", site, "boarders_above_pupils", what))
    return told


def ages(negative: pd.DataFrame, drop: pd.DataFrame) -> list[Row]:
    """Return what the single years of a census are warned about.

    Parameters
    ----------
    negative
        From :class:`siting.cohorts.SingleYears`.
    drop
        From :func:`siting.cohorts.birth_drop`; every zone whose births fell is named.
    """
    told: list[Row] = [
        ("children", str(zone), "negative_interpolated", f"age {age}: {number:.1f}, taken as 0")
        for zone, age, number in zip(
            negative["zone_id"], negative["age"], negative["interpolated"], strict=True
        )
    ]
    for zone, youngest, mean, share in zip(
        *(drop[c].tolist() for c in ("zone_id", "age_0_persons", "mean_before_persons",
                                     "drop_share")), strict=True
    ):  # fmt: skip
        if share > 0:
            what = f"age 0: {youngest}, mean of the years before {mean:.1f} (-{share:.0%})"
            told.append(("children", str(zone), "birth_drop", what))
    return told


def _spans(grades: list[Any]) -> str:
    return f"grade {first_ids(grades)}" if len(grades) == 1 else f"grades {first_ids(grades, 12)}"

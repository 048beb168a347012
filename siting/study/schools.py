"""``[schools]``: the register, enrolment, admission areas and later children in a study file."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from siting.study.source import Identifier, Model, Source
from siting.tables import LAST_GRADE

Grade = Annotated[int, Field(ge=1, le=LAST_GRADE)]
Year = Annotated[int, Field(ge=1, le=9999)]
Persons = Annotated[int, Field(ge=0, le=10**9, strict=True)]
Share = Annotated[float, Field(ge=0, le=1)]


class Ages(Source):
    """Census age bands by zone: ``[people.ages]``.

    Attributes
    ----------
    year
        Of the census; its children are carried forward to the year of the schools.
    zoning
        Whose zones they are.
    bands
        ``{band: column or columns}`` of a row a zone; a row a zone and band where not given.
    merge, total_row
        As of control totals.
    by
        Age groups of people whose numbers at the places of a zone its children are divided by.
    """

    year: Year
    zoning: str = "zone"
    bands: Annotated[dict[str, str | tuple[str, ...]] | None, Field(min_length=1)] = None
    merge: dict[str, str] = Field(default_factory=dict)
    total_row: str | None = None
    by: tuple[Identifier, ...] = ()

    @property
    def columns_of_bands(self) -> dict[str, tuple[str, ...]] | None:
        """The file's columns by band."""
        if self.bands is None:
            return None
        return {b: (c,) if isinstance(c, str) else c for b, c in self.bands.items()}

    @model_validator(mode="after")
    def _wide_or_long(self) -> Self:
        long = {"age_from", "age_to", "persons"} & set(self.columns)
        if self.bands is not None and long:
            raise ValueError(
                f"bands name the columns; remove {', '.join(sorted(long))} from columns"
            )
        return self


class Enrolment(Source):
    """Pupils by school, year and grade, or of a school as a whole.

    Attributes
    ----------
    year
        Of every row, where no column says it.
    grades
        ``{grade: column}`` of a row a school (and year).
    years
        ``{year: column}`` of a row a school (and grade).
    split
        How a total becomes grades: ``even``, or ``as_children``, in proportion to the children of
        the school's admission area who are of age for each grade. A total is refused without it.
    """

    year: Year | None = None
    grades: Annotated[dict[Grade, str] | None, Field(min_length=1)] = None
    years: Annotated[dict[Year, str] | None, Field(min_length=1)] = None
    split: Literal["even", "as_children"] | None = None

    @model_validator(mode="after")
    def _one_shape(self) -> Self:
        if self.grades is not None and self.years is not None:
            raise ValueError("give grades (a column a grade) or years (a column a year), not both")
        if self.years is not None and self.year is not None:
            raise ValueError("years say of which year each column is; remove year")
        return self


class Admission(Model):
    """Who may go where.

    Attributes
    ----------
    zoning
        A child goes to a school of its own zone, in ``services``.
    services
        Services with admission areas; those of compulsory schooling (rule
        ``school.compulsory_grades``) where not given. To any other everybody may go.
    joint
        ``{service: groups of zones}``, by id or name, that admit together; the service then has
        admission areas, whatever it teaches.
    catchments
        Polygons with ``site_id`` and ``service``: whose ground is whose.
    """

    zoning: str = "county"
    services: tuple[Identifier, ...] | None = None
    joint: dict[Identifier, tuple[Annotated[tuple[str, ...], Field(min_length=2)], ...]] = Field(
        default_factory=dict
    )
    catchments: Source | None = None

    @model_validator(mode="after")
    def _in_one_group(self) -> Self:
        for service, groups in self.joint.items():
            names = [name for group in groups for name in group]
            twice = sorted({name for name in names if names.count(name) > 1})
            if twice:
                raise ValueError(f"joint.{service}: {', '.join(twice)} stands in two groups")
        return self


class LaterChildren(Model):
    """Children of later years: everything stated, with its source.

    Attributes
    ----------
    years
        Of the programme, after the year of the schools; as many as wanted.
    births
        ``{year: number}`` for the region: those who live to be counted as age 0 at the year's end.
        Of every year after the census; those up to it say how its bands divide into single years.
    births_file
        By zone of the census instead: columns ``zone_id``, ``year``, ``persons``.
    survival
        Share alive a year later: one for all, or by age; ages not named all live.
    to_town
        ``{year: number}`` of children who move from villages to urban places and township seats.
    source
        Who says so.
    """

    years: tuple[Year, ...] = ()
    births: dict[Year, Persons] | None = None
    births_file: Source | None = None
    survival: Share | dict[Annotated[int, Field(ge=0, le=120)], Share] = 1.0
    to_town: dict[Year, Persons] = Field(default_factory=dict)
    source: Annotated[str, Field(min_length=1)]

    @model_validator(mode="after")
    def _stated_once(self) -> Self:
        if self.births is not None and self.births_file is not None:
            raise ValueError("give births or births_file, not both")
        if list(self.years) != sorted(set(self.years)):
            raise ValueError("years stand in order, each once")
        return self


class Schools(Source):
    """The register, one row a school: who teaches what to how many.

    Attributes
    ----------
    year
        Of the register, and the base year of everything that is said of schools.
    services
        Which service teaches which grades: ``{primary: [1, 6]}``.
    enrolment, admission, children
        See there.
    """

    year: Year
    services: Annotated[dict[Identifier, tuple[Grade, Grade]], Field(min_length=1)]
    enrolment: Enrolment | None = None
    admission: Admission = Admission()
    children: LaterChildren | None = None

    @property
    def years(self) -> tuple[int, ...]:
        """The base year and every later one of the programme."""
        return (self.year, *(self.children.years if self.children is not None else ()))

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        told = [
            f"services.{name}: [{a}, {b}] ends before it begins; write [{b}, {a}]"
            for name, (a, b) in self.services.items()
            if a > b
        ]
        taught = sorted((a, b, name) for name, (a, b) in self.services.items())
        told += [
            f"services: {one} and {two} both teach grade {c}; give each grade to one service"
            for (_, b, one), (c, _, two) in pairwise(taught)
            if c <= b
        ]
        for key in ("services", "joint"):
            named = getattr(self.admission, key) or ()
            told += [
                f'admission.{key}: "{name}" is not among schools.services ({list(self.services)})'
                for name in named
                if name not in self.services
            ]
        if self.children is not None:
            told += [
                f"children.years: {year} is not after {self.year}, the year of the schools"
                for year in self.children.years
                if year <= self.year
            ]
        if told:
            raise ValueError("\n".join(told))
        return self


def problems(
    schools: Schools | None,
    ages: Ages | None,
    *,
    zonings: list[str],
    services: dict[str, object],
    groups: dict[str, object],
) -> list[str]:
    """Return what ``[schools]`` and ``[people.ages]`` contradict in the rest of a study."""
    told = []
    if ages is not None:
        if ages.zoning not in zonings:
            told.append(f'people.ages.zoning = "{ages.zoning}" is not among {zonings}')
        told += [
            f'people.ages.by: "{name}" is not among people.groups ({list(groups)})'
            for name in ages.by
            if name not in groups
        ]
        if schools is None:
            told.append("people.ages are for schools, and there is no [schools]; remove it")
    if schools is None:
        return told
    if schools.admission.zoning not in zonings:
        told.append(
            f'schools.admission.zoning = "{schools.admission.zoning}" is not among {zonings}: say '
            "in which zones a child goes to school"
        )
    told += [
        f'schools.services: "{name}" is not among services ({list(services)})'
        for name in schools.services
        if name not in services
    ]
    split = schools.enrolment.split if schools.enrolment is not None else None
    if ages is None and schools.children is not None:
        told.append("schools.children need [people.ages]: the children to begin with")
    if ages is None and split == "as_children":
        told.append('schools.enrolment.split = "as_children" needs [people.ages]')
    if ages is None:
        return told
    if ages.year > schools.year:
        told.append(f"people.ages.year = {ages.year} is after schools.year = {schools.year}")
    later = schools.children
    lacking = _without_births(ages.year, schools.years[-1], later)
    if lacking:
        told.append(
            f"schools.children.births: {', '.join(map(str, lacking))} have none, and children are "
            f"carried forward from the census of {ages.year} to {schools.years[-1]}; state them"
        )
    if later is not None:
        odd = [y for y in later.to_town if not ages.year < y <= schools.years[-1]]
        told += [
            f"schools.children.to_town: {year} is not between {ages.year + 1} and "
            f"{schools.years[-1]}"
            for year in odd
        ]
    return told


def _without_births(census: int, last: int, later: LaterChildren | None) -> list[int]:
    if later is not None and later.births_file is not None:
        return []  # its table is checked when it is read
    have = later.births if later is not None and later.births is not None else {}
    return [year for year in range(census + 1, last + 1) if year not in have]

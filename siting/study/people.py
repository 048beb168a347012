"""``[people]``: who lives where, as a study file may say it."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from siting.study.schools import Ages
from siting.study.source import Identifier, Model, Settlement, Source

OWN_COLUMNS = {  # which no group of people may be called
    "demand_id", "population", "settlement", "geometry", "zone_id", "carrier_id", "weight",
    "area_m2", "spread_m", "row", "persons",
}  # fmt: skip


class Totals(Source):
    """Control totals by zone in a table of their own, joined to a zoning by its ids.

    Attributes
    ----------
    merge
        ``{id or name of a row: zone_id}``: rows whose people belong to another row's zone.
    total_row
        Id or name of the row that is the sum of all others; checked, and not counted.
    """

    zoning: str = "zone"
    merge: dict[str, str] = Field(default_factory=dict)
    total_row: str | None = None


class Group(Model):
    """People of an age group, from a column or as a declared share of all."""

    column: str | None = None
    share: Annotated[float, Field(ge=0, le=1)] | None = None
    source: str = ""
    label_zh: str = ""
    label_en: str = ""

    def label(self, lang: str) -> str:
        """Return the name shown on pages in ``lang``; blank where none is given."""
        return (self.label_zh if lang == "zh" else self.label_en) or self.label_zh or self.label_en

    @model_validator(mode="after")
    def _one_origin(self) -> Self:
        if (self.column is None) == (self.share is None):
            raise ValueError("a group needs either column or share, not both")
        if self.share is not None and not self.source.strip():
            raise ValueError("a share needs a source: who says so")
        return self


class PeopleRaster(Source):
    """A raster of people, cut along one zoning exactly.

    Attributes
    ----------
    band
        Which band, from 1; needed where the raster has several.
    holds
        ``count``: persons in each cell; ``density``: persons per km².
    land_area
        For a density: a raster of km² of land on the same grid. Without it whole cells are land,
        which counts too many people along a coast.
    block
        Cells are added up in squares of so many, to have fewer places.
    outside
        People of cells that a zone touches, outside every zone: ``kept``, in no zone and so not
        assessed (a coast drawn otherwise), or ``left_out`` (neighbours). Listed either way.
    zoning
        Which zoning it is cut along; that of the totals, else the first one, where not given.
    """

    band: Annotated[int | None, Field(ge=1, strict=True)] = None
    holds: Literal["count", "density"] = "count"
    land_area: Source | None = None
    block: Annotated[int, Field(ge=1, le=1000, strict=True)] = 1
    outside: Literal["kept", "left_out"] = "kept"
    zoning: str | None = None

    @model_validator(mode="after")
    def _of_a_grid(self) -> Self:
        unused = {"layer", "encoding", "x", "y", "where", "columns"} & self.model_fields_set
        if unused:
            raise ValueError(f"{', '.join(sorted(unused))} would not be used; remove it")
        if self.land_area is not None and self.holds != "density":
            raise ValueError('land_area is for holds = "density"; a count needs no area')
        return self


class LandUse(Source):
    """Polygons that say the settlement class of places that say none, by column or declared."""

    settlement: Settlement | None = None

    @model_validator(mode="after")
    def _says_a_class(self) -> Self:
        if self.settlement is None and "settlement" not in self.columns:
            raise ValueError(
                'land use says no class: map columns.settlement, or set settlement = "urban", '
                '"township_seat" or "village"'
            )
        return self


class Part(Model):
    """One of several sources of people.

    Attributes
    ----------
    name
        What its places are said to come from.
    points, raster, spread, carriers
        As of people; with control totals, points and rasters carry them by their own people.
    zones
        The zones it may speak for; all unless given.
    settlement
        Settlement class of its places whose own row says none, before land use and zones.
    """

    name: Identifier
    points: Source | None = None
    raster: PeopleRaster | None = None
    spread: Literal["residential", "buildings", "villages"] | None = None
    carriers: Source | None = None
    zones: Annotated[tuple[str, ...] | None, Field(min_length=1)] = None
    settlement: Settlement | None = None

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        ways = [self.points is not None, self.raster is not None, self.spread is not None]
        if sum(ways) != 1:
            raise ValueError(f'part "{self.name}" needs one of points, raster and spread')
        if self.raster is not None and self.raster.zoning is not None:
            raise ValueError(
                f'part "{self.name}": its raster is cut along the zones of the parts; remove zoning'
            )
        if (self.carriers is not None) != (self.spread in ("buildings", "villages")):
            raise ValueError(
                f'part "{self.name}": spread = "buildings" or "villages" and carriers come together'
            )
        return self


class ScenarioYear(Model):
    """What a scenario says of one year: who lives in towns (a rule, a share), and how many in all.

    ``total`` stays as it is today where no year gives one.
    """

    year: Annotated[int, Field(ge=1, le=9999, strict=True)]
    town_share: str
    total: Annotated[int, Field(ge=1, le=10**10, strict=True)] | None = None


class Scenario(Model):
    """People of later years: villagers move to towns until a share lives there.

    Attributes
    ----------
    years
        In order; years in between lie on straight lines, from today's people on.
    within
        Zoning whose zones people stay in, so that each keeps its total; anywhere if not given.
    source
        Who says so.
    """

    years: Annotated[tuple[ScenarioYear, ...], Field(min_length=1)]
    within: str | None = None
    source: str = ""
    label_zh: str = ""
    label_en: str = ""

    def label(self, lang: str) -> str:
        """Return the name shown on pages in ``lang``; blank where none is given."""
        return (self.label_zh if lang == "zh" else self.label_en) or self.label_zh or self.label_en

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        years = [y.year for y in self.years]
        if years != sorted(set(years)):
            raise ValueError("years of a scenario stand in order, each once")
        if len({y.total is None for y in self.years}) > 1:
            raise ValueError("give a total in every year of a scenario, or in none")
        return self


class People(Model):
    """People as points, as a raster, or control totals spread over carriers (``spread``).

    Attributes
    ----------
    points
        A layer of points with ``population``.
    raster
        A raster of people: its cells in each zone are places.
    parts
        Several of these together, the first choice first. With control totals each is carried by
        the first part that has anything to carry it; without, each zone is spoken for by the first
        part that has anybody in it.
    total
        One control total for the region.
    totals
        Control totals by zone in a table; without it and without ``total``, the zones' own
        ``population`` column is spread.
    spread
        What carries the totals: ``residential`` (cells of residential land), ``buildings`` or
        ``villages`` (points, by their ``weight`` column where mapped, else equally), or
        ``raster`` (its cells, by their people).
    carriers
        The buildings or villages layer.
    land_use
        Polygons that say the settlement class of places whose own column says none; the first
        layer that holds a place speaks, then the zones' column.
    settlement
        Settlement class where nothing else says it, or ``density``: by the rules ``settlement.*``.
    year, source
        As of when, and from whom.
    cell_m
        Side of the cells that residential land is cut into.
    within_m
        How far from a point without land (a village) its people live: widens the ranges.
    no_carrier
        What happens to a zone that has people and nothing to carry them: ``error``, or
        ``zone_point`` puts them on one point inside the zone and lists it.
    whole
        What happens to fractions of persons at points: ``error``, or rounded by
        ``largest_remainder``, each listed.
    groups
        Age groups, by name.
    ages
        Census age bands by zone, for the children of schools.
    scenario, scenario_year
        Which scenario's people, of which year; today's where not given.
    scenarios
        Scenarios, by name.
    """

    points: Source | None = None
    raster: PeopleRaster | None = None
    parts: tuple[Part, ...] = ()
    total: Annotated[int, Field(ge=0, le=10**10, strict=True)] | None = None
    totals: Totals | None = None
    spread: Literal["residential", "buildings", "villages", "raster"] | None = None
    carriers: Source | None = None
    land_use: tuple[LandUse, ...] = ()
    settlement: Settlement | Literal["density"] | None = None
    year: Annotated[int, Field(ge=1, le=9999, strict=True)] | None = None
    source: str = ""
    cell_m: Annotated[float, Field(ge=10, le=2000)] = 100.0
    within_m: Annotated[float, Field(ge=0, le=10_000)] = 0.0
    no_carrier: Literal["error", "zone_point"] = "error"
    whole: Literal["error", "largest_remainder"] = "error"
    groups: dict[Identifier, Group] = Field(default_factory=dict)
    ages: Ages | None = None
    scenario: str | None = None
    scenario_year: Annotated[int, Field(ge=1, le=9999, strict=True)] | None = None
    scenarios: dict[Identifier, Scenario] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _later(self) -> Self:
        if (self.scenario is None) != (self.scenario_year is None):
            raise ValueError("scenario and scenario_year come together: which one, of which year")
        if self.scenario is None:
            return self
        if self.scenario not in self.scenarios:
            raise ValueError(f'scenario = "{self.scenario}" is not among {list(self.scenarios)}')
        first = self.scenarios[self.scenario].years[0].year
        if self.year is None or self.year >= first:
            raise ValueError(
                f"scenario: say of which year today's people are: year = …, before {first}"
            )
        return self

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if self.spread == "raster" and self.raster is None:
            raise ValueError('spread = "raster" needs [people.raster]')
        if self.parts:
            self._several()
            return self
        own = [self.points is not None, self.raster is not None and self.spread != "raster"]
        if sum(own) + (self.spread is not None) != 1:
            raise ValueError(
                "give either [people.points] (a layer of points), or [people.raster], or spread = "
                '"residential" | "buildings" | "villages" | "raster" (control totals), and only one'
            )
        if any(own) and (self.total is not None or self.totals is not None):
            raise ValueError(
                "points and rasters bring their own population; drop total and totals, or set "
                'spread = "raster"'
            )
        if self.total is not None and self.totals is not None:
            raise ValueError("give total or totals, not both")
        if self.spread in ("buildings", "villages") and self.carriers is None:
            raise ValueError(f'spread = "{self.spread}" needs [people.carriers]')
        return self

    def _several(self) -> None:
        names = [part.name for part in self.parts]
        if "zone_point" in names:
            raise ValueError('parts: "zone_point" is what places without any part are called')
        if len(set(names)) != len(names):
            raise ValueError("parts: two have the same name; call them differently")
        if any(v is not None for v in (self.points, self.raster, self.spread, self.carriers)):
            raise ValueError("parts stand in the place of points, raster, spread and carriers")
        if self.total is not None:
            raise ValueError("parts carry totals by zone; give totals, not one total")

    @property
    def controlled(self) -> bool:
        """Whether parts only say where control totals live, and not how many people."""
        return self.totals is not None or any(part.spread is not None for part in self.parts)

"""What a study file may say: pydantic models, frozen, unknown keys refused."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from siting import baskets
from siting.study import schools as schools_of
from siting.study.baskets import BasketAsked, Filled, filled, problems
from siting.study.people import OWN_COLUMNS, People
from siting.study.schools import Schools
from siting.study.source import Identifier, Model, Settlement, Source, near


class Zones(Source):
    """Polygons that results are given by; every zoning sums to the region."""

    zoning: str = "zone"
    settlement: Settlement | None = None


class Roads(Source):
    """Roads: an OSM extract, or a line layer, which may need mending.

    Attributes
    ----------
    snap_m
        How far a loose end of a line layer may be moved to another end or line.
    repair
        ``"none"`` lists defects, ``"safe"`` mends what is safe and lists all the same.
    look_m
        How far from a loose end lines are looked for, to be listed.
    """

    snap_m: Annotated[float, Field(ge=0, le=50)] = 0.0
    repair: Literal["none", "safe"] = "none"
    look_m: Annotated[float, Field(ge=0, le=50)] = 5.0

    @model_validator(mode="after")
    def _of_lines(self) -> Self:
        given = self.model_fields_set & {"snap_m", "repair", "look_m"}
        if self.is_osm and given:
            raise ValueError(
                f"{', '.join(sorted(given))}: an OSM extract says itself where streets meet; "
                "leave it out"
            )
        return self


class Residential(Source):
    """Residential land: green is judged on it, and totals may be spread over it."""

    settlement: Settlement | None = None
    quarter: Literal["old", "new", ""] = ""


class Green(Source):
    """Parks (``kind = "park"``) or any public green (``kind = "green"``)."""

    kind: Literal["park", "green"] = "park"


class Bus(Model):
    """How a journey by school bus is known.

    Attributes
    ----------
    how
        ``route``: routes are built for today's pupils, each to the nearest school; ``detour``:
        direct driving time × the rule ``bus.detour_factor``; ``direct``: direct driving time, a
        lower bound that cannot pass a hard rule.
    seats
        Seats of a bus; needed for routes.
    buses
        Buses a school has, each driving once; as many as it takes where not given.
    max_ride_min
        Longest ride; none but ``network.cutoff_min`` where not given.
    stops
        A layer of stops (points with ``site_id``); chosen where pupils live where not given.
    max_walk_m, wait_min, dwell_s, board_s
        In place of the rules ``bus.max_walk``, ``bus.wait``, ``bus.dwell``, ``bus.board``; printed
        on every page.
    """

    how: Literal["route", "detour", "direct"]
    seats: Annotated[int, Field(ge=1, le=200, strict=True)] | None = None
    buses: Annotated[int, Field(ge=1, strict=True)] | None = None
    max_ride_min: Annotated[float, Field(gt=0, le=600)] | None = None
    stops: Source | None = None
    max_walk_m: Annotated[float, Field(ge=0, le=10_000)] | None = None
    wait_min: Annotated[float, Field(ge=0, le=120)] | None = None
    dwell_s: Annotated[float, Field(ge=0, le=600)] | None = None
    board_s: Annotated[float, Field(ge=0, le=60)] | None = None

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.how == "route":
            if self.seats is None:
                raise ValueError('how = "route" needs seats: how many pupils a bus takes')
            return self
        only = ("seats", "buses", "max_ride_min", "stops", "max_walk_m", "dwell_s", "board_s")
        idle = [key for key in only if getattr(self, key) is not None]
        idle += ["wait_min"] if self.how == "direct" and self.wait_min is not None else []
        if idle:
            raise ValueError(
                f'{", ".join(idle)} would not be used with how = "{self.how}"; remove it or build '
                'routes (how = "route")'
            )
        return self


class Barrier(Source):
    """What cannot be crossed at grade: rivers, railways, walls.

    ``cuts``: ``edges_and_legs`` cuts the streets that cross it and are neither bridge nor tunnel,
    except at the study's ``crossings``, and the legs between places and streets; ``legs`` these
    alone, for a road layer that does not say which of its lines are bridges.
    """

    cuts: Literal["edges_and_legs", "legs"] = "edges_and_legs"


class Access(Model):
    """Supply per 1,000 persons within ``catchment`` (``"30 min"``, ``"1000 m"``): 2SFCA, E2SFCA."""

    catchment: Annotated[str, Field(pattern=r"^[1-9]\d{0,5}(\.\d{1,3})? (min|m)$")]


class Service(Source):
    """A service: where it is offered, for whom, and by which rules it is judged.

    ``walkers`` says at whose speed it is walked to (rules ``walk.speed``, ``walk.speed_elderly``,
    ``walk.speed_children``), or to the stop where ``mode`` is ``bus``; ``bus`` then says how.
    ``count_crossings`` counts trunk roads and railways crossed on the way, on foot or by bicycle;
    ``service_areas`` draws the ground in reach; ``access`` counts supply per 1,000 persons;
    ``target`` is the rule that says what share should be covered; ``seats`` counts seats (column
    ``capacity``, to be known at every site): most persons served within each rule;
    ``provision`` names a norm per thousand residents for the capacity of each zone; ``kind`` says
    what kind of facility it is to baskets (the service's own name where that is one; ``""``: none).
    """

    label_zh: str = ""
    label_en: str = ""
    mode: Literal["walk", "cycle", "ebike", "drive", "bus"] = "walk"
    walkers: Literal["adults", "elderly", "children"] = "adults"
    bus: Bus | None = None
    group: str | None = None
    level: str = ""
    rules: tuple[str, ...] = ()
    target: str | None = None
    count_crossings: bool = False
    service_areas: bool = False
    access: Access | None = None
    seats: Literal["max_served"] | None = None
    provision: str | None = None
    kind: str | None = None

    @property
    def way(self) -> str:
        """How people get there: the mode, and who walks unless adults do (``walk.children``)."""
        if self.bus is not None:
            return f"bus_{self.bus.how}"
        return self.mode if self.walkers == "adults" else f"{self.mode}.{self.walkers}"

    @property
    def walk(self) -> str:
        """The network walked on, to the service or to the stop."""
        return "walk" if self.walkers == "adults" else f"walk.{self.walkers}"

    @property
    def road(self) -> str:
        """The network that travel times are of: the drivers' for a bus."""
        return self.way if self.bus is None else "drive"

    @property
    def networks(self) -> tuple[str, ...]:
        """All networks the service needs."""
        stops = self.bus is not None and self.bus.how == "route"
        return (self.road, self.walk) if stops else (self.road,)

    @model_validator(mode="after")
    def _crosses_on_foot(self) -> Self:
        if self.access is not None and self.bus is not None and self.bus.how == "direct":
            raise ValueError(
                "access: direct driving time is a lower bound and reaches too far; set bus.how = "
                '"detour" or "route", or remove it'
            )
        if self.service_areas and self.mode == "bus":
            raise ValueError("service_areas: no bus runs from every place; remove it")
        if self.count_crossings and self.mode not in ("walk", "cycle", "ebike"):
            raise ValueError(
                f'count_crossings is for those on foot or by bicycle, and mode = "{self.mode}"; '
                "remove it"
            )
        return self

    @model_validator(mode="after")
    def _seats_are_sought(self) -> Self:
        if self.seats is None:
            return self
        if not self.rules:
            raise ValueError("seats are counted within rules: set rules = [...], or remove seats")
        if self.bus is not None and self.bus.how != "detour":
            raise ValueError(
                'seats: where one is full the next is asked, and how = "'
                f'{self.bus.how}" does not say how far that is; set bus.how = "detour", or '
                "remove seats"
            )
        return self

    @model_validator(mode="after")
    def _bus_says_how(self) -> Self:
        if (self.mode == "bus") != (self.bus is not None):
            raise ValueError(
                'mode = "bus" and a table [services.….bus] with how = "route" | "detour" | '
                '"direct" come together; add the one or remove the other'
            )
        return self

    @model_validator(mode="after")
    def _walkers_walk(self) -> Self:
        if self.walkers != "adults" and self.mode not in ("walk", "bus"):
            raise ValueError(
                f'walkers = "{self.walkers}" is for mode = "walk"; this service has mode = '
                f'"{self.mode}". Remove walkers, or walk'
            )
        return self

    def label(self, lang: str) -> str:
        """Return the name shown on pages in ``lang``; the study's key where none is given."""
        return (self.label_zh if lang == "zh" else self.label_en) or self.label_zh or self.label_en


class Closures(Model):
    """Leave one out: what each facility's closure alone would do."""

    service: str


class NewSites(Model):
    """The best ``n_new`` among candidates by maximal covering (MCLP)."""

    service: str
    rule: str
    n_new: Annotated[int, Field(ge=1, strict=True)]
    candidates: Source
    time_limit_s: Annotated[float, Field(gt=0)] = 60.0


class PocketParks(Model):
    """What a pocket park would add at each place, and ``n`` places to begin with, greedily.

    Attributes
    ----------
    n
        Places in the sequence.
    area_m2
        Of a park, in place of the rule ``green.pocket_park_m2``.
    spacing_m
        Of the lattice of places on and near land without a park.
    candidates
        Points, or plots with their own area, in place of the lattice.
    """

    n: Annotated[int, Field(ge=1, strict=True)]
    area_m2: Annotated[float, Field(gt=0, le=1e6)] | None = None
    spacing_m: Annotated[float, Field(ge=25, le=5_000)] = 200.0
    candidates: Source | None = None

    @model_validator(mode="after")
    def _one_kind_of_place(self) -> Self:
        if self.candidates is not None and "spacing_m" in self.model_fields_set:
            raise ValueError(
                "spacing_m is of the lattice, which candidates stand in for; remove it"
            )
        return self


class Decide(Model):
    """The questions asked."""

    closures: Closures | None = None
    new_sites: NewSites | None = None
    pocket_parks: PocketParks | None = None


class Network(Model):
    """How points attach to roads and how far searches go.

    ``min_component_km`` keeps homes off stray islands of the graph; ``cutoff_min`` and
    ``cutoff_km`` are search limits, not standards. What lies farther than ``halo_km`` outside the
    zones is not used, and listed. ``elevation`` is a raster of heights: slopes then take time on
    foot. ``signals`` is a layer of points with traffic lights, for roads that do not say.
    """

    max_access_m: Annotated[float, Field(gt=0)] = 500.0
    min_component_km: Annotated[float, Field(ge=0)] = 2.0
    cutoff_min: Annotated[float, Field(gt=0, le=600)] = 120.0
    cutoff_km: Annotated[float, Field(gt=0, le=500)] = 30.0
    halo_km: Annotated[float, Field(ge=0, le=200)] = 10.0
    speeds: Path | None = None
    elevation: Source | None = None
    signals: Source | None = None

    @model_validator(mode="after")
    def _of_a_raster(self) -> Self:
        used = {"file", "crs", "date", "source"}
        if self.elevation is not None and (idle := self.elevation.model_fields_set - used):
            raise ValueError(
                f"elevation: {', '.join(sorted(idle))} would not be used: heights are the first "
                "band of a raster. Remove it"
            )
        return self


class Basemap(Model):
    """A tile service, used only where the study names it; the pages then need a network."""

    url: str
    attribution: str


class Study(Model):
    """A whole study, frozen. ``path`` is where it was read."""

    title: Annotated[str, Field(min_length=1)]
    title_en: str = ""
    region: str = ""
    region_en: str = ""
    language: Literal["zh", "en"] = "zh"
    made_up: bool = False
    data: str = "data/raw"
    crs: str | None = None
    approval_number: str = ""
    notes: tuple[str, ...] = ()
    zones: tuple[Zones, ...] = ()
    roads: Roads
    people: People
    residential: Residential | None = None
    green: tuple[Green, ...] = ()
    park_entrances: Source | None = None
    water: tuple[Source, ...] = ()
    barriers: tuple[Barrier, ...] = ()
    crossings: Source | None = None
    railways: Source | None = None
    services: Annotated[dict[Identifier, Service], Field(min_length=1)]
    baskets: dict[Identifier, BasketAsked] = Field(default_factory=dict)
    schools: Schools | None = None
    decide: Decide = Decide()
    network: Network = Network()
    rules: dict[str, dict[str, Any]] = Field(default_factory=dict)
    basemap: Basemap | None = None
    path: Path

    @property
    def name(self) -> str:
        """The study's short name: its folder's; its file's where that is not study.toml."""
        if self.path.name != "study.toml":
            return self.path.stem
        return self.path.parent.name or "study"

    @property
    def kinds(self) -> dict[str, str]:
        """The kind of facility by service, of those that are of one."""
        known = baskets.kinds()
        own = {name: name for name in self.services if name in known}
        said = {name: s.kind for name, s in self.services.items() if s.kind is not None}
        return {name: kind for name, kind in (own | said).items() if kind}

    def filled_baskets(self) -> tuple[Filled, ...]:
        """Return the baskets asked for with the services that fill them, in the study's order."""
        return tuple(
            filled(name, asked, self.services, self.kinds, parks=self.has_parks)
            for name, asked in self.baskets.items()
        )

    @property
    def has_parks(self) -> bool:
        """Whether it names parks, not only other green."""
        return any(layer.kind == "park" for layer in self.green)

    def rules_of(self, service: str) -> tuple[str, ...]:
        """Return the ids of all rules a service is judged by: its own, then those of baskets."""
        own = self.services[service].rules
        more = [made.basket.rule for made in self.filled_baskets() if service in made.names]
        return tuple(dict.fromkeys([*own, *more]))

    def sources(self) -> dict[str, Source]:
        """Return every layer named, by its place in the study file."""
        return dict(_sources("", self))

    @model_validator(mode="after")
    def _parts_agree(self) -> Self:
        told: list[str] = []
        zonings = [z.zoning for z in self.zones]
        told += [f'zones: zoning "{z}" stands twice' for z in set(zonings) if zonings.count(z) > 1]
        people = self.people
        if people.spread == "residential" and self.residential is None:
            told.append('people.spread = "residential" needs [residential]')
        if self.green and self.residential is None:
            told.append("green is a share of residential land: [green] needs [residential]")
        if self.decide.pocket_parks is not None and not self.has_parks:
            told.append(
                'decide.pocket_parks adds to [[green]] of kind = "park"; name one, or remove it'
            )
        if people.totals is not None and people.totals.zoning not in zonings:
            told.append(f'people.totals.zoning = "{people.totals.zoning}" is not among {zonings}')
        for raster in (people.raster, *(part.raster for part in people.parts)):
            cut = None if raster is None else raster.zoning
            if cut is not None and cut not in zonings:
                told.append(f'people.raster.zoning = "{cut}" is not among {zonings}')
        for name, scenario in people.scenarios.items():
            if scenario.within is not None and scenario.within not in zonings:
                told.append(
                    f'people.scenarios.{name}.within = "{scenario.within}" is not among {zonings}'
                )
        if people.parts and not zonings:
            told.append("people.parts: which source speaks is decided by zone; give [zones]")
        if any(p.spread == "residential" for p in people.parts) and self.residential is None:
            told.append('people.parts: spread = "residential" needs [residential]')
        for name, group in people.groups.items():
            if group.column and people.points is None and people.totals is None:
                told.append(f"people.groups.{name}: a column can only come from points or totals")
            if name in OWN_COLUMNS:
                told.append(
                    f'people.groups.{name}: "{name}" is the name of a column of ours; '
                    "call the group something else"
                )
        told += schools_of.problems(
            self.schools, people.ages, zonings=zonings, services=dict(self.services),
            groups=dict(people.groups),
        )  # fmt: skip
        of = baskets.kinds()
        wrong = {name: kind for name, kind in self.kinds.items() if kind not in of}
        told += [
            f'services.{name}.kind: "{kind}" is no kind of facility.{near(kind, of)} Use: '
            + ", ".join(of)
            for name, kind in wrong.items()
        ]
        for name, basket in self.baskets.items() if not wrong else ():
            told += problems(
                name, basket, self.services, self.kinds, people.groups, parks=self.has_parks
            )
        judged = self.baskets or any(s.rules for s in self.services.values())
        if self.decide.new_sites is None and not judged:
            told.append("no service names a rule to be judged by: set rules = [...] of a service")
        for name, service in self.services.items():
            twice = sorted({r for r in service.rules if service.rules.count(r) > 1})
            told += [f'services.{name}.rules: "{rule_id}" stands twice' for rule_id in twice]
            if service.group is not None and service.group not in people.groups:
                known = list(people.groups)
                told.append(f'services.{name}.group = "{service.group}" is not among {known}')
        for key in ("closures", "new_sites"):
            question = getattr(self.decide, key)
            asked = self.services.get(question.service) if question is not None else None
            if asked is not None and asked.bus is not None and asked.bus.how == "route":
                told.append(
                    f'decide.{key}.service = "{question.service}": bus routes are built for '
                    'today\'s schools only; set bus.how = "detour" to ask this'
                )
            if question is not None and question.service not in self.services:
                known = list(self.services)
                told.append(f'decide.{key}.service = "{question.service}" is not among {known}')
        if told:
            raise ValueError("\n".join(told))
        return self


def fields(part: Model) -> list[tuple[str, Any]]:
    """Return the fields of ``part`` that may hold models."""
    return [
        (k, getattr(part, k))
        for k in type(part).model_fields
        if isinstance(getattr(part, k), (Model, dict, tuple)) and k not in ("rules", "columns")
    ]


def _sources(where: str, part: Any) -> list[tuple[str, Source]]:
    found: list[tuple[str, Source]] = [(where, part)] if isinstance(part, Source) else []
    if isinstance(part, Model):
        for key, value in fields(part):
            found += _sources(f"{where}.{key}".lstrip("."), value)
    elif isinstance(part, dict):
        for key, value in part.items():
            found += _sources(f"{where}.{key}", value)
    elif isinstance(part, tuple):
        for i, value in enumerate(part):
            found += _sources(f"{where}[{i + 1}]" if len(part) > 1 else where, value)
    return found

"""How large the generated region is: one set of numbers a scale, read by every step of ``demo``."""

from __future__ import annotations

from dataclasses import dataclass, replace

from siting.errors import StudyError


@dataclass(frozen=True)
class Town:
    """The street plan of a county town.

    Attributes
    ----------
    radius_m, spacing_m, old_m, every
        See :func:`siting.demo.streets.street_plan`.
    shift_m
        Its centre east and north of where the river passes the first town; ``None``: anywhere.
    uses
        Which table of :mod:`siting.demo.blocks` says what its blocks are.
    """

    radius_m: float
    spacing_m: float
    old_m: float
    every: int
    shift_m: tuple[float, float] | None = None
    uses: str = "town"


@dataclass(frozen=True)
class County:
    """A county, district or county-level city.

    Attributes
    ----------
    code, name
        Of the county; its short name begins the names of its schools and hospitals.
    offices, townships
        How many subdistricts its town has, and how many townships lie around it.
    """

    code: str
    name: str
    offices: int
    townships: int


@dataclass(frozen=True)
class Yards:
    """Lanes into blocks and to farmsteads, and people living at their ends.

    Attributes
    ----------
    town, seat
        Lanes into a block of homes: one from the middle of each of so many sides.
    farmstead
        Share of pieces of country road with a lane to farmsteads, on one side and on the other.
    lived
        Share of those lanes with a home at their end; the others lead to fields and sheds.
    """

    town: int
    seat: int
    farmstead: tuple[float, float]
    lived: float


@dataclass(frozen=True)
class Scale:
    """The numbers of one scale.

    Attributes
    ----------
    key, name_zh, name_en, template
        ``county``; the region's name; the study file.
    population, town_share
        People, and the share of them in towns and seats (``None``: as the houses are).
    stretch, cell_m
        The ground is that of the county drawn so many times larger, on cells of so many metres.
    interchanges_km, bridges_km
        Easting of interchanges, and ranges in which a bridge beside the town's is looked for, on
        the county's ground.
    towns, counties
        Towns with a street plan of their own; counties, one a town where there are several.
    control_units
        Control-plan units of the central city, and how many towns that is.
    villages, hamlets, hamlet_m
        Villages; least and range of hamlets around each; their least distance.
    village_primary, village_kindergarten
        Share of villages with pupils that have a primary or teaching point, a kindergarten.
    clinics, candidates
        Share of villages with a clinic; rooms offered for a new health station.
    """

    key: str
    name_zh: str
    name_en: str
    template: str
    population: int
    town_share: float | None
    stretch: float
    cell_m: float
    interchanges_km: tuple[float, ...]
    bridges_km: tuple[tuple[float, float], ...]
    towns: tuple[Town, ...]
    counties: tuple[County, ...]
    control_units: tuple[int, int]
    villages: int
    hamlets: tuple[int, int]
    hamlet_m: tuple[float, float]
    village_primary: float
    village_kindergarten: float
    clinics: float
    candidates: int
    yards: Yards | None

    @property
    def many(self) -> bool:
        """Whether there are several counties."""
        return len(self.counties) > 1


COUNTY = Scale(
    key="county",
    name_zh="演示县（虚构）",
    name_en="Demo County (made up)",
    template="study.toml",
    population=583_984,
    town_share=None,
    stretch=1.0,
    cell_m=50.0,
    interchanges_km=(22.5, 41.0),
    bridges_km=((33.0, 38.5),),
    towns=(
        Town(2350.0, 205.0, 1050.0, 4),
        Town(1150.0, 200.0, 0.0, 3, uses="north"),
    ),
    counties=(County("439921", "演示县（虚构）", 3, 20),),
    control_units=(0, 0),
    villages=255,
    hamlets=(3, 4),
    hamlet_m=(1150.0, 330.0),
    village_primary=0.66,
    village_kindergarten=0.24,
    clinics=0.72,
    candidates=36,
    yards=None,
)  # fmt: skip

# The size of 岳阳市 in the census of 2020 (第七次全国人口普查): 5,051,922 people, 60.6 % of them
# in towns; nine counties and districts. Everything else is made up.
CITY = Scale(
    key="city",
    name_zh="演示市（虚构）",
    name_en="Demo City (made up)",
    template="study_city.toml",
    population=5_051_922,
    town_share=0.606,
    stretch=2.75,
    cell_m=100.0,
    interchanges_km=(22.5, 31.0, 41.0, 48.5),
    bridges_km=((33.0, 38.5), (46.0, 49.0)),
    towns=(
        Town(5600.0, 205.0, 1700.0, 4, (0.0, -5300.0), uses="core"),
        Town(2300.0, 205.0, 500.0, 4, (600.0, 2700.0)),
        *(Town(2600.0 + 150.0 * (k % 3), 205.0, 900.0, 4) for k in range(7)),
    ),
    counties=(
        County("439902", "镜泽区", 8, 3),
        County("439903", "北渚区", 3, 8),
        County("439906", "荷浦区", 3, 8),
        County("439921", "岚溪县", 3, 8),
        County("439923", "云鹭县", 3, 8),
        County("439924", "青屏县", 3, 8),
        County("439926", "松峦县", 3, 8),
        County("439981", "沙棠市", 3, 8),
        County("439982", "鹿洲市", 3, 8),
    ),
    control_units=(45, 3),
    villages=1_700,
    hamlets=(12, 8),
    hamlet_m=(1400.0, 260.0),
    village_primary=0.22,
    village_kindergarten=0.10,
    clinics=0.80,
    candidates=240,
    yards=Yards(town=4, seat=2, farmstead=(0.76, 0.38), lived=0.48),
)

MINI_CITY = replace(
    CITY,
    key="mini-city",
    population=400_000,
    stretch=1.0,
    cell_m=50.0,
    interchanges_km=(22.5, 41.0),
    bridges_km=((33.0, 38.5),),
    towns=(
        Town(1500.0, 205.0, 600.0, 4, (0.0, -1650.0), uses="core"),
        Town(800.0, 205.0, 300.0, 3, (250.0, 1250.0)),
        Town(800.0, 205.0, 300.0, 3),
    ),
    counties=tuple(
        replace(c, offices=2, townships=3) for c in (*CITY.counties[:2], CITY.counties[3])
    ),
    control_units=(6, 2),
    villages=70,
    candidates=36,
    hamlets=(5, 4),
    hamlet_m=(1150.0, 300.0),
)

SCALES = {scale.key: scale for scale in (COUNTY, MINI_CITY, CITY)}


def named(key: str) -> Scale:
    """Return the scale called ``key``.

    Raises
    ------
    StudyError
        There is none of that name.

    Examples
    --------
    >>> named("city").population
    5051922
    """
    if key not in SCALES:
        raise StudyError(f'demo: there is no scale "{key}". Choose one of: {", ".join(SCALES)}.')
    return SCALES[key]

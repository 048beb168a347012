"""Small worlds of homes and schools, written down as matrices of minutes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from hypothesis import strategies as st

from siting import merger, rules
from siting.merger import NEAREST
from siting.travel_time import TravelTimes

BOOK = rules.load()

MINUTE = 60_000
LIMIT_YOUNG, LIMIT = 30, 40  # minutes, as the norms have them


def times_of(
    minutes: pd.DataFrame, *, cutoff: int = 60, bound: str = "exact", mode: str = "walk"
) -> TravelTimes:
    """Rows are homes, columns schools, −1 where there is no way; beyond the cutoff is not known."""
    minutes = minutes[sorted(minutes.columns)]
    rows = [
        sorted((int(v), at) for at, v in enumerate(line) if 0 <= v <= cutoff)
        for line in minutes.to_numpy()
    ]
    n, s = minutes.shape
    return TravelTimes(
        mode=mode,  # type: ignore[arg-type]
        impedance="time",
        cutoff=cutoff * MINUTE,
        k=0,
        demand_id=np.array(list(minutes.index), dtype=object),
        site_id=np.array(list(minutes.columns), dtype=object),
        indptr=np.concatenate([[0], np.cumsum([len(r) for r in rows])]).astype(np.int64),
        site=np.array([at for r in rows for _, at in r], dtype=np.int32),
        value=np.array([v * MINUTE for r in rows for v, _ in r], dtype=np.int32),
        access=np.zeros(n, np.int64),
        attached=np.ones(n, dtype=bool),
        component=np.zeros(n, np.int32),
        site_components=((0,),) * s,
        reach_class=np.arange(n, dtype=np.int32),
        reachable=(minutes.to_numpy() >= 0),
        bound=bound,  # type: ignore[arg-type]
    )


@dataclass(frozen=True)
class World:
    """What a county is, by the words of the interfaces."""

    walk: pd.DataFrame
    bus: pd.DataFrame
    cutoff: int
    children: pd.DataFrame
    teaching: pd.DataFrame
    enrolment: pd.DataFrame
    schools: pd.DataFrame
    zone_of: pd.Series
    eligible: pd.DataFrame
    towns: pd.DataFrame
    crossings: pd.DataFrame

    @property
    def times(self) -> dict[str, TravelTimes]:
        return {
            "walk": times_of(self.walk, cutoff=self.cutoff),
            "bus": times_of(self.bus, cutoff=self.cutoff, mode="drive"),
        }

    def pupils(self) -> dict[str, Any]:
        return {
            "service": "primary",
            "teaching": self.teaching,
            "enrolment": self.enrolment,
            "zone_of": self.zone_of,
            "eligible": self.eligible,
        }


@st.composite
def counties(draw: st.DrawFn, *, homes: int = 4, sites: int = 3, grades: int = 3) -> World:
    n, s = draw(st.integers(1, homes)), draw(st.integers(2, sites))
    home = [f"h{i}" for i in range(n)]
    site = [f"S{j}" for j in range(s)]
    minute = st.integers(-1, 55)
    matrix = st.lists(st.lists(minute, min_size=s, max_size=s), min_size=n, max_size=n)
    walk = pd.DataFrame(draw(matrix), index=home, columns=site)
    bus = pd.DataFrame(draw(matrix), index=home, columns=site)
    some = st.integers(0, 5)
    first = draw(st.integers(1, 5))
    last = min(first + grades - 1, 9)
    children = pd.DataFrame(
        [
            (h, year, g, draw(some))
            for h in home
            for year in (2025, 2026, 2027)
            for g in range(first, last + 1)
        ],
        columns=["demand_id", "year", "grade", "persons"],
    )
    spans = [sorted(draw(st.tuples(*[st.integers(first, last)] * 2))) for _ in site]
    if draw(st.booleans()):
        spans = [[first, last] for _ in site]
    gap = st.one_of(st.none(), some)
    teaching = pd.DataFrame(
        {
            "site_id": site,
            "service": "primary",
            "grade_from": [a for a, _ in spans],
            "grade_to": [b for _, b in spans],
            "seats": pd.array([draw(gap) and 4 * first for _ in site], dtype="Int64"),
        }
    )
    enrolment = pd.DataFrame(
        [
            (i, g, 2025, n)
            for i, (a, b) in zip(site, spans, strict=True)
            for g in range(a, b + 1)
            if (n := draw(st.one_of(st.none(), st.integers(0, 8)))) is not None
        ],
        columns=["site_id", "grade", "year", "pupils"],
    )
    schools = pd.DataFrame(
        {
            "site_id": site,
            **{
                name: pd.array([draw(gap) for _ in site], dtype="Int64")
                for name in ("beds", "boarders", "classrooms")
            },
        }
    )
    zone_of = pd.Series([draw(st.sampled_from("ab")) for _ in home], index=home)
    eligible = pd.DataFrame(
        [(z, i, "primary") for z in "ab" for i in site if draw(st.integers(0, 3))],
        columns=["zone_id", "site_id", "service"],
    )
    towns = pd.DataFrame({"to_site": site[:1], "zone_id": "a", "journey_min": 12.0})
    crossed = pd.DataFrame(
        [(h, i, draw(st.integers(0, 1)), 0) for h in home for i in site if draw(st.booleans())],
        columns=["demand_id", "site_id", "road_level", "rail_level"],
    )
    return World(
        walk, bus, draw(st.sampled_from([41, 60])), children, teaching, enrolment, schools,
        zone_of, eligible, towns, crossed,
    )  # fmt: skip


def every_receiver(units: pd.DataFrame, sites: list[str]) -> pd.DataFrame:
    rows = [
        (u, to)
        for u, at in zip(units["unit_id"], units["site_id"], strict=True)
        for to in [*sites, NEAREST]
        if to != at
    ]
    return pd.DataFrame(rows, columns=["unit_id", "to_site"])


def setting_of(world: World, units: pd.DataFrame | None = None) -> merger.Setting:
    return merger.Setting(
        service="primary",
        units=merger.units(world.teaching) if units is None else units,
        times=world.times,
        rules=BOOK,
        teaching=world.teaching,
        schools=world.schools,
        zone_of=world.zone_of,
        eligible=world.eligible,
        towns=world.towns,
        crossings=world.crossings,
    )


def judged(world: World) -> tuple[pd.DataFrame, pd.DataFrame, merger.Options]:
    located = merger.pupils(world.children, world.times["walk"], **world.pupils()).table
    units = merger.units(world.teaching)
    receivers = every_receiver(units, list(world.walk.columns))
    found = merger.options(located, receivers, setting_of(world, units))
    return located, units, found

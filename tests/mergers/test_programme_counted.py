"""What a programme says of itself, counted again from pupils and travel times."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
import small_county as county
from hypothesis import Phase, given, settings
from merger_worlds import World, counties, judged, setting_of

from siting import merger, rules, sequence
from siting.errors import DataError, InfeasibleError
from siting.merger import Costs

BOOK = rules.load()
YEARS = [2025, 2026, 2027]
COSTS = Costs(person_min_yuan=3, school_yuan=400, bus_yuan=7, board_yuan=11)
A_WEEK = Fraction(2, 10)  # a boarder's single journeys


def stayed(located: pd.DataFrame, units: pd.DataFrame, world: World) -> pd.DataFrame:
    """Units, year by year, as their rows of pupils say; journeys from the matrix of minutes."""
    rows = []
    for unit, site, first, last in units[
        ["unit_id", "site_id", "grade_from", "grade_to"]
    ].itertuples(index=False):
        for year in YEARS:
            of = located[(located["site_id"] == site) & (located["year"] == year)]
            of = of[of["grade"].between(first, last)]
            spent = 0
            for home, n in zip(of["demand_id"], of["persons"], strict=True):
                at = -1 if home == "" else int(world.walk.loc[home, site])
                spent += int(n) * at if 0 <= at <= world.cutoff else 0
            rows.append((unit, year, int(of["persons"].sum()), spent, 0, 0))
    columns = ["unit_id", "year", "persons", "person_min", "bus_persons", "board_persons"]
    return pd.DataFrame(rows, columns=columns)


@settings(max_examples=15, phases=[Phase.generate])
@given(counties())
def test_a_programme_is_what_its_decisions_do(world: World) -> None:
    located, units, found = judged(world)
    told = found.table
    seats = world.teaching.set_index("site_id")["seats"]
    beds = world.schools.set_index("site_id")
    free = (beds["beds"] - beds["boarders"]).clip(lower=0)
    known = told["to_site"].map(seats).notna()
    known &= (told["board_persons"] == 0) | told["to_site"].map(free).notna()
    running = merger.running_costs(
        world.schools.assign(running_cost_yuan=pd.NA), world.teaching, located, costs=COSTS
    )
    asked = merger.question(
        units, told[known], stayed(located, units, world), world.teaching, running, years=YEARS,
        costs=COSTS, beds=free,
    )  # fmt: skip
    done = sequence.programme(asked)
    decided = done.moves.assign(to_site=done.moves["to_site"].str.split("/").str[0])
    # refused where two decisions are at odds: a programme is none of those
    seen = merger.attending(decided, located, setting_of(world, units))
    years = done.years.set_index("year")
    here = seen[seen["from_site"] != ""]
    assert here.groupby("year")["persons"].sum().reindex(YEARS, fill_value=0).tolist() == (
        years["persons"].tolist()
    )
    since = decided.set_index("unit_id")["year"]
    went = here[here["way"] != "stays"]
    first = went[went["unit_id"].map(since) == went["year"]].groupby("year")["persons"].sum()
    assert first.reindex(YEARS, fill_value=0).tolist() == years["moved"].tolist()
    steps = done.steps.assign(
        site_id=done.steps["site_id"].str.split("/").str[0], service="primary", seats=0
    )
    counted = merger.outcome(
        seen, steps, years=YEARS, teaching=world.teaching, running=running, costs=COSTS,
        rules=BOOK, mode="walk", beds=beds["beds"], boarders=beds["boarders"],
    )  # fmt: skip
    told_years = counted.years.set_index("year")
    assert told_years["person_min"].tolist() == pytest.approx(years["person_min"].tolist())
    assert told_years["running"].tolist() == years["running"].tolist()
    assert (told_years["seats_short"] == 0).all()
    assert (told_years["seats_unknown"] == 0).all()
    assert (told_years["beds_short"] == 0).all()
    for year in YEARS:
        now = here[here["year"] == year]
        spent, paid = Fraction(0), 0
        for way, mode, n, after in now[["way", "mode", "persons", "after_min"]].itertuples(
            index=False
        ):
            weight = A_WEEK if mode == "board" else 1
            spent += 0 if np.isnan(after) else int(n) * Fraction(after) * weight
            paid += int(n) * {"board": 11, "bus": 7}.get(mode, 0) * (way != "stays")
        assert years["person_min"][year] == pytest.approx(float(spent))
        assert years["journeys"][year] == paid
        at = done.sites[done.sites["year"] == year].set_index("site_id")
        for site, n in now.groupby("to_site")["persons"].sum().items():
            assert at.loc[f"{site}/primary", "persons"] == n
        for site, rows in now[now["way"] != "stays"].groupby("to_site"):
            assert now.loc[now["to_site"] == site, "persons"].sum() <= seats[site]
            asleep = rows.loc[rows["mode"] == "board", "persons"].sum()
            assert asleep == 0 or asleep <= free[site]


def chained(hosted: bool) -> sequence.Programme:
    """V1 to the township only, whose seats suffice once its own upper grades go to town."""
    options = county.options()
    to_township = options["unit_id"].str.startswith("V1") & (options["to_site"] == "T")
    away = options[options["unit_id"].isin(["V1:1-3", "V1:4-6"]) & (options["to_site"] == "C")]
    on = away.assign(
        unit_id=away["unit_id"].str.replace("V1", "T"),
        persons=[county.PERSONS[u.replace("V1", "T")][y - 2026]
                 for u, y in zip(away["unit_id"], away["year"], strict=True)],
        walk_persons=0, bus_persons=0, board_persons=0,
    )  # fmt: skip
    on = on[on["way"] == "commutes"].assign(person_min_after=lambda t: t["persons"] * 40)
    units = county.UNITS[county.UNITS["site_id"].isin(["V1", "T", "C"])]
    options = pd.concat([options[to_township & (options["way"] == "commutes")], on])
    teaching = county.TEACHING.assign(seats=[60, 90, 30, 232, 1200]).astype({"seats": "Int64"})
    asked = merger.question(
        units, options, county.staying(), teaching,
        merger.running_costs(
            county.SCHOOLS, teaching, county.pupils(), costs=Costs(person_min_yuan=1)
        ),
        years=county.YEARS, costs=Costs(person_min_yuan=1),
        limits=sequence.Limits(must_close={"V1": 2026}),
    )  # fmt: skip
    if not hosted:
        asked = sequence.Question(**(vars(asked) | {"hosts": asked.hosts.iloc[:0]}))
    return sequence.programme(asked)


def test_nobody_comes_to_grades_that_leave() -> None:
    """T has 2 free seats: V1's 42 fit only if T's own 120 of grades 4–6 went to town."""
    loose = chained(hosted=False).moves
    assert {("V1:4-6", "T/primary"), ("T:4-6", "C/primary")} <= {
        (u, s) for u, s in loose[["unit_id", "to_site"]].itertuples(index=False)
    }
    with pytest.raises(InfeasibleError, match="must close: V1"):
        chained(hosted=True)


def test_beds_are_counted_and_built() -> None:
    """Only boarding leads V1's upper grades to the town: 22 children in 2026, 20 in 2027."""
    options = county.options()
    upper = (options["unit_id"] == "V1:4-6") & (options["to_site"] == "C")
    options = options[(options["unit_id"] == "V1:1-3") | (upper & (options["way"] == "boards"))]
    costs = Costs(person_min_yuan=1, bus_yuan=0, board_yuan=0, bed_yuan=900, seat_yuan=0)
    running = merger.running_costs(county.SCHOOLS, county.TEACHING, county.pupils(), costs=costs)

    def gained(beds: int | None, **change: object) -> sequence.Programme:
        free = pd.Series({"C": beds, "T": 0}, dtype="Int64")
        asked = merger.question(
            county.UNITS, options, county.staying(), county.TEACHING, running,
            years=county.YEARS, costs=costs, beds=free, **change,  # type: ignore[arg-type]
        )  # fmt: skip
        return sequence.programme(asked)

    assert gained(22).moves["year"].tolist() == [2026, 2026]
    assert gained(21).moves["year"].tolist() == [2027, 2027]
    assert gained(19).moves.empty
    hall = pd.DataFrame({"site_id": ["C"], "service": "primary", "expansion_id": "hall",
                         "seats": 0, "beds": 5})  # fmt: skip
    built = gained(15, expansions=hall)
    assert built.steps.loc[built.steps["what"] == "expand", "cost"].tolist() == [5 * 900]
    assert gained(14, expansions=hall).moves.empty
    with pytest.raises(DataError, match=r"would board at have no beds \(C\)"):
        gained(None)


def test_beds_of_two_services_are_divided() -> None:
    """N has 7 free beds, 20 primary pupils and 10 junior ones: 14/3 and 7/3, so 5 and 2."""
    units = pd.DataFrame(
        [("N:1-6", "N", "primary", 1, 6), ("N:7-9", "N", "junior", 7, 9),
         ("V:1-6", "V", "primary", 1, 6), ("W:7-9", "W", "junior", 7, 9)],
        columns=["unit_id", "site_id", "service", "grade_from", "grade_to"],
    ).assign(needs="")  # fmt: skip
    persons = {"N:1-6": 20, "N:7-9": 10, "V:1-6": 4, "W:7-9": 3}
    staying = pd.DataFrame(
        [(u, 2026, n, n, 0, 0) for u, n in persons.items()],
        columns=["unit_id", "year", "persons", "person_min", "bus_persons", "board_persons"],
    )
    options = pd.DataFrame(
        [(u, "N", "boards", 2026, "allowed", persons[u], 0, persons[u], 9)
         for u in ("V:1-6", "W:7-9")],
        columns=["unit_id", "to_site", "way", "year", "status", "persons", "bus_persons",
                 "board_persons", "person_min_after"],
    )  # fmt: skip
    teaching = units[["site_id", "service"]].assign(seats=pd.array([90] * 4, dtype="Int64"))
    running = teaching[["site_id", "service"]].assign(running_cost_yuan=1)
    asked = merger.question(
        units, options, staying, teaching, running, years=[2026],
        costs=Costs(person_min_yuan=1, board_yuan=1), beds=pd.Series({"N": 7}),
    )  # fmt: skip
    assert asked.beds.values.tolist() == [["N/junior", 2026, 2], ["N/primary", 2026, 5]]
    assert asked.hosts.values.tolist() == [
        ["V:1-6", "N/primary", "N:1-6"], ["W:7-9", "N/junior", "N:7-9"]]  # fmt: skip

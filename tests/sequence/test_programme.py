"""The programme against every programme there is: small instances, counted from the definitions."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from siting import sequence
from siting.errors import DataError, InfeasibleError
from siting.sequence import Question


def question(**change: Any) -> Question:
    """Three schools in two years: A has 20 children, B 30, C 90 and seats for 120."""
    years = (2026, 2027)
    units = pd.DataFrame({"unit_id": ["A", "B", "C"], "site_id": ["A", "B", "C"], "needs": ""})
    rows = []
    minutes = {
        ("A", "A"): 200, ("A", "B"): 400, ("A", "C"): 500, ("B", "B"): 300, ("B", "C"): 600,
        ("C", "C"): 900,
    }  # fmt: skip
    persons = {"A": 20, "B": 30, "C": 90}
    for (unit, site), spent in minutes.items():
        rows += [(unit, site, "commutes", y, persons[unit], spent, 0) for y in years]
    choices = pd.DataFrame(rows, columns=list(sequence.CHOICES))
    sites = pd.DataFrame(
        {"site_id": ["A", "B", "C"], "status": "existing", "running_cost": [500, 500, 900],
         "build_cost": 0}
    )  # fmt: skip
    seats = pd.DataFrame(
        [(s, y, n) for s, n in (("A", 25), ("B", 45), ("C", 120)) for y in years],
        columns=list(sequence.SEATS),
    )
    asked = Question(
        years=years, units=units, choices=choices, sites=sites, seats=seats, person_min_cost=1
    )
    return replace(asked, **change)


def test_a_programme_by_hand() -> None:
    """C has 30 free seats: A or B may go there, not both. B has 15 free seats: A does not fit.

    Closing A saves 500 a year and costs 300 person-minutes: 200 a year. Closing B saves 500 and
    costs 300 too; A and B together do not fit. Ties: either, at once, 400 in two years.
    """
    found = sequence.programme(question())
    assert found.keep_all == 2 * (200 + 300 + 900 + 500 + 500 + 900)
    assert found.objective == found.keep_all - 400
    assert (found.bound, found.gap, found.status) == (found.objective, 0.0, "optimal")
    assert found.unique is False
    assert found.moves["to_site"].tolist() == ["C"]
    assert found.moves["year"].tolist() == [2026]


def test_a_must_stay_makes_it_the_only_one() -> None:
    found = sequence.programme(question(must_stay=["B"]))
    assert found.unique is True
    assert found.moves["unit_id"].tolist() == ["A"]
    assert found.steps[["year", "site_id", "what"]].values.tolist() == [[2026, "A", "close"]]
    assert found.sites[found.sites["site_id"] == "A"]["open"].tolist() == [False, False]
    assert found.years["person_min"].tolist() == [1700, 1700]
    assert found.years["running"].tolist() == [1400, 1400]


def test_an_expansion_is_paid_before_it_is_used() -> None:
    """Ten seats more at C for 50 let B follow A in 2027, paid in 2026."""
    more = pd.DataFrame({"site_id": ["C"], "expansion_id": ["wing"], "seats": [20], "cost": [50]})
    found = sequence.programme(question(expansions=more))
    assert found.objective == found.keep_all - 400 - 200 + 50
    assert found.steps.loc[
        found.steps["what"] == "expand", ["year", "paid_in", "cost"]
    ].values.tolist() == [[2027, 2026, 50]]
    assert found.years["building"].tolist() == [50, 0]
    poor = sequence.programme(question(expansions=more, budgets={2026: 49}))
    assert poor.objective == poor.keep_all - 400


def test_rules_at_odds_are_named() -> None:
    with pytest.raises(InfeasibleError, match="must close: A, must stay: A"):
        sequence.programme(question(must_close={"A": 2027}, must_stay=["A"]))
    with pytest.raises(InfeasibleError, match="must close: A, must close: B, seats: C"):
        sequence.programme(question(must_close={"A": 2027, "B": 2027}))
    with pytest.raises(InfeasibleError, match="closures: 2026, must close: B"):
        sequence.programme(question(must_close={"B": 2026}, closures={2026: 0}))
    with pytest.raises(InfeasibleError, match="must close: C"):  # it has no receiver
        sequence.programme(question(must_close={"C": 2027}))


def test_a_bed_is_found_or_built() -> None:
    """A's twenty board at C, which has 15 beds of its own; five more are built for 60, a year on.

    A goes to C in 2026 with 20 beds or more; with 15 it goes in 2027, once the beds are paid for:
    it saves 200 in that year, and the beds cost 60.
    """
    asked = question(must_stay=["B"])
    boards = asked.choices.assign(
        beds=[20 if (u, s) == ("A", "C") else 0 for u, s in
              zip(asked.choices["unit_id"], asked.choices["site_id"], strict=True)]
    )  # fmt: skip
    more = pd.DataFrame(
        {"site_id": ["C"], "expansion_id": ["hall"], "seats": [0], "cost": [60], "beds": [5]}
    )

    def gained(beds: int, **change: Any) -> float:
        rows = [("C", y, beds) for y in asked.years]
        table = pd.DataFrame(rows, columns=list(sequence.BEDS))
        found = sequence.programme(replace(asked, choices=boards, beds=table, **change))
        return found.keep_all - found.objective

    assert [gained(20), gained(19), gained(15, expansions=more)] == [400, 0, 140]
    with pytest.raises(InfeasibleError, match="beds: C, must close: A"):
        gained(19, must_close={"A": 2027})
    with pytest.raises(DataError, match="boarded at and have no beds"):
        sequence.programme(replace(asked, choices=boards))


# --- every programme there is


def every(asked: Question) -> Iterator[dict[str, Any]]:
    """All assignments of a year and a choice to each unit, site and expansion."""
    years = list(asked.years)
    home = dict(zip(asked.units["unit_id"], asked.units["site_id"], strict=True))
    per_unit = []
    for unit, site in home.items():
        rows = asked.choices[
            (asked.choices["unit_id"] == unit) & (asked.choices["site_id"] != site)
        ]
        ways = sorted({(s, w) for s, w in zip(rows["site_id"], rows["way"], strict=True)})
        per_unit.append([None, *itertools.product(ways, years)])
    per_site = [[None, *years] for _ in asked.sites["site_id"]]
    wings = [tuple(row) for row in asked.expansions[["site_id", "expansion_id"]].values]
    per_more = [[None, *years] for _ in wings]
    for moves in itertools.product(*per_unit):
        for sites in itertools.product(*per_site):
            for more in itertools.product(*per_more):
                yield {
                    "moves": dict(zip(home, moves, strict=True)),
                    "sites": dict(zip(asked.sites["site_id"], sites, strict=True)),
                    "more": dict(
                        zip(
                            map(tuple, asked.expansions[["site_id", "expansion_id"]].values),
                            more,
                            strict=True,
                        )
                    ),
                }


@lru_cache(maxsize=4)
def plain(asked: Question) -> tuple[Any, ...]:
    """The tables as dictionaries, once a question: ``mix`` asks for them at every programme."""
    home = dict(zip(asked.units["unit_id"], asked.units["site_id"], strict=True))
    needs = dict(zip(asked.units["unit_id"], asked.units["needs"], strict=True))
    status = dict(zip(asked.sites["site_id"], asked.sites["status"], strict=True))
    running = dict(zip(asked.sites["site_id"], asked.sites["running_cost"], strict=True))
    build = dict(zip(asked.sites["site_id"], asked.sites["build_cost"], strict=True))
    value = {
        (u, s, w, y): (p, m, c, b)
        for u, s, w, y, p, m, c, b in asked.choices.reindex(
            columns=[*sequence.CHOICES, "beds"], fill_value=0
        ).itertuples(index=False)
    }
    seats = {(s, y): n for s, y, n in asked.seats.itertuples(index=False)}
    beds = {(s, y): n for s, y, n in asked.beds.itertuples(index=False)}
    more = {
        (s, e): (n, c, b)
        for s, e, n, c, b in asked.expansions.reindex(
            columns=[*sequence.EXPANSIONS, "beds"], fill_value=0
        ).itertuples(index=False)
    }
    stay = {(u, y): v for (u, s, w, y), v in value.items() if s == home[u]}
    hosts = list(asked.hosts.itertuples(index=False, name=None))
    return home, needs, status, running, build, value, seats, beds, more, stay, hosts


def mix(asked: Question, one: dict[str, Any]) -> Fraction | None:
    """The objective of one programme, year by year; None where it breaks a rule."""
    years = list(asked.years)
    home, needs, status, running, build, value, seats, beds, more, stay, hosts = plain(asked)
    total = Fraction(0)
    paid = dict.fromkeys(years, 0)
    for site, since in one["sites"].items():
        if status[site] == "candidate" and since is not None:
            if since - asked.lead_years < years[0]:
                return None
            paid[since - asked.lead_years] += build[site]
            total += int(build[site])
    for key, since in one["more"].items():
        if since is not None:
            if since - asked.lead_years < years[0]:
                return None
            paid[since - asked.lead_years] += more[key][1]
            total += int(more[key][1])
    for unit, site, host in hosts:
        move = one["moves"][unit]
        if move is not None and move[0][0] == site and one["moves"][host] is not None:
            return None
    for y in years:
        where: dict[str, Any] = {}
        for unit, move in one["moves"].items():
            if move is not None and move[1] <= y:
                (site, way), _ = move
                if (unit, site, way, y) not in value:
                    return None
                where[unit] = (site, value[unit, site, way, y])
            else:
                where[unit] = (home[unit], stay[unit, y])
            if move is not None and move[1] <= y and needs[unit]:
                other = one["moves"][needs[unit]]
                if other is None or other[1] > y:
                    return None
        opened = {
            s for s, since in one["sites"].items()
            if (status[s] == "existing" and (since is None or y < since))
            or (status[s] == "candidate" and since is not None and y >= since)
        }  # fmt: skip
        total += sum(int(running[s]) for s in opened)
        for site in status:
            inside = [v[0] for s, v in where.values() if s == site]
            strangers = [u for u, (s, _) in where.items() if s == site and home[u] != site]
            if inside and site not in opened:
                return None
            extra = sum(
                n
                for (s, e), (n, _, _) in more.items()
                if s == site and one["more"][s, e] is not None and one["more"][s, e] <= y
            )
            if strangers and sum(inside) > seats[site, y] + extra:
                return None
            asleep = sum(v[3] for s, v in where.values() if s == site)
            extra = sum(
                b
                for (s, e), (_, _, b) in more.items()
                if s == site and one["more"][s, e] is not None and one["more"][s, e] <= y
            )
            if any(where[u][1][3] for u in strangers) and asleep > beds[site, y] + extra:
                return None
        for _, (_, minutes, cost, _) in where.values():
            total += Fraction(str(asked.person_min_cost)) * int(minutes) + int(cost)
        closing = [s for s, since in one["sites"].items() if since == y and status[s] == "existing"]
        if len(closing) > asked.closures.get(y, 10**9):
            return None
        moving = [u for u, m in one["moves"].items() if m is not None and m[1] == y]
        if sum(stay[u, y][0] for u in moving) > asked.movers.get(y, 10**9):
            return None
        if y in years[: asked.pilot_years]:
            if any(home[u] not in asked.pilots for u in moving):
                return None
            if any(s not in asked.pilots for s in closing):
                return None
        if paid[y] > asked.budgets.get(y, 10**9):
            return None
    if asked.total_budget is not None and sum(paid.values()) > asked.total_budget:
        return None
    for site in asked.must_stay:
        if one["sites"][site] is not None:
            return None
        if any(one["moves"][u] is not None for u, s in home.items() if s == site):
            return None
    for site, by in asked.must_close.items():
        if one["sites"][site] is None or one["sites"][site] > by:
            return None
    return total


@st.composite
def questions(draw: st.DrawFn, schools: int, years: int) -> Question:
    """Lower and upper grades, seats that bind, a candidate, an expansion, and every rule."""
    span = list(range(2026, 2026 + years))
    ids = [f"S{n}" for n in range(schools)]
    units, choices = [], []
    sites = [(i, "existing", draw(st.integers(0, 40)), 0) for i in ids]
    if draw(st.booleans()):
        sites.append(("NEW", "candidate", draw(st.integers(0, 30)), draw(st.integers(0, 40))))
    halves = draw(st.booleans()) and schools <= 2
    for i in ids:
        bands = ["upper", "lower"] if halves else ["all"]
        for band in bands:
            unit = f"{i}:{band}"
            units.append((unit, i, f"{i}:upper" if band == "lower" else ""))
            persons = [draw(st.integers(0, 9)) for _ in span]
            others = [s for s, *_ in sites if s != i]
            to = draw(st.lists(st.sampled_from(others), unique=True, max_size=2)) if others else []
            for site in [i, *to]:
                minutes = draw(st.integers(0, 30))
                cost = draw(st.integers(0, 4))
                for y, n in zip(span, persons, strict=True):
                    choices.append((unit, site, "commutes", y, n, minutes + n, cost))
    table = pd.DataFrame(choices, columns=list(sequence.CHOICES))
    beds = pd.DataFrame(columns=list(sequence.BEDS))
    if boarding := draw(st.booleans()):
        table["beds"] = [draw(st.integers(0, n)) for n in table["persons"]]
        beds = pd.DataFrame(
            [(s, y, draw(st.integers(0, 12))) for s, *_ in sites for y in span],
            columns=list(sequence.BEDS),
        )
    seats = [(s, y, draw(st.integers(0, 20))) for s, *_ in sites for y in span]
    more = (
        [(ids[0], "wing", draw(st.integers(1, 9)), draw(st.integers(0, 9)))]
        if draw(st.booleans()) and years > 1
        else []
    )
    pairs = [(u, s, h) for u, i, _ in units for h, s, _ in units if s != i]
    hosts = draw(st.lists(st.sampled_from(pairs), max_size=2)) if pairs else []
    wings = pd.DataFrame(more, columns=list(sequence.EXPANSIONS))
    if boarding:
        wings["beds"] = [draw(st.integers(0, 5)) for _ in more]
    limit = st.dictionaries(st.sampled_from(span), st.integers(0, 30), max_size=2)
    return Question(
        years=tuple(span),
        units=pd.DataFrame(units, columns=list(sequence.UNITS)),
        choices=table,
        beds=beds,
        hosts=pd.DataFrame(hosts, columns=list(sequence.HOSTS)),
        sites=pd.DataFrame(sites, columns=list(sequence.SITES)),
        seats=pd.DataFrame(seats, columns=list(sequence.SEATS)),
        expansions=wings,
        person_min_cost=draw(st.sampled_from([1, 0.5, 2])),
        budgets=draw(limit) if draw(st.booleans()) else {},
        total_budget=draw(st.none() | st.integers(0, 60)),
        closures=draw(st.dictionaries(st.sampled_from(span), st.integers(0, 2), max_size=1)),
        movers=draw(limit) if draw(st.booleans()) else {},
        lead_years=draw(st.integers(0, 1)),
        pilots=draw(st.lists(st.sampled_from(ids), unique=True, max_size=2)),
        pilot_years=draw(st.integers(0, 1)),
        must_stay=draw(st.lists(st.sampled_from(ids), unique=True, max_size=1)),
        must_close=draw(st.dictionaries(st.sampled_from(ids), st.sampled_from(span), max_size=1)),
    )


def held(asked: Question) -> None:
    costs = [c for one in every(asked) if (c := mix(asked, one)) is not None]
    if not costs:
        with pytest.raises(InfeasibleError):
            sequence.programme(asked)
        return
    found = sequence.programme(asked)
    assert found.status == "optimal"
    assert found.objective == pytest.approx(float(min(costs)), abs=1e-9)
    assert found.bound == pytest.approx(found.objective, abs=1e-9)
    spent = found.years
    worth = asked.person_min_cost
    again = (
        spent["person_min"] * worth + spent["running"] + spent["journeys"] + spent["building"]
    ).sum()
    assert again == pytest.approx(found.objective, abs=1e-9)
    persons = asked.choices.drop_duplicates(["unit_id", "year"]).groupby("year")["persons"].sum()
    assert found.years.set_index("year")["persons"].to_dict() == persons.to_dict()
    assert found.sites.groupby("year")["persons"].sum().to_dict() == persons.to_dict()


@settings(max_examples=15)
@given(questions(schools=3, years=1))
def test_one_year_is_the_best_there_is(asked: Question) -> None:
    held(asked)


@settings(max_examples=5)
@given(questions(schools=2, years=2))
def test_two_years_are_the_best_there_are(asked: Question) -> None:
    held(asked)


@pytest.mark.slow
@settings(max_examples=100)
@given(questions(schools=2, years=2))
def test_two_years_are_the_best_there_are_often(asked: Question) -> None:
    held(asked)


@st.composite
def merges(draw: st.DrawFn, schools: int, years: int) -> Question:
    """Closing and merging alone, in more schools: seats bind, two receivers each."""
    span = list(range(2026, 2026 + years))
    ids = [f"S{n:02}" for n in range(schools)]
    choices = []
    for i in ids:
        to = draw(st.lists(st.sampled_from([s for s in ids if s != i]), unique=True, max_size=2))
        persons = [draw(st.integers(1, 40)) for _ in span]
        for site in [i, *to]:
            longer = draw(st.integers(1, 9)) + (0 if site == i else 4)
            for y, n in zip(span, persons, strict=True):
                choices.append((i, site, "commutes", y, n, n * longer, 0))
    return Question(
        years=tuple(span),
        units=pd.DataFrame({"unit_id": ids, "site_id": ids, "needs": ""}),
        choices=pd.DataFrame(choices, columns=list(sequence.CHOICES)),
        sites=pd.DataFrame(
            {"site_id": ids, "status": "existing",
             "running_cost": [draw(st.integers(0, 300)) for _ in ids], "build_cost": 0}
        ),
        seats=pd.DataFrame(
            [(s, y, draw(st.integers(10, 80))) for s in ids for y in span],
            columns=list(sequence.SEATS),
        ),
        person_min_cost=1,
    )  # fmt: skip


def least(asked: Question) -> int:
    """The least mix over every assignment of units, all at once in arrays."""
    years, ids = list(asked.years), asked.units["unit_id"].tolist()
    value = {(u, s, y): (n, m) for u, s, _, y, n, m, _ in asked.choices.itertuples(index=False)}
    seats = {(s, y): n for s, y, n in asked.seats.itertuples(index=False)}
    running = dict(zip(asked.sites["site_id"], asked.sites["running_cost"], strict=True))
    options = [
        [(u, years[0]), *((s, t) for s in ids for t in years if s != u and (u, s, t) in value)]
        for u in ids
    ]
    grid = np.indices([len(o) for o in options], dtype=np.int8).reshape(len(ids), -1)
    total = np.zeros(grid.shape[1], dtype=np.int64)
    good = np.ones(grid.shape[1], dtype=bool)
    # a site that is closed stays so: it is open as long as anybody is there in that year or later
    needed = {s: np.zeros(grid.shape[1], dtype=bool) for s in ids}
    for y in reversed(years):
        for s in ids:
            inside, strangers = (np.zeros(grid.shape[1], dtype=np.int64) for _ in range(2))
            someone = np.zeros(grid.shape[1], dtype=bool)
            for u, option, at in zip(ids, options, grid, strict=True):
                here = np.array([(to if y >= since else u) == s for to, since in option])[at]
                n, minutes = value.get((u, s, y), (0, 0))
                inside += here * n
                someone |= here
                total += here * minutes
                if u != s:
                    strangers += here
            good &= ~((strangers > 0) & (inside > seats[s, y]))
            needed[s] |= someone
            total += needed[s] * int(running[s])
    return int(total[good].min())


@settings(max_examples=8)
@given(merges(schools=6, years=1))
def test_six_schools_are_the_best_there_are(asked: Question) -> None:
    assert sequence.programme(asked).objective == least(asked)


@pytest.mark.slow
@settings(max_examples=12)
@given(merges(schools=12, years=1))
def test_twelve_schools_are_the_best_there_are(asked: Question) -> None:
    assert sequence.programme(asked).objective == least(asked)


@pytest.mark.slow
@settings(max_examples=12)
@given(merges(schools=6, years=3))
def test_six_schools_in_three_years_are_the_best_there_are(asked: Question) -> None:
    assert sequence.programme(asked).objective == least(asked)


@settings(max_examples=10)
@given(merges(schools=5, years=2), st.randoms(use_true_random=False))
def test_rows_may_stand_in_any_order(asked: Question, random: Any) -> None:
    def turned(table: pd.DataFrame) -> pd.DataFrame:
        order = list(range(len(table)))
        random.shuffle(order)
        return table.iloc[order]

    tables = {n: turned(getattr(asked, n)) for n in ("units", "choices", "sites", "seats")}
    mixed = replace(asked, **tables)  # type: ignore[arg-type]
    one, other = sequence.programme(asked), sequence.programme(mixed)
    pd.testing.assert_frame_equal(one.moves, other.moves)
    pd.testing.assert_frame_equal(one.sites, other.sites)


@settings(max_examples=10)
@given(merges(schools=4, years=2))
def test_more_seats_or_money_never_cost_more(asked: Question) -> None:
    more = replace(asked, seats=asked.seats.assign(seats=asked.seats["seats"] + 7))
    assert sequence.programme(more).objective <= sequence.programme(asked).objective
    held_down = replace(asked, closures={2026: 0})
    assert sequence.programme(asked).objective <= sequence.programme(held_down).objective


@pytest.mark.parametrize(
    ("name", "change", "words"),
    [
        ("seats", lambda t: t.iloc[1:], "have no seats"),
        ("seats", lambda t: t.assign(seats=-1), "whole number of 0 or more"),
        ("choices", lambda t: t[t["site_id"] != t["unit_id"]], "site of today once a year"),
        ("choices", lambda t: pd.concat([t, t.iloc[:1]]), "share their unit_id"),
        ("choices", lambda t: t.assign(persons=range(len(t))), "other numbers of persons"),
        ("choices", lambda t: t.assign(site_id="X"), "not among sites"),
        ("units", lambda t: t.assign(needs="X"), "units.needs"),
        ("sites", lambda t: t.assign(running_cost=None), "running_cost that is no whole number"),
        ("sites", lambda t: t.drop(columns="build_cost"), "build_cost is missing"),
    ],
)
def test_bad_tables_are_refused(name: str, change: Any, words: str) -> None:
    asked = question()
    with pytest.raises(DataError, match=words):
        sequence.programme(replace(asked, **{name: change(getattr(asked, name))}))

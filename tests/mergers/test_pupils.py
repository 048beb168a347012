"""Nobody is lost between homes and schools, and everybody is where the words say."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from merger_worlds import MINUTE, World, counties, times_of

from siting import merger
from siting.errors import DataError, StudyError


def found_in(world: World) -> merger.Pupils:
    return merger.pupils(world.children, world.times["walk"], **world.pupils())


def naive_own(world: World, home: str, grade: int) -> str:
    """The nearest school of the admission area that teaches a grade; "" where there is none."""
    area = world.eligible[world.eligible["zone_id"] == world.zone_of[home]]["site_id"]
    near = [
        (int(world.walk.loc[home, i]), i)
        for i, a, b in world.teaching[["site_id", "grade_from", "grade_to"]].itertuples(index=False)
        if a <= grade <= b and i in set(area) and 0 <= world.walk.loc[home, i] <= world.cutoff
    ]
    return min(near)[1] if near else ""


@settings(max_examples=10)
@given(counties())
def test_children_are_conserved_by_home_grade_and_year(world: World) -> None:
    table = found_in(world).table
    at_home = table[table["demand_id"] != ""]
    keys = ["demand_id", "year", "grade"]
    taught = {
        g
        for a, b in world.teaching[["grade_from", "grade_to"]].itertuples(index=False)
        for g in range(a, b + 1)
    }
    given_ = world.children[(world.children["persons"] > 0) & world.children["grade"].isin(taught)]
    assert (
        at_home.groupby(keys)["persons"].sum().to_dict()
        == given_.groupby(keys)["persons"].sum().to_dict()
    )
    assert (table["persons"] > 0).all()
    assert not table.duplicated(["demand_id", "site_id", "grade", "year"]).any()


@settings(max_examples=10)
@given(counties())
def test_base_year_is_the_enrolment_where_known(world: World) -> None:
    found = found_in(world)
    base = found.table[found.table["year"] == 2025]
    at = base.groupby(["site_id", "grade"])["persons"].sum().to_dict()
    told = {(i, g): n for i, g, _, n in world.enrolment.itertuples(index=False)}
    for (site, grade), n in told.items():
        assert at.get((site, grade), 0) == n  # placed children and pupils without a known home
    # whose own school's pupils are not known goes there, all of them
    for home, grade, n in world.children.loc[
        world.children["year"] == 2025, ["demand_id", "grade", "persons"]
    ].itertuples(index=False):
        own = naive_own(world, home, grade)
        if n and own and (own, grade) not in told:
            rows = base[(base["demand_id"] == home) & (base["grade"] == grade)]
            assert rows[["site_id", "persons"]].values.tolist() == [[own, n]]
    # nobody without a school could have had a place of one that is in reach
    placed = base[base["demand_id"] != ""].groupby(["site_id", "grade"])["persons"].sum()
    for home, grade in base.loc[base["site_id"] == "", ["demand_id", "grade"]].values.tolist():
        area = world.eligible[world.eligible["zone_id"] == world.zone_of[home]]["site_id"]
        for site in set(area):
            if (site, grade) in told and 0 <= world.walk.loc[home, site] <= world.cutoff:
                assert placed.get((site, grade), 0) == told[site, grade]


@settings(max_examples=10)
@given(counties())
def test_reconciled_counts_children_by_their_own_school(world: World) -> None:
    found = found_in(world).reconciled
    counts: Counter[tuple[str, int]] = Counter()
    for home, year, grade, n in world.children.itertuples(index=False):
        if year == 2025:
            counts[naive_own(world, home, grade), grade] += n
    told = {(i, g): n for i, g, _, n in world.enrolment.itertuples(index=False)}
    for site, _, grade, children, pupils, difference in found.itertuples(index=False):
        assert children == counts[site, grade]
        if (site, grade) in told:
            assert (pupils, difference) == (told[site, grade], told[site, grade] - children)
        else:
            assert pd.isna(pupils)
            assert pd.isna(difference)
    assert len(found) == (world.teaching["grade_to"] - world.teaching["grade_from"] + 1).sum()


@settings(max_examples=10)
@given(counties())
def test_later_years_keep_the_shares_of_a_home(world: World) -> None:
    table = found_in(world).table
    homes = table[table["demand_id"] != ""]
    teaches = {
        g: frozenset(
            i
            for i, a, b in world.teaching[["site_id", "grade_from", "grade_to"]].values.tolist()
            if a <= g <= b
        )
        for g in range(1, 10)
    }
    base = homes[homes["year"] == 2025]
    for (home, year), rows in homes[homes["year"] > 2025].groupby(["demand_id", "year"]):
        for sites in {teaches[g] for g in rows["grade"]}:
            same = [g for g in teaches if teaches[g] == sites]
            here = rows[rows["grade"].isin(same)]
            then = base[(base["demand_id"] == home) & base["grade"].isin(same)]
            share = then.groupby("site_id")["persons"].sum()
            if share.empty:
                own = {naive_own(world, home, int(g)) for g in here["grade"]}
                assert set(here["site_id"]) == own, (home, year)
                continue
            for site, n in share.items():
                quota = Fraction(int(n) * int(here["persons"].sum()), int(share.sum()))
                got = int(here.loc[here["site_id"] == site, "persons"].sum())
                assert abs(got - quota) < 1
            assert set(here["site_id"]) <= set(share.index)


@settings(max_examples=10)
@given(counties())
def test_pupils_without_a_home_grow_older(world: World) -> None:
    table = found_in(world).table
    away = table[table["demand_id"] == ""].set_index(["site_id", "grade", "year"])["persons"]
    for site, a, b in world.teaching[["site_id", "grade_from", "grade_to"]].values.tolist():
        zones = set(world.eligible.loc[world.eligible["site_id"] == site, "zone_id"])
        mine = world.children[world.children["demand_id"].map(world.zone_of).isin(zones)]
        of_age = mine[mine["grade"] == a].groupby("year")["persons"].sum()
        for year in (2026, 2027):
            for grade in range(a + 1, b + 1):
                assert away.get((site, grade, year), 0) == away.get((site, grade - 1, year - 1), 0)
            first, then = int(away.get((site, a, 2025), 0)), int(of_age.get(2025, 0))
            exact = Fraction(first * int(of_age.get(year, 0)), then) if then else Fraction(first)
            assert abs(away.get((site, a, year), 0) - exact) <= Fraction(1, 2)


@settings(max_examples=4)
@given(counties(), st.randoms())
def test_row_order_changes_nothing(world: World, random: object) -> None:
    found = found_in(world)
    order = {
        name: getattr(world, name).sample(frac=1, random_state=random.randrange(99))  # type: ignore[attr-defined]
        for name in ("children", "teaching", "enrolment", "eligible", "zone_of", "walk")
    }
    again = found_in(World(**{**world.__dict__, **order}))
    for name in ("table", "reconciled", "findings"):
        pd.testing.assert_frame_equal(getattr(found, name), getattr(again, name))


HOME = pd.DataFrame({"demand_id": ["d"], "year": 2025, "grade": 1, "persons": [3]})
TAUGHT = pd.DataFrame({"site_id": ["A"], "service": "primary", "grade_from": 1, "grade_to": 6})
CAUGHT = pd.DataFrame({"demand_id": ["d"], "service": "primary", "site_id": "A"})
ENROLLED = pd.DataFrame({"site_id": ["A"], "grade": 1, "year": 2025, "pupils": [2]})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"children": HOME.assign(persons=-1)}, r"children: 1 of 1 rows .*\(d\)"),
        ({"children": HOME.assign(persons=0.5)}, r"children: 1 of 1 rows .*\(d\)"),
        ({"children": pd.concat([HOME, HOME])}, r"children: 2 rows share .*\(d\)"),
        ({"children": HOME.assign(demand_id="x")}, r"1 homes are not in the travel times \(x\)"),
        ({"enrolment": ENROLLED.assign(pupils=-2)}, r"enrolment: 1 rows .*\(A grade 1\)"),
        ({"enrolment": pd.concat([ENROLLED] * 2)}, r"enrolment: 2 rows share .*\(A grade 1\)"),
        ({"enrolment": ENROLLED.assign(grade=7)}, r"does not teach \(A grade 7\)"),
        ({"enrolment": ENROLLED.assign(site_id="B")}, r"does not teach \(B grade 1\)"),
        ({"teaching": TAUGHT.assign(grade_from=7)}, r"teaching: 1 rows have no grades .*\(A\)"),
        ({"teaching": pd.concat([TAUGHT] * 2)}, r"teaching: 1 rows teach a grade .*\(A\)"),
        (
            {"catchments": CAUGHT.assign(site_id="Q")},
            r"catchments: 1 schools are not in the travel times \(Q\)",
        ),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_named(change: dict[str, pd.DataFrame], message: str) -> None:
    tables = {"children": HOME, "teaching": TAUGHT, "enrolment": ENROLLED} | change
    times = times_of(pd.DataFrame({"A": [5]}, index=["d"]))
    with pytest.raises(DataError, match=message):
        merger.pupils(tables.pop("children"), times, service="primary", **tables)


def test_a_service_that_nobody_teaches_is_refused() -> None:
    times = times_of(pd.DataFrame({"A": [5]}, index=["d"]))
    with pytest.raises(StudyError, match="no school teaches 'junior'"):
        merger.pupils(HOME, times, service="junior", teaching=TAUGHT)


def test_children_with_no_school_in_reach_are_listed() -> None:
    times = times_of(pd.DataFrame({"A": [5, -1]}, index=["d", "far"]))
    both = pd.concat([HOME, HOME.assign(demand_id="far", persons=2)])
    found = merger.pupils(both, times, service="primary", teaching=TAUGHT)
    assert ["children", "far", "no_school_in_reach", "1: 2"] in found.findings.values.tolist()
    assert found.table[["demand_id", "site_id", "persons"]].values.tolist() == [
        ["d", "A", 3],
        ["far", "", 2],
    ]


def test_a_catchment_goes_before_the_nearest() -> None:
    times = times_of(pd.DataFrame({"A": [5], "B": [9]}, index=["d"]))
    both = pd.concat([TAUGHT, TAUGHT.assign(site_id="B")])
    told = pd.DataFrame({"demand_id": ["d"], "service": "primary", "site_id": "B"})
    found = merger.pupils(HOME, times, service="primary", teaching=both, catchments=told)
    assert found.table["site_id"].tolist() == ["B"]
    assert times.value.tolist() == [5 * MINUTE, 9 * MINUTE]

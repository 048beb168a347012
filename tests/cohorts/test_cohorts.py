"""Single years, children at places and later years: derived anew, and held to their laws."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from siting import cohorts
from siting.cohorts import bands as multipliers
from siting.errors import DataError

Poly = list[Fraction]


def through(xs: list[int]) -> list[Poly]:
    """The Lagrange polynomials through knots, as coefficients: p(x) = Σ y_k · basis[k](x)."""
    basis = []
    for k, at in enumerate(xs):
        poly = [Fraction(1)]
        for m, other in enumerate(xs):
            if m != k:
                scale = Fraction(1, at - other)
                longer = [Fraction(0)] * (len(poly) + 1)
                for power, c in enumerate(poly):
                    longer[power] -= c * other * scale
                    longer[power + 1] += c * scale
                poly = longer
        basis.append(poly)
    return basis


def value(poly: Poly, x: Fraction, derivative: int = 0) -> Fraction:
    for _ in range(derivative):
        poly = [c * n for n, c in enumerate(poly)][1:]
    return sum((c * x**n for n, c in enumerate(poly)), Fraction(0))


def solve(rows: list[Poly], right: Poly) -> Poly:
    """Gauss–Jordan in fractions."""
    n = len(rows)
    m = [[*row, r] for row, r in zip(rows, right, strict=True)]
    for c in range(n):
        pivot = next(r for r in range(c, n) if m[r][c] != 0)
        m[c], m[pivot] = m[pivot], m[c]
        m[c] = [v / m[c][c] for v in m[c]]
        for r in range(n):
            if r != c:
                m[r] = [a - m[r][c] * b for a, b in zip(m[r], m[c], strict=True)]
    return [row[-1] for row in m]


def derived(bands: int, band: int) -> list[Poly]:
    """Multipliers from the definition, of cumulated persons at the ends of bands.

    In the middle: the quintic that agrees with the quartics through five knots around either end of
    the band in value, slope and curvature. In the two panels at an end: the quartic through the
    five knots there.
    """
    knots = list(range(bands + 1))

    def quintic(y: Poly) -> Poly:
        rows, right = [], []
        for end in (band, band + 1):
            around = list(range(end - 2, end + 3))
            basis = through(around)
            for derivative in range(3):
                mono = [[Fraction(int(k == n)) for k in range(n + 1)] for n in range(6)]
                rows.append([value(p, Fraction(end), derivative) for p in mono])
                right.append(
                    sum(
                        (y[k] * value(b, Fraction(end), derivative)
                         for k, b in zip(around, basis, strict=True)),
                        Fraction(0),
                    )
                )  # fmt: skip
        return solve(rows, right)

    def quartic(y: Poly) -> Poly:
        around = knots[:5] if band < 2 else knots[-5:]
        return [
            sum((y[k] * b[n] for k, b in zip(around, through(around), strict=True)), Fraction(0))
            for n in range(5)
        ]

    inside = 2 <= band < bands - 2
    table = []
    for year in range(5):
        row = []
        for of in range(bands):
            upto = [Fraction(int(k > of)) for k in knots]
            poly = quintic(upto) if inside else quartic(upto)
            low, high = (Fraction(5 * band + year + k, 5) for k in (0, 1))
            row.append(value(poly, high) - value(poly, low))
        table.append(row)
    return table


@pytest.mark.parametrize("bands", [4, 5, 6, 7])
def test_the_multipliers_follow_from_the_definition(bands: int) -> None:
    for band in range(bands):
        table, start, turned = multipliers._panel(band, bands)
        for year, row in enumerate(derived(bands, band)):
            own = [Fraction(m, 10_000) for m in table[4 - year if turned else year]]
            own = own[::-1] if turned else own
            before, after = start, bands - start - len(own)
            assert row == [Fraction(0)] * before + own + [Fraction(0)] * after, (band, year)


def census(numbers: list[int], zone_id: str = "z") -> pd.DataFrame:
    """Age 0, ages 1–4, five-year bands, an open end: as the Chinese census has them."""
    starts = [0, 1, *range(5, 5 * (len(numbers) - 1), 5)]
    ends: list[Any] = [0, 4, *range(9, 5 * (len(numbers) - 2), 5), np.nan]
    return pd.DataFrame(
        {"zone_id": zone_id, "age_from": starts, "age_to": ends, "persons": numbers}
    )


persons = st.integers(0, 200_000)


@given(st.lists(persons, min_size=7, max_size=14))
def test_every_band_keeps_its_number(numbers: list[int]) -> None:
    told = census(numbers)
    found = cohorts.single_years(told)
    ages = found.ages.set_index("age")["persons"]
    assert (ages >= 0).all()
    for low, high, number in told[["age_from", "age_to", "persons"]].itertuples(index=False):
        if high == high:
            assert ages.loc[low:high].sum() == number
    for _, age, raw in found.negative.itertuples(index=False):
        assert raw < 0
        assert ages[age] == 0 or found.ages.set_index("age")["how"][age] == "even"


@given(st.lists(persons, min_size=7, max_size=9), st.permutations(range(7)))
def test_rows_may_stand_in_any_order(numbers: list[int], order: list[int]) -> None:
    told = census(numbers)
    turned = pd.concat([told.iloc[order], told.iloc[7:]])
    pd.testing.assert_frame_equal(
        cohorts.single_years(told).ages, cohorts.single_years(turned).ages
    )


def test_smooth_ages_come_back() -> None:
    """A cubic is its own interpolation; integers are within one of it."""
    true = [2_000 + 30 * a - 2 * a * a for a in range(25)]
    told = pd.DataFrame(
        {"zone_id": "z", "age_from": range(0, 25, 5), "age_to": range(4, 25, 5),
         "persons": [sum(true[k : k + 5]) for k in range(0, 25, 5)]}
    )  # fmt: skip
    found = cohorts.single_years(told).ages
    assert (found["persons"] - pd.Series(true)).abs().max() <= 1
    assert set(found["how"]) == {"sprague"}


def test_known_births_beat_the_interpolation() -> None:
    """The drop is inside the band: interpolation cannot know it, births do."""
    told = census([600, 4_000, 5_000, 5_000, 5_000, 5_000, 9_000])
    known = pd.DataFrame({"zone_id": "z", "age": [1, 2, 3, 4], "persons": [70, 90, 110, 130]})
    found = cohorts.single_years(told, known=known).ages.set_index("age")
    assert found["persons"].loc[:4].tolist() == [600, 700, 900, 1_100, 1_300]
    assert found["how"].loc[:5].tolist() == ["given", *["known"] * 4, "sprague"]
    half = known[known["age"] < 4]  # not every year of the band is known: none is used
    assert cohorts.single_years(told, known=half).ages["how"].tolist()[1] == "sprague"
    drop = cohorts.birth_drop(found.reset_index().assign(zone_id="z"), of=4)
    assert drop["drop_share"].tolist() == [0.4]


def test_negatives_are_told() -> None:
    told = pd.DataFrame(
        {"zone_id": "z", "age_from": range(0, 25, 5), "age_to": range(4, 25, 5),
         "persons": [0, 0, 5_000, 0, 0]}
    )  # fmt: skip
    found = cohorts.single_years(told)
    assert len(found.negative) > 0
    assert found.ages["persons"].sum() == 5_000
    assert found.ages.set_index("age")["persons"].loc[10:14].sum() == 5_000


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"age_from": [1, 5, 10, 15, 20]}, "do not begin at 0"),
        ({"age_to": [4, 9, 13, 19, 24]}, "leave ages out"),
        ({"age_to": [4, 9, 16, 19, 24]}, "overlap"),
        ({"persons": [1, 2, -3, 4, 5]}, "no whole number"),
        ({"persons": [1, 2, 3.5, 4, 5]}, "no whole number"),
        ({"persons": [1, 2, float("inf"), 4, 5]}, "no whole number"),
        ({"age_to": [4, np.nan, 14, 19, 24]}, "has no end"),
        ({"age_from": [0, 5, 10, 15, 20], "age_to": [4, 9, 14, 12, 24]}, "ends before it begins"),
    ],
)
def test_bad_bands_are_refused(change: dict[str, Any], words: str) -> None:
    told = pd.DataFrame(
        {"zone_id": "z", "age_from": [0, 5, 10, 15, 20], "age_to": [4, 9, 14, 19, 24],
         "persons": [1, 2, 3, 4, 5]}
    )  # fmt: skip
    with pytest.raises(DataError, match=words):
        cohorts.single_years(told.assign(**change))


def test_too_few_bands_are_refused() -> None:
    told = census([10, 40, 50, 50, 60])
    with pytest.raises(DataError, match="only 3 bands of 5 years"):
        cohorts.single_years(told)


places = st.lists(st.integers(0, 400), min_size=1, max_size=30).filter(any)
numbers_by_age = st.lists(st.integers(0, 500), min_size=1, max_size=18)


@given(places, numbers_by_age)
def test_zones_keep_ages_and_places_their_number(sizes: list[int], numbers: list[int]) -> None:
    ids = [f"p{n:02}" for n in range(len(sizes))]
    demand = pd.DataFrame({"demand_id": ids, "population": sizes})
    ages = pd.DataFrame({"zone_id": "z", "age": range(len(numbers)), "persons": numbers})
    zone_of = pd.Series("z", index=ids)
    found = cohorts.children(demand, ages, zone_of=zone_of, year=2025)
    by_age = found.groupby("age")["persons"].sum().reindex(range(len(numbers)), fill_value=0)
    assert by_age.tolist() == numbers
    whole, everybody = sum(numbers), sum(sizes)
    at = found.groupby("demand_id")["persons"].sum().reindex(ids, fill_value=0)
    for size, got in zip(sizes, at, strict=True):
        assert abs(Fraction(whole * size, everybody) - int(got)) < 1
    got_of = {(i, a): n for i, _, a, n in found.itertuples(index=False)}
    for place in ids:
        for age, number in enumerate(numbers):
            fair = Fraction(int(at[place]) * number, max(whole, 1))
            assert abs(fair - got_of.get((place, age), 0)) <= 2
    turned = cohorts.children(demand.iloc[::-1], ages, zone_of=zone_of, year=2025)
    pd.testing.assert_frame_equal(found, turned)


def test_children_of_nobody_are_refused() -> None:
    demand = pd.DataFrame({"demand_id": ["a"], "population": [0]})
    ages = pd.DataFrame({"zone_id": ["z"], "age": [6], "persons": [3]})
    with pytest.raises(DataError, match="children and no people"):
        cohorts.children(demand, ages, zone_of=pd.Series({"a": "z"}), year=2025)


@st.composite
def worlds(draw: st.DrawFn) -> dict[str, Any]:
    ids = [f"p{n}" for n in range(draw(st.integers(1, 6)))]
    base = pd.DataFrame(
        [
            (i, 2025, a, draw(st.integers(int(i == "p0" and a == 0), 40)))  # somebody there is
            for i in ids
            for a in range(7)
        ],
        columns=["demand_id", "year", "age", "persons"],
    )
    base = base[base["persons"] > 0].reset_index(drop=True)
    return {
        "children": base,
        "until": 2025 + draw(st.integers(0, 4)),
        "births": {2025 + n: draw(st.integers(0, 60)) for n in range(1, 5)},
        "survival": {a: draw(st.sampled_from([1.0, 0.9, 0.5, 0.0])) for a in range(7)},
        "zone_of": pd.Series({i: draw(st.sampled_from("xy")) for i in ids}),
        "oldest": 6,
    }


@given(worlds())
def test_nobody_appears_or_vanishes(world: dict[str, Any]) -> None:
    found = cohorts.carried_forward(**world)
    flows, children = found.flows, found.children
    came = flows["births"] + flows["moved_in"]
    went = flows["died"] + flows["grew_up"] + flows["moved_out"]
    assert (flows["before"] + came - went == flows["after"]).all()
    by_year = children.groupby("year")["persons"].sum().to_dict()
    for year, after in flows.loc[flows["zone_id"] == "", ["year", "after"]].itertuples(index=False):
        assert by_year.get(year, 0) == after
        whole = flows[(flows["year"] == year) & (flows["zone_id"] == "")]
        assert whole["births"].tolist() == [world["births"][year]]
    apart = flows[flows["zone_id"] != ""].groupby("year")["after"].sum()
    together = flows[flows["zone_id"] == ""].set_index("year")["after"]
    assert apart.equals(together)


@given(worlds())
def test_naive_cohorts_agree(world: dict[str, Any]) -> None:
    """With nobody lost, every child is followed by hand: one dictionary, one loop."""
    world["survival"] = 1.0
    found = cohorts.carried_forward(**world).children
    for year in range(2026, world["until"] + 1):
        then = found[found["year"] == year]
        old = {
            (i, a): n for i, a, n in then[["demand_id", "age", "persons"]].itertuples(index=False)
        }
        years = year - 2025
        for i, a, n in world["children"][["demand_id", "age", "persons"]].itertuples(index=False):
            if a + years <= 6:
                assert old.pop((i, a + years)) == n
        assert all(age < years for _, age in old)  # the rest was born since


def test_moves_are_named_and_kept() -> None:
    base = pd.DataFrame(
        {"demand_id": ["a", "a", "t"], "year": 2025, "age": [6, 7, 6], "persons": [5, 3, 9]}
    )
    moved = pd.DataFrame(
        {"year": [2026], "from_id": ["a"], "to_id": ["t"], "age": [7], "persons": [4]}
    )
    asked: dict[str, Any] = {
        "until": 2026, "births": {2026: 0}, "zone_of": pd.Series({"a": "z", "t": "y"}),
        "oldest": 14,
    }  # fmt: skip
    found = cohorts.carried_forward(base, moved=moved, **asked)
    then = found.children[found.children["year"] == 2026]
    assert then[["demand_id", "age", "persons"]].values.tolist() == [
        ["a", 7, 1], ["a", 8, 3], ["t", 7, 13],
    ]  # fmt: skip
    zones = found.flows[["zone_id", "moved_in", "moved_out"]].values.tolist()
    assert zones == [["", 4, 4], ["y", 4, 0], ["z", 0, 4]]
    with pytest.raises(DataError, match="more children leave 1 places"):
        cohorts.carried_forward(base, moved=moved.assign(persons=6), **asked)
    with pytest.raises(DataError, match="older than 14"):
        cohorts.carried_forward(base, moved=moved.assign(age=15), **asked)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"births": {2026: 3}, "until": 2027}, "1 years have no births"),
        ({"births": {2026: -3}}, "whole number of 0 or more"),
        ({"births": {2026: 2.5}}, "whole number of 0 or more"),
        ({"survival": 1.2}, "between 0 and 1"),
        ({"until": 2024}, "lies before 2025"),
        (
            {"births": pd.DataFrame({"zone_id": ["q"], "year": [2026], "persons": [3]})},
            "zones with births have no places",
        ),
        (
            {
                "births": pd.DataFrame({"zone_id": "z", "year": [2026, 2028], "persons": 3}),
                "until": 2028,
            },
            r"births: 1 zones and years have no births \(z: 2027\).*0 if there are none",
        ),
    ],
)
def test_bad_assumptions_are_refused(change: dict[str, Any], words: str) -> None:
    base = pd.DataFrame({"demand_id": ["a"], "year": 2025, "age": [6], "persons": [5]})
    asked: dict[str, Any] = {
        "until": 2026, "births": {2026: 0}, "zone_of": pd.Series({"a": "z"}), "oldest": 14,
    }  # fmt: skip
    with pytest.raises(DataError, match=words):
        cohorts.carried_forward(base, **asked | change)


def test_a_zone_that_states_no_births_of_a_year_is_named_and_gets_no_zero() -> None:
    base = pd.DataFrame({"demand_id": ["a", "b", "o"], "year": 2025, "age": 3, "persons": 5})
    births = pd.DataFrame({"zone_id": ["y", "z", "y"], "year": [2026, 2026, 2027], "persons": 2})
    asked: dict[str, Any] = {"until": 2027, "zone_of": pd.Series({"a": "y", "b": "z", "o": ""})}
    with pytest.raises(DataError, match=r"1 zones and years have no births \(z: 2027\)"):
        cohorts.carried_forward(base, births=births, oldest=6, **asked)
    births.loc[3] = ["z", 2027, 0]
    found = cohorts.carried_forward(base, births=births, oldest=6, **asked).children
    born = found[found["age"] == 0]  # none at "o", which no births are stated of
    assert born[["demand_id", "year", "persons"]].values.tolist() == [
        ["a", 2026, 2], ["b", 2026, 2], ["a", 2027, 2],
    ]  # fmt: skip


@given(st.lists(st.integers(0, 1000), min_size=1, max_size=40), st.integers(0, 5000))
def test_dealt_parts_add_up(weights: list[int], total: int) -> None:
    parts = cohorts.dealt(np.array(weights), total)
    if sum(weights):
        assert parts.sum() == total
        quota = [Fraction(w * total, sum(weights)) for w in weights]
        assert all(abs(q - int(p)) < 1 for q, p in zip(quota, parts, strict=True))
        assert all(p == 0 for w, p in zip(weights, parts, strict=True) if w == 0)

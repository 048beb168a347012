"""Who has a whole basket: counted person by person in plain loops, and by the laws of baskets."""

from __future__ import annotations

import random as chance
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import pytest
from builders import demand_table, membership_table, times_from
from hypothesis import given, settings
from hypothesis import strategies as st

from siting import baskets, coverage, rules, text
from siting.errors import DataError
from siting.rules import Rule

KINDS = ("school", "clinic", "shop", "park")
PARTS = ["complete", "incomplete", "not_assessed"]
ENDS = ["complete_low", "complete_high"]
NEVER = 10**6


def reach_rule(**fields: Any) -> Rule:
    plain: dict[str, Any] = {
        "id": "r", "text_zh": "r", "text_en": "r", "source": "t", "status": "assumed", "unit": "m",
        "measure": "network_m", "low": 5, "high": 7, "judges": ("urban", "village"),
    }  # fmt: skip
    return Rule(**plain | fields)


Metres = Mapping[str, list[list[int]]]
"""By kind, a list a service: metres from each home; −1 where no road leads there."""


def judge(people: pd.DataFrame, metres: list[int], rule: Rule) -> pd.DataFrame:
    """Judge a service of one site as the program does, from a matrix of one column."""
    times = times_from(
        pd.DataFrame({"S": [1_000 * m if m >= 0 else -1 for m in metres]},
                     index=list(people["demand_id"])),
        impedance="length",
    )  # fmt: skip
    return coverage.assess(people, times.reach(["S"]), rule=rule, islands=times.islands(["S"]))


def found(
    people: pd.DataFrame,
    member: pd.DataFrame,
    metres: Metres,
    rule: Rule | None = None,
    **told: Any,
) -> coverage.Basket:
    rule = rule or reach_rule()
    kinds = {
        kind: coverage.any_of([judge(people, line, rule) for line in services])
        for kind, services in metres.items()
    }
    return coverage.basket(
        kinds, member, name="b", rule=rule, max_not_assessed=told.pop("most", 0.05), **told
    )


def whole(table: pd.DataFrame, settlement: str = "judged", zoning: str = "t") -> dict[str, Any]:
    rows = table[(table["level"] == "region") & (table["settlement"] == settlement)]
    (row,) = rows[rows["zoning"] == zoning].to_dict("records")
    return row


@st.composite
def worlds(draw: st.DrawFn) -> tuple[pd.DataFrame, pd.DataFrame, dict[str, list[list[int]]]]:
    n = draw(st.integers(1, 7))
    classes = st.sampled_from(["urban", "township_seat", "village"])
    people = demand_table(
        draw(st.lists(st.integers(0, 9), min_size=n, max_size=n)),
        settlements=draw(st.lists(classes, min_size=n, max_size=n)),
    )
    zone = st.sampled_from(["", "a", "b"])
    member = membership_table(
        {z: draw(st.lists(zone, min_size=n, max_size=n)) for z in ("t", "units")}
    )
    line = st.lists(st.integers(-1, 9), min_size=n, max_size=n)
    kinds = draw(st.lists(st.sampled_from(KINDS), min_size=1, max_size=4, unique=True))
    return people, member, {k: draw(st.lists(line, min_size=1, max_size=2)) for k in kinds}


def by_hand(
    people: pd.DataFrame, zones: Mapping[str, str], metres: Metres, zone: str, settlement: str
) -> dict[str, int]:
    """Count one row person by person, from metres alone."""
    counts = dict.fromkeys(["persons", *PARTS, *ENDS], 0)
    counts |= {f"{what} {kind}": 0 for kind in metres for what in ("lacking", "only", "unknown")}
    for i, row in enumerate(people.to_dict("records")):
        if zones[row["demand_id"]] != zone or row["settlement"] != settlement:
            continue
        for _ in range(row["population"]):
            counts["persons"] += 1
            if zone == "":
                counts["not_assessed"] += 1
                counts["complete_high"] += 1
                for kind in metres:
                    counts[f"unknown {kind}"] += 1
                continue
            near = {  # the nearest of the kind, None where no road leads to one
                kind: min((line[i] for line in lines if line[i] >= 0), default=None)
                for kind, lines in metres.items()
            }
            lacks = [kind for kind, m in near.items() if m is not None and m > 5]
            unknown = [kind for kind, m in near.items() if m is None]
            if lacks:
                counts["incomplete"] += 1
            elif unknown:
                counts["not_assessed"] += 1
            else:
                counts["complete"] += 1
                counts["complete_low"] += 1  # the value judged by is the strict end
            if all(m is None or m <= 7 for m in near.values()):
                counts["complete_high"] += 1
            for kind in lacks:
                counts[f"lacking {kind}"] += 1
                counts[f"only {kind}"] += lacks == [kind] and not unknown
            for kind in unknown:
                counts[f"unknown {kind}"] += 1
    return counts


@settings(max_examples=25, deadline=None)
@given(worlds())
def test_every_row_is_what_loops_over_persons_count(world: Any) -> None:
    people, member, metres = world
    table, services = found(people, member, metres)
    rows = table[(table["level"] == "zone") & (table["settlement"] != "judged")]
    for row in rows.to_dict("records"):
        zones = member[member["zoning"] == row["zoning"]].set_index("demand_id")["zone_id"]
        hand = by_hand(people, zones.to_dict(), metres, row["zone_id"], row["settlement"])
        assert {name: row[name] for name in ("persons", *PARTS, *ENDS)} == {
            name: hand[name] for name in ("persons", *PARTS, *ENDS)
        }
        keys = ["level", "zoning", "zone_id", "settlement"]
        own = services[(services[keys] == [row[key] for key in keys]).all(axis=1)]
        assert list(own["kind"]) == list(metres)
        for kind in own.to_dict("records"):
            assert kind["lacking_persons"] == hand[f"lacking {kind['kind']}"]
            assert kind["lacking_only_persons"] == hand[f"only {kind['kind']}"]
            assert kind["not_assessed"] == hand[f"unknown {kind['kind']}"]


@settings(max_examples=25, deadline=None)
@given(worlds())
def test_every_zoning_sums_to_the_people_and_the_ends_enclose(world: Any) -> None:
    people, member, metres = world
    table, _ = found(people, member, metres)
    assert (table[PARTS].sum(axis=1) == table["persons"]).all()
    assert (table["complete_low"] <= table["complete"]).all()
    assert (table["complete"] <= table["complete_high"]).all()
    assert (table["complete_high"] <= table["persons"]).all()
    apart = table[table["settlement"] != "judged"]
    sums = apart.groupby(["level", "zoning"])["persons"].sum()
    assert set(sums) == {people["population"].sum()}
    # whom a rule judges together are those classes together
    judged = table[(table["settlement"] != "judged") & table["judged"]]
    keys = ["level", "zoning", "zone_id"]
    together = table[table["settlement"] == "judged"].set_index(keys)[["persons", *PARTS]]
    pd.testing.assert_frame_equal(
        judged.groupby(keys)[["persons", *PARTS]].sum(), together, check_dtype=False
    )


@settings(max_examples=15, deadline=None)
@given(worlds(), st.randoms(use_true_random=False))
def test_the_order_of_rows_changes_nothing(world: Any, random: chance.Random) -> None:
    people, member, metres = world
    order = list(range(len(people)))
    random.shuffle(order)
    mixed = {kind: [[line[i] for i in order] for line in lines] for kind, lines in metres.items()}
    for one, two in zip(
        found(people, member, metres),
        found(people.iloc[order].reset_index(drop=True), member.iloc[::-1], mixed),
        strict=True,
    ):
        pd.testing.assert_frame_equal(one, two)


@settings(max_examples=15, deadline=None)
@given(worlds(), st.data())
def test_a_new_site_never_makes_fewer_whole(world: Any, data: st.DataObject) -> None:
    people, member, metres = world
    kind = data.draw(st.sampled_from(sorted(metres)))
    line = data.draw(st.lists(st.integers(0, 9), min_size=len(people), max_size=len(people)))
    before, after = (
        found(people, member, case).table
        for case in (metres, {**metres, kind: [*metres[kind], line]})
    )
    assert (after["complete"] >= before["complete"]).all()
    assert (after["complete_low"] >= before["complete_low"]).all()


@settings(max_examples=15, deadline=None)
@given(worlds(), st.data())
def test_another_kind_never_makes_more_whole(world: Any, data: st.DataObject) -> None:
    people, member, metres = world
    line = data.draw(st.lists(st.integers(-1, 9), min_size=len(people), max_size=len(people)))
    before, after = (
        found(people, member, case).table for case in (metres, {**metres, "library": [line]})
    )
    for name in ("complete", "complete_low", "complete_high"):
        assert (after[name] <= before[name]).all()
    assert (after["incomplete"] >= before["incomplete"]).all()


@settings(max_examples=15, deadline=None)
@given(worlds())
def test_no_more_are_whole_than_each_kind_covers(world: Any) -> None:
    """Against the coverage table of each kind, which is counted by other code."""
    people, member, metres = world
    rule = reach_rule()
    table = found(people, member, metres).table
    rows = table[(table["level"] == "zone") & (table["settlement"] != "judged")]
    rows = rows.set_index(["zoning", "zone_id", "settlement"])
    for line, *more in metres.values():
        if more:
            continue
        times = times_from(
            pd.DataFrame({"S": [1_000 * m if m >= 0 else -1 for m in line]},
                         index=list(people["demand_id"])),
            impedance="length",
        )  # fmt: skip
        counted = coverage.cover(
            people, member, times.reach(["S"]), plan="p", service="s", rule=rule,
            islands=times.islands(["S"]),
        ).set_index(["zoning", "zone_id", "settlement"])  # fmt: skip
        assert (rows["complete"] <= counted["covered"].loc[rows.index]).all()
        if len(metres) == 1:
            assert (rows["complete"] == counted["covered"].loc[rows.index]).all()
            assert (rows["incomplete"] == counted["out_of_reach"].loc[rows.index]).all()


PEOPLE = demand_table([10, 20, 30], settlements=["urban", "urban", "village"])
MEMBER = membership_table({"t": ["a", "a", "b"]})


def test_a_kind_without_a_layer_is_named_and_nobody_lacks_it() -> None:
    near = {"school": [[1, 1, 9]]}
    plain = found(PEOPLE, MEMBER, near)
    named = found(PEOPLE, MEMBER, near, missing={"park": "no_layer", "shop": "other_way"})
    figures = [c for c in plain.table if c not in ("kinds_missing",)]
    pd.testing.assert_frame_equal(plain.table[figures], named.table[figures])
    assert set(named.table["kinds"]) == {1}
    assert set(named.table["kinds_missing"]) == {2}
    gone = named.services[named.services["why"] != ""]
    assert gone[["level", "kind", "why"]].values.tolist() == [
        ["region", "park", "no_layer"], ["region", "shop", "other_way"],
    ]  # fmt: skip
    assert gone[["lacking_persons", "lacking_only_persons", "not_assessed"]].isna().all(axis=None)


def test_a_road_to_one_service_of_a_kind_is_enough_to_be_assessed() -> None:
    """Two layers of one kind are as one: an island of the one is none where the other is."""
    table = found(PEOPLE, MEMBER, {"school": [[-1, -1, -1], [1, 9, -1]]}).table
    assert [whole(table, "urban")[name] for name in PARTS] == [10, 20, 0]
    assert [whole(table, "village")[name] for name in PARTS] == [0, 0, 30]


def test_what_is_lacking_is_certain_though_another_kind_is_unknown() -> None:
    table, services = found(PEOPLE, MEMBER, {"school": [[9, 1, 1]], "shop": [[-1, -1, 1]]})
    assert [whole(table)[name] for name in PARTS] == [30, 10, 20]
    assert whole(table)["complete_high"] == 50  # not the 10 who lack a school at both ends
    first = services[(services["level"] == "region") & (services["settlement"] == "judged")]
    # the ten might lack a shop too: a school alone is not known to do
    assert first["lacking_persons"].tolist() == [10, 0]
    assert first["lacking_only_persons"].tolist() == [0, 0]


def test_too_many_not_assessed_nobody_and_other_classes_have_no_share() -> None:
    urban = reach_rule(judges=("urban",))
    rows = found(PEOPLE, MEMBER, {"school": [[1, -1, 1]]}, urban).table
    assert whole(rows)["why"] == "not_assessed"
    assert whole(rows, "village")["why"] == "settlement"
    assert whole(rows)["complete_share"] == pytest.approx(1 / 3)
    assert whole(rows)["complete_share_assessed"] == 1.0
    half = found(PEOPLE.assign(population=10), MEMBER, {"school": [[1, -1, 1]]}, urban, most=0.5)
    assert whole(half.table)["why"] == ""  # exactly the limit is not above it
    nobody = demand_table([0, 0, 30], settlements=["urban", "urban", "village"])
    none = whole(found(nobody, MEMBER, {"school": [[1, 1, 1]]}, urban).table)
    assert (none["persons"], none["why"]) == (0, "no_persons")
    assert np.isnan(none["complete_share"])


def test_the_arguments_stay_as_they_are() -> None:
    people, member = PEOPLE.copy(), MEMBER.copy()
    kinds = {"school": judge(people, [1, 2, 3], reach_rule())}
    before = kinds["school"].copy()
    coverage.basket(kinds, member, name="b", rule=reach_rule(), max_not_assessed=0.05)
    pd.testing.assert_frame_equal(kinds["school"], before)
    pd.testing.assert_frame_equal(member, MEMBER)


def test_no_kind_and_other_people_are_refused() -> None:
    with pytest.raises(DataError, match=r"baskets\.b.*whole for everybody"):
        found(PEOPLE, MEMBER, {})
    with pytest.raises(DataError, match="without a service"):
        coverage.any_of([])
    fewer = judge(PEOPLE.iloc[:2], [1, 2], reach_rule())
    other = judge(PEOPLE.assign(population=1), [1, 2, 3], reach_rule())
    for wrong in (fewer, other):
        with pytest.raises(DataError, match="same people"):
            coverage.any_of([judge(PEOPLE, [1, 2, 3], reach_rule()), wrong])


def test_what_is_shipped_hangs_together() -> None:
    kinds, book = baskets.kinds(), rules.load()
    for kind in kinds.values():
        assert text.has(f"kind.{kind.id}"), kind.id
        assert text.has(f"field.{kind.field}"), kind.field
        assert kind.norm == "" or book[kind.norm].unit in rules.PER_1000
    for basket in baskets.shipped().values():
        assert text.has(f"basket.{basket.id}")
        listed = [*basket.kinds, *basket.optional]
        assert len(set(listed)) == len(listed)
        assert set(listed) <= set(kinds)
        assert basket.kinds
        rule = book[basket.rule]
        assert rule.measure == ("network_m" if basket.id.startswith("circle_") else "time_min")
        assert basket.status == "assumed"  # nobody has read which kinds belong to it
        assert basket.source
        if basket.id.startswith("circle_"):
            assert rule.judges == ("urban",)
            assert "charging" in basket.optional
    assert {kind.field for kind in kinds.values()} == {
        "education", "health", "elderly_care", "child_care", "culture", "sport", "shops",
        "open_space", "charging",
    }  # fmt: skip

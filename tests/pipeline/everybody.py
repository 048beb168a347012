"""Whether every table of a run that has persons accounts for everybody, in every zoning.

A table with persons that is not named here fails: whoever adds one says how it adds up.
"""

from __future__ import annotations

import pandas as pd
from finished_run import Finished

BY_RULE = ["plan", "service", "rule_id"]
# Rows that are alike in these have everybody between them; "judged" repeats classes that follow it.
WHOLE = {
    "coverage": ["level", "zoning", *BY_RULE],
    "people": ["zoning"],
    "provision": ["level", "zoning", "service"],
    "accessibility": ["level", "zoning", "service"],
    "comparison": BY_RULE,
    "equity": ["figure", "service", "rule_id", "zoning"],
    "green_per_person": ["zoning"],  # its zones: the region leaves out who is outside every zone
    "baskets": ["level", "basket", "zoning"],
}
# What the persons of a row are divided into.
PARTS = {
    "coverage": ["covered", "no_seat", "out_of_reach", "not_assessed"],
    "baskets": ["complete", "incomplete", "not_assessed"],
    "comparison": [
        f"{part}_persons" for part in ("covered", "no_seat", "out_of_reach", "not_assessed")
    ],
}
# Some of the people: those of a gap, of a site, of what is listed.
SOME = {
    *("access", "accessibility_sites", "gaps", "losses", "new_sites", "road_defects"),
    *("closures", "closures_limits", "closures_receivers", "basket_services", "pocket_parks"),
    "children",  # of age for a grade; that zonings agree is tested with the demo
}
OF_A_GROUP = ("elderly", "children")  # baskets that count fewer than everybody


def has_persons(table: pd.DataFrame) -> bool:
    return any(c == "persons" or c.endswith("_persons") for c in table.columns)


def adds_up(run: Finished, everybody: int, *, grouped: bool = False) -> set[str]:
    """Assert that they do; return the names of the tables that have everybody.

    Tables by service have the people of its group only, where services are ``grouped``.
    """
    seen = set()
    for file in sorted(run.folder.rglob("tables/*.csv")):
        table = run.table(file.stem)
        if not has_persons(table):
            continue
        assert file.stem in WHOLE or file.stem in SOME, f"how does {file.stem} add up?"
        assert not (table.filter(regex="(^|_)persons$").fillna(0) < 0).any(axis=None), file.stem
        if file.stem not in WHOLE or (grouped and "service" in WHOLE[file.stem]):
            continue
        seen.add(file.stem)
        if file.stem == "equity":  # compared or not
            table["persons"] += table["left_out_persons"]
        for part in [PARTS[file.stem]] if file.stem in PARTS else []:
            assert (table[part].sum(axis=1) == table["persons"]).all(), file.stem
        if "settlement" in table:
            table = table[table["settlement"] != "judged"]
        if file.stem == "green_per_person":
            table = table[table["level"] == "zone"]
        if file.stem == "baskets":
            table = table[~table["basket"].isin(OF_A_GROUP)]
        sums = table.groupby(WHOLE[file.stem], dropna=False)["persons"].sum()
        assert set(sums) == {everybody}, (file.stem, sums[sums != everybody])
    if not grouped:
        same_people(run)
    return seen


def same_people(run: Finished) -> None:
    """Gaps hold who is out of reach or has no seat, and sites between them who is covered."""
    coverage, gaps, losses = (run.table(name) for name in ("coverage", "gaps", "losses"))
    zoning = coverage["zoning"].iloc[0] if gaps.empty else gaps["zoning"].iloc[0]
    today = coverage[(coverage["plan"] == "today") & (coverage["zoning"] == zoning)]
    judged = today[(today["level"] == "region") & (today["settlement"] == "judged")]
    judged = judged.set_index(["service", "rule_id"])
    left = gaps.groupby(["service", "rule_id"])["persons"].sum()
    told = judged["out_of_reach"] + judged["no_seat"]
    assert told[told > 0].to_dict() == left.to_dict()
    reached = losses.groupby(["service", "rule_id"])["covered_persons"].sum()
    told = judged["covered"]
    assert told.reindex(reached.index).fillna(0).to_dict() == reached.to_dict()

"""What a programme is, told year by year from the decisions of a model."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from siting.sequence.model import Model
from siting.sequence.rules import Column
from siting.sequence.tables import Question

Values = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Programme:
    """What is done in which year, and how good that is known to be.

    Attributes
    ----------
    moves
        ``year`` (from which on), ``unit_id``, ``from_site``, ``to_site``, ``way``, ``persons`` of
        that year.
    sites
        ``year``, ``site_id``, ``open``, ``persons``, ``seats``, ``over`` (persons beyond seats:
        only of sites to which nobody came).
    steps
        ``year``, ``site_id``, ``what`` (``close``, ``build``, ``expand``), ``of`` (the expansion),
        ``paid_in`` (a year; missing for closures), ``cost``.
    years
        ``year``, ``persons``, ``moved``, ``person_min``, ``running``, ``journeys`` (the choices'
        own cost), ``building`` (paid in it).
    objective, keep_all
        The stated mix over all years; and that of keeping everything as it is.
    bound
        No programme that keeps the rules is below this.
    gap
        (objective − bound) / (keep_all − bound): the share of what can be gained that may have been
        missed; 0 when proved. Where nothing can be gained, or keeping all breaks a rule, the share
        is of the objective's distance from its bound alone, and ``inf`` unless proved.
    status
        ``optimal`` (proved within the gap asked for) or ``time_limit``.
    unique
        Whether no other programme is as good; ``None`` when not known.
    keep_all_breaks
        Rules that keeping everything breaks.
    """

    moves: pd.DataFrame
    sites: pd.DataFrame
    steps: pd.DataFrame
    years: pd.DataFrame
    objective: float
    keep_all: float
    bound: float
    gap: float
    status: Literal["optimal", "time_limit"]
    unique: bool | None
    keep_all_breaks: tuple[str, ...]


def told(
    model: Model,
    asked: Question,
    values: Values,
    *,
    bound: Fraction | None,
    proved: bool,
    unique: bool | None,
) -> Programme:
    """Return the programme that a choice of columns is, with every number counted again."""
    chosen = [model.columns[c] for c in np.flatnonzero(values).tolist()]
    objective = model.objective(values)
    breaks = model.broken(np.zeros(len(values), dtype=np.int64))
    best = objective if bound is None else min(bound, objective)
    missed = float(objective - best) if bound is not None else float("inf")
    gain = model.keep_all - best
    share = missed / float(gain) if missed and gain > 0 and not breaks else missed and float("inf")
    moved = {c.of: c for c in chosen if c.kind == "move"}
    steps = _steps(asked, chosen)
    at = _placed(asked, moved)
    return Programme(
        moves=_moves(asked, moved),
        sites=_sites(asked, at, steps),
        steps=steps,
        years=_years(asked, at, steps, moved),
        objective=float(objective),
        keep_all=float(model.keep_all),
        bound=float(best) if bound is not None else float("-inf"),
        gap=float(share),
        status="optimal" if proved else "time_limit",
        unique=unique,
        keep_all_breaks=breaks,
    )


def _moves(asked: Question, moved: dict[str, Column]) -> pd.DataFrame:
    home = dict(zip(asked.units["unit_id"], asked.units["site_id"], strict=True))
    persons = {
        (unit, year): int(n)
        for unit, year, n in asked.choices[["unit_id", "year", "persons"]].itertuples(index=False)
    }
    rows = [(c.year, c.of, home[c.of], c.to, c.way, persons[c.of, c.year]) for c in moved.values()]
    columns = ["year", "unit_id", "from_site", "to_site", "way", "persons"]
    return pd.DataFrame(sorted(rows), columns=columns)


def _steps(asked: Question, chosen: list[Column]) -> pd.DataFrame:
    build = dict(zip(asked.sites["site_id"], asked.sites["build_cost"], strict=True))
    expand = {
        (site, name): int(cost)
        for site, name, cost in asked.expansions[["site_id", "expansion_id", "cost"]].itertuples(
            index=False
        )
    }
    rows: list[tuple[Any, ...]] = []
    for c in chosen:
        if c.kind == "close":
            rows.append((c.year, c.of, "close", "", pd.NA, 0))
        elif c.kind in ("build", "expand"):
            cost = int(build[c.of]) if c.kind == "build" else expand[c.of, c.to]
            rows.append((c.year, c.of, c.kind, c.to, c.year - asked.lead_years, cost))
    rows.sort(key=lambda r: r[:4])
    found = pd.DataFrame(rows, columns=["year", "site_id", "what", "of", "paid_in", "cost"])
    return found.astype({"paid_in": "Int64", "cost": "int64"})


def _placed(asked: Question, moved: dict[str, Column]) -> pd.DataFrame:
    """Return the choice every unit is at in every year: the rows of ``choices`` that hold."""
    home = asked.units.set_index("unit_id")["site_id"]
    rows = asked.choices[asked.choices["year"].isin(list(asked.years))]
    since = rows["unit_id"].map({u: c.year for u, c in moved.items()})
    to = rows["unit_id"].map({u: c.to for u, c in moved.items()})
    way = rows["unit_id"].map({u: c.way for u, c in moved.items()})
    gone = since.notna() & (rows["year"] >= since)
    there = gone & (rows["site_id"] == to) & (rows["way"] == way)
    stays = ~gone & (rows["site_id"] == rows["unit_id"].map(home))
    return rows[there | stays]


def _sites(asked: Question, at: pd.DataFrame, steps: pd.DataFrame) -> pd.DataFrame:
    years = list(asked.years)
    table = asked.seats[asked.seats["year"].isin(years)][["year", "site_id", "seats"]].copy()
    status = asked.sites.set_index("site_id")["status"]
    since = {what: dict(zip(rows["site_id"], rows["year"], strict=True))
             for what, rows in steps[steps["what"] != "expand"].groupby("what")}  # fmt: skip
    closed = table["site_id"].map(since.get("close", {}))
    built = table["site_id"].map(since.get("build", {}))
    existing = table["site_id"].map(status) == "existing"
    table["open"] = np.where(
        existing, ~(table["year"] >= closed), (table["year"] >= built).fillna(value=False)
    )
    size = asked.expansions.set_index(["site_id", "expansion_id"])["seats"]
    for year, site, name in steps.loc[
        steps["what"] == "expand", ["year", "site_id", "of"]
    ].itertuples(index=False):
        more = (table["site_id"] == site) & (table["year"] >= year)
        table.loc[more, "seats"] += int(size[site, name])
    table.loc[~table["open"].astype(bool), "seats"] = 0
    persons = at.groupby(["year", "site_id"])["persons"].sum()
    keys = pd.MultiIndex.from_frame(table[["year", "site_id"]])
    table["persons"] = persons.reindex(keys, fill_value=0).to_numpy(dtype=np.int64)
    table["over"] = (table["persons"] - table["seats"]).clip(lower=0)
    table = table.sort_values(["year", "site_id"], ignore_index=True)
    return table[["year", "site_id", "open", "persons", "seats", "over"]]


def _years(
    asked: Question, at: pd.DataFrame, steps: pd.DataFrame, moved: dict[str, Column]
) -> pd.DataFrame:
    sites = asked.sites.set_index("site_id")
    first = {what: dict(zip(rows["site_id"], rows["year"], strict=True))
             for what, rows in steps[steps["what"] != "expand"].groupby("what")}  # fmt: skip
    closed, built = first.get("close", {}), first.get("build", {})
    found: list[dict[str, Any]] = []
    for year in asked.years:
        now = at[at["year"] == year]
        running = sum(
            int(row["running_cost"])
            for site, row in sites.iterrows()
            if (row["status"] == "existing" and not closed.get(site, year + 1) <= year)
            or (row["status"] == "candidate" and built.get(site, year + 1) <= year)
        )
        movers = now[now["unit_id"].isin({u for u, c in moved.items() if c.year == year})]
        found.append(
            {
                "year": year,
                "persons": int(now["persons"].sum()),
                "moved": int(movers["persons"].sum()),
                "person_min": float(sum(Fraction(str(m)) for m in now["person_min"])),
                "running": running,
                "journeys": int(now["cost"].sum()),
                "building": int(steps.loc[steps["paid_in"] == year, "cost"].sum()),
            }
        )
    return pd.DataFrame(found)

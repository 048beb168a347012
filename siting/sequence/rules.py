"""The rules of a programme as conditions on decisions, each named by what it comes from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal, NamedTuple

from siting.sequence.tables import HOSTS, Question

Kind = Literal["move", "close", "build", "expand", "receives"]


class Column(NamedTuple):
    """A decision: what happens to whom, and from which year on."""

    kind: Kind
    of: str
    year: int
    to: str = ""
    way: str = ""


class Row(NamedTuple):
    """A condition: Σ coefficient × column ≤ high. ``rule`` is "" where it is what words mean."""

    rule: str
    terms: Mapping[int, int]
    high: int


Persons = Mapping[str, Mapping[int, int]]


def excesses(
    asked: Question, home: Mapping[str, str], persons: Persons
) -> Iterator[tuple[str, int, int]]:
    """Yield site, year and how many persons of its own lack a seat there; 0 or less: free seats."""
    seats = _seats(asked)
    for site in sorted(asked.sites["site_id"]):
        for t in asked.years:
            own = sum(persons[u][t] for u, at in home.items() if at == site)
            yield site, t, own - seats[site, t]


def rows(
    asked: Question, columns: tuple[Column, ...], home: Mapping[str, str], persons: Persons
) -> Iterator[Row]:
    """Yield every condition of a question on its columns."""
    at = _Places(columns, home)
    yield from _meaning(asked, at)
    yield from _seat_rows(asked, at, persons)
    yield from _bed_rows(asked, columns, at)
    yield from _money(asked, columns)
    yield from _pace(asked, columns, persons)
    yield from _wishes(asked, at)


class _Places:
    """Where the columns of one decision stand, in the order of years."""

    def __init__(self, columns: tuple[Column, ...], home: Mapping[str, str]) -> None:
        self.home = home
        self.moves: dict[str, list[int]] = {u: [] for u in home}
        self.arrivals: dict[str, dict[str, list[int]]] = {}
        self.closes: dict[str, list[int]] = {}
        self.builds: dict[str, list[int]] = {}
        self.expands: dict[tuple[str, str], list[int]] = {}
        self.receives: dict[tuple[str, int], int] = {}
        self.year = [column.year for column in columns]
        for c, column in enumerate(columns):
            if column.kind == "move":
                self.moves[column.of].append(c)
                self.arrivals.setdefault(column.to, {}).setdefault(column.of, []).append(c)
            elif column.kind == "close":
                self.closes.setdefault(column.of, []).append(c)
            elif column.kind == "build":
                self.builds.setdefault(column.of, []).append(c)
            elif column.kind == "expand":
                self.expands.setdefault((column.of, column.to), []).append(c)
            else:
                self.receives[column.of, column.year] = c

    def by(self, year: int, columns: list[int]) -> list[int]:
        """Return those of the columns that have taken effect in a year."""
        return [c for c in columns if self.year[c] <= year]

    def residents(self, site: str) -> list[str]:
        """Return the units that are at a site today."""
        return sorted(u for u, at in self.home.items() if at == site)


def _meaning(asked: Question, at: _Places) -> Iterator[Row]:
    """Move once, close once and empty, arrive at what is open."""
    for group in (
        *at.moves.values(),
        *at.closes.values(),
        *at.builds.values(),
        *at.expands.values(),
    ):
        yield Row("", dict.fromkeys(group, 1), 1)
    for unit, needed in zip(asked.units["unit_id"], asked.units["needs"], strict=True):
        if needed != "":
            for t in asked.years:
                terms = dict.fromkeys(at.by(t, at.moves[unit]), 1)
                terms |= dict.fromkeys(at.by(t, at.moves[needed]), -1)
                yield Row("", terms, 0)
    for site, closing in at.closes.items():
        for unit in at.residents(site):
            for t in asked.years:
                terms = dict.fromkeys(at.by(t, closing), 1)
                terms |= dict.fromkeys(at.by(t, at.moves[unit]), -1)
                yield Row("", terms, 0)
        for coming in at.arrivals.get(site, {}).values():
            yield Row("", dict.fromkeys([*closing, *coming], 1), 1)
    for unit, site, host in asked.hosts[list(HOSTS)].drop_duplicates().itertuples(index=False):
        if coming := at.arrivals.get(site, {}).get(unit, []):
            yield Row("", dict.fromkeys([*coming, *at.moves[host]], 1), 1)
    new = set(asked.sites.loc[asked.sites["status"] == "candidate", "site_id"])
    for site in sorted(new & set(at.arrivals)):
        for coming in at.arrivals[site].values():
            for t in asked.years:
                terms = dict.fromkeys(at.by(t, coming), 1)
                terms |= dict.fromkeys(at.by(t, at.builds.get(site, [])), -1)
                yield Row("", terms, 0)


def _seat_rows(asked: Question, at: _Places, persons: Persons) -> Iterator[Row]:
    """Who comes finds a seat: what the site has, what leaves, and what was added."""
    seats = _seats(asked)
    size = {
        (site, name): int(n)
        for site, name, n in asked.expansions[["site_id", "expansion_id", "seats"]].itertuples(
            index=False
        )
    }
    for site, t, excess in excesses(asked, at.home, persons):
        arrivals = at.arrivals.get(site, {})
        if not arrivals:
            continue
        terms: dict[int, int] = {}
        for unit, coming in arrivals.items():
            terms |= dict.fromkeys(at.by(t, coming), persons[unit][t])
        for unit in at.residents(site):
            terms |= dict.fromkeys(at.by(t, at.moves[unit]), -persons[unit][t])
        terms |= dict.fromkeys(at.by(t, at.builds.get(site, [])), -seats[site, t])
        for (where, name), columns in at.expands.items():
            if where == site:
                terms |= dict.fromkeys(at.by(t, columns), -size[site, name])
        rule = f"seats: {site}"
        if site in at.builds or (site not in at.closes):  # a candidate has seats once it is built
            yield Row(rule, terms, 0)
            continue
        if excess <= 0:
            yield Row(rule, terms, -excess)
            continue
        receives = at.receives[site, t]
        yield Row(rule, terms | {receives: excess}, 0)
        for coming in arrivals.values():
            yield Row(rule, dict.fromkeys(at.by(t, coming), 1) | {receives: -1}, 0)


def _bed_rows(asked: Question, columns: tuple[Column, ...], at: _Places) -> Iterator[Row]:
    r"""Who comes and needs a bed finds one, as with seats.

    With :math:`e` of its own without a bed, :math:`s` the change in those who need one less the
    beds added: where nobody boards anew, :math:`s \\le 0`; whoever does, asks for
    :math:`s + e z \\le 0`. A row for each of them says both, without a column of its own.
    """
    if "beds" not in asked.choices:
        return
    need: dict[tuple[str, str, str, int], int] = {
        (unit, site, way, int(year)): int(n)
        for unit, site, way, year, n in asked.choices[
            ["unit_id", "site_id", "way", "year", "beds"]
        ].itertuples(index=False)
    }
    own = {(u, y): n for (u, site, _, y), n in need.items() if site == at.home[u]}
    have = {
        (site, int(y)): int(n)
        for site, y, n in asked.beds[["site_id", "year", "beds"]].itertuples(index=False)
    }
    more: dict[tuple[str, str], int] = {}
    if "beds" in asked.expansions:
        named = asked.expansions[["site_id", "expansion_id", "beds"]]
        more = {(site, name): int(n) for site, name, n in named.itertuples(index=False)}
    for site, arrivals in sorted(at.arrivals.items()):
        for t in asked.years:
            terms: dict[int, int] = {}
            boarding: list[list[int]] = []
            for unit, coming in arrivals.items():
                beds = {c: need[unit, site, columns[c].way, t] for c in at.by(t, coming)}
                terms |= {c: n for c, n in beds.items() if n}
                boarding += [[c for c, n in beds.items() if n]]
            if not terms:
                continue
            residents = at.residents(site)
            for unit in residents:
                terms |= dict.fromkeys(at.by(t, at.moves[unit]), -own[unit, t])
            beds_there = have[site, t]
            for (where, name), built in at.expands.items():
                if where == site and more.get((where, name)):
                    terms |= dict.fromkeys(at.by(t, built), -more[where, name])
            rule = f"beds: {site}"
            if site not in at.closes:  # a candidate has beds once it is built
                terms |= dict.fromkeys(at.by(t, at.builds.get(site, [])), -beds_there)
                yield Row(rule, terms, 0)
                continue
            excess = sum(own[u, t] for u in residents) - beds_there
            if excess <= 0:
                yield Row(rule, terms, -excess)
                continue
            for group in boarding:
                if group:
                    yield Row(rule, terms | {c: terms[c] + excess for c in group}, 0)


def _money(asked: Question, columns: tuple[Column, ...]) -> Iterator[Row]:
    """Yield what may be paid for building in a year, and in all."""
    build = dict(zip(asked.sites["site_id"], asked.sites["build_cost"], strict=True))
    expand = {
        (site, name): int(cost)
        for site, name, cost in asked.expansions[["site_id", "expansion_id", "cost"]].itertuples(
            index=False
        )
    }
    cost = {
        c: int(build[column.of]) if column.kind == "build" else expand[column.of, column.to]
        for c, column in enumerate(columns)
        if column.kind in ("build", "expand")
    }
    for t in asked.years:
        if t in asked.budgets:
            paid = {c: n for c, n in cost.items() if columns[c].year - asked.lead_years == t}
            yield Row(f"budget: {t}", paid, int(asked.budgets[t]))
    if asked.total_budget is not None:
        yield Row("total budget", cost, int(asked.total_budget))


def _pace(asked: Question, columns: tuple[Column, ...], persons: Persons) -> Iterator[Row]:
    """Yield how much may happen in a year, and that pilots come first."""
    for t in asked.years:
        now = [c for c, column in enumerate(columns) if column.year == t]
        if t in asked.closures:
            closing = [c for c in now if columns[c].kind == "close"]
            yield Row(f"closures: {t}", dict.fromkeys(closing, 1), int(asked.closures[t]))
        if t in asked.movers:
            moving = {c: persons[columns[c].of][t] for c in now if columns[c].kind == "move"}
            yield Row(f"movers: {t}", moving, int(asked.movers[t]))
    if asked.pilot_years:
        first = list(asked.years)[: asked.pilot_years]
        site_of = dict(zip(asked.units["unit_id"], asked.units["site_id"], strict=True))
        early = [
            c
            for c, column in enumerate(columns)
            if column.year in first
            and (
                (column.kind == "move" and site_of[column.of] not in set(asked.pilots))
                or (column.kind == "close" and column.of not in set(asked.pilots))
            )
        ]
        yield Row("pilots", dict.fromkeys(early, 1), 0)


def _wishes(asked: Question, at: _Places) -> Iterator[Row]:
    """Yield which sites stay, and which close."""
    for site in sorted(asked.must_stay):
        leaving = [c for unit in at.residents(site) for c in at.moves[unit]]
        yield Row(f"must stay: {site}", dict.fromkeys([*leaving, *at.closes.get(site, [])], 1), 0)
    for site, year in sorted(asked.must_close.items()):
        yield Row(
            f"must close: {site}", dict.fromkeys(at.by(year, at.closes.get(site, [])), -1), -1
        )


def _seats(asked: Question) -> dict[tuple[str, int], int]:
    return {
        (site, int(year)): int(n)
        for site, year, n in asked.seats[["site_id", "year", "seats"]].itertuples(index=False)
    }

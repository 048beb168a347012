"""What every page says about itself: title, sources, rules, approval number."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from siting import text
from siting.rules import Rule

PAGES = ("coverage", "baskets", "gaps", "green", "schools", "mergers", "new_sites")
"""Keys of the pages in reading order; the file of a page is ``<key>.html``."""


@dataclass(frozen=True)
class Source:
    """Where one layer came from.

    Attributes
    ----------
    layer
        The layer as the study names it.
    file
        File name, without the folders of the machine that made the page.
    date
        Date of the data as the study states it; ``""`` where unknown.
    source
        Who made the data, and the licence where there is one.
    """

    layer: str
    file: str
    date: str = ""
    source: str = ""


@dataclass(frozen=True)
class Tiles:
    """A tile service the study names; without it a page asks the network for nothing.

    Attributes
    ----------
    url
        Leaflet template (``https://…/{z}/{x}/{y}.png``).
    attribution
        Shown as text in the corner of the map.
    """

    url: str
    attribution: str


@dataclass(frozen=True)
class Sheet:
    """What stands around every map of one run.

    Attributes
    ----------
    title
        Name of the study; the heading of a page states its finding.
    region
        Name of the area ("岳阳县").
    lang
        ``"zh"`` or ``"en"``.
    made_on
        Date of the run, ``YYYY-MM-DD``.
    version
        Version of siting.
    sources, rules
        What the figures rest on; rules are printed with id, source and status.
    pages
        Keys of the pages this run makes, for the links between them.
    labels
        Names of services, zonings and plans by id; the catalogue's words where absent.
    modes
        How people get there, by service (``"walk"``, ``"walk.children"``, ``"cycle"``…), for the
        wording of findings.
    groups
        Whom a service counts ("小学学龄儿童（6–11 岁）"), by service; everybody where absent.
    seated
        Services whose seats are counted: covered is then who has one.
    of_baskets
        Services and rules ("clinic circle_5min") that only a basket asks for: shown last.
    approval_number
        审图号; an empty slot is printed where there is none.
    made_up
        The data are invented: a band on every page says so.
    notes
        Sentences for the methods part (drops, choices, limits), already in ``lang``.
    tiles
        A tile service as base map; ``None`` draws the study's own layers only.
    """

    title: str
    region: str
    lang: str
    made_on: str
    version: str
    sources: tuple[Source, ...] = ()
    rules: tuple[Rule, ...] = ()
    pages: tuple[str, ...] = PAGES
    labels: Mapping[str, str] = field(default_factory=dict)
    modes: Mapping[str, str] = field(default_factory=dict)
    groups: Mapping[str, str] = field(default_factory=dict)
    seated: tuple[str, ...] = ()
    of_baskets: tuple[str, ...] = ()
    approval_number: str = ""
    made_up: bool = False
    notes: tuple[str, ...] = ()
    tiles: Tiles | None = None

    def say(self, key: str, **values: str) -> str:
        """Return the words under ``key`` in the language of the sheet."""
        return text.get(key, self.lang, **values)

    def label(self, kind: str, name: str) -> str:
        """Return what to call a service, zoning, settlement class or verdict.

        Examples
        --------
        >>> sheet = Sheet("t", "r", "en", "2026-01-01", "0", labels={"clinic": "Clinics"})
        >>> sheet.label("service", "clinic"), sheet.label("settlement", "urban")
        ('Clinics', 'Urban')
        """
        if name in self.labels:
            return self.labels[name]
        return self.say(f"{kind}.{name}") if text.has(f"{kind}.{name}") else name

    def people(self, service: str) -> str:
        """Return what to call those whom a service counts."""
        return self.groups.get(service) or self.say("people.all")

    def rule(self, rule_id: str) -> Rule | None:
        """Return the rule of that id, or ``None`` where the sheet does not hold it."""
        return next((rule for rule in self.rules if rule.id == rule_id), None)

    @property
    def max_not_assessed(self) -> float:
        """Share of not assessed past which nothing is stated: ``judge.max_not_assessed``."""
        rule = self.rule("judge.max_not_assessed")
        return 1.0 if rule is None else rule.strict

    def rule_text(self, rule: Rule) -> str:
        """Return the rule's sentence in the language of the sheet."""
        return rule.text_zh if self.lang == "zh" else rule.text_en

    def limit(self, rule_id: str) -> str:
        """Return the number a rule judges by, with its unit; a dash where there is none."""
        rule = self.rule(rule_id)
        if rule is None or rule.measure == "text":
            return text.DASH
        if rule.value is not None:
            return text.with_unit(rule.value, rule.unit, self.lang)
        low, high = rule.bounds
        return f"{text.decimal(low, 0)}–{text.with_unit(high, rule.unit, self.lang)}"

    def rule_note(self, rule_id: str) -> str:
        """Return the rule's id with its status, as it stands beside a verdict."""
        rule = self.rule(rule_id)
        status = rule.status if rule else "not_listed"
        return self.say("rule.note", id=rule_id, status=self.say(f"status.{status}"))

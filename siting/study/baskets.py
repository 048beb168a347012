"""Which baskets a study asks for, and which of its services fill them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, Literal, Protocol

from pydantic import Field

from siting import baskets
from siting.baskets import Basket
from siting.study.source import Model, near

NO_LAYER, OTHER_WAY = "no_layer", "other_way"
ON_FOOT = ("", "walk")  # ways of a basket by which parks are gone to


class BasketAsked(Model):
    """A basket asked for: a shipped one as it is or changed, or one of the study's own.

    ``kinds``, ``with_options``, ``rule``, ``mode``, ``walkers``, ``source`` and ``status`` as in
    :class:`siting.baskets.Basket`; whoever changes a shipped one gives a ``reason``. ``groups``
    names whom a basket of the elderly or of children counts; all residents where none is named.
    """

    label_zh: str = ""
    label_en: str = ""
    kinds: tuple[str, ...] | None = None
    with_options: tuple[str, ...] = ()
    rule: str | None = None
    groups: tuple[str, ...] = ()
    mode: Literal["", "walk", "cycle", "ebike", "drive"] | None = None
    walkers: Literal["", "elderly", "children"] | None = None
    source: Annotated[str, Field(min_length=1)] | None = None
    status: Literal["confirmed", "secondary", "unconfirmed", "draft", "assumed"] | None = None
    reason: str = ""

    @property
    def changes(self) -> dict[str, Any]:
        """What it says otherwise than the shipped basket of its name."""
        keys = ("kinds", "rule", "mode", "walkers", "source", "status")
        return {key: getattr(self, key) for key in keys if getattr(self, key) is not None}

    def label(self, lang: str) -> str:
        """Return the study's own name for it; ``""`` where it has none."""
        return (self.label_zh if lang == "zh" else self.label_en) or self.label_zh or self.label_en


class Offered(Protocol):
    """What a basket asks of a service."""

    @property
    def mode(self) -> str: ...  # noqa: D102
    @property
    def walkers(self) -> str: ...  # noqa: D102


@dataclass(frozen=True)
class Filled:
    """A basket with the services of the study that fill it.

    Attributes
    ----------
    basket
        What is asked for, optional kinds that the study added included.
    groups
        Groups of people it counts; all residents where there is none.
    services
        By kind of facility, the services that offer it; a kind that is missing is not in it.
    missing
        By kind of facility, why nothing offers it: ``no_layer``, or ``other_way`` where a service
        is only known by another way of travelling.
    reason
        Why the study changed the basket; ``""`` as shipped.
    parks
        By kind of facility that no service offers and the study's parks do, the rule that says how
        large a park is one.
    """

    basket: Basket
    groups: tuple[str, ...]
    services: Mapping[str, tuple[str, ...]]
    missing: Mapping[str, str]
    reason: str = ""
    parks: Mapping[str, str] = field(default_factory=dict)

    @property
    def names(self) -> frozenset[str]:
        """The services that fill it."""
        return frozenset(name for names in self.services.values() for name in names)

    @property
    def offered(self) -> Mapping[str, tuple[str, ...]]:
        """By kind, in the basket's order, what fills it, as tables and pages name it."""
        filled_by = dict(self.services)
        filled_by |= {kind: (parks_called(rule_id),) for kind, rule_id in self.parks.items()}
        return {kind: filled_by[kind] for kind in self.basket.kinds if kind in filled_by}

    @property
    def walked(self) -> str:
        """The network that people walk on at its pace (``walk``, ``walk.elderly``)."""
        return f"walk.{self.basket.walkers}" if self.basket.walkers else "walk"


def parks_called(rule_id: str) -> str:
    """Return what tables call the parks of the study's green that a rule takes: no service's name.

    Examples
    --------
    >>> parks_called("open_space.park_m2")
    '[[green]] open_space.park_m2'
    """
    return f"[[green]] {rule_id}"


def filled(
    name: str,
    asked: BasketAsked,
    services: Mapping[str, Offered],
    kind_of: Mapping[str, str],
    *,
    parks: bool = False,
) -> Filled:
    """Fill a basket with the services that offer its kinds by its way of travelling.

    Where the basket does not say whose pace it goes by, services for adults come first; others
    stand in for a kind that no adults' service offers. Several services of one kind all count.
    Where none offers an open space and the basket is one on foot, the study's parks do.

    Parameters
    ----------
    name, asked
        The basket, without :func:`problems`.
    services
        Services by name.
    kind_of
        Kind of facility by service; services of none are not in it.
    parks
        Whether the study names parks (``[[green]]`` of ``kind = "park"``).
    """
    own = Basket(name, rule="", kinds=())
    basket = replace(baskets.shipped().get(name, own), **asked.changes)
    basket = replace(basket, kinds=(*basket.kinds, *asked.with_options))
    found: dict[str, tuple[str, ...]] = {}
    missing: dict[str, str] = {}
    green: dict[str, str] = {}
    every = baskets.kinds()
    for kind in basket.kinds:
        known = sorted(service for service, of in kind_of.items() if of == kind)
        fit = [s for s in known if basket.mode in ("", services[s].mode)]
        if basket.walkers:
            fit = [s for s in fit if services[s].walkers == basket.walkers]
        else:
            fit = [s for s in fit if services[s].walkers == "adults"] or fit
        if fit:
            found[kind] = tuple(fit)
        elif parks and basket.mode in ON_FOOT and kind in every and every[kind].least:
            green[kind] = every[kind].least
        else:
            missing[kind] = OTHER_WAY if known else NO_LAYER
    return Filled(basket, asked.groups, found, missing, asked.reason, green)


def problems(
    name: str,
    asked: BasketAsked,
    services: Mapping[str, Offered],
    kind_of: Mapping[str, str],
    groups: Collection[str],
    *,
    parks: bool = False,
) -> list[str]:
    """Return everything that is wrong with a basket, but for its rule, which the rules know."""
    where, told = f"baskets.{name}", []
    shipped, every = baskets.shipped().get(name), baskets.kinds()
    kinds = asked.kinds if asked.kinds is not None else shipped.kinds if shipped else ()
    if shipped is None:
        needed = {"kinds": asked.kinds, "rule": asked.rule, "source": asked.source,
                  "status": asked.status, "label_zh or label_en": asked.label("zh"),
                  "reason": asked.reason.strip()}  # fmt: skip
        if lacking := [key for key, value in needed.items() if value in (None, "")]:
            known = baskets.shipped()
            told.append(
                f"{where} is not among {', '.join(known)}.{near(name, known)}"
                f" A basket of your own needs every field; missing: {', '.join(lacking)}"
            )
    elif asked.changes and not asked.reason.strip():
        told.append(
            f"{where}: {', '.join(asked.changes)} changed without a reason. Add reason = "
            '"why and by whom"'
        )
    if not kinds and (shipped is not None or asked.kinds is not None):
        told.append(
            f"{where}: an empty basket would be whole for everybody. Name its kinds of facility, "
            "or remove it"
        )
    told += [
        f'{where}.kinds: "{kind}" is no kind of facility.{near(kind, every)} Use: '
        + ", ".join(every)
        for kind in kinds
        if kind not in every
    ]
    options = shipped.optional if shipped else tuple(every)
    told += [
        f'{where}.with_options: "{kind}" is not among its options: {", ".join(options)}'
        for kind in asked.with_options
        if kind not in options
    ]
    listed = (*kinds, *asked.with_options)
    told += [
        f'{where}: "{kind}" stands twice'
        for kind in sorted({k for k in listed if listed.count(k) > 1})
    ]
    walkers = asked.walkers if asked.walkers is not None else shipped.walkers if shipped else ""
    mode = asked.mode if asked.mode is not None else shipped.mode if shipped else ""
    if walkers and mode != "walk":
        told.append(f'{where}: walkers = "{walkers}" walk; set mode = "walk", or remove walkers')
    if walkers and not asked.groups:
        told.append(
            f'{where}: walkers = "{walkers}", and nobody is said to be one. Name groups = [...] of '
            f"people.groups ({', '.join(groups) or 'there are none'})"
        )
    told += [
        f'{where}.groups: "{group}" is not among people.groups ({", ".join(groups) or "none"})'
        for group in asked.groups
        if group not in groups
    ]
    told += [
        f'{where}.groups: "{group}" stands twice'
        for group in sorted({g for g in asked.groups if asked.groups.count(g) > 1})
    ]
    if told:
        return told
    made = filled(name, asked, services, kind_of, parks=parks)
    if not made.offered:
        why = "a service of these only goes by another way" if OTHER_WAY in (
            made.missing.values()
        ) else "no service is of one of its kinds"  # fmt: skip
        told.append(
            f"{where}: {why} ({', '.join(made.basket.kinds)}). Add a service with kind = one of "
            f"these{_way(made.basket)}, or remove the basket"
        )
    return told


def _way(basket: Basket) -> str:
    """Return " and mode = …" as a study would write it."""
    told = f' and mode = "{basket.mode}"' if basket.mode else ""
    return told + (f', walkers = "{basket.walkers}"' if basket.walkers else "")

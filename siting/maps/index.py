"""The first page: what was found, in large figures, and where to look further."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from siting.maps import page
from siting.maps.sheet import PAGES, Sheet


@dataclass(frozen=True)
class Card:
    """One finding on the first page.

    Attributes
    ----------
    page
        Key of the page it opens.
    figure
        The figure, written out with its unit.
    finding
        The sentence it belongs to.
    note
        Small print: range, rule and status.
    """

    page: str
    figure: str
    finding: str
    note: str = ""


def index_page(cards: Sequence[Card], *, sheet: Sheet, files: Sequence[str] = ()) -> str:
    """Return the first page.

    Parameters
    ----------
    cards
        Findings in the order they are shown, several a page where it has several.
    sheet
        What stands around the page; ``sheet.title`` is its heading.
    files
        Names of the tables written beside the pages, listed as plain text.
    """
    found = []
    for card in cards:
        if card.page not in PAGES:
            raise KeyError(f"no page {card.page!r}")
        note = f'<p class="card-note">{escape(card.note)}</p>' if card.note else ""
        found.append(
            f'<a class="card card-{card.page}" href="{card.page}.html">'
            f'<span class="card-page">{escape(sheet.say(f"page.name.{card.page}"))}</span>'
            f'<strong class="card-figure">{escape(card.figure)}</strong>'
            f'<span class="card-finding">{escape(card.finding)}</span>{note}</a>'
        )
    listed = ""
    if files:
        items = "".join(f"<li>{escape(name)}</li>" for name in files)
        listed = f'<h2>{escape(sheet.say("page.files"))}</h2><ul class="files">{items}</ul>'
    body = f'<div class="cards">{"".join(found)}</div>{listed}'
    return page.render("index", sheet, headline=sheet.title, data={}, body=body)

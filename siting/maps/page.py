"""One page, one file: folium builds the map, everything it would fetch is put inside."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from functools import cache
from html import escape
from importlib import resources
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import urlsplit

import folium
import jinja2
from folium.map import CustomPane, Layer
from folium.template import Template
from xstatic.pkg import leaflet

from siting import text
from siting.errors import StudyError
from siting.maps.packed import packed
from siting.maps.sheet import PAGES, Sheet, Tiles

PANES = (
    ("water", 405, False),
    ("green", 410, False),
    ("cells", 420, False),
    ("areas", 425, False),
    ("roads", 430, False),
    ("flows", 445, False),
    ("people", 450, True),
    ("sites", 460, True),
    ("picked", 465, True),
    ("names", 470, False),
)
"""Panes above the zones from bottom to top: name, height, whether they take clicks."""


PARAMETERS = (
    "walk.", "drive.", "bus.", "attach.", "judge.", "settlement.", "urbanisation.",
)  # fmt: skip
"""Beginnings of the ids of rules that enter every figure."""


class OfflineMap(folium.Map):
    """A folium map that names no file of another server."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.default_js = []
        self.default_css = []


class ScriptLayer(Layer):
    """A layer drawn by ``siting.layers.<kind>`` from the page's data, switchable like any other.

    Where a page has several of a kind, ``of`` says which.
    """

    _template = Template(
        "{% macro script(this, kwargs) %}"
        "var {{ this.get_name() }} = siting.layers[{{ this.kind|tojson }}]({{ this.of|tojson }});\n"
        "{% endmacro %}"
    )

    def __init__(
        self, kind: str, name: str, *, of: str = "", show: bool = True, control: bool = True
    ) -> None:
        super().__init__(name=name, overlay=True, control=control, show=show)
        self._name = "ScriptLayer"
        self.kind, self.of = kind, of


class _Start(folium.MacroElement):
    """The last statement of a page: hands the map and its layers to the page's script."""

    _template = Template(
        "{% macro script(this, kwargs) %}"
        "siting.start({{ this.page|tojson }}, {{ this.map_name }}, { "
        "{% for key, layer in this.layers.items() %}{{ key|tojson }}: {{ layer.get_name() }}, "
        "{% endfor %}});\n"
        "{% endmacro %}"
    )

    def __init__(self, page: str, map_name: str, layers: Mapping[str, Any]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # branca leaves it without types
        self._name = "Start"
        self.page = page
        self.map_name = map_name
        self.layers = layers


def asset(name: str) -> str:
    """Return a file of ``siting/pages``."""
    return (
        resources.files("siting").joinpath("pages", *PurePosixPath(name).parts).read_text("utf-8")
    )


@cache
def _leaflet_js() -> str:
    script = resources.files(leaflet).joinpath("data", "leaflet.js").read_text("utf-8")
    return re.sub(r"//# sourceMappingURL=\S*", "", script)


@cache
def _leaflet_css() -> str:
    """Return Leaflet's style sheet with its pictures inside."""
    folder = resources.files(leaflet).joinpath("data")
    style = folder.joinpath("leaflet.css").read_text("utf-8")
    style = re.sub(r"\s*behavior: url\(#default#VML\);", "", style)

    def inside(match: re.Match[str]) -> str:
        picture = folder.joinpath(*PurePosixPath(match[1]).parts).read_bytes()
        return f"url(data:image/png;base64,{base64.b64encode(picture).decode('ascii')})"

    return re.sub(r"url\((images/[^)]+)\)", inside, style)


def in_script(value: object) -> str:
    r"""Return JSON that can stand in an HTML script element whatever the strings hold.

    Examples
    --------
    >>> in_script("</script>")
    '"\\u003c/script\\u003e"'
    """
    plain = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for char in "<>&\u2028\u2029":
        plain = plain.replace(char, f"\\u{ord(char):04x}")
    return plain


def new_map(sheet: Sheet, bounds: Sequence[float]) -> OfflineMap:
    """Return a map over ``bounds`` (west, south, east, north in degrees) with its panes."""
    west, south, east, north = bounds
    themap = OfflineMap(
        location=[(south + north) / 2, (west + east) / 2],
        tiles=None,
        zoom_start=10,
        zoom_control=False,
        zoom_snap=0.1,
        zoom_delta=0.5,
        attribution_control=sheet.tiles is not None,
        max_zoom=18,
    )
    for name, height, clicks in PANES:
        CustomPane(name, z_index=height, pointer_events=clicks).add_to(themap)
    if sheet.tiles is not None:
        _origin(sheet.tiles)
        folium.TileLayer(
            tiles=sheet.tiles.url,
            attr=escape(sheet.tiles.attribution),
            name=escape(sheet.say("layer.tiles")),
            overlay=True,
        ).add_to(themap)
    return themap


def render(
    page: str,
    sheet: Sheet,
    *,
    headline: str,
    data: Mapping[str, Any],
    themap: OfflineMap | None = None,
    layers: Mapping[str, Any] | None = None,
    body: str = "",
    rules_used: Sequence[str] = (),
    notes: Sequence[str] = (),
) -> str:
    """Return the finished page.

    Parameters
    ----------
    page
        Key of the page: names its script, its words (``page.<key>``) and its file.
    sheet
        What stands around the map.
    headline
        The finding.
    data
        What the page's script reads; plain JSON values.
    themap, layers
        The folium map and its layers by the names the script uses; ``None`` on a page without map.
    body
        Ready-made HTML of the panel, every text in it already escaped.
    rules_used
        Ids of the rules this page judges by, printed first.
    notes
        Sentences of this page besides the sheet's own.
    """
    figure_html = figure_script = ""
    if themap is not None:
        folium.LayerControl(collapsed=False, position="topright").add_to(themap)
        _Start(page, themap.get_name(), layers or {}).add_to(themap)
        figure_html, figure_script = _rendered(themap)
    words = text.words("js", sheet.lang) | {
        f"page.{k}": v for k, v in text.words(f"js_{page}", sheet.lang).items()
    }
    full = {"page": page, "lang": sheet.lang, "words": words, **data}
    scripts = [asset("siting.js")]
    if themap is not None:
        scripts = [_leaflet_js(), asset("siting.js"), asset("map.js"), asset("table.js")]
        scripts += [asset(f"{page}.js"), f'(() => {{\n"use strict";\n{_local(figure_script)}}})();']
    style = _leaflet_css() + asset("page.css") + asset("print.css")
    return _template().render(
        page=page,
        sheet=sheet,
        say=sheet.say,
        headline=headline,
        csp=_policy(scripts, style, sheet),
        style=style,
        scripts=scripts,
        data=in_script(packed(full)),
        map_html=figure_html,
        body=body,
        links=[(key, f"{key}.html") for key in PAGES if key in sheet.pages],
        rules=_rules(sheet, rules_used),
        notes=(*notes, *sheet.notes),
        licences="\n\n".join(asset(f"licences/{name}.txt") for name in ("leaflet", "folium")),
    )


def _rendered(themap: OfflineMap) -> tuple[str, str]:
    """Return what folium writes into the body and into the script, under stable names."""
    _number(themap)
    figure: Any = themap.get_root()
    for child in list(figure._children.values()):
        child.render()
    return figure.html.render(), figure.script.render()


def _number(themap: OfflineMap) -> None:
    """Give the elements running numbers in place of random ones: same input, same file."""
    waiting: list[Any] = [themap]
    position = 0
    while waiting:
        element = waiting.pop(0)
        old = element.get_name()
        element._id = f"{position:04d}"
        if isinstance(element, _Start):
            element.map_name = themap.get_name()
        elif getattr(element, "layer_name", None) == old:
            element.layer_name = element.get_name()
        waiting += element._children.values()
        position += 1


def _local(script: str) -> str:
    """Take the names folium writes as globals (strict mode refuses them, and nobody reads them)."""
    return "const L = siting.leaflet;\n" + script


def _policy(scripts: Sequence[str], style: str, sheet: Sheet) -> str:
    """Return a content-security policy that lets in these scripts, this style and nothing else."""
    hashes = " ".join(f"'sha256-{_digest(script)}'" for script in scripts)
    pictures = "data:" if sheet.tiles is None else f"data: {_origin(sheet.tiles)}"
    return (
        f"default-src 'none'; script-src {hashes}; style-src 'sha256-{_digest(style)}'; "
        f"img-src {pictures}; base-uri 'none'; form-action 'none'"
    )


def _origin(tiles: Tiles) -> str:
    """Return where pictures of a tile service may come from, or say that it is not one."""
    parts = urlsplit(re.sub(r"\{[^}]*\}", "x", tiles.url))
    if parts.scheme not in ("http", "https") or not re.fullmatch(r"[\w.:-]+", parts.netloc):
        raise StudyError(
            f"tiles: {tiles.url!r} is not the address of a tile service. "
            "Give it as https://host/…/{z}/{x}/{y}.png."
        )
    if not tiles.attribution.strip():
        raise StudyError("tiles: the attribution is empty. Name the service and its licence.")
    host = re.sub(r"^[^.]*\{[^}]*\}[^.]*", "*", urlsplit(tiles.url).netloc)
    return f"{parts.scheme}://{host}"


def _digest(content: str) -> str:
    return base64.b64encode(hashlib.sha256(content.encode()).digest()).decode("ascii")


def _rules(sheet: Sheet, first: Sequence[str]) -> list[dict[str, str]]:
    """Return the rows of the rules table: those this page judges by, then the parameters.

    A page that judges by none (the first) lists all.
    """
    order = {rule_id: place for place, rule_id in enumerate(first)}
    chosen = sorted(sheet.rules, key=lambda rule: order.get(rule.id, len(order)))
    if order:
        chosen = [r for r in chosen if r.id in order or r.id.startswith(PARAMETERS)]
    return [
        {
            "id": rule.id,
            "text": sheet.rule_text(rule),
            "value": sheet.limit(rule.id),
            "source": f"{rule.source} {rule.clause}".strip(),
            "status": rule.status,
            "status_text": sheet.say(f"status.{rule.status}"),
            "strength": sheet.say(f"strength.{rule.strength}"),
            "reason": rule.reason or "",
            "used": "used" if rule.id in order else "",
        }
        for rule in chosen
    ]


@cache
def _template() -> jinja2.Template:
    return jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined).from_string(
        asset("page.html")
    )

"""Every word a user sees stands in one catalogue, in both languages, with the same placeholders."""

import ast
import re
from pathlib import Path

import pytest

import siting
from siting import text

PACKAGE = Path(siting.__file__).parent
PYTHON = [file for room in ("maps", "report") for file in sorted((PACKAGE / room).rglob("*.py"))]
SCRIPTS = sorted((PACKAGE / "pages").glob("*.js"))
CHINESE = re.compile("[\u3400-\u9fff]")


@pytest.mark.parametrize("key", sorted(text.catalogue()))
def test_both_languages_with_the_same_placeholders(key):
    entry = text.catalogue()[key]
    assert set(entry) == set(text.LANGS)
    assert all(words.strip() for words in entry.values())
    zh, en = (text.placeholders(entry[lang]) for lang in text.LANGS)
    assert zh == en


def test_a_missing_key_language_or_value_is_an_error():
    for call in (
        lambda: text.get("no.such.key", "zh"),
        lambda: text.get("persons", "fr"),
        lambda: text.get("unit.persons", "zh"),
    ):
        with pytest.raises(KeyError):
            call()


def _strings(file):
    tree = ast.parse(file.read_text("utf-8"))
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef)
    docs = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, documented) and node.body and isinstance(node.body[0], ast.Expr)
    }
    docs |= {  # the string under an assignment documents it
        id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docs:
            yield node.lineno, node.value


@pytest.mark.parametrize("file", PYTHON, ids=lambda f: f.name)
def test_python_holds_no_words_of_its_own(file):
    found = [(line, value) for line, value in _strings(file) if CHINESE.search(value)]
    # words on a page stand between tags; nothing but blanks and placeholders may
    found += [
        (line, value)
        for line, value in _strings(file)
        if re.search(r">\s*[A-Za-z]{2,}[^<]*<", value)
    ]
    assert not found


def test_the_page_template_holds_no_words_of_its_own():
    html = (PACKAGE / "pages" / "page.html").read_text("utf-8")
    html = re.sub(r"<!--.*?-->|<style>.*?</style>|<script.*?</script>", "", html, flags=re.DOTALL)
    html = re.sub(r"\{\{.*?\}\}|\{%.*?%\}", "", html, flags=re.DOTALL)
    assert not re.findall(r"\w{2,}", re.sub(r"<[^>]*>", "", html))


@pytest.mark.parametrize("file", SCRIPTS, ids=lambda f: f.name)
def test_scripts_hold_no_words_of_their_own(file):
    script = re.sub(r"//.*|/\*.*?\*/", "", file.read_text("utf-8"))
    assert not CHINESE.search(script)
    # a child of an element that is a literal with a word in it would be a word of its own
    assert not re.findall(r'el\("[^()]*\}, "[^"]*[A-Za-z]{3}', script)


def _asked(files, pattern):
    return {(f.name, key) for f in files for key in re.findall(pattern, f.read_text("utf-8"))}


def test_every_key_asked_for_is_there():
    asked = _asked([*PYTHON, PACKAGE / "text.py"], r'(?:say|text\.get|[^.\w]get)\("([\w.]+)"')
    asked |= _asked([PACKAGE / "pages" / "page.html"], r'say\("([\w.]+[^.])"\)')
    assert {key for _, key in asked if not text.has(key)} == set()
    for script in SCRIPTS:
        for key in re.findall(r'word\("([\w.]+)"', script.read_text("utf-8")):
            prefix, _, rest = key.partition(".")
            full = f"js_{script.stem}.{rest}" if prefix == "page" and rest else f"js.{key}"
            assert text.has(full), (script.name, key)


def test_numbers_and_latin_words_are_set_off_from_chinese_and_from_nothing_else():
    def said(**values):
        return text.get("finding.coverage.some", "zh", **values)

    values = {"who": "城区", "share": "<0.1%", "within": "步行 500 米内", "service": "小学"}
    assert said(**values, people="3–5 岁儿童") == "城区 <0.1% 的 3–5 岁儿童步行 500 米内到不了小学"
    values |= {"who": "市（虚构）", "service": "KTV"}
    assert said(**values, people="居民") == "市（虚构）<0.1% 的居民步行 500 米内到不了 KTV"


@pytest.mark.parametrize(
    ("call", "written"),
    [
        (lambda: text.count(0), "0"),
        (lambda: text.count(1234.0), "1,234"),
        (lambda: text.count(None), "—"),
        (lambda: text.percent(0.5), "50.0%"),
        (lambda: text.percent(0.9999), ">99.9%"),
        (lambda: text.percent(1e-9), "<0.1%"),
        (lambda: text.percent(0.0), "0.0%"),
        (lambda: text.percent(float("nan")), "—"),
        (lambda: text.percent_range(None, 0.5), "—"),
        (lambda: text.with_unit(29.96, "min", "zh"), "30.0 分钟"),
        (lambda: text.with_unit(30.0, "min", "en"), "30 min"),
        (lambda: text.with_unit(3.6, "kph", "en"), "3.6 km/h"),
        (lambda: text.with_unit(9_999, "m2", "zh"), "9,999 平方米"),
        (lambda: text.with_unit(1, "unheard_of", "zh"), "1 unheard_of"),
        (lambda: text.with_unit(None, "m", "zh"), "—"),
    ],
)
def test_numbers_are_written_in_one_way(call, written):
    assert call() == written

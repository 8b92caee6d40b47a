"""The frame of the messages in every language: complete, compiled, in plain words."""

import ast
import gettext
import re
from pathlib import Path
from typing import Any

import pytest

from stakeholders.rules import plain
from stakeholders.rules.languages import DEFAULT, NAMES

ROOT = Path(__file__).parents[3]
LOCALE = ROOT / "stakeholders" / "locale"
OTHERS = [language for language in NAMES if language != DEFAULT]
ENTRY = re.compile(r'^(msgctxt|msgid_plural|msgid|msgstr(?:\[\d\])?) ((?:"(?:[^"\\]|\\.)*"\s*)+)', re.MULTILINE)
TRANSLATE = re.compile(r'\{% translate ("[^"]*") %\}')
CONTEXT = "\x04"
PLACE = re.compile(r"%(?:\(\w+\))?[sd]")


def catalogue(language: str) -> dict:
    """What msgfmt would make of the .po: (msgid, form) or msgid → translation."""
    found: dict = {}
    for block in (LOCALE / language / "LC_MESSAGES" / "django.po").read_text().split("\n\n"):
        entry = {name: "".join(map(ast.literal_eval, text.splitlines())) for name, text in ENTRY.findall(block)}
        key = f"{entry['msgctxt']}{CONTEXT}{entry['msgid']}" if "msgctxt" in entry else entry["msgid"]
        if "msgid_plural" in entry:
            found |= {(key, form): entry[f"msgstr[{form}]"] for form in range(2)}
        else:
            found[key] = entry["msgstr"]
    return found


def marked() -> set[str]:
    """What the code and the templates want translated."""
    found: set[str] = set()
    for path in (ROOT / "stakeholders").rglob("*.py"):
        for call in (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)):
            name = ast.unparse(call.func)
            if name.endswith(("gettext", "gettext_lazy", "gettext_noop")) and isinstance(call.args[0], ast.Constant):
                given = [str(arg.value) for arg in call.args if isinstance(arg, ast.Constant)]
                found.add(CONTEXT.join(given) if name.startswith("p") else given[0])
    for path in (ROOT / "templates" / "messages").glob("outage.*"):
        found |= set(map(ast.literal_eval, TRANSLATE.findall(path.read_text())))
    return found


@pytest.mark.parametrize("language", OTHERS)
def test_the_compiled_catalogue_is_that_of_the_text(language):
    with (LOCALE / language / "LC_MESSAGES" / "django.mo").open("rb") as file:
        compiled: Any = gettext.GNUTranslations(file)
        assert compiled._catalog == catalogue(language), "run msgfmt: see the head of django.po"


@pytest.mark.parametrize("language", OTHERS)
def test_nothing_is_left_untranslated_and_nothing_is_stale(language):
    """Frame and words alike: never mixed."""
    found = catalogue(language)
    assert {key[0] if isinstance(key, tuple) else key for key in found} - {""} == marked()
    assert all(found.values()) and "fuzzy" not in (LOCALE / language / "LC_MESSAGES" / "django.po").read_text()
    for key, said in found.items():
        wanted = key[0] if isinstance(key, tuple) else key
        assert sorted(PLACE.findall(wanted)) == sorted(PLACE.findall(said)), wanted


@pytest.mark.parametrize("language", OTHERS)
def test_the_words_of_the_frame_are_plain(language):
    """B114"""
    for said in catalogue(language).values():
        assert plain.jargon(said, language) == {}


def test_the_frame_in_the_default_language_is_plain():
    """B114"""
    assert plain.jargon(" ".join(marked())) == {}


def test_each_language_has_a_list_of_words():
    """B114"""
    assert set(plain.JARGON) == set(plain.FORMS) == set(NAMES)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Das Backend ist gestört.", {"Backend": "System"}),
        ("Ein Backend-Fehler in zwei Clustern.", {"Backend": "System", "Clustern": "System"}),
        ("Die Latenzen sind hoch, die ETA ist offen.", {"Latenzen": "Verzögerung", "ETA": "voraussichtliche Zeit"}),
        ("Rufbereitschaft und Runbook", {"Rufbereitschaft": "im Dienst", "Runbook": "Anleitung"}),
        ("Es kommen keine Daten an. Etappe für Etappe, im Podium.", {}),
    ],
)
def test_german_words_that_stakeholders_may_not_know(text, found):
    """B84, B114: also in compounds with a hyphen and in the plural."""
    assert plain.jargon(text, "de") == found


def test_length_is_checked_in_every_language():
    """B84"""
    too_long = [
        "Too long for text messages: at most 120 characters.",
        "Too long for browser notifications: at most 200 characters.",
    ]
    assert plain.remarks("x" * 201, language="de") == too_long

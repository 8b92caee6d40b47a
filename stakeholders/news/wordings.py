"""Wordings of an update: in which words each ring is told in each language, and what these words must not lack (B5)."""

from collections.abc import Iterable

from django.db.models import F, Model, Q
from django.utils import translation
from django.utils.translation import gettext, gettext_noop

from stakeholders.models import NotificationDefinition, Outage, StakeholderRing, Update, UpdateWording
from stakeholders.rules import plain
from stakeholders.rules.languages import DEFAULT, NAMES

NOTHING_NEW = gettext_noop("There is no news yet. We are still working on it.")
# If an update fills in one of these fields, each of its wordings must fill it in, too.
EVERYWHERE = {
    "done": "what was done",
    "remains": "what is still to come",
    "late_reason": "why the next message comes later than usual",
}
Wordings = Iterable[UpdateWording]  # not saved yet
Titles = dict[tuple[int | None, str], str]


def said(update: Update, ring: StakeholderRing) -> list[UpdateWording]:
    """Returns the words for this ring, one wording for each language, with the default language last.

    The ring's own wording goes before the one for all rings. The wordings are not saved.
    """
    own = {name: getattr(update, name) for name in ("text", *EVERYWHERE)}
    wordings = {DEFAULT: UpdateWording(update=update, language=DEFAULT, title=update.outage.title, **own)}
    theirs = update.wordings.filter(Q(ring=None) | Q(ring=ring)).order_by(F("ring").asc(nulls_first=True), "pk")
    for wording in theirs:
        wording.update = update
        wordings[wording.language] = wording
    return [
        *(wordings[language] for language in NAMES if language in wordings and language != DEFAULT),
        wordings[DEFAULT],
    ]


def titles(outage: Outage) -> Titles:
    """Returns the outage's last title in each wording, by (ring id or None, language)."""
    wordings = UpdateWording.objects.filter(update__outage=outage).order_by("pk")
    return {(ring, language): title for ring, language, title in wordings.values_list("ring", "language", "title")}


def keep(update: Update, given: Wordings) -> str:
    """Saves the wordings with `update` and returns an empty text; or saves nothing and returns why these words cannot be used.

    A title that was left out stays as it was.
    """
    last_titles, wordings = titles(update.outage), list(given)
    for wording in wordings:
        usual = update.outage.title if wording.language == DEFAULT else last_titles.get((None, wording.language), "")
        wording.title = wording.title or last_titles.get((wording.ring_id, wording.language), usual)
        wording.update = update
    why = objection(update, wordings)
    if not why:
        UpdateWording.objects.bulk_create(wordings)
    return why


def objection(update: Update, given: list[UpdateWording]) -> str:
    """Returns why the update cannot be said in these words; empty if it can."""
    pairs = [(wording.ring_id, wording.language) for wording in given]
    for wording in given:
        if wording.ring_id is None and wording.language == DEFAULT:
            return f"The {NAMES[DEFAULT]} words for all rings belong in the update itself: choose another language or a ring."
        if pairs.count((wording.ring_id, wording.language)) > 1:
            return f"{wording}: this wording is given twice."
        if missing := lacking(update, wording):
            return f"{wording}: also say {' and '.join(missing)}."
    return ""


def lacking(update: Update, wording: UpdateWording) -> list[str]:
    """Returns what readers of this wording would not be told, as phrases."""
    basic = {"title": "what is affected (the title)", "text": "what is being done (the text)"}
    empty = [sentence for name, sentence in basic.items() if not getattr(wording, name).strip()]
    return empty + [
        sentence
        for name, sentence in EVERYWHERE.items()
        if getattr(update, name) and not getattr(wording, name).strip()
    ]


def nothing_new(outage: Outage) -> list[UpdateWording]:
    """Returns “no news yet” for each ring and language that had a wording of this outage before."""
    wordings = []
    for ring, language in titles(outage):
        with translation.override(language):
            wordings.append(UpdateWording(ring_id=ring, language=language, text=gettext(NOTHING_NEW)))
    return wordings


def remarks(said: Update | NotificationDefinition) -> list[str]:
    """Returns what the author might look at before it is sent, for each wording in its language (B84, B114)."""
    hints = _remarks(said, DEFAULT)
    for wording in said.wordings.all():
        hints += [f"{wording}: {remark}" for remark in _remarks(wording, wording.language)]
    return hints


def _remarks(said: Model, language: str) -> list[str]:
    texts = [getattr(said, name, "") for name in ("title", "text", *EVERYWHERE)]
    return plain.remarks(*filter(None, texts), language=language)


def draft(outage: Outage) -> str:
    """Returns the prepared text of the definition that led to this outage; empty if none did."""
    definition = NotificationDefinition.objects.filter(matches__outage=outage).first()
    return definition.text if definition else ""


def draft_wordings(outage: Outage) -> list[UpdateWording]:
    """Returns the wordings of that definition as wordings of an update, not saved."""
    definition = NotificationDefinition.objects.filter(matches__outage=outage).first()
    drafts = definition.wordings.select_related("ring") if definition else ()
    return [UpdateWording(ring=row.ring, language=row.language, title=row.title, text=row.text) for row in drafts]

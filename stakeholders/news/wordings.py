"""Wordings of an update: in which words it is told in each language, and what these words must not lack (B5).

Wordings for one ring wait until rings are told apart: today everybody who is told is told as the first ring, customers too.
"""

from collections.abc import Iterable

from django.db.models import Model
from django.utils import translation
from django.utils.translation import gettext, gettext_noop

from stakeholders.models import NotificationDefinition, Outage, Subscriber, Update, UpdateWording
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
Titles = dict[str, str]  # by language
NOT_BY_RING = "Rings are not told apart yet, so nobody would read words for one ring alone. Leave the ring empty."


def by_language(update: Update) -> list[tuple[str, UpdateWording]]:
    """Returns each language that has words or readers, with the words that its readers get, the default language last.

    Where nobody wrote words in a language, they are the default's, as their own `language` says, under the last title in that
    language. The words are not saved.
    """
    own = {name: getattr(update, name) for name in ("text", *EVERYWHERE)}
    last_titles, theirs = titles(update.outage), {}

    def default(language: str = DEFAULT) -> UpdateWording:
        title = last_titles.get(language) or update.outage.title
        return UpdateWording(update=update, language=DEFAULT, title=title, **own)

    for wording in update.wordings.filter(ring=None):
        wording.update = update
        theirs[wording.language] = wording
    others = [name for name in NAMES if name != DEFAULT and (name in theirs or _chosen(name))]
    return [*((name, theirs.get(name) or default(name)) for name in others), (DEFAULT, default())]


def _chosen(language: str) -> bool:
    return Subscriber.objects.filter(language=language).exists()


def titles(outage: Outage) -> Titles:
    """Returns the outage's last title in each language that it was told in."""
    wordings = UpdateWording.objects.filter(update__outage=outage, ring=None).order_by("pk")
    return dict(wordings.values_list("language", "title"))


def keep(update: Update, given: Wordings) -> str:
    """Saves the wordings with `update` and returns an empty text; or saves nothing and returns why these words cannot be used.

    A title that was left out stays as it was.
    """
    last_titles, wordings = titles(update.outage), list(given)
    for wording in wordings:
        wording.title = wording.title or last_titles.get(wording.language, "")
        wording.update = update
    why = objection(update, wordings)
    if not why:
        UpdateWording.objects.bulk_create(wordings)
    return why


def objection(update: Update, given: list[UpdateWording]) -> str:
    """Returns why the update cannot be said in these words; empty if it can."""
    languages = [wording.language for wording in given]
    for wording in given:
        if wording.ring_id is not None:
            return NOT_BY_RING
        if wording.language == DEFAULT:
            return f"The {NAMES[DEFAULT]} words belong in the update itself: choose another language."
        if languages.count(wording.language) > 1:
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
    """Returns “no news yet” for each language that had a wording of this outage before, so that its title is in it, too."""
    wordings = []
    for language in titles(outage):
        with translation.override(language):
            wordings.append(UpdateWording(language=language, text=gettext(NOTHING_NEW)))
    return wordings


def remarks(words: Update | NotificationDefinition) -> list[str]:
    """Returns what the author might look at before it is sent, for each wording in its language (B84, B114)."""
    hints = _remarks(words, DEFAULT)
    for wording in words.wordings.all():
        hints += [f"{wording}: {remark}" for remark in _remarks(wording, wording.language)]
    return hints


def unread(update: Update) -> list[str]:
    """Returns a sentence for each language of the update that no subscriber has chosen."""
    rows = [wording for wording in update.wordings.all() if not _chosen(wording.language)]
    return [f"{wording}: nobody has chosen this language, so nobody will read these words." for wording in rows]


def _remarks(words: Model, language: str) -> list[str]:
    texts = [getattr(words, name, "") for name in ("title", "text", *EVERYWHERE)]
    return plain.remarks(*filter(None, texts), language=language)


def draft(outage: Outage) -> str:
    """Returns the prepared text of the definition that led to this outage; empty if none did."""
    definition = NotificationDefinition.objects.filter(matches__outage=outage).first()
    return definition.text if definition else ""


def draft_wordings(outage: Outage) -> list[UpdateWording]:
    """Returns the wordings of that definition as wordings of an update, not saved."""
    definition = NotificationDefinition.objects.filter(matches__outage=outage).first()
    drafts = definition.wordings.filter(ring=None) if definition else ()
    return [UpdateWording(language=row.language, title=row.title, text=row.text) for row in drafts]

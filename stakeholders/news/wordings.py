"""Wordings of an update: in which words each ring is told in each language, and what these words must not lack (B5)."""

from collections.abc import Iterable
from copy import copy

from django.db.models import F, Model, Q
from django.utils import translation
from django.utils.translation import gettext, gettext_noop

from stakeholders.models import NotificationDefinition, Outage, StakeholderRing, Subscriber, Update, UpdateWording
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


def by_language(update: Update, ring: StakeholderRing) -> list[tuple[str, UpdateWording]]:
    """Returns each language that has words or readers, with the words that its readers in the ring get, the default language last.

    Words for this ring are preferred to those for every ring. Where nobody wrote words in a language, they are the default's, as
    their own `language` says, under the last title in that language. The words are not saved.
    """
    last_titles, theirs = titles(update.outage, ring), {}
    for wording in update.wordings.filter(Q(ring=None) | Q(ring=ring)).order_by(F("ring").asc(nulls_first=True)):
        wording.update = update
        theirs[wording.language] = wording
    usual = theirs.get(DEFAULT) or UpdateWording(
        update=update, language=DEFAULT, **{name: getattr(update, name) for name in ("text", *EVERYWHERE)}
    )

    def default(language: str = DEFAULT) -> UpdateWording:
        words = copy(usual)
        words.title = last_titles.get(language) or usual.title or update.outage.title
        return words

    others = [name for name in NAMES if name != DEFAULT and (name in theirs or _chosen(name))]
    return [*((name, theirs.get(name) or default(name)) for name in others), (DEFAULT, default())]


def _chosen(language: str) -> bool:
    return Subscriber.objects.filter(language=language).exists()


def titles(outage: Outage, ring: StakeholderRing | None = None) -> Titles:
    """Returns the outage's last title in each language that it was told in: the one for this ring, or else for every ring."""
    wordings = UpdateWording.objects.filter(Q(ring=None) | Q(ring=ring), update__outage=outage).exclude(title="")
    return dict(wordings.order_by(F("ring").asc(nulls_first=True), "pk").values_list("language", "title"))


def keep(update: Update, given: Wordings) -> str:
    """Saves the wordings with `update` and returns an empty text; or saves nothing and returns why these words cannot be used.

    A title that was left out stays as it was.
    """
    wordings = list(given)
    for wording in wordings:
        last = titles(update.outage, wording.ring).get(wording.language, "")
        wording.title = wording.title or last or (update.outage.title if wording.language == DEFAULT else "")
        wording.update = update
    why = objection(update, wordings)
    if not why:
        UpdateWording.objects.bulk_create(wordings)
    return why


def objection(update: Update, given: list[UpdateWording]) -> str:
    """Returns why the update cannot be said in these words; empty if it can."""
    readers = [(wording.ring_id, wording.language) for wording in given]
    for wording in given:
        if wording.ring_id is None and wording.language == DEFAULT:
            return f"The {NAMES[DEFAULT]} words for every ring belong in the update itself: choose another language."
        if readers.count((wording.ring_id, wording.language)) > 1:
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
    drafts = definition.wordings.select_related("ring") if definition else ()
    return [UpdateWording(ring=row.ring, language=row.language, title=row.title, text=row.text) for row in drafts]

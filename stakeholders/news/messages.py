"""Makes the messages of an update: for each language, the words are rendered once and the audience is decided once.

What stands around an author's words is in the reader's language, and every time is on the reader's clock; the words themselves
stay as they were written, marked as what they are if that is another language.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.template.loader import render_to_string
from django.utils import translation
from django.utils.html import format_html
from django.utils.translation import gettext, ngettext_lazy, pgettext, pgettext_lazy

from dispatching import alarms
from dispatching.channels import Envelope, push, shared_words, sms, webhook
from dispatching.channels.shared_words import Letter, fill, mark
from dispatching.channels.text import one_line
from dispatching.contact import links
from dispatching.models import ContactPoint, Content
from schedules.surfaces.public_urls import public_host
from stakeholders.groups import audience
from stakeholders.groups.audience import Audience
from stakeholders.models import Bracket, Deployment, Message, Outage, Product, StakeholderRing, Update, UpdateWording
from stakeholders.news import wordings
from stakeholders.rules import cadence
from stakeholders.rules.languages import DEFAULT

PLAN = "stakeholders.tasks.plan_due"
LINKS = ["manage", "unsubscribe"]
THEIRS = "(a personal link)"  # in previews
STATES = {
    Update.Kind.ANNOUNCEMENT: pgettext_lazy("message", "Announcement"),
    Update.Kind.PROGRESS: pgettext_lazy("message", "Update"),
    Update.Kind.END: pgettext_lazy("message", "Resolved"),
    Update.Kind.CORRECTION: pgettext_lazy("message", "Correction"),
}
# Before the title in the subject: the two messages that a reader should tell from the others at a glance.
SUBJECTS = {
    Update.Kind.END: pgettext_lazy("subject", "Resolved: %s"),
    Update.Kind.CORRECTION: pgettext_lazy("subject", "Correction: %s"),
}
WIDEST = "Pacific/Kiritimati"  # a reader's clock, and a zone without a short name, where times are longest
UNITS = {
    "day": ngettext_lazy("%d day", "%d days"),
    "hour": ngettext_lazy("%d hour", "%d hours"),
    "minute": ngettext_lazy("%d minute", "%d minutes"),
}


@dataclass(frozen=True, slots=True)
class Frame:
    """Everything around an author's words: the place of the message in its bracket, its language, its ring, and its moment."""

    wording: UpdateWording
    kind: Update.Kind
    language: str
    ring: StakeholderRing
    at: datetime
    # The latest time of the next message.
    promised: datetime | None


def make(
    update: Update,
    bracket: Bracket,
    reach: Audience,
    *,
    anybody: bool = True,
    promised: datetime | None = None,
    now: datetime,
) -> None:
    """Makes a message for the bracket's ring, due now, for each language that has words or readers.

    If not `anybody`, it is only for people who were told before. `promised` is the latest time of the next message, if that is no
    longer the update's own. The first message of a bracket is its announcement, whatever the update is to other rings.

    The message in the default language is made last: `fanning` plans it after the others, for the contact points that have not
    been told by them.
    """
    first = bracket.messages.order_by("pk").first()
    thread, kind = (first.content_id, update.kind) if first else (None, Update.Kind.ANNOUNCEMENT)
    level, by = audience.level_of(update.outage), promised or update.next_update_by
    snapshot = {"told": reach.snapshot(), "cells": reach.cells(), "level": level, "anybody": anybody}
    shared = {
        "update": update,
        "bracket": bracket,
        "kind": kind,
        "audience": snapshot,
        "created_at": now,
        "due_at": now,
    }
    for language, wording in wordings.by_language(update, bracket.ring):
        with translation.override(language):
            words = _words(Frame(wording, Update.Kind(kind), language, bracket.ring, now, by), reach)
        content = Content.objects.create(**words, thread_id=thread, created_at=now)
        thread = thread or content.pk
        Message.objects.create(**shared, language=language, content=content)
    transaction.on_commit(lambda: alarms.ring(PLAN, "bulk"))


def _words(frame: Frame, reach: Audience) -> dict[str, Any]:
    """Returns the fields of a `Content` in this frame, whose language is active."""
    wording, language = frame.wording, frame.language
    outage = wording.update.outage
    state, title = str(STATES[frame.kind]), str(SUBJECTS.get(frame.kind, "%s")) % wording.title
    automatic = wording.text == wordings.NOTHING_NEW
    text = gettext(wording.text) if automatic else wording.text
    foreign = wording.language if wording.language != language else ""
    context = {
        "language": language,
        "state": state,
        "wording": wording,
        "text": text,
        "foreign": foreign,  # the language of the author's words, if it is not that of the frame
        "foreign_title": foreign if wording.title == outage.title else "",
        "foreign_text": "" if automatic else foreign,
        "facts": facts(frame),
        "promise": promise(frame.promised, at=_marked, now=frame.at),
        "parts": mark("parts"),
        "manage": mark("manage"),
        "unsubscribe": mark("unsubscribe"),
    }
    return {
        "subject": one_line(f"{title} ({geography(outage)})", 200),
        "text": render_to_string("messages/outage.txt", context),
        "html": render_to_string("messages/outage.html", context),
        "short": _short(frame, state, text),
        "parts": {str(told.group.pk): _part(told.group.name, told.group.advice, language) for told in reach.told},
        "links": LINKS,
        "headers": {
            "List-Id": f"<outages.{public_host()}>",
            "Content-Language": ", ".join(_languages(wording, reach, language)),
        },
        "data": data(frame, text),
    }


def specimen(content: Content, form: str = "text") -> str:
    """Returns the message as a reader who is in all the groups would see it, for previews; `form` is "text" or "html"."""
    return _letter(content, THEIRS if form == "text" else "#").filled(form)


def _letter(content: Content, link: str) -> Letter:
    return Letter(content, tuple(content.parts), dict.fromkeys(content.links, link))


def other_specimens(content: Content, *, at: datetime) -> dict[str, str]:
    """Returns what the media other than e-mail get, by their names, for previews."""
    link = links.url("unsubscribe", ContactPoint(pk=0))  # belongs to nobody, but is as long as a reader's link
    payload = {**content.data, "url": THEIRS, "unsubscribe_url": link}
    letter = _letter(content, THEIRS)
    envelope = Envelope(THEIRS, "", "", content.subject, data=payload, letter=letter, at=at)
    posted = json.loads(webhook.content(envelope))
    shown = {
        "Text message": sms.text(envelope),
        "Notification in a browser": "\n".join(push.notification(envelope)),
        "Webhook": json.dumps(posted, indent=2, ensure_ascii=False),
    }
    return {medium: text.replace(link, THEIRS) for medium, text in shown.items()}


def facts(frame: Frame) -> list[tuple[str, str, str]]:
    """Returns the facts that Tables 8.6 and 8.7 show beside the text, as (name, value, language of the value).

    The language is empty if it is that of the message.
    """
    update, outage = frame.wording.update, frame.wording.update.outage
    other = DEFAULT if frame.language != DEFAULT else ""
    entries = [
        (pgettext("message", "Recipients"), frame.ring.name, other),
        (pgettext("message", "Geography"), geography(outage), other if outage.said_geography else ""),
        (pgettext("message", "Products"), products(outage), other if outage.said_products else ""),
    ]
    if outage.priority:
        entries.append((pgettext("message", "Priority"), str(outage.priority), ""))
    if frame.kind == Update.Kind.END:
        entries += _how_long(update)
    else:
        entries.append((pgettext("message", "Since"), _marked(outage.started_at), ""))
    return [*entries, (pgettext("message", "Sent"), _marked(frame.at), "")]


def _how_long(end: Update) -> list[tuple[str, str, str]]:
    """Returns how long it lasted, as readers noticed it, and beside it the time to recovery as Table 8.7 counts it (D3)."""
    began, announced = end.outage.started_at, end.outage.announced_at
    over = end.outage.over_since or end.at
    assert announced
    lasted = {"length": span(over - began), "start": _marked(began), "end": _marked(over)}
    entries = [(pgettext("message", "Lasted"), gettext("%(length)s, from %(start)s to %(end)s") % lasted, "")]
    if over >= announced:  # it may have been over before anybody was told
        recovery = {"length": span(over - announced), "start": _marked(announced)}
        words = gettext("%(length)s, counted from the announcement on %(start)s") % recovery
        entries.append((pgettext("message", "Time to recovery"), words, ""))
    return entries


def promise(by: datetime | None, *, at: Callable[[datetime], str], now: datetime) -> str:
    """Returns a sentence for a message of `now` on the latest time of the next one, or one that says that none is planned.

    `at` puts an instant into words.
    """
    if by is None:
        return gettext("This is our last message about this outage.")
    if by <= now:
        return gettext("The next message was due by %s. We will send it as soon as we can.") % at(by)
    length = span(cadence.at_most(by - now))
    return gettext("We will write again within %(length)s (by %(moment)s), sooner if there is news.") % {
        "length": length,
        "moment": at(by),
    }


def geography(outage: Outage) -> str:
    return outage.said_geography or _all_or_names(Deployment, outage.deployments.all())


def products(outage: Outage) -> str:
    return outage.said_products or _all_or_names(Product, outage.products.all())


def _marked(at: datetime) -> str:
    """Returns a mark for the instant: each reader sees their own clock with UTC beside it (D6), “1 December 2020, 15:00 UTC”."""
    return shared_words.moment(at, pgettext("day and time", "j F Y, H:i"))


def span(length: timedelta) -> str:
    """Returns the length in words of the active language: "1 hour 30 minutes"."""
    words = " ".join(UNITS[unit] % count for count, unit in cadence.parts(length))
    return words or gettext("less than a minute")


def data(frame: Frame, text: str) -> dict[str, Any]:
    """Returns the data of the message for machines (webhooks); `text` is what it says."""
    wording, update, outage = frame.wording, frame.wording.update, frame.wording.update.outage
    return {
        "kind": "notice",
        "language": wording.language,
        "outage": {
            "id": outage.pk,
            "title": wording.title,
            "state": "ended" if frame.kind == Update.Kind.END else "open",
            "priority": outage.priority.level if outage.priority else None,
            "deployments": [part.name for part in outage.deployments.all()],
            "products": [part.name for part in outage.products.all()],
            "since": outage.started_at.isoformat(),
        },
        "update": {
            "id": update.pk,
            "kind": frame.kind,
            "text": text,
            "at": frame.at.isoformat(),
            "next_update_by": frame.promised.isoformat() if frame.promised else None,
        },
        "version": 1,
    }


def _all_or_names(model: Any, chosen: Any) -> str:
    names = [part.name for part in chosen]
    everything = len(names) > 1 and len(names) == model.objects.count()
    return pgettext("message", "all") if everything else ", ".join(names)


def _part(name: str, advice: str, language: str) -> dict[str, str]:
    """Returns the passage for one group, with its advice. Advice is in the default language; in a message in another language,
    the HTML marks it as such.
    """
    foreign = format_html(': <span lang="{}">{}</span>', DEFAULT, advice) if language != DEFAULT else f": {advice}"
    return {
        "text": f"- {name}: {advice}" if advice else f"- {name}",
        "html": format_html("<li>{}{}</li>", name, foreign if advice else ""),
    }


def _languages(wording: UpdateWording, reach: Audience, language: str) -> list[str]:
    """Returns the languages that occur in the message, its own first (RFC 3282)."""
    outage = wording.update.outage
    others = [outage.said_geography, outage.said_products, *(told.group.advice for told in reach.told)]
    return list(dict.fromkeys([language, wording.language, *([DEFAULT] if any(others) else [])]))


def _short(frame: Frame, state: str, text: str) -> str:
    """Returns the short form: state, title and place in the first line, below it the time of the next message, and as much of the
    text as there is room for.
    """
    outage, by = frame.wording.update.outage, frame.promised
    form = pgettext("day and time", "j F Y, H:i")
    until = (
        gettext("Next message by %s.") % shared_words.moment(by, form, brief=True)
        if by
        else promise(by, at=_marked, now=frame.at)
    )
    facts = f"{state}: {one_line(frame.wording.title, 70)} ({one_line(geography(outage), 50)})\n{until} "
    return facts + one_line(text, sms.LONGEST - len(fill(facts, {}, WIDEST)))

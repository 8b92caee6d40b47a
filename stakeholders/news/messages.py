"""Makes the messages of an update: for each ring and language, the words are rendered once and the audience is decided once."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import transaction
from django.template.loader import render_to_string
from django.utils import dateformat, translation
from django.utils.html import format_html
from django.utils.translation import gettext, ngettext_lazy, pgettext, pgettext_lazy

from dispatching import alarms
from dispatching.channels import Envelope, push, sms, webhook
from dispatching.channels.shared_words import Letter, mark
from dispatching.channels.text import one_line
from dispatching.contact import links
from dispatching.models import ContactPoint, Content
from schedules.surfaces.public_urls import public_host
from stakeholders.groups import audience
from stakeholders.groups.audience import Audience
from stakeholders.models import Bracket, Deployment, Message, Outage, Product, Update, UpdateWording
from stakeholders.news import wordings
from stakeholders.rules import cadence
from stakeholders.rules.languages import DEFAULT

PLAN = "stakeholders.tasks.plan_due"
LINKS = ["manage", "unsubscribe"]
THEIRS = "(a personal link)"  # in previews
STATES = {
    Update.Kind.ANNOUNCEMENT: pgettext_lazy("message", "Announcement"),
    Update.Kind.PROGRESS: pgettext_lazy("message", "Update"),
    Update.Kind.END: pgettext_lazy("message", "End"),
    Update.Kind.CORRECTION: pgettext_lazy("message", "Correction"),
}
UNITS = {
    "day": ngettext_lazy("%d day", "%d days"),
    "hour": ngettext_lazy("%d hour", "%d hours"),
    "minute": ngettext_lazy("%d minute", "%d minutes"),
}


def plan(update: Update, bracket: Bracket, found: Audience, *, anybody: bool = True, now: datetime) -> None:
    """Makes a message, due now, for each language in which there are words. Call it in the transaction that makes the update.

    If not `anybody`, it is only for people who were told before.

    The message in the default language is made last: `fanning` plans it after the others, for the contact points that have not
    been told by them.
    """
    first = bracket.messages.order_by("pk").first()
    thread = first.content_id if first else None
    snapshot = {
        "told": found.snapshot(),
        "cells": found.cells(),
        "level": audience.level_of(update.outage),
        "anybody": anybody,
    }
    for wording in wordings.said(update, bracket.ring):
        with translation.override(wording.language):
            words = _words(wording, bracket, found)
        content = Content.objects.create(**words, thread_id=thread, created_at=now)
        thread = thread or content.pk
        Message.objects.create(
            update=update,
            bracket=bracket,
            language=wording.language,
            content=content,
            audience=snapshot,
            created_at=now,
            due_at=now,
        )
    transaction.on_commit(lambda: alarms.ring(PLAN, "bulk"))


def _words(said: UpdateWording, bracket: Bracket, found: Audience) -> dict[str, Any]:
    """Returns the fields of a `Content` for this wording and ring, in the active language."""
    update, outage = said.update, said.update.outage
    state = str(STATES[Update.Kind(update.kind)])
    context = {
        "state": state,
        "said": said,
        "facts": facts(said, bracket),
        "promise": promise(update),
        "parts": mark("parts"),
        "manage": mark("manage"),
        "unsubscribe": mark("unsubscribe"),
    }
    return {
        "subject": one_line(f"{said.title} ({geography(outage)})", 200),
        "text": render_to_string("messages/outage.txt", context),
        "html": render_to_string("messages/outage.html", context),
        "short": _short(said, state),
        "parts": {str(told.group.pk): _part(told.group.name, told.group.advice, said) for told in found.told},
        "links": LINKS,
        "headers": {
            "List-Id": f"<ring-{bracket.ring.number}.outages.{public_host()}>",
            "Content-Language": ", ".join(_languages(said, found)),
        },
        "data": data(said, bracket),
    }


def specimen(content: Content, form: str = "text") -> str:
    """Returns the message as a reader who is in all the groups would see it, for previews; `form` is "text" or "html"."""
    links = dict.fromkeys(content.links, THEIRS if form == "text" else "#")
    return Letter(content, tuple(content.parts), links).filled(form)


def other_specimens(content: Content, *, at: datetime) -> dict[str, str]:
    """Returns what the media other than e-mail get, by their names, for previews."""
    link = links.url("unsubscribe", ContactPoint(pk=0))  # belongs to nobody, but is as long as a reader's link
    payload = {**content.data, "url": THEIRS, "unsubscribe_url": link}
    envelope = Envelope(THEIRS, "", "", content.subject, specimen(content), payload, content.short, at=at)
    posted = json.loads(webhook.content(envelope))
    shown = {
        "Text message": sms.text(envelope),
        "Notification in a browser": "\n".join(push.notification(envelope)),
        "Webhook": json.dumps(posted, indent=2, ensure_ascii=False),
    }
    return {medium: text.replace(link, THEIRS) for medium, text in shown.items()}


def facts(said: UpdateWording, bracket: Bracket) -> list[tuple[str, str, str]]:
    """Returns the facts that Tables 8.6 and 8.7 show beside the text, as (name, value, language of the value).

    The language is empty if it is the language of the message.
    """
    update, outage = said.update, said.update.outage
    other = DEFAULT if said.language != DEFAULT else ""
    entries = [
        (pgettext("message", "Recipients"), gettext("ring %d") % bracket.ring.number, ""),
        (pgettext("message", "Geography"), geography(outage), other if outage.said_geography else ""),
        (pgettext("message", "Products"), products(outage), other if outage.said_products else ""),
        (pgettext("message", "Since"), moment(outage.started_at), ""),
        (pgettext("message", "Sent"), moment(update.at), ""),
    ]
    if outage.priority:
        entries.insert(3, (pgettext("message", "Priority"), str(outage.priority), ""))
    if update.kind == Update.Kind.END:
        recovered = gettext("%s, counted from the announcement") % recovery(update)
        entries.append((pgettext("message", "Time to recovery"), recovered, ""))
    return entries


def recovery(update: Update) -> str:
    """Returns the time from the announcement to the end in words, such as "51 minutes", as Table 8.7 counts it (D3)."""
    assert update.outage.announced_at
    return span(update.at - update.outage.announced_at)


def promise(update: Update) -> str:
    """Returns a sentence on the latest time of the next message, or one that says that none is planned."""
    if update.next_update_by is None:
        return gettext("No further communication is planned.")
    if update.next_update_by <= update.at:
        return gettext("The next message was due by %s. We will send it as soon as we can.") % moment(
            update.next_update_by
        )
    length = span(cadence.at_most(update.next_update_by - update.at))
    return gettext("We will write again within %(length)s (by %(moment)s), sooner if there is news.") % {
        "length": length,
        "moment": moment(update.next_update_by),
    }


def geography(outage: Outage) -> str:
    return outage.said_geography or _all_or_names(Deployment, outage.deployments.all())


def products(outage: Outage) -> str:
    return outage.said_products or _all_or_names(Product, outage.products.all())


def moment(at: datetime) -> str:
    """Returns the time in a form that is clear to everybody (D6): "1 December 2020, 15:00 UTC"."""
    return f"{dateformat.format(at.astimezone(UTC), pgettext('day and time', 'j F Y, H:i'))} UTC"


def span(length: timedelta) -> str:
    """Returns the length in words of the active language: "1 hour 30 minutes"."""
    words = " ".join(UNITS[unit] % count for count, unit in cadence.parts(length))
    return words or gettext("less than a minute")


def data(said: UpdateWording, bracket: Bracket) -> dict[str, Any]:
    """Returns the data of the message for machines (webhooks)."""
    update, outage = said.update, said.update.outage
    return {
        "kind": "notice",
        "language": said.language,
        "outage": {
            "id": outage.pk,
            "title": said.title,
            "state": "ended" if update.kind == Update.Kind.END else "open",
            "priority": outage.priority.level if outage.priority else None,
            "deployments": [part.name for part in outage.deployments.all()],
            "products": [part.name for part in outage.products.all()],
            "since": outage.started_at.isoformat(),
        },
        "update": {
            "id": update.pk,
            "kind": update.kind,
            "text": said.text,
            "at": update.at.isoformat(),
            "next_update_by": update.next_update_by.isoformat() if update.next_update_by else None,
        },
        "ring": bracket.ring.number,
        "version": 1,
    }


def _all_or_names(model: Any, chosen: Any) -> str:
    names = [part.name for part in chosen]
    everything = len(names) > 1 and len(names) == model.objects.count()
    return pgettext("message", "all") if everything else ", ".join(names)


def _part(name: str, advice: str, said: UpdateWording) -> dict[str, str]:
    """Returns the passage for one group, with its advice. Advice is in the default language; in a message in another language,
    the HTML marks it as such.
    """
    foreign = format_html(': <span lang="{}">{}</span>', DEFAULT, advice) if said.language != DEFAULT else f": {advice}"
    return {
        "text": f"- {name}: {advice}" if advice else f"- {name}",
        "html": format_html("<li>{}{}</li>", name, foreign if advice else ""),
    }


def _languages(said: UpdateWording, found: Audience) -> list[str]:
    """Returns the languages that occur in the message, its own first (RFC 3282)."""
    outage = said.update.outage
    others = [outage.said_geography, outage.said_products, *(told.group.advice for told in found.told)]
    return [said.language, *([DEFAULT] if any(others) and said.language != DEFAULT else [])]


def _short(said: UpdateWording, state: str) -> str:
    """Returns the short form: state, title and place in the first line, below it the time of the next message, and as much of the
    text as there is room for.
    """
    update = said.update
    by = update.next_update_by
    until = gettext("Next message by %s.") % moment(by) if by else promise(update)
    facts = f"{state}: {one_line(said.title, 70)} ({one_line(geography(update.outage), 50)})\n{until} "
    return facts + one_line(said.text, sms.LONGEST - len(facts))

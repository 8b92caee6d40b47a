"""An update becomes a message: its words for one ring, rendered once, and whom it is for, decided once."""

from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.db import transaction
from django.template.loader import render_to_string
from django.utils.html import format_html

from dispatching import alarms, personal
from dispatching.channels import Envelope, push, sms
from dispatching.channels.text import one_line
from dispatching.models import Content
from dispatching.sharing import mark
from stakeholders.audience import Audience
from stakeholders.models import Bracket, Deployment, Message, Outage, Product, Update
from stakeholders.rules import cadence

PLAN = "stakeholders.tasks.plan_due"
LINKS = ["manage", "unsubscribe"]
SHORT = 300  # characters of a text message
STATES = {
    Update.Kind.ANNOUNCEMENT: "Announcement",
    Update.Kind.PROGRESS: "Update",
    Update.Kind.END: "End",
    Update.Kind.CORRECTION: "Correction",
}


def plan(update: Update, bracket: Bracket, found: Audience, *, now: datetime) -> Message:
    """The message, due to be fanned out; call it inside the verb's transaction."""
    first = bracket.messages.order_by("pk").first()
    thread = first.content_id if first else None
    content = Content.objects.create(**words(update, bracket, found), thread_id=thread, created_at=now)
    snapshot = {
        "told": found.snapshot(),
        "cells": found.cells(),
        "level": update.outage.priority.level if update.outage.priority else 0,
    }
    message = Message.objects.create(
        update=update, bracket=bracket, content=content, audience=snapshot, created_at=now, due_at=now
    )
    transaction.on_commit(lambda: alarms.ring(PLAN, "bulk"))
    return message


def words(update: Update, bracket: Bracket, found: Audience) -> dict[str, Any]:
    """The fields of a `Content`, as `update` says it to the ring of `bracket`. Writes nothing: previews use it, too."""
    outage = update.outage
    context = {
        "state": STATES[Update.Kind(update.kind)],
        "outage": outage,
        "update": update,
        "facts": facts(update, bracket),
        "promise": promise(update),
        "parts": mark("parts"),
        "manage": mark("manage"),
        "unsubscribe": mark("unsubscribe"),
    }
    host = urlsplit(settings.PUBLIC_URL).hostname or "localhost"
    return {
        "subject": one_line(f"{outage.title} ({geography(outage)})", 200),
        "text": render_to_string("messages/outage.txt", context),
        "html": render_to_string("messages/outage.html", context),
        "short": _short(update, context["state"]),
        "parts": {str(told.group.pk): _part(told.group.name, told.group.advice) for told in found.told},
        "links": LINKS,
        "headers": {"List-Id": f"<ring-{bracket.ring.number}.outages.{host}>"},
        "data": data(update, bracket),
    }


def specimen(content: Content) -> str:
    """The text as somebody in all the groups would read it, for previews."""
    text = content.text.replace(mark("parts"), "".join(part["text"] + "\n" for part in content.parts.values()).rstrip())
    for link in content.links:
        text = text.replace(mark(link), "(a link of their own)")
    return text


def brief_specimens(content: Content) -> dict[str, str]:
    """What the short media show, by their names."""
    link = personal.url("unsubscribe", 0, 1)  # nobody's, but as long as theirs
    envelope = Envelope("", "", "", content.subject, "", {"unsubscribe_url": link}, content.short)
    return {
        "Text message": sms.text(envelope).replace(link, "(a link of their own)"),
        "Notification in a browser": "\n".join(push.notification(envelope)),
    }


def facts(update: Update, bracket: Bracket) -> list[tuple[str, str]]:
    """What Tables 8.6 and 8.7 show beside the text, as (name, value)."""
    outage = update.outage
    found = [
        ("Recipients", f"ring {bracket.ring.number}"),
        ("Geography", geography(outage)),
        ("Products", products(outage)),
        ("Since", moment(outage.started_at)),
        ("Sent", moment(update.at)),
    ]
    if outage.priority:
        found.insert(3, ("Priority", str(outage.priority)))
    if update.kind == Update.Kind.END:
        return [*found, ("Time to recovery", f"{recovery(update)}, counted from the announcement")]
    return found


def recovery(update: Update) -> str:
    """From the announcement to the end, as Table 8.7 counts (D3): "51 minutes"."""
    assert update.outage.announced_at
    return cadence.span(update.at - update.outage.announced_at)


def promise(update: Update) -> str:
    """When the next message comes, as an upper bound; or that none is planned."""
    if update.next_update_by is None:
        return "No further communication is planned."
    length = cadence.at_most(update.next_update_by - update.at)
    return f"The next message comes in max. {length} as events warrant, by {moment(update.next_update_by)}."


def geography(outage: Outage) -> str:
    return outage.said_geography or _all_or_names(Deployment, outage.deployments.all())


def products(outage: Outage) -> str:
    return outage.said_products or _all_or_names(Product, outage.products.all())


def moment(at: datetime) -> str:
    """Unambiguous for everyone (D6): "1 December 2020, 15:00 UTC"."""
    at = at.astimezone(UTC)
    return f"{at.day} {at:%B %Y, %H:%M} UTC"


def data(update: Update, bracket: Bracket) -> dict[str, Any]:
    """What machines get (webhooks)."""
    outage = update.outage
    return {
        "kind": "notice",
        "outage": {
            "id": outage.pk,
            "title": outage.title,
            "state": "ended" if update.kind == Update.Kind.END else "open",
            "priority": outage.priority.level if outage.priority else None,
            "deployments": [each.name for each in outage.deployments.all()],
            "products": [each.name for each in outage.products.all()],
            "since": outage.started_at.isoformat(),
        },
        "update": {
            "id": update.pk,
            "kind": update.kind,
            "text": update.text,
            "at": update.at.isoformat(),
            "next_update_by": update.next_update_by.isoformat() if update.next_update_by else None,
        },
        "ring": bracket.ring.number,
        "version": 1,
    }


def _all_or_names(model: Any, chosen: Any) -> str:
    names = [each.name for each in chosen]
    return "all" if len(names) > 1 and len(names) == model.objects.count() else ", ".join(names)


def _part(name: str, advice: str) -> dict[str, str]:
    return {
        "text": f"- {name}: {advice}" if advice else f"- {name}",
        "html": format_html("<li>{}{}</li>", name, f": {advice}" if advice else ""),
    }


def _short(update: Update, state: str) -> str:
    """State, title and place in the first line; below it until when the next message comes, and what room is left for the text."""
    outage = update.outage
    by = update.next_update_by
    until = f"Next message by {moment(by)}." if by else promise(update)
    facts = f"{state}: {one_line(outage.title, 70)} ({one_line(geography(outage), 50)})\n{until} "
    return facts + one_line(update.text, SHORT - len(facts))

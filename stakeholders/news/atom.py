"""Atom feeds (RFC 4287) of a contact point and of a group that is open to everyone, with an entry for each message as it was sent."""

import hashlib
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from django.db.models import Q
from django.http import HttpResponse
from django.utils.feedgenerator import Atom1Feed
from django.utils.html import linebreaks
from django.utils.http import http_date

from dispatching.channels.shared_words import Letter, fill, mark
from dispatching.channels.text import printable
from dispatching.contact import links
from dispatching.models import ContactPoint, Content
from schedules.surfaces.public_urls import public_host, public_url
from stakeholders.models import Message, StakeholderGroup, Subscriber, Subscription, Update
from stakeholders.rules.languages import DEFAULT

NEWEST = 50
LOOKED_AT = 500  # messages
BEGINNING = datetime(2026, 1, 1, tzinfo=UTC)  # counts as the last change of a feed that never had an entry


class Feed(Atom1Feed):
    """An Atom feed that says when it last changed, also while it is empty; otherwise each answer would look new."""

    def item_attributes(self, item: dict[str, Any]) -> dict[str, str]:
        return {"xml:lang": item["language"]}

    def latest_post_date(self) -> datetime:
        return self.feed["changed"]


def answer(point: ContactPoint) -> HttpResponse:
    """Returns the feed of one contact point. Its address is secret, so shared caches and search engines must not keep it."""
    messages = wanted(point)
    zone = _zone(point)
    entries = [(message, words(message.content, groups, point, zone)) for message, groups in messages]
    page = links.url("manage", point)
    url = links.url("feed", point)
    response = _document("Outages", f"feed/{point.pk}", page, url, entries, changed=_since(point))
    response["Cache-Control"] = "private, max-age=60"
    response["X-Robots-Tag"] = "noindex"
    response["Referrer-Policy"] = "no-referrer"
    return response


def of_group(group: StakeholderGroup) -> HttpResponse:
    """Returns the feed of a group that is open to everyone, the same for all readers: the messages from when it was open (P14)."""
    told = [{"group": group.pk, "openness": StakeholderGroup.Openness.EVERYONE.value}]
    messages = Message.objects.filter(audience__told__contains=told).select_related("content", "update").order_by("-pk")
    entries = [
        (message, common(message.content)) for message in _in_one_language(messages[:LOOKED_AT], DEFAULT)[:NEWEST]
    ]
    page = public_url("subscribe")
    url = public_url("group_feed", group.pk)
    response = _document(f"Outages: {group.name}", f"group/{group.pk}", page, url, entries, changed=BEGINNING)
    response["Cache-Control"] = "public, max-age=60"
    return response


def _document(
    title: str, name: str, page: str, url: str, texts: Iterable[tuple[Message, str]], *, changed: datetime
) -> HttpResponse:
    """Returns the feed with an entry for each message and its text.

    `name` identifies the feed; `changed` is the time of its last change if it is empty.
    """
    host = public_host()
    entries = [(message, text, _name(message)) for message, text in texts]
    changed = max((message.created_at for message, _, _ in entries), default=changed)
    feed = Feed(
        printable(title), page, "", author_name=host, feed_url=url, feed_guid=f"tag:{host},2026:{name}", changed=changed
    )
    for message, text, entry in entries:
        feed.add_item(
            title=printable(message.content.subject),
            link=f"{page}#{entry}",
            description=linebreaks(printable(text), autoescape=True),
            unique_id=f"tag:{host},2026:message/{entry}",
            language=message.language,
            pubdate=message.created_at,
            updateddate=message.created_at,
        )
    response = HttpResponse(feed.writeString("utf-8"), content_type="application/atom+xml; charset=utf-8")
    response["Last-Modified"] = http_date(changed.timestamp())
    return response


def _name(message: Message) -> str:
    """Returns the entry's name, the same in every language. It is a hash, because a running number would tell readers how many
    other messages there are (P14).
    """
    identity = f"{message.created_at.isoformat()} {message.bracket_id} {message.update.text}"
    return hashlib.sha256(identity.encode()).hexdigest()[:24]


def wanted(point: ContactPoint) -> list[tuple[Message, list[int]]]:
    """Returns the newest messages that this contact point subscribed to, newest first, each with the ids of the groups it came for.

    Empty if the contact point is not usable.
    """
    if not point.usable:
        return []
    subscriptions = list(Subscription.objects.filter(contact_point=point, state=Subscription.State.ACTIVE))
    told = Q(pk__in=[])
    for row in subscriptions:
        told |= Q(audience__told__contains=[{"group": row.group_id}])
    messages = (
        Message.objects.filter(told).select_related("content", "update", "bracket__ring").order_by("-pk")[:LOOKED_AT]
    )
    subscriber = Subscriber.objects.filter(recipient=point.recipient_id).first() or Subscriber()
    spoken = _in_one_language(messages, subscriber.language)
    candidates = [(message, [row.group_id for row in subscriptions if _wants(row, message)]) for message in spoken]
    return _by_the_inner_ring((message, groups) for message, groups in candidates if groups)[:NEWEST]


def _in_one_language(messages: Iterable[Message], language: str) -> list[Message]:
    """Returns one message for each update and ring, in this language or else in the default language; keeps the order."""
    picks: dict[tuple[int, int], Message] = {}
    for message in messages:
        key = (message.update_id, message.bracket_id)
        if message.language == language or message.language == DEFAULT and key not in picks:
            picks[key] = message
    return list(picks.values())


def _by_the_inner_ring(candidates: Iterable[tuple[Message, list[int]]]) -> list[tuple[Message, list[int]]]:
    """Returns one message for each update: that of the innermost ring; keeps the order."""
    picks: dict[int, tuple[Message, list[int]]] = {}
    for message, groups in candidates:
        there = picks.get(message.update_id)
        if there is None or message.bracket.ring.number < there[0].bracket.ring.number:
            picks[message.update_id] = message, groups
    return list(picks.values())


def _wants(row: Subscription, message: Message) -> bool:
    if row.kinds == Subscription.Kinds.ENDS and message.kind == Update.Kind.PROGRESS:
        return False
    if row.least_priority is not None and row.least_priority < message.audience["level"]:
        return False
    return any(
        cell["group"] == row.group_id
        and (not row.deployments or cell["deployment"] in row.deployments)
        and (not row.products or cell["product"] in row.products)
        for cell in message.audience["cells"]
    )


def words(content: Content, groups: list[int], point: ContactPoint, zone: str) -> str:
    """Returns the text of the message with this contact point's own passages and links, on the clock of `zone`."""
    own = {purpose: links.url(purpose, point) for purpose in content.links}
    return Letter(content, tuple(map(str, groups)), own, zone=zone).filled()


def _zone(point: ContactPoint) -> str:
    """Returns the reader's time zone: that of the subscriber's settings, else that of the person's login."""
    settings = Subscriber.objects.filter(recipient=point.recipient_id).first()
    user = point.recipient.user
    return str(settings.time_zone if settings else user.time_zone if user else "")


def common(content: Content) -> str:
    """Returns the text without its end, which is personal to each reader: their subscriptions and their links."""
    text, _, _ = content.text.partition(mark("parts"))
    return fill(text.rstrip().rpartition("\n")[0].rstrip(), {})  # the last line introduces what they subscribed to


def _since(point: ContactPoint) -> datetime:
    asked = Subscription.objects.filter(contact_point=point).order_by("-asked_at").values_list("asked_at", flat=True)
    return asked.first() or BEGINNING

"""A contact point's news as an Atom feed: one entry for each message to its groups, as it was said (RFC 4287)."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.db.models import Q
from django.http import HttpResponse
from django.template.defaultfilters import linebreaks
from django.utils.feedgenerator import Atom1Feed
from django.utils.http import http_date

from dispatching import personal
from dispatching.models import ContactPoint, Content
from dispatching.sharing import mark
from stakeholders.models import Message, Subscriber, Subscription, Update
from stakeholders.rules.languages import DEFAULT

NEWEST = 50
LOOKED_AT = 500  # messages


class Feed(Atom1Feed):
    """Says since when it has been as it is, also while it is empty: else each answer would be a new one."""

    def item_attributes(self, item: dict[str, Any]) -> dict[str, str]:
        return {"xml:lang": item["language"]}

    def latest_post_date(self) -> datetime:
        return self.feed["changed"]


def answer(point: ContactPoint) -> HttpResponse:
    """The feed's document. The address is secret: nobody on the way keeps it."""
    found = wanted(point)
    changed = max([message.created_at for message, _ in found] or [_since(point)])
    url = personal.url("feed", point.pk, point.link_version)
    manage = personal.url("manage", point.pk, point.link_version)
    host = urlsplit(settings.PUBLIC_URL).hostname or "localhost"
    feed = Feed("Outages", manage, "", feed_url=url, feed_guid=f"tag:{host},2026:feed/{point.pk}", changed=changed)
    for message, groups in found:
        feed.add_item(
            title=message.content.subject,
            link=f"{manage}#message-{message.pk}",
            description=linebreaks(words(message.content, groups, point), autoescape=True),
            unique_id=f"tag:{host},2026:update/{message.update_id}/{message.bracket_id}",  # the same in every language
            language=message.language,
            pubdate=message.created_at,
            updateddate=message.created_at,
        )
    response = HttpResponse(feed.writeString("utf-8"), content_type="application/atom+xml; charset=utf-8")
    response["Cache-Control"] = "private, max-age=60"
    response["X-Robots-Tag"] = "noindex"
    response["Referrer-Policy"] = "no-referrer"
    response["Last-Modified"] = http_date(changed.timestamp())
    return response


def wanted(point: ContactPoint) -> list[tuple[Message, list[int]]]:
    """The newest messages that this contact point subscribed to, each with the groups it came for; newest first."""
    if not point.usable:
        return []
    rows = list(Subscription.objects.filter(contact_point=point, state=Subscription.State.ACTIVE))
    told = Q(pk__in=[])
    for row in rows:
        told |= Q(audience__told__contains=[{"group": row.group_id}])
    messages = Message.objects.filter(told).select_related("content", "update").order_by("-pk")[:LOOKED_AT]
    subscriber = Subscriber.objects.filter(recipient=point.recipient_id).first() or Subscriber()
    spoken = _in_one_language(messages, subscriber.language)
    found = [(message, [row.group_id for row in rows if _wants(row, message)]) for message in spoken]
    return [(message, groups) for message, groups in found if groups][:NEWEST]


def _in_one_language(messages: Iterable[Message], language: str) -> list[Message]:
    """Of each update to a ring the message in this language, if there is one, else the default's; in their order."""
    found: dict[tuple[int, int], Message] = {}
    for message in messages:
        key = (message.update_id, message.bracket_id)
        if message.language == language or message.language == DEFAULT and key not in found:
            found[key] = message
    return list(found.values())


def _wants(row: Subscription, message: Message) -> bool:
    if row.kinds == Subscription.Kinds.ENDS and message.update.kind == Update.Kind.PROGRESS:
        return False
    if row.least_priority is not None and row.least_priority < message.audience["level"]:
        return False
    return any(
        cell["group"] == row.group_id
        and (not row.deployments or cell["deployment"] in row.deployments)
        and (not row.products or cell["product"] in row.products)
        for cell in message.audience["cells"]
    )


def words(content: Content, groups: list[int], point: ContactPoint) -> str:
    """The text of the message with what is this contact point's own in it."""
    parts = [content.parts.get(str(pk), {}).get("text", "") for pk in groups]
    text = content.text.replace(mark("parts"), "\n".join(filter(None, parts)))
    for purpose in content.links:
        text = text.replace(mark(purpose), personal.url(purpose, point.pk, point.link_version))
    return text


def _since(point: ContactPoint) -> datetime:
    asked = Subscription.objects.filter(contact_point=point).order_by("-asked_at").values_list("asked_at", flat=True)
    return asked.first() or datetime.fromisoformat("2026-01-01T00:00:00+00:00")

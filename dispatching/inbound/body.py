"""Reads the body of a request once, up to a limit, as bytes or as JSON."""

from typing import Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, UnreadablePostError

from dispatching.inbound.bad_input import BadInput, LengthRequired, TooLarge, UnsupportedBody
from dispatching.inbound.strict_json import loads

HIDDEN = "…"


def read_body(request: HttpRequest, limit: int | None = None) -> bytes:
    """The bytes as they arrived; raises BadInput (4xx in its `status`) if they are more than `limit`, compressed, or cut off."""
    limit = limit or settings.INTAKE_LIMIT
    too_large = f"body: larger than the limit of {limit // 1024} KiB ({limit} bytes)"
    if _announced(request) > limit:
        raise TooLarge(too_large)
    if request.headers.get("Content-Encoding", "identity").strip().lower() not in ("", "identity"):
        raise UnsupportedBody("Content-Encoding: compressed bodies are not read; send the body as it is")
    try:
        body = request.body
    except RequestDataTooBig:
        raise TooLarge(too_large) from None
    except UnreadablePostError:
        raise BadInput("body: the connection broke off before its end") from None
    if len(body) > limit:
        raise TooLarge(too_large)
    # Django reads as many bytes as Content-Length says, and none without it.
    if not body and "chunked" in request.headers.get("Transfer-Encoding", "").lower():
        raise LengthRequired("Content-Length: is required")
    return body


def read_json(request: HttpRequest) -> Any:
    """The object or list in the body, whatever media type Content-Type names; raises BadInput if there is none."""
    return loads(read_body(request), charset(request))


def without_key(payload: Any, key: str, request: HttpRequest) -> Any:
    """The payload with “…” for the integration's key in every text and name, because people read what events say."""
    return hidden(payload, key) if key.encode("utf-8", "replace") in sample(request) else payload


def hidden(value: Any, key: str) -> Any:
    """The text, or the JSON with every text and name in it, with “…” for the key."""
    if isinstance(value, str):
        return value.replace(key, HIDDEN)
    if isinstance(value, dict):
        return {name.replace(key, HIDDEN): hidden(inner, key) for name, inner in value.items()}
    return [hidden(inner, key) for inner in value] if isinstance(value, list) else value


def sample(request: HttpRequest) -> bytes:
    """The part of the body that was read; empty if the body was refused unread."""
    return getattr(request, "_body", b"")  # `request.body` would read the body now


def charset(request: HttpRequest) -> str | None:
    return (request.content_params or {}).get("charset")


def _announced(request: HttpRequest) -> int:
    try:
        return int(request.META.get("CONTENT_LENGTH") or 0)
    except ValueError:
        return 0

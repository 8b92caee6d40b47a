"""The headers of every answer: what a page may load, that it is not stored, and that it comes by TLS (S18, K28)."""

from typing import Any

from csp.constants import NONCE, NONE, SELF, UNSAFE_EVAL, UNSAFE_INLINE
from csp.middleware import CSPMiddleware, PolicyParts
from django.conf import settings
from django.http import HttpRequest, HttpResponseBase

NOTHING = "default-src 'none'; frame-ancestors 'none'"  # for what is no page
OURS: dict[str, Any] = {
    "default-src": [NONE],
    "style-src": [NONCE],
    "script-src": [SELF, NONCE],
    "img-src": [SELF, "data:"],
    "connect-src": [SELF],
    "worker-src": [SELF],
    "form-action": [SELF],
    "frame-ancestors": [NONE],
    "base-uri": [NONE],
}
# Unfold's pages contain scripts and styles, and Alpine evaluates attributes.
ADMIN: dict[str, Any] = {
    "default-src": [SELF],
    "script-src": [SELF, UNSAFE_INLINE, UNSAFE_EVAL],
    "style-src": [SELF, UNSAFE_INLINE],
    "img-src": [SELF, "data:"],
    "object-src": [NONE],
    "form-action": [SELF],
    "frame-ancestors": [NONE],
    "base-uri": [SELF],
}
# Swagger UI sets styles by script; its own script comes from a URL of its own.
DOCS: dict[str, Any] = {**ADMIN, "script-src": [SELF]}


class Headers(CSPMiddleware):
    """Adds what a view has not set itself. Static files have headers of their own, because WhiteNoise comes first."""

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        headers = response.headers
        if headers.get("Content-Type", "").startswith("text/html"):
            response = super().process_response(request, response)
        else:
            headers.setdefault("Content-Security-Policy", NOTHING)
        headers.setdefault("Cache-Control", "no-store")
        if settings.SESSION_COOKIE_SECURE:
            headers.setdefault("Strict-Transport-Security", "max-age=31536000")
        return response

    def get_policy_parts(
        self, request: HttpRequest, response: HttpResponseBase, report_only: bool = False
    ) -> PolicyParts:
        parts = super().get_policy_parts(request, response, report_only)
        match = request.resolver_match
        if match and not report_only:
            parts.config = ADMIN if match.app_name == "admin" else DOCS if match.view_name == "docs" else OURS
        return parts

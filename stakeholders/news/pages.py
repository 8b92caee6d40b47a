"""The Atom feeds of one contact point and of a group that is open to everyone."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import conditional_page, require_safe

from dispatching.contact import links
from stakeholders.groups import joining
from stakeholders.news import atom


@conditional_page
@require_safe
def feed(request: HttpRequest, token: str) -> HttpResponse:
    """The feed of one contact point. Its address is secret, and stops working when the links are renewed."""
    point = links.read("feed", token)
    return atom.answer(point) if point else render(request, "stakeholders/gone.html", status=404)


@conditional_page
@require_safe
def group_feed(request: HttpRequest, pk: int) -> HttpResponse:
    """The feed of a group that is open to everyone; the reader needs neither a login nor an e-mail address (B111, B112)."""
    return atom.of_group(get_object_or_404(joining.open_to(None), pk=pk))

"""Every form with two fields on a line, in a real browser at four widths: nothing lies over anything, nothing is cut off."""

import mimetypes
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.admin import site
from django.contrib.staticfiles import finders
from django.db.models import Model
from django.http import HttpRequest
from django.test import RequestFactory
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import Browser, Route

from dispatching import example
from schedules.models import Override, Schedule, User
from stakeholders import example as stakeholders_example
from stakeholders.models import Outage
from stakeholders.news import outages
from tests.browser import browser_of

pytestmark = pytest.mark.django_db
WIDTHS = (390, 1024, 1280, 1680)
HOST = "http://forms.test"
# What can be typed, pressed or read in the page's forms. A part is cut off if it lies beyond the screen or beyond a box that hides
# what is beyond it and cannot be scrolled; it is covered if something else lies on its middle or near one of its ends. Labels on
# one line begin at one height.
WRONG = """
() => {
  const found = [];
  for (const line of document.querySelectorAll(".field-row:has(> .field-line + .field-line)")) {
    const tops = new Map();
    for (const cell of line.children) {
      const label = cell.querySelector("label");
      const field = cell.querySelector("input:not([type=hidden], [type=checkbox]), select, textarea");
      if (label?.checkVisibility() && field && innerWidth >= 1024) tops.set(label.getBoundingClientRect().top, label);
    }
    if (tops.size > 1) found.push(`${[...tops.values()].map((label) => label.textContent.trim())}: not on one line`);
  }
  const seen = (element) => element.checkVisibility({ visibilityProperty: true, opacityProperty: true });
  const parts = "input:not([type=hidden]), select, textarea, button, a, label, .select2-selection";
  for (const form of document.querySelectorAll("main form, #content form, #content-main form"))
    for (const part of form.querySelectorAll(parts)) {
      let box = part.getBoundingClientRect();
      if (!seen(part) || box.width < 2 || box.height < 2 || part.closest(".select2-hidden-accessible, .empty-form, .preview"))
        continue;
      const name = `${part.tagName} ${part.name || part.id || part.htmlFor || part.textContent.trim().slice(0, 30)}`;
      let hidden = box.left < -1 || box.right > innerWidth + 1;
      for (let at = part.parentElement; at && at !== document.body; at = at.parentElement) {
        const edge = at.getBoundingClientRect(), beyond = getComputedStyle(at).overflowX;
        if (beyond === "auto" || beyond === "scroll") { hidden = false; break; }
        hidden ||= beyond !== "visible" && (box.left < edge.left - 1 || box.right > edge.right + 1);
      }
      if (hidden) found.push(`${name} is cut off`);
      part.scrollIntoView({ block: "center" });
      box = part.getBoundingClientRect();
      const middle = box.top + Math.min(box.height / 2, 20);
      for (const x of [box.left + 4, box.left + box.width / 2, box.right - 4]) {
        const top = document.elementFromPoint(x, middle);
        if (top && !part.contains(top) && !top.contains(part) && !(top.labels && [...top.labels].includes(part))
            && !top.closest("label")?.contains(part) && !part.closest("label")?.contains(top)) {
          found.push(`${name} is covered by ${top.tagName} ${top.name || top.id || top.className}`);
          break;
        }
      }
    }
  if (document.documentElement.scrollWidth > innerWidth) found.push("the page scrolls sideways");
  return [...new Set(found)];
}
"""


def two_on_a_line(fields: Any) -> bool:
    return any(isinstance(line, list | tuple) and len(line) > 1 for line in fields)


def page_of(model: type[Model], admin: Any, request: HttpRequest) -> str:
    """The form with two fields on a line: of the first object, with its rows, or to add one; empty if there is none."""
    name, obj = f"admin:{model._meta.app_label}_{model._meta.model_name}", model._default_manager.first()
    if not (admin.has_change_permission(request, obj) if obj else admin.has_add_permission(request)):
        return ""
    lines = [part["fields"] for _, part in admin.get_fieldsets(request, obj)]
    lines += [inline.get_fields(request, obj) for inline in admin.get_inline_instances(request, obj)]
    if not any(map(two_on_a_line, lines)):
        return ""
    return reverse(f"{name}_change", args=[obj.pk]) if obj else reverse(f"{name}_add")


@pytest.fixture
def forms(db) -> dict[str, bytes]:
    """The pages of the example, with rows for each kind of line: a takeover, an outage. Path → the page, as a coach sees it."""
    now = timezone.now()
    example.load(None)
    stakeholders_example.load(now=now)
    coach = User.objects.get(username="coach")
    for schedule in Schedule.objects.all():
        Override.objects.create(schedule=schedule, user=coach, start=now, end=now + timedelta(hours=1))
    outage = outages.declare(Outage(title="Uploads fail", started_at=now), now=now, by=coach)
    people = [reverse(name) for name in ("subscribe", "invite", "change_groups", "mine")]
    write = reverse("admin:stakeholders_outage_write", args=[outage.pk, "announcement"])
    client, request = browser_of(coach), RequestFactory().get("/")
    request.user = coach
    pages = [page_of(model, admin, request) for model, admin in site._registry.items()]
    return {path: client.get(path).content for path in [*filter(None, pages), write, *people]}


def answer(forms: dict[str, bytes]) -> Callable[[Route], None]:
    """Answers the browser's requests from the pages and the static files, so that no server is needed."""

    def fulfill(route: Route) -> None:
        path = route.request.url.removeprefix(HOST).partition("?")[0]
        file = finders.find(path.removeprefix("/static/")) if path.startswith("/static/") else None
        body = Path(str(file)).read_bytes() if file else forms.get(path, b"")
        kind = mimetypes.guess_type(path)[0] or "text/html; charset=utf-8"
        route.fulfill(body=body, content_type=kind)

    return fulfill


def test_nothing_is_covered_or_cut_off_on_any_form(forms, browser: Browser):
    """C11: on all forms with two fields on a line, and on those that people meet without the admin."""
    page = browser.new_context().new_page()
    page.route("**/*", answer(forms))
    wrong = []
    for path in forms:
        page.goto(f"{HOST}{path}", wait_until="load")
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 900})
            wrong += [f"{path} at {width}: {each}" for each in page.evaluate(WRONG)]
    assert not wrong, "\n".join(wrong)

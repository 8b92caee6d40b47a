"""What a browser does with a page: reads the form in it, sends it back; and what a table holds before and after."""

import re
from collections import defaultdict
from html.parser import HTMLParser
from typing import Any, Protocol

from django.apps import apps
from django.test import Client

from schedules.models import Submission, User

APPS = ("schedules", "dispatching", "stakeholders")
PHONE = {"width": 390, "height": 844}
NONCE = re.compile(r' nonce="[^"]*"')
NOT_SENT = ("submit", "button", "checkbox", "radio")  # the last two unless they are checked


def browser_of(user: User, **more) -> Client:
    client = Client(**more)
    client.force_login(user)
    return client


class _Form(HTMLParser):
    """The fields of the one form with this id, as the browser would send them."""

    def __init__(self, form_id: str):
        super().__init__()
        self.form_id, self.inside, self.select, self.area = form_id, False, "", ""
        self.data: dict[str, list[str]] = defaultdict(list)

    def handle_starttag(self, tag: str, found: list) -> None:
        attrs = dict(found)
        name, kind = attrs.get("name") or "", attrs.get("type")
        if tag == "form":
            self.inside = attrs.get("id") == self.form_id
        if not self.inside or "__prefix__" in name:
            return
        if tag == "select":
            self.select = name
        elif tag == "textarea":
            self.area = name
            self.data[name] = [""]
        elif tag == "option" and self.select and "selected" in attrs:
            self.data[self.select].append(attrs.get("value") or "")
        elif tag == "input" and name and (kind not in NOT_SENT or "checked" in attrs):
            self.data[name].append(attrs.get("value") or ("on" if kind == "checkbox" else ""))

    def handle_data(self, data: str) -> None:
        if self.inside and self.area:
            self.data[self.area][0] += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self.inside = False
        elif tag == "select":
            self.select = ""
        elif tag == "textarea":
            self.area = ""


class Page(Protocol):
    """What an answer of either client has."""

    @property
    def content(self) -> bytes: ...


def form_in(response: Page, form_id: str) -> dict[str, Any]:
    """The form's fields with their values; empty if the page has no such form."""
    parser = _Form(form_id)
    parser.feed(response.content.decode())
    return dict(parser.data)


def text(response: Page) -> str:
    """The page with every run of white space as one blank, without the number that each answer has of its own."""
    return " ".join(NONCE.sub("", response.content.decode()).split())


def everything() -> dict[str, list[tuple]]:
    """All rows of all tables of ours, but for the records that a form was carried out."""
    models = [model for app in APPS for model in apps.get_app_config(app).get_models() if model is not Submission]
    return {model._meta.label: list(model._base_manager.order_by("pk").values_list()) for model in models}

"""The permission table: every URL × method × actor. A new URL fails until it has a row in `permissions.txt` (S4, S16, K14).

After a change, run this test with WRITE=1, which writes the table anew, and read the difference line by line: it is the decision.
"""

import os
import re
from collections.abc import Iterator
from copy import copy
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.contrib.admin import site
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import Permission
from django.db import transaction
from django.db.models import Model
from django.http import HttpResponseBase
from django.template.backends.django import DjangoTemplates
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from guardian.shortcuts import assign_perm

from config.api import router
from schedules.models import User
from stakeholders.models import Outage, StakeholderGroup
from tests.browser import browser_of
from tests.dispatching.test_admin_pages import clock, lasting_organisation, organisation  # noqa: F401

pytestmark = pytest.mark.django_db
TABLE = Path(__file__).with_name("permissions.txt")
ACTORS = ("anonymous", "plain", "on call", "granted", "other team", "auditor", "coach")
ALL = ("GET", "POST", "PUT", "PATCH", "DELETE")
HEAD = f"""The actors, in this order: {", ".join(ACTORS)}.
plain: a login without staff. on call: staff, in the team that owns the object. granted: staff with the object permission to change it.
other team: staff. auditor: staff who may view everything. coach: a superuser.
+ let in (also with a wrong form, or a state that forbids it), l asked to log in, - refused, . not there or not with this method
"""


class NoPages(DjangoTemplates):
    """Pages are not rendered: who is let in is all that counts here, and it takes a tenth of the time."""

    def get_template(self, template_name: str) -> Any:
        return super().get_template(template_name) if template_name.startswith("messages/") else Nothing()


class Nothing:
    def render(self, context: Any = None, request: Any = None) -> str:
        return ""


def routes(resolver: URLResolver, before: str = "") -> Iterator[tuple[str, URLPattern]]:
    for each in resolver.url_patterns:
        if isinstance(each, URLPattern):
            yield before + str(each.pattern), each
        else:
            yield from routes(each, before + str(each.pattern))


def addresses() -> Iterator[tuple[str, str]]:
    """Each URL as (its route, a path to an object that is there). Of the API's two forms of each URL, the one without a format."""
    for route, pattern in routes(get_resolver()):
        if "format" in pattern.pattern.converters or "(?P<format>" in route or "\\.<" in route or "drf_format" in route:
            continue
        if "<str:name>" in route:
            model = model_of(route)
            for name in site._registry[model].verbs:  # type: ignore[attr-defined]
                yield plain(route.replace("<str:name>", name)), fill(route.replace("<str:name>", name))
        else:
            yield plain(route), fill(route)


def methods_of(route: str) -> tuple[str, ...]:
    """All methods of the API; of pages those that browsers send, and of two kinds of pages that Django only ever shows, one."""
    if route.startswith("api/v1/"):
        return ALL
    return ALL[:1] if route.endswith(("/<path:object_id>/history/", "/<path:object_id>/")) else ALL[:2]


def plain(route: str) -> str:
    for mark in ("^", "$", "\\Z", "\\"):
        route = route.replace(mark, "")
    return route.replace("(?P<pk>[0-9]{1,18})", "<pk>")


def model_of(route: str) -> type[Model]:
    _, app, name, *_ = route.split("/")
    return apps.get_model(app, name)


def fill(route: str) -> str:
    path = (
        plain(route).replace("r/<path:content_type_id>/<path:object_id>", "r/1/1").replace("<id>", "<path:object_id>")
    )
    if "<path:object_id>" in path:
        path = path.replace("<path:object_id>", str(first(model_of(path))))
    if "<pk>" in path:
        noun = path.split("/")[2]
        viewset = next(viewset for prefix, viewset, _ in router.registry if prefix == noun)
        path = path.replace("<pk>", str(first(viewset.queryset.model)))  # type: ignore[attr-defined]  # the stubs forget it
    path = path.replace("outage/<int:pk>/write/<slug:kind>", f"outage/{first(Outage)}/write/announcement")
    path = path.replace("outages/<int:pk>", f"outages/{first(Outage)}")
    path = path.replace("groups/<int:pk>", f"groups/{StakeholderGroup.objects.filter(openness='everyone')[0].pk}")
    path = re.sub(r"\(\?P<app_label>[a-z_|]+\)", "schedules", path).replace("(?P<url>.*)", "nothing/")
    for loose, strict in (("[/]*", ""), ("/+", "/"), ("/*", "/"), ("(?:/.*)?", "/nothing"), (".*", "nothing")):
        path = path.replace(loose, strict)
    path = re.sub(r"\(\?P<\w+>\[/\]\+\)", "forged", path).replace("(?:v2|generic|integrations|inbound)", "v2")
    for name in ("key", "secret", "token"):
        path = path.replace(f"<str:{name}>", "forged").replace(f"<slug:{name}>", "forged")
    assert not set("<>()[]*") & set(path), f"{route} names something that this test cannot fill in yet"
    return f"/{path}"


def first(model: type[Model]) -> Any:
    row = model._default_manager.order_by("pk").first()
    return row.pk if row else 0


@pytest.fixture
def cast(world, organisation, settings, monkeypatch) -> dict[str, str]:  # noqa: F811
    """The session of each actor. They and their rights are looked up once, not for each of six thousand requests."""
    settings.SESSION_ENGINE = "django.contrib.sessions.backends.signed_cookies"
    people = {
        name: world.person(name.replace(" ", "-"), is_staff=name != "plain") for name in ("plain", "granted", "auditor")
    }
    people |= {"on call": User.objects.get(username="ana"), "other team": User.objects.get(username="dee")}
    people["coach"] = User.objects.get(username="coach")
    people["auditor"].user_permissions.set(Permission.objects.filter(codename__startswith="view_"))
    for model in site._registry:
        if row := model._default_manager.order_by("pk").first():
            assign_perm(f"{model._meta.app_label}.change_{model._meta.model_name}", people["granted"], row)
    known = {user.pk: User.objects.get(pk=user.pk) for user in people.values()}
    for user in known.values():
        user.get_all_permissions()
    monkeypatch.setattr(ModelBackend, "get_user", lambda self, pk: copy(known[int(pk)]))
    sessions = {name: browser_of(user).cookies["sessionid"].value for name, user in people.items()}
    return {"anonymous": "", **sessions}


def ask(client: Client, method: str, path: str, session: str) -> str:
    """One cell of the table; whatever it wrote is taken back."""
    client.cookies = SimpleCookie({"sessionid": session})
    kind = {"content_type": "application/json"} if path.startswith("/api/") and method != "GET" else {}
    with transaction.atomic():
        answer = getattr(client, method.lower())(path, {}, **kind)
        transaction.set_rollback(True)
    return mark(answer, f"{method} {path}")


def mark(answer: HttpResponseBase, what: str) -> str:
    status = answer.status_code
    if status >= 500 and status != 503:  # health is red here: nothing runs
        print(f"{what} is {status}")
        return "!"
    if status == 401 or status == 302 and "/login/?" in answer["Location"]:
        return "l"
    return "-" if status == 403 else "." if status in (404, 405) else "+"


def test_who_may_ask_for_what_is_in_the_table(cast, settings, monkeypatch):
    """Must show 3 of the faults; also the answer to a new URL without a row."""
    settings.TEMPLATES = [{**settings.TEMPLATES[0], "BACKEND": "tests.test_permissions.NoPages"}]
    monkeypatch.setattr(site, "each_context", lambda request: {})  # the side bar, for pages that are not rendered
    client = Client(raise_request_exception=False)  # one, because each makes all middleware anew
    lines = []
    for route, path in addresses():
        methods = methods_of(route)
        cells = [
            method + " " + "".join(ask(client, method, path, cast[actor]) for actor in ACTORS) for method in methods
        ]
        lines.append(f"{route or '/'}  {'  '.join(cells)}")
    assert not [line for line in lines if "!" in line]
    if os.environ.get("WRITE"):
        TABLE.write_text(HEAD + "\n" + "\n".join(sorted(lines)) + "\n")
    known = set(TABLE.read_text().partition("\n\n")[2].splitlines())
    wrong = [f"now {line}" for line in sorted(set(lines) - known)]
    wrong += [f"was {line}" for line in sorted(known - set(lines))]
    assert wrong == []

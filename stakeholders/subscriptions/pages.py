"""The public pages of subscribers. Only POST changes anything, because link checkers in mail systems GET every link (K11)."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, JsonResponse, QueryDict
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from dispatching.channels import push
from dispatching.channels.email.channel import readable
from dispatching.contact import links as contact_links
from dispatching.models import ContactPoint
from schedules import clock
from schedules.models import User
from schedules.refused import Refused
from schedules.surfaces.access import person
from schedules.surfaces.pages import sent_once
from stakeholders.groups import joining
from stakeholders.groups.joining import Wish
from stakeholders.models import SignUp, StakeholderGroup
from stakeholders.news import outages
from stakeholders.subscriptions import forms, links, overview, sign_ups, subscribing
from stakeholders.subscriptions import help_page as help_counter
from stakeholders.subscriptions.subscribing import BY_LINK, BY_MAIL_PROGRAM, BY_PAGE

page = require_http_methods(["GET", "HEAD", "POST"])


def by_token(purpose: str, read: Callable[[str, str], ContactPoint | None]) -> Callable:
    """Decorates a page whose address is the key. It uses no login and no cookie, so there is nothing for CSRF to protect; it is
    never cached, and its address is not passed on as a referrer.
    """

    def wrap(view: Callable[[HttpRequest, ContactPoint, datetime], HttpResponse]) -> Callable:
        @csrf_exempt
        @never_cache
        @page
        def answer(request: HttpRequest, token: str) -> HttpResponse:
            point = read(purpose, token)
            response = view(request, point, clock.now()) if point else _gone(request)
            response["Referrer-Policy"] = "no-referrer"
            response["X-Robots-Tag"] = "noindex"
            return response

        return answer

    return wrap


def _gone(request: HttpRequest) -> HttpResponse:
    return render(request, "stakeholders/gone.html", status=404)


# --- without a link ----------------------------------------------------------------------------------------------------


# A reader without a login has nothing that a forged form could use; what a login opens is protected.
@csrf_exempt
@never_cache
@page
def subscribe(request: HttpRequest) -> HttpResponse:
    """Subscribes: at once for people who are logged in and have a usable contact point, by confirmation for everybody else."""
    if not request.user.is_authenticated:
        return _ask_for_address(request)
    usable = ContactPoint.objects.usable().filter(recipient__user=request.user).exists()
    return csrf_protect(_subscribe_oneself if usable else _ask_for_address)(request)


def _subscribe_oneself(request: HttpRequest) -> HttpResponse:
    user, now = request.user, clock.now()
    assert isinstance(user, User)
    form, refused = (
        forms.SubscribeOneselfForm(_sent(request), groups=joining.offered(joining.open_to(user)), user=user),
        "",
    )
    if request.method == "POST" and form.is_valid():
        point, wish = form.cleaned_data["point"], form.wish()
        wishes = {group: joining.within(group, wish) for group in form.cleaned_data["groups"]}
        try:
            subscribing.choose(point, wishes, asked_from="logged in", now=now)
        except Refused as error:
            refused = str(error)
        else:
            messages.success(request, "Saved. From now on you get the messages that you chose.")
            return redirect(contact_links.path("manage", point))
    return _show(
        request, "stakeholders/subscribe.html", form, refused=refused, feeds=joining.offered(joining.open_to(None))
    )


def _ask_for_address(request: HttpRequest) -> HttpResponse:
    # Any address may be entered here, so groups for product delivery are not offered, and the record says who asked.
    asked_by = request.user if isinstance(request.user, User) else None
    groups = joining.invitable(asked_by) if asked_by else joining.open_to(None)
    form = forms.SubscribeForm(_sent(request), groups=joining.offered(groups))
    if request.method == "POST" and form.is_valid():
        _take(request, form, invited_by=asked_by)
        return render(request, "stakeholders/asked.html", _shown(form))
    key = "" if request.user.is_authenticated else push.public_key()
    return _show(
        request, "stakeholders/subscribe.html", form, browser_key=key, feeds=joining.offered(joining.open_to(None))
    )


# The endpoint uses no cookie, so there is nothing that a forged form could use.
@csrf_exempt
@never_cache
@require_POST
def subscribe_browser(request: HttpRequest) -> HttpResponse:
    """Subscribes a browser to its own notifications, for the script of the page above. Answers in JSON with the path of the manage
    page ("manage") or with what is wrong ("wrong").
    """
    now = clock.now()
    form = forms.BrowserForm(request.POST, groups=joining.offered(joining.open_to(None)))
    if not form.is_valid():
        return JsonResponse({"wrong": " ".join(error for _, _, error in form.wrong())}, status=400)
    if not sign_ups.let_in(sign_ups.sender(request.META), now=now):
        return JsonResponse(
            {"wrong": "Too many people are subscribing right now. Please try again in an hour."}, status=429
        )
    address, groups = form.cleaned_data["address"], form.cleaned_data["groups"]
    try:
        point = subscribing.join("push", address, groups, wish=form.wish(), asked_from="browser", now=now)
    except Refused as refused:
        return JsonResponse({"wrong": str(refused)}, status=409)
    return JsonResponse({"manage": contact_links.path("manage", point)})


@require_safe
def browser_worker(request: HttpRequest) -> HttpResponse:
    """The script that the browser starts when a notification arrives; its scope is the pages below its own address."""
    return render(request, "stakeholders/worker.js", content_type="text/javascript")


@login_required
@never_cache
@page
def invite(request: HttpRequest) -> HttpResponse:
    """Lets a colleague suggest groups to a person outside, who gets only one question until they confirm (B122)."""
    user = person(request)
    form = forms.InviteForm(_sent(request), groups=joining.offered(joining.invitable(user)))
    if request.method == "POST" and form.is_valid():
        _take(request, form, invited_by=user)
        messages.success(request, "We send them one message. They get nothing else until they say yes.")
        return redirect("invite")
    return _show(request, "stakeholders/invite.html", form)


@csrf_exempt
@never_cache
@page
def new_link(request: HttpRequest) -> HttpResponse:
    """Sends a new link to people who have lost theirs. The page never says whether the address is known."""
    form = forms.LinkForm(_sent(request))
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        wish = SignUp(kind=SignUp.Kind.LINK, channel=data["channel"], address=data["address"])
        sign_ups.take(wish, ip=sign_ups.sender(request.META), now=clock.now())
        return render(request, "stakeholders/link_sent.html", _shown(form))
    return _show(request, "stakeholders/new_link.html", form)


@csrf_exempt
@never_cache
@page
def help_page(request: HttpRequest) -> HttpResponse:
    """Shows what subscribers should know (B116); POST reports that the page was seen, or whether it helped."""
    ip, now = sign_ups.sender(request.META), clock.now()
    if "seen" in request.POST:
        help_counter.seen(help_counter.HELP, ip=ip, now=now)
        return HttpResponse(status=204)
    form = forms.HelpedForm(_sent(request))
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        helped = data["helped"] == "yes"
        help_counter.answer(help_counter.HELP, helped=helped, comment=data["comment"], ip=ip, now=now)
        return _show(request, "stakeholders/help.html", forms.HelpedForm(), thanks=True)
    return _show(request, "stakeholders/help.html", form)


@login_required
@never_cache
@page
@sent_once
def mine(request: HttpRequest) -> HttpResponse:
    """Shows the reader's own subscriptions and the outages they were about; POST comments on an outage's priority."""
    user = person(request)
    form = forms.CommentForm(_sent(request), told=overview.told_to_user(user))
    if request.method == "POST" and form.is_valid():
        outages.comment(**form.cleaned_data, by=user, now=clock.now())
        messages.success(request, "Your comment goes to the people who look after this outage.")
        return redirect("my_subscriptions")
    return _show(request, "stakeholders/mine.html", form, **overview.overview(user))


def _sent(request: HttpRequest) -> QueryDict | None:
    return request.POST if request.method == "POST" else None


def _shown(form: forms.AddressForm) -> dict[str, Any]:
    """Returns what was sent, with the address as its owner wrote it."""
    return form.cleaned_data | {"address": readable(form.cleaned_data["address"])}


def _take(
    request: HttpRequest, form: forms.SubscribeForm | forms.InviteForm, *, invited_by: User | None = None
) -> None:
    data, wish = form.cleaned_data, form.wish()
    sign_up = SignUp(
        channel=data["channel"],
        address=data["address"],
        groups=sorted(group.pk for group in data["groups"]),
        deployments=list(wish.deployments),
        products=list(wish.products),
        kinds=wish.kinds,
        invited_by=invited_by,
    )
    sign_ups.take(sign_up, ip=sign_ups.sender(request.META), now=clock.now())


def _show(request: HttpRequest, template: str, form: Any, *, refused: str = "", **more: Any) -> HttpResponse:
    status = 409 if refused else 400 if form.is_bound and form.errors else 200
    context = {"form": form, "wrong": form.wrong(), "refused": refused, **more}
    return render(request, template, context, status=status)


# --- by a link ---------------------------------------------------------------------------------------------------------


@by_token("confirm", links.read)
def confirm(request: HttpRequest, point: ContactPoint, now: datetime) -> HttpResponse:
    context: dict[str, Any] = {"point": point, "not_me": links.path("not_me", point)}
    if request.method == "POST":
        try:
            subscribing.confirm(point, now=now)
        except Refused as refused:
            return render(request, "stakeholders/confirm.html", context | {"refused": str(refused)}, status=409)
    subscriptions = overview.rows(point)
    context |= {
        "asked": [row for row in subscriptions if row.state == row.State.ASKED],
        "active": [row for row in subscriptions if row.state == row.State.ACTIVE],
        "manage": contact_links.path("manage", point),
    }
    context["broken"] = overview.broken_for(context["active"])
    return render(request, "stakeholders/confirm.html", context)


@by_token("not_me", links.read)
def not_me(request: HttpRequest, point: ContactPoint, now: datetime) -> HttpResponse:
    if request.method == "POST":
        subscribing.not_me(point, now=now)
    return render(request, "stakeholders/not_me.html", {"done": request.method == "POST"})


@by_token("unsubscribe", contact_links.read)
def unsubscribe(request: HttpRequest, point: ContactPoint, now: datetime) -> HttpResponse:
    """Ends all subscriptions by one POST (RFC 8058), or the one that a button names; a second POST does no harm."""
    subscriptions, stopped = overview.rows(point), ""
    if request.method == "POST" and "group" in request.POST:
        for row in subscriptions:
            if str(row.group_id) == request.POST["group"]:
                subscribing.end(row, reason=f"left: {BY_LINK}", now=now)
                stopped = row.group.name
        subscriptions = overview.rows(point)
    elif request.method == "POST":
        by_program = request.POST.get("List-Unsubscribe") == "One-Click"
        subscribing.leave_everything(point, reason=BY_MAIL_PROGRAM if by_program else BY_LINK, now=now)
        subscriptions = []
    context = {"rows": subscriptions, "stopped": stopped, "manage": contact_links.path("manage", point)}
    return render(request, "stakeholders/unsubscribe.html", context)


@by_token("manage", contact_links.read)
def manage(request: HttpRequest, point: ContactPoint, now: datetime) -> HttpResponse:
    post = _sent(request)
    do = post.get("do", "save") if post is not None else ""
    if do == "leave":
        subscribing.leave_everything(point, reason=BY_PAGE, now=now)
        return redirect(f"{request.path}?saved")
    if do == "revoke":
        contact_links.revoke(point)
        return redirect(f"{contact_links.path('manage', point)}?saved")
    wishes = overview.wish_forms(point, post)
    how = forms.SettingsForm(post, instance=overview.settings_of(point, keep=post is not None))
    refused = ""
    both: list[forms.WishForm | forms.SettingsForm] = [*wishes, how]
    wrong = [error for form in both for error in form.wrong()]
    if post is not None and not wrong:
        try:
            subscribing.choose(point, _wishes(wishes), now=now)
            how.save()
            return redirect(f"{request.path}?saved")
        except Refused as error:
            refused = str(error)
    context = {
        "point": point,
        "wishes": wishes,
        "active": any(form.row and form.row.state == form.row.State.ACTIVE for form in wishes),
        "how": how,
        "wrong": wrong,
        "refused": refused,
        **overview.addresses_of(point),
    }
    return render(request, "stakeholders/manage.html", context, status=409 if refused else 400 if wrong else 200)


def _wishes(wishes: list[forms.WishForm]) -> dict[StakeholderGroup, Wish | None]:
    return {form.group: form.wish() for form in wishes}

from django.contrib import admin
from django.contrib.auth.views import LoginView, LogoutView
from django.urls import include, path, re_path
from django.views.generic import RedirectView
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from config.access.login import LoginForm
from config.api import router, without_slash
from config.health import health
from config.metrics import metrics
from dispatching.alerts.pages import alert_page
from dispatching.inbound import endpoints
from schedules.arrangements.pages import ask_for_swap, mine
from schedules.calendars.pages import calendar
from schedules.people.pages import account
from schedules.rota.pages import on_call_now
from stakeholders.definitions.pages import stakeholder_guide
from stakeholders.groups.pages import change_groups
from stakeholders.news.pages import feed, group_feed
from stakeholders.subscriptions import pages as subscriptions
from stakeholders.subscriptions.endpoints import inbound_bounces, inbound_mail
from stakeholders.teams.pages import own_outage

urlpatterns = [
    # These come first because they get by far the most requests.
    path("integrations/<str:key>/events/", endpoints.own_events, name="own_events"),
    path("integrations/<str:key>/alertmanager/", endpoints.from_alertmanager, name="from_alertmanager"),
    path("integrations/<str:key>/grafana/", endpoints.from_grafana, name="from_grafana"),
    path("v2/enqueue", endpoints.enqueue, name="enqueue"),
    path("generic/2010-04-15/create_event.json", endpoints.enqueue_v1, {"status": 200}, name="enqueue_v1"),
    path("inbound/mail/<str:secret>/", inbound_mail, name="inbound_mail"),
    path("inbound/bounces/<str:secret>/", inbound_bounces, name="inbound_bounces"),
    path("", RedirectView.as_view(url="/on-call/")),
    path("admin/", admin.site.urls),
    path("login/", LoginView.as_view(authentication_form=LoginForm), name="login"),
    path("logout/", LogoutView.as_view(next_page="login"), name="logout"),
    path("account/", account, name="account"),
    path("on-call/", on_call_now, name="on_call"),
    path("on-call/mine/", mine, name="mine"),
    path("on-call/mine/swap/", ask_for_swap, name="ask_for_swap"),
    path("calendar/<slug:token>.ics", calendar, name="calendar"),
    path("a/<str:token>/", alert_page, name="alert_page"),
    path("stakeholders/", stakeholder_guide, name="stakeholder_guide"),
    path("stakeholders/change/", change_groups, name="change_groups"),
    path("stakeholders/outages/<int:pk>/own/", own_outage, name="own_outage"),
    path("subscribe/", subscriptions.subscribe, name="subscribe"),
    path("subscribe/browser/", subscriptions.subscribe_browser, name="subscribe_browser"),
    path("subscribe/worker.js", subscriptions.browser_worker, name="browser_worker"),
    path("subscribe/invite/", subscriptions.invite, name="invite"),
    path("subscribe/help/", subscriptions.help_page, name="subscribe_help"),
    path("subscriptions/mine/", subscriptions.mine, name="my_subscriptions"),
    path("subscriptions/new-link/", subscriptions.new_link, name="new_link"),
    path("subscriptions/confirm/<str:token>/", subscriptions.confirm, name="confirm"),
    path("c/<str:token>/", subscriptions.confirm, name="confirm_short"),
    path("subscriptions/not-me/<str:token>/", subscriptions.not_me, name="not_me"),
    path("subscriptions/<str:token>/", subscriptions.manage, name="manage"),
    path("subscriptions/<str:token>/feed.atom", feed, name="feed"),
    path("groups/<int:pk>/feed.atom", group_feed, name="group_feed"),
    path("unsubscribe/<str:token>/", subscriptions.unsubscribe, name="unsubscribe"),
    path("api/v1/", include(router.urls)),
    path("api/schema/", SpectacularAPIView.as_view(), name="schema"),
    # It has no answer to OPTIONS in the form that it renders.
    path(
        "api/docs/",
        SpectacularSwaggerSplitView.as_view(url_name="schema", http_method_names=["get", "head"]),
        name="docs",
    ),
    path("healthz", health, name="healthz"),
    path("readyz", health, name="readyz"),
    path("metrics", metrics, name="metrics"),
    # Machines follow no redirect with a body, so the slashes may be as they like; and what they get wrong they are told as JSON.
    re_path(r"^[/]*integrations/+(?P<key>[^/]+)/+events/*$", endpoints.own_events),
    re_path(r"^[/]*integrations/+(?P<key>[^/]+)/+alertmanager/*$", endpoints.from_alertmanager),
    re_path(r"^[/]*integrations/+(?P<key>[^/]+)/+grafana/*$", endpoints.from_grafana),
    re_path(r"^[/]*integrations/+(?P<key>[^/]+)/.*$", endpoints.no_format),
    re_path(r"^[/]*v2/+enqueue/*$", endpoints.enqueue),
    re_path(r"^[/]*v2/+change/+enqueue/*$", endpoints.change_events),
    re_path(r"^[/]*generic/+2010-04-15/+create_event\.json/*$", endpoints.enqueue_v1, {"status": 200}),
    re_path(r"^[/]*inbound/+mail/+(?P<secret>[^/]+)/*$", inbound_mail),
    re_path(r"^[/]*inbound/+bounces/+(?P<secret>[^/]+)/*$", inbound_bounces),
    re_path(r"^[/]*(?:v2|generic|integrations|inbound)(?:/.*)?$", endpoints.nothing_here),
    re_path(r"^[/]*api/.*/$", endpoints.nothing_here),
    re_path(r"^[/]*api/.*$", without_slash),
]

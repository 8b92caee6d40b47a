"""Our URLs, with the personal links of stakeholders whatever the views behind them are."""

from django.urls import path
from django.views.generic import RedirectView

from config.urls import urlpatterns as ours

urlpatterns = [
    path("subscriptions/<str:token>/", RedirectView.as_view(url="/"), name="manage"),
    path("unsubscribe/<str:token>/", RedirectView.as_view(url="/"), name="unsubscribe"),
    *ours,
]

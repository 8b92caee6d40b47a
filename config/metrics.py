"""/metrics for Prometheus, read from the database at each request, so that every process gives the same values."""

from collections.abc import Iterator

from django.http import HttpRequest, HttpResponse
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from config.health import overdue
from dispatching import agreement, channels
from dispatching.models import Alert, Delivery, Escalation, Medium, SweepRecord
from schedules import clock


class FromDatabase(Collector):
    def collect(self) -> Iterator[Metric]:
        now = clock.now()
        late = GaugeMetricFamily("tocsin_overdue_rows", "Rows due for more than a minute.", labels=["kind"])
        for kind, count in overdue(now).items():
            late.add_metric([kind], count)
        yield late
        alerts = Alert.objects.exclude(state=Alert.State.RESOLVED).count()
        yield GaugeMetricFamily("tocsin_open_alerts", "Alerts that are not resolved.", alerts)
        running = Escalation.objects.running().count()
        yield GaugeMetricFamily("tocsin_running_escalations", "Escalations that are still running.", running)
        yield GaugeMetricFamily(
            "tocsin_live_deliveries", "Deliveries still on their way.", Delivery.objects.live().count()
        )
        age = GaugeMetricFamily(
            "tocsin_sweep_age_seconds", "Seconds since the last run was completed.", labels=["name"]
        )
        repaired = GaugeMetricFamily(
            "tocsin_repaired_rows", "Rows that the last run repaired: each is a bug.", labels=["name"]
        )
        for record in SweepRecord.objects.all():
            age.add_metric([record.name], (now - record.completed_at).total_seconds())
            repaired.add_metric([record.name], record.repaired)
        yield age
        yield repaired
        failing = GaugeMetricFamily(
            "tocsin_medium_failing_seconds",
            "Seconds since everything sent by this medium has failed.",
            labels=["channel"],
        )
        since = dict(Medium.objects.failing(now).values_list("channel", "failing_since"))
        for channel, _ in channels.kinds():
            failing.add_metric([channel], (now - (since.get(channel) or now)).total_seconds())
        yield failing
        differing = len(agreement.differing(now))
        yield GaugeMetricFamily("tocsin_differing_settings", "Shared settings in which processes differ.", differing)


def metrics(request: HttpRequest) -> HttpResponse:
    """Answers with counts and ages only, no names and no addresses."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(FromDatabase())
    return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)

"""The chain of an outage (unusual): an alert of the chain's service asks people to acknowledge that they know about it (B8, B9)."""

from contextlib import suppress
from datetime import datetime

from dispatching.alerts import intake, lifecycle
from dispatching.models import Alert
from dispatching.rules.event import Event
from schedules.models import User
from schedules.refused import Refused
from stakeholders.models import Outage


def ask(outage: Outage, *, now: datetime) -> str:
    """Asks for an acknowledgement. Returns words for the outage's timeline, empty if it has no chain or has asked before."""
    if outage.chain is None:
        return ""
    event = Event(
        action="trigger",
        dedup_key=_key(outage),
        summary=f"Please acknowledge that you know about this: {outage.title}",
        source="Tocsin",
        details={"outage": outage.pk},
    )
    [accepted] = intake.accept(outage.chain, [event], now=now)
    if accepted.outcome != "triggered":
        return ""
    return f"an acknowledgement is requested through {outage.chain.service}: alert #{accepted.alert_id}"


def stop(outage: Outage, *, now: datetime, by: User | None) -> None:
    """Resolves the alert that asks, with the person who ended the outage: that was no source (bA6)."""
    asking = Alert.objects.filter(integration=outage.chain_id, dedup_key=_key(outage), resolved_at=None)
    for alert in asking if outage.chain_id else ():
        with suppress(Refused):  # somebody else was quicker
            lifecycle.resolve(alert, by=by, via=f"the end of outage #{outage.pk}", now=now)


def _key(outage: Outage) -> str:
    return f"{Alert.OURS}outage/{outage.pk}"

"""How an alert stands: who has been paged, and who is next if nobody acknowledges."""

from datetime import datetime

from dispatching.models import Alert, Escalation, Page
from dispatching.rules.escalation import FrozenStep, step_at


def running(alert: Alert) -> Escalation | None:
    return Escalation.objects.running().filter(alert=alert).select_related("policy").first()


def next_step(escalation: Escalation) -> FrozenStep | None:
    """The step that runs next; None at the end of the policy."""
    # The policy is not frozen until the first step has run.
    snapshot = escalation.snapshot or (escalation.policy.snapshot() if escalation.policy else None)
    return step_at(snapshot, escalation.position) if snapshot else None


def paged(alert: Alert) -> list[tuple[str, datetime]]:
    """The people who have been paged, each with the time of their first page."""
    first: dict[str, datetime] = {}
    for page in Page.objects.filter(alert=alert).select_related("recipient__user", "delivery").order_by("pk"):
        first.setdefault(page.recipient.name, page.delivery.created_at)
    return list(first.items())


def then(alert: Alert) -> tuple[str, datetime] | None:
    """Who is paged next and when, if nobody acknowledges; None if nothing escalates."""
    escalation = running(alert)
    if escalation is None or escalation.due_at is None:
        return None
    step = next_step(escalation)
    names = " and ".join(f"{target['type']} {target['name']}" for target in step.targets) if step else "the last resort"
    return names, escalation.due_at

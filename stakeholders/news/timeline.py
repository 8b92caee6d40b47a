"""The lines of an outage's timeline."""

from datetime import datetime

from dispatching.models import Notice
from schedules.models import User
from stakeholders.models import Outage, OutageEvent


def note(outage: Outage, text: str, *, now: datetime, by: User | None = None, notice: Notice | None = None) -> None:
    """Adds a line to the outage's timeline; with `notice` it also says whether that message has been sent."""
    OutageEvent.objects.create(outage=outage, at=now, text=text, by=by, notice=notice)

"""The health page: red if the last sweep is too long ago, rows are overdue, a medium only fails, or processes differ.

Without these checks, an answer would prove only that the web process runs.
"""

from datetime import datetime, timedelta

from django.db import DatabaseError, ProgrammingError
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache

from dispatching import agreement, audit
from dispatching.channels import spoken
from dispatching.models import FAILING_FOR, Medium, SweepRecord
from schedules import clock
from stakeholders import sweep as stakeholders

SWEEP_AGE = timedelta(seconds=60)
AUDIT_AGE = timedelta(minutes=10)  # without beat it comes every fifteen sweeps, which is nine minutes at most
SWEEPS = {
    "sweep": ("sweep", SWEEP_AGE),
    "stakeholders": ("sweep of the stakeholders' messages", SWEEP_AGE),
    "audit": ("audit", AUDIT_AGE),
}
LATER = {"audit"}  # it is not there yet when the first sweeps are


def overdue(now: datetime) -> dict[str, int]:
    """The number of rows that have been due for more than a minute, by kind, of all apps."""
    return audit.overdue(now) | stakeholders.overdue(now)


@never_cache
def health(request: HttpRequest) -> JsonResponse:
    """Answers 200, or 503 with a list of problems. Contains no names and no addresses."""
    try:
        now = clock.now()
        last = dict(SweepRecord.objects.filter(name__in=SWEEPS).values_list("name", "completed_at"))
        late = overdue(now)
        unheard = troubles(now)
    except ProgrammingError:
        problem = "the database is not prepared for this version: run manage.py migrate"
        return JsonResponse({"status": "red", "problems": [problem]}, status=503)
    except DatabaseError:
        return JsonResponse({"status": "red", "problems": ["the database cannot be reached"]}, status=503)
    problems = [f"{count} {kind} overdue by more than a minute" for kind, count in late.items() if count]
    problems += unheard
    for name, (words, age) in SWEEPS.items():
        if name not in last:
            problems += [] if name in LATER else [f"no {words} has ever been completed"]
        elif now - last[name] > age:
            problems.append(f"no {words} has been completed since {last[name].isoformat()}")
    body = {"status": "red" if problems else "green", "problems": problems}
    return JsonResponse(body, status=503 if problems else 200)


def troubles(now: datetime) -> list[str]:
    """What keeps people from being told although all work is done in time."""
    failing = Medium.objects.failing(now).filter(failing_since__lte=now - FAILING_FOR).order_by("channel")
    sentences = [f"everything sent by {spoken(medium.channel)} has failed for more than a minute" for medium in failing]
    if names := agreement.differing(now):
        sentences.append(f"processes have different values of {', '.join(names)}")
    return sentences

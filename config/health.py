"""The health page: red if the last sweep is too long ago or rows are overdue.

Without these two checks, an answer would prove only that the web process runs.
"""

from datetime import timedelta

from django.db import DatabaseError
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache

from dispatching.audit import overdue
from dispatching.models import SweepRecord
from schedules import clock

SWEEP_AGE = timedelta(seconds=60)


@never_cache
def health(request: HttpRequest) -> JsonResponse:
    """Answers 200, or 503 with a list of problems. Contains no names and no addresses."""
    try:
        now = clock.now()
        last = SweepRecord.objects.filter(name="sweep").first()
        late = overdue(now)
    except DatabaseError:
        return JsonResponse({"status": "red", "problems": ["the database cannot be reached"]}, status=503)
    problems = [f"{count} {kind} overdue by more than a minute" for kind, count in late.items() if count]
    if last is None or now - last.completed_at > SWEEP_AGE:
        since = last.completed_at.isoformat() if last else "ever"
        problems.append(f"no sweep has been completed since {since}")
    body = {"status": "red" if problems else "green", "problems": problems}
    return JsonResponse(body, status=503 if problems else 200)

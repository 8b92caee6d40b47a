"""One endpoint: parse, look up the integration, insert or count the alert, insert the event, answer 202."""

import hashlib
import json
import os

from django.core.wsgi import get_wsgi_application
from django.db import connection, transaction
from django.http import JsonResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt

FIND = "SELECT id FROM integration WHERE key_hash = %s"
COUNT = """
INSERT INTO alert (integration_id, dedup_key, state, summary, occurrences, last_at)
VALUES (%s, %s, 'triggered', %s, 1, now())
ON CONFLICT (integration_id, dedup_key) WHERE state <> 'resolved'
DO UPDATE SET occurrences = alert.occurrences + 1, last_at = excluded.last_at RETURNING id
"""
TELL = "INSERT INTO event (alert_id, at, data) VALUES (%s, now(), %s)"


def digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


@csrf_exempt
def accept(request, key):
    event = json.loads(request.body)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(FIND, [digest(key)])
        (integration,) = cursor.fetchone()
        cursor.execute(COUNT, [integration, event["dedup_key"], event["summary"]])
        (alert,) = cursor.fetchone()
        cursor.execute(TELL, [alert, json.dumps(event)])
    response = JsonResponse({"status": "success", "alert": alert}, status=202)
    response.headers["Content-Length"] = str(len(response.content))
    return response


urlpatterns = [path("integrations/<str:key>/events/", accept)]
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "benchmarks.bare.settings")
application = get_wsgi_application()

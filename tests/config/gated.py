"""What granian serves in test_gate.py: the real gate, briefly patient, before an application that is stuck on demand."""

import json
import threading
from typing import Any

from django.conf import settings

from config.serving.gate import Gate, Patience

settings.configure(INTAKE_LIMIT=1000)
FREED = threading.Event()


def application(environ: dict[str, Any], start: Any) -> list[bytes]:
    """Tells what it was given. `stuck` waits until somebody asks for `/a/free`."""
    path = environ["PATH_INFO"]
    if path == "/a/free":
        FREED.set()
        FREED.clear()
    if "stuck" in environ["QUERY_STRING"]:
        FREED.wait(20)
    if "broken" in environ["QUERY_STRING"]:
        raise ValueError
    told = {name: value for name, value in environ.items() if isinstance(value, str)}
    start("202 Accepted", [("content-type", "application/json"), ("set-cookie", "a=1"), ("set-cookie", "b=2")])
    return [json.dumps({**told, "body": environ["wsgi.input"].read().decode()}).encode()]


def knows(key: str) -> bool:
    if key == "silent":
        FREED.wait(3)
    return key == "known"


gate = Gate(application, knows, Patience(body=3, urgent=2, pages=4, health=0.5))

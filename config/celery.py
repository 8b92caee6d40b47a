"""The Celery application. Its messages only wake workers: the work itself is stored as rows in the database."""

import os

from celery import Celery
from celery.signals import task_prerun, worker_init
from django.db import close_old_connections

from config.database.start import try_out

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
app = Celery("tocsin")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
# As for a request: keep the connection, and check it before use. Celery's own hook would close it for each task.
task_prerun.connect(close_old_connections)
worker_init.connect(lambda **_: try_out(), weak=False)

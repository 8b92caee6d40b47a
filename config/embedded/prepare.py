"""Makes the database ready: migrates it, and loads the example organisation if it has no people yet."""

import os
import sys

import django
from django.contrib.auth import get_user_model
from django.core.checks import Tags, run_checks
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.db import OperationalError


def prepare() -> None:
    call_command("migrate", interactive=False, verbosity=0)
    if not get_user_model().objects.exists():
        call_command("load_example")
    for problem in run_checks(tags=[Tags.database], databases=["default"]):
        sys.exit(f"tocsin: {problem.msg}")


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    try:
        django.setup()
        prepare()
    except (ImproperlyConfigured, OperationalError) as error:
        sys.exit(f"tocsin: {error}")

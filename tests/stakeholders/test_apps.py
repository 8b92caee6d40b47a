"""What is there once Django has started, whatever else a process imports."""

import subprocess
import sys

STARTED = """
import sys, django
django.setup()
from dispatching import ticker
from stakeholders import sweep
tidying = sorted(f"{each.__module__}.{each.__name__}" for each in ticker._tidying)
print("stakeholders.tasks" in sys.modules, ticker._sweeps == [sweep.sweep], *tidying)
"""


def test_the_ticker_sweeps_and_tidies_the_stakeholders_rows_in_a_process_that_never_imports_their_tasks():
    done = subprocess.run([sys.executable, "-c", STARTED], capture_output=True, text=True, check=True)
    assert done.stdout.split() == [
        *("False", "True"),
        *("config.access.sessions.clear", "dispatching.parking.forget", "schedules.surfaces.once.clear"),
        "stakeholders.sweep.tidy",
    ]

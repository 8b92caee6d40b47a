"""`make bench-schedules`: what it takes to say who is on call, beside plain queries and a plain template.

In a database of its own that is thrown away. No other process runs; the figures are of one core.
"""

import argparse
import os
import subprocess
import sys
import time

from config.embedded import postgres
from tests.live.product import OURS, ROOT

COMMANDS = (["migrate", "--verbosity=0"], ["shell", "--no-imports", "-c", "from benchmarks import duty; duty.main({})"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="how often each line is measured; the median counts")
    parser.add_argument("--schedules", type=int, default=1000, help="how many the page shows")
    asked = parser.parse_args()
    kept = {name: value for name, value in os.environ.items() if name not in OURS}
    with postgres.throwaway() as (url, var_dir):
        env = kept | {"DATABASE_URL": url, "EMAIL_URL": "files", "VAR_DIR": str(var_dir), "DEBUG": "0"}
        for command in COMMANDS:
            words = [word.format(f"rounds={asked.rounds}, schedules={asked.schedules}") for word in command]
            subprocess.run([sys.executable, "manage.py", *words], cwd=ROOT, env=env, check=True)


if __name__ == "__main__":
    began = time.monotonic()
    main()
    print(f"{time.monotonic() - began:.0f} s in all", file=sys.stderr)

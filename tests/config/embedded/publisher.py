"""Puts the numbers from FIRST to LAST into the queue `work`."""

import sys
from pathlib import Path

from kombu import Connection

from config.embedded import broker


def publish(var_dir: Path, first: int, last: int) -> None:
    with Connection(broker.url(var_dir)) as connection, connection.SimpleQueue("work") as queue:
        for number in range(first, last + 1):
            queue.put(number)


if __name__ == "__main__":
    publish(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))

"""Takes messages from the queue `work`, makes a file of each one's number, acknowledges it; until it is killed."""

import sys
import time
from pathlib import Path

from kombu import Connection

from config.embedded import broker


def consume(var_dir: Path, seconds_each: float) -> None:
    with Connection(broker.url(var_dir)) as connection, connection.SimpleQueue("work") as queue:
        while True:
            message = queue.get()
            time.sleep(seconds_each)
            (var_dir / "done" / str(message.payload)).touch()
            message.ack()


if __name__ == "__main__":
    consume(Path(sys.argv[1]), float(sys.argv[2]))

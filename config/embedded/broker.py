"""The broker if none is configured: messages are files under VAR_DIR/broker, for the processes of one machine.

kombu's own `filesystem://` lets readers see half-written files and loses the messages that a killed worker holds. Here
a message appears, and is claimed, by renaming a file, which is atomic. A claimed file stays in the consumer's own
folder until it is acknowledged. A consumer holds a lock while it lives, and other consumers return the files of a
consumer whose lock is free.

    folders:  <root>/queues/<queue>/<time>-<id>     waiting
              <root>/claims/<consumer>/<queue>/…    taken; <consumer>.lock beside it
              <root>/exchanges/<exchange>/<binding> an empty file whose name holds the binding

Any of these files may be lost at any time, because the sweeps send lost messages again.
"""

import contextlib
import fcntl
import json
import logging
import os
import shutil
import time
from collections import deque
from pathlib import Path
from queue import Empty
from typing import Any
from urllib.parse import quote, unquote
from uuid import uuid4

from kombu.transport import TRANSPORT_ALIASES, filesystem, virtual

SCHEME = "folder"
TRANSPORT_ALIASES[SCHEME] = "config.embedded.broker:Transport"
POLL_SECONDS = 0.05
LONGEST_WAIT = 0.3
RESCUE_SECONDS = 5
# A folder's time stamp is only as fine as the kernel's tick: only one this old proves that nothing was added since.
SETTLED_NS = 2_000_000_000
STALE_REPLY_SECONDS = 60
RETURNS = 4  # a message returned more often than this may be killing its consumers

logger = logging.getLogger(__name__)


def url(var_dir: Path) -> str:
    """The broker's address, for CELERY_BROKER_URL. Importing this module registers its scheme for Celery."""
    return f"{SCHEME}://localhost{quote(str(Path(var_dir).absolute() / 'broker'))}"


def options(broker_url: str, var_dir: Path, publish_timeout: float) -> dict[str, Any]:
    """The broker_transport_options for this broker or a server, so that no publish waits longer than publish_timeout seconds."""
    scheme = broker_url.partition(":")[0].partition("+")[0]
    if scheme == SCHEME:
        return {"polling_interval": POLL_SECONDS}
    if scheme in ("redis", "rediss"):
        return {"socket_timeout": publish_timeout, "socket_connect_timeout": publish_timeout, "socket_keepalive": True}
    if scheme in ("amqp", "amqps", "pyamqp"):
        # Whole seconds, because these socket options take no fractions.
        seconds = max(1, round(publish_timeout))
        return {"confirm_publish": True, "read_timeout": seconds, "write_timeout": seconds}
    return {}


class Channel(filesystem.Channel):
    """The queues of one connection. Keeps claims by delivery tag until they are acknowledged or given back."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.root = Path("/", self.connection.client.virtual_host)
        self._listed: dict[str, deque[str]] = {}
        self._seen_empty: dict[str, int] = {}
        self._claimed: dict[str, Path] = {}
        self._bound: set[Path] = set()
        self._unanswered: set[str] = set()  # queues whose messages need no acknowledgement
        self._claims: Path | None = None
        self._lock = -1
        self._next_rescue = 0.0

    # --- publishing ---------------------------------------------------------------------------------------------------

    def _queue(self, queue: str) -> Path:
        return self.root / "queues" / f"={quote(queue, safe='@')}"

    def _put(self, queue: str, message: dict, **kwargs) -> None:  # type: ignore[override]
        fresh = self.root / f"{uuid4().hex}.new"
        place = self._queue(queue)
        name = f"{time.time_ns():020}-{uuid4().hex}"
        for attempt in (1, 2):
            try:
                fresh.write_text(json.dumps(message))
                fresh.rename(place / name)
                return
            except FileNotFoundError:
                if attempt == 2:
                    raise
                place.mkdir(parents=True, exist_ok=True)

    # --- taking -------------------------------------------------------------------------------------------------------

    def _get(self, queue: str, timeout: float | None = None) -> dict:
        """Takes the oldest message that nobody else has taken; throws away unreadable ones. Raises Empty if there is none."""
        if time.monotonic() >= self._next_rescue:
            self._rescue()
        names = self._listed.get(queue) or self._list(queue)
        while names:
            claim = self._claim(queue, names.popleft())
            if claim is None:
                continue
            try:
                payload = message_in(claim)
            except (OSError, ValueError, TypeError, KeyError):
                logger.warning("Threw away a message in queue %s that cannot be read", queue)
                self._drop(claim)
                continue
            self._claimed[payload["properties"]["delivery_tag"]] = claim
            if queue in self._unanswered:
                self._settle(payload["properties"]["delivery_tag"])
            return payload
        raise Empty

    def _list(self, queue: str) -> deque[str]:
        """The names of the waiting messages, oldest first. Raises Empty.

        One listing serves many calls, and an empty folder that has not changed is not listed again.
        """
        folder = self._queue(queue)
        try:
            changed = os.stat(folder).st_mtime_ns
            if changed == self._seen_empty.get(queue):
                raise Empty
            looked = time.time_ns()
            names = self._listed[queue] = deque(sorted(os.listdir(folder)))
        except OSError:
            raise Empty from None
        if not names and looked - changed > SETTLED_NS:
            self._seen_empty[queue] = changed
        return names

    def _claim(self, queue: str, name: str) -> Path | None:
        for _attempt in (1, 2):
            try:
                claims = self._own_claims() / self._queue(queue).name
                claims.mkdir(exist_ok=True)
            except OSError:
                break  # the disk is full, or the folder is being removed: try later
            try:
                return (self._queue(queue) / name).rename(claims / name)
            except OSError:
                if claims.is_dir():
                    break  # somebody else was quicker
        return None

    def _own_claims(self) -> Path:
        """This consumer's folder, created if necessary.

        Its lock file is locked before it appears, so that nobody takes a new consumer for dead.
        """
        if self._claims is None or not self._claims.is_dir():
            self._claims = self.root / "claims" / uuid4().hex
            self._claims.mkdir(parents=True)
            fresh = self.root / f"{self._claims.name}.new"
            self._unlock()
            self._lock = os.open(fresh, os.O_RDWR | os.O_CREAT, 0o600)
            fcntl.flock(self._lock, fcntl.LOCK_EX)
            fresh.rename(self._claims.with_suffix(".lock"))
        return self._claims

    def _unlock(self) -> None:
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    # --- done with a message ------------------------------------------------------------------------------------------

    def basic_consume(self, queue, no_ack, *args, **kwargs):
        if no_ack:
            self._unanswered.add(queue)
        return super().basic_consume(queue, no_ack, *args, **kwargs)

    def basic_get(self, queue, no_ack=False, **kwargs):
        message = super().basic_get(queue, no_ack=no_ack, **kwargs)
        if message and no_ack:
            self._settle(message.delivery_tag)
        return message

    def basic_ack(self, delivery_tag, multiple=False):
        super().basic_ack(delivery_tag, multiple=multiple)
        self._settle(delivery_tag)

    def basic_reject(self, delivery_tag, requeue=False):
        super().basic_reject(delivery_tag, requeue=requeue)
        self._settle(delivery_tag)

    def _settle(self, tag: str) -> None:
        claim = self._claimed.pop(tag, None)
        if claim:
            self._drop(claim)

    def _drop(self, claim: Path) -> None:
        with contextlib.suppress(OSError):
            claim.unlink()

    def _restore(self, message) -> None:
        claim = self._claimed.pop(message.delivery_tag, None)
        if claim:
            give_back(claim, self.root)

    def close(self):
        super().close()  # gives back what is not acknowledged
        if self._claims:
            return_claims(self._claims, self.root)
            self._claims = None
            self._unlock()

    # --- dead consumers -----------------------------------------------------------------------------------------------

    def _rescue(self) -> None:
        """Returns the messages of dead consumers; removes files left by dead publishers and replies that nobody waits for."""
        self._next_rescue = time.monotonic() + RESCUE_SECONDS
        with contextlib.suppress(OSError):
            self._bind()
        for lock in (self.root / "claims").glob("*.lock"):
            with contextlib.suppress(OSError), open(lock, "rb") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return_claims(lock.with_suffix(""), self.root)
        old = time.time() - STALE_REPLY_SECONDS
        for pattern in ("*.new", "exchanges/=reply.*/*", "queues/=*.pidbox/*", "queues/=*.reply.*"):
            for path in self.root.glob(pattern):
                with contextlib.suppress(OSError):
                    if path.stat().st_mtime < old:
                        path.rmdir() if path.is_dir() else path.unlink()

    # --- bindings, sizes, deleting ------------------------------------------------------------------------------------

    def _bindings(self, exchange: str) -> Path:
        return self.root / "exchanges" / f"={quote(exchange, safe='')}"

    def get_table(self, exchange):
        try:
            names = os.listdir(self._bindings(exchange))
        except OSError:
            return []
        return [filesystem.exchange_queue_t(*json.loads(unquote(name))) for name in names]

    def _queue_bind(self, exchange, routing_key, pattern, queue):
        self._bound.add(self._binding(exchange, routing_key, pattern, queue))
        self._bind()

    def _bind(self) -> None:
        for binding in self._bound:
            binding.parent.mkdir(parents=True, exist_ok=True)
            binding.touch()

    def _binding(self, exchange, routing_key, pattern, queue) -> Path:
        return self._bindings(exchange) / quote(json.dumps([routing_key or "", pattern or "", queue or ""]), safe="")

    def _delete(self, queue, exchange, routing_key, pattern, *args, **kwargs):
        binding = self._binding(exchange, routing_key, pattern, queue)
        self._bound.discard(binding)
        with contextlib.suppress(OSError):
            binding.unlink()
        shutil.rmtree(self._queue(queue), ignore_errors=True)

    def after_reply_message_received(self, queue):
        shutil.rmtree(self._queue(queue), ignore_errors=True)

    def _size(self, queue):
        try:
            return len(os.listdir(self._queue(queue)))
        except OSError:
            return 0

    def _purge(self, queue):
        size = self._size(queue)
        shutil.rmtree(self._queue(queue), ignore_errors=True)
        return size


def message_in(file: Path) -> dict:
    """The message in a file. Raises OSError, ValueError, TypeError or KeyError if a worker could not process it."""
    payload = json.loads(file.read_bytes())
    tag = payload["properties"]["delivery_tag"]
    parts = (tag, payload["body"], payload["content-type"], payload["content-encoding"])
    if not all(isinstance(part, str) for part in parts) or not isinstance(payload["headers"], dict):
        raise ValueError("not a message")
    return payload


class Transport(filesystem.Transport):
    """Transport for `folder://localhost/path`. The first message creates the folder, again if somebody has removed it."""

    Channel = Channel
    polling_interval = POLL_SECONDS
    driver_type = driver_name = SCHEME

    def __init__(self, client, **kwargs):
        super().__init__(client, **kwargs)
        # Unlike in kombu, not shared by all connections of the process: a new one declares deleted queues again.
        self.state = virtual.BrokerState()

    def drain_events(self, connection, timeout=None, **kwargs):
        """Waits for events in short steps, because a worker checks only between two waits whether it should stop."""
        return super().drain_events(connection, timeout=timeout and min(timeout, LONGEST_WAIT), **kwargs)


def return_claims(claims: Path, root: Path) -> None:
    """Puts a consumer's messages back into their queues and removes its folder and lock."""
    for claim in claims.glob("*/*"):
        give_back(claim, root)
    shutil.rmtree(claims, ignore_errors=True)
    with contextlib.suppress(OSError):
        claims.with_suffix(".lock").unlink()


def give_back(claim: Path, root: Path) -> None:
    """Gives a claimed message back to its queue; each return adds a dot to its name.

    A message that has been returned RETURNS times is thrown away instead.
    """
    place = root / "queues" / claim.parent.name
    with contextlib.suppress(OSError):
        if claim.name.endswith("." * RETURNS):
            logger.warning("Threw away a message that came back %s times", RETURNS + 1)
            claim.unlink()
            return
        place.mkdir(parents=True, exist_ok=True)
        claim.rename(place / f"{claim.name}.")

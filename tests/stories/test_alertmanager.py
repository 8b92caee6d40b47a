"""Prometheus Alertmanager, the real one, with each of the two receivers that it can reach us by."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.live import Product, SmtpSink, eventually, only_live
from tests.live.product import free_port

BINARY = shutil.which("prometheus-alertmanager") or shutil.which("alertmanager")
pytestmark = [
    *only_live,
    pytest.mark.skipif(BINARY is None, reason="needs Alertmanager: apt-get install prometheus-alertmanager"),
]
CONFIG = """
route:
  receiver: tocsin
  group_by: [alertname]
  group_wait: 1s
  group_interval: 1s
  repeat_interval: 1h
receivers:
  - name: tocsin
"""
WEBHOOK = """
    webhook_configs:
      - url: {url}/integrations/{key}/alertmanager/
"""
PAGERDUTY = """
    pagerduty_configs:
      - routing_key: {key}
        url: {url}/v2/enqueue
"""
RECEIVERS = [(WEBHOOK, "ByWebhook"), (PAGERDUTY, "ByPagerDuty")]


class Alertmanager:
    """It sends what it is told to one receiver."""

    def __init__(self, product: Product, port: int):
        self.product, self.url = product, f"http://127.0.0.1:{port}"

    def ready(self) -> bool:
        try:
            return self.product.open(f"{self.url}/-/ready").status == 200
        except OSError:
            return False

    def tell(self, name: str, *, ends: datetime) -> None:
        alert = {
            "labels": {"alertname": name, "severity": "critical", "job": "log-on"},
            "annotations": {"summary": f"{name}: error budget burns"},
            "endsAt": ends.isoformat(),
        }
        body = json.dumps([alert]).encode()
        self.product.open(f"{self.url}/api/v2/alerts", data=body, headers={"Content-Type": "application/json"})


@contextmanager
def alertmanager(product: Product, folder: Path, receiver: str, key: str) -> Iterator[Alertmanager]:
    config = folder / "alertmanager.yml"
    config.write_text(CONFIG + receiver.format(url=product.url, key=key).lstrip("\n"))
    port = free_port()
    command = [
        str(BINARY),
        f"--config.file={config}",
        f"--storage.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--cluster.listen-address=",
    ]
    with open(folder / "log", "wb") as log, subprocess.Popen(command, stdout=log, stderr=log) as process:
        try:
            found = Alertmanager(product, port)
            assert eventually(found.ready, 20), (folder / "log").read_text()
            yield found
        finally:
            process.terminate()


def state_of(product: Product, name: str) -> str:
    rows = product.rows("SELECT state FROM dispatching_alert WHERE summary LIKE %s", f"%{name}%")
    return ", ".join(row["state"] for row in rows)


def told(sink: SmtpSink, name: str) -> list[str]:
    return [mail.recipient for mail in sink.mails() if name in mail.subject]


@pytest.mark.parametrize(("receiver", "name"), RECEIVERS, ids=["webhook", "pagerduty"])
def test_alertmanager_pages_the_person_on_call_once_and_resolves(tocsin, sink, tmp_path, receiver, name):
    [key] = tocsin.seed("storm", services=1, people=1, backup_after=60, name=name)
    now = datetime.now(UTC)
    with alertmanager(tocsin, tmp_path, receiver, key) as source:
        source.tell(name, ends=now + timedelta(hours=1))
        assert eventually(lambda: told(sink, name), 30), (tmp_path / "log").read_text()
        assert state_of(tocsin, name) == "triggered"
        source.tell(name, ends=datetime.now(UTC))
        assert eventually(lambda: state_of(tocsin, name) == "resolved", 30), (tmp_path / "log").read_text()
    assert told(sink, name) == [f"{name}-0@example.org"]

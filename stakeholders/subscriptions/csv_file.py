"""Import and export of subscribers as CSV. Addresses that have left or must not be written to are never imported (P12, P13)."""

import csv
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime

from django.core.exceptions import ValidationError
from django.db.models import QuerySet

from schedules.models import User
from schedules.validators import one_line, printable
from stakeholders.models import StakeholderGroup, Subscription
from stakeholders.subscriptions import addresses, subscribing

COLUMNS = ["address", "group", "consent"]
EXPORTED = ["channel", "address", "group", "state", "asked", "asked from", "confirmed", "ended", "why ended"]
MOST = 5_000  # lines of one file


@dataclass(slots=True)
class Imported:
    """The result of an import: how many were subscribed, how many are asked by mail, and why lines were left out."""

    subscribed: int = 0
    asked: int = 0
    left_out: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return f"{self.subscribed} subscribed, {self.asked} asked by mail, {len(self.left_out)} left out."


class NotReadable(Exception):
    """Raised if the whole file cannot be read, with a sentence for people."""


def read(data: bytes, *, by: User, now: datetime) -> Imported:
    """Subscribes the addresses in a CSV file to the groups of their lines; the columns are address, group, consent.

    An address with a note of when and how it consented is subscribed at once; one without is asked by one mail. Raises NotReadable.
    """
    groups = {g.name.lower(): g for g in StakeholderGroup.objects.prefetch_related("deployments", "products")}
    report = Imported()
    for number, line in enumerate(_lines(data), 2):
        try:
            _take(line, groups, report, by=by, now=now)
        except ValidationError as error:
            report.left_out.append(f"line {number}: {' '.join(error.messages)}")
    return report


def _lines(data: bytes) -> list[dict[str, str]]:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise NotReadable("The file is not text in UTF-8.") from None
    if "\0" in text:
        raise NotReadable("The file holds NUL characters, so it is not a CSV file.")
    try:
        reader = csv.DictReader(io.StringIO(text), restval="")
        missing = [name for name in COLUMNS[:2] if name not in (reader.fieldnames or ())]
        if missing:
            raise NotReadable(
                f"The first line must name the columns: {', '.join(COLUMNS)}. Missing: {', '.join(missing)}."
            )
        lines = list(reader)
    except csv.Error as error:
        raise NotReadable(f"The file is not a CSV file: {error}.") from None
    if len(lines) > MOST:
        raise NotReadable(f"The file has {len(lines)} lines; at most {MOST} are read at once.")
    return lines


def _take(
    line: dict[str, str], groups: dict[str, StakeholderGroup], report: Imported, *, by: User, now: datetime
) -> None:
    for text in line.values():
        printable(text)
        one_line(text)
    group = groups.get(line["group"].strip().lower())
    if group is None:
        raise ValidationError(f"there is no group “{line['group']}”")
    if group.openness == StakeholderGroup.Openness.PRODUCT:
        raise ValidationError(f"“{group.name}” is only for people with a login")
    address = addresses.clean("email", line["address"])
    if len(address) > 500 or addresses.suppressed("email", address):
        raise ValidationError("this address must not be written to")
    subscriptions = Subscription.objects.filter(contact_point__in=addresses.points("email", address), group=group)
    if subscriptions.exists():
        raise ValidationError("this address has left the group or is already in it")
    consent = (line.get("consent") or "").strip()
    source = f"file of {by.name}: {consent}" if consent else f"file of {by.name}"
    if consent:
        subscribing.vouch("email", address, group, source=source, by=by, now=now)
        report.subscribed += 1
    else:
        subscribing.ask("email", address, [group], asked_from=source, invited_by=by, now=now)
        report.asked += 1


def write(rows: QuerySet[Subscription]) -> Iterator[str]:
    """Yields the lines of a CSV file with these subscriptions."""
    yield _line(EXPORTED)
    for row in rows.select_related("contact_point", "group").order_by("pk").iterator(2_000):
        point, times = row.contact_point, (row.asked_at, row.confirmed_at, row.ended_at)
        asked, confirmed, ended = (at.isoformat() if at else "" for at in times)
        yield _line(
            [
                *(point.channel, point.address, row.group.name, row.state),
                *(asked, row.asked_from, confirmed, ended, row.end_reason),
            ]
        )


def _line(values: Iterable[str]) -> str:
    line = io.StringIO()
    # The quote keeps a spreadsheet from reading these values as formulas.
    csv.writer(line).writerow(
        [f"'{value}" if value[:1] in ("=", "+", "-", "@", "\t", "\r") else value for value in values]
    )
    return line.getvalue()

"""Accepts events: one statement opens or counts alerts, writes the timeline and starts escalations, for any number of events.

When `accept` returns, everything is committed. The statement locks alerts in the order of their keys, so that two batches
with the same keys wait for each other instead of deadlocking.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from operator import attrgetter
from typing import Any

import structlog
from django.db import InterfaceError, OperationalError, connection, transaction

from dispatching import alarms
from dispatching.alerts import lifecycle, timeline
from dispatching.models import Alert, AlertEvent, Integration, key_hash
from dispatching.rules.event import Event

log = structlog.get_logger(__name__)

# The unique index decides which events are repeats, so the answer is right under any concurrency. A new alert has exactly
# the count that it was given; an alert that was open before has more. One that was just made worse says so by its count.
WORSE = "(EXCLUDED.worst_severity > alert.worst_severity OR EXCLUDED.worst_priority > alert.worst_priority)"
TEXTS = (
    *("summary", "severity", "source", "component", "slo", "deployment", "product"),
    *("runbook_url", "dashboard_url"),
)
# An open alert tells the present; what a repeat does not say stays (bA9).
PRESENT = ", ".join(f"{name} = coalesce(nullif(EXCLUDED.{name}, ''), alert.{name})" for name in TEXTS)
OLD_NEWS = "the source’s message is older than the end of this alert"
TRIGGER = f"""
WITH sender AS ({{sender}}), incoming AS (
    SELECT e.*, sender.id AS sender_id, sender.now, sender.refused,
        coalesce(named.id, own.id) AS service_id, coalesce(named.policy_id, own.policy_id) AS policy_id,
        priority.id AS priority_id, coalesce(6 - priority.level, 0) AS worst_priority,
        coalesce(array_position(ARRAY['info', 'warning', 'error', 'critical'], e.severity), 0) AS worst_severity,
        last.id AS stale_id,
        CASE WHEN e.service <> '' AND named.id IS NULL THEN 'no service “' || e.service
            || '” is known, or it belongs to another team: assigned to ' || own.name
        ELSE '' END AS note
    FROM jsonb_to_recordset(%(events)s::jsonb) AS e (
        dedup_key text, count int, service text, priority int, summary text, severity text, source text, component text,
        slo text, deployment text, product text, runbook_url text, dashboard_url text, details jsonb,
        occurred_at timestamptz, present boolean
    )
    CROSS JOIN sender JOIN dispatching_service own ON own.id = sender.service_id
    -- Another team is paged only by integrations that may (S20).
    LEFT JOIN dispatching_service named ON lower(named.name) = lower(e.service)
        AND (sender.other_teams OR named.team_id IS NULL OR named.team_id = own.team_id)
    LEFT JOIN dispatching_priority priority ON priority.level = e.priority
    -- Old news (faults I4): a message from between the start and the end of the last alert under this key, by the source's
    -- own clock. The same start again is no old news: it is firing again, or still. An end far in the future is no end.
    LEFT JOIN LATERAL (
        SELECT id, occurred_at, ended_at, resolved_at FROM dispatching_alert
        WHERE integration_id = sender.id AND dedup_key = e.dedup_key AND e.occurred_at IS NOT NULL AND NOT e.present
        ORDER BY id DESC LIMIT 1
    ) last ON last.ended_at > e.occurred_at AND last.occurred_at IS DISTINCT FROM e.occurred_at
        AND last.resolved_at + interval '1 day' > e.occurred_at
), alerts AS (
    INSERT INTO dispatching_alert AS alert (
        integration_id, service_id, dedup_key, state, summary, severity, priority_id, source, component, slo,
        deployment, product, runbook_url, dashboard_url, details, occurrences, first_at, last_at, occurred_at,
        worst_severity, worst_priority, worse_since
    )
    SELECT sender_id, service_id, dedup_key, 'triggered', summary, severity, priority_id, source, component, slo,
        deployment, product, runbook_url, dashboard_url, details, count, now, now, occurred_at,
        worst_severity, worst_priority, 0
    FROM incoming WHERE stale_id IS NULL ORDER BY dedup_key COLLATE "C"
    ON CONFLICT (integration_id, dedup_key) WHERE state <> 'resolved'
    DO UPDATE SET occurrences = alert.occurrences + EXCLUDED.occurrences, last_at = EXCLUDED.last_at, {PRESENT},
        priority_id = coalesce(EXCLUDED.priority_id, alert.priority_id),
        details = coalesce(nullif(EXCLUDED.details, jsonb_build_object()), alert.details),
        state = CASE WHEN {WORSE} THEN 'triggered' ELSE alert.state END,
        acknowledged_at = CASE WHEN {WORSE} THEN NULL ELSE alert.acknowledged_at END,
        acknowledged_by_id = CASE WHEN {WORSE} THEN NULL ELSE alert.acknowledged_by_id END,
        worse_since = CASE WHEN {WORSE} THEN alert.occurrences + EXCLUDED.occurrences ELSE alert.worse_since END,
        worst_severity = greatest(alert.worst_severity, EXCLUDED.worst_severity),
        worst_priority = greatest(alert.worst_priority, EXCLUDED.worst_priority)
    RETURNING id, dedup_key, occurrences, worse_since
), matched AS (
    SELECT i.*, coalesce(stale_id, alerts.id) AS id, CASE WHEN stale_id IS NOT NULL THEN 'ignored'
        WHEN alerts.occurrences = i.count THEN 'triggered' WHEN alerts.occurrences = worse_since THEN 'worsened'
        ELSE 'repeated' END AS kind
    FROM incoming i LEFT JOIN alerts USING (dedup_key)
), told AS (
    INSERT INTO dispatching_alertevent (alert_id, at, kind, text, data)
    SELECT id, now, kind, CASE kind WHEN 'ignored' THEN '{OLD_NEWS}'
            WHEN 'worsened' THEN 'it got worse: ' || concat_ws(', ', nullif(severity, ''), 'priority ' || priority)
            ELSE note END,
        jsonb_build_object('count', count, 'summary', summary, 'severity', severity, 'priority', priority,
            'details', details, 'occurred_at', occurred_at)
    FROM matched
), started AS (
    -- What got worse is told again (see `escalating`), in the run that goes on or, after an acknowledgement, in a new one.
    INSERT INTO dispatching_escalation AS running (
        alert_id, policy_id, position, state, due_at, resume_at, started_at, failures
    )
    SELECT id, policy_id, 0, 'running', now, CASE kind WHEN 'worsened' THEN now END, now, 0
    FROM matched WHERE kind IN ('triggered', 'worsened')
    ON CONFLICT (alert_id) WHERE state = 'running' DO UPDATE SET due_at = EXCLUDED.due_at,
        resume_at = coalesce(running.resume_at, greatest(running.due_at, EXCLUDED.due_at + interval '1 second'))
)
SELECT dedup_key, id, kind, sender_id, refused, now FROM matched
"""
TRIGGER_OF = TRIGGER.format(
    sender="SELECT id, service_id, other_teams, false AS refused, %(now)s AS now "
    "FROM dispatching_integration WHERE id = %(integration)s"
)
# The integration with this key, whether all its requests so far were refused, and the database's clock.
FIND = """
SELECT own.id, service_id, other_teams, refusal.id IS NOT NULL AS refused, clock_timestamp() AS now
FROM dispatching_integration own LEFT JOIN dispatching_refusal refusal ON refusal.integration_id = own.id AND NOT refusal.working
WHERE key_hash = %(key_hash)s AND enabled
"""
TRIGGER_BY_KEY = TRIGGER.format(sender=FIND)

# The last alert with each of these keys. Some sources give a start in the future: Alertmanager takes the end for it if it is
# told none.
LATEST = """
SELECT latest.* FROM unnest(%(keys)s::text[]) AS asked (dedup_key) CROSS JOIN LATERAL (
    SELECT dedup_key, id, CASE WHEN occurred_at IS NOT NULL THEN least(occurred_at, first_at) END AS began
    FROM dispatching_alert WHERE integration_id = %(integration)s AND dedup_key = asked.dedup_key ORDER BY id DESC LIMIT 1
) latest
"""
ENDS = {"acknowledge": Alert.State.ACKNOWLEDGED, "resolve": Alert.State.RESOLVED}

COLUMNS = (
    *("dedup_key", "service", "priority", "summary", "severity", "source", "component", "slo", "deployment", "product"),
    *("runbook_url", "dashboard_url", "details", "occurred_at", "present"),
)
IN_COLUMNS = attrgetter(*COLUMNS)


@dataclass(frozen=True, slots=True)
class Accepted:
    """The result for one event. `outcome`: triggered (a new alert), repeated, worsened, acknowledged, resolved, ignored.

    `why` says why it was ignored.
    """

    dedup_key: str
    alert_id: int | None
    outcome: str
    why: str = field(default="", compare=False)


def integration_of(key: str) -> Integration | None:
    """The enabled integration with this key, with `refused` and `asked_at` set, in one query; None if there is none."""
    answer = _ask(FIND, {"key_hash": key_hash(key)})
    if not answer:
        return None
    pk, service_id, _, refused, now = answer[0]
    integration = _known(pk, refused=refused, now=now)
    integration.service_id = service_id
    return integration


def receive(key: str, events: Sequence[Event]) -> tuple[Integration, list[Accepted]] | None:
    """Like `accept`, for the integration with this key and by the database's clock; None if there is no such integration.

    If all events are triggers, as nearly always, looking up the key takes no query of its own.
    """
    if not events or any(event.action != "trigger" for event in events):
        integration = integration_of(key)
        return (integration, accept(integration, events, now=integration.asked_at)) if integration else None
    answer = _ask(TRIGGER_BY_KEY, {"events": _rows(events), "key_hash": key_hash(key)})
    if not answer:
        return None
    accepted = list(_became(events, answer))
    _wake(accepted)
    *_, pk, refused, now = answer[0]
    return _known(pk, refused=refused, now=now), accepted


def _ask(statement: str, values: dict[str, Any]) -> list[tuple]:
    """Runs the first statement of a request. If the connection is broken, it is replaced and the statement is repeated; if the
    first one had arrived after all, that is one more repeat of an open alert."""
    # No health check of its own: this statement shows as well whether the connection works.
    connection.health_check_done = True  # type: ignore[attr-defined]  # the stubs lack it
    try:
        return _run(statement, values)
    except (OperationalError, InterfaceError):
        if connection.connection and not connection.connection.closed:
            raise  # it works: a lock or the statement took too long
        connection.close()
        return _run(statement, values)


def _run(statement: str, values: dict[str, Any]) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return cursor.fetchall()


def _known(pk: int, *, refused: bool, now: datetime) -> Integration:
    integration = Integration(pk=pk)
    integration.refused, integration.asked_at = refused, now
    return integration


def accept(integration: Integration, events: Sequence[Event], *, now: datetime) -> list[Accepted]:
    """Carries out the events, those of a key in their order, and returns the outcome of each. Everything is committed on return."""
    answers: dict[int, Accepted] = {}
    for (_, action), turn in sorted(_turns(events).items()):
        group = [events[index] for index in turn]
        if action == "trigger":
            values = {"events": _rows(group), "integration": integration.pk, "now": now}
            done = list(_became(group, _run(TRIGGER_OF, values)))
        else:
            done = _end(integration, action, group, now)
        answers.update(zip(turn, done, strict=True))
    accepted = [answers[index] for index in range(len(events))]
    _wake(accepted)
    return accepted


def _turns(events: Sequence[Event]) -> dict[tuple[int, str], list[int]]:
    """The positions of the events that are carried out together: of one action, and each key's in their order.

    Keys do not depend on each other, so a body that tells of ends among starts, like Alertmanager's, is two groups.
    """
    turns: dict[tuple[int, str], list[int]] = {}
    last: dict[str, tuple[int, str]] = {}
    for index, event in enumerate(events):
        number, action = last.get(event.dedup_key, (0, event.action))
        last[event.dedup_key] = turn = (number + (action != event.action), event.action)
        turns.setdefault(turn, []).append(index)
    return turns


def _wake(answers: Iterable[Accepted]) -> None:
    if any(answer.outcome in ("triggered", "worsened") for answer in answers):
        alarms.ring_steps()


def _became(events: Iterable[Event], rows: Iterable[tuple]) -> Iterator[Accepted]:
    became = {key: (alert_id, kind) for key, alert_id, kind, *_ in rows}
    for event in events:
        alert_id, kind = became[event.dedup_key]
        yield Accepted(event.dedup_key, alert_id, kind, OLD_NEWS if kind == "ignored" else "")
        if kind in ("triggered", "worsened"):
            became[event.dedup_key] = alert_id, "repeated"


def _rows(events: Sequence[Event]) -> str:
    return json.dumps(_folded(events), default=datetime.isoformat)


def _folded(events: Sequence[Event]) -> list[dict[str, Any]]:
    """One row for each key, with its count and what was said last, because a statement can touch a row only once."""
    counts = Counter(event.dedup_key for event in events)
    last = {event.dedup_key: event for event in events}
    return [{"count": counts[key], **dict(zip(COLUMNS, IN_COLUMNS(event), strict=True))} for key, event in last.items()]


def _end(integration: Integration, action: str, events: Sequence[Event], now: datetime) -> list[Accepted]:
    """Acknowledges or resolves for the source. An event that changes nothing goes on the alert's timeline, if there is an alert."""
    keys = list({event.dedup_key for event in events})
    latest = {key: (pk, began) for key, pk, began in _run(LATEST, {"integration": integration.pk, "keys": keys})}
    whys = [_objection(event, *latest.get(event.dedup_key, (None, None))) for event in events]
    # The first event that may end an alert does; the others of its key change nothing.
    first: dict[int, int] = {}
    for index, (event, why) in enumerate(zip(events, whys, strict=True)):
        if not why:
            first.setdefault(latest[event.dedup_key][0], index)
    to = ENDS[action]
    with transaction.atomic():
        moved = lifecycle.move_for_source(to, {pk: events[index].occurred_at for pk, index in first.items()}, now=now)
        done = {first[pk] for pk in moved}
        accepted = []
        for index, (event, why) in enumerate(zip(events, whys, strict=True)):
            pk, _ = latest.get(event.dedup_key, (None, None))
            why = "" if index in done else why or f"the source sent “{action}”, which changes nothing now"
            accepted.append(Accepted(event.dedup_key, pk, "ignored" if why else to, why))
        timeline.write(*_ignored(accepted, now))
    if unknown := [answer.dedup_key for answer in accepted if answer.alert_id is None]:
        log.info("event_without_alert", integration=integration.pk, action=action, keys=len(unknown), some=unknown[:20])
    return accepted


def _objection(event: Event, alert_id: int | None, began: datetime | None) -> str:
    """Why this event cannot end the last alert with its key, which may be none; empty if it can."""
    if alert_id is None:
        return "there is no alert with this key"
    if event.action == "resolve" and event.occurred_at and began and event.occurred_at < began:
        return "the source sent the end of something that was over before this began"
    return ""


def _ignored(accepted: Iterable[Accepted], now: datetime) -> Iterator[AlertEvent]:
    for answer in accepted:
        if answer.why and answer.alert_id:
            yield timeline.entry(answer.alert_id, AlertEvent.Kind.IGNORED, answer.why, now=now)

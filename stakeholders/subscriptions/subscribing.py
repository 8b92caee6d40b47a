"""What can be done with a subscription: ask, vouch, join, confirm, not me, choose, leave, suspend, erase. The only place that
changes its state.

Each of these functions locks the contact point's row before it changes subscriptions. A subscription that has ended stays as it is,
as the record of consent; a subscriber who joins again gets a new row.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.db import transaction
from django.db.models import F, Max, QuerySet

from dispatching.channels.webhook import PROVED
from dispatching.contact import links
from dispatching.delivery import batching
from dispatching.models import ContactPoint, Delivery
from schedules.models import User
from schedules.refused import Refused
from stakeholders.groups import joining
from stakeholders.groups.joining import Wish
from stakeholders.models import SignUp, StakeholderGroup, Subscription, Suppression
from stakeholders.news import fanning
from stakeholders.subscriptions import addresses, confirmations

log = structlog.get_logger(__name__)
State = Subscription.State
ALL = Wish()
CONSENT = "2026-11-28"  # the version of the words that stand beside the buttons; changed with them
UNCONFIRMED = timedelta(days=7)
PASS = 500  # contact points

NOT_TO_BE_WRITTEN_TO = "This address must not be written to. Please contact us if you have changed your mind."
BY_LINK, BY_MAIL_PROGRAM, BY_PAGE = "by the link in a message", "by the button of the mail program", "on the page"
BY_MAIL = "by mail"


def ask(
    channel: str,
    address: str,
    groups: Iterable[StakeholderGroup],
    *,
    now: datetime,
    wish: Wish = ALL,
    asked_from: str = "form",
    invited_by: User | None = None,
) -> ContactPoint | None:
    """Asks for subscriptions of this address to these groups. Until it confirms, it gets only one question (B2, B122).

    Returns None and writes nothing if the address must not be written to or if there is nothing to ask for.
    """
    wishes = {group: part for group in groups if (part := joining.within(group, wish))}
    with transaction.atomic():
        addresses.lock(channel, address)
        if not wishes or addresses.suppressed(channel, address):
            return None
        point = addresses.point_for(channel, address)
        if point.disabled_reason == Suppression.Reason.BOUNCED.label and point.recipient.user is None:
            # The address may work again, so it is asked like one that was never confirmed.
            point.verified, point.disabled_reason = False, ""
            point.save(update_fields=["verified", "disabled_reason"])
        if not point.verified:
            _ask_again(point, now=now)
        _add(point, wishes, State.ASKED, asked_from=asked_from, invited_by=invited_by, now=now)
        asked = [row.group for row in _rows(point).filter(state=State.ASKED).select_related("group")]
        if asked:
            confirmations.ask_to_confirm(point, asked, invited_by=invited_by, now=now)
        elif point.verified:
            confirmations.send_link(point, what="confirm", now=now)
        return point


def vouch(channel: str, address: str, group: StakeholderGroup, *, source: str, by: User, now: datetime) -> None:
    """Subscribes an address whose consent an operator has on record, without a question (B115); `source` says where it is."""
    with transaction.atomic():
        addresses.lock(channel, address)
        point = addresses.point_for(channel, address)
        with _locked(point) as point:
            _verify(point)
            _add(point, {group: ALL}, State.ACTIVE, asked_from=source, invited_by=by, now=now)
            fanning.catch_up([point.pk], now=now)


def join(
    channel: str, address: str, groups: Iterable[StakeholderGroup], *, now: datetime, wish: Wish = ALL, asked_from: str
) -> ContactPoint:
    """Subscribes an address at once, without a question, because the request comes from the address itself, for example from a
    browser that asks for its own notifications (B112). Raises Refused if the address must not be written to.
    """
    wishes = {group: part for group in groups if (part := joining.within(group, wish))}
    with transaction.atomic():
        addresses.lock(channel, address)
        if addresses.suppressed(channel, address):
            raise Refused(NOT_TO_BE_WRITTEN_TO)
        with _locked(addresses.point_for(channel, address)) as point:
            _verify(point)
            choose(point, wishes, asked_from=asked_from, now=now)
        return point


def confirm(point: ContactPoint, *, now: datetime, until: datetime | None = None) -> list[StakeholderGroup]:
    """Activates all subscriptions that were asked for (until `until`) and plans the latest messages for the address (B98).

    Returns the groups. Raises Refused if the address must not be written to.
    """
    with _locked(point) as point:
        if addresses.suppressed(point.channel, point.address):
            raise Refused(NOT_TO_BE_WRITTEN_TO)
        asked = list(_rows(point).filter(state=State.ASKED, asked_at__lte=until or now).select_related("group"))
        for row in asked:
            row.state, row.confirmed_at = State.ACTIVE, now
            row.save(update_fields=["state", "confirmed_at"])
        if asked:
            _verify(point)
            confirmations.welcome(point, [row.group for row in asked], now=now)
            fanning.catch_up([point.pk], now=now)
    return [row.group for row in asked]


def not_me(point: ContactPoint, *, now: datetime) -> None:
    """Records that somebody else had entered this address: it is never written to again, and is blanked unless it is in use (P1)."""
    with _locked(point) as point:
        if point.disabled_reason == addresses.ERASED:
            return
        _end(point, _rows(point), "somebody else had entered it", now=now)
        addresses.suppress(point.channel, point.address, Suppression.Reason.NOT_ME, now=now)
        if not point.verified and point.recipient.user is None:
            addresses.blank(point, now=now)


def choose(
    point: ContactPoint,
    wishes: Mapping[StakeholderGroup, Wish | None],
    *,
    now: datetime,
    asked_from: str = "manage page",
) -> None:
    """Joins, narrows and leaves these groups at once, as the address's owner chooses (B13, B14); a wish of None leaves the group.

    Raises Refused if `point` is not usable, for example not verified.
    """
    with _locked(point) as point:
        if not point.usable:
            raise Refused("This address cannot be used at present, so nothing was saved.")
        current = {row.group_id: row for row in _rows(point)}
        left = [current[group.pk].pk for group, wish in wishes.items() if wish is None and group.pk in current]
        _end(point, _rows(point).filter(pk__in=left), f"left: {asked_from}", now=now)
        wanted = {group: wish for group, wish in wishes.items() if wish is not None}
        for group, wish in wanted.items():
            if row := current.get(group.pk):
                _narrow(row, wish, now=now)
        new = {group: wish for group, wish in wanted.items() if group.pk not in current}
        _add(point, new, State.ACTIVE, asked_from=asked_from, now=now)
        if new:
            fanning.catch_up([point.pk], now=now)


def leave_everything(point: ContactPoint, *, now: datetime, reason: str) -> int:
    """Ends all subscriptions of the contact point and withdraws its deliveries: none starts after this commits (P8).

    Returns how many subscriptions ended.
    """
    with _locked(point) as point:
        return _end(point, _rows(point), f"left: {reason}", now=now)


def end(row: Subscription, *, reason: str, now: datetime) -> None:
    """Ends this subscription; does nothing if it has already ended."""
    with _locked(row.contact_point) as point:
        _end(point, _rows(point).filter(pk=row.pk), reason, now=now)


def suspend(point: ContactPoint, reason: Suppression.Reason, *, now: datetime) -> None:
    """Stops messages to an address because they bounced or were marked as spam (P10).

    A complaint ends the subscriptions, too. A person with a login is still paged there after a complaint; after bounces, only if
    there is no other way to page them, and then the subscriptions end, too.
    """
    with _locked(point) as point:
        complained = reason == Suppression.Reason.COMPLAINED
        others = ContactPoint.objects.usable().filter(recipient=point.recipient_id).exclude(pk=point.pk)
        paged = point.recipient.user is not None and (complained or not others.exists())
        if complained or paged:
            _end(point, _rows(point), reason.label, now=now)
        if complained:
            addresses.suppress(point.channel, point.address, reason, now=now)
        if paged:
            return
        batching.withdraw(point, reason.label, now=now)
        point.disabled_reason = reason.label
        point.save(update_fields=["disabled_reason"])


def erase(point: ContactPoint, *, now: datetime) -> None:
    """Erases the address from all records; a keyed hash stays, so that no import brings it back (P11).

    Raises Refused if the address belongs to a person with a login or if a message is being sent to it.
    """
    with _locked(point) as point:
        if point.recipient.user:
            raise Refused("This address belongs to somebody with a login: delete the login first.")
        if Delivery.objects.filter(contact_point=point, state=Delivery.State.SENDING).exists():
            raise Refused("A message is on its way there right now. Please try again in a minute.")
        _end(point, _rows(point), Suppression.Reason.ERASED.label, now=now)
        addresses.suppress(point.channel, point.address, Suppression.Reason.ERASED, now=now)
        addresses.blank(point, now=now)
        links.revoke(point)


# --- answering the public forms ----------------------------------------------------------------------------------------


def answer_due(now: datetime) -> bool:
    """Answers the form that has waited the longest; False if none waits. Locks the form's row and skips locked ones."""
    with transaction.atomic():
        waiting = SignUp.objects.filter(due_at__lte=now).order_by("due_at", "pk").select_related("invited_by")
        form = waiting.select_for_update(of=("self",), skip_locked=True).first()
        if form is None:
            return False
        try:
            with transaction.atomic():
                _answer(form, now=now)
                form.delete()
        except Exception:  # one form that cannot be handled must not hold up the others (faults A15)
            log.exception("form_failed", form=form.pk)
            SignUp.objects.filter(pk=form.pk).update(due_at=now + timedelta(hours=1))
    return True


def _answer(form: SignUp, *, now: datetime) -> None:
    if form.kind == SignUp.Kind.LINK:
        _send_link(form, now=now)
        return
    groups = StakeholderGroup.objects.filter(pk__in=form.groups).prefetch_related("deployments", "products")
    wish = Wish(tuple(form.deployments), tuple(form.products), form.kinds)
    by = form.invited_by
    source = f"invited by {by.name}" if by else "form"
    ask(form.channel, form.address, groups, wish=wish, asked_from=source, invited_by=by, now=now)


def _send_link(form: SignUp, *, now: datetime) -> None:
    addresses.lock(form.channel, form.address)
    point = addresses.points(form.channel, form.address).filter(verified=True, disabled_reason="").first()
    if point is None or addresses.suppressed(form.channel, form.address):
        return
    confirmations.send_link(point, now=now)


def take_answers(now: datetime) -> int:
    """Confirms the subscriptions of webhooks that have answered the challenge of the last question; returns how many webhooks."""
    asked = ContactPoint.objects.filter(
        subscriptions__state=State.ASKED,
        deliveries__asks_to_confirm=True,
        deliveries__receipt=PROVED,
        deliveries__address=F("address"),
        deliveries__created_at__gte=F("subscriptions__asked_at"),
    )
    answers: list[Any] = list(asked.annotate(until=Max("deliveries__created_at"))[:PASS])
    confirmed = 0
    for point in answers:
        with suppress(Refused):  # the address must not be written to any longer
            confirm(point, until=point.until, now=now)
            confirmed += 1
    return confirmed


def forget_unconfirmed(now: datetime) -> int:
    """Deletes subscriptions that nobody confirmed within a week, and addresses that nothing else uses.

    Returns how many contact points it looked at.
    """
    old = Subscription.objects.filter(state=State.ASKED, asked_at__lte=now - UNCONFIRMED)
    ids = list(old.order_by("asked_at").values_list("contact_point", flat=True)[:PASS])
    for pk in set(ids):
        with _locked(ContactPoint(pk=pk)) as point:
            _rows(point).filter(state=State.ASKED, asked_at__lte=now - UNCONFIRMED).delete()
            unused = not point.verified and point.recipient.user is None and not point.subscriptions.exists()
            if unused and point.recipient.contact_points.count() == 1:
                addresses.blank(point, now=now)
                point.recipient.delete()
    return len(set(ids))


# --- rows --------------------------------------------------------------------------------------------------------------


def hold(subscription: str) -> None:
    """Locks the contact point of this subscription until the end of the transaction, as all changes of subscriptions do."""
    fanning.hold()
    points = ContactPoint.objects.select_for_update(of=("self",), no_key=True)
    points.filter(subscriptions=int(subscription)).first()


@contextmanager
def _locked(point: ContactPoint) -> Iterator[ContactPoint]:
    """Opens a transaction with the contact point's row locked: its subscriptions cannot change, and no messages are planned."""
    with transaction.atomic():
        fanning.hold()
        points = ContactPoint.objects.select_for_update(of=("self",), no_key=True).select_related("recipient__user")
        yield points.get(pk=point.pk)


def _rows(point: ContactPoint) -> QuerySet[Subscription]:
    """Returns the contact point's subscriptions that have not ended."""
    return Subscription.objects.filter(contact_point=point).exclude(state=State.ENDED).order_by("pk")


def _add(
    point: ContactPoint,
    wishes: Mapping[StakeholderGroup, Wish],
    state: Subscription.State,
    *,
    now: datetime,
    asked_from: str,
    invited_by: User | None = None,
) -> None:
    """Adds rows for groups that have none; a second request for the same group changes nothing."""
    confirmed_at = now if state == State.ACTIVE else None
    subscriptions = [
        Subscription(
            contact_point=point,
            group=group,
            state=state,
            deployments=list(wish.deployments),
            products=list(wish.products),
            kinds=wish.kinds,
            least_priority=wish.least_priority,
            asked_at=now,
            asked_from=asked_from[:100],
            invited_by=invited_by,
            consent=CONSENT,
            confirmed_at=confirmed_at,
        )
        for group, wish in wishes.items()
    ]
    Subscription.objects.bulk_create(subscriptions, ignore_conflicts=True)


def _ask_again(point: ContactPoint, *, now: datetime) -> None:
    """Asks once more for what an address had before it bounced or was changed; the old rows stay as the record of consent (C8)."""
    for row in _rows(point).filter(state=State.ACTIVE).select_related("group"):
        Subscription.objects.filter(pk=row.pk).update(
            state=State.ENDED, ended_at=now, end_reason="has to be confirmed again"
        )
        wish = Wish(tuple(row.deployments), tuple(row.products), row.kinds, row.least_priority)
        _add(point, {row.group: wish}, State.ASKED, asked_from=row.asked_from, invited_by=row.invited_by, now=now)


def _verify(point: ContactPoint) -> None:
    if not point.verified:
        point.verified = True
        point.save(update_fields=["verified"])


def _narrow(row: Subscription, wish: Wish, *, now: datetime) -> None:
    row.deployments, row.products = list(wish.deployments), list(wish.products)
    row.kinds, row.least_priority = wish.kinds, wish.least_priority
    if row.state == State.ASKED:  # a reader of the manage page owns the address
        row.state, row.confirmed_at = State.ACTIVE, now
    row.save()


def _end(point: ContactPoint, rows: QuerySet[Subscription], reason: str, *, now: datetime) -> int:
    ended = rows.update(state=State.ENDED, ended_at=now, end_reason=reason[:100])
    _withdraw(point, now=now)
    return ended


def _withdraw(point: ContactPoint, *, now: datetime) -> None:
    """Withdraws waiting deliveries that are for none of the remaining groups (B99, P8)."""
    left = [str(pk) for pk in _rows(point).filter(state=State.ACTIVE).values_list("group", flat=True)]
    batching.withdraw(point, "the subscription has ended", keep=left, now=now)

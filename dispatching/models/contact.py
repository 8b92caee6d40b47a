"""Recipients, their contact points, and the rules by which these are used."""

import re
from datetime import timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower

from dispatching import channels
from dispatching.channels.email.channel import readable
from schedules.models import User

ADDRESS = re.compile(r"\S@\S|://|^\+?[0-9 ()/-]{6,}$")  # of a mailbox, a web page or a phone


class Recipients(models.QuerySet["Recipient"]):
    def present(self) -> "Recipients":
        """All but people whose login is no longer active. Somebody who has left can do nothing by an old link (bA8)."""
        return self.filter(Q(user=None) | Q(user__is_active=True))


class Recipient(models.Model):
    """A person or other recipient of messages, with or without a login."""

    user = models.OneToOneField(
        User,
        models.CASCADE,
        null=True,
        blank=True,
        related_name="recipient",
        help_text="The person, if there is a login.",
    )
    display_name = models.CharField(
        "name",
        max_length=150,
        blank=True,
        help_text="Only for somebody without a login: the name shown in timelines.",
    )
    last_resort = models.BooleanField(
        default=False,
        help_text="Told when an escalation ends without an acknowledgement. At least one recipient should be marked.",
    )

    objects = Recipients.as_manager()

    class Meta:
        ordering = ("pk",)
        constraints = [
            models.CheckConstraint(
                condition=Q(user__isnull=False) | ~Q(display_name=""),
                name="recipient_has_a_name",
                violation_error_message="Choose a user, or type a name.",
            )
        ]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        # The name stands in timelines and in the ledger, which people read who may not see addresses (S4).
        if ADDRESS.search(self.display_name):
            raise ValidationError({"display_name": "Enter a name here. An address belongs in a contact point."})

    @property
    def name(self) -> str:
        return self.user.name if self.user else self.display_name


class ContactPoints(models.QuerySet["ContactPoint"]):
    def present(self) -> "ContactPoints":
        """All but those of people whose login is no longer active (bA8)."""
        return self.filter(Q(recipient__user=None) | Q(recipient__user__is_active=True))

    def usable(self) -> "ContactPoints":
        """The contact points that messages can go to: verified, in use, and of a medium that is set up."""
        return self.filter(verified=True, disabled_reason="", channel__in=[kind for kind, _ in channels.kinds()])


class ContactPoint(models.Model):
    """One address of one recipient on one channel."""

    recipient = models.ForeignKey(Recipient, models.CASCADE, related_name="contact_points")
    channel = models.CharField(max_length=20, help_text="The way by which messages go there.")
    address = models.CharField(max_length=500, help_text="One e-mail address, or the URL of a webhook.")
    verified = models.BooleanField(
        default=False,
        help_text="On once somebody has seen a message arrive there. Contact points that are not verified are never used.",
    )
    disabled_reason = models.CharField(
        max_length=200, blank=True, help_text="Why nothing is sent there at present. Empty while it is in use."
    )
    # Part of every personal link. Raising it by one makes all links void that were ever sent there.
    link_version = models.PositiveSmallIntegerField(default=1, editable=False)
    # Entered on a public page or for somebody outside, not by an operator: it never leads into our own network (S3).
    from_outside = models.BooleanField(default=False, db_default=False, editable=False)

    objects = ContactPoints.as_manager()

    class Meta:
        ordering = ("pk",)
        constraints = [
            models.UniqueConstraint(
                "recipient",
                "channel",
                Lower("address"),
                name="contact_point_once_a_recipient",
                violation_error_message="This recipient already has this address.",
            )
        ]

    def __str__(self) -> str:
        return f"{channels.spoken(self.channel)}: {self.address}"

    def clean(self) -> None:
        if self.channel not in dict(channels.kinds()):
            raise ValidationError({"channel": f"There is no channel “{self.channel}” here."})
        try:
            channel = channels.get(self.channel)
            clean = channel.clean_outside_address if self.from_outside else channel.clean_address
            self.address = clean(self.address)
        except ValidationError as error:
            raise ValidationError({"address": error}) from None

    def moved(self, **to: Any) -> dict[str, Any]:
        """What else changes if these fields become `to`: nothing that was found out about one address is true of another (C8).

        Empty if they stay the same.
        """
        if all(getattr(self, name) == value for name, value in to.items()):
            return {}
        return {"verified": False, "disabled_reason": "", "link_version": self.link_version + 1}

    @property
    def shown(self) -> str:
        """The address as its owner writes it."""
        return readable(self.address) if self.channel == "email" else self.address

    @property
    def usable(self) -> bool:
        return not self.trouble

    @property
    def trouble(self) -> str:
        """Why no message can go there; empty if it can."""
        if not self.verified:
            return "not verified"
        if self.disabled_reason:
            return self.disabled_reason
        return "" if channels.works(self.channel) else f"{channels.spoken(self.channel)} is not set up here"


LONGEST = timedelta(days=1)  # the longest delay in a person's chain


class ContactRule(models.Model):
    """One link of a person's chain: use this contact point `delay` after a page begins, unless it is acknowledged before."""

    contact_point = models.ForeignKey(ContactPoint, models.CASCADE, related_name="rules")
    delay = models.DurationField(
        default=timedelta(0),
        validators=[MaxValueValidator(LONGEST)],
        help_text="How long after the start of a page, as hours:minutes:seconds. Without rules, all contact points are used at once.",
    )

    class Meta:
        ordering = ("delay", "pk")
        constraints = [
            models.UniqueConstraint(fields=["contact_point"], name="one_rule_a_contact_point"),
            models.CheckConstraint(
                condition=Q(delay__gte=timedelta(0)),
                name="contact_rule_not_in_the_past",
                violation_error_message="The delay cannot be negative.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.contact_point} after {self.delay}"

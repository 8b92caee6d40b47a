"""The forms of subscribers. Errors are shown at the field, in plain words."""

from collections.abc import Iterable
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.utils.text import capfirst

from dispatching import channels
from dispatching.models import ContactPoint, Priority
from schedules.models import User
from schedules.models.zones import current_names
from schedules.surfaces.forms import PageForm, field_of
from stakeholders.groups import joining
from stakeholders.groups.forms import GroupsField
from stakeholders.groups.joining import Wish
from stakeholders.models import Outage, StakeholderGroup, Subscriber, Subscription
from stakeholders.subscriptions import addresses, sms_limits

KINDS = [
    (Subscription.Kinds.ALL.value, "Every message"),
    (Subscription.Kinds.ENDS.value, "Only the first and the last message of an outage"),
]
HOW = {
    "email": "E-mail",
    "sms": "Text message (SMS) to a phone",
    "webhook": "Webhook: we send the messages to a program of yours",
}
FEWER = ("products", "deployments", "kinds")  # what nobody has to answer


class PartsField(forms.TypedMultipleChoiceField):
    """Deployments or products, by their ids."""

    widget = forms.CheckboxSelectMultiple

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(coerce=int, required=False, **kwargs)


class PlainForm(PageForm):
    """A form whose errors we put into words ourselves, without checks by the browser; fields refer to their errors (aria)."""

    use_required_attribute = False

    def wrong(self) -> list[tuple[str, str, str]]:
        """Returns (id of the field, its label, what is wrong) for the summary above the form."""
        return [
            (field.auto_id + ("_0" if field.use_fieldset else ""), str(field.label), str(error))
            for field in self
            for error in field.errors
        ]


class AddressForm(PlainForm, forms.Form):
    """An address on one medium; the cleaned address is in its normal form."""

    channel = forms.ChoiceField(label="How", widget=forms.RadioSelect, required=False)
    address = forms.CharField(
        label="Your e-mail address",
        max_length=500,
        error_messages={"required": "Please enter an address."},
        widget=forms.TextInput(attrs={"autocomplete": "email", "inputmode": "email", "autocapitalize": "off"}),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        offered = [
            (kind, HOW.get(kind, label))
            for kind, label in channels.kinds(typed=True, for_strangers=True)
            if kind != "sms" or sms_limits.self_service()
        ]
        channel = field_of(self, "channel", forms.ChoiceField)
        channel.choices, channel.initial = offered, "email"
        # True whichever medium is chosen above it.
        self.fields["address"].label = "Your e-mail address" if len(offered) == 1 else "Your address"

    def clean_channel(self) -> str:
        return self.cleaned_data["channel"] or "email"

    def clean_address(self) -> str:
        kind = self.cleaned_data.get("channel") or "email"
        if kind == "email" and "://" in self.cleaned_data["address"]:
            raise ValidationError("This is a URL. Enter an e-mail address, or choose “Webhook” above.")
        if kind == "email" and "@" not in self.cleaned_data["address"]:
            raise ValidationError("Please enter one e-mail address, such as ana@example.org: the @ is missing.")
        address = addresses.clean(kind, self.cleaned_data["address"])
        if kind == "email" and "." not in address.rpartition("@")[2]:  # a host of our own, such as localhost
            raise ValidationError("Please enter one e-mail address, such as ana@example.org.")
        return address


class GroupsForm(PlainForm, forms.Form):
    """A choice of groups, and of what to be told about them."""

    folded, folded_label = FEWER, "Only some of these messages?"
    groups = GroupsField(
        StakeholderGroup.objects.none(),
        label="What do you want to hear about?",
        error_messages={"required": "Please choose at least one."},
    )
    products = PartsField(label="Only these products", help_text="Leave all boxes empty to hear about all products.")
    deployments = PartsField(label="Only these places", help_text="Leave all boxes empty to hear about all places.")
    kinds = forms.ChoiceField(
        label="Which messages?",
        choices=KINDS,
        widget=forms.RadioSelect,
        required=False,
        initial=Subscription.Kinds.ALL.value,
    )

    def __init__(self, *args: Any, groups: Iterable[StakeholderGroup], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = list(groups)
        where, what = joining.parts(choices)
        named = StakeholderGroup.objects.filter(pk__in=[group.pk for group in choices])
        offered = named.prefetch_related("deployments", "products")
        field_of(self, "groups", forms.ModelMultipleChoiceField).queryset = offered
        for name, parts in (("products", what), ("deployments", where)):
            _offer(self, name, parts)

    def clean(self) -> None:
        super().clean()
        for group in self.cleaned_data.get("groups") or ():
            if joining.within(group, self.wish()) is None:
                self.add_error(
                    "groups",
                    f"“{group.name}” covers nothing of what you chose. Leave out the group or the restriction.",
                )

    def wish(self) -> Wish:
        data = self.cleaned_data
        return Wish(
            deployments=tuple(data.get("deployments", ())),
            products=tuple(data.get("products", ())),
            kinds=data.get("kinds") or Subscription.Kinds.ALL.value,
        )


class SubscribeForm(AddressForm, GroupsForm):
    """The form for everybody: an address and groups."""

    field_order = ("groups", "channel", "address", *FEWER)


class BrowserForm(GroupsForm):
    """The form that the page's script sends for its browser: groups, and the browser's PushSubscription."""

    address = forms.CharField(label="This browser", max_length=2000)

    def clean_address(self) -> str:
        return channels.get("push").clean_address(self.cleaned_data["address"])


class InviteForm(AddressForm, GroupsForm):
    """The form for colleagues who invite a person outside: that person's address, and groups."""

    field_order = ("channel", "address", "groups", *FEWER)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["address"].label = "Their address"
        self.fields["address"].widget.attrs["autocomplete"] = "off"
        self.fields["groups"].label = "What should they hear about?"


class SubscribeOneselfForm(GroupsForm):
    """The form for people who are logged in: one of their own contact points, and groups."""

    point = forms.ModelChoiceField(
        ContactPoint.objects.none(),
        label="Where to?",
        widget=forms.RadioSelect,
        empty_label=None,
        error_messages={"required": "Please choose where the messages go."},
    )
    field_order = ("groups", "point", *FEWER)

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        points = ContactPoint.objects.usable().filter(recipient__user=user)
        point = field_of(self, "point", forms.ModelChoiceField)
        point.queryset, point.initial = points, points.first()
        point.label_from_instance = _named  # type: ignore[method-assign, assignment]


class LinkForm(AddressForm):
    """The form for people who have lost their link."""


class WishForm(PlainForm, forms.Form):
    """One group on the manage page: whether to be told about it, and about which parts."""

    wanted = forms.BooleanField(required=False)
    products = PartsField()
    deployments = PartsField()
    kinds = forms.ChoiceField(label="Which messages?", choices=KINDS, required=False)
    least_priority = forms.TypedChoiceField(label="How important?", coerce=int, empty_value=None, required=False)

    def __init__(
        self,
        *args: Any,
        group: StakeholderGroup,
        row: Subscription | None,
        parts: tuple[list, list],
        priorities: list[Priority],
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, prefix=f"group-{group.pk}", initial=_initial(row), **kwargs)
        self.group, self.row = group, row
        self.fields["wanted"].label = group.name
        levels = field_of(self, "least_priority", forms.ChoiceField)
        levels.choices = [("", "All outages"), *_levels(priorities)]
        where, what = parts
        for name, choices, label in (("products", what, "products"), ("deployments", where, "places")):
            self.fields[name].label = f"Only these {label} (leave all boxes empty for all)"
            _offer(self, name, choices)

    def wish(self) -> Wish | None:
        """Returns the subscriber's wish; None if they do not want to be told about this group."""
        data = self.cleaned_data
        if not data["wanted"]:
            return None
        return Wish(
            deployments=tuple(sorted(data.get("deployments", ()))),
            products=tuple(sorted(data.get("products", ()))),
            kinds=data["kinds"] or Subscription.Kinds.ALL.value,
            least_priority=data["least_priority"],
        )


class HelpedForm(PlainForm, forms.Form):
    """Whether the help page helped. The buttons are its yes and no."""

    helped = forms.ChoiceField(
        label="Did this help?",
        choices=[("yes", "yes"), ("no", "no")],
        widget=forms.HiddenInput,
        error_messages={"required": "Please press yes or no."},
    )
    comment = forms.CharField(
        label="What is missing or unclear? (optional)",
        required=False,
        max_length=1000,
        widget=forms.Textarea(attrs={"rows": 3}),
    )


class CommentForm(PlainForm, forms.Form):
    """A comment on an outage's priority by a person who was told about the outage."""

    outage = forms.ModelChoiceField(Outage.objects.none(), label="Which outage?")
    text = forms.CharField(
        label="Is this more urgent for your customers, or less? Why?",
        max_length=1000,
        widget=forms.Textarea(attrs={"rows": 3}),
        error_messages={"required": "Please write a comment."},
    )

    def __init__(self, *args: Any, told: QuerySet[Outage], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field_of(self, "outage", forms.ModelChoiceField).queryset = told


class SettingsForm(PlainForm, forms.ModelForm):
    """The settings of a subscriber: language, time zone, quiet hours."""

    class Meta:
        model = Subscriber
        fields = ("language", "time_zone", "quiet_from", "quiet_until")
        labels = {"time_zone": "Time zone", "quiet_from": "Quiet from", "quiet_until": "Quiet until"}
        help_texts = {
            "quiet_from": "We send nothing during these hours. We send what was held back when they end. "
            "Leave both empty to get everything immediately.",
            "time_zone": "The times in messages and the quiet hours are in this time zone.",
            "language": "The words around each message. What people write is in English if nobody wrote it in your language.",
        }
        widgets = {
            "quiet_from": forms.TimeInput(attrs={"type": "time"}, format="%H:%M"),
            "quiet_until": forms.TimeInput(attrs={"type": "time"}, format="%H:%M"),
        }

    def __init__(self, data: Any = None, **kwargs: Any) -> None:
        super().__init__(data, prefix="how", **kwargs)
        zone = field_of(self, "time_zone", forms.ChoiceField)
        zone.choices = _places(zone.choices, str(self.instance.time_zone))
        if self.instance.pk is None and str(self.instance.time_zone) == "UTC":
            zone.widget.attrs["data-zone"] = "browser"  # a script chooses the browser's own

    def clean(self) -> None:
        super().clean()
        times = [self.cleaned_data.get(name, "wrong") for name in ("quiet_from", "quiet_until")]
        if None in times and times != [None, None]:
            self.add_error("quiet_from", "Quiet hours need both a beginning and an end.")


def _named(point: ContactPoint) -> str:
    """“E-mail: ana@example.org”; a browser's address says nothing to people."""
    medium = capfirst(channels.spoken(point.channel))
    return medium if point.channel == "push" else f"{medium}: {point.shown}"


def _places(choices: Any, current: str) -> list[tuple[Any, str]]:
    """Returns UTC, the present choice, and the zones of places; not the other and older names for the same zones."""
    return [(zone, label) for zone, label in choices if str(zone) in current_names() or str(zone) == current]


def _offer(form: forms.Form, name: str, parts: list) -> None:
    """Offers these parts as choices; removes the field if there are fewer than two."""
    if len(parts) < 2:
        del form.fields[name]
    else:
        field_of(form, name, forms.ChoiceField).choices = [(part.pk, part.name) for part in parts]


def _levels(priorities: list[Priority]) -> list[tuple[int, str]]:
    """Returns each priority's level with the priorities that it lets through, as words: only P1; P1 and P2; P1 to P3."""
    names = [priority.name for priority in sorted(priorities, key=lambda priority: priority.level)]
    words = [f"{names[0]} {'and' if number == 1 else 'to'} {name}" for number, name in enumerate(names)]
    words[:1] = [f"Only {name}" for name in names[:1]]
    return list(zip(sorted(priority.level for priority in priorities), words, strict=True))


def _initial(row: Subscription | None) -> dict[str, Any]:
    if row is None:
        return {"wanted": False, "kinds": Subscription.Kinds.ALL.value}
    return {
        "wanted": row.state == Subscription.State.ACTIVE,  # anybody may have asked with this address
        "products": row.products,
        "deployments": row.deployments,
        "kinds": row.kinds,
        "least_priority": row.least_priority or "",
    }

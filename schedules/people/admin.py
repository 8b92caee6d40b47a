"""Admin pages for people, teams, and groups of people across teams."""

from collections.abc import Iterable
from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group
from django.db.models import Count, Model, QuerySet
from django.http import HttpRequest
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from schedules import clock
from schedules.models import ApiToken, Participant, Team, User
from schedules.people import leaving
from schedules.surfaces import access
from schedules.surfaces.admin import ModelAdmin, ReadOnlyAdmin, local, picker
from schedules.surfaces.left_open.admin import WarningAdmin
from schedules.validators import PASSWORD

admin.site.unregister(Group)

NAME = ("first_name", "last_name", "email", "time_zone")
POWERS = ("is_staff", "is_superuser", "groups", "user_permissions")

HELP = {
    "first_name": "The name that colleagues use; pages, timelines and “who is on call” show it.",
    "last_name": "Shown after the first name.",
    "email": "Pages do not go here. Enter the address for pages under Recipients.",
    "username": "At most 150 characters: letters, digits and @ . + - _ (no spaces).",
    "is_active": "Turn this off when somebody leaves: their shifts become gaps, and their sessions, tokens and links end for good.",
}
WRONG = {"username": {"invalid": "Use only letters, digits and @ . + - _ (no spaces)."}}
LABELS = {"email": "E-mail address"}


class PersonForm(UserChangeForm):
    class Meta(UserChangeForm.Meta):
        help_texts, error_messages, labels = HELP, WRONG, LABELS


class NewPersonForm(UserCreationForm):
    class Meta(UserCreationForm.Meta):
        help_texts, error_messages, labels = HELP, WRONG, LABELS

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["usable_password"].help_text = "Turn this off for somebody who is paged but never logs in."
        _plain(self)


class OthersPasswordForm(AdminPasswordChangeForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _plain(self)


def _plain(form: forms.BaseForm) -> None:
    """One sentence about passwords, in place of one for each validator."""
    form.fields["password1"].help_text = PASSWORD.replace("your", "their")
    form.fields["password2"].label, form.fields["password2"].help_text = "Password again", ""


@admin.register(User)
class UserAdmin(DjangoUserAdmin, WarningAdmin):  # type: ignore[misc]
    """People. Only superusers can give rights, and only they can change or delete a superuser (faults O5)."""

    form = PersonForm
    add_form = NewPersonForm
    add_form_template = "admin/schedules/new_person.html"
    change_password_form = OthersPasswordForm
    readable = True
    unguarded = ("last_login",)
    list_display = ("username", "full_name", "email", "time_zone", "is_active")
    list_filter = ("is_active", "is_staff")
    search_fields = ("username", "first_name", "last_name", "email")
    search_help_text = "A name or an e-mail address"
    readonly_fields = ("last_seen", "joined")
    autocomplete_fields = ("groups",)
    filter_horizontal = ()
    add_fieldsets = ((None, {"fields": ("username", "usable_password", "password1", "password2", *NAME)}),)

    def get_list_display(self, request: HttpRequest) -> tuple:
        return self.list_display if access.may_read_private(request.user, User) else _but(self.list_display, "email")

    def get_search_fields(self, request: HttpRequest) -> tuple:
        return self.search_fields if access.may_read_private(request.user, User) else _but(self.search_fields, "email")

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        if obj is None:
            return self.add_fieldsets
        # Even the parts of a hash that Django shows are nobody's business who cannot set a new password (P10).
        login = ("username", "password") if self.has_change_permission(request, obj) else ("username",)
        name = NAME if access.may_read_private(request.user, User, obj.pk) else _but(NAME, "email")
        rights = [
            ("Permissions", {"fields": POWERS, "description": "Only superusers see these. A team is a group, too."})
        ] * request.user.is_superuser
        return [
            (None, {"fields": login}),
            ("Person", {"fields": name}),
            ("Login", {"fields": ("is_active", "last_seen", "joined")}),
            *rights,
        ]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple:
        """On one's own page also what would lock oneself out: so an administrator always remains."""
        own = ("is_active", "is_staff", "is_superuser") if obj and obj.pk == request.user.pk else ()
        return (*super().get_readonly_fields(request, obj), *own)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_change_permission(request, obj) and _may_touch(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        own = obj is not None and obj.pk == request.user.pk
        return super().has_delete_permission(request, obj) and _may_touch(request, obj) and not own

    def concerned(self, obj: User) -> Iterable[int]:
        return [obj.pk] if obj.pk else []

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        leaving.note(obj, now=clock.now())
        super().save_model(request, obj, form, change)

    @admin.display(description="name", ordering="first_name")
    def full_name(self, user: User) -> str:
        return user.get_full_name()

    @admin.display(description="last login")
    def last_seen(self, user: User) -> str:
        return local(user.last_login) or "never"

    @admin.display(description="added")
    def joined(self, user: User) -> str:
        return local(user.date_joined)


def _but(names: tuple[str, ...], hidden: str) -> tuple[str, ...]:
    return tuple(name for name in names if name != hidden)


def _may_touch(request: HttpRequest, user: User | None) -> bool:
    return request.user.is_superuser or user is None or not user.is_superuser


class MembersForm(forms.ModelForm):
    """A form for a group whose members are picked on the group's own page."""

    members = forms.ModelMultipleChoiceField(
        User.objects.all(),
        required=False,
        widget=picker(Participant._meta.get_field("user")),
        help_text="Type part of a name to find somebody. People may be in several teams and groups.",
    )

    class Meta:
        help_texts: ClassVar = {"name": "The name that everybody uses; schedules, policies and timelines show it."}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk and "members" in self.fields:
            self.fields["members"].initial = self.instance.user_set.all()

    def _save_m2m(self) -> None:
        super()._save_m2m()  # type: ignore[misc]
        if "members" in self.cleaned_data:
            self.instance.user_set.set(self.cleaned_data["members"])


class PeopleAdmin(WarningAdmin):
    """Groups of people.

    Only superusers can change a group that carries rights, because its members get them (faults O5).
    """

    form = MembersForm
    readable = True
    search_fields = ("name",)
    ordering = ("name",)

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        return super().get_queryset(request).annotate(size=Count("user"))

    def concerned(self, obj: Any) -> Iterable[int]:
        return obj.user_set.values_list("pk", flat=True) if obj.pk else ()

    def guarded(self, obj: Any) -> Iterable[Any]:
        yield from super().guarded(obj)
        yield obj.user_set.order_by("pk").values_list("pk")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple:
        # On a read-only page Django cannot show a form field that is not the model's.
        return ("people",) if obj and not self.has_change_permission(request, obj) else ()

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_change_permission(request, obj) and self._harmless(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_delete_permission(request, obj) and self._harmless(request, obj)

    def _harmless(self, request: HttpRequest, obj: Model | None) -> bool:
        return request.user.is_superuser or obj is None or not obj.permissions.exists()  # type: ignore[attr-defined]

    @admin.display(description="people", ordering="size")
    def number(self, group: Any) -> int:
        return group.size

    @admin.display(description="members")
    def people(self, group: Any) -> str:
        return ", ".join(user.name for user in group.user_set.all()) or "nobody"


@admin.register(Team)
class TeamAdmin(PeopleAdmin):
    list_display = ("name", "number", "manager", "time_zone")
    list_select_related = ("manager",)
    autocomplete_fields = ("manager",)
    preview_template = "admin/schedules/owned.html"

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple:
        who = "people" if obj and not self.has_change_permission(request, obj) else "members"
        return ("name", who, "manager", "time_zone", "description")

    def preview(self, request: HttpRequest, obj: Any, now: Any) -> dict[str, Any]:
        return {"team": obj, "left": obj.user_set.filter(is_active=False)}


@admin.register(Group)
class GroupAdmin(DjangoGroupAdmin, PeopleAdmin):  # type: ignore[misc]
    """Groups of people across teams. A team is an auth group, too, but has a page of its own."""

    list_display = ("name", "number")
    autocomplete_fields = ()
    filter_horizontal = ("permissions",)

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        return super().get_queryset(request).filter(team=None)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple:
        who = "people" if obj and not self.has_change_permission(request, obj) else "members"
        return ("name", who, "permissions") if request.user.is_superuser else ("name", who)


@admin.register(ApiToken)
class ApiTokenAdmin(ReadOnlyAdmin):
    """Everybody's API tokens, to be revoked by deleting them. People make their own on the page of their account."""

    list_display = ("name", "user", "scope", "key_hint", "used", "ends")
    list_select_related = ("user",)
    list_filter = ("scope",)
    search_fields = ("name", "user__username", "user__first_name", "user__last_name")
    fields = readonly_fields = ("name", "user", "scope", "key_hint", "made", "used", "ends")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return ModelAdmin.has_delete_permission(self, request, obj)

    @admin.display(description="made", ordering="created_at")
    def made(self, token: ApiToken) -> str:
        return local(token.created_at)

    @admin.display(description="last used", ordering="last_used_at")
    def used(self, token: ApiToken) -> str:
        return local(token.last_used_at) or "never"

    @admin.display(description="ends", ordering="expires_at")
    def ends(self, token: ApiToken) -> str:
        return local(token.expires_at)

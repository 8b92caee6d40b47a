"""Base classes of all REST API resources: how they write, what they refuse, and their permissions."""

import json
from collections.abc import Callable, Mapping
from copy import copy
from functools import wraps
from typing import Any, ClassVar

from django.core.exceptions import NON_FIELD_ERRORS
from django.core.exceptions import ValidationError as ModelError
from django.db import models, transaction
from django.utils.decorators import method_decorator
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import mixins, serializers, viewsets
from rest_framework.exceptions import PermissionDenied
from rest_framework.permissions import DjangoModelPermissions
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.encoders import JSONEncoder

from schedules import clock
from schedules.surfaces import access, locks, once
from schedules.surfaces.access import person
from schedules.surfaces.fields import InstantField
from schedules.validators import one_line, only_printable


class StrictSerializer(serializers.Serializer):
    """Refuses unknown fields by name, so that a misspelt field is not silently ignored, and control characters in texts.

    A read-only field is refused, too, if it is sent with another value than the one that the row has. A row that was read can
    be sent back; if the field that is meant is sent as well, it decides.
    """

    # Fields that take any text.
    raw: ClassVar[tuple[str, ...]] = ()
    # Read-only fields with the writable ones that are meant, if the source of the field does not say it.
    instead: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    # Read-only fields that change on their own, so that they may have changed since the row was read.
    passing: ClassVar[tuple[str, ...]] = ()

    def get_fields(self) -> dict[str, serializers.Field]:
        fields = super().get_fields()
        texts = {name: getattr(field, "child", field) for name, field in fields.items() if name not in self.raw}
        only_printable(field for field in texts.values() if isinstance(field, serializers.CharField))
        return fields

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, Mapping):
            wrong = {name: [f"There is no field “{name}” here."] for name in sorted(set(data) - set(self.fields))}
            # A part is replaced as a whole, but the framework would let a PATCH leave out required fields.
            if self.parent is not None:
                missing = [name for name, field in self.fields.items() if field.required and name not in data]
                wrong |= {name: ["This field is required."] for name in missing}
            if wrong:
                raise serializers.ValidationError(wrong)
        ignored: dict[str, Any] = {}
        if isinstance(data, Mapping) and self.parent is None:
            ignored = self._without_effect(data)
        try:
            value = super().to_internal_value(data)
        except serializers.ValidationError as error:
            if isinstance(error.detail, dict):
                error.detail.update(ignored)
            raise
        if ignored:
            raise serializers.ValidationError(ignored)
        return value

    def _without_effect(self, data: Mapping[str, Any]) -> dict[str, list[str]]:
        """The errors about read-only fields in the data that would be ignored though they say something else than the row."""
        readable = {name for name, field in self.fields.items() if field.read_only} - set(self.passing)
        sent = {name: data[name] for name in readable & set(data) if data[name] not in (None, "", [], {})}
        if not sent:
            return {}
        now = {"id": data.get("id")} if self.instance is None else as_json(self.to_representation(self.instance))
        wrong = {}
        for name in sorted(sent):
            meant = self._meant_by(name)
            if sent[name] != now.get(name) and not set(meant) & set(data):
                set_this = f" Set {' and '.join(f'“{other}”' for other in meant)} instead." if meant else ""
                wrong[name] = [f"“{name}” can only be read.{set_this}"]
        return wrong

    def _meant_by(self, name: str) -> tuple[str, ...]:
        """The writable fields behind a read-only one, such as `user` behind `username`."""
        source = self.fields[name].source_attrs
        writable = {other: field.source_attrs for other, field in self.fields.items() if not field.read_only}
        found = (other for other, attrs in writable.items() if attrs and attrs == source[: len(attrs)])
        return self.instead.get(name) or tuple(found)


def as_json(value: Any) -> Any:
    """The value as somebody who reads the API has it."""
    return json.loads(json.dumps(value, cls=JSONEncoder))


class RecordSerializer(StrictSerializer, serializers.ModelSerializer):
    """One row, with the rows that are part of it. Values that the model forbids are answered 400, with the field named."""

    serializer_field_mapping: ClassVar = {
        **serializers.ModelSerializer.serializer_field_mapping,
        models.DateTimeField: InstantField,
    }
    # Fields that contain rows of their own, replaced as a whole by `put_<field>(instance, value)`.
    parts: ClassVar[tuple[str, ...]] = ()
    # The field that is named if a constraint over several fields is violated.
    blame: ClassVar[str] = "non_field_errors"

    def get_fields(self) -> dict[str, serializers.Field]:
        fields = super().get_fields()
        model: type[models.Model] = self.Meta.model
        columns = {column.name: column for column in model._meta.concrete_fields}
        for name, field in fields.items():
            if isinstance(field, serializers.CharField) and isinstance(columns.get(name), models.CharField):
                field.validators.append(one_line)
        return fields

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        model: type[models.Model] = self.Meta.model
        columns = {field.name for field in model._meta.concrete_fields}
        plain = {name: value for name, value in attrs.items() if name in columns}
        draft = copy(self.instance) if isinstance(self.instance, model) else model()
        for name, value in plain.items():
            setattr(draft, name, value)
        ours = {name for field in self.fields.values() if not field.read_only for name in field.source_attrs[:1]}
        try:
            # The serializer's own validators check unique fields.
            draft.full_clean(exclude=columns - ours, validate_unique=False)
        except ModelError as error:
            raise serializers.ValidationError(self._by_field(error)) from None
        # The model may have normalised a value.
        return {**attrs, **{name: getattr(draft, name) for name in plain}}

    def _by_field(self, error: ModelError) -> dict[str, list[str]]:
        errors: dict[str, list[str]] = {}
        for name, messages in error.message_dict.items():
            errors.setdefault(self.blame if name == NON_FIELD_ERRORS else name, []).extend(messages)
        return errors

    def create(self, validated_data: dict[str, Any]) -> Any:
        parts = self._taken_from(validated_data)
        return self._put(super().create(validated_data), parts)

    def update(self, instance: Any, validated_data: dict[str, Any]) -> Any:
        parts = self._taken_from(validated_data)
        # Saving the row first locks it, so that two concurrent replacements do not leave the parts of both.
        return self._put(super().update(instance, validated_data), parts)

    def _taken_from(self, validated_data: dict[str, Any]) -> dict[str, Any]:
        return {name: validated_data.pop(name) for name in self.parts if name in validated_data}

    def _put(self, instance: Any, parts: dict[str, Any]) -> Any:
        for name, value in parts.items():
            getattr(self, f"put_{name}")(instance, value)
        return instance


def repeatable(method: Callable[..., Response]) -> Callable[..., Response]:
    """A method of a resource that takes an Idempotency-Key with a POST: sent again, it has no second effect (S11)."""
    about = (
        f"Your own key of this request, at most {once.LONGEST} characters. For a day, the same request with the same key has no "
        "second effect and gets the same answer; another request with this key is answered 422."
    )

    @extend_schema(parameters=[OpenApiParameter(once.HEADER, location=OpenApiParameter.HEADER, description=about)])
    @wraps(method)
    def answer(self: Any, request: Request, *args: Any, **kwargs: Any) -> Response:
        return once.replayed(person(request), request, lambda: method(self, request, *args, **kwargs), now=clock.now())

    return answer


class MayChange(DjangoModelPermissions):
    """Permission for an action that changes an existing object: POST needs the right to change, not to add."""

    perms_map = {**DjangoModelPermissions.perms_map, "POST": DjangoModelPermissions.perms_map["PUT"]}


class TeamMayChange(DjangoModelPermissions):
    """The model's permissions; in addition, people who have been granted an object, such as its team, may change it."""

    def has_permission(self, request: Request, view: Any) -> bool:
        if request.method in ("PUT", "PATCH"):
            return request.user.is_authenticated
        return super().has_permission(request, view)

    def has_object_permission(self, request: Request, view: Any, obj: Any) -> bool:
        return request.method not in ("PUT", "PATCH") or access.may(request.user, "change", obj)


class ReadOnlyResource(mixins.RetrieveModelMixin, mixins.ListModelMixin, viewsets.GenericViewSet):
    """A resource that everybody who is logged in may read. Ids in URLs are ASCII digits that fit the column (faults J13, J20)."""

    lookup_value_regex = "[0-9]{1,18}"
    # Request fields that a verb may refuse: answered 400, like any other wrong field, not 409 (config.api).
    inputs: ClassVar[tuple[str, ...]] = ()


@method_decorator(transaction.atomic, name="create")
class Resource(ReadOnlyResource, viewsets.ModelViewSet):
    """A resource that can be written with the model's permission. Each write is one transaction: all of it or nothing.

    The row is locked before it is read, so that nothing is written that was read before somebody else's change.
    """

    @transaction.atomic
    def update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        self.hold(self.kwargs["pk"])
        return super().update(request, *args, **kwargs)

    @transaction.atomic
    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        self.hold(self.kwargs["pk"])
        return super().destroy(request, *args, **kwargs)

    def hold(self, pk: str) -> None:
        """Locks the row, as the verbs on it do."""
        locks.hold(self.get_queryset().model, pk)


class TeamOwnedResource(Resource):
    """A resource that the team in `team` may change, as in the admin.

    Giving an object to another team needs the right to change all objects.
    """

    permission_classes = (TeamMayChange,)

    def perform_create(self, serializer: Any) -> None:
        access.grant_to_team(serializer.save())

    def perform_update(self, serializer: Any) -> None:
        before, meta = serializer.instance.team, serializer.instance._meta
        moved = serializer.validated_data.get("team", before) != before
        if moved and not self.request.user.has_perm(f"{meta.app_label}.change_{meta.model_name}"):
            raise PermissionDenied(
                "To give this to another team, you need the permission to change those of all teams."
            )
        access.grant_to_team(serializer.save(), before=before)

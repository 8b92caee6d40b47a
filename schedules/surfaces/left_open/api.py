"""API resources that say in their answers what a write leaves open."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from schedules import clock
from schedules.surfaces.api import RecordSerializer, Resource
from schedules.surfaces.left_open import Before


class WarningSerializer(RecordSerializer):
    """A record with `warnings`, which the answer to a write fills in. Name the field in `Meta.fields`."""

    passing: ClassVar[tuple[str, ...]] = ("warnings",)
    warnings = serializers.SerializerMethodField(
        help_text="In the answer to a write: what it leaves open or lacks, such as hours with nobody on duty. Otherwise empty."
    )

    def get_warnings(self, instance: Any) -> list[str]:
        return list(getattr(self.context.get("view"), "warnings", ()))


class LeftOpenSerializer(serializers.Serializer):
    """What a deletion leaves open."""

    warnings = serializers.ListField(child=serializers.CharField())


class WarningResource(Resource):
    """A resource whose writes concern people or schedules. A deletion that leaves something open is answered 200, with `warnings`."""

    warnings: Iterable[str] = ()

    def concerned(self, instance: Any, values: dict[str, Any]) -> Iterable[int]:
        """The ids of the users that a write of these values concerns; `instance` is None if one is added."""
        return ()

    def schedules(self, instance: Any) -> Iterable[int]:
        return ()

    def moments(self, instance: Any, values: dict[str, Any]) -> Iterable[datetime]:
        """When it takes effect, if that is later than now."""
        return ()

    def lacks(self, instance: Any) -> Iterable[str]:
        """Sentences about what is missing in what was written, said each time."""
        return ()

    def perform_create(self, serializer: Any) -> None:
        before = self._before(None, serializer.validated_data)
        super().perform_create(serializer)
        self.warnings = [*before.warnings(), *self.lacks(serializer.instance)]

    def perform_update(self, serializer: Any) -> None:
        before = self._before(serializer.instance, serializer.validated_data)
        super().perform_update(serializer)
        self.warnings = [*before.warnings(), *self.lacks(serializer.instance)]

    def perform_destroy(self, instance: Any) -> None:
        before = self._before(instance, {})
        super().perform_destroy(instance)
        self.warnings = before.warnings()

    @extend_schema(responses={204: None, 200: LeftOpenSerializer})
    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        answer = super().destroy(request, *args, **kwargs)
        return Response({"warnings": self.warnings}, status=status.HTTP_200_OK) if self.warnings else answer

    def _before(self, instance: Any, values: dict[str, Any]) -> Before:
        schedules = self.schedules(instance) if instance else ()
        also = self.moments(instance, values)
        return Before(self.concerned(instance, values), schedules, now=clock.now(), also=also)

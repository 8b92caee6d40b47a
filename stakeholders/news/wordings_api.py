"""The serializers of wordings, by ring and language, as parts of an update or a definition."""

from typing import Any

from rest_framework import serializers

from schedules.surfaces.api import RecordSerializer
from stakeholders.models import DefinitionWording, StakeholderRing, UpdateWording
from stakeholders.news import wordings

BASIC = ("ring", "language", "title", "text")
MOST = 50


class RingField(serializers.SlugRelatedField):
    def __init__(self, **kwargs: Any) -> None:
        rings = StakeholderRing.objects.all()
        words = "The number of the ring that reads it; null for every ring without words of its own."
        super().__init__(slug_field="number", queryset=rings, allow_null=True, default=None, help_text=words, **kwargs)


class UpdateWordingSerializer(RecordSerializer):
    ring = RingField()

    class Meta:
        model = UpdateWording
        fields = (*BASIC, *wordings.EVERYWHERE)


class DefinitionWordingSerializer(RecordSerializer):
    ring = RingField()

    class Meta:
        model = DefinitionWording
        fields = BASIC


def rows(given: dict[str, Any]) -> dict[str, Any]:
    """Returns the given values with the wordings as rows that are not saved yet, named `others` as in `outages`."""
    data = dict(given)
    others = [UpdateWording(**wording) for wording in data.pop("wordings", ())]
    return {**data, "others": others}

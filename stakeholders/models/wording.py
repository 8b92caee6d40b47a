"""The base of wordings: the same message in another language or for one ring."""

from django.db import models
from django.db.models import Q

from stakeholders.models.ring import StakeholderRing
from stakeholders.rules import languages


class Wording(models.Model):
    ring = models.ForeignKey(
        StakeholderRing,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text="The ring that reads it. Leave empty for every ring without a wording of its own.",
    )
    language = models.CharField(
        max_length=10,
        choices=languages.CHOICES,
        help_text="Goes to readers who chose it. Everybody else is told in English.",
    )
    title = models.CharField(
        max_length=200,
        blank=True,
        help_text="The title in this language. You need to write it only once.",
    )
    text = models.TextField(help_text="What is affected, who notices it and what you are doing.")

    class Meta:
        abstract = True
        ordering = ("pk",)
        constraints = [
            models.CheckConstraint(
                condition=Q(ring__isnull=False) | ~Q(language=languages.DEFAULT),
                name="%(class)s_is_another",
                violation_error_message="The English words are those above: choose another language.",
            )
        ]

    def __str__(self) -> str:
        return f"{self.get_language_display()}{f', {self.ring}' if self.ring else ''}"

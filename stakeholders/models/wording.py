"""The same news in other words: in another language, or for one ring."""

from django.db import models
from django.db.models import Q

from stakeholders.models.audience import StakeholderRing
from stakeholders.rules import languages


class Wording(models.Model):
    ring = models.ForeignKey(
        StakeholderRing,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text="Who reads it. Empty: every ring that has no wording of its own.",
    )
    language = models.CharField(
        max_length=10,
        choices=languages.CHOICES,
        help_text="Goes to those who chose it; everybody else is told in English.",
    )
    title = models.CharField(
        max_length=200, blank=True, help_text="The title in these words. Another language needs it; then it is kept."
    )
    text = models.TextField(help_text="What is affected, who notices, what is being done.")

    class Meta:
        abstract = True
        ordering = ("pk",)
        constraints = [
            models.CheckConstraint(
                condition=Q(ring__isnull=False) | ~Q(language=languages.DEFAULT),
                name="%(class)s_is_another",
                violation_error_message="The words in English for all rings are those above: choose a language or a ring.",
            )
        ]

    def __str__(self) -> str:
        return f"{self.get_language_display()}, {self.ring or 'all rings'}"

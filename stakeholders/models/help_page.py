"""How often the help page is seen, and whether it helped. Nothing identifies the readers."""

from django.db import models


class PageViews(models.Model):
    """How often a page was seen on a day (UTC). A constraint allows one row for each page and day."""

    page = models.CharField(max_length=20)
    day = models.DateField()
    views = models.PositiveIntegerField(default=1)

    class Meta:
        ordering = ("-day", "page")
        verbose_name_plural = "page views"
        constraints = [models.UniqueConstraint(fields=["page", "day"], name="one_count_a_page_and_day")]

    def __str__(self) -> str:
        return f"{self.page}, {self.day}: {self.views}"


class PageAnswer(models.Model):
    """A reader's answer to “Did this help?”, with a comment if the reader gave one."""

    page = models.CharField(max_length=20)
    day = models.DateField()
    helped = models.BooleanField()
    comment = models.TextField(blank=True)

    class Meta:
        ordering = ("-pk",)

    def __str__(self) -> str:
        return f"{self.page}: {'it helped' if self.helped else 'it did not help'}"

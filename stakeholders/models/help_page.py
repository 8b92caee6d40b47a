"""What becomes of the help page: how often it is seen, and whether it helped. Nothing in it says who."""

from django.db import models


class PageViews(models.Model):
    """How often a page was seen on a day (UTC). Counted once is a constraint: one row a page and day."""

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
    """“Did this help?”, with a comment if they gave one."""

    page = models.CharField(max_length=20)
    day = models.DateField()
    helped = models.BooleanField()
    comment = models.TextField(blank=True)

    class Meta:
        ordering = ("-pk",)

    def __str__(self) -> str:
        return f"{self.page}: {'it helped' if self.helped else 'it did not help'}"

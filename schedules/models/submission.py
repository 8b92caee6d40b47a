"""What has been carried out already, so that the same form or request sent again has no second effect."""

from django.db import models

from schedules.models.people import User


class Submission(models.Model):
    """One form or request, by the hash of its key, with the answer that its sender got; kept for a day."""

    user = models.ForeignKey(User, models.CASCADE, related_name="+")
    key = models.CharField(max_length=64)
    # Of what was sent under this key, to tell a repetition from another request.
    content = models.CharField(max_length=64)
    answer = models.JSONField(null=True)
    at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "key"], name="submitted_once")]

    def __str__(self) -> str:
        return f"{self.user}, {self.at:%Y-%m-%d %H:%M}"

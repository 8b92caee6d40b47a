from django.db import migrations, models
from django.db.models import OuterRef, Q, Subquery

KINDS = [("announcement", "announcement"), ("progress", "update"), ("end", "end"), ("correction", "correction")]


def take_over(apps, schema_editor) -> None:
    """Until now there was one ring, so that each message had the kind of its update."""
    updates = apps.get_model("stakeholders", "Update").objects.filter(pk=OuterRef("update"))
    apps.get_model("stakeholders", "Message").objects.update(kind=Subquery(updates.values("kind")))


class Migration(migrations.Migration):
    dependencies = [("stakeholders", "0008_over_since_and_plain_words")]

    operations = [
        migrations.AddField(
            "message",
            "kind",
            models.CharField(choices=KINDS, default="announcement", max_length=12),
            preserve_default=False,
        ),
        migrations.RunPython(take_over, migrations.RunPython.noop),
        migrations.AddConstraint(
            "message",
            models.UniqueConstraint(
                condition=Q(("kind", "announcement")), fields=("bracket", "language"), name="one_announcement_a_ring"
            ),
        ),
        migrations.AddConstraint(
            "message",
            models.UniqueConstraint(
                condition=Q(("kind", "end")), fields=("bracket", "language"), name="one_end_a_ring"
            ),
        ),
    ]

from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    dependencies = [
        ("dispatching", "0009_notice_kinds"),
    ]

    operations = [
        migrations.AlterField(
            model_name="attempt",
            name="outcome",
            field=models.CharField(
                choices=[
                    ("unknown", "unknown"),
                    ("accepted", "accepted"),
                    ("temporary", "failed for now"),
                    ("away", "the provider was away"),
                    ("permanent", "failed for good"),
                    ("gone", "no such address"),
                ],
                max_length=9,
            ),
        ),
        migrations.AddIndex(
            model_name="delivery",
            index=models.Index(
                condition=Q(("due_at__isnull", False), ("state__in", ("failed", "dead"))),
                fields=["due_at"],
                name="delivery_to_follow_up",
            ),
        ),
    ]

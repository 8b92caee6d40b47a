from django.db import migrations, models
from django.db.models.functions import Lower


def set_apart(apps, schema_editor):
    """Renames people whose username differs from an older one's only in its capitals: “COACH” becomes “COACH_2”."""
    people = apps.get_model("schedules", "User").objects.order_by("pk")
    taken = set()
    for pk, username in people.values_list("pk", "username"):
        free, number = username, 2
        while free.lower() in taken or (free != username and people.filter(username__iexact=free).exists()):
            free, number = f"{username[:145]}_{number}", number + 1
        taken.add(free.lower())
        if free != username:
            people.filter(pk=pk).update(username=free)


class Migration(migrations.Migration):

    dependencies = [
        ("schedules", "0001_squashed_0011_plain_words"),
    ]

    operations = [
        migrations.AddField(
            model_name="user",
            name="leavings",
            field=models.PositiveSmallIntegerField(db_default=0, default=0, editable=False),
        ),
        migrations.RunPython(set_apart, migrations.RunPython.noop),
        migrations.AddConstraint(
            model_name="user",
            constraint=models.UniqueConstraint(
                Lower("username"),
                name="username_any_case",
                violation_error_message="There is already a person with this username.",
            ),
        ),
    ]

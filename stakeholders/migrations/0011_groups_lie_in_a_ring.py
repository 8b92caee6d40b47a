from django.db import migrations

REACH = {"product": 0, "enterprise": 1, "external": 2, "everyone": 2}
NAMES = {"product": "Product delivery", "enterprise": "The enterprise", "everyone": "Everyone who asked"}
BOUNDARIES = {"product": "product", "enterprise": "enterprise", "everyone": "external"}


def place(apps, schema_editor) -> None:
    """Puts each group into the innermost ring that reaches as far as the group is open, so that its members go on being told.

    Until now all groups were told at once, so a ring that is made here is told at once, too: for any priority.
    """
    rings = apps.get_model("stakeholders", "StakeholderRing").objects
    for group in apps.get_model("stakeholders", "StakeholderGroup").objects.filter(ring=None).order_by("pk"):
        wide = [ring for ring in rings.order_by("number") if REACH[ring.boundary] >= REACH[group.openness]]
        if not wide:
            last = rings.order_by("number").last()
            number = last.number + 1 if last else 1
            name, boundary = NAMES[group.openness], BOUNDARIES[group.openness]
            wide = [rings.create(number=number, name=name, boundary=boundary)]
        group.ring = wide[0]
        group.save(update_fields=["ring"])
    # The groups were all told with the announcement. Coaches decide when the outer ones are told from now on.
    rings.filter(groups__isnull=False, elapsed=None, projected=None, priority=None, severity="").update(priority=5)


class Migration(migrations.Migration):
    dependencies = [("stakeholders", "0010_rings_have_groups_and_rules")]

    operations = [migrations.RunPython(place, migrations.RunPython.noop)]

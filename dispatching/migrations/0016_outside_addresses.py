from django.db import migrations, models

# So far the name of a subscriber without a login was the address, which no operator had entered.
MARK = """
UPDATE dispatching_contactpoint point SET from_outside = true FROM dispatching_recipient recipient
WHERE recipient.id = point.recipient_id AND recipient.user_id IS NULL
    AND (recipient.display_name = left(point.address, 150) OR recipient.display_name = 'a browser')
"""
RENAME_DELIVERIES = """
UPDATE dispatching_delivery delivery SET recipient_name = 'a subscriber'
FROM dispatching_contactpoint point JOIN dispatching_recipient recipient ON recipient.id = point.recipient_id
WHERE point.id = delivery.contact_point_id AND point.from_outside AND recipient.display_name = left(point.address, 150)
"""
RENAME = """
UPDATE dispatching_recipient recipient SET display_name = 'a subscriber' FROM dispatching_contactpoint point
WHERE recipient.id = point.recipient_id AND point.from_outside AND recipient.display_name = left(point.address, 150)
"""


class Migration(migrations.Migration):

    dependencies = [
        ('dispatching', '0015_reopened_and_named'),
    ]

    operations = [
        migrations.AddField(
            model_name='contactpoint',
            name='from_outside',
            field=models.BooleanField(db_default=False, default=False, editable=False),
        ),
        migrations.RunSQL([MARK, RENAME_DELIVERIES, RENAME], migrations.RunSQL.noop),
    ]

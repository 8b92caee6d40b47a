from django.conf import settings
from django.core.management.base import BaseCommand
from django.db import transaction

from dispatching import example
from schedules import clock
from schedules.surfaces.public_urls import public_url
from stakeholders import example as stakeholders


class Command(BaseCommand):
    help = (
        "Loads the example organisation; safe to repeat. With DEBUG its people log in with the password “example”, "
        "unless other machines can reach us."
    )

    def handle(self, *args, **options):
        with transaction.atomic():
            keys = example.load(example.PASSWORD if settings.DEBUG and settings.ONLY_HERE else None)
            stakeholders.load(now=clock.now())
        self.stdout.write("The example organisation is there.")
        for name, key in keys.items():
            self.stdout.write(f"Integration “{name}”, shown this once: {public_url('own_events', key)}")

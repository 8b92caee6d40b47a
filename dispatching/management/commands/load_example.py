from django.conf import settings
from django.core.management.base import BaseCommand

from dispatching.example import load


class Command(BaseCommand):
    help = "Loads the example organisation; safe to repeat. With DEBUG its people log in with the password “example”."

    def handle(self, *args, **options):
        keys = load("example" if settings.DEBUG else None)
        self.stdout.write("The example organisation is there.")
        for name, key in keys.items():
            self.stdout.write(
                f"Integration “{name}”, shown this once: {settings.PUBLIC_URL}/integrations/{key}/events/"
            )

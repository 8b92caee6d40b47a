from django.core.management.base import BaseCommand, CommandError
from rest_framework.authtoken.models import Token

from schedules.models import User


class Command(BaseCommand):
    help = "Prints an API token of this user and nothing else."

    def add_arguments(self, parser):
        parser.add_argument("username")

    def handle(self, *args, username, **options):
        user = User.objects.filter(username=username, is_active=True).first()
        if user is None:
            raise CommandError(f"There is no active user “{username}”.")
        self.stdout.write(Token.objects.get_or_create(user=user)[0].key)

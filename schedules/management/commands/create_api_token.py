from django.core.management.base import BaseCommand, CommandError

from schedules import clock
from schedules.models import ApiToken, User
from schedules.models.tokens import LONGEST


class Command(BaseCommand):
    help = "Makes an API token of this user and prints it, and nothing else. It cannot be shown again."

    def add_arguments(self, parser):
        parser.add_argument("username")
        parser.add_argument("--name", default="made by create_api_token", help="the program that uses it")
        parser.add_argument("--scope", default=ApiToken.Scope.WRITE, choices=ApiToken.Scope.values)
        parser.add_argument("--days", type=int, default=365, help=f"how long it is valid, at most {LONGEST}")

    def handle(self, *args, username, name, scope, days, **options):
        user = User.objects.filter(username=username, is_active=True).first()
        if user is None:
            raise CommandError(f"There is no active user “{username}”.")
        if not 1 <= days <= LONGEST:
            raise CommandError(f"--days must be 1 to {LONGEST}.")
        self.stdout.write(ApiToken.make(user, name, scope, days, now=clock.now())[1])

import sys

from django.core.management.base import BaseCommand, CommandError
from django.db import InterfaceError, OperationalError

from schedules import clock
from stakeholders.subscriptions import bounces

LARGEST = 2 * 1024 * 1024  # bytes; what a report says comes before the mail that it returns
TRY_AGAIN = 75  # EX_TEMPFAIL: the mail server keeps the mail


class Command(BaseCommand):
    help = "Takes one mail from standard input: a bounce, a complaint or a request to unsubscribe. For a pipe of the mail server."

    def add_arguments(self, parser):
        parser.add_argument("--to", default="", help="the recipient on the envelope; in Postfix ${original_recipient}")

    def handle(self, *args, to, **options):
        try:
            bounces.take_mail(sys.stdin.buffer.read(LARGEST), to=to, now=clock.now())
        except (OperationalError, InterfaceError):
            raise CommandError("The database cannot be reached just now.", returncode=TRY_AGAIN) from None

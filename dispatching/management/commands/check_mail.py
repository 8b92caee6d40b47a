from django.core.management.base import BaseCommand, CommandError
from dns.exception import DNSException
from dns.resolver import Resolver

from dispatching.channels.email.mail_check import MISSING, findings


class Command(BaseCommand):
    help = "Checks whether large receivers will accept our mail (SPF, DKIM, DMARC …) and whether bounces reach us."

    def add_arguments(self, parser):
        parser.add_argument("--nameserver", help="the DNS server to ask (an IP address), instead of the system's")
        parser.add_argument("--port", type=int, default=53)

    def handle(self, *args, nameserver, port, **options):
        resolver = Resolver(configure=nameserver is None)
        if nameserver:
            resolver.nameservers, resolver.port = [nameserver], port
        try:
            results = findings(resolver)
        except DNSException as error:
            raise CommandError(f"DNS does not answer: {error}") from None
        for result in results:
            self.stdout.write(f"{result.state:<9}  {result.name}: {result.detail}")
        if missing := sum(result.state == MISSING for result in results):
            raise CommandError(f"{missing} of {len(results)} are missing.")

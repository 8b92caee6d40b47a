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
            found = findings(resolver)
        except DNSException as error:
            raise CommandError(f"DNS does not answer: {error}") from None
        for each in found:
            self.stdout.write(f"{each.state:<9}  {each.what}: {each.said}")
        if missing := sum(each.state == MISSING for each in found):
            raise CommandError(f"{missing} of {len(found)} are missing.")

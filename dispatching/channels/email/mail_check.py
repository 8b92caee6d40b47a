"""Checks of the mail settings and of DNS: will large receivers accept our mail, and do bounces and replies reach us?"""

from dataclasses import dataclass
from email.utils import parseaddr

from django.conf import settings
from dns.resolver import NXDOMAIN, NoAnswer, Resolver

OK, MISSING, UNKNOWN = "ok", "missing", "not known"


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check. `state` is OK, MISSING, or UNKNOWN if it cannot be found out from here."""

    name: str
    state: str
    detail: str


def findings(resolver: Resolver) -> list[Finding]:
    """The results of all checks; raises DNSException if DNS does not answer."""
    author = _domain(parseaddr(settings.DEFAULT_FROM_EMAIL)[1])
    envelope = _domain(settings.BOUNCE_ADDRESS) or author
    return [
        _set("Mail server", settings.EMAIL_URL and "EMAIL_URL is set", "set EMAIL_URL: mails are written to files"),
        _https(),
        _set("Reply-To", settings.REPLY_TO, "set REPLY_TO to a mailbox that somebody reads"),
        _mailbox(resolver, "BOUNCE_ADDRESS", "nobody learns which addresses do not work"),
        _mailbox(resolver, "UNSUBSCRIBE_ADDRESS", "mail programs offer to unsubscribe only through the web"),
        _spf(resolver, envelope),
        _dkim(resolver, author),
        _dmarc(resolver, author),
        _alignment(author, envelope),
    ]


def _set(name: str, value: str, otherwise: str) -> Finding:
    return Finding(name, OK, value) if value else Finding(name, MISSING, otherwise)


def _https() -> Finding:
    right = settings.PUBLIC_URL.startswith("https://")
    wrong = f"{settings.PUBLIC_URL} is not https: mail programs offer one-click unsubscribing only with https"
    return Finding("PUBLIC_URL", OK, settings.PUBLIC_URL) if right else Finding("PUBLIC_URL", MISSING, wrong)


def _mailbox(resolver: Resolver, name: str, otherwise: str) -> Finding:
    """Whether mail to this setting's address can arrive."""
    address = getattr(settings, name)
    if not address:
        return Finding(name, MISSING, f"set {name}: without it {otherwise}")
    domain = _domain(address)
    servers = _ask(resolver, domain, "MX")
    if any(server.split()[-1] == "." for server in servers):
        return Finding(name, MISSING, f"{domain} takes no mail: its MX is “.”")
    if servers:
        return Finding(name, OK, f"{domain} has MX {', '.join(server.split()[-1].rstrip('.') for server in servers)}")
    if _ask(resolver, domain, "A") or _ask(resolver, domain, "AAAA"):
        return Finding(name, OK, f"{domain} has no MX; mail goes to its own address")
    return Finding(name, MISSING, f"{domain} has no MX and no address")


def _spf(resolver: Resolver, domain: str) -> Finding:
    name = f"SPF of {domain}"
    records = [text for text in _texts(resolver, domain) if text.lower().split(" ")[0] == "v=spf1"]
    if len(records) > 1:
        return Finding(name, MISSING, f"{len(records)} records; receivers then ignore them all")
    if records and "+all" in records[0].lower():
        return Finding(name, MISSING, f"{records[0]} lets anybody send in its name")
    return _set(name, "".join(records), "no TXT record that begins with v=spf1 and names the mail server")


def _dkim(resolver: Resolver, domain: str) -> Finding:
    """Looks for the DKIM key only. It is up to the mail server to sign, and to cover both List-Unsubscribe headers."""
    if not settings.DKIM_SELECTOR:
        return Finding(
            "DKIM", UNKNOWN, "set DKIM_SELECTOR to look for the key; your mail server signs, Tocsin does not"
        )
    name = f"{settings.DKIM_SELECTOR}._domainkey.{domain}"
    keys = [text for text in _texts(resolver, name) if "p=" in text.replace(" ", "")]
    if any(_tags(text).get("p") for text in keys):
        return Finding(
            "DKIM",
            OK,
            f"{name} has a key; make sure that your mail server also signs List-Unsubscribe and List-Unsubscribe-Post",
        )
    return Finding("DKIM", MISSING, f"{name} holds no key" + (": it was revoked" if keys else ""))


def _dmarc(resolver: Resolver, domain: str) -> Finding:
    """The DMARC policy of the domain, or of the nearest domain above it that has one."""
    labels = domain.split(".")
    for above in (".".join(labels[start:]) for start in range(max(1, len(labels) - 1))):
        if records := [text for text in _texts(resolver, f"_dmarc.{above}") if _tags(text).get("v", "") == "DMARC1"]:
            return Finding(f"DMARC of {above}", OK, records[0])
    return Finding(f"DMARC of {domain}", MISSING, f"no TXT record at _dmarc.{domain}; begin with v=DMARC1; p=none")


def _alignment(author: str, envelope: str) -> Finding:
    name = "Alignment"
    if author == envelope or author.endswith(f".{envelope}") or envelope.endswith(f".{author}"):
        return Finding(name, OK, f"{envelope} is aligned with {author}")
    return Finding(
        name, UNKNOWN, f"SPF of {envelope} is not aligned with {author}: DMARC needs a DKIM signature of {author}"
    )


def _domain(address: str) -> str:
    return address.rpartition("@")[2].lower()


def _tags(text: str) -> dict[str, str]:
    """The tags of a DKIM or DMARC record, such as "v=DMARC1; p=none", by name."""
    pairs = (part.partition("=") for part in text.split(";"))
    return {name.strip().lower(): value.strip() for name, _, value in pairs}


def _texts(resolver: Resolver, name: str) -> list[str]:
    return [text.replace('" "', "").strip('"') for text in _ask(resolver, name, "TXT")]


def _ask(resolver: Resolver, name: str, kind: str) -> list[str]:
    """The records as text; an empty list if there are none or the name does not exist."""
    try:
        return [record.to_text() for record in resolver.resolve(name, kind, search=False)]
    except (NXDOMAIN, NoAnswer):
        return []

"""Which addresses a webhook may use: no private, loopback or metadata address, however it is spelled (faults K1, K2).

Parsing here never uses the network; `client` checks the addresses that a name resolves to.
"""

import ipaddress
import re
from dataclasses import dataclass, field
from urllib.parse import quote, unquote, urljoin, urlsplit

import idna

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

MAX_URL = 2000
AS_IT_IS = "/%:@!$&'()*+,;=~?"
PORTS = {"http": 80, "https": 443}


def _networks(*texts: str) -> tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]:
    return tuple(ipaddress.ip_network(text) for text in texts)


# All public IPv6 addresses are in this network. NAT64, site-local, multicast and disguised IPv4 addresses are not.
GLOBAL_UNICAST = ipaddress.IPv6Network("2000::/3")
# `is_global` says that these are global, or did in some version of Python; each can lead into somebody's own network.
NOT_PUBLIC = _networks(
    "100.64.0.0/10",  # carrier-grade NAT
    "168.63.129.16/32",  # Azure's host
    "192.0.0.0/24",
    "192.88.99.0/24",  # 6to4 relays
    "224.0.0.0/4",
    "2001::/23",  # Teredo and other tunnels
    "2002::/16",  # 6to4: an IPv4 address inside
    "3fff::/20",
)
# Networks that an operator may open for their own receivers. Link-local stays closed, because metadata services are there.
OWN_NETWORK = _networks(
    "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "::1/128", "fc00::/7"
)
METADATA = frozenset(map(ipaddress.ip_address, ("100.100.100.200", "fd00:ec2::254", "fd20:ce::254")))

OURSELVES = re.compile(r"(.*\.)?localhost")  # what leads to ourselves by its name (RFC 6761)
_hostname = re.compile(r"(?!-)[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*", re.ASCII)
_numeric = re.compile(r"[0-9]+|0x[0-9a-f]*", re.ASCII)
_unwanted = re.compile(r"[\x00-\x20\x7f-\xa0\\\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Destination:
    """A URL in parts. `userinfo` is a secret, and `target` (path and query) may be one."""

    scheme: str
    host: str
    port: int
    target: str = field(repr=False)
    userinfo: str = field(repr=False, default="")

    @property
    def url(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port == PORTS[self.scheme] else f":{self.port}"
        userinfo = f"{self.userinfo}@" if self.userinfo else ""
        return f"{self.scheme}://{userinfo}{host}{port}{self.target}"

    @property
    def credentials(self) -> str:
        return unquote(self.userinfo)


def parse(url: str, *, allow_private: bool) -> Destination:
    """The destination in its normal form; raises ValueError with a sentence for people if the URL is not allowed."""
    url = url.strip()
    if len(url) > MAX_URL:
        raise ValueError(f"The URL is longer than {MAX_URL} characters.")
    if _unwanted.search(url):
        raise ValueError("The URL contains spaces, control characters or backslashes.")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ValueError("This is not a valid URL.") from None
    if parts.scheme not in PORTS or not parts.hostname or port == 0:
        raise ValueError("Please enter a complete URL, such as https://example.org/hook.")
    if parts.scheme == "http" and not allow_private:
        raise ValueError("The URL must begin with https://, so that nobody else can read the messages.")
    host = _host(parts.hostname)
    if not allow_private and OURSELVES.fullmatch(host):
        raise ValueError("The URL leads to an address that is not public.")
    if (address := literal(host)) and not may_connect(address, allow_private=allow_private):
        raise ValueError("The URL leads to an address that is not public.")
    target = quote(parts.path or "/", safe=AS_IT_IS) + (f"?{quote(parts.query, safe=AS_IT_IS)}" if parts.query else "")
    return Destination(parts.scheme, host, port or PORTS[parts.scheme], target, parts.netloc.rpartition("@")[0])


def follow(origin: Destination, location: str, *, allow_private: bool) -> Destination:
    """The destination of a redirect, without the credentials if it is another place; raises ValueError if it is not allowed."""
    there = parse(urljoin(origin.url, location), allow_private=allow_private)
    if origin.scheme == "https" and there.scheme == "http":
        raise ValueError("The redirect leads from https to http.")
    same_place = (there.scheme, there.host, there.port) == (origin.scheme, origin.host, origin.port)
    userinfo = origin.userinfo if same_place else ""
    return Destination(there.scheme, there.host, there.port, there.target, userinfo)


def literal(host: str) -> Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _host(raw: str) -> str:
    if "%" not in raw and (address := literal(raw)):
        return str(address)
    try:
        # UTS 46 maps circled digits and full-width letters to the characters that a resolver would use.
        host = idna.encode(raw.rstrip("."), uts46=True).decode()
    except UnicodeError:
        host = raw.rstrip(".").lower()
    if _numeric.fullmatch(host.rpartition(".")[2]):
        raise ValueError("Please write the address in its usual form, such as 192.0.2.7.")
    if len(host) > 253 or not _hostname.fullmatch(host):
        raise ValueError("The URL has no valid host name.")
    return host


def may_connect(address: Address, *, allow_private: bool) -> bool:
    """Whether a connection to this very address is allowed; `allow_private` opens the operator's own network."""
    if address in METADATA:
        return False
    if allow_private and any(address in network for network in OWN_NETWORK):
        return True
    if address.version == 6 and address not in GLOBAL_UNICAST:
        return False
    return address.is_global and not any(address in network for network in NOT_PUBLIC)

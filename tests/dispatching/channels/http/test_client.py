"""The way out by HTTP: no spelling, name or redirect leads it into somebody's own network (faults K1 to K4, K6)."""

import base64
import ipaddress
import socket
import ssl

import pytest

from dispatching.channels import ChannelError, Outcome
from dispatching.channels.http.client import MAX_REPLY, Client, clean_url
from dispatching.channels.http.ssrf_guard import may_connect, parse
from tests.dispatching.receivers import CERTIFICATE, answer, http_receiver

LOOPBACK_SPELLINGS = [
    "127.0.0.1", "127.1", "127.0.1", "0x7f000001", "0x7f.1", "2130706433", "0177.0.0.1", "017700000001", "127.0.0.1.",
    "①②⑦.⓪.⓪.①", "１２７．０．０．１", "127。0。0。1", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::1]",
    "[0:0:0:0:0:0:0:1]", "[::127.0.0.1]", "%31%32%37.0.0.1", "127.0.0.1%00.example.org", "0", "0.0.0.0", "[::]",
    "localhost", "LOCALHOST",
]  # fmt: skip
NOT_PUBLIC = [
    "10.0.0.1", "100.64.0.1", "100.100.100.200", "127.8.8.8", "168.63.129.16", "169.254.169.254", "172.16.0.1",
    "192.0.0.192", "192.0.2.1", "192.88.99.1", "192.168.1.1", "198.18.0.1", "224.0.0.1", "239.255.255.250", "240.0.0.1",
    "255.255.255.255", "0.1.2.3", "::", "::1", "::7f00:1", "::ffff:10.0.0.1", "::ffff:169.254.169.254",
    "::ffff:0:127.0.0.1", "64:ff9b::7f00:1", "64:ff9b:1::a00:1", "100::1", "2001::7f00:1", "2001:db8::1",
    "2002:7f00:1::", "3fff::1", "5f00::1", "fc00::1", "fd00:ec2::254", "fe80::1", "fec0::1", "ff02::1",
]  # fmt: skip
NEVER = [
    "169.254.169.254",
    "100.100.100.200",
    "fd00:ec2::254",
    "fe80::1",
    "224.0.0.1",
    "0.0.0.0",
    "::",
    "168.63.129.16",
]
PRIVATE = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("10.0.0.1", 443))]
PUBLIC = ["1.1.1.1", "93.184.216.34", "172.32.0.1", "100.128.0.1", "2606:4700:4700::1111", "2a00:1450:4001::5"]


@pytest.fixture
def names(monkeypatch):
    """The resolver: what each name leads to, one list of addresses per question, the last one for ever."""
    known = {"localhost": [["127.0.0.1", "::1"]]}
    real = socket.getaddrinfo

    def look_up(host, port, *args, **kwargs):
        try:
            ipaddress.ip_address(host)
        except ValueError:
            if host not in known:
                raise socket.gaierror(socket.EAI_NONAME, "Name or service not known") from None
            answers = known[host]
            found = answers.pop(0) if len(answers) > 1 else answers[0]
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in found]
        return real(host, port, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    return known


@pytest.fixture
def strict(settings, names):
    settings.WEBHOOK_ALLOW_PRIVATE = False
    return names


@pytest.fixture
def own_network(settings, names):
    """The operator allows receivers on the own network, as the receiver of these tests is one."""
    settings.WEBHOOK_ALLOW_PRIVATE = True
    return names


@pytest.fixture
def receiver():
    with http_receiver() as server:
        yield server


def post(url, client=None, **headers):
    return (client or Client()).post(url, b"{}", headers)


# --- addresses --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("host", LOOPBACK_SPELLINGS)
def test_loopback_is_refused_in_every_spelling_at_save_and_at_connect(strict, host):
    """K1"""
    with pytest.raises(ValueError, match=r"\.$"):
        clean_url(f"https://{host}/hook")
    with pytest.raises(ChannelError) as refused:
        post(f"https://{host}/hook")
    assert refused.value.final


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_what_is_not_public_is_refused_written_out_and_behind_a_name(strict, address):
    """K2: several of these pass `is_private`."""
    host = f"[{address}]" if ":" in address else address
    strict["hooks.test"] = [[address]]
    with pytest.raises(ValueError, match="not public"):
        clean_url(f"https://{host}/")
    for url in (f"https://{host}/", "https://hooks.test/"):
        with pytest.raises(ChannelError, match="not public") as refused:
            post(url)
        assert refused.value.final


@pytest.mark.parametrize("address", PUBLIC)
def test_what_is_public_is_not_refused(address):
    assert may_connect(ipaddress.ip_address(address), allow_private=False)


@pytest.mark.parametrize("address", NEVER)
def test_metadata_multicast_and_nowhere_stay_shut_even_for_the_own_network(address):
    assert not may_connect(ipaddress.ip_address(address), allow_private=True)


def test_one_bad_address_among_good_ones_spoils_the_name(strict):
    strict["hooks.test"] = [["93.184.216.34", "10.0.0.1"]]
    with pytest.raises(ChannelError, match="not public"):
        post("https://hooks.test/")


def test_a_name_that_leads_to_us_is_not_connected_to_whatever_it_led_to_when_it_was_saved(strict, receiver):
    """K3"""
    strict["rebind.test"] = [["127.0.0.1"]]
    url = f"https://rebind.test:{receiver.port}/"
    assert clean_url(url) == url
    with pytest.raises(ChannelError, match="not public"):
        post(url)


def test_the_connection_goes_to_the_address_that_was_checked(own_network, receiver):
    """K3: one question to the resolver for the check and the connection; the second answer would lead nowhere."""
    own_network["hooks.test"] = [["127.0.0.1"], ["127.99.99.99"]]
    assert post(f"http://hooks.test:{receiver.port}/").status == 200
    assert receiver.requests[0].headers["host"] == f"hooks.test:{receiver.port}"


def test_an_address_that_does_not_answer_gives_way_to_the_next(own_network, receiver):
    own_network["hooks.test"] = [["127.99.99.99", "127.0.0.1"]]
    assert post(f"http://hooks.test:{receiver.port}/").status == 200


def test_saving_an_address_asks_no_resolver(strict, monkeypatch):
    """It is done within transactions; the names that lead to ourselves whatever the resolver says are refused at once."""
    asked: list[str] = []

    def look_up(host, *args, **kwargs):
        asked.append(host)
        return PRIVATE

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    assert clean_url("https://hooks.test/") == "https://hooks.test/"
    for host in ("localhost", "LocalHost.", "a.localhost"):
        with pytest.raises(ValueError, match="not public"):
            clean_url(f"https://{host}/")
    assert asked == []


def test_a_name_that_does_not_resolve_is_a_temporary_failure_and_may_be_saved(strict):
    assert clean_url("https://later.test/") == "https://later.test/"
    with pytest.raises(ChannelError, match="later.test does not resolve") as refused:
        post("https://later.test/")
    assert not refused.value.final


def test_a_resolver_that_hangs_costs_no_more_than_the_time_out(settings, monkeypatch, receiver):
    """A14"""
    settings.PROVIDER_TIMEOUT = 0.05
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: (receiver.released.wait(2), PRIVATE)[1])
    with pytest.raises(ChannelError, match="does not resolve"):
        post("https://hooks.test/")


# --- URLs -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    [
        "", "hooks.example.org", "//hooks.example.org/", "ftp://example.org/", "file:///etc/passwd", "gopher://example.org/",
        "javascript:alert(1)", "https://", "https:///path", "https://example.org:99999/", "https://example.org:0/",
        "https://exa mple.org/", "https://example.org/a\r\nX: y", "https://example.org\\@127.0.0.1/", "https://[::1/",
        "https://[fe80::1%25eth0]/", "https://a..b/", "https://-a.example.org/", "https://" + "a" * 300 + ".org/",
        "https://example.org/" + "a" * 2000, "https://example.org/\ud800", "http://example.org/",
    ],
)  # fmt: skip
def test_a_url_that_is_none_is_refused_with_a_sentence(strict, url):
    with pytest.raises(ValueError, match=r"[A-Z].*\.$"):
        clean_url(url)


@pytest.mark.parametrize(
    ("url", "clean"),
    [
        (" HTTPS://Hooks.Example.ORG ", "https://hooks.example.org/"),
        ("https://example.org:443/a?b=c#d", "https://example.org/a?b=c"),
        ("https://büro.example/ü?ö=1", "https://xn--bro-hoa.example/%C3%BC?%C3%B6=1"),
        ("https://user:pa%20ss@example.org/x", "https://user:pa%20ss@example.org/x"),
        ("https://my_host.example.org/", "https://my_host.example.org/"),
        ("https://[2606:4700:4700:0::1111]:8443/", "https://[2606:4700:4700::1111]:8443/"),
        ("https://1.1.1.1/", "https://1.1.1.1/"),
        ("https://4.example.org/", "https://4.example.org/"),
    ],
)
def test_a_url_is_kept_in_its_normal_form(strict, url, clean):
    assert clean_url(url) == clean
    assert clean_url(clean) == clean


def test_a_destination_does_not_show_its_secrets():
    """K13"""
    shown = repr(parse("https://user:secret@example.org/secret?token=secret", allow_private=False))
    assert "example.org" in shown
    assert "secret" not in shown


# --- redirects --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "there", ["http://169.254.169.254/latest/meta-data/", "//100.100.100.200/", "http://0/", "ftp://x/"]
)
def test_a_redirect_to_the_metadata_service_is_refused(own_network, receiver, there):
    """K4: the first hop is allowed, and that does not help the second."""
    receiver.always = answer(302, Location=there)
    with pytest.raises(ChannelError) as refused:
        post(receiver.url)
    assert refused.value.final
    assert len(receiver.requests) == 1


def test_a_redirect_to_a_name_that_leads_inside_is_refused(own_network, receiver):
    """K4"""
    own_network["inside.test"] = [["169.254.169.254"]]
    receiver.always = answer(307, Location="http://inside.test/")
    with pytest.raises(ChannelError, match="inside.test leads to an address that is not public"):
        post(receiver.url)


def test_a_redirect_to_itself_is_followed_three_times(own_network, receiver):
    """G18"""
    receiver.always = answer(302, Location="/hook")
    with pytest.raises(ChannelError, match="redirects more than 3 times") as refused:
        post(receiver.url)
    assert refused.value.final
    assert len(receiver.requests) == 4


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_followed_with_the_same_post(own_network, receiver, status):
    """A GET in its place would be answered by a login page, and count as delivered."""
    receiver.script.append(answer(status, Location="/moved"))
    assert Client().post(receiver.url, b'{"a":1}', {"Idempotency-Key": "k"}).status == 200
    assert [(request.path, request.body) for request in receiver.requests] == [
        ("/hook", b'{"a":1}'),
        ("/moved", b'{"a":1}'),
    ]
    assert receiver.requests[1].headers["idempotency-key"] == "k"


def test_credentials_stay_at_the_place_they_were_given_for(own_network, receiver):
    with http_receiver() as other:
        receiver.script += [answer(307, Location="/here"), answer(307, Location=other.url)]
        post(receiver.url.replace("127.0.0.1", "user:pa%20ss@127.0.0.1"))
        expected = "Basic " + base64.b64encode(b"user:pa ss").decode()
        assert [request.headers["authorization"] for request in receiver.requests] == [expected, expected]
        assert "authorization" not in other.requests[0].headers


# --- the call ---------------------------------------------------------------------------------------------------------


def test_calls_share_a_connection(own_network, receiver):
    client = Client()
    for _ in range(3):
        post(receiver.url, client)
    assert len({request.peer for request in receiver.requests}) == 1


def test_a_header_with_a_line_break_is_refused(own_network, receiver):
    """K6"""
    for value in ("a\r\nX-Evil: 1", "a\n", "a\0"):
        with pytest.raises(ChannelError, match="not valid HTTP") as refused:
            post(receiver.url, Custom=value)
        assert refused.value.final
    assert receiver.requests == []


@pytest.mark.parametrize("size", [MAX_REPLY - 1, MAX_REPLY, 50 * MAX_REPLY])
def test_no_more_than_64_kb_of_an_answer_is_read(own_network, receiver, size):
    """G19"""
    receiver.always = answer(200, b"x" * size)
    assert len(post(receiver.url).body) == min(size, MAX_REPLY)


def test_an_answer_without_an_end_is_cut(own_network, receiver):
    """G19: 2 GB are announced."""
    sent = []

    def flood(handler):
        handler.send_response(200)
        handler.send_header("Content-Length", str(2 << 30))
        handler.end_headers()
        for _ in range((2 << 30) // MAX_REPLY):
            sent.append(handler.wfile.write(b"x" * MAX_REPLY))

    receiver.always = flood
    assert len(post(receiver.url).body) == MAX_REPLY
    assert sum(sent) < 16 << 20  # what fits into the buffers on the way


def test_a_compressed_answer_is_neither_asked_for_nor_unpacked(own_network, receiver):
    """G19: a bomb stays packed."""
    receiver.always = answer(200, b"\x1f\x8b bomb", Content_Encoding="gzip")
    assert post(receiver.url).body == b"\x1f\x8b bomb"
    assert receiver.requests[0].headers["accept-encoding"] == "identity"


@pytest.mark.parametrize("start", [b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 100 Continue\r\n\r\n"])
def test_an_answer_that_drips_costs_no_more_than_the_time_out(own_network, receiver, settings, start):
    """A14: each single byte comes in time."""
    settings.PROVIDER_TIMEOUT = 0.2

    def drip(handler):
        handler.wfile.write(start)
        for _ in range(200):
            receiver.released.wait(0.01)
            handler.wfile.write(b"X-A: b\r\n" if start.startswith(b"HTTP/1.1 200") else start)
        handler.close_connection = True

    receiver.always = drip
    with pytest.raises(ChannelError, match="too long") as refused:
        post(receiver.url)
    assert refused.value.outcome == Outcome.UNKNOWN


def test_a_body_that_drips_does_not_undo_the_status(own_network, receiver, settings):
    settings.PROVIDER_TIMEOUT = 0.5

    def drip(handler):
        handler.send_response(200)
        handler.send_header("Content-Length", "100")
        handler.end_headers()
        receiver.released.wait(30)

    receiver.always = drip
    assert post(receiver.url).status == 200


@pytest.mark.parametrize("path", ["refused", "silent", "hangs up", "redirects"])
def test_no_error_tells_the_secrets_in_a_url(own_network, receiver, settings, path):
    """K13"""
    settings.PROVIDER_TIMEOUT = 0.1
    receiver.always = {
        "silent": receiver.silence,
        "hangs up": lambda handler: setattr(handler, "close_connection", True),
        "redirects": answer(302, Location="http://user:secret@169.254.169.254/secret?token=secret"),
    }.get(path, answer(200))
    port = 1 if path == "refused" else receiver.port
    with pytest.raises(ChannelError) as refused:
        post(f"http://user:secret@127.0.0.1:{port}/secret?token=secret")
    assert "secret" not in f"{refused.value!r} {refused.value.__cause__!r}"
    assert refused.value.__suppress_context__


# --- TLS --------------------------------------------------------------------------------------------------------------


def test_a_certificate_that_nobody_signed_is_one_clear_permanent_failure(own_network):
    """G17"""
    own_network["hooks.test"] = [["127.0.0.1"]]
    with http_receiver(tls=True) as server:
        with pytest.raises(ChannelError, match="certificate of hooks.test is not valid: self-signed") as refused:
            post(f"https://hooks.test:{server.port}/")
        assert server.requests == []
    assert refused.value.final


def test_the_name_is_checked_against_the_certificate_though_the_address_is_pinned(own_network):
    own_network["hooks.test"] = own_network["other.test"] = [["127.0.0.1"]]
    client = Client(ssl.create_default_context(cafile=CERTIFICATE))
    with http_receiver(tls=True) as server:
        assert post(f"https://hooks.test:{server.port}/", client).status == 200
        with pytest.raises(ChannelError, match="certificate of other.test is not valid"):
            post(f"https://other.test:{server.port}/", client)
        assert server.names == ["hooks.test", "other.test"]


def test_a_redirect_from_https_to_http_is_refused(own_network, receiver):
    own_network["hooks.test"] = [["127.0.0.1"]]
    client = Client(ssl.create_default_context(cafile=CERTIFICATE))
    with http_receiver(tls=True) as server:
        server.always = answer(302, Location=receiver.url)
        with pytest.raises(ChannelError, match="from https to http"):
            post(f"https://hooks.test:{server.port}/", client)
    assert receiver.requests == []

"""Reports of failure as less common mail servers write them: each is taken, with words that people can read."""

import base64
import quopri

MICROSOFT = "Microsoft Outlook <MicrosoftExchange329e71ec88ae4615bbc36ab6ce41109e@example.net>"
STATUS = (
    "Reporting-MTA: dns; mx.example.net\n\nFinal-Recipient: rfc822; vi@example.org\n{action}\nStatus: 5.1.1\n{why}\n"
)
WHY = "Diagnostic-Code: smtp; 550 5.1.1 unknown user=\u2019vi\u2019 "
COPY = "From: Tocsin <tocsin@alerts.example.org>\nSubject: x\nMessage-ID: <4711@elsewhere.example>\n\nCode 4.2.2: printers.\n"
PAGE = """<html><head><title>550</title><style>p {{ font-weight: 550 }} p {{ color: #511 }}</style></head><body>
<p><b>Your message&nbsp;was not delivered.</b><p>Remote server returned &#39;{said}&#39;<br>Original message headers:
<pre>Received: from a; 421 4.4.2 x</pre></body></html>"""
EXCHANGE = "550 5.1.10 RESOLVER.ADR.RecipientNotFound; not found by SMTP address lookup"


def reported(kind: str, content: bytes, more: str = "", *, to: str = "") -> bytes:
    begin = f"From: mail@example.net\n{to or 'To: BOUNCE'}\nMIME-Version: 1.0\nContent-Type: multipart/report; boundary=b\n\n"
    notice = "--b\nContent-Type: text/plain\n\nIt was not delivered.\n"
    return f"{begin}{notice}--b\nContent-Type: {kind}\n{more}\n".encode() + content + b"\n--b--\n"


def status(*actions: str, why: str = WHY) -> bytes:
    first, *others = actions
    blocks = [STATUS.format(action=f"Action: {first}", why=why)]
    blocks += [
        f"Final-Recipient: rfc822; list@example.org\nAction: {action}\nStatus: 5.1.1\n{why}\n" for action in others
    ]
    return "\n".join(blocks).encode()


def written(sender: str, content: bytes, kind: str = "text/plain", more: str = "") -> bytes:
    return f"From: {sender}\nTo: BOUNCE\nMIME-Version: 1.0\nContent-Type: {kind}\n{more}\n".encode() + content


def with_copy(sender: str, kind: str, content: str) -> bytes:
    parts = f"--b\nContent-Type: {kind}\n\n{content}\n--b\nContent-Type: message/rfc822\n\n{COPY}\n--b--\n"
    return written(sender, parts.encode(), "multipart/mixed; boundary=b")


def named(name: str, charset: str) -> str:
    return f"=?{charset}?B?{base64.b64encode(name.encode(charset)).decode()}?= <info@example.jp>"


BASE64, QUOTED = "Content-Transfer-Encoding: base64\n", "Content-Transfer-Encoding: Quoted-Printable\n"
DELIVERY, GLOBAL = "message/delivery-status", "message/global-delivery-status"
JAPANESE = "宛先が見つかりません\n<vi@example.org> 550 5.1.1 宛先不明\n"
PRINTABLE = quopri.encodestring(status("failed", why=WHY + "x" * 90))
# What came → what the words of it contain.
ODD: dict[str, tuple[bytes, str]] = {
    "of RFC 6533": (reported(GLOBAL, status("failed")), "unknown user=’vi’"),
    "of RFC 6533, base64": (reported(GLOBAL, base64.encodebytes(status("failed")), BASE64), "unknown user=’vi’"),
    "of RFC 6533, quoted-printable": (reported(GLOBAL, PRINTABLE, QUOTED), "unknown user=’vi’ xxx"),
    "base64": (reported(DELIVERY, base64.encodebytes(status("failed")), BASE64), "unknown user=’vi’"),
    "quoted-printable": (reported(DELIVERY, PRINTABLE, QUOTED), "unknown user=’vi’ xxx"),
    "lines end with CR LF": (reported(DELIVERY, status("failed")).replace(b"\n", b"\r\n"), "unknown user=’vi’"),
    "encoded words": (
        reported(DELIVERY, status("failed", why="Diagnostic-Code: smtp; =?utf-8?q?unbekannt=C3=A9?=")),
        "unbekannté",
    ),
    "a comment": (reported(DELIVERY, status("failed (bad destination mailbox)")), "5.1.1 smtp; 550"),
    "a comment in front": (reported(DELIVERY, status("(as ever) Failed;")), "5.1.1 smtp; 550"),
    "a list, expanded": (reported(DELIVERY, status("expanded", "failed")), "5.1.1 smtp; 550"),
    "several failed or wait": (reported(DELIVERY, status("delayed", "failed", "failed")), "5.1.1 smtp; 550"),
    **{
        f"two {name}, ours second": (
            reported(DELIVERY, status("failed"), to=f"{name}: other@example.org\n{name}: <BOUNCE>"),
            "5.1.1",
        )
        for name in ("Delivered-To", "To", "X-Original-To")
    },
    "HTML of a postmaster": (with_copy("postmaster@example.net", "text/html", PAGE.format(said=EXCHANGE)), EXCHANGE),
    "HTML of Exchange": (written(MICROSOFT, PAGE.format(said=EXCHANGE).encode(), "text/html"), EXCHANGE),
    "HTML beside an empty text": (
        written(
            MICROSOFT,
            f"--b\n\n\n--b\nContent-Type: text/html\n{BASE64}\n".encode()
            + base64.encodebytes(PAGE.format(said=EXCHANGE).encode())
            + b"--b--",
            "multipart/alternative; boundary=b",
        ),
        EXCHANGE,
    ),
    "plain text of Exchange": (written(MICROSOFT, f"It failed.\n#{EXCHANGE} ##\n".encode()), EXCHANGE),
    "marked by Exchange": (
        written("Post <post@example.net>", f"#{EXCHANGE}".encode(), more="X-MS-Exchange-Message-Is-Ndr:\n"),
        EXCHANGE,
    ),
    "called a report, without one": (
        written("x@y", b"--b\n\n550 5.1.1 unknown\n--b--", "multipart/report; report-type=delivery-status; boundary=b"),
        "unknown",
    ),
    "Japanese (ISO-2022-JP)": (
        written("mailer-daemon@example.jp", JAPANESE.encode("iso-2022-jp"), "text/plain; charset=ISO-2022-JP"),
        "5.1.1 宛先不明",
    ),
    "Japanese (Shift_JIS), without a code, of an encoded name": (
        written(
            named("Mail Delivery Subsystem", "iso-2022-jp"),
            "宛先不明: User unknown\n".encode("shift_jis"),
            "text/plain; charset=Shift_JIS",
        ),
        "宛先不明: User unknown",
    ),
    "a charset that nobody knows": (
        written("postmaster@x", "550 5.1.1 inconnu à".encode(), "text/plain; charset=x-unknown"),
        "inconnu à",
    ),
}

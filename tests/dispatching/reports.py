"""Mails that come back, as mail servers write them (Postfix) and as providers do when somebody presses “spam”."""

DSN = """\
Return-Path: <>
Delivered-To: {to}
Date: Mon,  5 Jan 2026 09:00:03 +0000 (UTC)
From: MAILER-DAEMON@mx.example.net (Mail Delivery System)
Subject: Undelivered Mail Returned to Sender
To: {to}
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status;
\tboundary="4XyZ.1767603603/mx.example.net"
Message-Id: <20260105090003.4XyZ@mx.example.net>

This is a MIME-encapsulated message.

--4XyZ.1767603603/mx.example.net
Content-Description: Notification
Content-Type: text/plain; charset=us-ascii

This is the mail system at host mx.example.net.

I'm sorry to have to inform you that your message could not
be delivered to one or more recipients. It's attached below.

<vi@example.org>: host mail.example.org[192.0.2.25] said: {diagnostic}

--4XyZ.1767603603/mx.example.net
Content-Description: Delivery report
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.net
X-Postfix-Queue-ID: 4XyZ
X-Postfix-Sender: rfc822; tocsin@alerts.example.org
Arrival-Date: Mon,  5 Jan 2026 09:00:02 +0000 (UTC)

Final-Recipient: rfc822; vi@example.org
Original-Recipient: rfc822;vi@example.org
Action: {action}
Status: {status}
Remote-MTA: dns; mail.example.org
Diagnostic-Code: smtp; {diagnostic}

--4XyZ.1767603603/mx.example.net
Content-Description: Undelivered Message{headers}
Content-Type: {original}

Return-Path: <{sender}>
From: Tocsin <tocsin@alerts.example.org>
To: vi@example.org
Subject: Log-on fails
Message-ID: {message_id}
{body}
--4XyZ.1767603603/mx.example.net--
"""

ARF = """\
Return-Path: <feedback@isp.example.net>
From: <abusedesk@isp.example.net>
Date: Mon, 5 Jan 2026 17:40:36 +0000
Subject: FW: Log-on fails
To: {to}
MIME-Version: 1.0
Content-Type: multipart/report; report-type=feedback-report; boundary="part1_13d.2e68ed54_boundary"

--part1_13d.2e68ed54_boundary
Content-Type: text/plain; charset="US-ASCII"

This is an email abuse report for an email message received from IP 192.0.2.1.

--part1_13d.2e68ed54_boundary
Content-Type: message/feedback-report

Feedback-Type: {kind}
User-Agent: SomeGenerator/1.0
Version: 1
Original-Mail-From: <{sender}>
Arrival-Date: Mon, 5 Jan 2026 15:00:00 +0000
Source-IP: 192.0.2.1

--part1_13d.2e68ed54_boundary
Content-Type: message/rfc822
Content-Disposition: inline

Received: from tocsin by isp.example.net; Mon, 5 Jan 2026 15:00:00 +0000
From: Tocsin <tocsin@alerts.example.org>
To: Undisclosed recipients
Subject: Log-on fails
Message-ID: {message_id}

It fails.

--part1_13d.2e68ed54_boundary--
"""


def dsn(
    to: str = "tocsin@alerts.example.org",
    *,
    action: str = "failed",
    status: str = "5.1.1",
    diagnostic: str = "550 5.1.1 <vi@example.org>: Recipient address rejected: User unknown",
    message_id: str = "<4711@elsewhere.example>",
    sender: str = "tocsin@alerts.example.org",
    whole: bool = False,
) -> bytes:
    """A report of Postfix about one mail, which comes along `whole` or as its headers only."""
    original = "message/rfc822" if whole else "text/rfc822-headers"
    values = {"to": to, "action": action, "status": status, "diagnostic": diagnostic, "message_id": message_id}
    more = {"sender": sender, "original": original, "headers": "" if whole else " Headers"}
    return DSN.format(**values, **more, body="\nIt fails.\n" if whole else "").replace("\n", "\r\n").encode()


def arf(
    to: str = "abuse@alerts.example.org",
    *,
    kind: str = "abuse",
    message_id: str = "<4711@elsewhere.example>",
    sender: str = "tocsin@alerts.example.org",
) -> bytes:
    return ARF.format(to=to, kind=kind, message_id=message_id, sender=sender).replace("\n", "\r\n").encode()


def plain(to: str, *, subject: str = "unsubscribe", **headers: str) -> bytes:
    more = "".join(f"{name.replace('_', '-')}: {value}\n" for name, value in headers.items())
    text = f"From: Vi <vi@example.org>\nTo: {to}\nSubject: {subject}\n{more}\nPlease.\n"
    return text.replace("\n", "\r\n").encode()

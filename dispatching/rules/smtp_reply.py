"""What a mail server's refusal is about: the address, its mailbox for now, the server itself, or us (RFC 3463, RFC 5321 4.2.3).

Only a refusal of the address may end somebody's messages at once. A server that takes us for spam, or finds a mail too big,
says nothing about the address. In doubt the refusal is about us.

Codes count before words, and of several codes the last one counts, because servers quote the receiving server after their own
summary. Words in an address or a host name mean nothing.
"""

import re

# There is no such address; its mailbox accepts nothing for now; the server is in trouble; we, or this mail, are refused.
GONE, MAILBOX, SERVER, OURS = "gone", "mailbox", "server", "ours"

_code = re.compile(r"(?<![\d.])([45])\.(\d{1,3})\.(\d{1,3})(?!\d|\.\d)")
_reply = re.compile(r"(?<![\w.,#:/-])([45]\d\d)(?=[\s-]|$)")
_address = re.compile(r"[^\s<>(\"'\[]*@[^\s<>)\"'\],;]+")
_host = re.compile(r"https?://\S+|\b(?:[a-z0-9_-]+\.)+[a-z][a-z0-9-]+\b", re.IGNORECASE)
# Cisco's products begin a refusal of any kind with this, and then quote it.
_label = re.compile(r"unknown address error", re.IGNORECASE)

# No such mailbox, no such domain, not an address, moved away, a domain that accepts no mail (RFC 7505).
_gone = {"1.1", "1.2", "1.3", "1.6", "1.10"}
# The mailbox is switched off, receives too much (Gmail) or is full, or there is no way to it.
_mailbox = re.compile(r"1\.(?:[1236]|10)|2\.[12]|4\.\d+")
_server = re.compile(r"3\.[0-3]")
# Under these codes servers refuse for many reasons, so words count: 5.4.1 is Microsoft's for unknown addresses, 5.7.1 Yandex's.
_vague = {"", "0.0", "1.0", "2.0", "2.1", "4.1", "5.0", "7.1"}

_thing = r"(?:user|recipient|mailbox|account|address)"
_no_such = re.compile(
    rf"\b(?:unknown|no such|invalid|non-?existent) (?:local )?{_thing}\b|\bno such domain\b"
    rf"|\b{_thing}\b[^.:;,]{{0,40}}\b(?:unknown|not found|(?:does )?not exist|doesn't exist|no longer exists)"
    rf"|\b(?:doesn't|does not) have an?\b[^.:;,]{{0,40}}\baccount\b|<>\W{{0,3}}(?:is )?(?:unknown|not known|not found)\b"
    r"|\b(?:host|domain) (?:does not accept|accepts no) mail\b(?! from)",
    re.IGNORECASE,
)
_closed = re.compile(r"recipient address rejected: access denied", re.IGNORECASE)
_full = re.compile(r"\bquota\b|\b(?:mailbox|inbox)\b[^.:;,]{0,20}\bfull\b|\bfull mailbox\b", re.IGNORECASE)
_unavailable = re.compile(r"\bmailbox (?:is )?(?:unavailable|busy|disabled)\b", re.IGNORECASE)
_policy = re.compile(
    r"spam|block|blacklist|policy|reputation|\bdmarc|\bspf\b|\bdkim|virus|\bsender\b|\brelay|\brate\b|throttl|too many",
    re.IGNORECASE,
)


def verdict(refusal: str, address: str = "") -> str:
    """GONE, MAILBOX, SERVER or OURS for a refusal such as "550 5.1.1 no such user", or for the fields of a report.

    `address` is the recipient's; words that stand in it do not count.
    """
    words = _plain(refusal, address)
    codes = [(kind, f"{int(subject)}.{int(detail)}") for kind, subject, detail in _code.findall(words)]
    reply = (_reply.findall(words) or [""])[0]
    # "5.0.0" says nothing, but another code may stand beside it.
    kind, code = next((pair for pair in reversed(codes) if pair[1] != "0.0"), codes[-1] if codes else ("", ""))
    if code in _vague | _gone and _policy.search(words):
        return OURS
    for_now = kind == "4" or code in ("", "0.0") and reply.startswith("4")
    return GONE if not for_now and _is_gone(code, words) else _trouble(kind, code, reply, words)


def _is_gone(code: str, words: str) -> bool:
    if code in _gone:
        return not _full.search(words)
    return code in _vague and bool(_no_such.search(words)) or code == "4.1" and bool(_closed.search(words))


def _trouble(kind: str, code: str, reply: str, words: str) -> str:
    """MAILBOX, SERVER or OURS for a refusal that does not say that there is no such address."""
    if _mailbox.fullmatch(code) or code in _vague and (_full.search(words) or _unavailable.search(words)):
        return MAILBOX
    if _server.fullmatch(code):
        return SERVER
    if code not in ("", "0.0"):
        return OURS
    # 450 is about the mailbox; 421, 451 and 452 are about the server (RFC 5321 4.2.2).
    return SERVER if reply in ("421", "451", "452") else MAILBOX if kind == "4" or reply.startswith("4") else OURS


def _plain(refusal: str, address: str) -> str:
    """The words without addresses and host names; <> stands for the recipient's address."""
    if address:
        name = re.escape(address.rpartition("@")[0] or address)
        own = rf"<?(?<![\w.+-]){re.escape(address)}(?![\w.+-])>?|[<\"'(]{name}[>\"')]"
        refusal = re.sub(own, "<>", refusal, flags=re.IGNORECASE)
    refusal = refusal.replace("<the address>", "<>").replace("the address", "<>")
    return _label.sub(" ", _host.sub("~", _address.sub("~", refusal)))

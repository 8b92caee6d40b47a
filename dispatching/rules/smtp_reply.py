"""What a mail server's refusal is about: the address, a temporary problem, or us (RFC 3463, RFC 5321 4.2.3).

Only a refusal of the address may ever end somebody's messages. A server that takes us for spam, or finds a mail too big, says
nothing about the address. In doubt the refusal is about us.
"""

import re

# The same names as the outcomes of attempts.
GONE, LATER, OURS = "gone", "temporary", "permanent"

_code = re.compile(r"(?<![\d.])([45])\.(\d{1,3})\.(\d{1,3})(?![\d.])")
_later = re.compile(r"\s*4\d\d\b")
# No such mailbox, no such domain, not an address, moved away, a domain that accepts no mail (RFC 7505).
_gone = {"1.1", "1.2", "1.3", "1.6", "1.10"}
# The mailbox is switched off, receives too much (Gmail) or is full, or their system or network has a problem.
_their_trouble = re.compile(r"2\.[12]|3\.[0-3]|4\.\d+")
# The words of servers that give no such code, or a different one (Microsoft's 5.4.1).
_no_such = re.compile(
    r"\b(?:unknown|no such|invalid|non-?existent) (?:local )?(?:user|recipient|mailbox|account|address)"
    r"|\b(?:user|recipient|mailbox|account|address)\b[^.]{0,40}\b(?:unknown|not found|does(?: not|n't) exist|no longer exists)"
    r"|recipient address rejected: access denied",
    re.IGNORECASE,
)
_policy = re.compile(r"spam|block|blacklist|policy|reputation|\bdmarc|\bspf\b|\bdkim|virus|\bsender\b", re.IGNORECASE)


def verdict(words: str) -> str:
    """GONE, LATER or OURS for the words of a final refusal, such as "550 5.1.1 no such user", or for the fields of a report."""
    codes = [(kind, f"{int(subject)}.{int(detail)}") for kind, subject, detail in _code.findall(words)]
    # "5.0.0" says nothing, but another code may follow it.
    kind, code = next((pair for pair in codes if pair[1] != "0.0"), codes[0] if codes else ("", ""))
    if kind == "4" or not kind and _later.match(words):
        return LATER
    if _policy.search(words):
        return OURS
    if code in _gone or _no_such.search(words):
        return GONE
    return LATER if _their_trouble.fullmatch(code) else OURS

"""Words that stakeholders should not have to know, and lengths they should not have to read (B84, B114)."""

import re

JARGON = {
    "SLO": "goal",
    "SLI": "measure",
    "SRE": "operations",
    "error budget": "tolerance",
    "latency": "delay",
    "p99": "the slowest requests",
    "5xx": "errors",
    "HTTP": "web",
    "pod": "server",
    "kubernetes": "platform",
    "k8s": "platform",
    "rollback": "return to the version before",
    "failover": "switch to the spare system",
    "on-call": "on duty",
    "on call": "on duty",
    "runbook": "instructions",
    "postmortem": "review",
    "root cause": "cause",
    "mitigation": "remedy",
    "incident": "problem",
    "escalation": "next step",
    "endpoint": "function",
    "backend": "system",
    "API": "interface",
    "ETA": "expected time",
    "hotfix": "correction",
    "DNS": "name service",
    "cluster": "system",
}
# Characters; in the short media what usually fits beside the state, the title, the place and the time of the next message.
LONGEST = {"email": 1500, "webhook": 1500, "sms": 120, "push": 200}
_words = {word: re.compile(rf"(?<![\w-]){re.escape(word)}s?(?![\w-])", re.IGNORECASE) for word in JARGON}


def jargon(text: str) -> dict[str, str]:
    """Each word that a stakeholder may not know, with a plainer one, in the order of the text."""
    found = [(match.start(), match[0], JARGON[word]) for word, form in _words.items() if (match := form.search(text))]
    return {said: plainer for _, said, plainer in sorted(found)}


def too_long(text: str) -> dict[str, int]:
    """Each medium for which the text is too long, with how many characters it may have."""
    return {medium: most for medium, most in LONGEST.items() if len(text) > most}

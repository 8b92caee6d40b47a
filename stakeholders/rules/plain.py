"""Finds words that stakeholders may not know, and texts that are too long for their medium (B84, B114)."""

import re

from stakeholders.rules.languages import DEFAULT

# Language → word → a plainer one.
JARGON = {
    "en": {
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
        "rollback": "return to the previous version",
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
    },
    "de": {
        "SLO": "Ziel",
        "SLI": "Messwert",
        "SRE": "Betrieb",
        "Fehlerbudget": "Toleranz",
        "Latenz": "Verzögerung",
        "p99": "die langsamsten Anfragen",
        "5xx": "Fehler",
        "HTTP": "Web",
        "Pod": "Server",
        "Kubernetes": "Plattform",
        "k8s": "Plattform",
        "Rollback": "Rückkehr zur Fassung davor",
        "Failover": "Wechsel auf das Ersatzsystem",
        "On-Call": "im Dienst",
        "Rufbereitschaft": "im Dienst",
        "Runbook": "Anleitung",
        "Postmortem": "Rückblick",
        "Root Cause": "Ursache",
        "Mitigation": "Abhilfe",
        "Incident": "Störung",
        "Outage": "Ausfall",
        "Downtime": "Ausfall",
        "Eskalation": "nächster Schritt",
        "Endpoint": "Funktion",
        "Endpunkt": "Funktion",
        "Backend": "System",
        "API": "Schnittstelle",
        "ETA": "voraussichtliche Zeit",
        "Hotfix": "Korrektur",
        "Deployment": "neue Fassung",
        "DNS": "Namensdienst",
        "Cluster": "System",
    },
}
# How a word is found: in English alone, with or without a plural s; in German also as a part of “Backend-Fehler”.
FORMS = {"en": r"(?<![\w-]){}s?(?![\w-])", "de": r"(?<!\w){}(?:e?s|e?n|e)?(?!\w)"}
# In characters. In the short media, this is what usually fits beside the state, the title, the place and the next time.
LONGEST = {"email": 1500, "webhook": 1500, "sms": 120, "push": 200}
SPOKEN = {"email": "e-mail", "webhook": "webhooks", "sms": "text messages", "push": "browser notifications"}
_words = {
    language: {word: re.compile(FORMS[language].format(re.escape(word)), re.IGNORECASE) for word in words}
    for language, words in JARGON.items()
}


def jargon(text: str, language: str = DEFAULT) -> dict[str, str]:
    """Returns each word that a stakeholder may not know, with a plainer one, in the order of the text."""
    words = _words[language].items()
    hits = [(match.start(), match[0], JARGON[language][word]) for word, form in words if (match := form.search(text))]
    return {term: plainer for _, term, plainer in sorted(hits)}


def too_long(text: str) -> dict[str, int]:
    """Returns each medium for which the text is too long, with the number of characters that it allows."""
    return {medium: most for medium, most in LONGEST.items() if len(text) > most}


def remarks(*texts: str, language: str = DEFAULT) -> list[str]:
    """Returns what the author should look at before sending, as sentences; `texts` are the parts of one wording."""
    whole = " ".join(texts)
    words = [
        f"“{word}” may not be understood. Plainer: {plainer}." for word, plainer in jargon(whole, language).items()
    ]
    return words + [
        f"Too long for {SPOKEN[medium]}: at most {most} characters." for medium, most in too_long(whole).items()
    ]

"""The languages of messages to stakeholders. The texts around an author's words are translated in stakeholders/locale."""

DEFAULT = "en"  # the language of every update; texts in other languages are wordings of it
NAMES = {"en": "English", "de": "Deutsch"}
CHOICES = list(NAMES.items())

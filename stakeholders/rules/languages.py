"""The languages in which stakeholders can be told. What is said around an author's words is in stakeholders/locale."""

DEFAULT = "en"  # of every update; other languages are wordings beside it
NAMES = {"en": "English", "de": "Deutsch"}
CHOICES = list(NAMES.items())

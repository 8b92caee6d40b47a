"""A template filter for texts from outside in a message in plain text, where a line break could pretend to be a line of ours."""

from django import template

from dispatching.channels.text import one_line
from dispatching.rules.event import SUMMARY_LENGTH

register = template.Library()


@register.filter
def in_a_line(text: str) -> str:
    """The text as one line, without marks that change the reading direction (faults G12, G13)."""
    return one_line(text, SUMMARY_LENGTH)

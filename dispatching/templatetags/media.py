"""A template filter that names a medium within a sentence."""

from django import template

from dispatching import channels

register = template.Library()
register.filter("spoken", channels.spoken)

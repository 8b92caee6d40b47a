"""Loads the admin pages of each subpackage; Django imports this module."""

from schedules.arrangements import admin as arrangements
from schedules.calendars import admin as calendars
from schedules.people import admin as people
from schedules.rota import admin as rota

__all__ = ["arrangements", "calendars", "people", "rota"]

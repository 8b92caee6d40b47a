"""Django looks for the admin here: each room has its own."""

from schedules.arrangements import admin as arrangements
from schedules.calendars import admin as calendars
from schedules.people import admin as people
from schedules.rota import admin as rota

__all__ = ["arrangements", "calendars", "people", "rota"]

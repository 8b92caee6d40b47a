from schedules.admin import calendars, exceptions, people, rota

__all__ = ["calendars", "exceptions", "people", "rota"]

from schedules.admin import calendars, people, rota

__all__ = ["calendars", "people", "rota"]

from schedules.admin import exceptions, people, rota

__all__ = ["exceptions", "people", "rota"]

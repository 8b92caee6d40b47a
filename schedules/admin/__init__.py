from schedules.admin import people, rota

__all__ = ["people", "rota"]

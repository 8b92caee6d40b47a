from stakeholders.admin import outages, subscriptions

__all__ = ["outages", "subscriptions"]

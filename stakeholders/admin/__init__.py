from stakeholders.admin import outages

__all__ = ["outages"]

from stakeholders.admin import definitions, outages

__all__ = ["definitions", "outages"]

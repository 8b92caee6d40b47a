from stakeholders.admin import changes, definitions, documentation, groups, matrix, outages, subscriptions, teams

__all__ = ["changes", "definitions", "documentation", "groups", "matrix", "outages", "subscriptions", "teams"]

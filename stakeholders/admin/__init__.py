from stakeholders.admin import changes, definitions, groups, matrix, outages, subscriptions

__all__ = ["changes", "definitions", "groups", "matrix", "outages", "subscriptions"]

from stakeholders.admin import changes, groups, matrix

__all__ = ["changes", "groups", "matrix"]

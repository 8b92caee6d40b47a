from stakeholders.admin import definitions, outages

__all__ = ["definitions", "outages"]
from stakeholders.admin import changes, groups, matrix

__all__ = ["changes", "groups", "matrix"]

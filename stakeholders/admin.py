"""Imports the admin modules of all folders, because Django looks for the admin here."""

from stakeholders.definitions import admin as definitions
from stakeholders.groups import admin as groups
from stakeholders.groups import changes_admin, matrix_admin
from stakeholders.news import admin as news
from stakeholders.subscriptions import admin as subscriptions
from stakeholders.subscriptions import help_admin
from stakeholders.teams import admin as teams

__all__ = ["changes_admin", "definitions", "groups", "help_admin", "matrix_admin", "news", "subscriptions", "teams"]

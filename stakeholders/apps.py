from importlib import import_module

from django.apps import AppConfig


class StakeholdersConfig(AppConfig):
    name = "stakeholders"
    verbose_name = "Stakeholders"

    def ready(self) -> None:
        # Imported by name, because all need the models, and Django reads this file before it has loaded them.
        sweep, ticker = import_module("stakeholders.sweep"), import_module("dispatching.ticker")
        ticker.register(sweep.sweep)
        ticker.register_tidying(sweep.tidy)
        related = import_module("dispatching.alerts.related")
        related.register(import_module("stakeholders.news.of_alerts").outages_of, mailed=True)
        related.register(import_module("stakeholders.teams.engineering_managers").told_of, mailed=False)

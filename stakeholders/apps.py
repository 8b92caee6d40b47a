from importlib import import_module

from django.apps import AppConfig


class StakeholdersConfig(AppConfig):
    name = "stakeholders"
    verbose_name = "Stakeholders"

    def ready(self) -> None:
        # Imported by name, because both need the models, and Django reads this file before it has loaded them.
        sweep = import_module("stakeholders.sweep").sweep
        import_module("dispatching.ticker").register(sweep)

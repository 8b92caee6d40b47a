from importlib import import_module

from django.apps import AppConfig


class StakeholdersConfig(AppConfig):
    name = "stakeholders"
    verbose_name = "Stakeholders"

    def ready(self) -> None:
        # By name, for both need the models, and Django reads this file before there are any.
        sweep = import_module("stakeholders.sweep").sweep
        import_module("dispatching.ticker").register(sweep)

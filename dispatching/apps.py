from importlib import import_module
from typing import Any

from django.apps import AppConfig

from schedules.people import reach


class DispatchingConfig(AppConfig):
    name = "dispatching"
    verbose_name = "Dispatching"

    def ready(self) -> None:
        reach.register(self.without_contact_point)
        # Imported by name, because these need the models, and Django reads this file before it has loaded them.
        silent = import_module("dispatching.policies.silent").silent
        import_module("schedules.surfaces.left_open").register(silent)
        revoke_all = import_module("dispatching.contact.links").revoke_all
        import_module("schedules.people.leaving").register(revoke_all)
        ticker = import_module("dispatching.ticker")
        ticker.register_tidying(import_module("dispatching.parking").forget)
        # The rows of the app below, which knows no ticker.
        ticker.register_tidying(import_module("schedules.surfaces.once").clear)

    def without_contact_point(self, users: set[int]) -> set[int]:
        """The ids of the given users who have no usable contact point."""
        contact_point: Any = self.get_model("ContactPoint")
        points = contact_point.objects.usable().filter(recipient__user__in=users)
        return users - set(points.values_list("recipient__user", flat=True))

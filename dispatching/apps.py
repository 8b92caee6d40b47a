from typing import Any

from django.apps import AppConfig

from schedules.people import reach


class DispatchingConfig(AppConfig):
    name = "dispatching"
    verbose_name = "Dispatching"

    def ready(self) -> None:
        reach.register(self.without_contact_point)

    def without_contact_point(self, users: set[int]) -> set[int]:
        """The ids of the given users who have no usable contact point."""
        contact_point: Any = self.get_model("ContactPoint")
        points = contact_point.objects.usable().filter(recipient__user__in=users)
        return users - set(points.values_list("recipient__user", flat=True))

"""The search box of time zones in the admin."""

from typing import Any

from unfold.widgets import UnfoldAdminSelect2Widget

from schedules.models.zones import current_names


class ZoneSelect(UnfoldAdminSelect2Widget):
    """Offers present names, and an old one only if it is chosen already; others are taken, too, if a program sends them."""

    def optgroups(self, name: str, value: Any, attrs: Any = None) -> list:
        offered = current_names()
        groups = super().optgroups(name, value, attrs)
        return [
            (title, kept, index)
            for title, options, index in groups
            if (kept := [option for option in options if option["selected"] or str(option["value"]) in offered])
        ]

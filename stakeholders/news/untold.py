"""Why stakeholders are not told about an outage."""

from schedules.refused import Refused
from stakeholders.groups.audience import Audience
from stakeholders.models import Outage, StakeholderRing


def untold(outage: Outage) -> Refused | None:
    """Returns why stakeholders are not told about this outage as it is now; None if they are (B1, B5, B139, B142)."""
    if not outage.high_profile:
        return Refused("It is not high-profile, so stakeholders are not told.", "high_profile")
    if outage.priority is None:
        return Refused("It has no priority, so stakeholders are not told: set one.", "priority")
    if not outage.priority.tells_stakeholders:
        return Refused(f"With priority {outage.priority} stakeholders are not told.", "priority")
    if not outage.deployments.exists():
        return Refused("Choose at least one deployment.", "deployments")
    return None if outage.products.exists() else Refused("Choose at least one product.", "products")


def nobody(reach: Audience) -> Refused | None:
    """Returns why nobody would be told; None if somebody would."""
    if reach.told:
        return None
    if not StakeholderRing.objects.exists():
        return Refused("No ring is defined, so nobody would be told: define the rings first.", "groups")
    if reach.ringless:
        names = ", ".join(group.name for group in reach.ringless)
        return Refused(f"Nobody would be told, because these groups lie in no ring: {names}.", "groups")
    return Refused("No group covers what is affected, so nobody would be told: choose groups.", "groups")

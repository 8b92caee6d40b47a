"""Imports the admin modules of the sub-packages, because Django looks for them here."""

from dispatching.alerts import admin as alerts
from dispatching.contact import admin as contact
from dispatching.delivery import admin as delivery
from dispatching.notices import admin as notices
from dispatching.policies import admin as policies
from dispatching.routing import admin as routing

__all__ = ["alerts", "contact", "delivery", "notices", "policies", "routing"]

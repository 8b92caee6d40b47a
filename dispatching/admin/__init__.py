from dispatching.admin import alerts, contact, deliveries, notices, policies, routing

__all__ = ["alerts", "contact", "deliveries", "notices", "policies", "routing"]

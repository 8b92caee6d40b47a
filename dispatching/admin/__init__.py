from dispatching.admin import alerts, contact, deliveries, policies, routing

__all__ = ["alerts", "contact", "deliveries", "policies", "routing"]

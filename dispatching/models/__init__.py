from dispatching.models.alert import Alert, AlertEvent, Page
from dispatching.models.batch import Batch
from dispatching.models.contact import ContactPoint, ContactRule, Recipient
from dispatching.models.content import Content
from dispatching.models.delivery import Attempt, Delivery
from dispatching.models.escalation import Escalation
from dispatching.models.notice import Notice, ShiftWatch
from dispatching.models.policy import EscalationPolicy, Step, Target
from dispatching.models.routing import Integration, Priority, Refusal, Service, Severity, Unread, key_hash
from dispatching.models.sweep import FAILING_FOR, PROCESS_AGE, Medium, Parked, Process, SweepRecord

__all__ = [
    "FAILING_FOR",
    "PROCESS_AGE",
    "Alert",
    "AlertEvent",
    "Attempt",
    "Batch",
    "ContactPoint",
    "ContactRule",
    "Content",
    "Delivery",
    "Escalation",
    "EscalationPolicy",
    "Integration",
    "Medium",
    "Notice",
    "Page",
    "Parked",
    "Priority",
    "Process",
    "Recipient",
    "Refusal",
    "Service",
    "Severity",
    "ShiftWatch",
    "Step",
    "SweepRecord",
    "Target",
    "Unread",
    "key_hash",
]

from stakeholders.models.audience import Deployment, Product, StakeholderGroup
from stakeholders.models.bracket import Bracket
from stakeholders.models.change import ChangeRequest
from stakeholders.models.definition import DefinitionComment, DefinitionWording, Match, NotificationDefinition
from stakeholders.models.help_page import PageAnswer, PageViews
from stakeholders.models.news import Message, Update, UpdateWording
from stakeholders.models.outage import Outage, OutageEvent
from stakeholders.models.ring import StakeholderRing
from stakeholders.models.sign_up import Quota, SignUp
from stakeholders.models.subscription import Subscriber, Subscription, Suppression
from stakeholders.models.team import ScheduleSubscription, TeamTold

__all__ = [
    "Bracket",
    "DefinitionComment",
    "DefinitionWording",
    "ChangeRequest",
    "Deployment",
    "Match",
    "Message",
    "NotificationDefinition",
    "Outage",
    "OutageEvent",
    "PageAnswer",
    "PageViews",
    "Product",
    "ScheduleSubscription",
    "TeamTold",
    "Quota",
    "SignUp",
    "StakeholderGroup",
    "StakeholderRing",
    "Subscriber",
    "Subscription",
    "Suppression",
    "Update",
    "UpdateWording",
]

from schedules.models.arrangements import Absence, HandoverNote, SwapRequest
from schedules.models.calendars import CalendarFeed, CalendarLink, FeedEntry
from schedules.models.grants import Grantable
from schedules.models.people import Team, User
from schedules.models.schedule import Layer, Override, Participant, Rotation, RotationVersion, Schedule
from schedules.models.submission import Submission
from schedules.models.tokens import ApiToken

__all__ = [
    "Absence",
    "ApiToken",
    "CalendarFeed",
    "CalendarLink",
    "FeedEntry",
    "Grantable",
    "HandoverNote",
    "Layer",
    "Override",
    "Participant",
    "Rotation",
    "RotationVersion",
    "Schedule",
    "Submission",
    "SwapRequest",
    "Team",
    "User",
]

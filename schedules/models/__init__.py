from schedules.models.people import Team, User
from schedules.models.schedule import Layer, Override, Participant, Rotation, Schedule

__all__ = ["Layer", "Override", "Participant", "Rotation", "Schedule", "Team", "User"]

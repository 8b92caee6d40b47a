"""The example organisation: the sample teams, policies and priorities of the source, as data. Safe to load again."""

from datetime import date, time, timedelta
from typing import Any

from django.contrib.auth.models import Group
from django.db import transaction

from dispatching.models import (
    ContactPoint,
    EscalationPolicy,
    Integration,
    Priority,
    Recipient,
    Service,
    Step,
    Target,
)
from schedules.models import Layer, Participant, Rotation, Schedule, Team, User
from schedules.rules.hours import BUSINESS
from schedules.surfaces import access

HOUR = timedelta(hours=1)
PASSWORD = "example"
PEOPLE = [
    # username, first name, last name, superuser, team
    ("coach", "Cleo", "Coach", True, None),
    ("ana", "Ana", "Able", False, "Team 1"),
    ("bo", "Bo", "Baker", False, "Team 1"),
    ("cy", "Cy", "Chan", False, "Team 1"),
    ("mo", "Mo", "Manager", False, None),
    ("dee", "Dee", "Diaz", False, "Team 2"),
    ("eli", "Eli", "Evans", False, "Team 2"),
    ("fay", "Fay", "Fox", False, "Team 2"),
    ("rep", "Rae", "Rep", False, None),
]
PRIORITIES = [
    # level, hotfix, postmortem, management told, update interval, example (Table 9.2)
    (1, True, True, True, 2, "No log-on to any application."),
    (2, False, False, True, 4, "Log-ons to an application are down by more than 70 % in a data centre."),
    (3, False, False, False, 6, "Demo data is missing in the showcase deployment."),
]
SERVICES = [
    ("Log-on", "Team 1", "Lets customers in."),
    ("Uploads", "Team 1", "Takes data from point-of-sale devices."),
    ("Reports", "Team 2", "Shows customers their figures."),
]


@transaction.atomic
def load(password: str | None) -> dict[str, str]:
    """Creates missing rows and changes no existing ones. Returns the keys of the integrations that it made, by name.

    `password` is for the people that it creates; None gives them no password.
    """
    people = {row[0]: _person(*row[:4], password) for row in PEOPLE}
    teams = {name: _team(name, people["mo"]) for name in ("Team 1", "Team 2")}
    for username, *_, team in PEOPLE:
        if team:
            people[username].groups.add(teams[team])
    experts, _ = Group.objects.get_or_create(name="Database experts")
    experts.user_set.add(people["bo"], people["dee"])
    for level, hotfix, postmortem, management, hours, example in PRIORITIES:
        Priority.objects.get_or_create(
            level=level,
            defaults={
                "name": f"P{level}",
                "description": example,
                "hotfix": hotfix,
                "postmortem": postmortem,
                "tells_management": management,
                "tells_stakeholders": True,
                "update_interval": hours * HOUR,
            },
        )
    main, backup = _main_and_backup(teams["Team 1"], [people["ana"], people["bo"]])
    second = _business_hours(teams["Team 2"], [people["dee"], people["eli"], people["fay"]])
    _roles(people)
    policies = {
        "Team 1": _figure_8_2(teams["Team 1"], main, backup),
        "Team 2": _simple(teams["Team 2"], second, experts),
    }
    for name, team, description in SERVICES:
        Service.objects.get_or_create(
            name=name, defaults={"team": teams[team], "policy": policies[team], "description": description}
        )
    return _integration("Example monitoring", Service.objects.get(name="Log-on"))


def _person(username: str, first: str, last: str, superuser: bool, password: str | None) -> User:
    user, new = User.objects.get_or_create(
        username=username,
        defaults={
            "first_name": first,
            "last_name": last,
            "email": f"{username}@example.com",
            "is_staff": True,
            "is_superuser": superuser,
        },
    )
    if new:
        user.set_password(password)
        user.save(update_fields=["password"])
    recipient, _ = Recipient.objects.get_or_create(user=user, defaults={"last_resort": username == "coach"})
    if not recipient.contact_points.exists():
        ContactPoint.objects.create(recipient=recipient, channel="email", address=user.email, verified=True)
    return user


def _team(name: str, manager: User) -> Team:
    defaults = {"manager": manager, "time_zone": "Europe/Berlin"}
    return Team.objects.get_or_create(name=name, defaults=defaults)[0]


def _rotation(name: str, team: Team | None, people: list[User], weeks: int = 1) -> Rotation:
    rotation, new = Rotation.objects.get_or_create(
        name=name,
        defaults={
            "team": team,
            "every": weeks,
            "first_day": date(2026, 1, 5),
            "handover": time(9),
            "time_zone": "Europe/Berlin",
        },
    )
    access.grant_to_team(rotation)
    if new:
        Participant.objects.bulk_create(Participant(rotation=rotation, user=u, order=n) for n, u in enumerate(people))
    return rotation


def _schedule(
    name: str, team: Team | None, rotation: Rotation, position: int, description: str, hours: str = ""
) -> Schedule:
    schedule, new = Schedule.objects.get_or_create(
        name=name, defaults={"team": team, "time_zone": "Europe/Berlin", "description": description}
    )
    access.grant_to_team(schedule)
    if new:
        Layer.objects.create(schedule=schedule, rotation=rotation, position=position, hours=hours)
    return schedule


def _main_and_backup(team: Team, people: list[User]) -> tuple[Schedule, Schedule]:
    rotation = _rotation(team.name, team, people)
    main = _schedule(f"{team.name} main", team, rotation, 0, "The person whose week it is.")
    backup = _schedule(f"{team.name} backup", team, rotation, 1, "The other person: the roles switch every week.")
    return main, backup


def _business_hours(team: Team, people: list[User]) -> Schedule:
    """The schedules of Table 7.6, in business hours only. Outside them an alert goes on to the experts at once."""
    rotation = _rotation(team.name, team, people)
    for position in (2, 1):
        text = "In business hours only: the person with the next turn."
        _schedule(f"{team.name} backup {position}", team, rotation, position, text, BUSINESS)
    return _schedule(f"{team.name} main", team, rotation, 0, "One person a week, in business hours.", BUSINESS)


def _roles(people: dict[str, User]) -> None:
    """The schedules of Table 9.17: the coordinator and the communicator change every two weeks."""
    for role, names in (("Incident coordinator", ("ana", "dee")), ("Incident communicator", ("rep", "mo"))):
        rotation = _rotation(role, None, [people[name] for name in names], weeks=2)
        _schedule(role, None, rotation, 0, "Two weeks each.")


def _policy(
    name: str, team: Team, repeat: int, description: str, steps: list[tuple[timedelta, Any]]
) -> EscalationPolicy:
    policy, new = EscalationPolicy.objects.get_or_create(
        name=name, defaults={"team": team, "repeat": repeat, "description": description}
    )
    access.grant_to_team(policy)
    if new:
        for order, (span, target) in enumerate(steps):
            Target.objects.create(step=Step.objects.create(policy=policy, order=order, escalate_after=span), **target)
    return policy


def _figure_8_2(team: Team, main: Schedule, backup: Schedule) -> EscalationPolicy:
    steps = [
        (HOUR, {"schedule": main}),
        (2 * HOUR, {"schedule": backup}),
        (4 * HOUR, {"team": team}),
        (HOUR, {"user": team.manager}),
    ]
    return _policy(team.name, team, 3, "Main, backup, the whole team, the engineering manager.", steps)


def _simple(team: Team, main: Schedule, experts: Group) -> EscalationPolicy:
    steps = [(HOUR / 2, {"schedule": main}), (HOUR, {"group": experts})]
    return _policy(team.name, team, 1, "The person on call, then the experts across teams.", steps)


def _integration(name: str, service: Service) -> dict[str, str]:
    if Integration.objects.filter(name=name).exists():
        return {}
    integration = Integration(name=name, service=service, other_teams=True)  # it watches everything
    key = integration.new_key()
    integration.save()
    return {name: key}

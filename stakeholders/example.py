"""The stakeholders of the example organisation: the matrix and the seven groups of Table 8.4. Safe to load again.

The four groups of Table 8.2 are there with their purposes, each in its ring (figure 8.4). The seven are the subgroups of
marketing and sales (Table 8.3); the other three cover everything, and their subscribers narrow that down.
"""

from datetime import datetime, timedelta
from typing import Any

from dispatching.models import ContactPoint, Service
from schedules.models import Schedule, User
from stakeholders.groups import groups
from stakeholders.models import (
    Deployment,
    NotificationDefinition,
    Product,
    StakeholderGroup,
    StakeholderRing,
    Subscription,
)

US, EU, JP, SHOWCASE = "Production US", "Production EU", "Production JP", "Showcase worldwide"
DEPLOYMENTS = [
    (US, "Our service for customers in the Americas."),
    (EU, "Our service for customers in Europe."),
    (JP, "Our service for customers in Japan."),
    (SHOWCASE, "Used all over the world for demos and training."),
]
PRODUCTS = [
    ("A", "Takes data from shops."),
    ("B", "Shows how sales are going."),
    ("C", "Plans orders; sold with B in Europe."),
]
TALK = "Ready to talk to customers there, and to move demos and campaigns."
SEVEN = [
    # (name, deployment, products); an empty list means all products, also those added later.
    ("Group 1: US, product A", US, ["A"]),
    ("Group 2: US, product B", US, ["B"]),
    ("Group 3: US, product C", US, ["C"]),
    ("Group 4: EU, product A", EU, ["A"]),
    ("Group 5: EU, products B and C", EU, ["B", "C"]),
    ("Group 6: Japan, all products", JP, []),
    ("Group 7: Showcase, all products", SHOWCASE, []),
]
Boundary = StakeholderRing.Boundary
HOUR = timedelta(hours=1)
RINGS: list[tuple[int, str, str, dict[str, Any]]] = [
    (1, "product management", Boundary.PRODUCT, {}),
    # The rule of Table 8.7: it was over after 51 minutes, so this ring was not told.
    (2, "leadership of the product delivery organisation", Boundary.PRODUCT, {"elapsed": HOUR}),
    (3, "marketing and sales", Boundary.ENTERPRISE, {"elapsed": 2 * HOUR, "projected": 4 * HOUR}),
    (4, "partners and customers", Boundary.EXTERNAL, {"match": "all", "elapsed": 4 * HOUR, "priority": 2}),
]
SUBSCRIBERS = [
    ("coach", "Product management"),
    ("rep", "Group 5: EU, products B and C"),
    ("rep", "Group 7: Showcase, all products"),
    ("mo", "Leadership"),
]


def load(*, now: datetime) -> None:
    """Creates what is missing and changes nothing that exists. The people of dispatching's example must be loaded before."""
    for order, (name, description) in enumerate(DEPLOYMENTS):
        Deployment.objects.get_or_create(name=name, defaults={"description": description, "order": order})
    for order, (letter, description) in enumerate(PRODUCTS):
        Product.objects.get_or_create(name=letter, defaults={"description": description, "order": order})
    for number, name, boundary, rule in RINGS:
        StakeholderRing.objects.get_or_create(number=number, defaults={"name": name, "boundary": boundary, **rule})
    rep = User.objects.get(username="rep")
    parents = {usual.name: _usual(usual, rep, now) for usual in groups.USUAL}
    for name, deployment, letters in SEVEN:
        _cell(name, deployment, letters, parents["Marketing and sales"], now)
    _definition()
    for username, name in SUBSCRIBERS:
        _subscribe(username, StakeholderGroup.objects.get(name=name), now)


def _definition() -> None:
    """Prepares the definition of Table 8.6. It is not live, so that somebody can read it before alerts are compared with it."""
    if NotificationDefinition.objects.filter(name="Uploads fail").exists():
        return
    made = NotificationDefinition.objects.create(
        name="Uploads fail",
        service=Service.objects.get(name="Uploads"),
        title="Uploads fail",
        text="No data uploads from most point-of-sale devices of the showcase deployment.",
        why_major="Demos all over the world show stale data.",
        why_needed="Marketing and sales, to move demos and to talk to customers.",
        what_they_do="Move the demos of the next few hours; tell customers who ask that we are working on it.",
        communicators=Schedule.objects.filter(name="Incident communicator").first(),
        uncovered="Uploads succeed, but with wrong figures: announce it by hand.",
    )
    made.deployments.add(Deployment.objects.get(name=SHOWCASE))
    made.products.set(Product.objects.all())
    made.wordings.create(
        language="de",
        title="Daten werden nicht hochgeladen",
        text="Von den meisten Kassen der Vorführumgebung kommen keine Daten an.",
    )


def _usual(usual: groups.Usual, owner: User, now: datetime) -> StakeholderGroup:
    """One of the usual groups; all but marketing and sales, which has the seven as its parts, cover everything."""
    everything = usual.name != "Marketing and sales"
    more = {"all_deployments": everything, "all_products": everything}
    return _group(usual.name, usual.purpose, usual.openness, owner, now, ring=usual.lies_in, **more)


def _group(name: str, purpose: str, openness: str, owner: User | None, now: datetime, **more) -> StakeholderGroup:
    review_by = (now + timedelta(days=180)).date()
    defaults = {"purpose": purpose, "openness": openness, "owner": owner, "review_by": review_by, **more}
    group, new = StakeholderGroup.objects.get_or_create(name=name, defaults=defaults)
    if new:
        groups.grant_to_owner(group)
        if owner:
            group.representatives.add(owner)
    return group


def _cell(name: str, deployment: str, letters: list[str], parent: StakeholderGroup, now: datetime) -> None:
    if StakeholderGroup.objects.filter(name=name).exists():
        return
    more = {"parent": parent, "ring": parent.ring, "all_products": not letters}
    group = _group(name, TALK, parent.openness, parent.owner, now, **more)
    group.deployments.add(Deployment.objects.get(name=deployment))
    group.products.add(*Product.objects.filter(name__in=letters))


def _subscribe(username: str, group: StakeholderGroup, now: datetime) -> None:
    point = ContactPoint.objects.filter(recipient__user__username=username).first()
    if point and not Subscription.objects.filter(contact_point=point, group=group).exists():
        Subscription.objects.create(
            contact_point=point,
            group=group,
            state=Subscription.State.ACTIVE,
            asked_at=now,
            asked_from="example",
            confirmed_at=now,
        )

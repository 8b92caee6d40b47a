from datetime import timedelta

import pytest
from time_machine import TimeMachineFixture

from dispatching.models import ContactPoint, Priority, Recipient
from schedules.models import User
from stakeholders import sweep
from stakeholders.models import Deployment, Outage, Product, StakeholderGroup
from stakeholders.news import fanning, outages
from tests.batches import unpack
from tests.dispatching.media import Mail, Webhook
from tests.dispatching.receivers import http_receiver, mail_receiver
from tests.stakeholders.organisation import everyone
from tests.world import World


class Audience(World):
    """The world with a matrix: two places, two products, and groups by who may join them."""

    clock: TimeMachineFixture

    def __init__(self) -> None:
        super().__init__()
        self.us, self.eu = (Deployment.objects.create(name=f"Production {name}") for name in ("US", "EU"))
        self.a, self.b = (Product.objects.create(name=f"Product {name}") for name in "AB")
        self.open = self.group("Product A, everywhere", "everyone", products=[self.a])
        self.europe = self.group("Europe", "everyone", deployments=[self.eu])
        self.sales = self.group("Sales", "enterprise")
        self.inner = self.group("Product managers", "product")

    def group(self, name: str, openness: str, *, deployments=(), products=()) -> StakeholderGroup:
        group = StakeholderGroup.objects.create(
            name=name,
            purpose="tell customers",
            openness=openness,
            ring=everyone(),
            all_deployments=not deployments,
            all_products=not products,
        )
        group.deployments.set(deployments)
        group.products.set(products)
        return group

    def colleague(self, username: str = "rep", **more) -> User:
        """Somebody in the enterprise, outside product delivery, with a verified memory address."""
        return self.person(username, **more)

    def priority(self, level: int = 2) -> Priority:
        values = {"name": f"P{level}", "tells_stakeholders": True, "update_interval": timedelta(hours=4)}
        return Priority.objects.get_or_create(level=level, defaults=values)[0]

    def outage(self) -> Outage:
        """Announced to everybody who wants to hear of product A in the US."""
        outage = outages.declare(
            Outage(title="Uploads fail", started_at=self.now, high_profile=True, priority=self.priority()),
            now=self.now,
            links={"deployments": [self.us], "products": [self.a]},
        )
        outages.announce(outage, "We are at it.", next_update_by=self.now + timedelta(hours=2), now=self.now)
        while fanning.plan_due(self.now):
            pass
        unpack()
        return outage

    def work(self) -> None:
        """All workers do whatever is due."""
        for _ in range(2):  # the second time what has come back
            while sweep.sweep(lambda: self.now):
                pass
            sweep.tidy(self.now)
            self.sweep()


@pytest.fixture
def world(db, clock) -> Audience:
    world = Audience()
    clock.move_to(world.now, tick=False)
    world.clock = clock
    return world


@pytest.fixture
def mail(settings):
    """A mail server at the other end."""
    with mail_receiver() as server:
        settings.BOUNCE_ADDRESS = "bounces@returns.example.org"
        settings.UNSUBSCRIBE_ADDRESS = "leave@returns.example.org"
        yield Mail(server, settings)


@pytest.fixture
def webhook(settings, world):
    """A receiver in our own network, which an operator has entered (S3)."""
    with http_receiver() as server:
        operators(server.url)
        yield Webhook(server, settings)


def operators(url: str) -> ContactPoint:
    return Recipient.objects.create(display_name="a hook").contact_points.create(channel="webhook", address=url)

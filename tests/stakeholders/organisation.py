"""The cast beyond the people on call: geography × product, groups, subscribers, and what they were told."""

from datetime import timedelta

from dispatching.models import ContactPoint, Delivery, Priority, Recipient
from stakeholders import sweep
from stakeholders.models import Deployment, Outage, Product, StakeholderGroup, StakeholderRing, Subscriber, Subscription
from stakeholders.news import outages
from tests.batches import unpack
from tests.sure import sure

HOUR = timedelta(hours=1)
US, EU, JP, SHOW = "Production US", "Production EU", "Production JP", "Showcase worldwide"
# Table 8.4: the group's name, its deployments, its products (None: all).
TABLE_8_4 = [
    ("1", [US], ["A"]),
    ("2", [US], ["B"]),
    ("3", [US], ["C"]),
    ("4", [EU], ["A"]),
    ("5", [EU], ["B", "C"]),
    ("6", [JP], None),
    ("7", [SHOW], None),
]


def everyone() -> StakeholderRing:
    """The one ring of an organisation that tells all its groups at once."""
    defaults = {"name": "everyone", "boundary": StakeholderRing.Boundary.EXTERNAL}
    return StakeholderRing.objects.get_or_create(number=1, defaults=defaults)[0]


class Stakeholders:
    def __init__(self, world):
        self.world = world
        self._seen = 0
        self.deployments = {name: Deployment.objects.create(name=name) for name in (US, EU, JP, SHOW)}
        self.products = {name: Product.objects.create(name=name) for name in "ABC"}
        self.groups = {name: self.group(name, where, what) for name, where, what in TABLE_8_4}
        self.priority = Priority.objects.create(level=2, name="P2", tells_stakeholders=True, update_interval=4 * HOUR)

    def group(self, name, deployments=(), products=(), **more) -> StakeholderGroup:
        group = StakeholderGroup.objects.create(
            name=name,
            purpose=more.pop("purpose", "ready to talk to customers"),
            all_deployments=deployments is None,
            all_products=products is None,
            **{"ring": everyone(), **more},
        )
        group.deployments.set(self.deployments[each] for each in deployments or ())
        group.products.set(self.products[each] for each in products or ())
        return group

    def subscriber(self, name: str, *groups: str, **more) -> ContactPoint:
        """Somebody outside, without a login, with an active subscription to each of these groups.

        `quiet`: settings of theirs; `speaks`: their language.
        """
        recipient = Recipient.objects.create(display_name=name)
        point = self.world.point(recipient, name)
        how = {**more.pop("quiet", {}), **({"language": more.pop("speaks")} if "speaks" in more else {})}
        if how:
            Subscriber.objects.create(recipient=recipient, **how)
        for group in groups:
            self.subscribe(point, group, **more)
        return point

    def subscribe(self, point: ContactPoint, group: str, **more) -> Subscription:
        now = self.world.now
        return Subscription.objects.create(
            contact_point=point,
            group=self.groups[group],
            state=Subscription.State.ACTIVE,
            asked_at=now,
            confirmed_at=now,
            **more,
        )

    def outage(self, where=(SHOW,), what="ABC", **more) -> Outage:
        links = {
            "deployments": [self.deployments[name] for name in where],
            "products": [self.products[name] for name in what],
            **more.pop("links", {}),
        }
        values = {"high_profile": True, "priority": self.priority, **more}
        outage = Outage(**{"title": "Uploads fail", "started_at": self.world.now, **values})
        return outages.declare(outage, now=self.world.now, links=links)

    def announce(self, outage: Outage, text: str = "No data uploads.", *, within=4 * HOUR, **more):
        now = self.world.now
        return outages.announce(outage, text, next_update_by=now + within, now=now, **more)

    def sweep(self) -> None:
        """Everything that is due is planned."""
        while sweep.sweep(lambda: self.world.now):
            pass
        unpack()

    def advance(self, **span) -> None:
        """Moves the clock, and does what has become due by then."""
        self.world.advance(**span)
        self.sweep()

    def planned(self) -> list[Delivery]:
        """The deliveries that were planned since the last time this was asked."""
        self.sweep()
        found = Delivery.objects.filter(content__isnull=False, pk__gt=self._seen).select_related(
            "contact_point", "content"
        )
        deliveries = list(found.order_by("pk"))
        self._seen = max((each.pk for each in deliveries), default=self._seen)
        return deliveries

    def told(self) -> list[str]:
        """Who is told something since the last time this was asked, by address, sorted."""
        return sorted(sure(each.contact_point).address for each in self.planned())

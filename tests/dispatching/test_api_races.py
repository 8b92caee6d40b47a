"""Two people who save the same thing at the same moment."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.db import connection

from dispatching.models import EscalationPolicy, Step
from schedules.models import User
from tests.api import client_of

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_policy_saved_twice_at_once_has_the_steps_of_one_of_them():
    coach = User.objects.create_superuser("coach")
    policy = EscalationPolicy.objects.create(name="P")
    step = {"escalate_after": "01:00:00", "targets": [{"type": "user", "id": coach.pk}]}
    client_of(coach).patch(f"escalation-policies/{policy.pk}/", {"steps": [step]})
    ready = Barrier(4)

    def save(count: int) -> int:
        client = client_of(coach)
        ready.wait(timeout=10)
        try:
            return client.patch(f"escalation-policies/{policy.pk}/", {"steps": [step] * count}).status_code
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as people:
        for _ in range(5):
            assert list(people.map(save, [2, 3, 4, 5])) == [200] * 4
            assert list(Step.objects.values_list("order", flat=True)) in [list(range(count)) for count in (2, 3, 4, 5)]

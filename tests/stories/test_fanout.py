"""A message to thousands in real time: real processes, a real mail server, a worker killed on the way."""

from tests.live import only_live
from tests.live.fanout import peaks, watch

pytestmark = only_live

PEOPLE = 2000


def test_a_worker_killed_in_the_middle_costs_nobody_the_message(tocsin, sink):
    """Must show 3 on a small scale: nobody missed, twice only what was in hand, a page does not wait, memory stays flat."""
    [key] = tocsin.seed("storm", services=1, people=1, name="meanwhile")
    outage = tocsin.seed("crowd", people=PEOPLE, several=PEOPLE // 5)
    tocsin.seed("announce", outage=outage)
    told = watch(tocsin, sink, outage, people=PEOPLE, kills=1, key=key)
    assert told.killed[0] < PEOPLE, "it was killed in the middle"
    assert told.missed(PEOPLE) == 0
    assert told.twice <= told.in_hand
    assert max(told.page_waits) < 2
    assert max(peaks(tocsin).values()) < 300

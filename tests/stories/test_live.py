"""Section 8.2 and faults B1, B2, T1, T2 with the clock on the wall: real processes, real mail."""

import signal
import socket
import time

from tests.live import Equation, Product, SmtpSink, eventually, fire, only_live, sendings, settle

pytestmark = only_live

SPAN, EARLY, LATE = 2.0, 0.05, 5.0
PUBLISH = 2  # seconds: what one attempt to reach a broker that says nothing takes
SWEPT = 10  # seconds: the promise where the broker or beat is gone


def mails_about(sink: SmtpSink, what: str):
    return [mail for mail in sink.mails() if what in mail.subject]


def test_figure_8_2_in_real_time_until_somebody_acknowledges(tocsin, sink):
    """A42, A43: main, backup, the whole team, the manager, and again; two seconds each; then silence."""
    figure = tocsin.seed("figure_8_2", seconds=SPAN, repeat=3)
    tocsin.post_event(figure["key"], "figure-1")
    [row] = tocsin.rows("SELECT first_at FROM dispatching_alert WHERE dedup_key = 'figure-1'")
    began = row["first_at"].timestamp()
    expected = [(turn, people) for turn, people in enumerate([*figure["told"], *figure["told"][:2]])]
    owed = sum(len(people) for _, people in expected)
    assert eventually(lambda: len(mails_about(sink, "figure-1")) >= owed, len(expected) * SPAN + LATE)
    heard = mails_about(sink, "figure-1")
    assert tocsin.open(heard[-1].link, data=b"").status == 200
    silent_from = time.time()
    for turn, people in expected:
        told, heard = heard[: len(people)], heard[len(people) :]
        assert sorted(mail.recipient for mail in told) == people
        for mail in told:
            assert turn * SPAN - EARLY <= mail.at - began <= turn * SPAN + LATE
    eventually(lambda: late_mails(sink, silent_from), 3 * SPAN)
    assert late_mails(sink, silent_from) == []


def late_mails(sink: SmtpSink, since: float):
    return [mail.recipient for mail in mails_about(sink, "figure-1") if mail.at > since]


def test_two_hundred_alerts_in_a_second_page_each_person_once(tocsin, sink):
    """Over 50 services and 20 people; `make chaos` sends 1,000."""
    keys = tocsin.seed("storm", services=50, people=20)
    answers = fire(tocsin.url, sendings(keys, 200, over=1, name="burst"))
    assert settle(tocsin, patience=60)
    equation = Equation.of(tocsin, sink, answers, "burst")
    print(equation)
    assert equation.problems(steps=1, extra=0) == []


def test_two_beats_page_each_person_once(tocsin, sink):
    """T2"""
    tocsin.beside("-m", "celery", "-A", "config.celery", "beat", "--pidfile=", "--loglevel", "INFO")
    log = tocsin.var_dir / "beside.log"
    assert eventually(lambda: log.read_text().count("Sending due task") >= 2, 40)
    keys = tocsin.seed("storm", services=5, people=5, backup_after=2, name="beats")
    answers = fire(tocsin.url, sendings(keys, 50, over=2, name="beats"))
    assert settle(tocsin, patience=60)
    assert Equation.of(tocsin, sink, answers, "beats").problems(steps=2, extra=0) == []


def test_a_beat_that_hangs_makes_nothing_late(tocsin, sink):
    """T1: it neither ends nor does anything, so nobody starts it again."""
    [key] = tocsin.seed("storm", services=1, people=1, backup_after=2, name="hung")
    assert tocsin.signal("beat", signal.SIGSTOP)
    tocsin.post_event(key, "hung-1")
    assert eventually(lambda: len(mails_about(sink, "hung-1")) == 2, 2 + SWEPT)
    tocsin.signal("beat", signal.SIGCONT)


def test_a_broker_that_says_nothing_or_refuses_costs_no_event_and_no_page(tocsin, sink):
    """B2, then B1: it takes connections and never answers, from the start; then nobody listens there any more."""
    with socket.create_server(("127.0.0.1", 0), backlog=512) as mute:
        broker = f"redis://127.0.0.1:{mute.getsockname()[1]}/0"
        with tocsin.restarted(CELERY_BROKER_URL=broker):
            [key] = tocsin.seed("storm", services=1, people=1, backup_after=2, name="broker")
            tocsin.post_event(key, "warm-up")
            pages_in_time(tocsin, sink, key, "mute")
            mute.close()
            pages_in_time(tocsin, sink, key, "refusing")


def pages_in_time(product: Product, sink: SmtpSink, key: str, name: str) -> None:
    """No answer waits for the broker, every page is out within the promise of the sweeps."""
    answers = fire(product.url, sendings([key], 20, over=1, name=name))
    assert settle(product, patience=30)
    equation = Equation.of(product, sink, answers, name)
    print(equation)
    assert equation.problems(steps=2, extra=0) == []
    took = sorted(answer.seconds for answer in answers)
    assert took[len(took) // 2] < 1
    assert took[-1] < PUBLISH
    assert equation.late()[-1] < SWEPT

"""Periodic tasks: each reads the clock and calls one function."""

from celery import shared_task

from dispatching import ticker
from schedules import clock
from stakeholders import sweep as sweeping
from stakeholders.news import fanning, outages
from stakeholders.subscriptions import subscribing


@shared_task
def plan_due() -> None:
    while not ticker.stopping.is_set() and fanning.plan_due(clock.now()):
        pass


@shared_task
def tell_due_rings() -> None:
    while not ticker.stopping.is_set() and outages.tell_due_rings(clock.now()):
        pass


@shared_task
def answer_due() -> None:
    while not ticker.stopping.is_set() and subscribing.answer_due(clock.now()):
        pass


@shared_task
def sweep() -> None:
    sweeping.sweep(clock.now)

"""Alarm clocks: read the clock, call one verb."""

from celery import shared_task

from dispatching import clock, ticker
from stakeholders import fanning, subscribing
from stakeholders import sweep as sweeping

ticker.also.append(sweeping.sweep)


@shared_task
def plan_due() -> None:
    while not ticker.stopping.is_set() and fanning.plan_due(clock.now()):
        pass


@shared_task
def answer_due() -> None:
    while not ticker.stopping.is_set() and subscribing.answer_due(clock.now()):
        pass


@shared_task
def sweep() -> None:
    sweeping.sweep(clock.now)

"""Schedules the job that pays standing orders."""

from datetime import timedelta

from ledger.jobs.schedule import ScheduledJob, register

register(ScheduledJob("pay_standing_orders", every=timedelta(minutes=5)))

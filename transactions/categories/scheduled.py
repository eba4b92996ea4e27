"""Schedules the job that sets the categories of new payments by rules."""

from datetime import timedelta

from ledger.jobs.schedule import ScheduledJob, register

register(ScheduledJob("apply_rules", every=timedelta(minutes=1)))

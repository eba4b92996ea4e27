"""The scheduled job of categories."""

from datetime import timedelta

from ledger.jobs.schedule import ScheduledJob, register

register(ScheduledJob("apply_rules", every=timedelta(minutes=1)))

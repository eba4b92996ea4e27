"""The scheduled job of rules for categories."""

from datetime import timedelta

from ledger.jobs.schedule import ScheduledJob, register

register(ScheduledJob("apply_rules", every=timedelta(minutes=1)))

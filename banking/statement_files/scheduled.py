"""The job of monthly statements, which are of sealed days."""

from ledger.jobs.schedule import ScheduledJob, register

register(ScheduledJob("issue_statements", at="01:30", after="seal_ledger"))

"""Schedules the job that issues monthly statements. The job runs after the job that seals days,
because statements need sealed days.
"""

from ledger.jobs.schedule import ScheduledJob, register

register(ScheduledJob("issue_statements", at="01:30", after="seal_ledger"))

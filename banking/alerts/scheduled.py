"""Schedules the job that writes and sends alerts. The job runs last, so that it also sends the
alerts of jobs that ran in the same minute.
"""

from datetime import timedelta

from ledger.jobs.schedule import ScheduledJob, register

register(ScheduledJob("send_alerts", every=timedelta(minutes=1), is_last=True))

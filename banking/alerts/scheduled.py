"""Schedules the job that writes and sends alerts. It runs last, so that it also sends the alerts
that other jobs cause in the same minute.
"""

from datetime import timedelta

from ledger.jobs.schedule import ScheduledJob, register

register(ScheduledJob("send_alerts", every=timedelta(minutes=1), is_last=True))

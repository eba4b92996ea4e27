"""The job of alerts. It runs last, so that it sends what other jobs cause in the same minute."""

from datetime import timedelta

from ledger.jobs.schedule import ScheduledJob, register

register(ScheduledJob("send_alerts", every=timedelta(minutes=1), is_last=True))

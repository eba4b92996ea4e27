"""Schedules the job that writes and sends alerts. The job runs after all other jobs of the same
minute, so that it also sends the alerts that these jobs caused.
"""

from datetime import timedelta

from ledger.jobs.schedule import ScheduledJob, register

register(ScheduledJob("send_alerts", every=timedelta(minutes=1), is_last=True))

"""The scheduled jobs of this app: expiry of holds, audits, seals, erasure and retention."""

from datetime import timedelta

from ledger.jobs.schedule import ScheduledJob, register

register(ScheduledJob("expire_holds", every=timedelta(minutes=5)))
register(ScheduledJob("audit_ledger", at="01:30"))
# Runs after the audit, so that only audited days are sealed.
register(ScheduledJob("seal_ledger", at="01:30", after="audit_ledger"))
register(ScheduledJob("erase_people", at="02:30"))
register(ScheduledJob("apply_retention", at="02:30"))

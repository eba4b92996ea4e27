"""The database table with the last runs of each scheduled job."""

from typing import ClassVar

from django.db import models


class JobRecord(models.Model):
    """The last success and the last failure of a job, and the worker that has claimed the job.

    Only `ledger.jobs.records` writes these rows. Web processes may only read them.
    """

    name = models.CharField(max_length=63, primary_key=True)
    began_at = models.DateTimeField(null=True, db_comment="When the run that was done began")
    done_at = models.DateTimeField(null=True, db_comment="When it was last done")
    failed_at = models.DateTimeField(null=True, db_comment="When it last failed")
    error = models.CharField(
        max_length=200, default="", db_comment="The kind of the last failure, without its values"
    )
    claimed_by = models.CharField(max_length=100, default="", db_comment="Host and process")
    claim_ends = models.DateTimeField(null=True, db_comment="Then another worker may claim it")

    class Meta:
        db_table = "job_records"
        db_table_comment = "When each scheduled job was last done"
        default_permissions: ClassVar[tuple[str, ...]] = ()
        # The permission for the admin page "Database", which has no model.
        permissions = (("view_database_health", "Can view the health of the database"),)

    def __str__(self) -> str:
        return self.name

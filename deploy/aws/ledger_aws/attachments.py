"""The bucket for attachments, for a bank that stores them in S3 (`-c attachments=s3`)."""

from typing import Any

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from ledger_aws.config import Config

FOLDER = "attachments"  # as in Ledger's keys: banking/attachments/storage.py


class AttachmentBucket(Construct):
    """A private bucket, encrypted with the bank's key and accessible only over TLS.

    A deleted file stays as an old version for as long as backups of the database are kept. The
    bucket stays when the stack is deleted.
    """

    def __init__(self, scope: Construct, config: Config, key: kms.IKey) -> None:
        super().__init__(scope, "Attachments")
        self._region, self._key = config.region, key
        self.bucket = s3.Bucket(
            self,
            "Bucket",
            encryption=s3.BucketEncryption.KMS,
            encryption_key=key,
            bucket_key_enabled=True,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            enforce_ssl=True,
            versioned=True,
            lifecycle_rules=[
                s3.LifecycleRule(
                    noncurrent_version_expiration=Duration.days(config.size.backup_days),
                    expired_object_delete_marker=True,
                    abort_incomplete_multipart_upload_after=Duration.days(1),
                )
            ],
            removal_policy=RemovalPolicy.RETAIN,
        )

    def serve(self, task: ecs.FargateTaskDefinition, *, only_deletes: bool = False) -> None:
        """Makes a task use the bucket: adds the bucket to the settings of the task, and adds rights
        on the bucket to the role of the task.

        With `only_deletes`, the task may only delete files. Otherwise it may also read and write
        files, and list the bucket. Without the right to list, S3 responds with 403 instead of 404
        for a missing object. The policy of the role grants these rights, not a policy of the
        bucket.
        """
        assert task.default_container is not None
        for name, value in (
            ("LEDGER_ATTACHMENTS", "s3"),
            ("LEDGER_ATTACHMENTS_BUCKET", self.bucket.bucket_name),
            ("LEDGER_ATTACHMENTS_REGION", self._region),
        ):
            task.default_container.add_environment(name, value)
        files = self.bucket.arn_for_objects(f"{FOLDER}/*")
        _allow(task, ["s3:DeleteObject"], files)
        if only_deletes:
            return
        _allow(task, ["s3:GetObject", "s3:PutObject"], files)
        _allow(task, ["s3:ListBucket"], self.bucket.bucket_arn)
        through = {"kms:ViaService": f"s3.{self._region}.amazonaws.com"}
        actions = ["kms:Decrypt", "kms:GenerateDataKey"]
        _allow(task, actions, self._key.key_arn, conditions={"StringEquals": through})


def _allow(
    task: ecs.FargateTaskDefinition,
    actions: list[str],
    resource: str,
    conditions: dict[str, Any] | None = None,
) -> None:
    task.task_role.add_to_principal_policy(
        iam.PolicyStatement(actions=actions, resources=[resource], conditions=conditions)
    )

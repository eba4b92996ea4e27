"""The bucket of attachments, for a bank that keeps them in S3 (`-c attachments=s3`)."""

from typing import Any

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from ledger_aws.config import Config

FOLDER = "attachments"  # of Ledger's keys: banking/attachments/storage.py


class AttachmentBucket(Construct):
    """Encrypted by the bank's key, closed to the public, by TLS alone. A deleted file stays as an
    old version for as long as backups of the database reach back, and is gone then, as it is gone
    from them. The bucket stays when the stack goes.
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

    def serve(self, task: ecs.FargateTaskDefinition, *, deletes_alone: bool = False) -> None:
        """Tells a task of the bucket, and lets it in: by the policy of its role alone, as secrets
        are read. Whoever may not list a bucket is told 403 of an object that is not there, not 404.
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
        if deletes_alone:
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

"""Groups of logs: encrypted by the bank's key, and kept for a year."""

from aws_cdk import RemovalPolicy
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from constructs import Construct

LOGS_KEPT, DAYS_OF_LOGS = logs.RetentionDays.ONE_YEAR, 365  # the page "Privacy" says it


def new_log_group(scope: Construct, id: str, name: str, key: kms.IKey) -> logs.LogGroup:
    """A group of this whole name, which goes with its stack."""
    return logs.LogGroup(
        scope,
        id,
        log_group_name=name,
        retention=LOGS_KEPT,
        encryption_key=key,
        removal_policy=RemovalPolicy.DESTROY,
    )

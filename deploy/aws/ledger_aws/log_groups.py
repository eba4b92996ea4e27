"""Log groups, encrypted with the bank's key. Lines are kept for a year."""

from aws_cdk import RemovalPolicy
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from constructs import Construct

LOGS_KEPT, DAYS_OF_LOGS = logs.RetentionDays.ONE_YEAR, 365  # also shown on the page "Privacy"


def new_log_group(scope: Construct, id: str, name: str, key: kms.IKey) -> logs.LogGroup:
    """Makes a log group with exactly this name. The log group is deleted with its stack."""
    return logs.LogGroup(
        scope,
        id,
        log_group_name=name,
        retention=LOGS_KEPT,
        encryption_key=key,
        removal_policy=RemovalPolicy.DESTROY,
    )

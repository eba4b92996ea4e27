"""The CDK app. Run it with `python app.py` or with the CDK CLI (docs/deploy-aws.md)."""

import json
import os
import sys
from typing import Any

from aws_cdk import App
from ledger_aws.config import WrongContext, read
from ledger_aws.stacks import build

# The feature flags of new CDK apps that make a difference here.
FLAGS: dict[str, Any] = {
    "@aws-cdk/aws-iam:minimizePolicies": True,
    "@aws-cdk/aws-ecs:reduceEc2FargateCloudWatchPermissions": True,
    "@aws-cdk/aws-rds:databaseProxyUniqueResourceName": True,
    "@aws-cdk/aws-rds:setCorrectValueForDatabaseInstanceReadReplicaInstanceResourceId": True,
    "@aws-cdk/core:checkSecretUsage": True,
    "@aws-cdk/core:enablePartitionLiterals": True,
    "@aws-cdk/core:validateAgainstDefaultRules": True,
}


def given(arguments: list[str]) -> dict[str, str]:
    """Returns the context from `-c name=value` arguments, for a run without the CLI."""
    pairs = zip(arguments[::2], arguments[1::2], strict=False)
    return dict(value.split("=", 1) for flag, value in pairs if flag == "-c" and "=" in value)


def main(arguments: list[str]) -> None:
    context = json.loads(os.environ.get("CDK_CONTEXT_JSON", "{}")) | given(arguments)
    try:
        config = read(context)
    except WrongContext as wrong:
        raise SystemExit(str(wrong)) from None
    app = App(context=FLAGS, outdir=os.environ.get("CDK_OUTDIR", "cdk.out"))
    build(app, config)
    app.synth()


if __name__ == "__main__":
    main(sys.argv[1:])

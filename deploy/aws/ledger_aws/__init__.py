"""A bank in a separate AWS account, built with CDK (docs/deploy-aws.md)."""

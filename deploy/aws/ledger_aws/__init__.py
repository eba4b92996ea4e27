"""A bank in an AWS account of its own, by CDK (docs/deploy-aws.md)."""

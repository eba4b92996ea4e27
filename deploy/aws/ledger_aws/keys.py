"""The key that encrypts all data, and generated secrets that no person needs to know."""

from typing import cast

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from ledger_aws.config import Config

# AWS services that write encrypted data: logs, alarms, events.
SERVICES = ("cloudwatch", "events", "events.rds")


class Keys(Construct):
    """The key, which AWS rotates each year, and the secrets. The key stays when the stack is
    deleted, because snapshots cannot be read without the key.
    """

    def __init__(self, scope: Construct, config: Config) -> None:
        super().__init__(scope, "Keys")
        self.key = kms.Key(
            self,
            "Key",
            alias=f"alias/{config.name}",
            description=f"All data of {config.name}",
            enable_key_rotation=True,
            pending_window=Duration.days(30),
            removal_policy=RemovalPolicy.RETAIN,
        )
        self._let_logs_use_it(config)
        # Without a condition on the account, because EventBridge does not send its account to KMS
        # and would silently drop alarms. The topic's policy limits which account may publish.
        for service in SERVICES:
            self.key.grant_encrypt_decrypt(iam.ServicePrincipal(f"{service}.amazonaws.com"))
        self.secret_key = self._secret_key(config)
        self.metrics_token = self._generated("MetricsToken", "LEDGER_METRICS_TOKEN of Ledger")
        self.given = {
            name: secretsmanager.Secret.from_secret_complete_arn(
                self, name.title().replace("_", ""), arn
            )
            for name, arn in config.secret_settings.items()
        }
        self.mail = secretsmanager.Secret.from_secret_complete_arn(self, "Mail", config.mail_secret)

    def _let_logs_use_it(self, config: Config) -> None:
        groups = f"arn:aws:logs:{config.region}:{config.account}:log-group:*"
        self.key.grant_encrypt_decrypt(
            iam.ServicePrincipal(
                f"logs.{config.region}.amazonaws.com",
                conditions={"ArnLike": {"kms:EncryptionContext:aws:logs:arn": groups}},
            )
        )

    def _secret_key(self, config: Config) -> secretsmanager.ISecret:
        """Makes the secret for SECRET_KEY, which stays when the stack is deleted. For a bank that
        starts from a snapshot, the secret is empty. The tasks of this bank cannot start until the
        value of the first bank is copied into the secret.
        """
        described = f"SECRET_KEY of {config.name}. Banks restored from its backups need it."
        secret = self._generated("SecretKey", described, RemovalPolicy.RETAIN)
        if config.snapshot:
            made = cast(secretsmanager.CfnSecret, secret.node.default_child)
            made.add_property_deletion_override("GenerateSecretString")
        return secret

    def _generated(
        self, id: str, description: str, removal_policy: RemovalPolicy = RemovalPolicy.DESTROY
    ) -> secretsmanager.Secret:
        return secretsmanager.Secret(
            self,
            id,
            description=description,
            encryption_key=self.key,
            generate_secret_string=secretsmanager.SecretStringGenerator(
                password_length=64, exclude_punctuation=True
            ),
            removal_policy=removal_policy,
        )

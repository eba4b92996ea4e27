"""The shared cache: Valkey with TLS and a password. It stores the counters of sign-in limits."""

from aws_cdk import Fn, RemovalPolicy, SecretValue
from aws_cdk import aws_elasticache as elasticache
from aws_cdk import aws_kms as kms
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from ledger_aws.config import Config
from ledger_aws.network import CACHE, DATA, Network

ENGINE, VERSION, FAMILY = "valkey", "8.0", "valkey8"


class Cache(Construct):
    """The cache. `url` is a secret that contains CACHE_URL with the password."""

    def __init__(self, scope: Construct, config: Config, network: Network, key: kms.IKey) -> None:
        super().__init__(scope, "Cache")
        password = secretsmanager.Secret(
            self,
            "Password",
            description="The password of the shared cache",
            encryption_key=key,
            generate_secret_string=secretsmanager.SecretStringGenerator(
                password_length=64, exclude_punctuation=True
            ),
            removal_policy=RemovalPolicy.DESTROY,
        )
        # CloudFormation reads the secret. The template contains only the name of the secret.
        read = password.secret_value.unsafe_unwrap()
        subnets = elasticache.CfnSubnetGroup(
            self,
            "Subnets",
            description="Subnets without the Internet",
            subnet_ids=network.vpc.select_subnets(subnet_group_name=DATA).subnet_ids,
        )
        parameters = elasticache.CfnParameterGroup(
            self,
            "Parameters",
            cache_parameter_group_family=FAMILY,
            description="Counters of wrong passwords must never be evicted",
            properties={"maxmemory-policy": "noeviction"},
        )
        self.name = f"{config.name}-cache"
        self.group = elasticache.CfnReplicationGroup(
            self,
            "Group",
            replication_group_id=self.name,
            replication_group_description="The shared cache of Ledger",
            engine=ENGINE,
            engine_version=VERSION,
            cache_node_type=f"cache.{config.size.cache}",
            num_cache_clusters=config.size.caches,
            automatic_failover_enabled=config.size.caches > 1,
            multi_az_enabled=config.size.caches > 1,
            auto_minor_version_upgrade=True,
            preferred_maintenance_window="sun:04:00-sun:05:00",
            cache_subnet_group_name=subnets.ref,
            cache_parameter_group_name=parameters.ref,
            security_group_ids=[network.groups.cache.security_group_id],
            transit_encryption_enabled=True,
            at_rest_encryption_enabled=True,
            kms_key_id=key.key_arn,
            auth_token=read,
        )
        host = self.group.attr_primary_end_point_address
        # "Unsafe" warns of passwords in plain text, but this is only the name of the secret.
        url = Fn.join("", ["rediss://:", read, "@", host, f":{CACHE}/0"])
        self.url = secretsmanager.Secret(
            self,
            "Url",
            description="CACHE_URL of Ledger",
            encryption_key=key,
            secret_string_value=SecretValue.unsafe_plain_text(url),
            removal_policy=RemovalPolicy.DESTROY,
        )

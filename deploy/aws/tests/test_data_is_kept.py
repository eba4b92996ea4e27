"""Tests that all data is encrypted, and that data stays after a stack is deleted by mistake."""

from collections.abc import Callable
from typing import Any

import pytest
from ledger_aws.environment import of_every_task

from tests.flavours import Templates, templates, text

# Every type that contains data, with the property that encrypts it. Add a new type to one of these
# two lists.
ENCRYPTED: dict[str, Callable[[dict[str, Any]], Any]] = {
    "AWS::SecretsManager::Secret": lambda it: it["KmsKeyId"],
    "AWS::RDS::DBCluster": lambda it: it["StorageEncrypted"] and it["KmsKeyId"],
    "AWS::ElastiCache::ReplicationGroup": lambda it: (
        it["AtRestEncryptionEnabled"] and it["TransitEncryptionEnabled"] and it["KmsKeyId"]
        and it["AuthToken"]
    ),
    "AWS::Logs::LogGroup": lambda it: it["KmsKeyId"],
    "AWS::S3::Bucket": lambda it: "KeysKey" in text(it["BucketEncryption"]),
    "AWS::SNS::Topic": lambda it: it["KmsMasterKeyId"],
    "AWS::RDS::DBProxy": lambda it: it["RequireTLS"],
    "AWS::KMS::Key": lambda it: it["EnableKeyRotation"],
    # A replica has the properties of its source, and an instance of Aurora has the properties of
    # its cluster.
    "AWS::RDS::DBInstance": lambda it: (
        (it.get("StorageEncrypted") and it["KmsKeyId"])
        or it.get("SourceDBInstanceIdentifier") or it.get("DBClusterIdentifier")
        or it.get("DBSnapshotIdentifier")
    ),
}  # fmt: skip
WITHOUT_DATA = {
    "AWS::ApplicationAutoScaling::ScalableTarget", "AWS::ApplicationAutoScaling::ScalingPolicy",
    "AWS::CertificateManager::Certificate", "AWS::CloudWatch::Alarm", "AWS::EC2::EIP",
    "AWS::EC2::FlowLog",
    "AWS::EC2::InternetGateway", "AWS::EC2::NatGateway", "AWS::EC2::Route", "AWS::EC2::RouteTable",
    "AWS::EC2::SecurityGroup", "AWS::EC2::SecurityGroupEgress", "AWS::EC2::SecurityGroupIngress",
    "AWS::EC2::Subnet", "AWS::EC2::SubnetRouteTableAssociation", "AWS::EC2::VPC",
    "AWS::EC2::VPCEndpoint", "AWS::EC2::VPCGatewayAttachment", "AWS::ECS::Cluster",
    "AWS::ECS::Service", "AWS::ECS::TaskDefinition", "AWS::ElastiCache::ParameterGroup",
    "AWS::ElastiCache::SubnetGroup", "AWS::ElasticLoadBalancingV2::Listener",
    "AWS::ElasticLoadBalancingV2::LoadBalancer", "AWS::ElasticLoadBalancingV2::TargetGroup",
    "AWS::Events::Rule", "AWS::IAM::Policy", "AWS::IAM::Role", "AWS::KMS::Alias",
    "AWS::Lambda::Function", "AWS::Logs::MetricFilter", "AWS::RDS::DBClusterParameterGroup",
    "AWS::RDS::DBParameterGroup", "AWS::RDS::DBProxyTargetGroup", "AWS::RDS::DBSubnetGroup",
    "AWS::RDS::EventSubscription", "AWS::Route53::RecordSet", "AWS::SNS::Subscription",
    "AWS::SNS::TopicPolicy", "AWS::Scheduler::Schedule", "AWS::Scheduler::ScheduleGroup",
    "AWS::S3::BucketPolicy", "AWS::SecretsManager::ResourcePolicy",
    "AWS::SecretsManager::RotationSchedule", "AWS::SecretsManager::SecretTargetAttachment",
    "AWS::Serverless::Application", "AWS::StepFunctions::StateMachine",
    "AWS::WAFv2::LoggingConfiguration", "AWS::WAFv2::WebACL", "AWS::WAFv2::WebACLAssociation",
    "Custom::Task",
}  # fmt: skip


def test_all_that_holds_data_is_encrypted_by_our_key(bank: Templates) -> None:
    for id, resource in bank.resources.items():
        kind = resource["Type"]
        assert kind in ENCRYPTED or kind in WITHOUT_DATA, f"{id} is of a new type, {kind}"
        if check := ENCRYPTED.get(kind):
            assert check(resource["Properties"]), id


def test_keys_named_are_ours(bank: Templates) -> None:
    for id, properties in bank.of_type(*ENCRYPTED):
        for name in ("KmsKeyId", "KmsMasterKeyId", "PerformanceInsightsKMSKeyId"):
            if name in properties:
                assert "KeysKey" in text(properties[name]), (id, name)


def _databases(bank: Templates) -> list[tuple[str, dict[str, Any]]]:
    """Returns the databases with the bank's data. Excludes replicas, which contain only copies."""
    kind = "AWS::RDS::DBCluster" if bank.config.is_aurora else "AWS::RDS::DBInstance"
    return [
        (id, each) for id, each in bank.of_type(kind) if "SourceDBInstanceIdentifier" not in each
    ]


def test_nobody_deletes_the_database_by_mistake(bank: Templates) -> None:
    ((id, database),) = _databases(bank)
    assert database["DeletionProtection"] is True
    resource = bank.resources[id]
    assert resource["DeletionPolicy"] == resource["UpdateReplacePolicy"] == "Snapshot"
    balancer = bank.one("AWS::ElasticLoadBalancingV2::LoadBalancer")
    attributes = {each["Key"]: each["Value"] for each in balancer["LoadBalancerAttributes"]}
    assert attributes["deletion_protection.enabled"] == "true"
    for kept in ("AWS::KMS::Key",):
        for key_id, _ in bank.of_type(kept):
            assert bank.resources[key_id]["DeletionPolicy"] == "Retain"


def test_the_secret_key_stays_with_the_backups(bank: Templates) -> None:
    ours = [id for id, _ in bank.of_type("AWS::SecretsManager::Secret") if "KeysSecretKey" in id]
    assert len(ours) == 1
    for id in ours:
        assert bank.resources[id]["DeletionPolicy"] == "Retain"


def test_backups_reach_back(bank: Templates) -> None:
    ((_, database),) = _databases(bank)
    days = 35 if bank.config.size_name == "large" else 7
    assert database["BackupRetentionPeriod"] == days
    assert database["DeleteAutomatedBackups"] is False
    assert database["CopyTagsToSnapshot"] is True


def test_the_size_decides_about_a_second_zone() -> None:
    def of(flavour: str) -> list[dict[str, Any]]:
        return [each for _, each in templates(flavour).of_type("AWS::RDS::DBInstance")]

    assert [each.get("MultiAZ") for each in of("small")] == [False]
    writer, replica = of("large")
    assert writer["MultiAZ"] is True
    assert replica["SourceDBInstanceIdentifier"]
    assert len(of("aurora")) == 2  # the writer, and a reader that takes over


def test_every_instance_is_kept_up_to_date_and_seen(bank: Templates) -> None:
    for id, instance in bank.of_type("AWS::RDS::DBInstance"):
        assert instance["AutoMinorVersionUpgrade"] is True, id
        assert instance["PreferredMaintenanceWindow"].startswith("sun:"), id
        assert instance["CACertificateIdentifier"] == "rds-ca-rsa2048-g1", id
        assert not instance.get("AllowMajorVersionUpgrade"), id
    for id, database in _databases(bank):
        assert database["DatabaseInsightsMode"] == bank.config.size.insights, id
        has_insights = (
            "PerformanceInsightsEnabled" if bank.config.is_aurora else "EnablePerformanceInsights"
        )
        assert database[has_insights] is True, id
        assert database["EnableCloudwatchLogsExports"][0] == "postgresql", id
        assert database["EngineVersion"] == "18", id


def test_storage_grows_up_to_a_limit() -> None:
    for flavour in ("small", "large", "restored"):
        size = templates(flavour).config.size
        for _, instance in _databases(templates(flavour)):
            assert instance["StorageType"] == "gp3"
            assert instance["MaxAllocatedStorage"] == size.most_storage


def test_logs_end(bank: Templates) -> None:
    groups = dict(bank.of_type("AWS::Logs::LogGroup"))
    days = of_every_task(bank.config)["LEDGER_KEEP_LOGS_DAYS"]
    assert {str(group["RetentionInDays"]) for group in groups.values()} == {days} == {"365"}
    names = {group["LogGroupName"].rpartition("/")[2] for group in groups.values()}
    of_rds = {"postgresql"} if bank.config.is_aurora else {"postgresql", "upgrade"}
    ours = {"web", "commands", "sessions", "proofs", "gate", "flows"}
    assert names == ours | of_rds | {f"aws-waf-logs-{bank.config.name}"}


def test_every_log_of_every_server_has_a_group_of_ours_before_it(bank: Templates) -> None:
    """Checks the log groups of every server. RDS would make a missing group without our key, and
    would keep its lines forever.
    """
    groups = {group["LogGroupName"]: id for id, group in bank.of_type("AWS::Logs::LogGroup")}
    wanted = set()
    for kind, label in (("AWS::RDS::DBInstance", "Instance"), ("AWS::RDS::DBCluster", "Cluster")):
        for id, server in bank.of_type(kind):
            for export in server.get("EnableCloudwatchLogsExports", []):
                place = f"/aws/rds/{label.lower()}/{server[f'DB{label}Identifier']}/{export}"
                assert groups[place] in bank.resources[id]["DependsOn"], place
                wanted.add(place)
    assert wanted == {name for name in groups if name.startswith("/aws/rds/")}


def test_postgres_has_the_parameters_that_protect_the_bank(bank: Templates) -> None:
    """Checks TLS, the time limits, and that the log contains no statements or details, because
    these contain names and amounts. `tests/ledger/own_roles/test_parameters.py` tries the
    parameters on a server.
    """
    found = [
        group["Parameters"]
        for _, group in bank.of_type(
            "AWS::RDS::DBParameterGroup", "AWS::RDS::DBClusterParameterGroup"
        )
    ]
    assert found == [
        {
            "rds.force_ssl": "1",
            "statement_timeout": "21600000",
            "idle_in_transaction_session_timeout": "900000",
            "deadlock_timeout": "1000",
            "client_connection_check_interval": "10000",
            "tcp_keepalives_idle": "60",
            "tcp_keepalives_interval": "10",
            "tcp_keepalives_count": "3",
            "shared_preload_libraries": "pg_stat_statements",
            "pg_stat_statements.track_utility": "0",
            "track_activity_query_size": "100",
            "track_io_timing": "1",
            "log_lock_waits": "1",
            "log_autovacuum_min_duration": "10000",
            "log_error_verbosity": "terse",
            "log_min_error_statement": "panic",
            "log_min_duration_statement": "-1",
            "log_statement": "none",
            "log_parameter_max_length": "0",
            "log_parameter_max_length_on_error": "0",
        }
    ]
    ((group, _),) = bank.of_type("AWS::RDS::DBParameterGroup", "AWS::RDS::DBClusterParameterGroup")
    name = "DBClusterParameterGroupName" if bank.config.is_aurora else "DBParameterGroupName"
    kind = "AWS::RDS::DBCluster" if bank.config.is_aurora else "AWS::RDS::DBInstance"
    assert all(server[name] == {"Ref": group} for _, server in bank.of_type(kind))


def test_the_proxy_leaves_connections_to_commands_and_waits_as_long_as_ledger(
    bank: Templates,
) -> None:
    for _, group in bank.of_type("AWS::RDS::DBProxyTargetGroup"):
        assert group["ConnectionPoolConfigurationInfo"] == {
            "ConnectionBorrowTimeout": 5, "MaxConnectionsPercent": 80,
        }  # fmt: skip
    for _, proxy in bank.of_type("AWS::RDS::DBProxy"):
        assert proxy["IdleClientTimeout"] == 300


def test_the_cache_evicts_nothing(bank: Templates) -> None:
    parameters = bank.one("AWS::ElastiCache::ParameterGroup")["Properties"]
    assert parameters == {"maxmemory-policy": "noeviction"}
    group = bank.one("AWS::ElastiCache::ReplicationGroup")
    assert group["AutomaticFailoverEnabled"] is (bank.config.size.caches > 1)


def test_the_bucket_of_attachments_is_closed_and_forgets_deleted_files_with_the_backups() -> None:
    bank = templates("attachments in S3")
    ((id, bucket),) = bank.of_type("AWS::S3::Bucket")
    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}
    (rule,) = bucket["LifecycleConfiguration"]["Rules"]
    ((_, database),) = _databases(bank)
    days = rule["NoncurrentVersionExpiration"]["NoncurrentDays"]
    assert days == database["BackupRetentionPeriod"]
    assert rule["ExpiredObjectDeleteMarker"] is True
    assert bank.resources[id]["DeletionPolicy"] == "Retain"
    (statement,) = bank.one("AWS::S3::BucketPolicy")["PolicyDocument"]["Statement"]
    assert (statement["Effect"], statement["Principal"]) == ("Deny", {"AWS": "*"})
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


@pytest.mark.parametrize("flavour", ["restored", "aurora restored"])
def test_a_restored_bank_begins_with_the_snapshot(flavour: str) -> None:
    ((_, database),) = _databases(templates(flavour))
    name = database.get("DBSnapshotIdentifier") or database.get("SnapshotIdentifier")
    assert name == "before-the-import"


@pytest.mark.parametrize("flavour", ["restored", "aurora restored"])
def test_the_key_of_a_restored_bank_is_there_before_its_snapshot_is_read(flavour: str) -> None:
    """Checks the stack with the keys. The operator copies the snapshot with the key of this stack,
    and copies SECRET_KEY into the secret of this stack.
    """
    bank = templates(flavour)
    assert bank.keys is not None
    kinds = {each["Type"] for each in bank.keys["Resources"].values()}
    assert kinds == {"AWS::KMS::Key", "AWS::KMS::Alias", "AWS::SecretsManager::Secret"}
    assert "Fn::ImportValue" not in text(bank.keys)
    assert "AWS::KMS::Key" not in {each["Type"] for each in bank.data["Resources"].values()}
    ((_, alias),) = bank.of_type("AWS::KMS::Alias")
    assert alias["AliasName"] == "alias/restored"
    (secret,) = [
        each for id, each in bank.of_type("AWS::SecretsManager::Secret") if "KeysSecretKey" in id
    ]
    assert not {"SecretString", "GenerateSecretString"} & set(secret)
    assert "KeysKey" in text(secret["KmsKeyId"])
    assert bank.keys["Outputs"]["SecretKeyArn"]
    assert templates("small").keys is None  # an existing bank keeps its key in its stack

"""Tests that web tasks cannot read the owner's secret, and that no role has more rights than it
needs.
"""

import re
import subprocess
from typing import Any

import pytest
from ledger_aws.config import WrongContext, read

from tests.flavours import GIVEN, OIDC_SECRET, ROOT, Templates, templates, text

# Actions that cannot be limited to a resource, each with its reason.
WITHOUT_RESOURCE = {
    "ecr:GetAuthorizationToken",  # to pull the image
    "ssmmessages:CreateControlChannel", "ssmmessages:CreateDataChannel",  # ECS Exec, of the console
    "ssmmessages:OpenControlChannel", "ssmmessages:OpenDataChannel",
    "logs:DescribeLogGroups",  # the agent of ECS Exec searches all groups for its log
}  # fmt: skip
AS_ROLE = {
    "web": "ledger_web|ledger_explorer",
    **dict.fromkeys(
        ("holds", "orders", "rules", "alerts", "seal", "statements", "erase", "retain", "work"),
        "ledger_worker",
    ),
    "audit": "ledger_auditor", "migrate": "ledger", "console": "ledger",
    "roles": None, "proof": None,
}  # fmt: skip
SECRETS = {
    "web": {"SECRET_KEY", "CACHE_URL", "EMAIL_URL", "LEDGER_METRICS_TOKEN"},
    "console": {"SECRET_KEY", "CACHE_URL", "EMAIL_URL"},
    "alerts": {"SECRET_KEY", "EMAIL_URL"},
    "work": {"SECRET_KEY", "EMAIL_URL"},  # it sends an email when it gives up on a webhook
}
LOGIN = re.compile(r"dbuser:")


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _actions(statements: list[dict[str, Any]]) -> set[str]:
    return {action for each in statements for action in _list(each["Action"])}


def _admin_secret(bank: Templates) -> str:
    """Returns the logical id of the resource with the administrator's secret."""
    ((id, _),) = bank.of_type("AWS::SecretsManager::SecretTargetAttachment")
    return id


def test_no_policy_has_a_star_where_a_name_could_stand(bank: Templates) -> None:
    for id, policy in bank.of_type("AWS::IAM::Policy"):
        for statement in policy["PolicyDocument"]["Statement"]:
            assert statement["Effect"] == "Allow"
            for action in _list(statement["Action"]):
                assert "*" not in action, (id, action)
                if "*" in _list(statement["Resource"]):
                    assert action in WITHOUT_RESOURCE, (id, action)


def test_roles_have_no_wide_policies_of_aws(bank: Templates) -> None:
    for id, role in bank.of_type("AWS::IAM::Role"):
        assert "Policies" not in role, id
        for policy in role.get("ManagedPolicyArns", []):
            assert "AWSLambdaBasicExecutionRole" in text(policy), (id, policy)
        for statement in role["AssumeRolePolicyDocument"]["Statement"]:
            assert set(statement["Principal"]) == {"Service"}, id


def test_roles_are_passed_only_to_tasks(bank: Templates) -> None:
    found = [
        statement
        for _, policy in bank.of_type("AWS::IAM::Policy")
        for statement in policy["PolicyDocument"]["Statement"]
        if "iam:PassRole" in _list(statement["Action"])
    ]
    assert len(found) == 2  # the gate's, and the schedules'
    for statement in found:
        ((condition),) = statement["Condition"].values()
        assert condition == {"iam:PassedToService": "ecs-tasks.amazonaws.com"}


def test_each_task_signs_in_only_as_its_own_role(bank: Templates) -> None:
    for task, expected in AS_ROLE.items():
        statements = bank.statements(bank.role_of(task))
        logins = [
            text(arn)
            for each in statements
            if "rds-db:connect" in _list(each["Action"])
            for arn in _list(each["Resource"])
        ]
        if expected is None:
            assert logins == []
            continue
        assert logins
        for arn in logins:
            assert LOGIN.search(arn), (task, arn)
            assert re.search(rf'/({expected})"', arn), (task, arn)
            assert "*" not in arn


def test_the_web_signs_in_as_the_explorer_wherever_it_signs_in_as_itself(bank: Templates) -> None:
    """Checks the replica, the proxy and the server, because the explorer's queries run where pages
    read.
    """

    def places(role: str, statements: list[dict[str, Any]]) -> set[str]:
        arns = (text(arn) for each in statements for arn in _list(each["Resource"]))
        return {arn.replace(f'/{role}"', "") for arn in arns if f'/{role}"' in arn}

    roles = [bank.role_of("web")]
    roles += [proxy["RoleArn"]["Fn::GetAtt"][0] for _, proxy in bank.of_type("AWS::RDS::DBProxy")]
    for role in roles:
        statements = bank.statements(role)
        assert places("ledger_explorer", statements) == places("ledger_web", statements) != set()


def test_logins_name_the_id_of_a_resource(bank: Templates) -> None:
    """Checks for `DbiResourceId` or `prx-...`, because IAM refuses every login with an ARN or a
    name.
    """
    exports = {
        output["Export"]["Name"]: text(output["Value"])
        for template in bank.all
        for output in template.get("Outputs", {}).values()
        if "Export" in output
    }
    for _, policy in bank.of_type("AWS::IAM::Policy"):
        for statement in policy["PolicyDocument"]["Statement"]:
            if "rds-db:connect" not in _list(statement["Action"]):
                continue
            for arn in _list(statement["Resource"]):
                id = text(arn)
                for name in re.findall(r'"(ledger-data:[^"]+|restored-data:[^"]+)"', id):
                    id += exports[name]
                is_proxy = "DBProxyArn" in id and "Fn::Select" in id
                is_database = "DbiResourceId" in id or "DBClusterResourceId" in id
                assert is_proxy != is_database, id
                assert "DBInstanceArn" not in id


def test_the_web_is_the_owner_nowhere(bank: Templates) -> None:
    admin = _admin_secret(bank)
    for kind in ("TaskRoleArn", "ExecutionRoleArn"):
        statements = text(bank.statements(bank.role_of("web", kind)))
        assert admin not in statements
        assert "ssmmessages" not in statements
        assert not re.search(r"dbuser[^]]*/ledger\"", statements)
    container = bank.container("web")
    assert {each["Name"] for each in container["Secrets"]} == SECRETS["web"]
    assert admin not in text(container)
    settings = {each["Name"]: each["Value"] for each in container["Environment"]}
    assert settings["LEDGER_ROLE"] == "web"
    assert settings["DB_USER"] == "ledger_web"
    assert "DB_SECRET_ID" not in settings


def test_only_one_task_reads_the_secret_of_the_administrator(bank: Templates) -> None:
    admin = _admin_secret(bank)
    readers = {
        id for id, policy in bank.of_type("AWS::IAM::Policy") if admin in text(policy)
    }  # fmt: skip
    assert len(readers) == 1
    assert all("TasksRolesTaskRole" in id for id in readers)


def test_each_task_gets_the_secrets_that_it_needs(bank: Templates) -> None:
    for task in AS_ROLE:
        secrets = {each["Name"] for each in bank.container(task)["Secrets"]}
        assert secrets == SECRETS.get(task, {"SECRET_KEY"}), task


def test_a_console_opens_where_its_session_is_logged(bank: Templates) -> None:
    """Checks the four actions that AWS documents for ECS Exec logging. ECS Exec refuses the shell
    unless its agent finds the log group and sees that the group is encrypted.
    """
    statements = bank.statements(bank.role_of("console"))
    on_logs = {
        action: _list(each["Resource"])
        for each in statements
        for action in _list(each["Action"])
        if action.startswith("logs:")
    }
    assert set(on_logs) == {
        "logs:DescribeLogGroups", "logs:DescribeLogStreams", "logs:CreateLogStream",
        "logs:PutLogEvents",
    }  # fmt: skip
    assert on_logs.pop("logs:DescribeLogGroups") == ["*"]
    (sessions,) = [
        id for id, group in bank.of_type("AWS::Logs::LogGroup")
        if group["LogGroupName"] == f"/{bank.config.name}/sessions"
    ]  # fmt: skip
    assert {text(resources) for resources in on_logs.values()} == {
        text([{"Fn::GetAtt": [sessions, "Arn"]}])
    }
    cluster = bank.one("AWS::ECS::Cluster")["Configuration"]["ExecuteCommandConfiguration"]
    assert cluster["LogConfiguration"]["CloudWatchLogGroupName"] == {"Ref": sessions}
    assert cluster["LogConfiguration"]["CloudWatchEncryptionEnabled"] is True


def test_each_scheduled_command_may_record_that_it_ran() -> None:
    """Checks the rights that Ledger grants to each role. The owner of the tables has all rights."""
    bank = templates("small")
    code = (
        "import ledger.db.tables;"
        " from ledger.db.rights.registered_tables import TABLES;"
        " jobs = TABLES['job_records'];"
        " print(jobs.web, jobs.worker, jobs.auditor, sep='|', end='')"
    )
    done = subprocess.run(
        [ROOT / ".venv/bin/python", "-c", code],
        cwd=ROOT, capture_output=True, text=True, check=True, env={"PATH": "/usr/bin:/bin"},
    )  # fmt: skip
    web, worker, auditor = done.stdout.split("|")
    rights = {
        "ledger": "SELECT, INSERT, UPDATE", "ledger_web": web, "ledger_worker": worker,
        "ledger_auditor": auditor,
    }  # fmt: skip
    for _, schedule in bank.of_type("AWS::Scheduler::Schedule"):
        role = AS_ROLE[schedule["Name"].removeprefix("ledger-")]
        assert role is not None
        assert {"INSERT", "UPDATE"} <= set(rights[role].split(", ")), schedule["Name"]


def test_what_logs_the_figures_has_one_secret_and_no_database(bank: Templates) -> None:
    container = bank.container("web", "figures")
    assert {each["Name"] for each in container["Secrets"]} == {"LEDGER_METRICS_TOKEN"}
    assert {each["Name"] for each in container["Environment"]} == {"PORT"}
    assert container["ReadonlyRootFilesystem"] is True


def test_a_setting_that_is_secret_comes_from_secrets_manager() -> None:
    bank = templates("with a provider")
    secrets = {each["Name"]: each["ValueFrom"] for each in bank.container("web")["Secrets"]}
    assert secrets["OIDC_CLIENT_SECRET"] == OIDC_SECRET
    readers = [
        statement for statement in bank.statements(bank.role_of("web", "ExecutionRoleArn"))
        if OIDC_SECRET in _list(statement["Resource"])
    ]  # fmt: skip
    assert readers
    for task in set(AS_ROLE) - {"web"}:
        container = bank.container(task)
        names = {each["Name"] for each in container["Environment"] + container["Secrets"]}
        assert not any(name.startswith("OIDC_") for name in names), task


def test_every_setting_that_is_secret_is_refused_as_a_value() -> None:
    """Checks every setting in `.env.example` whose name looks like the name of a secret. The
    context of CDK must contain the ARN of a secret for it, and no plain value.
    """
    example = (ROOT / ".env.example").read_text()
    names = set(re.findall(r"^#?([A-Z_]+)=", example, re.MULTILINE))
    secret = re.compile(r"SECRET$|TOKEN$|PASSWORD|HEADERS$|_KEYS?$|FALLBACKS$")
    for name in filter(secret.search, names):
        with pytest.raises(WrongContext) as refusal:
            read({**GIVEN, name: "lanterns-over-slow-rivers"})
        assert name in str(refusal.value)
        assert "lanterns" not in str(refusal.value)


def test_files_of_attachments_are_for_the_web_and_the_console_and_erasing_deletes() -> None:
    bank = templates("attachments in S3")
    wanted = {
        "web": {"s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:ListBucket"},
        "erase": {"s3:DeleteObject"},
    }
    wanted["console"] = wanted["web"]
    for task in AS_ROLE:
        statements = [
            each for each in bank.statements(bank.role_of(task))
            if any(action.startswith("s3:") for action in _list(each["Action"]))
        ]  # fmt: skip
        assert _actions(statements) == wanted.get(task, set()), task
        for each in statements:
            is_list = _list(each["Action"]) == ["s3:ListBucket"]
            assert ("/attachments/*" in text(each["Resource"])) is not is_list, task
        variables = {each["Name"]: each["Value"] for each in bank.container(task)["Environment"]}
        assert variables.get("LEDGER_ATTACHMENTS") == ("s3" if task in wanted else None), task
        assert ("LEDGER_ATTACHMENTS_BUCKET" in variables) == (task in wanted)


def test_the_proxy_signs_in_only_as_the_roles_of_the_web(bank: Templates) -> None:
    proxies = list(bank.of_type("AWS::RDS::DBProxy"))
    assert len(proxies) == (1 if bank.config.proxy else 0)
    for _, proxy in proxies:
        assert proxy["DefaultAuthScheme"] == "IAM_AUTH"
        assert "Auth" not in proxy  # no secret
        statements = bank.statements(proxy["RoleArn"]["Fn::GetAtt"][0])
        assert _actions(statements) == {"rds-db:connect"}
        (statement,) = statements
        found = {text(arn).rpartition("/")[2] for arn in statement["Resource"]}
        assert found == {'ledger_web"]]}', 'ledger_explorer"]]}'}


def test_the_password_of_the_administrator_changes_by_itself(bank: Templates) -> None:
    schedule = bank.one("AWS::SecretsManager::RotationSchedule")
    assert schedule["SecretId"]["Ref"] == _admin_secret(bank)
    assert schedule["RotationRules"]["ScheduleExpression"] == "rate(30 days)"


def test_each_task_reads_secrets_and_decrypts_with_its_banks_key(bank: Templates) -> None:
    """Checks the keys, because a task cannot read a secret that another key encrypts. A secret
    given by its ARN uses AWS's key for Secrets Manager or, later, the bank's key.
    """
    given = {bank.config.mail_secret, *bank.config.secret_settings.values()}
    for task in AS_ROLE:
        statements = bank.statements(bank.role_of(task, "ExecutionRoleArn"))
        for each in statements:
            if "kms:Decrypt" in _list(each["Action"]):
                assert "KeysKey" in text(each["Resource"]), task
            if "secretsmanager:GetSecretValue" in _list(each["Action"]):
                for arn in _list(each["Resource"]):
                    assert isinstance(arn, dict) or arn in given, (task, arn)


def test_no_template_holds_a_secret(bank: Templates) -> None:
    assert all(
        "NoEcho" not in parameter
        for template in bank.all
        for parameter in template.get("Parameters", {}).values()
    )
    for id, secret in bank.of_type("AWS::SecretsManager::Secret"):
        is_empty = bool(bank.config.snapshot) and "KeysSecretKey" in id
        assert ("GenerateSecretString" in secret) + ("SecretString" in secret) == (not is_empty), id
        if "SecretString" in secret:
            _, (before, *_) = secret["SecretString"]["Fn::Join"]
            assert before == "rediss://:{{resolve:secretsmanager:"
    for _, group in bank.of_type("AWS::ElastiCache::ReplicationGroup"):
        assert "{{resolve:secretsmanager:" in text(group["AuthToken"])
    for id, database in bank.of_type("AWS::RDS::DBInstance", "AWS::RDS::DBCluster"):
        if "MasterUserPassword" in database:
            assert "{{resolve:secretsmanager:" in text(database["MasterUserPassword"]), id
    for task in AS_ROLE:
        for each in bank.container(task)["Environment"]:
            assert "{{resolve" not in text(each["Value"]), (task, each["Name"])
            assert not re.search(r"://[^/@\s]+:[^/@\s]+@", text(each["Value"])), each


def test_tasks_cannot_change_their_own_image(bank: Templates) -> None:
    for task in AS_ROLE:
        container = bank.container(task)
        assert container["ReadonlyRootFilesystem"] is (task != "console"), task
        assert [mount["ContainerPath"] for mount in container["MountPoints"]] == ["/tmp"]  # noqa: S108
        assert not container.get("Privileged")
    for id, service in bank.of_type("AWS::ECS::Service"):
        assert service.get("EnableExecuteCommand") is not True, id

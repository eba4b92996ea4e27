"""Tests that a new version serves pages only after its migrations, and is replaced by the old
version if it does not answer.
"""

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.stub import ANY, Stubber

from tests.flavours import Templates, templates, text

TASK = "arn:aws:ecs:eu-west-1:123456789012:task/ledger/0123456789abcdef"
PROPERTIES = {
    "Name": "migrate", "Cluster": "arn:cluster", "TaskDefinition": "arn:definition:7",
    "Subnets": ["subnet-1"], "SecurityGroups": ["sg-1"], "Log": "/ledger/commands",
}  # fmt: skip


def _depends_on(bank: Templates, id: str) -> set[str]:
    """Returns all resources that CloudFormation makes before this one."""
    seen: set[str] = set()
    left = [id]
    while left:
        given = bank.bank["Resources"][left.pop()].get("DependsOn", [])
        for each in given if isinstance(given, list) else [given]:
            if each not in seen and each in bank.bank["Resources"]:
                seen.add(each)
                left.append(each)
    return seen


def test_services_wait_for_roles_and_migrations(bank: Templates) -> None:
    gates = {each["Name"]: id for id, each in bank.of_type("Custom::Task")}
    assert set(gates) == {"roles", "migrate"}
    for name in ("web", "work"):
        assert gates["migrate"] in _depends_on(bank, bank.service(name)[0]), name
    assert gates["roles"] in _depends_on(bank, gates["migrate"])
    for id, _ in bank.of_type("AWS::Scheduler::Schedule"):
        assert gates["migrate"] in _depends_on(bank, id), id


def test_a_new_image_runs_them_again(bank: Templates) -> None:
    """Checks that the revision of the task is a property of the resource, so that a new revision
    updates the resource.
    """
    for _, gate in bank.of_type("Custom::Task"):
        definition = gate["TaskDefinition"]["Ref"]
        family = bank.resources[definition]["Properties"]["Family"]
        assert family == f"{bank.config.name}-{gate['Name']}"


def test_a_version_that_does_not_answer_goes_back(bank: Templates) -> None:
    _, service = bank.service("web")
    deployment = service["DeploymentConfiguration"]
    assert deployment["DeploymentCircuitBreaker"] == {"Enable": True, "Rollback": True}
    assert deployment["MinimumHealthyPercent"] == 100
    assert deployment["Alarms"]["Enable"] is deployment["Alarms"]["Rollback"] is True
    names = {alarm["AlarmName"] for _, alarm in bank.of_type("AWS::CloudWatch::Alarm")}
    prefix = bank.config.name
    rolls_back = {f"{prefix}-errors-of-pages", f"{prefix}-errors-of-balancer"}
    assert set(deployment["Alarms"]["AlarmNames"]) == rolls_back <= names
    for id, alarm in bank.of_type("AWS::CloudWatch::Alarm"):
        if alarm["AlarmName"] in rolls_back:
            assert id in service_depends_on(bank), id


def service_depends_on(bank: Templates) -> set[str]:
    return _depends_on(bank, bank.service("web")[0])


def test_the_worker_is_healthy_while_its_heartbeat_is_young(bank: Templates) -> None:
    container = bank.container("work")
    option, file = container["Command"][2:]
    kind, *command = container["HealthCheck"]["Command"]
    assert (option, kind, command[:2]) == ("--heartbeat", "CMD", ["python", "-c"])
    assert f"'{file}'" in command[2]
    assert file.startswith("/tmp/")  # noqa: S108 - the rest of its file system is read-only
    compile(command[2], "health check", "exec")
    assert "HealthCheck" not in bank.container("seal")


def test_one_task_delivers_events_at_all_times(bank: Templates) -> None:
    """Checks that ECS starts the new task before the old task ends."""
    _, service = bank.service("work")
    assert service["DesiredCount"] == 1
    deployment = service["DeploymentConfiguration"]
    assert deployment["DeploymentCircuitBreaker"] == {"Enable": True, "Rollback": True}
    assert (deployment["MinimumHealthyPercent"], deployment["MaximumPercent"]) == (100, 200)
    task = bank.resources[service["TaskDefinition"]["Ref"]]["Properties"]
    assert task["Family"] == f"{bank.config.name}-work"
    container = bank.container("work")
    assert container["Essential"] is True
    assert container["Command"][:2] == ["work", "--webhooks"]
    # Longer than one attempt may take, so that a running delivery is not repeated.
    assert container["StopTimeout"] >= 60
    (log,) = [
        id for id, group in bank.of_type("AWS::Logs::LogGroup")
        if group["LogGroupName"] == f"/{bank.config.name}/commands"
    ]  # fmt: skip
    assert container["LogConfiguration"]["Options"]["awslogs-group"] == {"Ref": log}


def test_a_deployment_leaves_the_number_of_tasks_to_scaling(bank: Templates) -> None:
    """Checks that the template has no count, because each deployment would set this count again."""
    assert "DesiredCount" not in bank.service("web")[1]
    target = bank.one("AWS::ApplicationAutoScaling::ScalableTarget")
    assert (target["MinCapacity"], target["MaxCapacity"]) == bank.config.size.tasks


def test_a_task_is_ready_when_its_database_is(bank: Templates) -> None:
    group = bank.one("AWS::ElasticLoadBalancingV2::TargetGroup")
    assert group["HealthCheckPath"] == "/readyz"
    # A failover of RDS takes one to two minutes and must not replace tasks.
    assert group["HealthCheckIntervalSeconds"] * group["UnhealthyThresholdCount"] >= 150
    assert "/healthz" in text(bank.container("web")["HealthCheck"]["Command"])


# --- the handler ----------------------------------------------------------------------------------


@pytest.fixture
def handler(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Any, Stubber]]:
    """Yields handlers/run_task.py with a fake client of ECS. A test sets the answers of the
    client.
    """
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "of-nobody")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    from handlers import run_task

    client = boto3.client("ecs", region_name="eu-west-1")
    monkeypatch.setattr(run_task, "ecs", client)
    with Stubber(client) as stub:
        yield run_task, stub
        stub.assert_no_pending_responses()


def _event(kind: str, **more: Any) -> dict[str, Any]:
    return {"RequestType": kind, "RequestId": "request-1", "ResourceProperties": PROPERTIES, **more}


@pytest.mark.parametrize("kind", ["Create", "Update"])
def test_it_starts_the_task_without_a_public_address(
    handler: tuple[Any, Stubber], kind: str
) -> None:
    run_task, stub = handler
    expected = {
        "cluster": "arn:cluster", "taskDefinition": "arn:definition:7", "launchType": "FARGATE",
        "count": 1, "startedBy": "deployment", "clientToken": "request-1",
        "networkConfiguration": {"awsvpcConfiguration": {
            "subnets": ["subnet-1"], "securityGroups": ["sg-1"], "assignPublicIp": "DISABLED",
        }},
    }  # fmt: skip
    stub.add_response("run_task", {"tasks": [{"taskArn": TASK}], "failures": []}, expected)

    answer = run_task.on_event(_event(kind), None)

    assert answer == {"PhysicalResourceId": "migrate", "Data": {"Task": TASK}}


def test_a_task_that_cannot_start_fails_the_deployment(handler: tuple[Any, Stubber]) -> None:
    run_task, stub = handler
    failures = {"tasks": [], "failures": [{"reason": "RESOURCE:ENI"}]}
    stub.add_response("run_task", failures, dict.fromkeys(
        ["cluster", "taskDefinition", "launchType", "count", "startedBy", "clientToken",
         "networkConfiguration"], ANY))  # fmt: skip
    with pytest.raises(RuntimeError, match="ENI"):
        run_task.on_event(_event("Create"), None)


def test_nothing_runs_when_the_stack_goes(handler: tuple[Any, Stubber]) -> None:
    run_task, _stub = handler
    assert run_task.on_event(_event("Delete"), None) == {"PhysicalResourceId": "migrate"}
    assert run_task.is_complete(_event("Delete"), None) == {"IsComplete": True}


@pytest.mark.parametrize(
    ("task", "is_complete"),
    [
        ({"lastStatus": "PROVISIONING", "containers": []}, False),
        ({"lastStatus": "RUNNING", "containers": [{}]}, False),
        ({"lastStatus": "STOPPED", "containers": [{"exitCode": 0}]}, True),
    ],
)
def test_it_waits_until_the_task_has_ended(
    handler: tuple[Any, Stubber], task: dict[str, Any], is_complete: bool
) -> None:
    run_task, stub = handler
    stub.add_response(
        "describe_tasks", {"tasks": [task]}, {"cluster": "arn:cluster", "tasks": [TASK]}
    )
    answer = run_task.is_complete(_event("Update", Data={"Task": TASK}), None)
    assert answer == {"IsComplete": is_complete}


@pytest.mark.parametrize(
    "containers", [[{"exitCode": 1}], [{}], [{"exitCode": 0}, {"exitCode": 137}]]
)
def test_a_task_that_failed_stops_the_rollout_and_names_its_log(
    handler: tuple[Any, Stubber], containers: list[dict[str, Any]]
) -> None:
    run_task, stub = handler
    found = {"tasks": [{"lastStatus": "STOPPED", "containers": containers}]}
    stub.add_response("describe_tasks", found, {"cluster": "arn:cluster", "tasks": [TASK]})
    with pytest.raises(RuntimeError, match=r"/ledger/commands.*0123456789abcdef"):
        run_task.is_complete(_event("Update", Data={"Task": TASK}), None)


def test_the_gate_runs_the_handler_that_is_tested() -> None:
    handlers = {each["Handler"] for _, each in templates("small").of_type("AWS::Lambda::Function")}
    assert {"run_task.on_event", "run_task.is_complete"} <= handlers

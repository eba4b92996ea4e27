"""Runs an ECS task once in each deployment. The deployment continues only if the task succeeds.

CloudFormation calls `on_event`, and then calls `is_complete` until the result is True. After an
exception, CloudFormation reverts all changes of the deployment.
"""

from typing import Any

import boto3

ecs = boto3.client("ecs")


def on_event(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Starts the task. Does nothing when the resource is deleted."""
    properties = event["ResourceProperties"]
    name = properties["Name"]
    if event["RequestType"] == "Delete":
        return {"PhysicalResourceId": name}
    answer = ecs.run_task(
        cluster=properties["Cluster"],
        taskDefinition=properties["TaskDefinition"],
        launchType="FARGATE",
        count=1,
        startedBy="deployment",
        clientToken=event["RequestId"],  # so a repeated call does not start a second task
        networkConfiguration={
            "awsvpcConfiguration": {
                "subnets": properties["Subnets"],
                "securityGroups": properties["SecurityGroups"],
                "assignPublicIp": "DISABLED",
            }
        },
    )
    if not answer["tasks"]:
        raise RuntimeError(f"The task {name} could not start: {answer['failures']}")
    return {"PhysicalResourceId": name, "Data": {"Task": answer["tasks"][0]["taskArn"]}}


def is_complete(event: dict[str, Any], _context: object) -> dict[str, bool]:
    """Returns whether the task has ended. Raises RuntimeError if the task ended with an error."""
    if event["RequestType"] == "Delete":
        return {"IsComplete": True}
    properties, arn = event["ResourceProperties"], event["Data"]["Task"]
    found = ecs.describe_tasks(cluster=properties["Cluster"], tasks=[arn])["tasks"]
    if not found or found[0]["lastStatus"] != "STOPPED":
        return {"IsComplete": False}
    codes = [container.get("exitCode") for container in found[0]["containers"]]
    if any(code != 0 for code in codes):
        raise RuntimeError(
            f"The task {properties['Name']} ended with {codes}:"
            f" {found[0].get('stoppedReason', '')}."
            f" Its log is {properties['Log']}, stream {arn.rpartition('/')[2]}."
        )
    return {"IsComplete": True}

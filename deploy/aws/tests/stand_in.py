"""A fake `aws` program for test_page.py. The real CLI checks the arguments but makes no call. This
program then answers like an account with the resources that the earlier calls have made.
"""

import json
import os
import re
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

ARGUMENTS = sys.argv[1:]
STATE = Path(os.environ["STATE"])
AURORA, FIRST = os.environ["KIND"] == "aurora", os.environ["FIRST_BANK"]
SECRET = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:"
AT_FIRST = {
    "instances": [f"{FIRST}-db-a", f"{FIRST}-db-b"] if AURORA else [f"{FIRST}-db"],
    "clusters": [f"{FIRST}-db"] if AURORA else [],
    "snapshots": [],
    "cluster-snapshots": [],
    "tasks": [],
    "values": {f"{SECRET}{FIRST}SecretKey-GhIjKl": os.environ["FIRST_SECRET_KEY"]},
}
# Options whose value must be an existing resource, and the commands that make the resource.
KIND_OF = {
    "db-instance-identifier": "instances", "source-db-instance-identifier": "instances",
    "db-cluster-identifier": "clusters", "source-db-cluster-identifier": "clusters",
    "db-snapshot-identifier": "snapshots", "db-cluster-snapshot-identifier": "cluster-snapshots",
    "source-db-snapshot-identifier": "snapshots",
    "source-db-cluster-snapshot-identifier": "cluster-snapshots",
}  # fmt: skip
MAKES = {
    "restore-db-instance-to-point-in-time": ("target-db-instance-identifier", "instances"),
    "restore-db-cluster-to-point-in-time": ("db-cluster-identifier", "clusters"),
    "create-db-instance": ("db-instance-identifier", "instances"),
    "create-db-snapshot": ("db-snapshot-identifier", "snapshots"),
    "create-db-cluster-snapshot": ("db-cluster-snapshot-identifier", "cluster-snapshots"),
    "copy-db-snapshot": ("target-db-snapshot-identifier", "snapshots"),
    "copy-db-cluster-snapshot": ("target-db-cluster-snapshot-identifier", "cluster-snapshots"),
}
NAMED = dict(pairwise(ARGUMENTS))
COMMAND = next(word for word in ARGUMENTS[1:] if not word.startswith("-"))
TYPED = sys.stdin.read() if "file:///dev/stdin" in ARGUMENTS else None


def checked_by_the_cli() -> None:
    """Ends this program if the CLI rejects the arguments."""
    done = subprocess.run(
        [os.environ["REAL"], "--endpoint-url", "http://127.0.0.1:9", *ARGUMENTS],
        env=os.environ | {"AWS_DEFAULT_REGION": os.environ["AWS_REGION"]},
        input=TYPED, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if "Could not connect to the endpoint" not in done.stdout + done.stderr:
        sys.exit(done.stdout + done.stderr or "the CLI did not call AWS")


def looked_up(there: dict[str, Any]) -> None:
    """Ends this program if an argument names a server, snapshot or secret that does not exist."""
    made, kind = MAKES.get(COMMAND, ("", ""))
    for option, of in KIND_OF.items():
        name = NAMED.get(f"--{option}")
        if name and option != made and name not in there[of]:
            sys.exit(f"{COMMAND}: there are no {of} {name}")
    if COMMAND == "create-db-snapshot" and AURORA:
        sys.exit("create-db-snapshot: the instance is of a cluster of Aurora")
    if made:
        there[kind].append(NAMED[f"--{made}"])
    if COMMAND == "run-task":
        place = f"eu-west-1:123456789012:task/{NAMED['--cluster']}"
        there["tasks"].append(f"arn:aws:ecs:{place}/task{len(there['tasks']) + 1}")
    if COMMAND in ("create-secret", "put-secret-value"):
        there["values"][NAMED.get("--name") or NAMED["--secret-id"]] = TYPED
    elif "--secret-id" in NAMED and NAMED["--secret-id"] not in there["values"]:
        sys.exit(f"{COMMAND}: there is no secret {NAMED['--secret-id']}")


def answer(there: dict[str, Any]) -> str:
    query = NAMED.get("--query", "")
    bank = NAMED.get("--stack-name", "").rpartition("-")[0]
    answers = {
        r"taskArn": there["tasks"][-1] if there["tasks"] else "",
        r"managedAgents": "RUNNING",
        r"lastStatus": "STOPPED",
        r"exitCode": "0\tNone",
        r"DbClusterResourceId": "cluster-LEDGERPROOF",
        r"DbiResourceId": "db-LEDGERPROOF",
        r"DBClusters.*Endpoint": "proof.cluster.example.com",
        r"DBInstances.*Endpoint": "proof.example.com",
        r"SecretKeyArn": f"{SECRET}{bank}SecretKey-GhIjKl",
        r"^ARN$": f"{SECRET}{NAMED.get('--secret-id')}-AbCdEf",
        r"SecretString": there["values"].get(NAMED.get("--secret-id")),
        r"taskRoleArn": f"arn:aws:iam::123456789012:role/{NAMED.get('--task-definition')}-Role",
    }
    return next((text for pattern, text in answers.items() if re.search(pattern, query)), "made-up")


def main() -> None:
    with Path(os.environ["CALLS"]).open("a") as calls:
        calls.write(" ".join(["aws", *ARGUMENTS]).replace("\n", " ") + "\n")
    checked_by_the_cli()
    there = json.loads(STATE.read_text()) if STATE.exists() else AT_FIRST
    looked_up(there)
    STATE.write_text(json.dumps(there))
    print(answer(there))


main()

"""What stands in for `aws` when the page is walked through (test_page.py). The CLI itself checks
the arguments, up to the call; then this answers as an account that has what was made so far.
"""

import json
import os
import re
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

ARGUMENTS = sys.argv[1:]
STATE = Path(os.environ["STATE"])
AURORA = os.environ["KIND"] == "aurora"
AT_FIRST = {
    "instances": ["ledger-db-a", "ledger-db-b"] if AURORA else ["ledger-db", "ledger-replica"],
    "clusters": ["ledger-db"] if AURORA else [],
    "snapshots": [],
    "cluster-snapshots": [],
    "tasks": [],
}
# Options that name something that has to be there, and commands that make it.
KIND_OF = {
    "db-instance-identifier": "instances", "source-db-instance-identifier": "instances",
    "db-cluster-identifier": "clusters", "source-db-cluster-identifier": "clusters",
    "db-snapshot-identifier": "snapshots", "db-cluster-snapshot-identifier": "cluster-snapshots",
}  # fmt: skip
MAKES = {
    "restore-db-instance-to-point-in-time": ("target-db-instance-identifier", "instances"),
    "restore-db-cluster-to-point-in-time": ("db-cluster-identifier", "clusters"),
    "create-db-instance": ("db-instance-identifier", "instances"),
    "create-db-snapshot": ("db-snapshot-identifier", "snapshots"),
    "create-db-cluster-snapshot": ("db-cluster-snapshot-identifier", "cluster-snapshots"),
}
ACCOUNT = "eu-west-1:123456789012"


def checked_by_the_cli() -> None:
    """Ends this program if the CLI does not take the arguments."""
    done = subprocess.run(
        [os.environ["REAL"], "--endpoint-url", "http://127.0.0.1:9", *ARGUMENTS],
        env=os.environ | {"AWS_DEFAULT_REGION": os.environ["AWS_REGION"]},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if "Could not connect to the endpoint" not in done.stdout + done.stderr:
        sys.exit(done.stdout + done.stderr or "the CLI called nobody")


def looked_up(there: dict[str, list[str]]) -> None:
    """Ends this program if an argument names a server or snapshot that is not there."""
    command = next(word for word in ARGUMENTS[1:] if not word.startswith("-"))
    named = dict(pairwise(ARGUMENTS))
    made, kind = MAKES.get(command, ("", ""))
    for option, of in KIND_OF.items():
        name = named.get(f"--{option}")
        if name and option != made and name not in there[of]:
            sys.exit(f"{command}: there are no {of} {name}")
    if command == "create-db-snapshot" and AURORA:
        sys.exit("create-db-snapshot: the instance is of a cluster of Aurora")
    if made:
        there[kind].append(named[f"--{made}"])
    if command == "run-task":
        there["tasks"].append(f"arn:aws:ecs:{ACCOUNT}:task/ledger/task{len(there['tasks']) + 1}")


def answer(there: dict[str, list[str]]) -> str:
    query = dict(pairwise(ARGUMENTS)).get("--query", "")
    answers = {
        r"taskArn": there["tasks"][-1] if there["tasks"] else "",
        r"managedAgents": "RUNNING",
        r"lastStatus": "STOPPED",
        r"exitCode": "0\tNone",
        r"DbClusterResourceId": "cluster-LEDGERPROOF",
        r"DbiResourceId": "db-LEDGERPROOF",
        r"DBClusters.*Endpoint": "ledger-proof.cluster.example.com",
        r"DBInstances.*Endpoint": "ledger-proof.example.com",
        r"SecretKeyArn": f"arn:aws:secretsmanager:{ACCOUNT}:secret:LedgerSecretKey-GhIjKl",
        r"^ARN$": f"arn:aws:secretsmanager:{ACCOUNT}:secret:ledger/mail-AbCdEf",
        r"taskRoleArn": "arn:aws:iam::123456789012:role/ledger-bank-AuditRole",
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

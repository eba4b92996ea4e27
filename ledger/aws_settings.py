"""Logins that AWS gives out: IAM tokens, and secrets that rotate (docs/databases.md)."""

import os
import re
from importlib.util import find_spec
from typing import Any

from ledger import env

REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-[0-9]", re.ASCII)
ARN = re.compile(r"arn:[a-z-]+:secretsmanager:([a-z0-9-]+):.+", re.ASCII)
INSTALL = "it needs boto3: pip install 'ledger[aws]'"
ENCRYPTED = ("require", "verify-ca", "verify-full")
# With a login for each host, the hosts are tried one by one here, not by libpq.
OWN_ORDER = {"load_balance_hosts": ("random",), "target_session_attrs": ("prefer-standby",)}


def credentials(found: dict[str, Any], *, is_local: bool) -> dict[str, Any]:
    """LEDGER_CREDENTIALS for a database with these settings; empty where a password is given."""
    region, secret = env.text("DB_IAM_REGION"), env.text("DB_SECRET_ID")
    if not region and not secret:
        if env.text("DB_SECRET_REGION"):
            env.refuse("DB_SECRET_REGION", "it needs DB_SECRET_ID, the name of the secret")
        return {}
    name = "DB_IAM_REGION" if region else "DB_SECRET_ID"
    if region and secret:
        env.refuse(name, "it is IAM or a secret: leave DB_IAM_REGION or DB_SECRET_ID out")
    if not found:
        env.refuse(name, "the embedded server needs no login; name a server by DATABASE_URL")
    if found.get("PASSWORD"):
        env.refuse(name, "AWS gives out the password, so leave it out of the settings")
    _check_order(name, found)
    if find_spec("boto3") is None:
        env.refuse(name, INSTALL)
    if secret:
        _check_secret(found)
        return {"LEDGER_CREDENTIALS": {"secret": secret, "region": _region_of(secret)}}
    _check_iam(region, found, is_local=is_local)
    return {"LEDGER_CREDENTIALS": {"region": region}}


def _check_order(name: str, found: dict[str, Any]) -> None:
    options = found.get("OPTIONS", {})
    for option, values in OWN_ORDER.items():
        if "," in found["HOST"] and options.get(option) in values:
            env.refuse(name, f"hosts are tried in their order, so {option} cannot be {values[0]}")


def _check_secret(found: dict[str, Any]) -> None:
    if found.get("USER"):
        env.refuse("DB_SECRET_ID", "the secret names the user, so leave it out of the settings")


def _region_of(secret: str) -> str:
    named = ARN.fullmatch(secret)
    region = env.text("DB_SECRET_REGION") or (named[1] if named else "")
    region = region or os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION", "")
    if not REGION.fullmatch(region):
        env.refuse("DB_SECRET_REGION", f"{region!r} is not a region of AWS, such as eu-west-1")
    return region


def _check_iam(region: str, found: dict[str, Any], *, is_local: bool) -> None:
    if not REGION.fullmatch(region):
        env.refuse("DB_IAM_REGION", f"{region!r} is not a region of AWS, such as eu-west-1")
    if not found.get("USER"):
        env.refuse("DB_IAM_REGION", "a token is for a user, and the settings name none")
    if not found["HOST"]:
        env.refuse("DB_IAM_REGION", "a token is for a host, and the settings name none")
    if found["OPTIONS"].get("sslmode") not in ENCRYPTED and not is_local:
        env.refuse(
            "DB_IAM_REGION",
            "who reads a token on the way can sign in by it for 15 minutes; write"
            " sslmode=verify-full and sslrootcert=FILE",
        )

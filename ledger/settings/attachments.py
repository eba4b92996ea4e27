"""Settings that select where attachments are stored: in the database or in an S3 bucket
(docs/attachments.md).
"""

import re
from importlib.util import find_spec
from typing import Any

from ledger import env

BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", re.ASCII)
NAMES = ("LEDGER_ATTACHMENTS_BUCKET", "LEDGER_ATTACHMENTS_REGION", "LEDGER_ATTACHMENTS_ENDPOINT")


def storage() -> dict[str, dict[str, Any]]:
    """Returns the STORAGES entry for attachments in S3, or an empty dict for attachments in the
    database.
    """
    if env.choice("LEDGER_ATTACHMENTS", "database", ["database", "s3"]) == "database":
        for name in NAMES:
            if env.text(name):
                env.refuse(name, "it is for S3, and LEDGER_ATTACHMENTS=s3 is not set")
        return {}
    for package in ("storages", "boto3"):
        if find_spec(package) is None:
            env.refuse(
                "LEDGER_ATTACHMENTS",
                "it needs packages of the extra aws: make install-extras, or pip install .[aws]",
            )
    bucket = env.text("LEDGER_ATTACHMENTS_BUCKET")
    if not BUCKET.fullmatch(bucket):
        env.refuse("LEDGER_ATTACHMENTS_BUCKET", "it names no bucket, such as bank-attachments")
    endpoint = env.text("LEDGER_ATTACHMENTS_ENDPOINT")
    if endpoint and not env.ADDRESS.fullmatch(endpoint):
        env.refuse("LEDGER_ATTACHMENTS_ENDPOINT", "it is no address, such as https://s3.example")
    if endpoint.startswith("http:") and env.is_public(endpoint):
        env.refuse("LEDGER_ATTACHMENTS_ENDPOINT", "others could read what is sent; take https://")
    options: dict[str, Any] = {
        "bucket_name": bucket,
        "region_name": env.text("LEDGER_ATTACHMENTS_REGION") or None,
        "endpoint_url": endpoint or None,
        "default_acl": None,
        "file_overwrite": True,  # the names of files are ids
        "client_config": _client(),
    }
    return {"attachments": {"BACKEND": "storages.backends.s3.S3Storage", "OPTIONS": options}}


def _client() -> Any:
    """Returns the configuration of the S3 client. The timeouts are short, because a user is
    waiting.
    """
    from botocore.config import Config

    attempts = {"total_max_attempts": 2, "mode": "standard"}
    return Config(signature_version="s3v4", connect_timeout=3, read_timeout=10, retries=attempts)

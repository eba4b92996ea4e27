"""Reads the files of tables."""

import csv
import json
from io import StringIO
from typing import Any

from django.test import Client


def body_of(client: Client, url: str, data: dict[str, str] | None = None) -> str:
    """The whole file; the answer must be one."""
    answer: Any = client.get(url, data or {})
    assert answer.status_code == 200, answer.content
    assert answer.streaming
    return b"".join(answer.streaming_content).decode()


def csv_of(client: Client, url: str, **data: str) -> list[dict[str, str]]:
    """The rows of a CSV file."""
    return list(csv.DictReader(StringIO(body_of(client, url, data), newline="")))


def json_of(client: Client, url: str, **data: str) -> list[dict[str, Any]]:
    """The rows of a JSON file."""
    found: list[dict[str, Any]] = json.loads(body_of(client, url, data))
    return found

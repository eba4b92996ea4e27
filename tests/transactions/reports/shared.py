"""What several tests of this folder share."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

from django.test import Client

NOVEMBER = {"since": "2025-11-01", "until": "2025-11-30"}


def get(client: Client, slug: str, **asked: str) -> Any:
    response = client.get(f"/reports/{slug}/", {**NOVEMBER, **asked})
    assert response.status_code == 200
    return response


def searches(response: Any) -> list[str]:
    """What the table's links search for, in order."""
    cells = [cell for row in response.context["run"].table for cell in row]
    return [parse_qs(urlsplit(cell.url).query)["q"][0] for cell in cells if cell.url]

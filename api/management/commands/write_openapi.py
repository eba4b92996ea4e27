"""Writes the schema of the API into a file."""

import json
from typing import Any

from django.core.management.base import BaseCommand
from drf_spectacular.generators import SchemaGenerator

from api.pages import SCHEMA


def schema() -> dict[str, Any]:
    """Returns the schema, which is generated from the code."""
    generator: Any = SchemaGenerator()  # type: ignore[no-untyped-call]
    found: dict[str, Any] = generator.get_schema(request=None, public=True)
    return found


def as_json(schema: dict[str, Any]) -> str:
    """Returns a schema as the text of the file."""
    return json.dumps(schema, indent=1, ensure_ascii=False) + "\n"


class Command(BaseCommand):
    """The command `manage.py write_openapi`."""

    help = "Writes api/openapi.json from the code; a test compares the two."

    def handle(self, *args: Any, **options: Any) -> None:
        """Writes the schema into the file."""
        SCHEMA.write_text(as_json(schema()))
        self.stdout.write(f"Written: {SCHEMA}.")

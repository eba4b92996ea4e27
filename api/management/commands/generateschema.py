"""Replaces REST framework's command `generateschema`. Prints the same schema as `write_openapi`."""

from pathlib import Path
from typing import Any

from django.core.management.base import CommandError
from drf_spectacular.renderers import OpenApiYamlRenderer
from rest_framework.management.commands.generateschema import Command as GenerateSchema

from api.management.commands.write_openapi import as_json, schema
from ledger.env import ADDRESS

NOT_HERE = ("urlconf", "generator_class")
OF_INFO = {"title": "title", "description": "description", "api_version": "version"}


class Command(GenerateSchema):
    help = (
        "Prints the OpenAPI schema of the API as YAML, or with --format openapi-json as the JSON"
        " that write_openapi writes."
    )

    def handle(self, *_arguments: Any, **options: Any) -> None:
        """Prints the schema, or writes it into the file `--file`."""
        for name in NOT_HERE:
            if options[name]:
                raise CommandError(f"--{name} is not supported: the API has one schema.")
        found = schema()
        found["info"] |= {key: options[name] for name, key in OF_INFO.items() if options[name]}
        if url := options["url"]:
            found["servers"] = [{"url": site_of(url)}]
        text = as_json(found) if options["format"] == "openapi-json" else as_yaml(found)
        if not options["file"]:
            self.stdout.write(text)
            return
        try:
            Path(options["file"]).write_text(text, encoding="utf-8")
        except OSError as error:
            raise CommandError(f"{options['file']} cannot be written: {error.strerror}.") from error


def site_of(url: str) -> str:
    """Returns the URL without a slash at the end.

    Raises: CommandError if the URL has a path.
    """
    site = url.rstrip("/")
    if not ADDRESS.fullmatch(site):
        raise CommandError(
            f"--url {url} is not the address of a site without a path, such as"
            " https://bank.example: the schema has the paths."
        )
    return site


def as_yaml(schema: dict[str, Any]) -> str:
    renderer: Any = OpenApiYamlRenderer()
    return str(renderer.render(schema, renderer_context={}), "utf-8")

"""Defines the flavours of a bank whose templates are tested: a flavour is a set of options of the
deployment. The templates of each flavour are made only once in a test run.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from app import FLAGS
from aws_cdk import App
from ledger_aws.config import Config, read
from ledger_aws.stacks import build

ROOT = Path(__file__).resolve().parents[3]
ACCOUNT, REGION = "123456789012", "eu-west-1"
GIVEN = {
    "account": ACCOUNT,
    "region": REGION,
    "domain": "bank.example.com",
    "zone_id": "Z0123456789ABC",
    "zone_name": "example.com",
    "image_tag": "3f2c1ab",
    "mail_secret": f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:ledger/mail-AbCdEf",
    "alarm_email": "operations@example.com",
}
OIDC_SECRET = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:ledger/oidc-JkLmNo"
FLAVOURS = {
    "small": {},
    "large": {"size": "large"},
    "attachments in S3": {"attachments": "s3"},
    "large without a proxy": {"size": "large", "proxy": "false"},
    "aurora": {"size": "large", "database": "aurora"},
    "aurora without a proxy": {"database": "aurora", "proxy": "false"},
    "restored": {"name": "restored", "snapshot": "before-the-import"},
    "aurora restored": {
        "name": "restored", "database": "aurora", "snapshot": "before-the-import",
    },
}  # fmt: skip
# Flavours that only some tests use.
MORE = {
    "with a provider": {
        "OIDC_ISSUER": "https://login.example.com", "OIDC_CLIENT_ID": "ledger",
        "OIDC_CLIENT_SECRET": OIDC_SECRET,
    },
    "restored large": {
        "name": "restored", "size": "large", "snapshot": "before-the-import",
    },
}  # fmt: skip

Properties = dict[str, Any]


@dataclass(frozen=True)
class Templates:
    """The templates of a bank."""

    name: str
    config: Config
    folder: Path
    data: dict[str, Any]
    bank: dict[str, Any]
    keys: dict[str, Any] | None = None  # of a restored bank

    @property
    def all(self) -> list[dict[str, Any]]:
        return [each for each in (self.keys, self.data, self.bank) if each]

    @property
    def resources(self) -> dict[str, dict[str, Any]]:
        found = {id: each for template in self.all for id, each in template["Resources"].items()}
        assert len(found) == sum(len(template["Resources"]) for template in self.all)
        return found

    def of_type(self, *types: str) -> Iterator[tuple[str, Properties]]:
        """Yields the logical ids and properties of all resources of these types."""
        for id, resource in self.resources.items():
            if resource["Type"] in types:
                yield id, resource.get("Properties", {})

    def one(self, kind: str) -> Properties:
        ((_, properties),) = self.of_type(kind)
        return properties

    def service(self, name: str) -> tuple[str, Properties]:
        """Returns the logical id and properties of the service with this name."""
        (found,) = [
            (id, service) for id, service in self.of_type("AWS::ECS::Service")
            if service["ServiceName"] == name
        ]  # fmt: skip
        return found

    def task(self, name: str) -> Properties:
        """Returns the task definition with this name."""
        family = f"{self.config.name}-{name}"
        (found,) = [
            task for _, task in self.of_type("AWS::ECS::TaskDefinition") if task["Family"] == family
        ]
        return found

    def container(self, task: str, name: str = "app") -> Properties:
        (found,) = [
            container
            for container in self.task(task)["ContainerDefinitions"]
            if container["Name"] == name
        ]
        return dict(found)

    def statements(self, role: str) -> list[dict[str, Any]]:
        """Returns the policy statements of a role, by the role's logical id."""
        return [
            statement
            for _, policy in self.of_type("AWS::IAM::Policy")
            if {"Ref": role} in policy["Roles"]
            for statement in policy["PolicyDocument"]["Statement"]
        ]

    def role_of(self, task: str, kind: str = "TaskRoleArn") -> str:
        """Returns the logical id of a task's role."""
        id: str = self.task(task)[kind]["Fn::GetAtt"][0]
        return id


@cache
def templates(flavour: str) -> Templates:
    """Returns the templates of a flavour in FLAVOURS or MORE."""
    config = read({**GIVEN, **{**FLAVOURS, **MORE}[flavour]})
    app = App(context=FLAGS)
    build(app, config)
    folder = Path(app.synth().directory)
    names = ["Data", "Bank", *["Keys"] * bool(config.snapshot)]
    made = [json.loads((folder / f"{name}.template.json").read_text()) for name in names]
    return Templates(flavour, config, folder, *made)


def text(value: Any) -> str:
    """Returns a value of a template as one text, for comparing and searching."""
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True)

"""The configuration of a bank on AWS, read from the context of CDK (`-c name=value`)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

# Prefixes of context keys that CDK adds.
OWN = ("aws:", "@aws-cdk/", "aws-cdk:", "cdk-migrate", "availability-zones:")
# The name of a load balancer contains this name, and has at most 32 letters.
NAME = re.compile(r"[a-z][a-z0-9-]{1,18}", re.ASCII)
REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-[0-9]", re.ASCII)
ACCOUNT = re.compile(r"[0-9]{12}", re.ASCII)
DOMAIN = re.compile(r"([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,}", re.ASCII)
ZONE = re.compile(r"Z[A-Z0-9]{5,31}", re.ASCII)
TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}", re.ASCII)
SECRET = re.compile(r"arn:[a-z-]+:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:\S+-[A-Za-z0-9]{6}")
MAIL = re.compile(r"[^\s@<>]+@[^\s@<>]+", re.ASCII)
ANY = re.compile(r".*")


class WrongContext(Exception):
    """A value of the context is missing or wrong. The message names the value and the reason."""


@dataclass(frozen=True)
class BankSize:
    """The resources of a bank of one size."""

    instance: str  # the instance type of RDS, without "db."
    aurora_instance: str  # of Aurora, whose smallest instances are larger
    is_multi_az: bool
    has_replica: bool  # RDS: a read replica; Aurora: a reader, which can take over
    storage: int  # GiB, initial and maximum
    most_storage: int
    backup_days: int
    insights: str  # the mode of Database Insights: a key of INSIGHTS
    gateways: int  # NAT gateways, which connect the tasks to the Internet
    tasks: tuple[int, int]  # web tasks, minimum and maximum
    task: tuple[int, int]  # CPU units (1024 are one processor) and MiB of a web task
    cache: str
    caches: int


SIZES = {
    "small": BankSize(
        instance="t4g.medium", aurora_instance="t4g.medium", is_multi_az=False, has_replica=False,
        storage=20, most_storage=100, backup_days=7, insights="standard", gateways=1, tasks=(1, 2),
        task=(512, 1024), cache="t4g.micro", caches=1,
    ),
    "large": BankSize(
        instance="m7g.large", aurora_instance="r7g.large", is_multi_az=True, has_replica=True,
        storage=100, most_storage=1000, backup_days=35, insights="advanced", gateways=2,
        tasks=(2, 6), task=(1024, 2048), cache="t4g.small", caches=2,
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Config:
    """The configuration of one bank. Values without a default depend on the AWS account."""

    account: str
    region: str
    domain: str  # host name of the site
    zone_id: str  # the id of the zone in Route 53
    zone_name: str
    image_tag: str
    mail_secret: str  # ARN of the secret that contains EMAIL_URL
    alarm_email: str
    name: str = "ledger"
    repository: str = "ledger"  # the repository of images in ECR
    size_name: str = "small"
    database: str = "rds"
    proxy: bool = True
    attachments: str = "database"  # "database" or "s3"
    mail_from: str = ""
    time_zone: str = "UTC"
    zones: tuple[str, ...] = ("a", "b")
    snapshot: str = ""  # the snapshot that the database starts from
    ledger_settings: Mapping[str, str] = field(default_factory=dict)
    secret_settings: Mapping[str, str] = field(default_factory=dict)  # ARNs of secrets, by setting

    @property
    def size(self) -> BankSize:
        return SIZES[self.size_name]

    @property
    def is_aurora(self) -> bool:
        return self.database == "aurora"

    @property
    def availability_zones(self) -> list[str]:
        return [f"{self.region}{letter}" for letter in self.zones]

    @property
    def sender(self) -> str:
        return self.mail_from or f"ledger@{self.domain}"


PATTERNS = {
    "account": (ACCOUNT, "the twelve digits of an account"),
    "region": (REGION, "a region such as eu-west-1"),
    "domain": (DOMAIN, "a host name such as bank.example"),
    "zone_id": (ZONE, "the id of a hosted zone of Route 53, such as Z0123456789ABC"),
    "zone_name": (DOMAIN, "the name of that zone, such as example.com"),
    "image_tag": (TAG, "the tag of an image, such as a commit"),
    "mail_secret": (SECRET, "the whole ARN of a secret, with its six random letters"),
    "alarm_email": (MAIL, "an address of mail"),
    "name": (NAME, "2 to 19 small letters, digits and hyphens"),
    "repository": (ANY, ""),
    "size": (re.compile("|".join(SIZES)), " or ".join(SIZES)),
    "database": (re.compile("rds|aurora"), "rds or aurora"),
    "proxy": (re.compile("true|false"), "true or false"),
    "attachments": (re.compile("database|s3"), "database or s3"),
    "mail_from": (MAIL, "an address of mail"),
    "time_zone": (re.compile(r"[A-Za-z_]+(/[A-Za-z_]+)*"), "a time zone such as Europe/Dublin"),
    "zones": (re.compile("[a-z](,[a-z])+"), "two letters or more, such as a,b"),
    "snapshot": (ANY, ""),
}
REQUIRED = (
    "account", "region", "domain", "zone_id", "zone_name", "image_tag", "mail_secret",
    "alarm_email",
)  # fmt: skip
RENAMED = {"size": "size_name"}
SETTING = re.compile(r"(LEDGER|OIDC|COGNITO|OTEL)_[A-Z_]+")
# Secret settings, whose values would otherwise be in templates and task definitions, which many
# people may read.
SECRET_SETTINGS = (
    "OIDC_CLIENT_SECRET", "COGNITO_CLIENT_SECRET", "OTEL_EXPORTER_OTLP_HEADERS",
)  # fmt: skip
NOT_WANTED = {
    "LEDGER_METRICS_TOKEN": "the stack generates it as a secret",
    "LEDGER_EXPLORER_PASSWORD": "the role of the explorer signs in with tokens of IAM",
    "LEDGER_ATTACHMENTS": "use -c attachments=s3, which makes a bucket",
    "LEDGER_ATTACHMENTS_BUCKET": "use -c attachments=s3, which makes one",
    "LEDGER_ATTACHMENTS_REGION": "the region is the bank's region",
    "LEDGER_ATTACHMENTS_ENDPOINT": "the endpoint is S3",
}
OF_PROVIDER = re.compile(r"(OIDC|COGNITO)_[A-Z_]+")


def read(context: Mapping[str, Any]) -> Config:
    """Returns the configuration in the context.

    Raises: WrongContext.
    """
    found = {key: str(value) for key, value in context.items() if not key.startswith(OWN)}
    settings = {key: found.pop(key) for key in list(found) if SETTING.fullmatch(key)}
    secrets = {key: settings.pop(key) for key in SECRET_SETTINGS if key in settings}
    _check_secrets(settings, secrets)
    for key, value in found.items():
        if key not in PATTERNS:
            raise WrongContext(f"-c {key}=... is not known. Known names: {', '.join(PATTERNS)}")
        pattern, wanted = PATTERNS[key]
        if not pattern.fullmatch(value):
            raise WrongContext(f"-c {key}={value} is not {wanted}")
    if missing := [key for key in REQUIRED if key not in found]:
        raise WrongContext(f"missing: {' '.join(f'-c {key}=...' for key in missing)}")
    _check_together(found)
    values: dict[str, Any] = {RENAMED.get(key, key): value for key, value in found.items()}
    if "proxy" in values:
        values["proxy"] = values["proxy"] == "true"
    if "zones" in values:
        values["zones"] = tuple(values["zones"].split(","))
    return Config(**values, ledger_settings=settings, secret_settings=secrets)


def _check_secrets(settings: Mapping[str, str], secrets: Mapping[str, str]) -> None:
    """Checks the names and the ARNs of secrets.

    Raises: WrongContext. The message does not contain the wrong value, because the value may be a
    secret and CI stores messages in its logs.
    """
    for name, why in NOT_WANTED.items():
        if name in settings:
            raise WrongContext(f"-c {name}=... cannot be set: {why}")
    for name, arn in secrets.items():
        if not SECRET.fullmatch(arn):
            raise WrongContext(
                f"-c {name}=... must be the whole ARN of a secret in Secrets Manager, because a"
                " plain value would be readable in the templates"
            )


def _check_together(found: Mapping[str, str]) -> None:
    domain, zone = found["domain"], found["zone_name"]
    if domain != zone and not domain.endswith(f".{zone}"):
        raise WrongContext(f"-c domain={domain} is not in the zone {zone}")

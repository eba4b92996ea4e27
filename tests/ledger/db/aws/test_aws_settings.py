"""The settings of AWS: what they make of a database, and which mixes stop the start."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from pkgutil import iter_modules
from typing import Any
from urllib.parse import parse_qsl

import pytest

from ledger.env import BASE_DIR
from ledger.settings import aws
from tests.ledger.processes import environment
from tests.optional import optional

DRIVER = "aws-advanced-python-wrapper"
HOST = "bank.cluster-1.eu-west-1.rds.amazonaws.com"
SAFE = f"postgresql://me@{HOST}/books?sslmode=require"
OF_SECRET = f"postgresql://{HOST}/books?sslmode=require"
ARN = "arn:aws:secretsmanager:eu-north-1:123456789012:secret:bank/teller-a1b2c3"


def test_tokens_of_iam_replace_the_password(default: Callable[..., dict[str, Any]]) -> None:
    found = default(DATABASE_URL=SAFE, DB_IAM_REGION="eu-west-1")

    assert found["LEDGER_CREDENTIALS"] == {"region": "eu-west-1"}
    assert (found["USER"], found["PASSWORD"]) == ("me", "")


@pytest.mark.parametrize(
    ("given", "region"),
    [
        ({"DB_SECRET_ID": "bank/teller", "DB_SECRET_REGION": "eu-west-1"}, "eu-west-1"),
        ({"DB_SECRET_ID": ARN}, "eu-north-1"),
        ({"DB_SECRET_ID": ARN, "DB_SECRET_REGION": "eu-west-1"}, "eu-west-1"),
        ({"DB_SECRET_ID": "bank/teller", "AWS_REGION": "ap-south-1"}, "ap-south-1"),
    ],
)
def test_a_secret_is_read_in_its_region(
    given: dict[str, str], region: str, default: Callable[..., dict[str, Any]]
) -> None:
    found = default(DATABASE_URL=OF_SECRET, **given)

    assert found["LEDGER_CREDENTIALS"] == {"secret": given["DB_SECRET_ID"], "region": region}


def test_the_driver_of_aws_is_an_engine_of_its_own(default: Callable[..., dict[str, Any]]) -> None:
    found = default(
        DATABASE_URL=SAFE,
        DB_DRIVER="aws",
        DB_AWS_PLUGINS="failover_v2, bg",
        DB_AWS_OPTIONS="failover_timeout_sec=7&bg_id=2",
    )

    assert found["ENGINE"] == "ledger.db.aws"
    assert found["LEDGER_DRIVER"] == {
        "plugins": "failover_v2,bg",
        "enable_connect_failover": True,
        "failover_timeout_sec": "7",
        "open_connection_retry_timeout_ms": 2_000,
        "bg_id": "2",
    }


def test_without_it_the_engine_is_ours(default: Callable[..., dict[str, Any]]) -> None:
    found = default(DATABASE_URL=SAFE)
    assert found["ENGINE"] == "ledger.db.backend"
    assert "LEDGER_DRIVER" not in found


@pytest.mark.parametrize(
    ("url", "login", "plugin", "option"),
    [
        (SAFE, {"DB_IAM_REGION": "eu-west-1"}, "iam", "iam_region"),
        (OF_SECRET, {"DB_SECRET_ID": ARN}, "aws_secrets_manager", "secrets_manager_secret_id"),
    ],
)
def test_the_driver_signs_in_by_its_own_plugin(
    url: str,
    login: dict[str, str],
    plugin: str,
    option: str,
    default: Callable[..., dict[str, Any]],
) -> None:
    found = default(DATABASE_URL=url, DB_DRIVER="aws", **login)["LEDGER_DRIVER"]

    assert found["plugins"].split(",")[-1] == plugin
    assert found[option] in login.values()


def test_a_password_is_nobody_of_aws(default: Callable[..., dict[str, Any]]) -> None:
    assert "LEDGER_CREDENTIALS" not in default(
        DATABASE_URL="postgresql://me:secret@localhost/books"
    )


IAM, SECRET = {"DB_IAM_REGION": "eu-west-1"}, {"DB_SECRET_ID": ARN}
WRONG = {
    "both": ("DB_IAM_REGION", "or DB_SECRET_ID", {"DATABASE_URL": SAFE, **IAM, **SECRET}),
    "no server": ("DB_IAM_REGION", "embedded", IAM),
    "a secret, no server": ("DB_SECRET_ID", "embedded", SECRET),
    "a password too": (
        "DB_IAM_REGION", "out of DATABASE_URL",
        {"DATABASE_URL": SAFE.replace("me@", "me:secret@"), **IAM},
    ),
    "a password in parts": (
        "DB_IAM_REGION", "out of DB_PASSWORD",
        {"DB_NAME": "books", "DB_USER": "me", "DB_PASSWORD": "secret@", **IAM},
    ),
    "a password beside a secret": (
        "DB_SECRET_ID", "password", {"DATABASE_URL": SAFE.replace("me@", ":secret@"), **SECRET},
    ),
    "a user beside a secret": ("DB_SECRET_ID", "user", {"DATABASE_URL": SAFE, **SECRET}),
    "no user": ("DB_IAM_REGION", "user", {"DATABASE_URL": OF_SECRET, **IAM}),
    "no host": ("DB_IAM_REGION", "host", {"DATABASE_URL": "postgresql://me@/books", **IAM}),
    "plain text": (
        "DB_IAM_REGION", "verify-full",
        {"DATABASE_URL": f"postgresql://me@{HOST}/books", "DB_PLAINTEXT": "True", **IAM},
    ),
    "no region": (
        "DB_IAM_REGION", "'Ireland'", {"DATABASE_URL": SAFE, "DB_IAM_REGION": "Ireland"},
    ),
    "a secret that is nowhere": (
        "DB_SECRET_REGION", "region", {"DATABASE_URL": OF_SECRET, "DB_SECRET_ID": "bank"},
    ),
    "a region of no secret": (
        "DB_SECRET_REGION", "DB_SECRET_ID", {"DATABASE_URL": SAFE, "DB_SECRET_REGION": "eu-west-1"},
    ),
    "a driver without a server": ("DB_DRIVER", "DATABASE_URL", {"DB_DRIVER": "aws"}),
    "a driver that nobody knows": ("DB_DRIVER", "libpq", {"DB_DRIVER": "jdbc"}),
    "a pooler before the driver": (
        "DB_DRIVER", "pooler",
        {"DATABASE_URL": SAFE, "DB_DRIVER": "aws", "DB_POOLER": "transaction"},
    ),
    "several hosts for the driver": (
        "DB_DRIVER", "endpoint",
        {"DATABASE_URL": f"postgresql://me@{HOST},b/books?sslmode=require", "DB_DRIVER": "aws"},
    ),
    "a choice of libpq for the driver": (
        "DB_DRIVER", "target_session_attrs",
        {"DATABASE_URL": f"{SAFE}&target_session_attrs=primary", "DB_DRIVER": "aws"},
    ),
    "a plugin that nobody knows": (
        "DB_AWS_PLUGINS", "'failover3'",
        {"DATABASE_URL": SAFE, "DB_DRIVER": "aws", "DB_AWS_PLUGINS": "bg,failover3"},
    ),
    **{
        f"the plugin {plugin}, which signs in{', ' if login else ''}{', '.join(login)}": (
            "DB_AWS_PLUGINS", setting,
            {"DATABASE_URL": SAFE if plugin == "iam" else OF_SECRET, "DB_DRIVER": "aws",
             "DB_AWS_PLUGINS": f"failover,{plugin}", **login},
        )
        for plugin, setting in (("iam", "DB_IAM_REGION"), ("aws_secrets_manager", "DB_SECRET_ID"))
        for login in ({}, IAM if plugin == "iam" else SECRET)
    },
    **{
        f"the driver's option {option}": (
            "DB_AWS_OPTIONS", setting,
            {"DATABASE_URL": SAFE, "DB_DRIVER": "aws", "DB_AWS_OPTIONS": f"{option}=x"},
        )
        for option, setting in (
            ("iam_region", "DB_IAM_REGION"),
            ("iam_expiration", "DB_IAM_REGION"),
            ("secrets_manager_secret_id", "DB_SECRET_ID"),
            ("secrets_manager_region", "DB_SECRET_REGION"),
            ("secrets_manager_expiration", "DB_SECRET_ID"),
            ("plugins", "DB_AWS_PLUGINS"),
        )
    },
    "the fastest reader without the plugin that measures": (
        "DB_AWS_OPTIONS", "fastest_response_strategy in DB_AWS_PLUGINS",
        {"DATABASE_URL": SAFE, "DB_DRIVER": "aws", "DB_AWS_PLUGINS": "read_write_splitting",
         "DB_AWS_OPTIONS": "reader_host_selector_strategy=fastest_response"},
    ),
    "options that cannot be read": (
        "DB_AWS_OPTIONS", "options",
        {"DATABASE_URL": SAFE, "DB_DRIVER": "aws", "DB_AWS_OPTIONS": "7"},
    ),
    "options with commas between them": (
        "DB_AWS_OPTIONS", "separated by &",
        {"DATABASE_URL": SAFE, "DB_DRIVER": "aws",
         "DB_AWS_OPTIONS": "failover_timeout_sec=30,bg_id=2"},
    ),
    **{
        f"the driver's option {given}": (
            "DB_AWS_OPTIONS", f"'{word}'",
            {"DATABASE_URL": SAFE, "DB_DRIVER": "aws", "DB_AWS_OPTIONS": given},
        )
        for given, word in (
            ("failover_timeout_secs=20", "failover_timeout_secs"),
            ("failover_timeout_sec=abc", "abc"),
            ("failover_timeout_sec=-1", "-1"),
            ("host_availability_strategy_max_retries=few", "few"),
            ("enable_failover=maybe", "maybe"),
            ("host=elsewhere", "host"),
            ("user=else", "user"),
            ("sslmode=disable", "sslmode"),
            ("connect_timeout=3", "connect_timeout"),
            ("plugins=iam", "plugins"),
            ("monitoring-host=elsewhere", "monitoring-host"),
            ("monitoring-connect_timeout=soon", "soon"),
            ("reader_host_selector_strategy=nonsense", "nonsense"),
            ("failover_reader_host_selector_strategy=roundRobin", "roundRobin"),
            ("initial_connection_host_selector_strategy=nonsense", "nonsense"),
            ("reader_initial_connection_host_selector_strategy=nonsense", "nonsense"),
            ("tcp_keepalive=maybe", "maybe"),
            *(
                (f"{name}={value}", value)
                for name, value in (
                    ("failover_mode", "strict_reader"), ("failover_mode", "reader_or_writer"),
                    ("active_home_failover_mode", "home-reader-or-writer"),
                    ("endpoint_substitution_role", "any"),
                    ("verify_opened_connection_type", "reader"),
                )
            ),
            # The driver takes it for reader_or_writer.
            ("failover_mode=strict-writer", "strict-writer"),
            ("wrapper_dialect=aurora", "aurora"),
            ("wrapper_dialect=aurora-mysql", "aurora-mysql"),
            ("default_host_availability_strategy=nonsense", "nonsense"),
            ("verify_opened_connection_type=primary", "primary"),
        )
    },
    "plugins of no driver": (
        "DB_AWS_PLUGINS", "DB_DRIVER=aws", {"DATABASE_URL": SAFE, "DB_AWS_PLUGINS": "bg"},
    ),
    "hosts in any order": (
        "DB_IAM_REGION", "load_balance_hosts",
        {"DATABASE_URL": f"postgresql://me@{HOST},b/books?sslmode=require"
         "&load_balance_hosts=random", **IAM},
    ),
}  # fmt: skip


def test_a_wrong_number_names_its_option(refusal: Callable[..., str]) -> None:
    found = refusal(DATABASE_URL=SAFE, DB_DRIVER="aws", DB_AWS_OPTIONS="failover_timeout_sec=abc")
    assert "for failover_timeout_sec" in found


@pytest.mark.parametrize(
    "options",
    [
        "enable_failover=False&failover_mode=strict_writer",
        "active_home_failover_mode=strict-writer&wrapper_dialect=multi-az-pg&tcp_keepalive=True",
        "cluster_id=2&cluster_instance_host_pattern=?.x.eu-west-1.rds.amazonaws.com",
        "monitoring-connect_timeout=3&topology-monitoring-tcp_user_timeout=3000",
    ],
)
def test_options_that_the_driver_knows_are_kept(
    options: str, default: Callable[..., dict[str, Any]]
) -> None:
    found = default(DATABASE_URL=SAFE, DB_DRIVER="aws", DB_AWS_OPTIONS=options)

    assert dict(parse_qsl(options)).items() <= found["LEDGER_DRIVER"].items()


@pytest.mark.parametrize(
    "strategy",
    ["random", "round_robin", "weighted_random", "highest_weight", "fastest_response"],
)
def test_each_strategy_of_the_driver_is_taken(
    strategy: str, default: Callable[..., dict[str, Any]]
) -> None:
    found = default(
        DATABASE_URL=SAFE,
        DB_DRIVER="aws",
        DB_AWS_PLUGINS="read_write_splitting,fastest_response_strategy",
        DB_AWS_OPTIONS=f"reader_host_selector_strategy={strategy}",
    )

    assert found["LEDGER_DRIVER"]["reader_host_selector_strategy"] == strategy


def test_the_values_of_the_driver_are_those_that_it_knows() -> None:
    """The settings name them, because only some of them are for Postgres."""
    dialects = optional(DRIVER, "aws_advanced_python_wrapper.database_dialect").DialectCode
    modes = optional(DRIVER, "aws_advanced_python_wrapper.utils.gdb_failover_mode").GdbFailoverMode
    plain = optional(DRIVER, "aws_advanced_python_wrapper.utils.failover_mode").FailoverMode

    assert set(aws.VALUES["wrapper_dialect"]) == {
        each.value for each in dialects if each.value.endswith("pg")
    }
    home = aws.VALUES["active_home_failover_mode"]
    assert [modes.from_value(each) for each in home] == [modes.STRICT_WRITER]
    assert [plain[each.upper()] for each in aws.VALUES["failover_mode"]] == [plain.STRICT_WRITER]


def test_the_drivers_own_backends_of_django_are_not_for_postgres() -> None:
    """So Ledger has one."""
    backends = optional(DRIVER, "aws_advanced_python_wrapper.django.backends")

    assert {each.name for each in iter_modules(backends.__path__)} == {"mysql_connector"}


@pytest.mark.parametrize("case", WRONG)
def test_a_mix_that_cannot_work_stops_the_start(case: str, refusal: Callable[..., str]) -> None:
    name, word, values = WRONG[case]
    found = refusal(**{"AWS_REGION": "", **values})

    state = "missing" if case == "a secret that is nowhere" else "wrong"
    assert f"The setting {name} is {state}: " in found
    assert word in found
    assert "secret@" not in found


@pytest.mark.parametrize(
    "given",
    [
        {"DATABASE_URL": SAFE, **IAM},
        {"DATABASE_URL": OF_SECRET, **SECRET},
        {"DATABASE_URL": SAFE, "DB_DRIVER": "aws"},
    ],
)
def test_without_the_extra_the_sentence_says_what_to_install(
    given: dict[str, str], refusal: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(aws, "find_spec", lambda _name: None)

    package = "aws-advanced-python-wrapper" if "DB_DRIVER" in given else "boto3"
    assert f"pip install {package}" in refusal(**given)


LOADED = """
import os, sys, django
os.environ["DJANGO_SETTINGS_MODULE"] = "ledger.settings"
django.setup()
import ledger.wsgi, ledger.db.backend.base
print([name for name in sys.modules if name.startswith(("aws_", "boto"))])
"""


def test_without_the_setting_nothing_of_aws_is_loaded(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LOADED],
        cwd=BASE_DIR,
        env=environment(tmp_path),
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "[]\n"


@pytest.mark.parametrize(
    ("given", "instead"),
    [
        ({"DB_AWS_PLUGINS": "failover_v2,efm"}, "host_monitoring "),
        ({"DB_AWS_PLUGINS": "efm2"}, "host_monitoring_v2"),
        ({"DB_AWS_PLUGINS": "readWriteSplitting"}, "read_write_splitting"),
        ({"DB_AWS_PLUGINS": "failover_v2,okta"}, "DB_IAM_REGION"),
        ({"DB_AWS_PLUGINS": "federated_auth"}, "DB_IAM_REGION"),
        ({"DB_AWS_OPTIONS": "reader_host_selector_strategy=least_connections"}, "round_robin"),
        ({"DB_AWS_OPTIONS": "failover_timeout=60"}, "failover_timeout_sec"),
        ({"DB_AWS_OPTIONS": "failoverTimeoutMs=60000"}, "failover_timeout_sec"),
        ({"DB_AWS_OPTIONS": "sslmode=require"}, "DB_OPTIONS"),
        ({"DB_AWS_OPTIONS": "wrapper_plugins=failover"}, "DB_AWS_PLUGINS"),
        ({"DB_AWS_OPTIONS": "enable_telemetry=True"}, "OTEL_EXPORTER_OTLP_ENDPOINT"),
        ({"DB_AWS_PLUGINS": "srw"}, "srw_read_endpoint and srw_write_endpoint"),
        (
            {"DB_AWS_PLUGINS": "srw", "DB_AWS_OPTIONS": "srw_read_endpoint=b.example"},
            "needs srw_write_endpoint",
        ),
    ],
)
def test_what_the_driver_would_refuse_is_refused_with_what_to_write(
    given: dict[str, str], instead: str, refusal: Callable[..., str]
) -> None:
    url = "postgresql://me@127.0.0.1/books"
    assert instead in refusal(DATABASE_URL=url, DB_DRIVER="aws", **given)

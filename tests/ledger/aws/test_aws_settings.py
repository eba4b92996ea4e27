"""The settings of AWS: what they make of a database, and which mixes stop the start."""

from collections.abc import Callable
from typing import Any

import pytest

from ledger import aws_settings

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
        "DB_IAM_REGION", "password", {"DATABASE_URL": SAFE.replace("me@", "me:secret@"), **IAM},
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
    "hosts in any order": (
        "DB_IAM_REGION", "load_balance_hosts",
        {"DATABASE_URL": f"postgresql://me@{HOST},b/books?sslmode=require"
         "&load_balance_hosts=random", **IAM},
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_a_mix_that_cannot_work_stops_the_start(case: str, refusal: Callable[..., str]) -> None:
    name, word, values = WRONG[case]
    found = refusal(**{"AWS_REGION": "", **values})

    assert f"The setting {name} is wrong" in found
    assert word in found
    assert "secret@" not in found


@pytest.mark.parametrize(
    "given", [{"DATABASE_URL": SAFE, **IAM}, {"DATABASE_URL": OF_SECRET, **SECRET}]
)
def test_without_boto3_the_sentence_says_what_to_install(
    given: dict[str, str], refusal: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(aws_settings, "find_spec", lambda _name: None)

    assert "pip install 'ledger[aws]'" in refusal(**given)

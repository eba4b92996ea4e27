"""The settings of each task, by the names of `.env.example`. No value is secret: see `secrets`."""

from ledger_aws.config import OF_PROVIDER, Config
from ledger_aws.database import AUDITOR, NAME, OWNER, WEB, BankDatabase
from ledger_aws.log_groups import DAYS_OF_LOGS
from ledger_aws.network import POSTGRES, PROBES
from ledger_aws.network import WEB as WEB_PORT

# In the image: `deploy/aws/Dockerfile` adds the authorities of RDS; the proxy has a certificate of
# a public one.
AUTHORITIES_OF_RDS = "/etc/ssl/rds.pem"
PUBLIC_AUTHORITIES = "/etc/ssl/certs/ca-certificates.crt"
# No host has it: a proof that nobody told its database fails.
NO_HOST = "proof.invalid"


def of_every_task(config: Config) -> dict[str, str]:
    return {
        "LEDGER_URL": f"https://{config.domain}",
        "ALLOWED_HOSTS": config.domain,
        "LEDGER_HTTPS": "True",
        "LEDGER_BEHIND_PROXY": "True",
        "LEDGER_PROXY_COUNT": "1",
        "DEFAULT_FROM_EMAIL": config.sender,
        "TIME_ZONE": config.time_zone,
        "LOG_LEVEL": "INFO",
        "LOG_FORMAT": "json",
        "LEDGER_KEEP_LOGS_DAYS": str(DAYS_OF_LOGS),
        **{
            name: value
            for name, value in config.ledger_settings.items()
            if not OF_PROVIDER.fullmatch(name)
        },
    }


def of_web(config: Config, database: BankDatabase) -> dict[str, str]:
    """Through the proxy if there is one; otherwise to the server itself, on Aurora by AWS's driver,
    which finds the next writer before DNS does.
    """
    if database.proxy is not None:
        reached = {
            "DB_HOST": database.proxy.endpoint,
            "DB_SSLROOTCERT": PUBLIC_AUTHORITIES,
            "DB_POOLER": "transaction",
        }
    else:
        reached = {"DB_HOST": database.server.host, "DB_SSLROOTCERT": AUTHORITIES_OF_RDS}
        if config.is_aurora:
            reached["DB_DRIVER"] = "aws"
    found = of_every_task(config) | _database(config) | reached
    found |= {"LEDGER_ROLE": "web", "DB_USER": WEB}
    found |= {"LEDGER_HOST": "127.0.0.1", "PORT": str(WEB_PORT)}  # for nginx in the same task
    found |= {"LEDGER_PROBE_PORT": str(PROBES)}
    # With its secret, which no other task has: nobody signs in there.
    found |= {
        name: value for name, value in config.ledger_settings.items() if OF_PROVIDER.fullmatch(name)
    }
    if database.server.replicas:
        found["DATABASE_REPLICA_URLS"] = " ".join(map(_replica_url, database.server.replicas))
    return found


def of_command(config: Config, database: BankDatabase, role: str = OWNER) -> dict[str, str]:
    """To the server itself, as this role. Mail of a command goes to its log."""
    return {
        **of_every_task(config),
        **_database(config),
        "DB_HOST": database.server.host,
        "DB_SSLROOTCERT": AUTHORITIES_OF_RDS,
        "DB_USER": role,
        "EMAIL_URL": "consolemail://",
    }


def of_administrator(config: Config, database: BankDatabase) -> dict[str, str]:
    """The same with the secret of the administrator, for `create_roles` alone."""
    found = of_command(config, database)
    for name in ("DB_USER", "DB_IAM_REGION"):
        del found[name]
    found["DB_SECRET_ID"] = database.server.secret.secret_full_arn or ""
    return found


def of_proof(config: Config, database: BankDatabase) -> dict[str, str]:
    """As the auditor of a database that whoever starts the task names (`DB_HOST`)."""
    return of_command(config, database, AUDITOR) | {"DB_HOST": NO_HOST}


def _database(config: Config) -> dict[str, str]:
    return {
        "DB_NAME": NAME,
        "DB_PORT": str(POSTGRES),
        "DB_SSLMODE": "verify-full",
        "DB_IAM_REGION": config.region,
    }


def _replica_url(host: str) -> str:
    options = f"sslmode=verify-full&sslrootcert={AUTHORITIES_OF_RDS}"
    return f"postgresql://{WEB}@{host}:{POSTGRES}/{NAME}?{options}"

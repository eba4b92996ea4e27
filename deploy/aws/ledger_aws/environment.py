"""Defines the environment variables of each task: Ledger's settings, with the names in
`.env.example`. Secrets are passed separately.
"""

from ledger_aws.config import OF_PROVIDER, Config
from ledger_aws.database import AUDITOR, NAME, OWNER, WEB, BankDatabase
from ledger_aws.log_groups import DAYS_OF_LOGS
from ledger_aws.network import POSTGRES, PROBES
from ledger_aws.network import WEB as WEB_PORT

# Files in the image: `deploy/aws/Dockerfile` adds the authorities of RDS. The certificate of the
# proxy is from a public authority.
AUTHORITIES_OF_RDS = "/etc/ssl/rds.pem"
PUBLIC_AUTHORITIES = "/etc/ssl/certs/ca-certificates.crt"
# No host has this name, so the task `proof` fails if the operator does not pass DB_HOST.
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
    """Returns the settings of web tasks. Web tasks connect to the proxy if there is one, otherwise
    to the server. On Aurora they use AWS's driver, which finds a new writer faster than DNS.
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
    # The settings of the identity provider are only in web tasks, because users sign in only there.
    found |= {
        name: value for name, value in config.ledger_settings.items() if OF_PROVIDER.fullmatch(name)
    }
    if database.server.replicas:
        found["DATABASE_REPLICA_URLS"] = " ".join(map(_replica_url, database.server.replicas))
    return found


def of_command(config: Config, database: BankDatabase, role: str = OWNER) -> dict[str, str]:
    """Returns the settings of a command, which connects directly to the server as this role. The
    command writes emails to its log.
    """
    return {
        **of_every_task(config),
        **_database(config),
        "DB_HOST": database.server.host,
        "DB_SSLROOTCERT": AUTHORITIES_OF_RDS,
        "DB_USER": role,
        "EMAIL_URL": "consolemail://",
    }


def of_administrator(config: Config, database: BankDatabase) -> dict[str, str]:
    """Returns the settings with which the command `create_roles` signs in as the administrator. No
    other command gets the administrator's secret.
    """
    found = of_command(config, database)
    for name in ("DB_USER", "DB_IAM_REGION"):
        del found[name]
    found["DB_SECRET_ID"] = database.server.secret.secret_full_arn or ""
    return found


def of_proof(config: Config, database: BankDatabase) -> dict[str, str]:
    """Returns the settings of `proof`, which signs in as the auditor. The operator sets DB_HOST
    when starting the task.
    """
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

"""A pair of embedded servers that AWS's driver takes for a cluster of Aurora.

Each listens on addresses of its own on this computer, with one port; the last figure of an address
is what Aurora calls the instance. The second server may have several, and so look like several
readers. Aurora's functions are plain SQL: who is in recovery is a reader.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from secrets import choice
from typing import Any
from urllib.parse import urlencode

from ledger.db.aws.base import DatabaseWrapper
from ledger.embedded import roles
from ledger.embedded.pair import Node, Pair
from ledger.embedded.placement import STANDBY_FOLDER, Placement
from ledger.settings.aws import DRIVER_OPTIONS
from tests.ledger.db.aws.guarded import let_driver_go
from tests.ledger.hanging import standing_still
from tests.ledger.own_site import children_of
from tests.ledger.processes import free_port, own_data_dir
from tests.ledger.servers import pid_of

FIRST = ("1",)
USUAL = "initial_connection,aurora_connection_tracker,failover_v2,host_monitoring_v2"
AURORA = """
SET allow_system_table_mods = on;
CREATE FUNCTION pg_catalog.aurora_db_instance_identifier() RETURNS text STABLE LANGUAGE sql
AS $$ SELECT split_part(host(inet_server_addr()), '.', 4) $$;
CREATE FUNCTION pg_catalog.aurora_version() RETURNS text IMMUTABLE LANGUAGE sql
AS $$ SELECT '17.4' $$;
CREATE FUNCTION pg_catalog.aurora_replica_status(
    OUT server_id text, OUT session_id text, OUT last_update_timestamp timestamptz,
    OUT cpu float, OUT replica_lag_in_msec float
) RETURNS SETOF record STABLE LANGUAGE sql AS $$
    WITH known (id, is_own) AS (
        SELECT id, id = ANY (string_to_array(current_setting('aurora.own'), ','))
        FROM unnest(string_to_array(current_setting('aurora.all'), ',')) AS id
    ), writer (id) AS (
        SELECT CASE WHEN pg_is_in_recovery() THEN (SELECT min(id) FROM known WHERE NOT is_own)
            ELSE pg_catalog.aurora_db_instance_identifier() END
    )
    SELECT known.id,
        CASE WHEN known.id = writer.id THEN 'MASTER_SESSION_ID' ELSE 'session-' || known.id END,
        now(), 0.0, 0.0
    FROM known, writer
$$;
"""


class Instance(Node):
    """One server, with an address of its own and Aurora's name for it."""

    addresses: Sequence[str] = ()
    port, conf = 0, ""

    def _make_data(self, place: Placement, log: Path) -> None:
        super()._make_data(place, log)
        own = place.data / "tcp.conf"  # after copying, which brings that of the other server
        own.write_text(
            f"listen_addresses = '{','.join(self.addresses)}'\nport = {self.port}\n{self.conf}"
        )
        own.chmod(0o644)


class Cluster(Pair):
    """The pair, with `host` as its cluster's endpoint: that of the first writer."""

    def __init__(
        self,
        data_dir: Path,
        *,
        second: Sequence[str] = ("2",),
        login: str = "trust",
    ) -> None:
        super().__init__(data_dir)
        self.login, self.port = login, free_port()
        self.network = f"127.{choice(range(1, 250))}.{choice(range(1, 250))}."
        self.all = ",".join([*FIRST, *second])
        self.first = self._instance(self.data_dir, FIRST)
        self.second = self._instance(self.data_dir / STANDBY_FOLDER, second)

    def _instance(self, data_dir: Path, names: Sequence[str]) -> Instance:
        found = Instance(data_dir)
        found.addresses, found.port = [f"{self.network}{name}" for name in names], self.port
        found.conf = f"aurora.own = '{','.join(names)}'\naurora.all = '{self.all}'\n"
        return found

    def start(self) -> None:
        """The first as an Aurora writer, then its reader."""
        self.first.ensure_started()
        self.first.stop()
        with (self.first.data / "postgresql.conf").open("a") as file:
            file.write("include_if_exists = 'tcp.conf'\n")
        with (self.first.data / "pg_hba.conf").open("a") as file:
            file.write(f"host all all 127.0.0.0/8 {self.login}\n")
        self.first.ensure_started()
        for database in ("postgres", "ledger"):
            with roles.as_superuser(self.first.running(), database) as connection:
                connection.execute(AURORA)
        self.make()

    @property
    def host(self) -> str:
        return f"{self.network}{FIRST[0]}"

    @property
    def parameters(self) -> dict[str, Any]:
        """For psycopg alone, to the first writer."""
        return {"host": self.host, "port": self.port, "dbname": "ledger", "user": roles.OWNER}

    @property
    def settings(self) -> dict[str, str]:
        """What leads a process of Ledger here by the driver."""
        return {
            "DATABASE_URL": f"postgresql://{roles.OWNER}@{self.host}:{self.port}/ledger",
            "DB_DRIVER": "aws",
            "DB_AWS_OPTIONS": urlencode(self.options),
        }

    def wrapper(self, plugins: str, **options: Any) -> DatabaseWrapper:
        """A wrapper of Django's for this cluster; `options` are OPTIONS."""
        return DatabaseWrapper(
            {
                "ENGINE": "ledger.db.aws", "NAME": "ledger", "USER": roles.OWNER, "PASSWORD": "",
                "HOST": self.host, "PORT": str(self.port), "CONN_MAX_AGE": 0,
                "CONN_HEALTH_CHECKS": True, "TIME_ZONE": None, "AUTOCOMMIT": True,
                "LEDGER_TIMEOUTS": {"lock_timeout": 3},
                "LEDGER_DRIVER": {**DRIVER_OPTIONS, **self.options, "plugins": plugins},
                "OPTIONS": {"connect_timeout": 5, "prepare_threshold": 5, **options},
            },
            alias="default",
        )  # fmt: skip

    @property
    def options(self) -> dict[str, Any]:
        """What the driver has to be told where host names say nothing."""
        return {
            "wrapper_dialect": "aurora-pg",
            "cluster_instance_host_pattern": f"{self.network}?",
        }


@contextmanager
def cluster(**how: Any) -> Iterator[Cluster]:
    with own_data_dir() as data_dir:
        found = Cluster(data_dir, **how)
        try:
            found.start()
            yield found
        finally:
            let_driver_go()


@contextmanager
def all_hanging(node: Node) -> Iterator[None]:
    """Every process of this server stands still."""
    pid = pid_of(node)
    with standing_still([pid, *children_of(pid)]):
        yield

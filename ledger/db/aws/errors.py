"""What an error of AWS's driver means for a transaction, as an error of psycopg with an SQLSTATE.

The driver's own words are not enough: it says "failover succeeded" (08S02) also where the statement
that was lost committed by itself, and "resolution unknown" (08007) also where COMMIT was never
sent. Django knows which it was: see `Moment`.
"""

from enum import Enum

import psycopg
from aws_advanced_python_wrapper.errors import AwsWrapperError, FailoverError
from aws_advanced_python_wrapper.pep249 import Error as DriverError
from aws_advanced_python_wrapper.pep249 import NotSupportedError
from psycopg.errors import (
    ConnectionTimeout,
    SqlclientUnableToEstablishSqlconnection,
    TransactionResolutionUnknown,
)

from ledger.db.server import failed_servers

__all__ = ["DriverError", "FailoverError", "Moment", "as_psycopg"]


class Moment(Enum):
    """What the connection was doing when it failed."""

    CONNECTING = SqlclientUnableToEstablishSqlconnection  # 08001: nothing was sent
    IN_TRANSACTION = "08S02: rolled back, because COMMIT was not sent"
    ALONE = TransactionResolutionUnknown  # 08007: COMMIT, or a statement that commits by itself


class RolledBack(psycopg.OperationalError):
    """The connection was lost within a transaction, before its COMMIT: nothing of it is there."""

    sqlstate = "08S02"


def as_psycopg(error: DriverError, moment: Moment) -> psycopg.Error:
    """The error of psycopg that the driver has packed, or one that says what was lost."""
    packed = error.driver_error if isinstance(error, AwsWrapperError) else None
    # A statement's own error, unless it is of connecting to another server after the statement.
    is_of_another = moment is not Moment.CONNECTING and isinstance(packed, ConnectionTimeout)
    if isinstance(packed, psycopg.Error) and not is_of_another:
        return packed
    if isinstance(error, NotSupportedError):
        return psycopg.NotSupportedError(str(error))
    kind = RolledBack if moment is Moment.IN_TRANSACTION else moment.value
    found: psycopg.Error = kind(str(error))
    failed_servers.note_words_of_driver(found)
    return found

"""Converts errors of AWS's driver to psycopg errors. The SQLSTATE of the psycopg error shows
whether the transaction was stored.

The driver's own messages do not show whether the transaction was stored. For example, the driver
reports "failover succeeded" (08S02) even if the lost SQL statement committed by itself. Therefore
the caller passes a `Moment`.
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
    """The step in which a connection failed."""

    CONNECTING = SqlclientUnableToEstablishSqlconnection  # 08001: nothing was sent
    IN_TRANSACTION = "08S02: rolled back, because COMMIT was not sent"
    # 08007: COMMIT was sent, or a SQL statement that commits by itself
    COMMITTING = TransactionResolutionUnknown


class RolledBack(psycopg.OperationalError):
    """An error for a connection that was lost in a transaction before COMMIT was sent. The
    transaction was not stored.
    """

    sqlstate = "08S02"


def as_psycopg(error: DriverError, moment: Moment) -> psycopg.Error:
    """Returns the psycopg error that an error of the driver contains. If the driver's error
    contains none, returns a new psycopg error for this `moment`.
    """
    packed = error.driver_error if isinstance(error, AwsWrapperError) else None
    # After a SQL statement, a ConnectionTimeout is not the error of the statement. It is about
    # connecting to another server.
    is_of_another_server = moment is not Moment.CONNECTING and isinstance(packed, ConnectionTimeout)
    if isinstance(packed, psycopg.Error) and not is_of_another_server:
        return packed
    if isinstance(error, NotSupportedError):
        return psycopg.NotSupportedError(str(error))
    kind = RolledBack if moment is Moment.IN_TRANSACTION else moment.value
    found: psycopg.Error = kind(str(error))
    failed_servers.note_words_of_driver(found)
    return found

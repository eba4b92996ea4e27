"""Defines the parameters of Postgres: it accepts only TLS, limits times, and writes no personal
data into its log.
"""

SECOND = 1000  # milliseconds

PARAMETERS = {
    "rds.force_ssl": "1",
    # The role of web processes has shorter timeouts (`manage.py create_roles`).
    "statement_timeout": str(6 * 3600 * SECOND),
    "idle_in_transaction_session_timeout": str(900 * SECOND),
    "deadlock_timeout": str(1 * SECOND),
    "client_connection_check_interval": str(10 * SECOND),
    "tcp_keepalives_idle": "60",
    "tcp_keepalives_interval": "10",
    "tcp_keepalives_count": "3",
    # Statistics on slow statements and waits.
    "shared_preload_libraries": "pg_stat_statements",
    "pg_stat_statements.track_utility": "0",  # utility statements keep their values
    # Database Insights keeps texts of statements with their values for up to 15 months. This is the
    # smallest length of a text in bytes that Postgres allows.
    "track_activity_query_size": "100",
    "track_io_timing": "1",
    "log_lock_waits": "1",
    "log_autovacuum_min_duration": str(10 * SECOND),
    # Statements and error details contain names, addresses and amounts.
    "log_error_verbosity": "terse",
    "log_min_error_statement": "panic",
    "log_min_duration_statement": "-1",
    "log_statement": "none",
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
}

"""Facts about where each log line comes from, and the output of commands as log lines."""

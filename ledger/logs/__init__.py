"""Facts about the origin of each log line, and the output of commands as log lines."""

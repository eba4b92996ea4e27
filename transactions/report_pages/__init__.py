"""What the report pages show: each report of `transactions.reports` with its form, its columns,
its finding in one sentence, its chart, and what is behind each mark."""

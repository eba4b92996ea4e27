"""The rules of migrations, run by `make check`: see docs/migrations.md."""

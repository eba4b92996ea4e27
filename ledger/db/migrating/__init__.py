"""Code for migrations: faster migrations, steps after `migrate`, and checks before migrations are
undone.
"""

"""What `/metrics` counts (docs/monitoring.md lists it), in one process or in several together.

Any room may count; this one stands below all others and knows nothing of them. Labels are names out
of the code: never an id, an address, an amount, a path or a text.
"""

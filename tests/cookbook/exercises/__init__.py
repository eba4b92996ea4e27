"""The exercises of the learning path."""

"""Calculates the positions of bars, columns and lines in a chart."""

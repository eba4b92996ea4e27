"""Calculates the positions of bars, columns and lines in a chart, in the units of the drawing."""

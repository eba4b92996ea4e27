"""The positions of bars, columns and lines in a chart, in units of the drawing."""

"""Where the bars, columns and lines of a chart go, in units of its picture."""

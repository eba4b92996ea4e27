"""The page of each report: its title, columns, texts and chart."""

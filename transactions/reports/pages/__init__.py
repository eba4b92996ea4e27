"""The content of the page of each report: title, columns, texts, chart."""

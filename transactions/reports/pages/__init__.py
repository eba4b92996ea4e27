"""What the page of each report shows: title, columns, sentences, chart."""

"""Parts of a report: each figure with how to read it and what it shows, and the tables in between."""

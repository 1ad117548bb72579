"""The sections of a report: figures with how to read them and what they show, and the tables in between."""

"""Tasks: what a step, an evaluation and a trace are; one file each."""

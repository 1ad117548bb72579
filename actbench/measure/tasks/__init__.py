"""Tasks, one file each: their training step, evaluation and trace."""

"""Data sets: one file each; splits.py turns any of them into tensors."""

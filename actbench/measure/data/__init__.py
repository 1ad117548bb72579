"""Data sets, one file each; splits.py divides them into tensors for training, validation and test."""

"""actbench: claims about activation functions as experiments with paired seeds, diagnosis and a verdict."""

__version__ = "0.1.0"

"""actbench: claims about activation functions as experiments with paired seeds, diagnosis and a verdict."""

from pathlib import Path

__version__ = "0.2.0"
__path__.append(str(Path(__file__).with_name("renamed")))  # what commands of the first edition were called

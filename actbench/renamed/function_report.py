"""Renamed."""

import sys

if __name__ == "__main__":
    sys.exit("python -m actbench.function_report is now python -m actbench.report.")

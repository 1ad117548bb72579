"""How fast actbench is, against other tools that do the same work and against what the machine can do.

In: comparisons, one a file, each with arms that are measured in turn. Out: results/speed/, with tables and report. Open
`harness.py` first.
"""

"""Speed: what takes how long, against what else does the same work and against what the machine can do.

In: comparisons, a file each, whose arms are measured in turn. Out: results/speed/, its tables and report. Open
`harness.py` first.
"""

"""Figures: functions from a frame to a matplotlib figure, a file for each subject, without torch and without pyplot.

In: frames of tables/ and compare/. Out: figures in which a family of functions always has the same colour.
Open `style.py` first; `layout.py`, `axes.py` and `drawing.py` hold what the others share.
"""

"""Frame -> Figure: one file a subject, without torch and without pyplot.

In: frames of tables/ and compare/. Out: matplotlib figures, one colour per activation in all of them. Open `style.py`
first; `layout.py` and `axes.py` hold what the others share.
"""

"""Properties of any function f, each with an error bound: range, kinks, asymptotes, saturation thresholds, moments.

In: a function of one tensor, in float64. Out: facts. Nothing here knows an activation by name. Open `properties.py`
first; `facts.py` collects the facts of one function.
"""

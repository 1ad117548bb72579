"""What is computed of any function f: range, kinks, limits, saturation thresholds, moments, each with an error bound.

In: a function of one tensor, in float64. Out: facts. Nothing here knows an activation by name. Open `properties.py`
first; `facts.py` puts them together.
"""

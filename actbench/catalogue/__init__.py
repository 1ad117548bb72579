"""What is computed of every activation of conf/act/, and measured of its cost: results/functions/.

In: conf/act/, or the activation that a command names. Out: the tables properties, curves, points, identities, distances
and cost, and their report. Here functions/, which knows any f, meets the names. Open `publish.py` first.
"""

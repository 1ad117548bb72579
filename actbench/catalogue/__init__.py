"""The properties and the cost of every activation of conf/act/: results/functions/.

In: conf/act/, or the activation that a command names. Out: the tables properties, curves, points, identities, distances
and cost, and their report; results/gelu_cost/ for the forms of one. Names of activations meet functions/, which works
for any f, here. Open `publish.py` first.
"""

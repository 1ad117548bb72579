"""How good generated images are: pure functions of features, and the network that gives the features."""

"""The quality of generated images: pure functions of features, and the network that computes the features."""

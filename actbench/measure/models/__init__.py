"""Models: textbook modules, one file each, built with an `act` and a `norm` factory."""

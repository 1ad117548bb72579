"""How fast actbench is; not part of the package."""

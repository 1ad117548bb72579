"""Speed: comparisons of what takes how long, a file each; `harness` measures their arms in turn."""

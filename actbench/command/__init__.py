"""A command line -> checked jobs, without torch.

In: the words behind `python -m actbench`, which Hydra composes with conf/ and experiments/. Out: `Job`s, each a valid,
resolved config, or a `ConfigError`, one sentence for the user. Open `compose.py` first.
"""

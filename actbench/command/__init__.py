"""A command line -> checked jobs, without torch.

In: the words behind `python -m actbench`. Hydra composes them with conf/ and experiments/. Out: `Job`s, each a resolved
config that can be meant, or a `ConfigError`, one sentence for the user. Open `compose.py` first.
"""

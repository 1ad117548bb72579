"""Named random streams: independent, reproducible, apart from torch's global generator."""

import torch

from actbench.measure import streams
from actbench.measure.streams import stream, stream_seed


def test_a_stream_depends_on_seed_and_name_alone():
    draws = {(seed, name): torch.rand(4, generator=stream(seed, name)) for seed in (0, 1) for name in ("init", "order")}
    assert torch.equal(draws[0, "init"], torch.rand(4, generator=stream(0, "init")))
    assert len({tuple(draw.tolist()) for draw in draws.values()}) == 4


def test_stream_seeds_do_not_collide():
    seeds = {stream_seed(seed, name) for seed in range(1000) for name in ("split", "init", "order", "dropout")}
    assert len(seeds) == 4000


def test_each_protocol_draws_anew(monkeypatch):
    """No stream of this edition begins as one of the last edition, or as another one of its own, did."""
    seeds = []
    for protocol in (streams.PROTOCOL - 1, streams.PROTOCOL):
        monkeypatch.setattr(streams, "PROTOCOL", protocol)
        seeds += [stream_seed(seed, name) for seed in range(200) for name in ("split", "init", "order", "images")]
    assert len(set(seeds)) == 1600


def test_a_stream_leaves_the_global_generator_alone():
    before = torch.random.get_rng_state()
    torch.rand(3, generator=stream(0, "init"))
    assert torch.equal(before, torch.random.get_rng_state())

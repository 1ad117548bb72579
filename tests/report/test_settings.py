"""What a setting is called, and what a page says of its training."""

import pytest
import synthetic
from pages import concatenated

from actbench.compare.workloads import workloads
from actbench.report import box, settings


def _works(*configs: dict) -> list:
    return workloads(concatenated(*(synthetic.tables(["relu"], seeds=1, **config) for config in configs)))


SLOW, FAST = ({"track": "shared", "optim.lr": lr} for lr in (0.01, 0.1))
TUNED, TUNED_LR = {"track": "tuned"}, {"track": "tuned_lr"}


def test_what_a_track_chooses_is_named_where_settings_differ_in_nothing_else() -> None:
    assert settings.named(_works(FAST, TUNED)) == ["one learning rate for all", "tuned for each"]
    names = ["he, lr 0.01, one learning rate for all", "he, lr 0.1, one learning rate for all", "tuned for each"]
    assert settings.named(_works(SLOW, FAST, TUNED)) == names


@pytest.mark.parametrize(
    ("configs", "rate"),
    [
        ((FAST,), "learning rate 0.1"),
        ((FAST, TUNED), "learning rate 0.1 or tuned for each"),
        ((FAST, TUNED_LR), "learning rate 0.1 or tuned for each"),
        ((TUNED,), "learning rate tuned for each"),
    ],
)
def test_the_box_says_whose_learning_rate_it_is(configs: tuple, rate: str) -> None:
    assert f", {rate}, " in box._training(_works(*configs))

"""Where a page leads: only to what is there."""

import re

import pytest

from actbench.report import links


@pytest.mark.parametrize(
    ("name", "there", "linked"),
    [
        ("digits_mlp", ["digits_mlp_tuning", "digits_mlp_doubled"], ["digits_mlp_tuning", "digits_mlp_doubled"]),
        ("digits_mlp", ["digits_mlp_doubled", "mnist_mlp_tuning"], ["digits_mlp_doubled"]),
        ("digits_mlp_tuning", ["digits_mlp", "digits_mlp_tuning"], ["digits_mlp"]),
        ("digits_mlp", [], []),
    ],
)
def test_a_page_links_the_pages_of_its_experiment_that_are_there(tmp_path, name, there, linked):
    for other in there:
        (tmp_path / other).mkdir()
        (tmp_path / other / "report.md").touch()
    text = " ".join(links.beside(tmp_path / name))
    assert re.findall(r"\]\(\.\./(.*?)/report\.md\)", text) == linked
    assert ("[the comparison itself](" in text) == (linked == ["digits_mlp"])
    assert f"`python -m actbench +experiment={name}`" in text

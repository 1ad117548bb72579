"""The list of the published folders: their questions, answers and claims."""

import re

import pytest

from actbench.command.options import EXPERIMENTS
from actbench.ledger import index


def test_a_folder_is_listed_with_its_question_its_answer_and_its_claims(tmp_path):
    answered = "# Drift?\n\n**It grows \\| fast.**\n\nMore.\n\n- A point.\n"
    for name, text in {"mean_drift": answered, "own": "# own: mine\n\n- A point.\n", "two": "# 2\n"}.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "report.md").write_text(text)
    (tmp_path / "ledger").mkdir()
    (tmp_path / "ledger" / "ledger.csv").write_text(
        "results,claim,verdict_on_claim\nmean_drift,C17,mixed\nmean_drift,C17,mixed\nmean_drift,C13,supported\n"
    )
    index.write(tmp_path)
    *_, first, second, third = (tmp_path / "README.md").read_text().splitlines()
    question, _ = (EXPERIMENTS / "mean_drift.yaml").read_text(encoding="utf-8").removeprefix("# ").split("\n", 1)
    assert [cell.strip() for cell in re.split(r"(?<!\\)\|", first)] == [
        "", f"[{question}](mean_drift/report.md)", "It grows \\| fast.",
        "[C17](ledger/C17.md), [C13](ledger/C13.md)", "",
    ]  # fmt: skip
    assert second == "| [own: mine](own/report.md) | A point. |  |"
    assert third == "| [2](two/report.md) |  |  |"


def test_without_a_ledger_there_is_no_list(tmp_path):
    with pytest.raises(FileNotFoundError) as caught:
        index.write(tmp_path)
    assert str(caught.value) == (
        f"There is no ledger in {tmp_path}: make it with python -m actbench.ledger {tmp_path}."
    )

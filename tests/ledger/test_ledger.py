"""The ledger's files: tables, page, sentences; what is still needed, and its hours."""

import functools
import re

import evidence
import numpy as np
import pandas as pd
import pytest

from actbench.ledger import decide, page, parse, plan, words
from actbench.ledger.__main__ import main
from actbench.ledger.claims import KINDS, ClaimError
from actbench.ledger.decide import decide_claim
from actbench.ledger.evidence import Evidence
from actbench.report import functions

pytestmark = pytest.mark.usefixtures("unrendered")
NOISE = np.array([0, 1, -1, 2, -2, 1, 0, -1, 3, -3]) / 1000
FINDINGS = {
    "true": "Silky has {lower.mean:+.1f}, rough {far.mean:.2f}.",
    "false": "No.",
    "partly": "Silky has {lower.mean:+.1f}, but {far.mean:.2f} with {far.n} seeds.",
    "undecided": "Who knows.",
}


@pytest.fixture
def root(tmp_path):
    """Two activations on ten seeds, in a classifier; `silky` has a loss and an error that are lower."""
    columns = {
        name: {"test_loss": level + (1 + level) * NOISE, "test_accuracy": 1 - level / 4 + NOISE / 10, "track": "tuned"}
        for name, level in (("silky", 0.1), ("rough", 0.3))
    }
    evidence.folder(tmp_path, "question", columns)
    return tmp_path


VERDICTS_OF_TWO = ("true", "false", "partly", "undecided")
ATOMS = {
    "lower": {"rule": "difference", "column": "test_loss", "claimed": [None, 0], "if_true": "Lower by {mean:.2f}."},
    "far": {"rule": "bound", "column": "test_loss", "claimed": [0.2, None], "if_false": "Only {mean:.2f}, {worst}."},
    "often": {"rule": "no_worse", "kind": "popular", "cases": {"track": ["tuned", "shared"]}, "looks": [10, 20]},
    "open": {"rule": "bound", "kind": "popular", "column": "test_loss", "claimed": [0.1, None], "looks": [10, 20]},
    "cited": {"rule": "cited", "kind": "fact", "cite": "Everybody says so."},
}


def _claim(**changes):
    atoms = {name: dict(keys) for name, keys in ATOMS.items()}
    for name in ("lower", "far", "often", "open"):
        atoms[name] |= {"results": "question", "where": {"act": "silky"}}
    for name in ("lower", "often"):
        atoms[name]["against"] = {"act": "rough"}
    return evidence.claim(FINDINGS, **{name: {**keys, **changes.get(name, {})} for name, keys in atoms.items()})


def test_the_ledgers_tables_have_a_row_for_each_atom_and_case(root):
    page.write(root, [_claim()], draws=5)
    ledger = pd.read_csv(root / "ledger" / "ledger.csv", keep_default_na=False, na_values=[""]).set_index("atom")
    assert ledger["verdict"].to_dict() == {
        "lower": "true", "far": "false", "often": "not measured", "open": "undecided", "cited": "cited",
    }  # fmt: skip
    assert set(ledger["verdict_on_claim"]) == {"partly true"}
    assert ledger.loc["lower", ["n", "look", "cases", "holding"]].tolist() == [10, 1, 1, 1]
    assert ledger.loc["lower", "mean"] == pytest.approx((-0.2 - 0.2 * NOISE).mean())
    assert ledger.loc["lower", "p_holm"] == pytest.approx(2 * ledger.loc["lower", "p"])
    assert ledger.loc["often", ["n", "look", "price"]].tolist() == [0, 0, "first look"]
    assert ledger.loc["far", "measured"] == "PROTOCOL 3, commit abc"
    cases = pd.read_csv(root / "ledger" / "cases.csv").set_index("atom")
    assert cases.index.tolist() == ["lower", "far", "open"]
    assert cases.loc["lower", ["level", "reference"]].tolist() == pytest.approx([0.1, 0.3])


def _written(root, claim, name):
    page.write(root, [claim], draws=5)
    return (root / "ledger" / name).read_text(encoding="utf-8")


def test_the_overview_has_a_row_for_each_claim_and_everything_else_is_folded(root):
    text = _written(root, _claim(), "report.md")
    assert "**Of 1 claims: 1 partly true.**\n" in text
    assert (
        "| [C99](C99.md) So | ◐ partly true | Silky has −0.2, but 0.10 with 10 seeds. Open: question. | ●○◆ ·◌ |"
        in text
    )
    unfolded = re.sub(r"<details>.*?</details>", "", text, flags=re.DOTALL)
    assert unfolded.count("|---") == 4
    assert "| question | [C99](C99.md) |" in text


def test_the_page_of_a_claim_has_a_sentence_for_each_atom_and_what_is_popular_apart(root):
    text = _written(root, _claim(), "C99.md")
    said, popular = text.split("## The statements")[1].split("## What people usually make of it")
    for sentence in ("Lower by −0.20.", "Only 0.10, .", "Everybody says so."):
        assert sentence in said
    assert "To be decided by question (20 runs, about 0.2 h)." in popular
    row = r"\| ◌ undecided \| So\. \| Undecided with 10 seeds: 0\.1000? \[0\.09\d+, 0\.10\d+\]\. "
    row += r"\| 10, look 1 of 2; 10,000 more would not decide it \|"
    assert re.search(row, popular)
    assert "](figures/C99.png)" in text
    assert (root / "ledger" / "figures" / "C99.png").is_file()
    assert (root / "ledger" / "C99.html").is_file()
    assert 'href="report.html"' in (root / "ledger" / "C99.html").read_text(encoding="utf-8")


def test_the_page_of_a_claim_has_its_columns_in_the_settings_that_it_does_not_judge_too(tmp_path):
    rises = {"plain": 0.25, "normed": -0.5}  # of the output mean, from the first layer to the last
    columns = {
        label: {"act": "bent", "norm": norm, "test_loss": 1 + NOISE}
        for label, norm in (("plain", "none"), ("normed", "batch"))
    }
    layers = [
        {"run_id": f"{label}-0", "seed": seed, "layer_index": i + 1, "out_mean": i * rise / 2}
        for label, rise in rises.items()
        for seed in range(10)
        for i in range(3)
    ]
    layers = [{"epoch": 0, "step": 0, "layer": "", **row} for row in layers]
    evidence.folder(tmp_path, "drift", columns, layers=layers)
    keys = {"rule": "bound", "results": "drift", "table": "layers", "column": "out_mean", "reduce": "last_first"}
    keys |= {"where": {"act": "bent", "norm": "none"}, "claimed": [0.1, None]}
    page.write(tmp_path, [evidence.claim(grows=keys)], draws=5)
    text = (tmp_path / "ledger" / "C99.md").read_text(encoding="utf-8")
    (line,) = re.search(r"## In every setting that was measured\n\n(.*?)\n\n", text, flags=re.DOTALL)[1].splitlines()
    assert re.findall(r"(−?\d+\.\d+) \((.*?)\)", line) == [("−0.50", "batch"), ("0.25", "no norm")]
    assert "With bent" in line
    assert "(means of 10 seeds)" in line


def test_each_case_has_its_claimed_set_and_the_statement_has_it_where_they_share_one(root):
    keys = {"rule": "bound", "column": "test_loss", "results": "question", "where": {"act": "silky"}}
    several = [{"track": "tuned", "claimed": [0, 0.05]}, {"act": "rough", "claimed": [None, 0.5]}]
    claim = evidence.claim(VERDICTS_OF_TWO, one={**keys, "claimed": [0, 1]}, several={**keys, "cases": several})
    *_, how = _written(root, claim, "C99.md").partition("How it was decided")
    assert "| one | bound | runs.test_loss | within [0, 1] |" in how
    assert "| several | bound | runs.test_loss | see each case | all of 2 |" in how
    cases = [line.split(" | ")[2:4] for line in how.splitlines() if line.startswith("| several | ")][1:]
    assert [[claimed, found[:3]] for claimed, found in cases] == [["within [0, 0.05]", "0.1"], ["below 0.5", "0.3"]]


def test_the_folders_of_the_catalogue_have_a_question_and_a_command(root):
    fact = {"rule": "computed", "table": "points", "column": "value", "claimed": [0, 1]}
    atoms = {"points": {**fact, "results": "functions"}, "forms": {**fact, "results": "gelu_cost"}}
    text = _written(root, evidence.claim(VERDICTS_OF_TWO, **atoms), "C99.md")
    assert f"| functions | {functions.TITLE} | `python -m actbench.catalogue` |" in text
    assert "| gelu_cost | What do the forms of GELU cost? | `python -m actbench.catalogue --cost" in text.replace(
        "\\", ""
    )


def test_the_overview_names_the_data_of_the_runs(tmp_path):
    loss = {"act": "silky", "test_loss": 0.1 + NOISE}
    runs = {name: {**loss, "data": name} for name in ("mnist", "gaussian", "mine")}
    evidence.folder(tmp_path, "question", runs)
    keys = {"rule": "bound", "column": "test_loss", "claimed": [0, 1], "results": "question"}
    text = _written(tmp_path, evidence.claim(low={**keys, "where": {"act": "silky", "data": "mnist"}}), "report.md")
    assert "- Networks are small, data are Gaussian noise, mine and MNIST handwritten digits, and nothing here" in text


def test_the_tables_of_claims_and_sentences_are_for_other_pages(root):
    page.write(root, [_claim(far={"where": {"act": "silu"}})], draws=5)
    (claim,) = pd.read_csv(root / "ledger" / "claims.csv").to_dict("records")
    assert claim["says"] == "So."
    assert claim["results"] == "question"
    assert claim["activations"] == "silu"
    sentences = pd.read_csv(root / "ledger" / "sentences.csv").set_index("atom")["sentence"]
    assert sentences["lower"] == "Lower by −0.20."


def test_a_finding_whose_numbers_lack_says_so(root):
    claim = _claim(far={"results": "missing"}, lower={"where": {"act": "rough"}, "against": {"act": "silky"}})
    decided = decide_claim(claim, Evidence(root))
    assert words.finding(claim, decided) == "Who knows. Open: missing, question."
    claim = evidence.claim(
        {"cited": "The change is {gap.mean:.2f}."}, fact=ATOMS["cited"],
        gap={**ATOMS["lower"], "kind": "popular", "results": "missing", "against": {"act": "a"}},
    )  # fmt: skip
    assert words.finding(claim, decide_claim(claim, Evidence(root))) == "So. Open: missing."


def test_an_outcome_that_is_not_decided_has_a_sentence_too(root):
    keys = {"rule": "no_worse", "results": "question", "where": {"act": "silky"}, "against": {"act": "rough"}}
    both = {"needs": "any", "chosen_on": {"results": "tuning"}, "cases": {"track": ["tuned", "shared"]}}
    accuracy = {"val_accuracy": 0.9 + NOISE, "test_accuracy": 0.9 + NOISE}
    runs = {
        f"{act} {track}": {**accuracy, "act": act, "track": track}
        for act in ("silky", "rough")
        for track in ("tuned", "shared")
    }
    evidence.folder(root, "tuning", runs, first_seed=1000)
    claim = evidence.claim(
        ("true", "undecided"), gap={**keys, **both, "rule": "worse", "if_false": "{chosen}: {mean:+.0%}"}
    )
    (decided,) = decide_claim(claim, Evidence(root))
    assert (decided.verdict, decided.chosen) == ("not shown", "tuned")
    assert words.sentence(decided) == f"tuned: {100 * decided.worst.mean:+.0f}\u202f%".replace("-", "−")
    assert words.effect(decided.atom, decided.worst).startswith("−6")
    assert words.claimed_set(decided.atom, decided.atom.cases[0]) == "above +10\u202f%"
    target = root / "functions" / "tables"
    target.mkdir(parents=True)
    pd.DataFrame({"value": [1.0], "error": [0.5]}).to_parquet(target / "points.parquet")
    fact = {"rule": "computed", "results": "functions", "table": "points", "column": "value", "claimed": [1.2, 2]}
    (decided,) = decide_claim(evidence.claim(gap=fact), Evidence(root))
    assert words.sentence(decided) == "Undecided: 1 [0.5, 1.5] reaches over an end of the claimed set."


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ({"rule": "bound", "claimed": [None, 3]}, "below 3"),
        ({"rule": "bound", "claimed": [1, 1]}, "equal to 1"),
        ({"rule": "bound", "claimed": [1e300, None]}, "above 1e300"),
        ({"rule": "bound", "claimed": [0, 3], "outside": True}, "not within [0, 3]"),
        ({"rule": "log_ratio", "claimed": [0.9, 1.1], "against": {"act": "b"}}, "within [−10\u202f%, +10\u202f%]"),
        ({"rule": "differs", "against": {"act": "b"}}, "not within [−10\u202f%, +10\u202f%]"),
        ({"rule": "lower", "against": {"act": "b"}}, "below 0\u202f%"),
        ({"rule": "at_least", "margin": 0.9, "against": {"act": "b"}}, "above −10\u202f%"),
        ({"rule": "sooner", "against": {"act": "b"}}, "above 0.5"),
    ],
)
def test_the_claimed_set_is_worded_in_the_unit_of_what_is_shown(keys, expected):
    column = {} if keys["rule"] in ("lower", "differs", "at_least", "sooner") else {"column": "test_loss"}
    (atom,) = evidence.claim(gap={"results": "here", **column, **keys}).atoms
    assert words.claimed_set(atom, atom.cases[0]) == expected


def test_both_editions_and_the_interpretation_stand_on_the_page(root, tmp_path, monkeypatch):
    folder = tmp_path / "claims"
    (folder / "why").mkdir(parents=True)
    (folder / "first_edition.csv").write_text("id,verdict,statement,why_changed\nC99,mixed,Silky.,Asked anew.\n")
    (folder / "why" / "C99.md").write_text("2026-11-30\n\nSince the loss\n\nis {lower.level:.1f}.\n")
    monkeypatch.setattr(parse, "FOLDER", folder)
    text = _written(root, _claim(), "C99.md")
    assert "on 2026-11-30:\n\nSince the loss\n\nis 0.1." in text
    assert (
        "| [C99](C99.md) | mixed | partly true | Asked anew. | Silky. |" in (root / "ledger" / "report.md").read_text()
    )
    (folder / "why" / "C99.md").write_text("2026-11-30\nIt is {nothing.mean:.1f}.")
    with pytest.raises(ClaimError, match=r"^C99.md: \{nothing.mean\} is not a placeholder here"):
        page.write(root, [_claim()], draws=5)
    (folder / "why" / "C99.md").write_text("2026-11-30\nIt is {often.mean:.1f}.")
    assert "Why" not in _written(root, _claim(), "C99.md")
    for text, message in (("It is so.", "begins with 'It is so.'"), ("2026-11-30\n" + "so " * 121, "has 121 words")):
        (folder / "why" / "C99.md").write_text(text)
        with pytest.raises(ClaimError, match=rf"^C99.md {message}"):
            page.write(root, [_claim()], draws=5)


def test_open_cases_are_what_the_next_look_needs(root):
    """Of both settings of an undecided atom, its reference too, those that lack seeds for the next look."""
    popular = ("popular",)
    needed = plan.open_cases("question", [_claim()], Evidence(root), kinds=popular)
    found = {(one.where["act"], one.where.get("track", "")): (one.n, one.last) for one in needed}
    assert found == {
        ("silky", "shared"): (10, 20), ("rough", "shared"): (10, 20), ("silky", ""): (20, 20),
    }  # fmt: skip
    assert plan.open_cases("question", [_claim()], Evidence(root)) == []
    assert plan.open_cases("elsewhere", [_claim()], Evidence(root), kinds=popular) == []


def test_a_claim_that_rests_on_other_folders_is_not_decided_for_the_open_cases(root, monkeypatch):
    monkeypatch.setattr(decide, "decide_claim", lambda claim, evidence: pytest.fail("It was decided."))
    assert plan.open_cases("elsewhere", [_claim()], Evidence(root)) == []


def test_open_cases_are_columns_of_the_config_alone_and_the_seeds_that_a_case_may_have(root):
    layers = {"rule": "bound", "table": "layers", "column": "out_mean", "claimed": [0, 1], "results": "there",
              "where": {"step": "last", "layer_index": 1, "act": "relu"},
              "cases": [{"model.depth": 2}, {"model.depth": 4, "seeds": 5}]}  # fmt: skip
    needed = plan.open_cases("there", [evidence.claim(gap=layers)], Evidence(root))
    assert [(one.where, one.n, one.last) for one in needed] == [
        ({"act": "relu", "model.depth": 2}, 10, 40), ({"act": "relu", "model.depth": 4}, 5, 5),
    ]  # fmt: skip


def test_the_plan_counts_settings_seeds_and_hours(root):
    """A seed takes 36 s. Silky on any track lacks 10 of 20 seeds, two settings on the shared track lack all."""
    decided = decide_claim(_claim(far={"results": "missing"}), Evidence(root))
    heading, missing, question, total = plan.table(decided, Evidence(root), kinds=KINDS)
    assert dict(zip(heading, question, strict=True)) == {
        "results": "question", "settings": "6", "seeds there": "0 to 10",
        "next look": "0 to 20", "hours": "0.3", "last look": "20 to 40", "hours in all": "1.2",
    }  # fmt: skip
    assert _plan_of("mnist_cnn", root)[-4:] == ["10", "unknown", "40", "11 (estimate)"]
    assert missing == ["missing", "1", "0", "10", "unknown", "40", "unknown"]
    assert total == ["in all", "", "", "", "at least 0.3", "", "at least 1.2"]


def _plan_of(results, root):
    """The row of the plan of a folder that is not there, but whose experiment estimates its hours."""
    decided = decide_claim(_claim(far={"results": results}), Evidence(root))
    return next(row for row in plan.table(decided, Evidence(root), kinds=KINDS) if row[0] == results)


def test_the_command_writes_the_ledger_and_the_list_or_prints_the_plan(root, capsys, monkeypatch):
    monkeypatch.setattr(parse, "claims", lambda: [_claim()])
    monkeypatch.setattr(page, "write", functools.partial(page.write, draws=5))
    assert main([str(root)]) == 0
    assert capsys.readouterr().out == f"{root / 'ledger' / 'report.html'}\n{root / 'README.md'}\n"
    assert main([str(root), "--plan"]) == 0
    assert capsys.readouterr().out.splitlines()[0].split() == [
        "results",
        "settings",
        "seeds",
        "there",
        "next",
        "look",
        "hours",
        "last",
        "look",
        "hours",
        "in",
        "all",
    ]
    monkeypatch.setattr(parse, "claims", lambda: [_claim(far={"column": "test_lost"})])
    assert main([str(root)]) == 2
    assert (
        capsys.readouterr().err
        == "actbench.ledger: C99, atom far: The table runs of question has no column test_lost.\n"
    )


def test_a_finding_goes_by_what_became_of_an_atom(root):
    by = {"by": "gap", "true": "It pays.", "false": "It does not.", "undecided": "Open."}
    for claimed, expected in (([None, 1], "It pays."), ([1, None], "It does not."), ([0.1, None], "Open.")):
        gap = {"rule": "bound", "kind": "popular", "column": "test_loss", "claimed": claimed, "results": "question",
               "where": {"act": "silky"}}  # fmt: skip
        claim = evidence.claim({"cited": by}, fact=ATOMS["cited"], gap=gap)
        assert words.finding(claim, decide_claim(claim, Evidence(root))) == expected
    claim = evidence.claim({"cited": by}, fact=ATOMS["cited"], gap={**gap, "results": "missing"})
    assert words.finding(claim, decide_claim(claim, Evidence(root))) == "So. Open: missing."


def test_a_sentence_without_a_number_is_replaced_by_what_was_found(root):
    claim = _claim(lower={"if_true": "{smallest_level:.1f}"}, far={"if_false": "{reference:.1f}"})
    lower, far, *_ = decide_claim(claim, Evidence(root))
    assert words.sentence(lower) == "0.1"
    assert words.sentence(far).startswith("False: 0.10")


def test_a_reference_in_another_folder_is_needed_there(root):
    (needed,) = plan.open_cases(
        "there", [_claim(lower={"against": {"act": "rough", "results": "there"}})], Evidence(root)
    )
    assert (needed.results, needed.where, needed.n) == ("there", {"act": "rough"}, 10)


def test_what_lacks_are_the_runs_of_the_next_look_and_the_processes_that_measure_all_at_once(root):
    cost = {"rule": "log_ratio", "results": "cost", "table": "cost", "column": "ratio", "claimed": [None, 1.1],
            "against": {"function": "b"}, "cases": {"mode": ["eager", "compiled"]}}  # fmt: skip
    computed = {"rule": "computed", "kind": "mechanism", "results": "facts", "table": "points", "column": "value",
                "claimed": [0, 1]}  # fmt: skip
    claims = [_claim(far={"results": "missing"}), evidence.claim(cost=cost, computed=computed)]
    decided = [one for claim in claims for one in decide_claim(claim, Evidence(root))]
    assert plan.missing(decided, Evidence(root)) == {"missing": 10, "question": 30, "cost": 10, "facts": 0}
    assert plan.price(30, "question", Evidence(root)) == "30 runs, about 0.3 h"
    assert plan.price(10, "missing", Evidence(root)) == "10 runs"
    assert [plan.duration(hours) for hours in (0.0, 0.02, 0.06, 1234.56)] == [
        "about 0.0 h", "under 0.1 h", "about 0.1 h", "about 1,234.6 h",
    ]  # fmt: skip

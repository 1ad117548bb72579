"""The overview in a browser: all claims on one screen of 1280 × 900, whatever became of them."""

import invented_outcomes
import pytest
from audit import CLAIMS
from browser import CHROMIUM, Browser

from actbench.ledger import overview, words
from actbench.ledger.evidence import Evidence
from actbench.report import page


def _ledger(choose):
    """Every claim; `choose` says which of its possible verdicts an atom has, by its place in the claim."""
    ledger = []
    for claim in CLAIMS:
        possible = [invented_outcomes.verdicts(atom) for atom in claim.atoms]
        chosen = [several[min(choose(place), len(several) - 1)] for place, several in enumerate(possible)]
        ledger.append((claim, list(map(invented_outcomes.decided, claim.atoms, chosen))))
    return ledger


@pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed: apt-get install chromium")
def test_all_claims_are_on_one_screen(tmp_path):
    bottoms = {}
    with Browser(tmp_path / "profile") as browser:
        for name, choose in {"true": lambda _: 0, "mixed": lambda place: place % 4, "open": lambda _: 3}.items():
            folder = tmp_path / name
            folder.mkdir()
            overview.write(folder, _ledger(choose), Evidence(tmp_path), draws=5)
            browser.open(folder / "report.html", width=1280)
            bottoms[name] = browser.run("document.querySelector('table').getBoundingClientRect().bottom")
            assert browser.run("document.querySelector('table').tBodies[0].rows.length") == len(CLAIMS)
    assert max(bottoms.values()) < 900, bottoms


def test_the_marks_of_verdicts_are_those_that_pages_colour():
    assert set(words.MARKS.values()) == set(page.MARKS)

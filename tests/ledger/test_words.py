"""The sentences of the overview: every finding of every claim, whatever became of its atoms."""

import re

import invented_outcomes
import pytest
from audit import CLAIMS

from actbench.ledger import decide, sentences, words
from actbench.ledger.claims import FINDINGS, MAX_WORDS, NOT_MEASURED, possible_verdicts

VERDICTS = {*FINDINGS.values(), NOT_MEASURED}


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.id)
def test_whatever_became_of_a_claim_its_finding_is_a_sentence_of_thirty_words(claim):
    cache = {
        (atom.name, verdict): invented_outcomes.decided(atom, verdict)
        for atom in claim.atoms
        for verdict in invented_outcomes.verdicts(atom)
    }
    seen = set()
    for found in invented_outcomes.outcomes(claim):
        decided = [cache[atom.name, found[atom.name]] for atom in claim.atoms]
        seen.add(decide.verdict(decided))
        text = words.finding(claim, decided)
        assert 0 < sentences.words(text) <= MAX_WORDS, (found, text)
        assert text.endswith(".")
        assert not re.search(r"[{}]|nan\b|None(?! of)|inf\b|\.\.|  ", text), (found, text)
        assert words.verdict(decided)[2:] in VERDICTS
        if "Open: " in text:
            assert NOT_MEASURED in found.values(), (found, text)
    assert seen >= possible_verdicts(claim.atoms)

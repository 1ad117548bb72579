"""The page of a claim, results/ledger/<id>.md: what became of it, each statement, why, where it is measured, how."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from actbench.command import options
from actbench.compare.sequential import MAX_SEEDS
from actbench.ledger import activations, figure, parse, plan, tables, why, words
from actbench.ledger.claims import MAX_WORDS, NOT_MEASURED, Atom, Claim
from actbench.ledger.decided import Decided
from actbench.ledger.evidence import Evidence
from actbench.report import functions, means, measures, page, writer
from actbench.report.numbers import enumeration, fixed, p_value
from actbench.report.page import Markdown
from actbench.report.writer import Save

# The folders that no experiment makes, each with its question and its command.
_CATALOGUE = {
    "functions": (functions.TITLE, "actbench.catalogue"),
    "gelu_cost": ("What do the forms of GELU cost?", "actbench.catalogue --cost --processes 10"),
}


def write(new: Path, claim: Claim, decided: Sequence[Decided], evidence: Evidence, *, save: Save) -> None:
    """Write the page of a claim in the folder `new`, and its figure where an atom has strips.

    Raises:
        ClaimError: If its interpretation cannot be read.
    """
    drawn = [one for one in decided if words.is_drawn(one)]
    written = why.read(claim, decided, parse.FOLDER)
    writer.write_page(
        new,
        Path(__file__).with_name("claim.md.j2"),
        name=claim.id,
        title=f"{claim.id}: {claim.says}",
        verdict=words.verdict(decided),
        finding=words.told(claim, decided, room=2 * MAX_WORDS),
        lacks=_lacks(decided, evidence),
        figure=save(figure.claim(drawn), claim.id) if drawn else "",
        statements=page.table(_statements([one for one in decided if one.atom.kind != "popular"], evidence)),
        popular=page.table(_statements([one for one in decided if one.atom.kind == "popular"], evidence)),
        settings=_settings(decided, evidence),
        date=written.date,
        why=Markdown(written.text),
        places=page.table(_places(claim, decided, evidence)),
        acts=Markdown(", ".join(map(_activation, activations.of_claim(claim, titles=activations.titles())))),
        source=claim.source,
        how=page.table(_how(decided)),
        cases=page.table(_cases(decided)),
    )


def _statements(decided: Sequence[Decided], evidence: Evidence) -> list[list[str]]:
    """Heading and a row for each atom: what it says and what became of it; its kind where they have several."""
    rows = [
        [
            f"{words.mark(one)} {one.verdict}",
            one.atom.states,
            _found(one, evidence),
            _seeds(one, evidence),
            one.atom.kind,
        ]
        for one in decided
    ]
    heading = ["verdict", "statement", "what we find", "seeds", "kind"]
    shown = len(heading) - (len({row[-1] for row in rows}) == 1)
    return [row[:shown] for row in [heading, *rows]] if rows else []


def _found(decided: Decided, evidence: Evidence) -> str:
    """The sentence of a statement; of one that is not measured, which experiments would decide it, and their price."""
    lacks = _lacks([decided], evidence) if decided.verdict == NOT_MEASURED else ""
    return f"To be decided by {lacks}." if lacks else words.sentence(decided)


def _seeds(decided: Decided, evidence: Evidence) -> str:
    """How many seeds a statement has, at which look, and what would decide it."""
    if decided.verdict in ("cited", NOT_MEASURED):
        return decided.verdict if decided.verdict == "cited" else ""
    if decided.outcome is None:
        return "computed"
    stand = f"{decided.outcome.n}, {words.look(decided)}"
    return stand if np.isnan(decided.outcome.price) else f"{stand}; {_more(decided.outcome.price, decided, evidence)}"


def _more(seeds: float, decided: Decided, evidence: Evidence) -> str:
    """The further seeds that would decide a statement, with their hours where a seed's time is known."""
    if np.isinf(seeds):
        return f"{fixed(MAX_SEEDS)} more would not decide it"
    hours = seeds * plan.seconds(decided, evidence) / 3600
    return f"{fixed(seeds)} more would decide it" + (f" ({plan.duration(hours)})" if np.isfinite(hours) else "")


def _lacks(decided: Sequence[Decided], evidence: Evidence) -> str:
    """The experiments that would decide what is open, each with its price."""
    prices = {name: plan.price(runs, name, evidence) for name, runs in plan.missing(decided, evidence).items()}
    return enumeration(f"{name} ({price})" if price else name for name, price in prices.items()) if prices else ""


def _settings(decided: Sequence[Decided], evidence: Evidence) -> list[Markdown]:
    """What each column of layers is in every setting of an experiment, of which the statements judge some."""
    of_layers = [one.atom for one in decided if one.atom.table in ("layers", "vanishing")]
    said = []
    for results, column in dict.fromkeys((case.results, atom.column) for atom in of_layers for case in atom.cases):
        works = evidence.workloads(results)
        measure = measures.of(column, works) if len(works) > 1 else None
        if measure and (sentence := means.sentence(measure, column, works)):
            said.append(Markdown(f"{_link(results, evidence)}: {page.escape(sentence)}"))
    return list(dict.fromkeys(said))


def _link(results: str, evidence: Evidence) -> str:
    return Markdown(f"[{results}](../{results}/report.md)") if evidence.has_report(results) else results


def _places(claim: Claim, decided: Sequence[Decided], evidence: Evidence) -> list[list[object]]:
    """Heading and a row for each results folder: its question, what it holds or lacks, the command that makes it."""
    experiments = options.options("experiment")
    rows: list[list[object]] = [["", "question", "command", "measured"]]
    for name in dict.fromkeys([*tables.folders(claim), *plan.missing(decided, evidence)]):
        question, command = _CATALOGUE.get(name, ("", ""))
        if name in experiments:
            question, command = options.describe(experiments[name]), f"actbench +experiment={name}"
        command = Markdown(f"`python -m {command}`" if command else "")
        rows.append([_link(name, evidence), question, command, evidence.origin(name)])
    return rows


def _activation(name: str) -> str:
    return f"[{page.escape(name)}](../../conf/act/{name}.yaml)"


def _how(decided: Sequence[Decided]) -> list[list[str]]:
    rows = [
        [
            one.atom.name,
            one.atom.rule,
            f"{one.atom.table}.{one.atom.column}",
            _claimed(one.atom),
            f"{one.atom.needs} of {len(one.atom.cases)}" if len(one.atom.cases) > 1 else "",
            ", ".join(map(str, one.atom.looks.sizes)) if one.atom.has_seeds else "",
            *(p_value(getattr(one.outcome, name, np.nan)) for name in ("p_holm", "q_holm")),
            one.chosen,
        ]
        for one in decided
        if one.atom.rule != "cited"
    ]
    heading = ["atom", "rule", "column", "claimed", "needs", "looks", "p (Holm)", "q (Holm)", "chosen on tuning seeds"]
    return [heading, *rows] if rows else []


def _claimed(atom: Atom) -> str:
    """The claimed set, where all cases have one."""
    sets = {words.claimed_set(atom, case) for case in atom.cases}
    return sets.pop() if len(sets) == 1 else "see each case"


def _cases(decided: Sequence[Decided]) -> list[list[str]]:
    rows = [
        [
            one.atom.name,
            case.name,
            words.claimed_set(one.atom, case),
            words.effect(one.atom, found),
            str(found.n or ""),
            p_value(found.p),
            p_value(found.q),
        ]
        for one in decided
        for case, found in zip(one.cases, one.estimates, strict=False)
    ]
    return [["atom", "case", "claimed", "found", "seeds", "p", "q"], *rows] if rows else []

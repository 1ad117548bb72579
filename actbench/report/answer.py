"""What a page says first: at most three sentences that answer its question, made of the tables and the ledger."""

from collections.abc import Collection, Sequence

import numpy as np
import pandas as pd

from actbench.compare import convergence, ranking
from actbench.compare.comparison import Comparison
from actbench.compare.errors import MARGIN
from actbench.compare.paired import JUDGED
from actbench.compare.workloads import Workload
from actbench.report import asked, means, measures, numbers, sentences, settings
from actbench.report import atoms as of_ledger
from actbench.report import convergence as convergence_said
from actbench.report.numbers import enumeration, percent

MANY = 12  # from so many variants on the question is which of them to use
_MOST = 3  # sentences
_NAMED = 6  # the most variants that a sentence names


def answer(
    works: list[Workload],
    comparisons: list[Comparison | None],
    atoms: pd.DataFrame,
    *,
    is_yes_or_no: bool,
    asked_for: Sequence[str] = (),
) -> list[str]:
    """The sentences: of twice the training, of a choice among many, of what was asked for, of the ledger, of the means.

    A question that asks for yes or no is answered by a statement that is true or false, any other by means. `asked_for`
    is what the experiment is answered by, see `asked.py`.
    """
    if len(doubled := convergence.of_workloads(works)):
        return [convergence_said.sentence(doubled)]
    if choice := chosen(works, comparisons):
        return choice[:_MOST]
    decided = of_ledger.measured(atoms)
    places = {asked.column(entry): i for i, entry in enumerate(asked_for)}
    decided = decided.sort_values("column", key=lambda names: names.map(places).fillna(len(places)), kind="stable")
    found, told = [_atom(row) for row in decided.to_dict("records")], _measured(works, decided, asked_for)
    said = [*asked.statements(asked_for, works), *([*found, *told] if is_yes_or_no else [*told, *found])]
    if not said or len(works) == 1:  # of several settings one alone is not named behind what is said of all
        said += [
            s for work, one in zip(works, comparisons, strict=True) for s in _of_means(work, one, is_alone=not said)
        ]
    return list(dict.fromkeys(said))[:_MOST]


def is_choice(comparison: Comparison | None) -> bool:
    """Whether a comparison has so many variants that the question is which of them to use."""
    return comparison is not None and len(comparison.verdicts) >= MANY


def chosen(works: list[Workload], comparisons: Sequence[Comparison | None]) -> list[str]:
    """Which are better than the reference, how many are as good or may be the best, which do not learn."""
    named = zip(settings.named(works), comparisons, strict=True)
    kept = [(name, one) for name, one in named if one is not None and is_choice(one)]
    if not kept:
        return []
    clauses: list[list[tuple[str, str]]] = [[(name, say(one)) for name, one in kept] for say in (_better, _as_good)]
    clauses.append([(name, f"avoid {enumeration(failed)}") for name, one in kept if (failed := _failed(one))])
    names = {name for _, one in kept for name in one.verdicts["variant"]}
    *said, avoid = [_joined(several, names) for several in clauses]
    return [*said, *([f"{avoid[:-1]}: so many seeds diverge or stay at chance."] if avoid else [])]


def _joined(clauses: list[tuple[str, str]], names: Collection[str]) -> str:
    """`With one learning rate for all, A; tuned for each, B.`, without a capital where a name comes first."""
    text = "; ".join(f"{_with(name)}{clause}" for name, clause in clauses)
    first = text[:1] if text.partition(" ")[0].rstrip(",") in names else text[:1].upper()
    return f"{first}{text[1:]}." if text else ""


def _with(name: str) -> str:
    return "" if not name else f"with {name}, " if name.startswith("one ") else f"{name}, "


def _better(comparison: Comparison) -> str:
    """Which are better than the reference, named where they are few."""
    rows = comparison.verdicts
    names = rows.loc[rows["verdict"] == "better", "variant"].tolist()
    if not names:
        return f"none of {len(rows)} is shown to be better than {comparison.reference}"
    first = f"{enumeration(names)} {'is' if len(names) == 1 else 'are'}"
    return f"{first if len(names) <= _NAMED else f'{len(names)} of {len(rows)} are'} better than {comparison.reference}"


def _as_good(comparison: Comparison) -> str:
    """How many are as good as the reference, by the margin, and how many may be the best."""
    rows, best = comparison.verdicts, comparison.best_set
    equal = int((rows["verdict"] == "equivalent").sum())
    words, _ = numbers.metric(comparison.value)
    said = (
        f"{equal or 'none'} of {len(rows)} {'are' if equal > 1 else 'is' if equal else 'is shown to be'} within "
        f"{percent(MARGIN - 1)} of its {words}"
    )
    if not len(best):
        return said
    members = int(best["in_set"].sum())
    return f"{said}, and on the {best['n'].max()} seeds that all share {members} of {len(best)} may be the best"


def _failed(comparison: Comparison) -> list[str]:
    """`threshold (3 of 10 seeds)` of each variant with such seeds, the most first."""
    rates = comparison.failures.sort_values("rate", ascending=False, kind="stable")
    failed = rates[rates["failed"] > 0].to_dict("records")
    return [f"{row['variant']} ({row['failed']} of {row['n']}{' seeds' * (not i)})" for i, row in enumerate(failed)]


def _measured(works: list[Workload], decided: pd.DataFrame, asked_for: Sequence[str]) -> list[str]:
    """The means over all settings of the columns that were asked for, else of the ledger's first."""
    columns = asked.means(asked_for) if asked_for else decided["column"].dropna().tolist()[:1]
    found = [(measures.of(column, works), column) for column in columns]
    return [said for measure, column in found if measure and (said := means.sentence(measure, column, works))]


def _atom(row: dict) -> str:
    """`True for sigmoid: “What was stated beforehand.” What was found.`"""
    verdict = {"true": "True", "false": "False", "not shown": "Not shown"}.get(row["verdict"], "Undecided")
    of = f" for {row['act']}" if row["act"] else ""
    return f"{verdict}{of}: “{row['states']}” {row['sentence']}"


def _of_means(work: Workload, comparison: Comparison | None, *, is_alone: bool) -> list[str]:
    """The best mean of one workload, and where nothing else is said what the comparison or the layers say."""
    runs, _, layers = work.tables
    primary = ranking.primary(runs)
    said = [sentences.best(runs, name) for name in (primary,) if name and np.isfinite(runs[name]).any()]
    if is_alone and comparison:
        said += [_joined([("", say(comparison))], {*comparison.verdicts["variant"]}) for say in (_better, _as_good)]
    elif is_alone:
        said += _before_the_first_look(work)
        said += [] if said or not len(layers) else [sentences.most_vanishing(layers), sentences.most_biased(layers)]
    where = f"{work.title}: " if work.title else ""
    return [f"{where}{sentence}" for sentence in said if sentence]


def _before_the_first_look(work: Workload) -> list[str]:
    """That there are no verdicts yet, where more seeds would bring them."""
    runs = work.tables.runs[work.tables.runs["status"] != "failed"]
    n = runs.groupby("variant")["seed"].nunique()
    reference, first = work.reference, work.looks.sizes[0]
    if ranking.primary(runs) not in JUDGED or reference not in n or len(n) < 2 or n[reference] >= first:
        return []
    return [f"No verdicts yet: the first look is at {first} seeds, and {reference} has {n[reference]}."]

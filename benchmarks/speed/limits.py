"""What keeps a target from being reached: sentences from the profile that the same command measured."""

import pandas as pd

from benchmarks.speed.tables import interval, number

_TRAINING = "training, one seed"
_WIDER = "training, model."
_PRODUCTS = "its products alone, forward and backward"


def sentences(ratios: pd.DataFrame) -> list[str]:
    """Of the targets that are not reached, what the profile says; nothing where it was not measured."""
    if not len(ratios):
        return []
    missed = ratios[ratios["verdict"].isin(["missed", "open"])]
    cases = ratios.loc[ratios["comparison"] == "peak", "case"].unique()
    said = [_of_training(ratios, case) for case in cases if case in set(missed["case"])]
    if "workers" in set(missed["comparison"]):
        said += [_of_workers(ratios), _of_sweeps(ratios)]
    said += [_of_probes(ratios, case) for case in missed.loc[missed["comparison"] == "probing", "case"]]
    return [sentence for sentence in said if sentence]


def _of_training(ratios: pd.DataFrame, case: str) -> str:
    """How the time of training is made up, and what other products would bring."""
    at = _lookup(ratios, "peak", case)
    peak = next((against for arm, against in at if arm == _TRAINING), "")
    if not {(_TRAINING, peak), (_PRODUCTS, _TRAINING)} <= set(at):
        return ""
    share, products = at[_TRAINING, peak]["ratio"], at[_PRODUCTS, _TRAINING]["ratio"]
    said = (
        f"{case}: the products of forward and backward alone, at their own shapes, take {number(products)} of the time "
        f"of training and reach {number(share / products)} of {peak.removesuffix(', the best')}'s best: with nothing "
        f"else to do training would be {number(1 / products)} times as fast."
    )
    parts = {
        "activations and pooling": "activations and pooling alone, forward and backward",
        "the optimizer": "the optimizer alone",
        "making batches": "batches alone",
    }
    told = _shares(at, parts, _TRAINING)
    if told:
        said += f" Of the time: {told}."
    wider = next((row for (arm, against), row in at.items() if arm.startswith(_WIDER) and against == peak), None)
    if wider:
        settings = wider["arm"].removeprefix("training, ")
        said += f" At {settings} the same loop reaches {_told(wider)} of that best."
    other = at.get(("training, products by oneDNN", _TRAINING))
    if other:
        said += f" With oneDNN's products in place of torch.mm's it is {_told(other)} times as fast"
        no_way = "; torch has no public way to choose them, and they round otherwise"
        said += f"{no_way if other['low'] > 1 else ''}."
    return said


def _of_workers(ratios: pd.DataFrame) -> str:
    """What a second worker brings to work that shares nothing."""
    alone = _lookup(ratios, "workers", "torch.mm alone").get(("2 workers", "1 worker"))
    if not alone:
        return ""
    said = (
        f"Two workers: torch.mm alone, which shares neither data nor tables, gains {_told(alone)} from the second one"
    )
    return f"{said}, so that to products these two cores are not two whole ones." if alone["high"] < 1.8 else f"{said}."


def _of_sweeps(ratios: pd.DataFrame) -> str:
    """What a sweep would be against the tutorial's loops, had the machine two whole cores."""
    for case in ratios.loc[ratios["comparison"] == "workers", "case"].unique():
        at = _lookup(ratios, "workers", case)
        both, loops = at.get(("2 workers", "1 worker")), at.get(("2 workers", "tutorial loops in turn"))
        if both and loops:
            alone = loops["ratio"] / both["ratio"]
            parts = {"training": "its training alone", "data": "its data alone", "evaluation": "its evaluation alone"}
            told = _shares(at, parts, "1 worker")
            return (
                f"{case}: one worker is {number(alone)} times as fast as the loops in turn; a second one that gained "
                f"2 would make it {number(2 * alone)}." + (f" Of one worker's time: {told}." if told else "")
            )
    return ""


def _of_probes(ratios: pd.DataFrame, case: str) -> str:
    """What of the probes' time no cheaper measure would save."""
    at = _lookup(ratios, "probing", case)
    parts = {
        "the forward and backward passes on their batch": "their passes alone, forward and backward",
        "the covariances of outputs": "their covariances alone, float64",
    }
    told = _shares(at, parts, "probes alone, default schedule")
    return f"{case}: of the probes' time {told}." if told else ""


def _shares(at: dict[tuple[str, str], dict], parts: dict[str, str], whole: str) -> str:
    """Each part in words with its share of the whole's time; nothing where none was measured."""
    return ", ".join(f"{what} {number(at[arm, whole]['ratio'])}" for what, arm in parts.items() if (arm, whole) in at)


def _lookup(ratios: pd.DataFrame, comparison: str, case: str) -> dict[tuple[str, str], dict]:
    own = ratios[(ratios["comparison"] == comparison) & (ratios["case"] == case)]
    return {(row["arm"], row["against"]): row for row in own.to_dict("records")}


def _told(row: dict) -> str:
    return interval(row["ratio"], row["low"], row["high"])

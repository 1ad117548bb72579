"""Why a target is not reached: sentences from the profile that the same command measured."""

import pandas as pd

from actbench.report.numbers import bracketed, rounded

_TRAINING = "training, one seed"
_WIDER = "training, model."
_PRODUCTS = "its products alone, forward and backward"


def sentences(ratios: pd.DataFrame) -> list[str]:
    """What the profile says about each target that is not reached; no sentence where no profile was measured."""
    if not len(ratios):
        return []
    missed = ratios[ratios["verdict"].isin(["missed", "open"])]
    cases = ratios.loc[ratios["comparison"] == "peak", "case"].unique()
    texts = [_training_text(ratios, case) for case in cases if case in set(missed["case"])]
    if "workers" in set(missed["comparison"]):
        texts += [_worker_text(ratios), _sweep_text(ratios)]
    texts += [_probe_text(ratios, case) for case in missed.loc[missed["comparison"] == "probing", "case"]]
    return [text for text in texts if text]


def _training_text(ratios: pd.DataFrame, case: str) -> str:
    """Where the time of training goes, and what faster products would bring."""
    rows = _rows(ratios, "peak", case)
    peak = next((against for arm, against in rows if arm == _TRAINING), "")
    if not {(_TRAINING, peak), (_PRODUCTS, _TRAINING)} <= set(rows):
        return ""
    share, products = rows[_TRAINING, peak]["ratio"], rows[_PRODUCTS, _TRAINING]["ratio"]
    text = (
        f"{case}: the products of forward and backward alone, at their own shapes, take {rounded(products)} of the "
        f"time of training and reach {rounded(share / products)} of {peak.removesuffix(', the best')}'s best: with "
        f"nothing else to do training would be {rounded(1 / products)} times as fast."
    )
    parts = {
        "activations and pooling": "activations and pooling alone, forward and backward",
        "the optimizer": "the optimizer alone",
        "making batches": "batches alone",
    }
    shares = _shares(rows, parts, _TRAINING)
    if shares:
        text += f" Of the time: {shares}."
    wider = next((row for (arm, against), row in rows.items() if arm.startswith(_WIDER) and against == peak), None)
    if wider:
        settings = wider["arm"].removeprefix("training, ")
        text += f" At {settings} the same loop reaches {_interval(wider)} of that best."
    onednn = rows.get(("training, products by oneDNN", _TRAINING))
    if onednn:
        text += f" With oneDNN's products in place of torch.mm's it is {_interval(onednn)} times as fast"
        caveat = "; torch has no public way to choose them, and they round otherwise"
        text += f"{caveat if onednn['low'] > 1 else ''}."
    return text


def _worker_text(ratios: pd.DataFrame) -> str:
    """What a second worker brings to work that shares nothing."""
    alone = _rows(ratios, "workers", "torch.mm alone").get(("2 workers", "1 worker"))
    if not alone:
        return ""
    gain = _interval(alone)
    text = f"Two workers: torch.mm alone, which shares neither data nor tables, gains {gain} from the second one"
    return f"{text}, so that to products these two cores are not two whole ones." if alone["high"] < 1.8 else f"{text}."


def _sweep_text(ratios: pd.DataFrame) -> str:
    """How fast a sweep would be against the tutorial's loops on a machine with two whole cores."""
    for case in ratios.loc[ratios["comparison"] == "workers", "case"].unique():
        rows = _rows(ratios, "workers", case)
        two, loops = rows.get(("2 workers", "1 worker")), rows.get(("2 workers", "tutorial loops in turn"))
        if two and loops:
            one = loops["ratio"] / two["ratio"]
            parts = {"training": "its training alone", "data": "its data alone", "evaluation": "its evaluation alone"}
            shares = _shares(rows, parts, "1 worker")
            return (
                f"{case}: one worker is {rounded(one)} times as fast as the loops in turn; a second one that gained "
                f"2 would make it {rounded(2 * one)}." + (f" Of one worker's time: {shares}." if shares else "")
            )
    return ""


def _probe_text(ratios: pd.DataFrame, case: str) -> str:
    """The shares of the probes' time that cheaper measures could not save."""
    rows = _rows(ratios, "probing", case)
    parts = {
        "the forward and backward passes on their batch": "their passes alone, forward and backward",
        "the covariances of outputs": "their covariances alone, float64",
    }
    shares = _shares(rows, parts, "probes alone, default schedule")
    return f"{case}: of the probes' time {shares}." if shares else ""


def _shares(rows: dict[tuple[str, str], dict], parts: dict[str, str], whole: str) -> str:
    """The name of each part that was measured, with its share of the whole's time."""
    ratios = {name: rows[arm, whole]["ratio"] for name, arm in parts.items() if (arm, whole) in rows}
    return ", ".join(f"{name} {rounded(ratio)}" for name, ratio in ratios.items())


def _rows(ratios: pd.DataFrame, comparison: str, case: str) -> dict[tuple[str, str], dict]:
    """The ratios of a case, by arm and the arm that it is compared with."""
    rows = ratios[(ratios["comparison"] == comparison) & (ratios["case"] == case)]
    return {(row["arm"], row["against"]): row for row in rows.to_dict("records")}


def _interval(row: dict) -> str:
    return bracketed(row["ratio"], row["low"], row["high"])

"""Hydra's sweeper that adds seeds until all is decided: hydra/sweeper=settle.

What is open follows from the tables alone, so the same command goes on.
"""

from actbench.command.compose import Lines
from hydra_plugins.actbench_sweeper import ActbenchSweeper


class SettleSweeper(ActbenchSweeper):
    """Measures the first look of an experiment, and further looks of what is open after it."""

    def _check(self, lines: Lines) -> None:
        from actbench.sweep.settle import check

        check([job for _, job in lines])

    def _measure(self, lines: Lines, runs: set) -> None:
        """Measure look after look; after each, say what is open and what the next one costs."""
        from actbench.ledger import parse
        from actbench.measure import run
        from actbench.report.console import paragraph
        from actbench.sweep import progress, settle
        from actbench.tables import store

        settling = settle.Settling(lines)
        sizes, settings = settling.looks.sizes, settling.all_settings()
        run.renew([job for _, job in settling.packs(settings, sizes[-1])])
        claims = parse.claims()
        for look, size in enumerate(sizes, 1):
            super()._measure(settling.packs(settings, size), runs)
            after = settle.open_after(settling.folder, claims)
            progress.say(paragraph(f"Look {look} of {len(sizes)}, {size} seeds: {after.text}."))
            settings = settling.settings_of(after.run_ids)
            if not settings or look == len(sizes):
                return
            tables = store.collect(settling.folder)
            n_jobs = self._context["config"].hydra.launcher.get("n_jobs")
            cost = settling.cost(settings, look=look, tables=tables, n_jobs=n_jobs)
            progress.say(f"The next look, {sizes[look]} seeds: {cost}.")

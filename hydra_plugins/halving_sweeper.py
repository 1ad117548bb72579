"""Hydra's sweeper that tunes: hydra/sweeper=halving, with the axes optim.lr and init.

What goes on follows from the runs alone (`compare.halving`), so the same command goes on.
"""

from typing import Any

from actbench.command.compose import Lines
from hydra_plugins.actbench_sweeper import ActbenchSweeper


class HalvingSweeper(ActbenchSweeper):
    """Measures each setting of an activation on few seeds, and the best of them on more."""

    def __init__(self, rungs: Any, keep: Any, **basic: Any) -> None:
        super().__init__(**basic)
        self._rungs, self._keep = rungs, keep

    def _check(self, lines: Lines) -> None:
        from actbench.sweep.halving import shared_setting, tuning_of

        shared = shared_setting(self._context["config"])
        jobs = [job for _, job in lines]
        self._tuning = tuning_of(jobs, shared=shared, rungs=self._rungs, keep=self._keep)

    def _measure(self, lines: Lines, runs: set) -> None:
        """Measure rung after rung, each run once: a failed one is tried by the next command."""
        from actbench.measure import run
        from actbench.sweep import halving, progress

        search, tried = halving.Search(lines, self._tuning), set()
        run.renew([search.pack(v, *pack)[1] for v, c in search.courses().items() for pack in c.packs])
        while True:
            courses = search.courses()
            progress.say(halving.sentence(list(courses.values())))
            packs = [search.pack(v, *pack) for v, c in courses.items() for pack in c.packs]
            runs |= {(search.folder, name) for _, _, name in packs}
            waiting = [search.pack(v, *pack) for v, c in courses.items() for pack in c.waiting]
            new = [(line, job) for line, job, name in waiting if name not in tried]
            if not new:
                return
            tried |= {name for *_, name in waiting}
            super()._measure(new, runs)

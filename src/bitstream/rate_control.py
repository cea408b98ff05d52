"""Rate control: the search for the quantisation step that meets a target PSNR or rate.

A few tiles are coded at some steps, then all tiles at the step that they promise; a step that turns out to miss is
given up early.
"""

from ..errors import AiwaveError
from .target import EVALUATIONS, Solver, Target
from .trial import Search, Trial
from .writer import Writer


def search(writer: Writer, target: Target) -> bytes:
    """The stream that meets a target; one that is exact throughout, and smaller than with the model, needs no search.

    Raises AiwaveError, with the attainable range, if no step does.
    """
    found, goal = Search(writer, target), target.scaled(target.value)
    order = found.survey.order
    for tile in writer.grid.tiles():
        if tile.number in found.survey.fixed:
            writer.report(tile)
    trials: dict[int, Trial] = {}

    def of_sample(log_step: int) -> float:
        trials[log_step] = Trial(found, log_step)
        trials[log_step].code(order[: found.sample])
        return trials[log_step].value()

    start = found.start(goal)
    if not order:
        return Trial(found, start).stream()
    first = Solver(found.bounds, target, found.slope(start))
    try:
        log_step = first.solve(of_sample, goal, start, target.tolerance / 3)
    except AiwaveError:
        trials[start].code(order, final=True)
        if trials[start].needs_model:
            raise
        return trials[start].stream()
    last, certain = Solver(found.bounds, target, first.slope), dict[int, float]()
    for _ in range(EVALUATIONS):
        trial = trials.get(log_step) or Trial(found, log_step)
        trials.clear()
        _advance(trial, goal)
        if trial.is_complete and (not trial.needs_model or trial.certain(goal)):
            return trial.stream()
        value, slope = trial.value(), last.slope
        if trial.is_complete:
            found.learn(trial)
            certain[log_step] = value
            last = Solver(found.bounds, target, slope)
            last.known |= certain
        last.known[log_step] = value
        if (log_step := last.next(goal)) in last.known:
            break
    trial = Trial(found, min(last.known, key=lambda x: abs(last.known[x] - goal)))
    trial.code(order, final=True)
    if trial.certain(goal):
        return trial.stream()
    raise last.out_of_reach(target.value)


def _advance(trial: Trial, goal: float) -> None:
    """Code all tiles, or give up at an eighth or a third of them if their estimate misses the goal.

    Then the next trials, which other tiles than these would mislead, are not judged by fewer.
    """
    search = trial.search
    order, tolerance = search.survey.order, search.target.tolerance
    for count, share in ((len(order) // 8, 0.5), (len(order) // 3, 0.75)):
        if count < search.least:
            continue
        trial.code(order[:count], final=True)
        if abs(trial.value() - goal) > share * tolerance:
            search.least = count
            return
    trial.code(order, final=True)

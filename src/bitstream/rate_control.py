"""Rate control: the search for the quantisation step that meets a target PSNR or rate.

Tiles are coded at the step that all that is known promises, those first that no trial has coded; a trial is given up
as soon as its step is likely to miss.
"""

from .step_search import Search
from .target import Solver, Target
from .trial import Trial
from .writer import Writer

EVALUATIONS = 16
"""Trials that are coded to the end, at most."""

GIVEN_UP = 6
"""So many trials may be given up; whatever comes then is coded to the end."""

IN_VAIN = 0.75
"""Cost of a trial that misses, in units of coding all tiles: some misses show before the end."""


def search(writer: Writer, target: Target) -> bytes:
    """The stream that meets a target; one that is exact throughout, and smaller than with the model, needs no search.

    Raises TargetMissed, with what the steps tried gave, if none of them does.
    """
    found, goal = Search(writer, target), target.scaled(target.value)
    for tile in writer.grid.tiles():
        if tile.number in found.survey.fixed:
            writer.report(tile)
    if not found.order:  # no step matters
        return Trial(found, found.bounds[0]).stream()
    log_step = found.best(goal)
    solver = Solver(found.bounds, target)
    for attempt in range(GIVEN_UP + EVALUATIONS):
        trial = Trial(found, log_step)
        may_end = attempt < GIVEN_UP and not solver.known
        if not _run(trial, goal, may_end):
            log_step = found.best(goal)
            continue
        if not trial.needs_model or trial.certain(goal):
            return trial.stream()
        solver.guess = found.slope(log_step)
        solver.known[log_step] = trial.value()
        if trial.is_exact:
            solver.exact.add(log_step)
        if (log_step := solver.next(goal)) in solver.known:
            break
    raise solver.missed(goal, writer.source.scale)


def _run(trial: Trial, goal: float, may_end: bool) -> bool:
    """Code all tiles. Returns False if it `may_end` before and does, since another step is likely to be better.

    It ends if what is coded so far is less work than `IN_VAIN` of all tiles, times the probability to miss the goal
    that the best step would save.
    """
    found = trial.search
    new = found.is_new
    places = [*new.nonzero()[0], *(~new).nonzero()[0]]
    done, count, all_work = 0, found.sample, int(found.sizes.sum())
    while done < len(places):
        end = count if may_end and count < 0.7 * len(places) else len(places)
        trial.code([found.order[k] for k in places[done:end]])
        done, count = end, 2 * count
        log_step = trial.log_step
        saved = found.risk(log_step, abs(trial.value() - goal)) - found.risk(log_step, 0.0)
        in_vain = IN_VAIN * saved * all_work > found.sizes[places[:done]].sum() and found.best(goal) != log_step
        if in_vain and done < len(places):
            return False
    return True

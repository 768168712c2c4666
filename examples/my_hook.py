"""A flywheel hook of one's own: fresh tasks of the structures that the policy is worst at. Run it to check it."""

from collections import defaultdict

from verl_agentic.core import UserInputError
from verl_agentic.flywheel import RoundResult


class DrillHook:
    """Drills what fails.

    Args:
        families: task family by kind; the run hands them over.
        share: of the wanted tasks, 0 to 1.
    """

    def __init__(self, families, share=0.5):
        if not 0 <= share <= 1:
            raise UserInputError(f"DrillHook: share must lie between 0 and 1, got {share!r}")
        self._families = families
        self._share = share

    def __call__(self, round):
        result = RoundResult()
        found = defaultdict(list)
        for one in round.results:
            family = self._families.get(one.task.kind)
            if family and one.task.structure in family.structures("train"):
                found[one.task.kind, one.task.structure].append(one.success)
        worst = sorted(found, key=lambda key: sum(found[key]) / len(found[key]))[:3]
        made = {}
        for attempt in range(8 * round.wanted):  # a generator that only repeats itself must not keep the round going
            if not worst or len(made) >= self._share * round.wanted or round.out_of_time:
                break
            kind, structure = worst[attempt % len(worst)]
            family = self._families[kind]
            task = family.told(family.generate(structure, round.rng))
            if task.id not in round.known_ids:
                made[task.id] = task
        result.new_tasks = list(made.values())
        result.counts = {"structures": len(worst), "fresh": len(made)}
        return result


if __name__ == "__main__":
    from verl_agentic.contracts import check_hook
    from verl_agentic.synthesis.families import load_families

    families = load_families(["math", "service"])
    record = check_hook(lambda: DrillHook({family.kind: family for family in families}), families)
    print(f"contract kept: {record.counts}")

"""The contracts of what works between epochs: the flywheel's hooks, and language models."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import jsonschema

from verl_agentic.contracts.base import ContractError, demand, judged, run
from verl_agentic.core import FailureKind, Outcome, Rejection, Task, UserInputError
from verl_agentic.core.chat import ChatModel, ChatReply, ChatRequest
from verl_agentic.flywheel import ExpertVerifier, FlywheelHook, protected_splits, run_round
from verl_agentic.reward_fns.registry import success
from verl_agentic.store import RoundRecord, Store, store_url
from verl_agentic.synthesis.base import TaskFamily
from verl_agentic.tool_envs.users.registry import make_user

_SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}


def check_hook(
    make: Callable[[], FlywheelHook], families: Sequence[TaskFamily], wanted: int = 4, seed: int = 0
) -> RoundRecord:
    """Check a hook by running rounds on databases of their own.

    The policy of the epoch before solves every other sample of each task. The hook must give the same result for the
    same input, stay within the number that is wanted, and make only tasks that their family's expert solves and that
    are not kept for evaluation. A round without any results must pass, too.

    Args:
        make: makes the hook.
        families: families of the pool's tasks.
        wanted: number of new tasks to ask for.
        seed: of the pool and the rounds.

    Returns:
        What a round did, by its counts.

    Raises:
        ContractError: naming what is wrong.
    """
    pool = [
        family.generate(structure, random.Random(f"{seed}/{structure}"))
        for family in families
        for structure in family.structures("train")[:4]
    ]
    outcomes = [outcome for task in pool for outcome in _outcomes(task, families)]
    first = _round(make(), families, pool, outcomes, wanted, seed)
    second = _round(make(), families, pool, outcomes, wanted, seed)
    demand(first == second, "the same input gives another result in a second round; draw from round.rng alone")
    _round(make(), families, pool, [], wanted, seed)
    _round(make(), families, pool, outcomes, 0, seed)
    return first[0]


def _outcomes(task: Task, families: Sequence[TaskFamily]) -> list[Outcome]:
    family = next(one for one in families if one.kind == task.kind)
    verdicts = [
        judged(task, family.expert(task), f"the expert of {task.id}"),
        judged(task, lambda messages, tools: "<answer></answer>", f"silence on {task.id}"),
    ]
    return [
        Outcome(task.id, number, 1, 0, verdict["score"], verdict["acc"], FailureKind(verdict["failure"]), 1)
        for number, verdict in enumerate(verdicts)
    ]


def _round(
    hook: FlywheelHook,
    families: Sequence[TaskFamily],
    pool: Sequence[Task],
    outcomes: Sequence[Outcome],
    wanted: int,
    seed: int,
) -> tuple[RoundRecord, list[str]]:
    """What a round did, and the ids of the tasks it added."""
    unfit: list[str] = []
    solved = ExpertVerifier({family.kind: family for family in families}, success, lambda _: make_user("scripted"))

    def verifier(task: Task) -> Rejection | None:
        reason = solved(task)
        if reason is not None:
            unfit.append(f"{task.id}: {reason}")
        return reason

    with tempfile.TemporaryDirectory() as folder, Store(store_url(folder)) as store:
        store.add_tasks(pool)
        store.record_outcomes(outcomes, [outcome.task_id for outcome in outcomes])
        before = set(store.task_ids())
        try:
            record = run_round(
                store, 1, [hook], seed=seed, wanted=wanted, verifier=verifier, protected=protected_splits(families)
            )
        except UserInputError as error:
            raise ContractError(str(error)) from error
        added = sorted(set(store.task_ids()) - before)
    demand(not record.counts.get("protected"), "it makes tasks of structures that are kept for evaluation")
    demand(not unfit, f"it makes a task that must not enter: {next(iter(unfit), '')}")
    demand(len(added) <= wanted, f"{wanted} new tasks are wanted, and it makes {len(added)}; keep to round.wanted")
    return record, added


def check_chat_model(make: Callable[[], ChatModel]) -> list[ChatReply]:
    """Check a language model by asking it for free text and for JSON of a schema, from two threads at once.

    Args:
        make: makes the model.

    Returns:
        A reply in free text, and one to the schema.

    Raises:
        ContractError: naming what is wrong.
    """
    model = make()
    free = ChatRequest(({"role": "user", "content": "Say hello."},), purpose="contract")
    wanted = 'Name one city as JSON, e.g. {"city": "Oslo"}.'
    told = ChatRequest(({"role": "user", "content": wanted},), purpose="contract", schema=_SCHEMA)

    def ask(request: ChatRequest) -> ChatReply:
        return run(model.complete(request), f"complete({request.messages[0]['content']!r})")

    with ThreadPoolExecutor(2) as threads:
        replies = list(threads.map(ask, (free, told)))
    for reply in replies:
        demand(isinstance(reply, ChatReply), f"complete() must return a ChatReply, got {type(reply).__name__}")
        demand(isinstance(reply.content, str), f"ChatReply.content must be a text, got {reply.content!r}")
        demand(reply.usage.tokens >= 0 and reply.usage.cost >= 0, f"usage must not be negative, got {reply.usage}")
    demand(replies[0].parsed is None, "without a schema ChatReply.parsed must be None")
    try:
        jsonschema.validate(replies[1].parsed, _SCHEMA)
    except jsonschema.ValidationError as error:
        raise ContractError(f"ChatReply.parsed does not match the request's schema: {error.message}") from error
    metrics = model.metrics()
    wrong = [name for name, value in metrics.items() if isinstance(value, bool) or not isinstance(value, int | float)]
    demand(not wrong, f"metrics() must be numbers by name, got {wrong[:1]}")
    return replies

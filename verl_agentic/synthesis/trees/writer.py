"""Behavior trees by a language model: invented, or grown from others; checked, and mended by the checker's reasons."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from verl_agentic.core import BrokenTaskError, InfrastructureError, Message, RejectedError, Rejection, UserInputError
from verl_agentic.core.behavior_tree import BehaviorTree, Call, Leaf, to_data
from verl_agentic.core.chat import (
    BudgetSpentError,
    ChatModel,
    ChatRequest,
    ChatUsage,
    MalformedReplyError,
    RefusalError,
)
from verl_agentic.core.messages.speech import MARKS
from verl_agentic.core.untrusted.fence import clipped
from verl_agentic.synthesis.trees.check import check_form, check_tree
from verl_agentic.synthesis.trees.edit import affected
from verl_agentic.synthesis.trees.prompts import grow_messages, invent_messages, mend_message
from verl_agentic.synthesis.trees.shape import OPERATOR, PREFIX, tree_shape
from verl_agentic.synthesis.trees.wire import WIRE_SCHEMA, from_wire

logger = logging.getLogger(__name__)

MAX_NODES = 64
"""Nodes of a tree that a model may write; every leaf of it is played."""
MAX_TOKENS = 8192
MAX_DRAFT_CHARS = 20_000
_MAX_DETAIL_CHARS = 400
_MAX_NAME_CHARS = 24

Accept = Callable[[BehaviorTree], None]
"""Raises :class:`RejectedError` where a tree is not wanted."""


@dataclass(slots=True)
class Writing:
    """What came of asking for one tree.

    Attributes:
        tree: the tree, ``None`` where there is none.
        rejections: what was rejected on the way, each with its text.
        requests: how often the model was asked; what a budget refused does not count.
        usage: what the replies took; cached ones take nothing.
        outage: why it could not be asked to the end.
    """

    tree: BehaviorTree | None = None
    rejections: list[Rejection] = field(default_factory=list)
    requests: int = 0
    usage: ChatUsage = field(default_factory=ChatUsage)
    outage: InfrastructureError | UserInputError | None = None


class TreeWriter:
    """Asks a language model for trees.

    Args:
        model: the language model.
        repairs: how often it may mend a tree that a check rejects.
        temperature: of the model.
        max_tokens: longest reply.
    """

    def __init__(
        self, model: ChatModel, repairs: int = 2, temperature: float = 0.8, max_tokens: int = MAX_TOKENS
    ) -> None:
        self._model = model
        self._repairs = repairs
        self._temperature = temperature
        self._max_tokens = max_tokens

    @property
    def most_requests(self) -> int:
        """Requests that one tree may take."""
        return 1 + self._repairs

    async def invent(
        self, persona: str, policy: str, sample: int, accept: Accept = lambda tree: None, taken: Sequence[str] = ()
    ) -> Writing:
        """A tree of a new domain.

        Args:
            persona: who turns to the business.
            policy: text of a business policy to go by, may be empty. Both are data to the model, no instructions.
            sample: tells requests apart that are alike.
            accept: further checks.
            taken: names of domains that there are.
        """

        def finish(tree: BehaviorTree) -> BehaviorTree:
            name = "".join(char for char in tree.name if char.isalnum() or char == "-")[:_MAX_NAME_CHARS]
            return replace(tree, name=f"{PREFIX}{name}-{tree_shape(tree)[:6]}")

        return await self._write(invent_messages(persona, policy, taken), sample, finish, accept)

    async def grow(self, tree: BehaviorTree, sample: int, accept: Accept = lambda tree: None) -> Writing:
        """A checked tree with further branches; all that it had it still has.

        Args:
            tree: the tree.
            sample: tells requests apart that are alike.
            accept: further checks.
        """

        def finish(after: BehaviorTree) -> BehaviorTree:
            check_growth(tree, after)
            return replace(after, grown=(*tree.grown, f"{OPERATOR}:{tree_shape(after)[:8]}"))

        return await self._write(grow_messages(tree), sample, finish, accept)

    async def _write(
        self, messages: Sequence[Message], sample: int, finish: Callable[[BehaviorTree], BehaviorTree], accept: Accept
    ) -> Writing:
        writing = Writing()
        dialogue = list(messages)
        for _ in range(self.most_requests):
            request = ChatRequest(
                tuple(dialogue),
                purpose="trees",
                schema=WIRE_SCHEMA,
                temperature=self._temperature,
                max_tokens=self._max_tokens,
                sample=sample,
                attempts=1,
            )
            writing.requests += 1
            try:
                reply = await self._model.complete(request)
            except MalformedReplyError as error:
                writing.usage += error.usage
                draft = _draft("malformed", error.problem, error.content)
            except RefusalError as error:
                writing.rejections.append(_draft("refused", str(error), ""))
                return writing
            except (InfrastructureError, UserInputError) as error:
                writing.requests -= isinstance(error, BudgetSpentError)
                writing.outage = error
                return writing
            else:
                writing.usage += reply.usage
                try:
                    tree = finish(_read(reply.parsed))
                    check_written(tree)
                    accept(tree)
                except RejectedError as error:
                    draft = _draft(error.rejection.reason, error.rejection.detail, reply.content)
                except InfrastructureError as error:
                    draft = _draft("unchecked", str(error), reply.content)
                except Exception as error:
                    # A text that our own code trips over must cost its round nothing.
                    logger.warning("a tree by a language model cannot be checked", exc_info=True)
                    draft = _draft("unchecked", f"{type(error).__name__}: {error}", reply.content)
                else:
                    writing.tree = tree
                    return writing
            writing.rejections.append(draft)
            dialogue = [*messages, *mend_message(draft.text, draft.detail)]
        return writing


def check_written(tree: BehaviorTree) -> None:
    """All checks that any tree passes, and that it allows something.

    Raises:
        RejectedError: naming the place and what is wrong.
        InfrastructureError: a world or the reward failed.
    """
    if not any(isinstance(node, Leaf) and node.verdict == "allow" for node in tree.nodes.values()):
        raise RejectedError("form", "no leaf allows anything")
    check_tree(tree)


def check_growth(before: BehaviorTree, after: BehaviorTree) -> None:
    """A grown tree must hold all that its tree held, and more. Both are of good form.

    Raises:
        RejectedError: naming what is gone, or that nothing is new.
    """
    paths = after.paths()
    if after.name != before.name:
        raise RejectedError("growth", f"the tree must keep its name {before.name!r}")
    known = {tool.name: tool for tool in after.tools}
    for tool in before.tools:
        if tool.name not in known or known[tool.name].arguments != tool.arguments:
            raise RejectedError("growth", f"tools.{tool.name} is gone, or has other arguments")
    for leaf in before.paths():
        if leaf not in paths or after.verdict(leaf) != before.verdict(leaf):
            raise RejectedError("growth", f"leaf {leaf!r} is gone, or ends otherwise")
        if _calls(before, leaf) - _calls(after, leaf):
            raise RejectedError("growth", f"calls on the way to leaf {leaf!r} are gone")
    if not affected(before, after):
        raise RejectedError("growth", "nothing is new")


def check_texts(tree: BehaviorTree) -> None:
    """A tree by a model must not be too large, and its texts must be such as a dialogue may hold.

    Raises:
        RejectedError: naming the place and what is wrong.
    """
    if len(tree.nodes) > MAX_NODES:
        raise RejectedError("form", f"the tree has {len(tree.nodes)} nodes; at most {MAX_NODES}")
    for where, text in _texts(tree):
        mark = next((mark for mark in MARKS if mark in text), None)
        if mark is not None or not text.isprintable():
            raise RejectedError("form", f"{where} holds {mark or 'unprintable characters'}; write plain words")


def _calls(tree: BehaviorTree, leaf: str) -> set[str]:
    nodes = (tree.nodes[step.node] for step in tree.paths()[leaf])
    calls = (getattr(node, "call", None) for node in nodes)
    return {call.tool for call in calls if isinstance(call, Call)}


def _read(data: object) -> BehaviorTree:
    assert isinstance(data, dict), "the reply matches its schema"
    try:
        tree = from_wire(data)
    except BrokenTaskError as error:
        raise RejectedError("form", str(error)) from error
    check_texts(tree)
    check_form(tree)
    return tree


def _draft(reason: str, detail: str, text: str) -> Rejection:
    plain = text[: 2 * MAX_DRAFT_CHARS].encode("utf-8", "replace").decode()
    return Rejection(reason, clipped(" ".join(detail.split()), _MAX_DETAIL_CHARS), clipped(plain, MAX_DRAFT_CHARS))


def _texts(tree: BehaviorTree) -> list[tuple[str, str]]:
    """Everything that may be said in a dialogue, with its place; SQL is not said."""
    found: list[tuple[str, str]] = []

    def collect(value: object, where: str) -> None:
        if isinstance(value, str):
            found.append((where, value))
        elif isinstance(value, dict):
            for key, entry in value.items():
                if key != "sql":
                    collect(entry, f"{where}.{key}" if where else key)
        elif isinstance(value, list):
            for position, entry in enumerate(value):
                collect(entry, f"{where}[{position}]")

    collect(to_data(tree), "")
    return found

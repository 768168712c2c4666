"""A task: what the policy is asked, the world it acts in, and how it is judged."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from dataclasses import dataclass, field
from typing import Any, Literal, TypedDict

from verl_agentic.core.errors import UserInputError

WRITTEN = "llm"
"""Generator of tasks whose text a language model wrote."""

Register = Literal["micro", "natural"]
"""How tasks speak: in the few words that a policy of 1M parameters learns, or in plain words for language models."""


class Message(TypedDict):
    """One chat message in OpenAI form."""

    role: str
    content: str


@dataclass(frozen=True, slots=True)
class Task:
    """One verifiable task.

    Attributes:
        kind: task family, e.g. ``math``, ``sql``, ``service``; success is reported per kind.
        messages: the first messages of the dialogue; mostly an optional system message, then one user message.
        tools: schemas of the task's own tools, in OpenAI form (``{"type": "function", "function": {...}}``).
        env: registered name of the environment (see :mod:`verl_agentic.tool_envs`); ``none`` has no tools and no user.
        env_args: JSON data from which the environment builds its world.
        reward: registered name of the reward function that judges the task by default; empty where it names none.
        ground_truth: JSON data the reward compares with (never shown to the policy).
        user: JSON data of the simulated user, or ``None`` when nobody answers.
        structure: signature of the task's structure without its numbers and names; splits and novelty go by it.
        depth: how composed the task is, from 1 up.
        seed: seed from which the task was generated.
        parent: id of the task this one was grown from.
        operator: name of the operator that grew it.
        generator: who made it: :data:`WRITTEN` where a language model wrote its text, else e.g. a flywheel hook or an
            imported file; empty for a family's own initial tasks.
        meta: anything else worth keeping, as JSON. With ``{"answer": "text"}`` a last message without ``<answer>`` is
            read for an answer as any text is (:func:`verl_agentic.core.messages.answers.final_answer`): the prompt may
            ask for ``\\boxed{}`` or ``####``. ``{"register": "natural"}`` marks a task in plain words, see
            :attr:`register`.
        id: content hash; computed when left empty.
    """

    kind: str
    messages: list[Message]
    tools: list[dict[str, Any]]
    env: str
    env_args: dict[str, Any]
    reward: str
    ground_truth: Any
    user: dict[str, Any] | None = None
    structure: str = ""
    depth: int = 1
    seed: int = 0
    parent: str | None = None
    operator: str | None = None
    generator: str = ""
    meta: dict[str, Any] = field(default_factory=dict)
    id: str = ""

    def __post_init__(self) -> None:
        if not self.id:
            object.__setattr__(self, "id", f"{self.kind}-{self.content_hash()[:16]}")

    def reference_text(self) -> str:
        """The ground truth as verl's rows hold it and rewards are handed it: a text as it is, all else as JSON."""
        truth = self.ground_truth
        return truth if isinstance(truth, str) else json.dumps(truth, ensure_ascii=False)

    @property
    def register(self) -> Register:
        """``natural`` where the task is in plain words and leaves it to the run to say how to act, else ``micro``."""
        return "natural" if self.meta.get("register") == "natural" else "micro"

    @property
    def answer_in_text(self) -> bool:
        """Whether the answer need not stand in ``<answer>``."""
        return self.meta.get("answer") == "text" or self.register == "natural"

    def content_hash(self) -> str:
        """SHA-256 over what the policy meets and is judged by; lineage and seed do not count."""
        content = [self.kind, self.messages, self.tools, self.env, self.env_args, self.reward, self.ground_truth]
        content.append(self.user)
        text = json.dumps(content, sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()

    def to_json(self) -> str:
        """One line of JSON with every field, in the author's order: the policy reads tool schemas in that order."""
        # Not asdict, which copies everything first.
        data = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        return json.dumps(data, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> Task:
        """Inverse of :meth:`to_json`.

        Raises:
            UserInputError: not JSON, or a field is missing, unknown or of the wrong type.
        """
        try:
            data = json.loads(text)
        except (TypeError, ValueError) as error:
            raise UserInputError(f"task is not JSON: {error}") from error
        return cls.from_dict(data)

    @classmethod
    def from_dict(cls, data: Any) -> Task:
        """Build a task from plain data, checking every field.

        Raises:
            UserInputError: naming the field that is missing, unknown or of the wrong type.
        """
        if not isinstance(data, dict):
            raise UserInputError(f"task must be an object, got {type(data).__name__}")
        known = {f.name: f for f in dataclasses.fields(cls)}
        unknown = sorted(set(data) - set(known))
        if unknown:
            raise UserInputError(f"task has unknown field {unknown[0]!r}; known fields: {', '.join(known)}")
        for name in ("kind", "messages", "tools", "env", "env_args", "reward", "ground_truth"):
            if name not in data:
                raise UserInputError(f"task lacks field {name!r}")
        for name, expected in _FIELD_TYPES.items():
            if name in data and not isinstance(data[name], expected):
                names = " or ".join(t.__name__ for t in expected)
                raise UserInputError(f"task field {name!r} must be {names}, got {type(data[name]).__name__}")
        if not data["messages"]:
            raise UserInputError("task field 'messages' is empty")
        for position, message in enumerate(data["messages"]):
            if not isinstance(message, dict) or not isinstance(message.get("content"), str) or "role" not in message:
                raise UserInputError(f"task field 'messages'[{position}] needs a 'role' and a text 'content'")
        return cls(**data)


_FIELD_TYPES: dict[str, tuple[type, ...]] = {
    "kind": (str,),
    "messages": (list,),
    "tools": (list,),
    "env": (str,),
    "env_args": (dict,),
    "reward": (str,),
    "user": (dict, type(None)),
    "structure": (str,),
    "depth": (int,),
    "seed": (int,),
    "parent": (str, type(None)),
    "operator": (str, type(None)),
    "generator": (str,),
    "meta": (dict,),
    "id": (str,),
}

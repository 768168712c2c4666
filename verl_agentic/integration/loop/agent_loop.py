"""verl agent loop: one environment session per trajectory, tokens exactly as sampled."""

from __future__ import annotations

import logging
import os
import time
import uuid
import zlib
from typing import Any

from omegaconf import OmegaConf
from verl.experimental.agent_loop.agent_loop import AgentLoopBase, AgentLoopMetrics, AgentLoopOutput
from verl.experimental.agent_loop.tool_agent_loop import SPEC_DECODE_EXTRA_KEYS
from verl.utils.rollout_trace import rollout_trace_op

from verl_agentic.core import BrokenTaskError, End, InfrastructureError, Message, Task, UserInputError
from verl_agentic.integration.loop.tokens import THOUGHT, Chat, Tokens
from verl_agentic.integration.trainer.incidents import Incident, report
from verl_agentic.rollout import Dialogue, Session
from verl_agentic.synthesis.rows import task_of_row
from verl_agentic.training.settings import RolloutSettings, read_settings

logger = logging.getLogger(__name__)
logger.setLevel(os.getenv("VERL_LOGGING_LEVEL", "WARN"))

LONG_CHARS = 20_000
"""Messages from this length on are tokenized in a thread: a millisecond or two of the event loop is their share."""


class AgenticLoop(AgentLoopBase):  # type: ignore[misc]
    """Plays the task in ``extra_info.task`` turn by turn, or the task that a plain row of verl's is.

    Every sampled token is trained on as it was sampled: context messages are appended through verl's Continuous
    Token builder, nothing is ever tokenized twice. The finished trajectory travels to the reward and to the
    trainer as JSON in ``extra_fields["trajectory"]``.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.shared = _shared(self)
        self.settings = self.shared.settings
        self._waited = 0.0
        self._asked: float | None = None

    @rollout_trace_op  # type: ignore[untyped-decorator]
    async def run(self, sampling_params: dict[str, Any], **kwargs: Any) -> AgentLoopOutput:
        """Roll out one trajectory.

        Raises:
            BrokenTaskError: the task cannot be played by anyone.
            UserInputError: the environment is not configured as the task needs it.
            InfrastructureError: every attempt failed for reasons that are not the policy's. Each makes verl
                drop the sample; what happened is reported to the trainer.
        """
        task_id = "unknown"
        try:
            task = _read_task(kwargs)
            task_id = task.id
            seed = zlib.crc32(f"{task.id}/{kwargs.get('global_steps')}/{kwargs.get('session_id')}".encode())

            async def failed(error: InfrastructureError) -> None:
                logger.warning("attempt %d at task %s: %s", session.attempts, task.id, error)
                await self._report(task.id, error)

            session = Session(
                task,
                seed,
                self.shared.session_plan,
                speaker="the rollout engine",
                excused=self._excused,
                failed=failed,
            )
            return await session.play(lambda dialogue: self._converse(dialogue, sampling_params))
        except Exception as error:
            await self._report(task_id, error)
            raise

    async def _converse(self, dialogue: Dialogue, sampling_params: dict[str, Any]) -> AgentLoopOutput:
        chat, longest = self.shared.chat, self.shared.response_length
        tools = await dialogue.open()
        messages: list[Message] = [_plain(message) for message in dialogue.messages]
        tokens = Tokens(chat, await self._prompt(messages, tools))
        dialogue.trajectory.prompt_tokens = tokens.prompt_length
        output = _Output()
        request_id = uuid.uuid4().hex

        while not dialogue.done:
            started = time.perf_counter()
            opened = chat.opens_thought(tokens.ids)
            room = min(longest - len(tokens.mask), self.settings.max_turn_tokens or longest)
            said = await self._generate(request_id, tokens.ids, {**sampling_params, "max_tokens": room})
            generated = time.perf_counter()
            output.add(said, generated - started)
            try:
                tokens.sampled(said.token_ids, said.log_probs or None)
            except ValueError as error:
                raise InfrastructureError(f"rollout engine: {error}") from error
            sampled = chat.decode(said.token_ids)
            # What the template opened is part of the message for everyone who reads it.
            text = f"{THOUGHT}{sampled}" if opened else sampled
            if len(said.token_ids) >= room and said.token_ids[-1] not in chat.end_ids:
                dialogue.cut_off(text, len(said.token_ids), generated - started)
                break
            replies = await dialogue.feed(text, len(said.token_ids), generated - started)
            output.metrics.tool_calls += time.perf_counter() - generated
            if dialogue.done:
                break
            previous = [*messages, Message(role="assistant", content=sampled)]
            messages = [*previous, *map(chat.harmless, replies)]
            merged = await self._tokenized(replies, tokens.context, previous, messages, tools)
            if len(merged.token_ids) - tokens.prompt_length >= longest:
                # There is no room left to answer these messages, so they are left out.
                dialogue.stop(End.MAX_TOKENS)
            else:
                before = len(tokens.ids)
                tokens.append(merged)
                # They are tokenized together, so the last of several replies stands for all.
                dialogue.trajectory.turns[-1].tokens = len(tokens.ids) - before
        return output.finish(dialogue, tokens, longest)

    async def _prompt(self, messages: list[Message], tools: list[dict[str, Any]]) -> list[int]:
        build = self.shared.chat.builder.build_initial_tokens
        token_ids: list[int] = await self._tokenized(messages, lambda: build(messages, tools=tools or None))
        room = self.shared.prompt_length
        if len(token_ids) > room:
            # verl would cut the prompt from the left, and with it the policy that the task is about.
            raise BrokenTaskError(f"prompt has {len(token_ids)} tokens, data.max_prompt_length is {room}")
        return token_ids

    async def _tokenized(self, messages: list[Message], work: Any, *args: Any) -> Any:
        """``work(*args)``, in a thread where the messages are long; the hop costs more than most of them."""
        if sum(len(message["content"]) for message in messages) < LONG_CHARS:
            return work(*args)
        return await self.loop.run_in_executor(None, work, *args)

    def _excused(self) -> float:
        """Seconds spent waiting for an engine that stands still during updates; the trainer's limits bound those."""
        if not self.shared.engine_pauses:
            return 0.0
        return self._waited + (0.0 if self._asked is None else time.monotonic() - self._asked)

    async def _generate(self, request_id: str, token_ids: list[int], params: dict[str, Any]) -> Any:
        self._asked = started = time.monotonic()
        try:
            output = await self.server_manager.generate(
                request_id=request_id, prompt_ids=token_ids, sampling_params=params
            )
        except Exception as error:
            raise InfrastructureError(f"rollout engine: {type(error).__name__}: {error}") from error
        finally:
            self._asked = None
            self._waited += time.monotonic() - started
        if not output.token_ids or output.stop_reason in ("abort", "aborted"):
            raise InfrastructureError(f"rollout engine: gave up after {len(output.token_ids)} tokens")
        return output

    async def _report(self, task_id: str, error: Exception) -> None:
        """Tell the trainer what happened; that it cannot be told must not hide it."""
        try:
            await report(Incident.of(task_id, error))
        except Exception as failure:
            logger.error("%s: %s (and the trainer cannot be told: %s)", task_id, error, failure)


class _Output:
    """What verl wants to know of a trajectory besides its tokens."""

    def __init__(self) -> None:
        self.metrics = AgentLoopMetrics(num_preempted=-1)
        self._extra: dict[str, Any] = {}
        self._routed_experts: Any = None

    def add(self, said: Any, seconds: float) -> None:
        """Count one message of the engine."""
        self.metrics.generate_sequences += seconds
        if said.num_preempted is not None:
            self.metrics.num_preempted = max(self.metrics.num_preempted, 0) + said.num_preempted
        if said.routed_experts is not None:
            # The engine's record covers all tokens up to here.
            self._routed_experts = said.routed_experts
        for key, value in said.extra_fields.items():
            if key in SPEC_DECODE_EXTRA_KEYS and key in self._extra:
                self._extra[key] = int(self._extra[key]) + int(value)
            elif key == "max_global_steps" or key not in self._extra:
                # The first turn's fields, and the newest policy version seen.
                self._extra[key] = value

    def finish(self, dialogue: Dialogue, tokens: Tokens, longest: int) -> AgentLoopOutput:
        try:
            trajectory = dialogue.trajectory.to_json()
            trajectory.encode()
        except (TypeError, ValueError, AttributeError) as error:
            raise InfrastructureError(f"final state of {dialogue.task.env} is not JSON data: {error}") from error
        start, end = tokens.prompt_length, tokens.prompt_length + min(len(tokens.mask), longest)
        return AgentLoopOutput(
            prompt_ids=tokens.ids[:start],
            response_ids=tokens.ids[start:end],
            response_mask=tokens.mask[:longest],
            response_logprobs=tokens.logprobs[:longest] if tokens.logprobs else None,
            routed_experts=None if self._routed_experts is None else self._routed_experts[:end],
            num_turns=len(dialogue.trajectory.turns) + 1,
            metrics=self.metrics,
            extra_fields={**self._extra, "trajectory": trajectory, "turn_scores": [], "tool_rewards": []},
        )


class _Shared:
    """What all trajectories of a worker have in common; verl makes a new loop for each of them."""

    def __init__(self, loop: AgenticLoop) -> None:
        # Held, so that what this is known by is not given to anything else.
        self.known_by = (loop.config, loop.tokenizer)
        self.settings: RolloutSettings = read_settings(loop.config).rollout
        self.session_plan = self.settings.session
        self.prompt_length: int = loop.rollout_config.prompt_length
        # Whoever is cut off for an update waits until it is over.
        mode = OmegaConf.select(loop.config, "trainer.v1.trainer_mode")
        self.engine_pauses = mode in ("agentic_colocate_async", "colocate_async")
        self.response_length: int = loop.rollout_config.response_length
        self.chat = Chat(loop.tokenizer, vars(loop)["continuous_token_builder"])


_shared_by: dict[tuple[int, int], _Shared] = {}


def _shared(loop: AgenticLoop) -> _Shared:
    key = (id(loop.config), id(loop.tokenizer))
    if key not in _shared_by:
        _shared_by.clear()
        _shared_by[key] = _Shared(loop)
    return _shared_by[key]


def _read_task(kwargs: dict[str, Any]) -> Task:
    try:
        return task_of_row(kwargs, "row", "raw_prompt")
    except UserInputError as error:
        raise BrokenTaskError(str(error)) from error


def _plain(message: Message) -> Message:
    return {"role": message["role"], "content": message["content"]}

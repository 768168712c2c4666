"""verl agent loop: one environment session per trajectory, tokens exactly as sampled."""

from __future__ import annotations

import asyncio
import functools
import logging
import os
import time
import uuid
import zlib
from typing import Any

import transfer_queue as tq
from verl.experimental.agent_loop.agent_loop import AgentLoopBase, AgentLoopMetrics, AgentLoopOutput
from verl.utils.rollout_trace import rollout_trace_op
from verl.utils.tokenizer.continuous_token import ContinuousTokenBuilder
from verl.utils.tokenizer.continuous_token_wiring import create_continuous_token_builder

from verl_agentic.core import BrokenTaskError, End, InfrastructureError, Message, Task, Turn, UserInputError
from verl_agentic.integration.incidents import PARTITION
from verl_agentic.integration.settings import RolloutSettings, read_settings
from verl_agentic.rollout import Dialogue
from verl_agentic.tool_envs import make_environment
from verl_agentic.tool_envs.users import make_user

logger = logging.getLogger(__file__)
logger.setLevel(os.getenv("VERL_LOGGING_LEVEL", "WARN"))


class AgenticLoop(AgentLoopBase):  # type: ignore[misc]
    """Plays the task in ``extra_info.task`` turn by turn.

    Every sampled token is trained on as it was sampled: context messages are appended through verl's Continuous
    Token builder, nothing is ever tokenized twice. The finished trajectory travels to the reward and to the
    trainer as JSON in ``extra_fields["trajectory"]``.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.settings = _rollout_settings(self.config)
        self.response_length: int = self.rollout_config.response_length
        builder: Any = vars(self)["continuous_token_builder"]
        if type(builder) is ContinuousTokenBuilder and speaks_chatml(self.tokenizer):
            # verl goes by the model type; a llama that was taught ChatML would lose the newline after each message.
            builder = create_continuous_token_builder(
                self.tokenizer, hf_model_type="qwen3", chat_template_kwargs=self.apply_chat_template_kwargs
            )
        self.continuous_token_builder: Any = builder

    @rollout_trace_op  # type: ignore[untyped-decorator]
    async def run(self, sampling_params: dict[str, Any], **kwargs: Any) -> AgentLoopOutput:
        """Roll out one trajectory.

        Raises:
            BrokenTaskError: the task cannot be played by anyone.
            InfrastructureError: every attempt failed for reasons that are not the policy's. Either makes verl
                drop the sample; what happened is reported to the trainer.
        """
        task_id = "unknown"
        try:
            task = _read_task(kwargs)
            task_id = task.id
            seed = zlib.crc32(f"{task.id}/{kwargs.get('global_steps')}/{kwargs.get('session_id')}".encode())
            for attempt in range(self.settings.attempts):
                try:
                    return await asyncio.wait_for(
                        self._rollout(task, seed, sampling_params), self.settings.trajectory_seconds
                    )
                except asyncio.TimeoutError as error:
                    failure = InfrastructureError(f"trajectory took over {self.settings.trajectory_seconds} s")
                    failure.__cause__ = error
                except InfrastructureError as error:
                    failure = error
                await self._report("infrastructure", task_id, failure)
                logger.warning("attempt %d at task %s failed: %s", attempt + 1, task.id, failure)
            raise failure
        except BrokenTaskError as error:
            await self._report("broken_task", task_id, error)
            raise

    async def _rollout(self, task: Task, seed: int, sampling_params: dict[str, Any]) -> AgentLoopOutput:
        env = make_environment(self.settings.tool_env or task.env, make_user(self.settings.simulator))
        dialogue = Dialogue(task, env, self.settings.limits, seed)
        try:
            tools = await dialogue.open()
            return await self._converse(dialogue, tools, sampling_params)
        finally:
            await dialogue.close()

    async def _converse(
        self, dialogue: Dialogue, tools: list[dict[str, Any]], sampling_params: dict[str, Any]
    ) -> AgentLoopOutput:
        messages: list[Message] = [_plain(message) for message in dialogue.messages]
        token_ids = await self._prompt(messages, tools)
        prompt_length = len(token_ids)
        mask: list[int] = []
        logprobs: list[float] = []
        extra: dict[str, Any] = {}
        metrics = AgentLoopMetrics(num_preempted=-1)
        request_id = uuid.uuid4().hex

        while not dialogue.done:
            started = time.perf_counter()
            room = max(1, min(self.response_length - len(mask), self.settings.max_turn_tokens or self.response_length))
            output = await self._generate(request_id, token_ids, {**sampling_params, "max_tokens": room})
            generated = time.perf_counter()
            metrics.generate_sequences += generated - started
            if output.num_preempted is not None:
                metrics.num_preempted = max(metrics.num_preempted, 0) + output.num_preempted
            _merge_extra(extra, output.extra_fields)
            merged, mask, aligned = await self.ct_merge_assistant_token(
                token_ids,
                output.token_ids,
                mask,
                logprobs if logprobs or output.log_probs else None,
                assistant_logprobs=output.log_probs or None,
            )
            token_ids, logprobs = merged.token_ids, aligned or []
            text = self.tokenizer.decode(output.token_ids, skip_special_tokens=True)
            if len(mask) >= self.response_length or len(output.token_ids) >= room:
                # The message may be cut in the middle: it is recorded, never acted on.
                dialogue.trajectory.turns.append(Turn("assistant", text, len(output.token_ids), generated - started))
                dialogue.stop(End.MAX_TOKENS)
                break
            replies = await dialogue.feed(text, len(output.token_ids), generated - started)
            metrics.tool_calls += time.perf_counter() - generated
            if dialogue.done:
                break
            spoken: Message = {"role": "assistant", "content": text}
            previous = [*messages, spoken]
            messages = [*previous, *(self._harmless(reply) for reply in replies)]
            merged, mask, aligned = await self.ct_merge_context_msg(
                previous, messages, token_ids, mask, logprobs or None, tools=tools or None
            )
            token_ids, logprobs = merged.token_ids, aligned or []
            if len(mask) >= self.response_length:
                dialogue.stop(End.MAX_TOKENS)

        response_length = min(len(mask), self.response_length)
        extra["trajectory"] = dialogue.trajectory.to_json()
        extra.update(turn_scores=[], tool_rewards=[])
        return AgentLoopOutput(
            prompt_ids=token_ids[:prompt_length],
            response_ids=token_ids[prompt_length : prompt_length + response_length],
            response_mask=mask[:response_length],
            response_logprobs=logprobs[:response_length] if logprobs else None,
            num_turns=len(dialogue.trajectory.turns) + 1,
            metrics=metrics,
            extra_fields=extra,
        )

    async def _prompt(self, messages: list[Message], tools: list[dict[str, Any]]) -> list[int]:
        build = functools.partial(self.continuous_token_builder.build_initial_tokens, messages, tools=tools or None)
        token_ids: list[int] = await self.loop.run_in_executor(None, build)
        room = self.rollout_config.prompt_length
        if len(token_ids) > room:
            # verl would cut the prompt from the left, and with it the policy that the task is about.
            raise BrokenTaskError(f"prompt has {len(token_ids)} tokens, data.max_prompt_length is {room}")
        return token_ids

    async def _generate(self, request_id: str, token_ids: list[int], params: dict[str, Any]) -> Any:
        try:
            return await self.server_manager.generate(
                request_id=request_id,
                prompt_ids=token_ids,
                sampling_params=params,
            )
        except asyncio.CancelledError:
            raise
        except Exception as error:
            raise InfrastructureError(f"rollout engine: {type(error).__name__}: {error}") from error

    def _harmless(self, message: Message) -> Message:
        """Break up special tokens in text that comes from tools or users, so that none becomes a real one."""
        content = message["content"]
        for token in self.tokenizer.get_added_vocab():
            if token in content:
                content = content.replace(token, f"{token[:1]} {token[1:]}")
        return {"role": message["role"], "content": content}

    async def _report(self, kind: str, task_id: str, error: Exception) -> None:
        """Tell the trainer what happened, through a partition of its own in TransferQueue."""
        tag = {"kind": kind, "task_id": task_id, "message": f"{type(error).__name__}: {error}"[:500]}
        await tq.async_kv_put(key=uuid.uuid4().hex, partition_id=PARTITION, tag=tag)


def speaks_chatml(tokenizer: Any) -> bool:
    """Whether each message ends with ``<|im_end|>`` and a newline, as Qwen's do, in the tokenizer's chat template."""
    template = getattr(tokenizer, "chat_template", None)
    if not isinstance(template, str) or "<|im_end|>" not in tokenizer.get_vocab():
        return False
    text = tokenizer.apply_chat_template([{"role": "user", "content": "-"}], tokenize=False)
    return bool(text.endswith("<|im_end|>\n"))


_settings: dict[int, RolloutSettings] = {}


def _rollout_settings(config: Any) -> RolloutSettings:
    """``agentic.rollout``, read once per worker: verl makes a new loop for every trajectory."""
    key = id(config)
    if key not in _settings:
        _settings.clear()
        _settings[key] = read_settings(config).rollout
    return _settings[key]


def _read_task(kwargs: dict[str, Any]) -> Task:
    extra_info = kwargs.get("extra_info") or {}
    if not extra_info.get("task"):
        raise BrokenTaskError("row has no extra_info.task; write rows with verl_agentic.synthesis.rows")
    try:
        return Task.from_json(extra_info["task"])
    except UserInputError as error:
        raise BrokenTaskError(str(error)) from error


def _plain(message: Message) -> Message:
    return {"role": message["role"], "content": message["content"]}


def _merge_extra(extra: dict[str, Any], new: dict[str, Any]) -> None:
    """Keep the first turn's engine fields, and the newest policy version seen."""
    for key, value in new.items():
        if key == "max_global_steps" or key not in extra:
            extra[key] = value

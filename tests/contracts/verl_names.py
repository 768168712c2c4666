"""Every name, private method and attribute of verl that the package relies on, by the module that defines it.

``test_verl_api.py`` looks each up in the sources of the installed verl, without importing them, and keeps this list
and ``docs/verl.md`` complete.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Relied:
    """One class, function or value of verl.

    Attributes:
        module: where it is defined.
        name: what it is called there; empty for the module as such.
        why: what we do with it.
        members: of a class, the methods and attributes that are called, overridden or read.
    """

    module: str
    name: str
    why: str
    members: tuple[str, ...] = ()


_AGENT_LOOP = "verl.experimental.agent_loop"
_V1 = "verl.trainer.ppo.v1"
_TOKENS = "verl.utils.tokenizer"

RELIED = (
    Relied(
        f"{_V1}.trainer_base",
        "PPOTrainer",
        "base of our trainers: overridden to draw from the pool, record outcomes, bound phases and run the flywheel",
        (
            "_build_replay_buffer",
            "_compute_metrics",
            "_init_dataloader",
            "_load_checkpoint",
            "_next_train_batch",
            "_save_checkpoint",
            "_setup",
            "_step_once",
            "_validate",
            "actor_rollout_wg",
            "checkpoint_manager",
            "config",
            "fit",
            "global_steps",
            "init",
            "on_init_end",
            "on_step_end",
            "on_train_begin",
            "parameter_sync_step",
            "replay_buffer",
            "reward_loop_manager",
            "step",
            "steps_per_epoch",
            "trainer_mode",
        ),
    ),
    Relied(f"{_V1}.trainer_base", "register_trainer", "makes our trainers known as trainer.v1.trainer_mode=agentic_*"),
    Relied(f"{_V1}.trainer_sync", "PPOTrainerSync", "mode agentic_sync", ("on_step_end",)),
    Relied(
        f"{_V1}.trainer_colocate_async", "PPOTrainerColocateAsync", "mode agentic_colocate_async", ("on_train_begin",)
    ),
    Relied(
        f"{_V1}.trainer_separate_async",
        "PPOTrainerSeparateAsync",
        "mode agentic_separate_async",
        ("_setup", "on_train_begin", "standalone_checkpoint_manager"),
    ),
    Relied(f"{_V1}.trainer_separate_async", "logger", "silenced while it is called as if it were print"),
    Relied(
        f"{_V1}.replay_buffer",
        "ReplayBuffer",
        "polled more often; what it samples for validation is recorded",
        ("poll_interval", "sample"),
    ),
    Relied(
        f"{_AGENT_LOOP}.agent_loop",
        "AgentLoopBase",
        "base of our agent loop",
        (
            "config",
            "continuous_token_builder",
            "loop",
            "rollout_config",
            "run",
            "server_manager",
            "tokenizer",
        ),
    ),
    Relied(f"{_AGENT_LOOP}.agent_loop", "AgentLoopMetrics", "times and counts of a trajectory"),
    Relied(f"{_AGENT_LOOP}.agent_loop", "AgentLoopOutput", "the tokens of a trajectory"),
    Relied(
        f"{_AGENT_LOOP}.agent_loop", "_agent_loop_registry", "our loop is entered here by its import path, unimported"
    ),
    Relied(f"{_AGENT_LOOP}.tool_agent_loop", "SPEC_DECODE_EXTRA_KEYS", "counts that are added up over messages"),
    Relied(f"{_AGENT_LOOP}.tool_agent_loop", "AgentData", "what verl's own tools are handed"),
    Relied(
        f"{_TOKENS}.continuous_token",
        "ContinuousTokenBuilder",
        "appends messages to sampled tokens without tokenizing them again",
        (
            "align_response_metadata",
            "build_initial_tokens",
            "chat_template_kwargs",
            "merge_assistant_tokens",
            "merge_context_tokens",
            "render_delta_token_id",
            "tokenizer",
        ),
    ),
    Relied(f"{_TOKENS}.continuous_token", "QwenContinuousTokenBuilder", "the same for ChatML; ours is derived from it"),
    Relied(f"{_TOKENS}.chat_template", "apply_chat_template", "renders messages as verl does"),
    Relied("verl.utils.rollout_trace", "rollout_trace_op", "traces our loop where verl's tracing is on"),
    Relied("verl.utils.tensordict_utils", "get_tensordict", "a drawn batch as verl's trainer gets it"),
    Relied("verl.utils.tensordict_utils", "assign_non_tensor_data", "adds the step to it"),
    Relied("verl.utils.reward_score", "default_compute_score", "the reward of rows that name none, by data source"),
    Relied("verl.utils.dataset.rl_dataset", "collate_fn", "collates rows as verl's dataloader does"),
    Relied(
        "verl.experimental.reward_loop.reward_manager.naive",
        "NaiveRewardManager",
        "base of reward.reward_manager.name=agentic, which reports the samples that are lost",
        ("run_single",),
    ),
    Relied("verl.experimental.reward_loop.reward_manager.registry", "register", "makes it known"),
    Relied("verl.tools.base_tool", "BaseTool", "users' tools", ("create", "execute", "name", "release", "tool_schema")),
    Relied("verl.tools.function_tool", "FunctionTool", "users' function tools", ("fn",)),
    Relied("verl.tools.function_tool", "normalize_function_tool_return", "reads what they return"),
    Relied("verl.tools.schemas", "ToolResponse", "what tools answer with", ("image", "text", "video")),
    Relied("verl.tools.tool_registry", "load_all_tools", "loads both from the files that verl's keys name"),
    Relied("verl.trainer.ppo.utils", "need_critic", "asked before Ray starts"),
    Relied("verl.trainer.ppo.utils", "need_reference_policy", "asked before Ray starts"),
    Relied("verl.utils.config", "validate_config", "run before Ray starts"),
    Relied("verl.utils.import_utils", "load_extern_object", "finds the reward function as verl will"),
    Relied("verl.utils.tracking", "Tracking", "which loggers there are", ("supported_backend",)),
    Relied("verl.plugin.platform.platform_base", "PlatformBase", "base of the CPU platform"),
    Relied("verl.plugin.platform.platform_manager", "PlatformRegistry", "where it is registered", ("get", "register")),
    Relied("verl.plugin.platform.platform_manager", "set_platform", "chooses it in the driver"),
    Relied("verl.workers.engine.base", "EngineRegistry", "FSDP2 for the CPU is registered", ("_engines", "register")),
    Relied("verl.workers.engine.fsdp.transformer_impl", "FSDPEngineWithLMHead", "the engine of the policy"),
    Relied("verl.workers.engine.fsdp.transformer_impl", "FSDPEngineWithValueHead", "the engine of a critic"),
    Relied(
        "verl.workers.rollout.vllm_rollout.vllm_async_server",
        "vLLMHttpServer",
        "asked whether its engine lives",
        ("engine",),
    ),
    Relied(
        "verl.workers.rollout.vllm_rollout.bucketed_weight_transfer",
        "BucketedWeightReceiver",
        "received weights are copied out of shared memory on the CPU",
        ("receive_weights",),
    ),
    Relied(
        "verl.checkpoint_engine.base",
        "CheckpointEngine",
        "base of the weight broadcast by gloo",
        ("build_topology", "finalize", "init_process_group", "prepare", "receive_weights", "send_weights"),
    ),
    Relied(
        "verl.checkpoint_engine.base", "CheckpointEngineRegistry", "where it is registered", ("_registry", "register")
    ),
    Relied("verl.checkpoint_engine.base", "merge_weight_chunks", "weights longer than a message"),
    Relied("verl.checkpoint_engine.base", "split_weight_chunks", "weights longer than a message"),
)

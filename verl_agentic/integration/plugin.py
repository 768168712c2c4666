"""Entry point of group ``verl.plugins``: loaded by ``import verl`` in every process.

verl logs a failing plugin at DEBUG only, so that nothing may escape from here unseen. Nothing heavy is imported
either: each part is registered when verl, Hydra or vLLM imports the module it belongs to.
"""

from __future__ import annotations

import os
import sys

failure: str | None = None
"""Why the plugin is not active in this process, ``None`` when it is."""


def _wanted() -> bool:
    """Whether the command line asks for a recipe of ours, so that going on without the plugin makes no sense."""
    return any(argument.lstrip("+").startswith("recipe=") for argument in sys.argv[1:])


def _install() -> None:
    from types import ModuleType

    from verl_agentic.integration.import_hooks import when_imported
    from verl_agentic.integration.versions import check_verl

    check_verl()
    if _wanted():
        from verl_agentic.integration.console import held_logs

        held_logs.hold()

    def hydra_starts(_: ModuleType) -> None:
        from verl_agentic.integration.hydra import source as hydra_source

        hydra_source.register()

    def omegaconf_loaded(_: ModuleType) -> None:
        from verl_agentic.integration.hydra import resolvers

        resolvers.register()

    def agent_loops_loaded(module: ModuleType) -> None:
        module._agent_loop_registry["agentic"] = {"_target_": "verl_agentic.integration.loop.agent_loop.AgenticLoop"}

    def trainers_loaded(_: ModuleType) -> None:
        import verl_agentic.integration.trainer.modes  # noqa: F401 - registers itself

    def reward_managers_loaded(_: ModuleType) -> None:
        import verl_agentic.integration.trainer.reward_manager  # noqa: F401 - registers itself

    when_imported("hydra._internal.hydra", hydra_starts)
    when_imported("omegaconf", omegaconf_loaded)
    when_imported("verl.experimental.agent_loop.agent_loop", agent_loops_loaded)
    when_imported("verl.experimental.reward_loop.reward_manager", reward_managers_loaded)
    when_imported("verl.trainer.ppo.v1", trainers_loaded)
    if os.environ.get("VERL_PLATFORM", "").lower() == "cpu":
        from verl_agentic.integration.cpu import install_cpu_platform

        install_cpu_platform()


try:
    _install()
except Exception as error:
    failure = f"{type(error).__name__}: {error}"
    message = f"verl-agentic: the plugin is not active: {failure} (run: verl-agentic doctor)"
    if _wanted():
        raise SystemExit(message) from error
    print(message, file=sys.stderr)

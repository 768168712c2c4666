"""A language-model client of one's own, for a server that takes {"prompt"} and gives {"text"}. Run it to check it."""

import asyncio
import json
from urllib.request import Request, urlopen

import jsonschema

from verl_agentic.core import InfrastructureError, UserInputError
from verl_agentic.core.chat import ChatReply, MalformedReplyError


class PromptModel:
    """Keeps to :class:`verl_agentic.core.chat.ChatModel`."""

    def __init__(self, url, seconds):
        self._url, self._seconds = url, seconds
        self._requests = 0

    async def complete(self, request):
        asked = "\n".join(f"{message['role']}: {message['content']}" for message in request.messages)
        if request.schema:
            asked += f"\nAnswer with JSON of this schema: {json.dumps(dict(request.schema))}"
        self._requests += 1
        text = await asyncio.to_thread(self._post, asked)  # may be asked from any thread and any event loop
        try:
            parsed = json.loads(text) if request.schema else None
            if request.schema:
                jsonschema.validate(parsed, request.schema)
        except (ValueError, jsonschema.ValidationError) as error:
            raise MalformedReplyError(f"not of the form asked for: {error}", content=text) from error
        return ChatReply(text, parsed)

    def metrics(self):
        return {"agentic/llm/requests": float(self._requests)}

    def _post(self, prompt):
        try:
            body = json.dumps({"prompt": prompt}).encode()
            with urlopen(Request(self._url, body), timeout=self._seconds) as reply:
                return json.load(reply)["text"]
        except (OSError, ValueError, KeyError) as error:
            raise InfrastructureError(f"{self._url}: {error}") from error  # retried or dropped, never a reward of 0


def chat_model(config):
    """What ``client`` names; gets the other keys of ``agentic.llm``."""
    if "url" not in config:
        raise UserInputError("agentic.llm lacks the key url; give the URL of the server")
    return PromptModel(config["url"], config.get("seconds", 60))


if __name__ == "__main__":
    from prompt_server import served

    from verl_agentic.contracts import check_chat_model

    with served() as url:
        print("contract kept:", [reply.content for reply in check_chat_model(lambda: chat_model({"url": url}))])

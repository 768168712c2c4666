"""Simulated users (G9a to G9e): when they leave, what is a refusal or a question to them, what a model may say."""

# ruff: noqa: RUF001 - the marks of other scripts are what is tested
from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Iterator
from typing import Any

from outside_case import Case

FACTS: list[dict[str, Any]] = [
    {"ask": ["order", "number"], "say": "My order number is W5548."},
    {"ask": ["email"], "say": "My email is ana@example.com."},
    {"ask": ["reason", "why"], "say": "It came too late."},
]
SCRIPT: dict[str, Any] = {
    "facts": FACTS,
    "confirm": "Yes, please.",
    "push": ["Please make an exception."],
    "done": "Thanks, bye.",
}
KNOWN: dict[str, Any] = {**SCRIPT, "facts": [{**fact, "known": True} for fact in FACTS]}


async def _said(user: Any, script: dict[str, Any], messages: list[str]) -> list[tuple[str, bool]]:
    from verl_agentic.core import Task

    opening: Any = [{"role": "user", "content": "Cancel my order W5548."}]
    user.open(Task("service", opening, [], "service", {}, "state", {}, script), seed=0)
    replies = []
    for message in messages:
        answer = user.reply(message)
        reply = await answer if inspect.isawaitable(answer) else answer
        replies.append((reply.content, reply.stop))
        if reply.stop:
            break
    return replies


def scripted(message: str | list[str], *wanted: str, stays: bool = True, script: Any = None) -> Callable[[], Any]:
    """The last reply stays or leaves, and is one of the wanted ones where there are any."""
    messages = [message] if isinstance(message, str) else message

    async def check() -> None:
        from verl_agentic.tool_envs.users.scripted import ScriptedUser

        replies = await _said(ScriptedUser(), script or SCRIPT, messages)
        text, stop = replies[-1]
        assert len(replies) == len(messages) and stop != stays, f"got {replies}"
        assert not wanted or text in wanted, f"got {replies}, expected one of {wanted}"
        assert text or stop, "said nothing"

    return check


def played(message: str, draft: str, stays: bool = True, stop: bool = True, **wanted: Any) -> Callable[[], Any]:
    """A model that always says the same, and leaves if it may; ``wanted``: ``content``, and counts by name."""

    async def check() -> None:
        from outside_cases_judges import model

        from verl_agentic.tool_envs.users.llm import LLMUser

        user = LLMUser(llm=model(lambda body: json.dumps({"reply": draft, "stop": stop})))
        [(text, left)] = await _said(user, KNOWN, [message])
        assert left != stays, f"got {text!r}, stop={left}"
        counts = {"content": text, **user.counts()}
        for name, value in wanted.items():
            got = counts.get(name, 0)
            assert value(got) if callable(value) else got == value, f"{name}: got {got!r}"

    return check


def _g9a() -> Iterator[Case]:
    for name, message, draft in (
        ("llm-stop-with-confirmation", "Please confirm that you want to cancel order W5548.", "Yes, please cancel it."),
        ("llm-stop-with-confirmation-3", "I will cancel order W5548 once you confirm.", "Yes."),
        ("llm-stop-on-progress", "One moment, I am looking up your order.", "Thanks!"),
        ("llm-stop-confirm-word", "Kindly confirm the cancellation of W5548.", "I confirm."),
        ("llm-stop-reply-yes", "Type yes and I cancel the order.", "yes"),
        ("llm-stop-while-working", "I am now processing the cancellation, please wait.", "Great, thanks!"),
        ("llm-stop-arabic-question", "هل تريد الإلغاء؟", "ok"),
    ):
        yield Case("G9a", name, played(message, draft))
    for message, stays in (
        ("Your order W5548 has been cancelled.", False),
        ("I have cancelled order W5548. Is there anything else I can do for you?", False),
        ("It is cancelled. You will receive a confirmation email. Anything else?", False),
        ("Order W5548 is cancelled. Your confirmation number is 77.", False),
        ("Sure, if you say yes, I will cancel it.", True),
        ("I'll go and check that with my colleagues.", True),
        ("Your cancellation is being looked into right now; please bear with me.", True),
        ("Cancel order W5548: is this what you want", True),
        ("", True),
        ("是否取消订单？", True),
    ):
        yield Case("G9a", f"own: {message}", played(message, "Fine, thanks.", stays=stays), own=True)


def _g9b() -> Iterator[Case]:
    working = ["Do you want me to cancel it? (yes/no)", "Thank you. I am cancelling it now."]
    yield Case("G9b", "scr-confirm-then-stop", scripted(working, script=KNOWN), sure=False)
    for name, message in (
        ("scr-progress-message", "I have found your account and will now check the order."),
        ("scr-empty-message", ""),
        ("scr-hold-on", "Please hold on while I check your account."),
        ("scr-retrieving", "Thank you, Ana. I am retrieving the details of your order."),
        ("scr-plan-announced", "First I look up the order, then I cancel it."),
    ):
        yield Case("G9b", name, scripted(message), sure=False)
    for message in (
        "Let me check that for you.",
        "I'm going to look into your order.",
        "Just a second.",
        "Checking your order now...",
        "Wait, please.",
        "I'll cancel it right away.",
        "Sorry for the delay, I am still looking.",
        "   \n",
        "I will now proceed with the cancellation.",
        "I need to check our policy first.",
        "Please give me a moment.",
        "I'd be happy to help with that.",
    ):
        yield Case("G9b", f"own, waits: {message!r}", scripted(message, script=KNOWN), own=True)
    for message in (
        "Your refund is on its way.",
        "I have cancelled your order.",
        "Your order has been cancelled. I will also send you a mail about it.",
        "The refund will be processed within three days.",
        "I have all that I need. It is done.",
        "Done! Let me know if there is anything else.",
        "All done. I'll be happy to help again.",
        "The policy of cancelling orders is on our page.",
        "已为您取消订单。",
    ):
        yield Case(
            "G9b", f"own, ends: {message}", scripted(message, "Thanks, bye.", stays=False, script=KNOWN), own=True
        )
    endless = ["One moment, please."] * 9
    yield Case("G9b", "own, ends with its patience", scripted(endless, "Forget it.", stays=False), own=True)


def _g9c() -> Iterator[Case]:
    for name, message in (
        ("scr-cannot-open-question", "I can't see any problem with that. Is there anything else you want changed?"),
        ("scr-not-against-policy", "That is not against any policy. Is there anything else?"),
        ("scr-wont-affect", "Your refund is done and it won't affect your points. Anything else?"),
    ):
        yield Case("G9c", name, scripted(message, "Thanks, bye.", stays=False, script=KNOWN))
    for message in (
        "I could not find any issue with your account, and the order is cancelled.",
        "It is cancelled, and you won't be charged for it.",
        "Your request was not declined; the order is cancelled.",
        "Nothing in that goes against our policy. It is done.",
        "Sorry to hear that. Your order is cancelled.",
        "There is no reason why we couldn't, so it is cancelled.",
        "That won't be a problem. It is cancelled.",
        "It is cancelled. If you cannot see it on your page, reload it.",
    ):
        check = scripted(message, "Thanks, bye.", stays=False, script=KNOWN)
        yield Case("G9c", f"own, none: {message}", check, own=True)
    for message in (
        "I cannot cancel it.",
        "We won't change your booking.",
        "We won't take it back.",
        "We won't cancel this order.",
        "Your order won't be refunded. Is there anything else?",
        "I can't see any way to do that.",
        "I'm sorry, that goes against our policy.",
        "You can't return it after 30 days.",
        "Unfortunately the order is too old.",
        "I am not able to cancel it, though I see no problem with your account.",
        "The request has been denied.",
    ):
        check = scripted(message, "Please make an exception.", script=KNOWN)
        yield Case("G9c", f"own, one: {message}", check, own=True)


NUMBER, EMAIL, REASON = (fact["say"] for fact in FACTS)


def _g9d() -> Iterator[Case]:
    for name, message, wanted in (
        ("scr-chinese-question", "请问您的订单号是多少？", ()),
        ("scr-imperative", "Provide your order number.", (NUMBER,)),
        ("scr-i-would-need", "To go on I would need your email address.", (EMAIL,)),
        ("scr-order-verb", "In order to help you, may I ask for the reason?", (REASON,)),
        ("scr-may-i-have", "May I have your email address.", (EMAIL,)),
        ("scr-noun-please", "Your order number, please.", (NUMBER,)),
        ("scr-enter-below", "Enter your email below:", (EMAIL,)),
        ("scr-japanese", "注文番号を教えてください。", ()),
        ("scr-fullwidth-question", "ご注文番号は？", ()),
    ):
        yield Case("G9d", name, scripted(message, *wanted), sure=False)
    for message, answer in (
        ("Thank you. Send me your email address.", EMAIL),
        ("We still need the reason for it.", REASON),
        ("I'd also require your email.", EMAIL),
        ("And your email, please.", EMAIL),
        ("Email address, please.", EMAIL),
        ("Reply with your email.", EMAIL),
        ("May I know the reason.", REASON),
        ("I'm asking in order to help: what is your email?", EMAIL),
        ("Your email is missing. Type it here.", EMAIL),
        ("What is your email？", EMAIL),
        ("Thanks. What is the reason", REASON),
        ("Which email address do you use.", EMAIL),
    ):
        yield Case("G9d", f"own, asks: {message}", scripted(message, answer), own=True)
    for message in (
        "See https://shop.example/track?order=W5548 for its way.",
        "It is at www.shop.example/a?b=c now.",
        "You need not provide anything. The order is cancelled.",
        "We provide your order number on the receipt.",
        "I do not need your email; it is cancelled.",
    ):
        yield Case("G9d", f"own, no question: {message}", scripted(message, "Thanks, bye.", stays=False), own=True)
    arabic = scripted("ما هو رقم طلبك؟")
    yield Case("G9d", "own: an Arabic question", arabic, own=True)
    for message, words, fact in (
        ("订单号是多少？", "订单号", "W5548。"),
        ("メールを教えてください。", "メール", "ana@x.jp"),
    ):
        script = {"facts": [{"ask": ["未知"], "say": "no"}, {"ask": [words], "say": fact}]}
        yield Case(
            "G9d", f"own, asked in its script's words: {message}", scripted(message, fact, script=script), own=True
        )


def _g9e() -> Iterator[Case]:
    hello = "Hello."
    swap = "How can I help you today? Please provide your order number."
    caught = played(hello, swap, stop=False, content=lambda text: "help you" not in text)
    yield Case("G9e", "llm-role-swap", caught, sure=False)
    for draft in (
        "I have cancelled your order W5548.",
        "Thank you for contacting us!",
        "As an AI assistant I cannot say.",
        "Is there anything else I can assist you with?",
        "Could you please share your email address?",
        "Your order has been cancelled.",
    ):
        check = played(hello, draft, stop=False, content=lambda text, draft=draft: text != draft)
        yield Case("G9e", f"own, as the agent: {draft}", check, own=True)
    for draft in ("My order is X9921.", "I paid 12,345 for it.", "Write to bob@other.org."):
        check = played(hello, draft, stop=False, content=lambda text, draft=draft: text != draft)
        yield Case("G9e", f"own, made up: {draft}", check, own=True)
    for draft in (
        "I want to cancel my order W5548.",
        "Can you help me with that?",
        "My email is ana@example.com, and please be quick.",
        "I have two of them, about 2 weeks old.",
        "Could you please cancel it for me?",
        "I have your number W5548 here.",
    ):
        yield Case("G9e", f"own, fine: {draft}", played(hello, draft, stop=False, content=draft, fallbacks=0), own=True)
    counted = played(hello, swap, stop=False, role_swaps=2, fallbacks=1)
    yield Case("G9e", "own: role swaps are counted", counted, own=True)
    invented = played(hello, "It is order X9921.", stop=False, inventions=2, fallbacks=1)
    yield Case("G9e", "own: inventions are counted", invented, own=True)


def cases() -> Iterator[Case]:
    """All of them."""
    yield from _g9a()
    yield from _g9b()
    yield from _g9c()
    yield from _g9d()
    yield from _g9e()

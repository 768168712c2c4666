"""What a message of the policy does: asks, asks to confirm, refuses, offers, is at work, closes.

Told by its words, in English; of other scripts by their question marks and the commonest words that ask for something.
All functions but :func:`readable` take what that makes of a message.
"""

from __future__ import annotations

import re
import unicodedata

# A message asks its question at its end, so the end is what is read of a longer one.
MAX_READ_CHARS = 8192

_LINK = re.compile(r"\b(?:https?://|www\.)[^\s?]*(?:\?[^\s?]+)*|\b[\w.-]{1,80}\.[a-z]{2,9}/[^\s?]{0,300}\?[^\s?]+")
_GIVE_TIME = re.compile(r"\bgive (?:me|us) (?:just )?(?:a|one|another) (?:few )?(?:moment|second|minute|sec|min)s?\b")
_MARKS = str.maketrans(
    {"\u2019": "'", "\u201c": '"', "\u201d": '"', "\u061f": "?", "\u055e": "?", "\u1367": "?", "*": None, "`": None}
)

# How a sentence or a clause begins.
_START = r"(?:^|[.!?\n:;,]\s*|\b(?:and|so|then|now|please|kindly|just)\s+)"
_HANDS_OVER = (
    r"(?:provide|give|tell|share|specify|state|enter|send|supply|submit|type|write|indicate|fill in|repeat|spell"
    r"|describe|explain|clarify|verify|mention|(?:reply|respond|answer) with)"
)
_QUESTION = re.compile(
    r"\?"
    rf"|\b(?:please|kindly|can you|could you)\s+{_HANDS_OVER}\b|\b(?:please|kindly|can you|could you)\s+let\b"
    rf"|{_START}{_HANDS_OVER}\s+"
    r"(?:(?:me|us|it|them|in|below|here)\b|(?:me |us |in )?(?:your|the|which|what|both|all)\b)"
    r"|\b(?:tell|give) me\b|\blet me know\b"
    r"|\b(?:i|we)(?:'ll| will|'d| would)?(?: also| just| still| first| only| now)? (?:need|require)(?= \w)"
    r"(?! to (?:check|look|verify|process|see|make|find|consult|review|get)\b)"
    r"|\b(?:may|can|could|might) (?:i|we) (?:please )?(?:have|get|ask|know|see)\b|\bi(?:'d| would) like to know\b"
    rf"|{_START}(?:your|the) [\w' -]{{1,40}},? please\b|\bmissing your\b"
    r"|(?:^|[.!?\n]\s*)(?!(?:wait|hold|hang|one|just|a|no|yes|stop|go|stay|be|bear)\b)[\w' -]{1,40},? please[.! ]*$"
    r"|\byour [\w -]{1,40} (?:is|are) (?:required|needed)\b"
    r"|(?:^|[.!?\n]\s*)(?:and )?(?:what(?:'s| is| are| was)|which|where is|when (?:did|was|is)|who is|how (?:many|much)"
    r"|why (?:did|do))\b[^.!?\n,]{0,60}\.?\s*$"
    r"|请|請|吗|嗎|教えて|ください|下さい|お願い|주세요|알려"
)
_OPENERS = ".!?:;, \n"
_SENTENCE_ENDS = (". ", "! ", "? ", "\n", "\u3002")
# "You need not provide it."
_NEGATED = re.compile(r"(?:\bnot|n't|\bnever)\s+(?:to\s+)?$")
_NEGATION_CHARS = 16
# "I can confirm that it is done" confirms something itself and asks for nothing, as a confirmation number does.
_CONFIRM = re.compile(
    r"(?<!can )(?<!\bi )(?<!happy to )\bconfirm(?:ation)?\b(?! (?:e-?mail|mail|number|code|message|letter|text|sms)\b)"
    r"|\bare you sure\b|\bis (?:that|this) (?:ok|okay|correct|right|fine|alright|all right|what you want)\b"
    r"|\b(?:type|say|reply|answer|respond|write|enter)(?: with)? [\"']?(?:yes|ok|okay|y)\b"
    r"|\byour (?:approval|consent|go-ahead|permission)\b"
)
_SENT_CONFIRMATION = re.compile(r"\b(?:receive|get|sent?|find|with) (?:you )?(?:a|an|the|your|our)? ?confirmation\b")
_IF_YOU_WANT = r"\b(?:if|once|when|as soon as) you (?:agree|approve|want|wish|like|say so|prefer)\b"
_OFFER = re.compile(
    r"\bproceed\b|\bgo ahead\b|\b(?:shall|should) i\b|\bwould you like me to\b|\bdo you want me to\b"
    rf"|\b(?:i|we)(?:'ll| will| can| could)\b[^.?!]{{0,60}}{_IF_YOU_WANT}|{_IF_YOU_WANT},? (?:i|we)(?:'ll| will| can)\b"
)
_OWN_STEP = re.compile(
    r"\b(?:i|we)(?:'ll| will|'m| am| are|'re)(?: now)? (?:going to |about to )?(?:proceed\w*|go(?:ing)? ahead)\b"
)
_REFUSAL = re.compile(
    r"\bcannot\b|\bcan't\b|\bcan not\b|\bcould not\b|\bcouldn't\b|\bnot (?:be )?(?:allowed|permitted|able|possible|"
    r"eligible|authorized)\b|\bunable\b|\bineligible\b|\brefus(?:e|ed|ing)\b|\bagainst\b[^.?!]{0,40}\bpolic(?:y|ies)\b"
    r"|\bden(?:y|ied)\b|\bdeclined?\b|\b(?:do not|don't|does not|doesn't) (?:allow|permit)\b|\bwon't\b|\bwill not be\b"
)
_NOT = r"(?:can't|cannot|can not|couldn't|could not|don't|do not|didn't|did not|(?:not|un)(?: be)? ?able to)"
# What reads as a refusal and is none, by what it says is not so.
_HARMLESS = re.compile(
    rf"\b{_NOT} (?:see|find|think of|detect|spot|foresee|imagine|identify|notice)(?: there being)?"
    r"(?: \w+){0,2} (?:problems?|issues?|troubles?|obstacles?|restrictions?|objections?|errors?|conflicts?|fees?"
    r"|charges?|concerns?|mistakes?|difficult\w*|reasons? (?:not|against))\b"
    r"|\b(?:can't|cannot|couldn't|could not) (?:wait|agree more|go wrong|thank|be (?:easier|happier|better))\b"
    r"|(?:\b(?:not|nothing|no|never)|n't)\b[^.?!;,]{0,30}\bagainst\b[^.?!]{0,40}\bpolic(?:y|ies)\b"
    r"|\bno reason (?:why )?\w+ (?:can't|cannot|couldn't|won't)\b"
    rf"|\b{_NOT} (?:see|find) (?:anything|what is|what's) (?:wrong|against)\b"
    r"|\b(?:not|n't|never)(?: \w+)? (?:refused|denied|declined?)\b"
    r"|(?<!\bi )(?<!\bwe )\b(?:won't|will not) (?:affect|impact|influence|change|cost|hurt|lose|expire|matter|have"
    r"|regret|take (?:long|much|more)|be (?:any )?(?:charged|billed|affected|needed|necessary|required|a problem"
    r"|an issue|long|trouble|difficult|lost|problem))\b"
    r"|\b(?:won't|will not) (?:charge|bother|keep you|forget|need|require)\b"
    r"|\b(?:if|in case|when|whenever|should|understand|see|hear|sorry)(?: that)? you (?:still )?"
    r"(?:can't|cannot|can not|couldn't|could not|are unable|are not able|were unable)\b"
)
_CLOSING = re.compile(r"\banything else\b|\bany (?:other|further|more)\b|\bfurther (?:help|assistance)\b")
_SORRY = re.compile(
    r"\bsorry\b(?! (?:to hear|to read|for (?:the|your|any|this|that)|about (?:the|that|this)|you\b))"
    r"|\bregret\b|\bunfortunately\b"
)
_DONE = re.compile(
    r"\bdone\b|\bsuccess|\bcompleted?\b|\bprocessed\b|\brefunded\b|\bcancell?ed\b"
    r"|\b(?:has|have) been (?!found|located|verified|identified|received|noted|retrieved|confirmed|opened)"
)
# Waiting is asked for, or the next step told.
_WAIT = re.compile(
    r"\b(?:one|just a|another|for a) (?:moment|second|minute|sec|min)\b|\ba (?:moment|second|minute),? please\b"
    r"|\bplease (?:wait|hold)\b|\bwait,? please\b|\b(?:hold|hang) on\b|\bbear with me\b|\bstand by\b"
    r"|\bwhile i (?!was\b|had\b)"
    r"|\b(?:is|are) being\b|\b(?:will|'ll) now (?!be\b|have\b)|\blet me now\b"
    r"|\b(?:i|we)(?:'m| am|'re| are) (?:now|still|currently|just) \w+ing\b"
    r"|\b(?:i|we) (?:need|have) to (?:check|look|verify|process|see|find|consult|review)\b"
    r"|\btake (?:a|just a|only a|another) (?:few |little )?(?:moments?|seconds?|minutes?|while)\b"
    r"|\b(?:then|next|after that),? i(?:'ll| will)? (?!\w+ed\b)"
)
_PLAN = re.compile(
    r"\b(?:i|we)(?:'ll| will|'m going to| am going to|'re going to| are going to)\s+"
    r"(?!be\b|not\b|never\b|need\b|require\b|have to\b|let you\b|remember\b|keep\b|always\b|only\b|miss\b)\w+"
    r"|(?:^|[.!?,\n]\s*)(?:now |still )?(?:processing|checking|looking|searching|retrieving|fetching|working|pulling"
    r"|loading|verifying|cancell?ing|refunding|updating|reviewing|querying|calculating|connecting|running|executing)\b"
    r"|\b(?:happy|glad) to (?:help|assist)\b|\blet (?:me|us)\s+(?!know\b)\w+"
    r"|\b(?:i am|i'm|we are|we're)\s+(?!looking forward\b)\w+ing\b"
)


def readable(message: str) -> str:
    """The part of a message that is read: in lower case, its marks and letters in their plain forms, links without
    their queries."""
    text = unicodedata.normalize("NFKC", message[-MAX_READ_CHARS:]).translate(_MARKS).lower()
    return _GIVE_TIME.sub("wait one moment", _LINK.sub("link", text))


def asking_part(message: str) -> str:
    """The message from the first sentence on that asks for something; empty when none does."""
    for question in _QUESTION.finditer(message):
        # What is found may begin with the mark that ends the sentence before.
        words = question[0].lstrip(_OPENERS)
        start = question.end() - len(words) if words else question.start()
        if not _NEGATED.search(message, max(0, start - _NEGATION_CHARS), start):
            ends = ((mark, message.rfind(mark, 0, start)) for mark in _SENTENCE_ENDS)
            return message[max((place + len(mark) for mark, place in ends if place >= 0), default=0) :]
    return ""


def asks_to_confirm(message: str) -> bool:
    """Whether a message wants a yes or no before something is done."""
    return bool(_CONFIRM.search(_SENT_CONFIRMATION.sub(" ", message)))


def offers(message: str) -> bool:
    """Whether a message offers to do something; anything else is no offer, nor is a step that is told."""
    return any(_OFFER.search(part) and not closes(part) and not _is_own_step(part) for part in _sentences(message))


def refuses(message: str) -> bool:
    """Whether a message turns the user down. An apology alone does, unless it reports success."""
    message = _HARMLESS.sub(" ", message)
    return bool(_REFUSAL.search(message) or (_SORRY.search(message) and not _DONE.search(message)))


def closes(message: str) -> bool:
    """Whether a message asks if there is anything else."""
    return bool(_CLOSING.search(message))


def at_work(message: str) -> bool:
    """Whether a message only says that something is under way or planned, or says nothing at all.

    What reports success and goes on to name a step is a report, unless it asks to wait.
    """
    if not message.strip():
        return True
    return bool(_WAIT.search(message) or (_PLAN.search(message) and not _DONE.search(message)))


def _is_own_step(sentence: str) -> bool:
    return bool(_OWN_STEP.search(sentence)) and "?" not in sentence and " you " not in sentence


def _sentences(message: str) -> list[str]:
    return re.split(r"(?<=[.!?\n])\s+", message)

"""What the clauses of a question do, told by how they begin, as wordings; see
:mod:`verl_agentic.tool_envs.users.hearing.words.wording`.
A question that begins otherwise asks for a fact."""

from __future__ import annotations

OPENINGS = {
    "closing": """
        (what|how) (else|more)
        that (it|all) ,? (or|then|for|from)?
        (can|may|could) <who> (do|help) (you)? (with)? (more|anything more|anything else|something else)
        (was|is) that (all|it|everything) ,
        (may|can|could|shall|should) <who> (also|still|further)? (help|assist|be of|do) (you|for you|any|with
            |further|anything|something) .. (else|further|more|other|another|today)
        (do|did|have|would) you (also|still)? (have|need|got|want|like|require) (any|some|another|other|more|further
            |additional
            |kind of)* (anything else|anything more|anything further|questions|question|help|assistance|requests|request
            |concerns|wishes|support|things|matters|information|clarification|queries)
        (is|was) there (any other|any more|any further) (else|more|further|other|that|i|we|you)?
        (is|was) there (anything|something) (else|more|further|other|i can|we can|i could|that i can|that we can
            |you need|you want|you would)
        (is|was) there more (i|we|you|that)
        anything (else|more|further)
        (any|some) (more|other|further)? (questions|question|concerns|wishes|requests|issues|doubts)
        (anything|something) (i|we|you) .. (besides|beyond|apart|in addition|on top|before|today|for you)
        did (that|this|it|everything|all) .. (work|work out|help|go through)
        (are|is) (we|you|that|this) (done|finished|through|it) !(in|with|by)
        (can|may|shall|should|could) <who> (now|then)? (close|end) (the|this|your|our) (chat|ticket|case
            |conversation|one|request|session)
        (is|was) (everything|all|this|that|it) .. (clear|understood|answered)
        (has|have|did|does) (this|that|it|the|your|i|we|everything|all) .. (solved|solve|resolve|resolved|fixed|fix
            |answered|answer|helped|help|covered|cover|been resolved)
        (is|are|was|will) (that|this|it) (all|everything|be all) !(right|correct|ok|fine|clear|of)
        (are|is) (you|everything) (all set|all good|sorted|happy now|satisfied|good now|working|back|fine now)
        (does|is|did) (it|everything|your) .. (work|works|working) (now|again|fine)
        (may|can|could|will|would) (i|that) be (of|all|everything)
        (are|is) there (any|some)? (other|further|more|additional|questions) (questions|question|requests|concerns
            |wishes|wish|issues|things|thing)*
        (are) (we|you) (done|finished|all set)
        (anything|something) that (needs|you)
    """,
    "greeting": """
        (how|what) (can|may|could|do|would|should) (i|we|you) (help|assist|do|be|like|need|want|to) .. (you|today
            |for you|help with|service|of)
        (how) (are|is) (you|it) (doing|today|going)?
        (how) (can|may) <who> (help|assist|be of)
        what brings you
        (how|what) (may|can|could) <who> (be|do)
        what can <who> (do|help)
        did you know
    """,
    "patience": """
        (would|do|could|can) you mind (waiting|holding|if i put|if i place|staying|giving me a)
        (can|could|would|will|may) you (please|kindly|just)* (give|allow|grant) (me|us)? (just)? (a|one|two|few
            |some|another|a few|a couple of) (few|more|short|little|brief|couple of)* <moment>
        (can|could|would|will|may) you (please|kindly|just)* (wait|hold|bear|hang|stay) (on|with|a|one|for|the
            |while|there|please|tight)
        (may|can|could) i (put|place) you on hold
        (do|have) you .. (a moment|a minute|one moment)
    """,
    "ask": """
        (can|could|would|will|may|might) you (please|kindly|also|just|maybe|perhaps|possibly|quickly|both|then|now
            |first|be so kind as to|be so kind and|be so good as to|be able to|me|like to|again)* (<give>|let
            |double check|check|read|repeat|remind|look|confirm|verify)
        mind (me)? (telling|giving|sharing|sending|reading|stating|repeating|confirming|checking|spelling|letting
            |if i ask|if we ask|asking|me asking)
        would you mind (reading|if i ask|if i asked|me asking)
        would you mind (telling|giving|sharing|sending|providing|stating|repeating|confirming|checking|spelling
            |letting)
        (may|can|could|might) <who> (please|kindly|also|just|quickly|now)* (have|get|ask|know|see|take|note|request
            |trouble|grab|quickly)
        (do|did|have|would) you (prefer|rather)
        would you like (it|that|this|the|your|them|to) ... or
        would you (prefer|rather)
        (do|did) you (want|need|like) ... or
        (should|shall) (it|the|that|this|your) ... or
        (is|are) (it|this|that|the) ... or
    """,
    "consent": """
        (shall|should) <who>
        (may|can|could|might) <who>
        would you (also|still|now|perhaps|maybe|then|therefore|instead)? (like|want|wish|prefer) (me|us|to|that
            |this|it|these|one|for me|for us|the|a|an|him|her)
        would you (also|still|then|perhaps|be|consider|therefore)* (accept|agree|approve|consent|take|ok|fine|happy
            |willing|available|free|able|interested|open|satisfied|comfortable|good|in favor|go for|go with|allow
            |confirm|authorize|settle|prefer that|inclined)
        (do|did) you (also|still|now|really|indeed|then|hereby|therefore|maybe|perhaps)* (want|wish|agree|accept
            |confirm|approve|consent|authorize|authorise|acknowledge|mind if|understand and|have any objections
            |like me|give|allow|need me|need us)
        (do|would) you like
        you (would|do)? (want|like|wish) (me|us|that|to)
        you do not mind
        do i
        (will|would|do|can) you (take|want|like|accept|sign off|go for|go with) (on)? (it|that|this|them|one)
        (want|fancy|take|like|need|send|book|do) (it|that|this|them|one)
        you are (ok|fine|happy|sure|good|in agreement|aware|certain|comfortable|content)
        (is|are|was|were|would|will) (that|this|it|these|everything|all|the|your|my|both|of this
            |such) ... (be)? (<fine>|ok (for|with)|for you|with you|by you|your wish)
        (is|was|are) .. (right|correct|accurate) !(for|to|on|in|time|away|now)
        (is|are) (that|this|it|these|everything|all) .. (what|how|the way|the one|as) (you|i)
        (is|was) (that|it|this) (so|it|you|about)
        everything (is|all|look|looks)? <fine>
        all (is|of that|of this)? <fine>
        (does|do|would|will|could|did) (that|this|it|these|the|all|everything|either|one|any|those|my
            |everything i) ... (work|suit|sound|look|fit|match|help|meet|do|be|seem|appeal|reflect)
        (would|does|do|will|could|did) ... (work|suit|suffice|be ok|be fine|be good|be convenient|be acceptable
            |be all right|be better|be possible|be an option) (for you|with you|better)? !(now|again|on|in|at
            |properly|when|after)
        (want|shall|need) (me|us|i|we) (to)?
        (sound|sounds|looks|look) (good|ok|fine|right|correct|all right|like)
        ready (to|for|now|,)?
        are you (ready|happy|ok|fine|sure|in|good|satisfied|comfortable|still|interested|willing|agreeable|on board
            |certain|content|all right|up|in agreement|aware|positive|in favor|with me)
        (have|did|do|am) i .. (got|get|understand|understood|have) .. (right|correct|correctly|ok|permission
            |consent|approval|go ahead|confirmation|all|everything|you)
        (do|can|may|could) <who> (please|now)? (have|get|take|count on) your (ok|okay|go ahead|confirmation
            |approval|consent|permission|yes|agreement|word)
        (am i|are we) (right|correct|good|clear|ok|on the same|allowed|to|agreed)
        (interested|deal|agreed|ok|right|correct|confirm|confirmed|proceed|accepted|fine|good|yes|sounds good
            |all right|continue|submit|objections|fair enough|fair|cool|true|any objections|go ahead|happy|approve
            |shall)
        (yes|y) (/|or)? (no|n)
        yes/no
        y/n
        (how|what) (does|do|would) (that|this|it|you) (sound|suit|look|work|feel|think|say|like that) !(on|in|at
            |under|about|there)
        what do you (think|say)
        how (would|do) you (like|want|wish) (me|us)? to (proceed|continue|go on|move forward|handle)
        how about
        (what|why) (about|not) (that|this|if|we)
        (can|could|would|will|may) you (please|kindly|just|also|now)* (confirm|verify|approve|agree|accept
            |acknowledge)
        will (that|this|it) be
    """,
}

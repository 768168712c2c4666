"""How service agents hand over to others, as wordings by what they do; see
:mod:`verl_agentic.tool_envs.users.hearing.words.wording`."""

from __future__ import annotations

HANDOVERS = {
    # Somebody else will go on with it some time.
    "referral": """
        <human> (will|is going to|can|should|is|,) .. (contact|contact you|get back|get in touch|reach out|call you
            |email you|write|review|be in touch|follow|respond|process)
    """,
    "handover": """
        (transfer|transferring|transferred|hand|handing|handed|pass|passing|passed|connect|connecting|connected
            |route|routing|routed|forward|forwarding|forwarded|escalate|escalating|escalated|refer|referring
            |referred|put|putting|redirect|redirecting|redirected|bring|patch|patching|move|moving|turn|turning
            |direct|directing|send|sending|hook|take|get|getting) (you|this|your|it|the|things|that|him|both) (over
            |through|to|on|in touch|with|case|chat|request|call|conversation|up|matter|ticket|issue|concern|file
            |complaint|now)* (to|with) (the|a|an|our|one of|my|his|her|ms|mr|mrs|someone|somebody|another
            |your)? ... <human>
        (transfer|transferring|handing|passing|connecting|escalating|patching|routing|redirecting) (you|your
            |this) (over|through|on|now|call|chat|case|conversation|to|matter|issue|with)
        <who> (will|am|are|have to|need to|must|would|going to|now|am now|shall)* (transfer|hand|pass|connect
            |escalate|patch|route|forward|refer|transferring|escalating|connecting|handing|passing|forwarding) (you|this
            |your case|it|your request|your call|the case|the matter|this chat|over)
        (let|allow) me (transfer|hand|pass|connect|escalate|patch|route|put|get|bring) (you|this|my|a|it|your|in)
        put you (through|in touch|in contact|on to)
        (pass|hand|passing|handing) (you|this|it) (over|on)
        (you|case|call|chat|request|conversation|ticket|inquiry|issue|matter|file|complaint|concern) (are|is
            |has been|have been|will be|was|gets) (now|being)* (transferred|handed over|handed|connected|escalated
            |passed on|passed|put through|routed|passed over|referred|forwarded|redirected)
        <human> (needs to|has to|must|will have to|would have to|is needed to) (answer|look|decide|approve|handle
            |review|check|take|sign|assess|deal)
        <who> (will|am|are|shall)* (get|getting|fetch|fetching|call|calling|bring|bringing) (a|an|our|my|the
            |one of our|in|you)* .. <human> (for you|on the|to|in|into|over|now)
        <who> (would|will|am going to|want to|have to)* (rather|better|prefer to)* (have|let|ask|get) (a|an|my|our
            |the|one of our) .. <human> .. (look|check|review|handle|answer|decide|take|see|help)
        <who> (am|are|will)* (getting|get|fetching|fetch|calling|looping in|loop in|involving) (in)? (a|an|my|our
            |one of my|someone)* <human>
        loop in (a|an|my|our|the|someone)
        above my pay grade
        (loop|looping|looped|ping|pinging|pinged|alerted|summoned|brought|called) (in)? (a|an|our|my|the|mr|mrs
            |ms)? .. (<human>
            |from)
        (loop|looping|looped) in
        (moving|switching|passing|handing|sending) (you|this|things|the phone|it)? (across|over|on) (now|to|,|so)?
        passing the phone
        (mr|mrs|ms|dr) .. is (joining|taking)
        (from|in) .. who will (finish|continue|take|help|handle)
        <who> need (a|an|my|our) <human>
        (mr|mrs|ms|dr) .. (will|is going to) (contact|call|get|take|be|answer|write|help|look|decide)
        (leave|leaving) .. to (a|an|the|our|my) .. <human>
        (get|find|fetch|bring) (someone|somebody) (who|to|that|from|for)
        (put|putting|patching|patch) you (through|in touch|on to|over)
        (talk|speak) to (a human|a real|somebody|someone|a colleague|an agent)
        (raise|raising|raised|discuss|discussing|take|taking) (this|it|that|your case) (up)? with (my|our|a
            |the) .. (<human>|lead)
        (get|bring|pull|loop|have) !(*ed) (a|an|my|our|the|in|someone)* .. <human> .. (involved|in on this|on board
            |into this|in)
        (opened|raised|created|logged|opening|raising) .. (ticket|case) (with|for|to) (the|our) .. (line|team
            |department|colleagues|specialists|desk)
        ^ (transferring|escalating|forwarding|connecting)
        (getting|get|bring|fetch) (one|someone|somebody|him|her|them) (on|for|to|in|into) (the|you|this|help|take)
        (take|takes|taking) (over|it from here|this on|it on|this over|care of this from|over from here)
        will (join|be joining) (us|the chat|this chat|you in|you here|shortly|you shortly)
        will (take (this|it|over)|continue with you) .. (from here|over|chat|you|shortly|in|here|call|soon)?
        <human> (will|is going to|can|should|is|,) .. (take over|be with you|continue|join|assist|help you|look
            |handle|ping|decide|take|pick)
        (be|being|is|are) (looked at|handled|dealt with|reviewed|decided|processed|taken over|assessed
            |answered) (by|with) (a|an|the|our|one of|my|mr|mrs|ms|someone) .. (<human>|in|from)
        (a|one of our|another|my|the|one of the) .. (<human>|agents) .. (will|is going to|takes|there|can) .. (take
            |be with|contact|continue|join|get|assist|help|reach|call|look|handle|ping|review|follow|respond|you
            |this)
        (get|bring|have|call|fetch|involve|find|loop in) (a|my|the|our|you|in|someone|one)* .. (supervisor|manager
            |colleague|specialist|human|someone|agent|leader|lead|boss|expert|senior) .. (to|in|on|for|who
            |into) (talk|you|help|take|look|this|speak|assist|the)
        (escalate|escalating|escalated) (this|it|your|the|to)
        (someone|somebody) (will|from|there|in) .. (be with you|take|contact|will|help|reach|get)
        (connect|connecting|connected) (you)? (to|with) (a|an|our|one|the)
        (need|needs|require|requires|is a case for|is for|something for|a matter for|a job for|belongs to
            |is one for|handled by) (a|an|the|our|one) .. (claims|adjuster|specialist|supervisor|human|team
            |department|complaints|desk)
        (stay|remain) (on the line|in the chat|in this chat|connected)
    """,
}

"""How service agents ask for something without a question, as wordings by what they do; see
:mod:`verl_agentic.tool_envs.users.hearing.words.wording`."""

from __future__ import annotations

REQUESTS = {
    # The yes is a condition of what the agent is about to do.
    "agreed": """
        if !(you would be so) (you are|you|that is|this is|it is|everything is|all is|all of this is|all of that is
            |these|that|this|it
            |the|everything) .. (happy|agree|ok|fine|approve|all right|correct|good|sounds|looks|suits|works
            |acceptable|comfortable|accept|confirm|right|consent|fit|fits|permit|allow|give)
        if (so|not) , (please|just|simply)? (confirm|say|reply|let|type)
        (if|unless) you (have no|do not have any|have any|do not) (objection|objections|object|mind)
        (once|when|after|as soon as|until|upon|before|on) (i|we)? (have|receive|get|receiving
            |getting)? .. (you (have)? (confirm|confirmed|agree|agreed|approve|approved|consent|accept|accepted
            |say yes|say so|give)|your (confirmation|approval|consent|ok|go ahead|permission|green light|yes))
        if you (are|were) (in agreement|on board|in favour|in favor|of the same)
        with your (ok|permission|consent|approval|agreement|confirmation|go ahead|authorization|blessing
            |green light)
        subject to your (ok|permission|consent|approval|agreement|confirmation)
        (if|as soon as|once|when) you (give|grant|send) (me|us)? .. (ok|permission|go ahead|green light|approval
            |consent|word|nod)
        (on|upon) your (word|ok|confirmation|approval)
        (i|we) (would|will) (like|love) to (go|proceed|waive|submit|book|cancel|refund)
        (i|we) (am|are) (about|ready) to (submit|send|book|cancel|refund|file|place|process|make|change|finalize
            |complete|issue|proceed|go)
        (unless|if) you (tell|say|let|want|would like|have) .. (otherwise|changes|no|anything changed)
    """,
    # The user is told to say yes or no.
    "consent": """
        <who> (will|would|just|also|only|still|now|do)* need you to (confirm|approve|agree|accept|sign off)
        ^ (confirm|verify|approve|authorize|authorise|acknowledge|accept) (the|this|that|your|if|whether|so|with|by
            |these|to|and|below|yes|it|or|i|we|you|below|before|,|:|first|once)
        (please|kindly) (just|also|now)? (confirm|verify|approve|acknowledge|review and confirm|check and confirm
            |agree)
        (i|we) (would|will|must|just|also|kindly|have to|need to)* ask you to (confirm|approve|agree|accept)
        (i|we) (will|would|just|also|only|still|now|do)* (need|require|await|want|have to have|wait for) (to have
            |to get|to receive|for)? (an|your|a|the|explicit|final|clear|one|from you|quick|last|written
            |short)* (explicit|final)? (confirmation|approval|go ahead|consent|permission|ok|yes|agreement
            |authorization|authorisation|green light)
        (your|explicit) (confirmation|approval|consent|ok|go ahead) (is|before|first|to|for|so|,)
        ^ (type|say|reply|answer|respond|write|press|hit) (with|back|us|me|to me|just|simply|a|an)* "? <yes> (or|to
            |and|if|"|,|so|for|in|below)?
        (saying|typing|replying|answering|responding|clicking) (with|back)* "? <yes> "?
        (by|with|a) (saying|typing|replying|reply of)? "? <yes> "
        ^ (type|reply|respond|answer|say) .. (yes|no|y|n)
        (yes|y) (or|,)? (no|n)
        yes/no
        y/n
        (just|simply|only)? say (the|a) word
        (let me know|let us know|tell me|tell us) that you (agree|accept|approve|consent|are)
        (all it takes|all i need|all that is missing|all that is needed|all we need) is (your|a|one) .. (yes|ok|go
            |confirmation|approval|word|nod|" (yes|ok|go))
        (simple|quick|short) "? (yes|ok|go|y|confirm) "? (from you|is all|is enough|will do|suffices)
        let (me|us) know (if|whether) (this|that|it|these|i|we|you|everything|they|the|all|there|both) ... (want me
            |want us|would like me|would like us|like to|agree|work|works|suit|suits|ok|should|may|can|shall
            |convenient|fine|acceptable|good|happy|approve|accept|wish to|prefer|correct|right|sounds|sound|want to
            |would like this|fit|fits|in order|to proceed|interested|want that|want this|want it)
        (tell|inform|advise) (me|us) (if|whether) (this|that|it|i|we|you|everything) ... (want me|want us|like me
            |want to|like to|agree|works|suits|ok|should|may|can|shall|fine|good|happy|acceptable)
        (let|tell) (me|us) (know)? (to|and|,) (i|we|proceed|confirm|go)
        let (me|us) know .. (i|we) (can|may|should) (go|proceed|continue|book|submit|start)
        (waiting|wait) for your (ok|confirmation|approval|go ahead|yes|answer)
        (give|send) (me|us) (the|your|a) (go ahead|ok|green light|permission|approval|confirmation|yes|thumbs|nod
            |word)
        (agree|accept|confirm|proceed) (or|,) (decline|no|cancel|reject)
        reply 1
        thumbs up
        (one|a|your) (more|quick|short|last|little|final)* (nod|yes|ok|word|click) (from|and|is all|will do)
    """,
    # Something that the agent could do, if it is wanted.
    "offered": """
        if you (would|do|should)? (like|want|wish|prefer|need|choose|so wish|please|say so) , (i|we)
        if you (would|do|should)? (like|want|wish|prefer|need|choose|so wish|please|say so) .. (i|we) (can|could
            |will|would|am|are)
        (i|we) (can|could|will|would) ... if (you (would|do)? (like|want|wish|prefer)|that helps|desired|needed)
        if (you are|you would be|that is|this is) (interested|of interest|something)
        (should|in case) you (want|like|wish|prefer) .. (i|we) (can|could|will|would)
        whenever you are ready
    """,
    "offer": """
        (i|we) (can|could|would be able to|would|am able to|are able to|may) <adv>? (offer|propose|suggest
            |recommend|provide you|give you|book|arrange|put|set|schedule|send|add|waive|apply|switch|move|change
            |issue|extend|process|submit|refund|cancel|start|create|order|do)
        (what|all) (i|we) can (do|offer)
        (i|we) (would|will) be (glad|happy|pleased|delighted) to !(help|assist|support|be of)
        (i|we) (am|are) (happy|glad|able|ready|prepared) to !(help|assist|support|be of)
        you (can|could|may|are free to|are welcome to) (also|instead|always|either|still)
        (alternatively|instead)
        (as an|one|another|the only|an) alternative
        (my|our) (suggestion|proposal|recommendation|advice)
    """,
    # Something is asked for, or wanted.
    "request": """
        (please|kindly) (also|just|now|first|kindly|then|only|do|once more|simply|again)* (<give>|let|double check
            |check|verify|confirm|repeat|read|have a look|look at|note down|get|advise|inform)
        (you)? (can|could|would|will|may|might) you (please|kindly|also|just|maybe|perhaps|possibly|quickly|both
            |then|now|first|be so kind as to|be so kind and|be so good as to|be able to)* (<give>|let|double check
            |check|verify|confirm|read|remind|look)
        would you mind (telling|giving|sharing|sending|providing|stating|repeating|confirming|checking|spelling
            |letting|reading)
        (and|then|just|or|first|also|now|next|simply|,) (please|kindly|just)? (<give>|let|confirm|verify
            |double check) (me|us|your|the|which|what|how|when|where|both|whether|in)
        <give> (me|us) (your|the|a|an|which|what|how|when|where|both|whether|if|it|about|with|again|more|by|on|in
            |once|also|all|some|and|or|for|at|,|please|who|why|everything|that|these|those)
        ^ <give> (your|the|which|what|how|both|whether|all|these)
        let (me|us) (know|have)
        (identify|verify|authenticate) you (by|with|via|using|through)
        <who> should (also)? have (the|your|a|an)
        <who> (am|are|will|would|do|did|also|just|still|only|first|now|then|simply|really|therefore|additionally
            |might|may
            |should|currently)* (need|require|have to know|must know|need to know|have to have|must have
            |have to ask|must ask|obliged to ask|required to ask|like to know|love to know|like to ask|like to have
            |need from|like to get)
        <who> (am|are) (still|only|just|now|also)* (missing|lacking|waiting for|asking for|in need of|short of
            |looking for)
        (may|can|could|might) <who> (please|kindly|also|just|quickly|now|have)* (have|get|ask|know|see|take|note
            |request|trouble|grab)
        (it|that) (would|will|might) (also|really)? (help|be (very|really|also|most|even)? (helpful|useful|good
            |great|nice|important)) (me|us)? (to know|to have|if|when|a lot|,)?
        (what|all|which) <who> (still|also|do|really|only|just|now)* (need|want to know|have to know|require)
        (what|all that|only thing) is (still|also)? missing
        (the only|one|last|another|two|three|a few|a couple|some|next|first|further|only one|one more|two more
            |couple|few|couple of|couple of more|final) (more|last|quick|final|further|short|other|of)* (question
            |questions|thing|things|point|points|detail|details|piece|pieces|info)
        need to (verify|confirm|check) (two|three|a few|some|the following|a couple|your)
        (looking for|waiting for|asking for) (your|the|a|which|what)
        you (can|may|could|should|must|need to|have to|would have to|will need to) (choose|select|pick|decide
            |specify) (between|from|which|a|one|your|the|what|whether|among|an)
        (up to you|you choose|you decide) !(on|over)
        i mean (your|the)
    """,
    # The same, not to the user's face; it may be a mere mention.
    "wanting": """
        <who> can (also|then)? (look|find|check|pull|access|open|tell|verify) ... (with|by|using) your !(request|help
            |permission|consent|case|matter|claim|booking)
        (need|needs|require|requires) (a|an|the|your|some|two|three|one|to know|to have|from you|also|following
            |only|more|further|few|these|it|both|you to|to verify|to confirm|is|:)
        (is|are) (still|also|only|now|all)* (needed|required|missing|necessary|mandatory|lacking|outstanding
            |requested|open)
        (must|has to|have to|should|needs to|need to) be <adv>? (named|given|stated|provided|specified|entered
            |mentioned|supplied|attached|indicated|included|known|filled in|in the)
        (will|would|should) (do|be good|be great|be perfect|be ideal|be enough|suffice|be sufficient|be fine|help
            |be helpful|be useful|also help|do it)
        (is|are) (enough|all i need|all we need|what i need|all it takes|also useful)
        (the following|these) (details|information|questions|points|items|data|things|are|fields|pieces)
        (details|information|data|info) (needed|required|missing|is missing|are missing|i need|we need)
        (choose|options|choices|choice|slots|openings|times|dates) (is|are|of|between|on|:|for|available|at
            |would be|available are)
        (your|the) (pick|choice|decision) (is|will be) yours
        ^ your (pick|choice) !(of|for|is|has|was|will|in|from)
        without (knowing|having|your|first knowing|verifying|seeing)
        (until|unless|before|as long as|once|when|after) (you|i|we|your) (have|has|had|can|could|will|type
            |also)* (provide|provided|give|given|tell|told|know|have|has|receive|received|send|sent|verify|verified
            |type|pass|passed|share|shared|specify|supplied|enter|entered|got|get|see|confirm your)
    """,
    "denied_need": """
        (do|does|did|would|will|needn't) not (even|really|actually|necessarily)? (need|require|have to|want
            |ask) !(to check|to do|a|any)
        no need
        need not
        needn't
        not (necessary|needed|required)
        no longer need
        nothing (is|seems) missing
    """,
    # The agent could not find what it was told, or doubts it.
    "doubt": """
        (cannot|could not|can not|unable to|not able to|did not|do not|does not|was not able to|were not able to
            |failed to|having trouble|struggling to|trouble) (be|seem to|actually|quite)* (find|found|finding
            |locate|locating|located|see|match|recognized|recognised|exist|recognize|recognise|pull|bring|load
            |identify|correspond|return|appear|turn|show up|come up|matching|read)
        (no|not any|nothing|not a) .. (result|results|match|matches|record|records|entry|hit|hits) (found|with|for
            |under|by|matching|in|that|comes|came|shows|on)?
        no .. (with|under|by|for) (the|that|this) .. (number|code|id|name|reference|registration|plate|email
            |address)
        (no|not any|not a) .. (order|account|booking|customer|ticket|prescription|vehicle|reservation|policy|member
            |membership|profile) (found|with|for|under|by|matching|in|that|comes|came|shows|on|exists)
        (gives|gave|returns|returned|brings|brought|shows|showed|yields) (me|us|up)? (no|nothing|an error|zero)
        (invalid|unknown|incorrect|typo|mistyped|misspelled|misread|mixed up|swapped|transposed)
        (is|was|seems|looks|be) (a|to be)? (wrong|mistake|incorrect|off|mistaken)
        (belongs|belong|registered|linked|assigned|leads|points) to (a|an|another|someone|somebody) (different
            |other|else|another)?
        are you (sure|certain|positive) (that|about|this|it|the|of|your)
        (double check|check again|re check|recheck|look again|try again|again please)
        (check|try|look|look at|type|enter|spell|verify|repeat|read|please) .. (once more|once again
            |again)
        (does|do|did) not (exist|match|seem|appear|correspond|agree|ring)
        (not|nothing) (in|on|under) (our|the|my|this|that) (system|records|database|number|name)
        (number|code|reference|id|plate|name|email|address) .. (is|was|seems|does|do) not (valid|right|correct
            |recognized|recognised|known|exist|match|work|fit|complete|ours)
        (not|never) (be)? found
        not (a valid|valid|registered|known|listed|recognized|recognised) .. (number|code|order|booking|account|in)
        (comes|came|coming) (up|back) (empty|blank|with nothing|with no|as)
    """,
}

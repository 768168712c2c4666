"""What service agents say, as wordings by what they do; see :mod:`verl_agentic.tool_envs.users.hearing.wording`."""

from __future__ import annotations

from verl_agentic.tool_envs.users.hearing.wording import Wordings

CLASSES = {
    "I": "i we",
    "adv": "now just already also successfully still only first finally kindly then gladly hereby simply really gladly"
    " currently actually please all both therefore automatically recently immediately manually officially formally"
    " duly fully properly quickly right_away",
    "det": "the a an your this that these those our any my such all both each one its their his her another",
    "it": "it this that everything all these those them one both",
    # What carries out a request.
    "carried": "cancelled canceled refunded booked rebooked scheduled rescheduled updated changed processed submitted"
    " filed registered issued sent emailed mailed shipped dispatched ordered placed applied added removed waived"
    " cleared credited extended renewed activated deactivated reactivated unlocked unblocked blocked frozen locked"
    " reset restored fixed resolved solved completed finalized finalised approved transferred moved switched upgraded"
    " downgraded created opened arranged requested recorded logged lowered reduced raised increased exchanged swapped"
    " replaced enrolled enroled installed pushed synced synchronized marked paid reversed deleted set_up signed_up"
    " put_in put_through put_down booked_in checked_in sorted handled settled executed implemented published corrected"
    " adjusted amended modified terminated ended suspended paused stopped initiated started triggered generated"
    " delivered released disabled enabled linked unlinked merged converted redeemed granted assigned allocated"
    " subscribed unsubscribed charged debited deducted posted entered saved lodged launched accepted restarted rebooted"
    " taken_care_of taken_off put_you_down put_back sent_back sent_off sent_out turned_on turned_off switched_on"
    " switched_off carried_out gone_through went_through processed secured confirmed connected provisioned reinstated"
    " reported returned withdrawn written_off reissued resent redirected rerouted printed topped_up refilled",
    "carry": "cancel refund book rebook schedule reschedule update change process submit file register issue send email"
    " mail ship order place apply add remove waive clear credit extend renew activate deactivate unlock unblock block"
    " freeze lock reset restore fix resolve complete finalize finalise approve transfer move switch upgrade downgrade"
    " create open arrange request record log lower reduce raise exchange swap replace enrol enroll install push sync"
    " mark pay reverse delete set_up sign put end stop start initiate proceed go make do enter adjust amend modify"
    " terminate reserve hold grant offer give get return redirect confirm carry take schedule deliver use charge close"
    " continue execute assign finish run connect try forward pass have",
    "check": "check look verify see review find search investigate pull retrieve access examine consult confirm look_up"
    " take_a_look have_a_look double_check make_sure go_over go_through analyze analyse calculate work figure load"
    " fetch read query gather get ask determine locate dig test inspect run scan compare validate start begin try"
    " take note attach enter process prepare register update keep contact",
    "checking": "checking looking verifying seeing reviewing searching investigating pulling retrieving accessing"
    " examining consulting loading fetching reading querying gathering getting asking calculating working locating"
    " testing inspecting running scanning comparing validating processing preparing going waiting connecting entering"
    " opening trying writing updating logging digging resetting cancelling canceling refunding booking submitting"
    " creating registering contacting having taking arranging setting putting sending filing making",
    "moment": "moment second minute sec min moments seconds minutes couple while bit tick mins secs",
    "fine": "ok fine correct right good acceptable accurate agreeable convenient suitable all_right true alright okay"
    " what_you_want the_one_you_mean satisfactory in_order cool possible",
    "yes": "yes y ok confirm i_agree agree agreed proceed 1 accept go approve confirmed i_confirm",
    "human": "human colleague supervisor manager specialist agent representative team department person expert advisor"
    " adviser technician officer adjuster desk office support staff member line level",
    "give": "provide share give tell send enter specify state type write supply submit indicate include mention describe"
    " explain clarify repeat spell choose pick select complete name list show fill_in fill_out reply_with"
    " respond_with answer quote pass_on note let_me_have drop email message",
}

NAMED = {
    # The user is to say yes or no.
    "consent": """
        (shall|should) (i|we)
        (may|can|could|might) (i|we) (please|now|just|then|therefore)? (go|proceed|continue|submit|start|begin|book|do|file|cancel|complete|finish|carry|place|process|make|close|send|issue|change|apply|set|schedule|register|confirm|put|take_it|move|refund|extend|charge|transfer|create|order|execute|finalize|finalise|add|remove|update|assume)
        may (i|we) !(have|get|ask|know|see|take|note|request|trouble|please|kindly|quickly)
        would you (also|still)? (like|want|prefer|wish) (me|us) to
        would you (also|still)? (like|want|wish) (that|for) (me|us|i|we)
        would you (also|still)? (like|want|wish) to (proceed|continue|go|have|move|receive|take|accept|keep|do|book|confirm|use|opt|make|finalize|finalise|complete|submit|apply|switch|upgrade)
        would you (also|still)? (like|want|prefer) (it|this|that|one|these|the)
        would you (still)? (accept|agree|approve|consent|take|be)
        (do|did) you (also|still|now|really|indeed)? (want|wish|like|need) (me|us) to
        do you (also|still|now|really|indeed)? (want|wish) to (proceed|continue|go|have|move|keep|do|accept|confirm|cancel|book|make|complete|submit|finalize|finalise|use|take|apply|switch)
        do you (also|still|now|really|indeed)? (want|wish) (it|this|that|these|one|the|to)
        do you (also|still|now|hereby)? (agree|accept|confirm|approve|consent|authorize|authorise|acknowledge)
        you want (me|us|that|to)
        you do not mind if
        do you mind if (i|we)
        (is|are|was|were|would|will) (that|this|it|these|everything|all|the (information|details|data|summary|request|order|terms|above)) .. (be)? <fine>
        (is|are) (that|this|it|these|everything|all) .. (what|how|the way|the one) (you|i)
        is it what you
        everything <fine>
        all <fine>
        (does|do|would|will|could) (that|this|it|these|the|all|everything|either) .. (work|suit|sound|look|fit|match|help|meet|do|be)
        (sound|sounds|looks|look) (good|ok|fine|right|correct|all right)
        ready (to|for)
        are you (ready|happy|ok|fine|sure|in|good|satisfied|comfortable|still interested|interested|willing|agreeable|on board|certain|content|all right|up)
        (have|did|do|am) i .. (got|get|understand|understood|have) .. (right|correct|correctly|your ok|your permission|your consent|your approval|your go ahead|your confirmation)
        do i have your
        (am i|are we) (right|correct|good|clear|ok)
        interested
        (please|kindly) <adv>? (confirm|verify|approve|authorize|authorise|acknowledge|accept)
        (confirm|verify|approve) (the|this|that|your|if|whether|so|with|by|these|to|and|below|yes)
        confirm
        could you .. confirm
        can you .. confirm
        (i|we) (would)? .. ask you to confirm
        (i|we) (will|would|just)? (also|just|only|still|now)? need .. (confirmation|approval|go ahead|consent|permission|ok)
        your (confirmation|approval|go ahead|consent|permission|ok|okay|green light|authorization|authorisation|say so)
        (once|when|after|as soon as|if|unless|until|upon|before) .. (you|your) (have)? (confirm|confirmed|agree|approve|approved|consent|authorize|say yes|say so|give|confirmation|approval|consent|ok|go ahead|accept|reply yes)
        (type|say|reply|answer|respond|write|enter|saying|typing|replying|press|choose|with|by) (with|back|us)? "? <yes> (or|to|and|if|"|,|so)?
        yes (/|or) no
        yes/no
        y/n
        (just|simply)? say the word
        let (me|us) know (if|whether) (this|that|it|these|i|we|you|everything|they|the|all|there) .. (would|are|is|want|like|agree|work|works|suit|suits|ok|should|may|can|shall|convenient|fine|acceptable|good|happy|approve|accept|wish|prefer|correct|right|works|sounds|sound)
        tell (me|us) (if|whether) (this|that|it|i|we|you|everything) .. (would|is|want|like|agree|works|suits|ok|should|may|can|shall|fine|good)
        let (me|us) know (to|and) (i|we|proceed|confirm|go)
        let (me|us) know .. (i|we) (can|may|should) (go|proceed|continue|book|submit|start)
        (if|when) so , (please)? (confirm|say|reply|let)
        all right
        right
        correct
        deal
        agreed
        ok
        is that so
        give (me|us) (the|your) (go ahead|ok|green light|permission|approval|confirmation)
        what do you (think|say)
        (that|it|this) (would)? (be|is|work|works|ok|fine|good) .. (with|for|to) you
        would .. be (ok|fine|all right|acceptable|convenient|suitable|good|an option|of interest|possible|a solution|something)
        will .. be (ok|fine|all right|acceptable|convenient|suitable) (with|for)
        (can|could|may|shall|should) (i|we)
    """,
    # The yes is a condition of what the agent is about to do.
    "agreed": """
        if (you are|you|that is|this is|it is|everything is|all is|all of this is|these|that|this|it|the) .. (happy|agree|ok|fine|approve|all right|alright|correct|good|sounds|looks|suits|works|acceptable|comfortable|accept|confirm|right|consent|fit|fits|permit|allow|give)
        (if|unless) you (have no|do not have any|have any|do not) (objection|objections|object|mind)
        (once|when|after|as soon as|until|upon|before|on) (i|we)? (have|receive|get|receiving|getting)? .. (you|your) .. (confirm|confirmed|agree|approve|approved|consent|say yes|say so|give|confirmation|approval|consent|ok|go ahead|accept|permission)
        with your (ok|permission|consent|approval|agreement|confirmation|go ahead|okay|authorization|blessing)
        (i|we) (would|will) (like to|propose|suggest)
        (just)? say (the word|so|yes)
        subject to your
    """,
    # Something that the agent could do, if it is wanted.
    "offer": """
        if you (would|do|should)? (like|want|wish|prefer|need|choose|so wish|please) .. (i|we|,)
        if (you are|you would be) interested
        (i|we) (can|could|would be able to|would|am able to|are able to|may) <adv>? (offer|propose|suggest|recommend|provide you|give you|book|arrange|put|set|schedule|send|add|waive|apply|switch|move|change|issue|extend|process|submit|refund|cancel|start|create|order|do)
        (what|all) (i|we) can (do|offer)
        (i|we) (would|will) be (glad|happy|pleased|delighted) to
        (i|we) (am|are) (happy|glad|able|ready|prepared) to
        you (can|could|may) (also|instead|always|either)
        (would you|you would) (rather|prefer)
        alternatively
        as an alternative
        instead
    """,
    "done": """
        (i|we) <adv>? (have|had) <adv>? <adv>? (gone ahead and <adv>?)? <carried>
        (i|we) <adv>? (have|had) <adv>? .. (and|or) <adv>? (have)? <adv>? <carried>
        (i|we) <adv>? <carried> (it|that|this|the|your|a|an|them|both|two|you|all|one|and|everything|our|his|her)
        (i|we) (went ahead|gone ahead) and
        (i|we) (was|were) able to <adv>? <carry>
        (i|we) managed to <adv>? <carry>
        (has|have) <adv>? <adv>? been <adv>? <adv>? <carried>
        (is|are) (now|all|already|hereby|officially|successfully|fully|up and) <adv>? (<carried>|active|complete|completed|confirmed|set|in place|live|valid|open|closed|done|running|back|ready|on|off|up|scheduled|in the|up to date|effective|working|sorted|in our|in effect|good|available|under)
        (was|were) <adv>? <adv>? <carried>
        (was|were) <adv>? (successful|completed|sent|successfully)
        is (complete|completed|done|confirmed|booked|in|through|active|submitted|placed|cancelled|canceled|approved|scheduled|live|all set|in the system|on its way|on the way|finished|registered|successful|set|resolved|fixed|sorted|reset|extended|renewed|being shipped|finalized|refunded|processed|filed|updated|changed)
        are (complete|completed|done|confirmed|booked|in|through|active|submitted|placed|cancelled|canceled|approved|scheduled|live|all set|on their way|on the way|finished|registered|successful|set|resolved|fixed|sorted|extended|renewed|refunded|processed|filed|updated|changed|exchanged|swapped|booked in|going to)
        (you are|you)  (all|now|officially|already)? (set|done|good|booked|confirmed|registered|enrolled|enroled|sorted|covered|good to go|booked in|signed|on the list|in|subscribed)
        you have (an|a|the|your) .. (appointment|booking|reservation|seat|slot|place|permit) .. (now|on|for)
        that is you (sorted|done|all|booked)
        (she|he|they) (is|are) (on|in|now) the (list|system|class)
        all (set|done|sorted|booked|good|fixed|cancelled|finished)
        (it|that|this|everything|all) (is|has|all)? (now|all|been|already)? (done|taken care of|sorted|settled|arranged|in order|in place|completed|fixed|finished)
        done
        (taken|been taken) care of
        (went|gone|goes|has gone|have gone|come|came) (through|out|ahead|in|live|back) (with|without|successfully|fine|to|now|a|an|just|today|this|on)?
        (was|has been|completed|went|were) .. (successful|successfully|success|without problems|without any problems)
        <carried> (successfully|for you|as requested|as you|without|!|with|:)
        successfully <carried>
        success
        good to go
        boom
        voila
        (is|are) <adv>? (back|up) (on|in|and|online|to normal)
        (is|are) on (its|their|the|your) way
        (is|are) (on|in) the system
        on its way
        (you will|you should|will) (now)? (receive|get|see|find|have) .. (confirmation|email|mail|text|sms|letter|label|notification|receipt|money|refund|credit)
        (is|are) (waiting|ready) for (you|pickup|collection)
        should be (waiting|ready|back|fixed|working|with you)
        should .. (connect|work|be fine|be back|be working|be able) (now|again)
        nothing (more|else|further) (is)? (for you to do|needed|you need|you have|required|is needed|is required|to do|left)
        (there is)? nothing (more|else)? (you|for you) (need|have|to)
        no further action
        see you (then|on|in|at|there|soon|tomorrow|monday|tuesday|wednesday|thursday|friday|saturday|sunday)
        (your)? (confirmation|reference|booking|case|ticket|claim|job|request|order|tracking|reservation|permit|application|dispute) (number|no|id|reference|code) (is|:) ..
        (here is|this is|here are) your (confirmation|receipt|new|label|ticket|booking)
        status (is|:|of)? (now)? (submitted|approved|completed|done|success|confirmed|cancelled|booked|active)
    """,
    # A denial.
    "refusal": """
        (i|we|they|it|and|but|that|which|system|policy|this|you|therefore|so) (am|are|is|was|were)? (really|therefore|simply|unfortunately|still|also|just|sadly|,|afraid|currently)* (cannot|can not|could not|can no longer|could no longer)
        (cannot|can not) (<carry>|be|accept|allow|offer|provide|help|accommodate|honor|honour|comment|guarantee|override|bypass|fulfil|fulfill|agree|assist|go|act|touch|exceed)
        (not|unable|longer|never) (able|allowed|permitted|authorized|authorised|eligible|entitled|possible|in a position|in the position|supported|available for)
        (not|neither) <adv>? (be)? (refundable|exchangeable|transferable|negotiable|returnable|cancellable|changeable|possible|permitted|allowed|eligible|entitled|covered|provided for|accepted|available|valid|met|sufficient|due|included|insured|applicable|offered|qualify|admitted|issued|granted|made|carried out|processed)
        nonrefundable
        (non|no) (refundable|exchangeable|transferable|returnable)
        (am|are|is|be|being|was) unable
        unable to
        (ineligible|impossible|unavailable|inadmissible|prohibited|forbidden|void|nontransferable|unfeasible)
        (must|have to|had to|has to|need to|need|am going to|are going to) (decline|refuse|reject|deny|say no|disappoint|turn)
        (am|are|is|was|were|been|be|gets|got) <adv>? (declined|refused|rejected|denied|excluded|turned down|disallowed|barred|ruled out|blocked)
        : (rejected|denied|declined|refused)
        (i|we) (refuse|decline|deny)
        (do|does|did|would|will|can|could|may|might|shall|should|must) not <adv>? (allow|permit|offer|cover|accept|provide|include|support|apply|qualify|have the|have any|have access|grant|give|hand|refund|exchange|make exceptions|do|keep|take|let|entitle|count|be|pay|help|get|happen|work|leave|have|want|meet|fall|belong|extend|reach|cancel|change|go|book|send|waive|approve|enter|deliver|see a way)
        (out of the question|against .. policy|against .. rules|hands are tied|no exception|no exceptions|no way|not an option|no option|no possibility)
        (outside|beyond|past|over|above|exceeds|exceed|exceeded) (of)? (the|our|your|my) .. (policy|window|period|deadline|scope|limit|authority|authorization|control|term|competence|powers|remit|hands)
        against (our|the|company|my) .. (policy|rules|regulations|terms|guidelines)
        (i am|we are) (afraid|sorry) ,? but? (not|no|this|that|we|i|it|there|the|your)
        (has|have|had) (already|now|long|since|unfortunately)? (expired|passed|lapsed|closed|ended|elapsed|run out|reached its limit|reached the|been used)
        (expired|lapsed)
        (no|without a|without the) (authority|permission|permissions|access|way to|possibility)
        won't
        (as|i am) an ai
        no ,
        the answer (is|has|remains|stays)
        my answer
        (no|zero|none) .. (refund|refunds|compensation|exception|exceptions|extension|reimbursement|discount|returns|exchange|exchanges|cancellation|delivery|deliveries|appointments|appointment|engineers|slots|seats|places|rooms) .. (is|are|can|will|for|on|in|at|free|available|granted|left|possible|before)
        there (is|are|was|were) (simply|unfortunately|currently|really|just)? (no|none|nothing|not)
        (has|have|is|are|been) (reserved|booked|taken) (for|by) (another|other|others|somebody|someone|a different)
        not (something|among|part|one of|a thing|provided|within)
        none (of|left|is|are|available|free)
        did not work out
        (we|i) (have to|must|will have to|need to) (leave|keep) (it|your|the|this|everything)
    """,
    # A limit of what is possible, from which a denial follows.
    "limit": """
        (only|solely|exclusively|merely) .. (available|possible|permitted|allowed|offered|granted|paid|valid|accepted|for|to|if|when|until|within|after|with|by|in|on|once|apply|applies|paid out|refundable|admit)
        (granted|paid|possible|available|permitted|allowed|offered|accepted|changed|apply|applies|admit|covered) (only|solely|exclusively)
        (is|are|was|were) (excluded|limited|restricted|reserved|required to be|fully booked|sold out|full|closed|too|mandatory|final|kept)
        (must|have to|has to|had to|need to|needs to|should have) (be|been)? (handed in|reported|approved|requested|made|submitted|filed|raised|returned|cancelled|claimed|given|announced|booked|received|bought|ordered) .. (within|before|by|from|until|at least|no later)
        (need|needs|must|have|has) to (be|go|come|run) .. (through|via|by|within|from|to|there|portal|seller|bank|airline|doctor|shop)
        (within|before|up to|until|at least|no later than|not later than) .. (days|hours|weeks|months|day|hour|week|month) (of|before|after|from|prior)
        too (late|early|long|old|far|many|little|soon|short)
        (fully|completely|already|all) (booked|full|taken|sold|used|reserved)
        (sold|booked) out
        fully booked
        (minimum|maximum|deadline|limit|waiting list|cutoff|cut off)
        (the|our|next) (earliest|next) .. (is|would be|remains|available|free)
        (remains|remain|stays|stay) (in place|unchanged|as it is|the same|due|valid|payable|at|where)
        (was|were|been|is|are) .. (calculated|charged|billed|applied|legitimate|valid|sold|purchased|bought|made|set) .. (correctly|correct|legitimately|as|from|after|through|accordingly|according)
        (are|is|were|both .. are) (legitimate|correct|valid|justified|in order)
        (please|you will have to|you would have to|you need to|you have to|you must|you should|you may want to|kindly) .. (contact|speak|talk|turn|ask|reach|visit|write|call|consult|go|come|see|apply|buy|pay|wait|take it up) (to|with|out|the|your|our|a|directly|him|her|them|in|back|for|there)
        (unfortunately|regrettably|sadly|regret|afraid)
        (sorry|apologies|apologize|apologise)
        (however|but|though|nevertheless|nonetheless|still|even so)
        (the|a) (paid|free|new) (repair|ticket|one) (costs|would)
        (not|never|nobody|neither|nor|cannot|without|unless|except|lacks|missing|lack)
        (no|none|nothing)
        (excluded|excludes|exclude|exclusion|restriction|restrictions|reserved|suspended|void|waived once|one per|limited)
        (once|twice) (a|per|every|in) (year|month|day|week|lifetime|contract)
        less than
        more than
        (starts|start|begins|begin|applies|apply) (from|at|only|after|above)
        (instead of|rather than)
        (other|different|separate|special) (rules|conditions|terms)
        (your|you) (own|only|just) .. (is|are|was|were|of)
        would have to
        (stated|listed|shown|described|mentioned|set out) (in|on|at|as)
        according to (our|the|your) .. (policy|records|rules|terms|conditions|system|contract)
        (our|the|company) (policy|rules|terms|regulations|guidelines|conditions) (reads|says|states|require|requires|is|are|do|does)
    """,
    # What reads like a denial and is none.
    "harmless": """
        (can not|cannot|not|nothing|no|never|without) (see|find|foresee|think of|imagine|have)? (any|a|the|much|further|additional|extra)? (problem|problems|issue|issues|trouble|obstacle|worries|worry|objection|objections|charge|fee|fees|cost|costs|extra fee|rush|hurry|hassle|doubt|need to worry|change fee|penalty|difficulties|difficulty)
        (cannot|could not) (wait|agree more|thank)
        (do|does|will|did|need) not (hesitate|worry|forget|hang|close|have to|need|be charged|affect|cost|lose|be any|need to|mind|use|refresh|leave|share|be needed|be necessary|bring|change)
        (you|needn't|need) not (put|worry|do|send|bring|pay|return|need)
        need not
        no (problem|worries|need|rush|hurry|trouble|further action|longer work|cost|charge|extra|fee|one else|action|matter|return)
        not (a problem|at all|only|to worry|just|too bad|yet|sure|that|because|on our side)
        (no|nothing|not) (more|else|further|anything) (is|for|you|needed|required|to|from)
        (if|in case|when|should|unless|whether|because|so that|until) .. (cannot|not|no|nobody|never|nothing|no one)
        i (do not|did not|cannot) (see|find|have|know|locate|need|recognise|recognize)
        why (cannot|can not|is|are|was|not)
        (would|do|could|did) not mind
        not only
        (you|they|banks|it) (cannot|can not|will not|do not|may not) (see|notice|feel) (it|them|this|that|yet)
        (old|previous|former) .. (no longer|not)
        sorry (to hear|for the|about|again|for any|for your|that your|that you|it|the|you had)
        (apologize|apologise|apologies) for
        so that .. (not|never|nobody)
    """,
    "closing": """
        (anything|something|is there anything|any other|nothing) (else|more|further) (i|we|you|that|is|on|to|for|can|before|today|,)?
        (any|other|further|more) (other|further|more)? (questions|question|requests|concerns|wish|wishes|assistance|help|matters|issue|issues|topics)
        (any|another|further|other|more) (question|questions|requests|request|concerns|wish|assistance|help|issues)
        (be|of) (of)? (any|some)? (further|additional|more|other) (assistance|help|service)
        (have|enjoy|wish you) (a|an|your|the|you) (very|really|so)? (nice|great|good|wonderful|lovely|pleasant|safe|fantastic|beautiful|happy|relaxing|super|rest|day|evening|weekend|stay|trip|flight|meeting|time|holiday|holidays|ride|show|new)
        enjoy
        goodbye
        bye
        (take|good) (care|luck)
        farewell
        (you are|you) (very|most|always)? welcome
        (my|our) pleasure
        (happy|glad|pleased|delighted|nice) (to have|i could|we could|to be able to have|that i could|that we could|that it works|it works|i was able|to hear|to help)
        (thank you|thanks) (so much|very much|a lot|again)? for (contacting|reaching|choosing|calling|using|chatting|getting in touch|shopping|your (loyalty|business|time|trust|call))
        (feel free|do not hesitate) to (ask|contact|reach|write|message|get)
        (i|we) (am|are|will be|remain) (always)? (here|available|around) (if|for|to help|whenever|should)
        (reach|get|write|come) (out|back|in)? (to)? (us|me) (any|again|at any|if|whenever)
        (can|may|shall) (i|we) close (the|this|your)
        (has|did|does|is) (this|that|it|the|your) .. (solved|solve|resolve|resolved|fix|fixed|answered|answer|helped|help|working) .. (your|the|it|you|now|again)
        is (that|this) (all|everything|it)
        (that|this) (is|was|will be)? (all|everything) (for|today|you|i)
        (i|we) (wish|hope) (you|to see|this helps|that helps|the)
        (we|i) look forward to
        looking forward
        (we are|we would be|then we are|i would say we are) (finished|done|through|all done)
        what else
        how else
        (safe|happy|rock|all the|best|kind|warm|get well|see you) (travels|on|best|wishes|regards|soon|travel|holidays|journey)
        (anything|something) (that)? (needs|you need|you would like|i can|we can|we could|i could|you want|to add)
    """,
    "work": """
        (let|allow) (me|us) (please|just|now|quickly|first|briefly|then|also|have|take|see|try|go|start|begin|<check>)
        (i|we) (will|am going to|are going to|would now|need to|have to|must|shall|am about to|are about to|want to|would like to) (now|just|also|first|next|then|quickly|try to|go ahead and|start by|begin by|proceed to|have to|need to|immediately|therefore|further|again|briefly|have a|take a)* <check>
        (i|we) will (now|next|first|then|get|be|attach|register|start|continue|come back|let|look|keep|wait)
        (i|we) (am|are) (now|just|currently|still|already|also|busy|in the middle of|about to)* <checking>
        (i|we) (am|are) (on|about|at) (it|this|that|the case)
        (on|looking into|working on) it
        (one|just a|just one|another|a|give me a|for a|a quick|a few|only a|a couple of) (few|short|brief|little|more)? <moment>
        (hold|hang|bear|sit|stay|stand|please wait|please hold) (on|with|tight|by|for|the|a|while|me)
        please (hold|wait|stand|bear|give|allow|stay|be patient|do not close|do not hang|remain)
        (give|allow|grant) (me|us) (just)? (a|one|another|some|two|few|the)
        wait
        while (i|we) (am|are)? (<check>|<checking>|do|am|are)
        (is|are) <adv>? being
        (this|it|that) (can|may|could|will|should|might|only)? (only|usually|just)? (take|takes) (just|only|up to|about|a|one|few|some|less)
        (i|we) .. (back|right back) (with you|to you|shortly|soon|in a)
        (will|shall) (be|come|get) (right)? back
        <checking> (the|your|this|that|it|into|at|on|for|now|a|for|up|if|whether|with)
        (now|next) (i|we)? (will|am)? (<checking>|<check>)
        (your|the) request .. (being|in progress|underway|received)
        (thanks|thank you) for (your|the|being|waiting|bearing) (patience|waiting|patient|understanding)?
        (mind|minding) (waiting|holding|if i put)
        (next|then|after that|first) ,? (i|we) (will|am|need|have|check|look)
        (in progress|underway|shortly|in the works)
        (i|we) (can)? (also|already|now)? (see|found|located|find) (that|your|the|a|an|in|two|three|one|several|it)
        (i|we) have (now|just|already|also|successfully)? (found|located|noted|received|got|checked|verified|retrieved|reviewed|pulled|identified|looked|seen|recorded|saved|taken|added .. notes|prepared|opened)
        according to
        (matches|match|verified|found)
    """,
    "handover": """
        (transfer|transferring|transferred|hand|handing|handed|pass|passing|passed|connect|connecting|connected|route|routing|routed|forward|forwarding|forwarded|escalate|escalating|escalated|refer|referring|referred|put|putting|redirect|redirecting|redirected|bring|bringing|patch|patching|move|moving|give|giving|turn|turning|assign|assigning|assigned|direct|directing|directed|submit|send|sending) (you|this|your|it|the|over|him|things|that|him|both) .. (over|through|to|on|in touch|with) (to|the|a|an|our|one|my|his|her|ms|mr|mrs|someone|somebody|another|your)? .. <human>
        (transfer|transferring|handing|passing|connecting|escalating|patching|forwarding|routing|redirecting) (you|your|this|the|it) (over|through|on|now|call|chat|case|request|conversation|to|matter|issue|with)
        (i|we|me|to) (will|am|are|have to|need to|must|would|going to)* .. (transfer|hand|pass|connect|escalate|patch|route) (you|this|your|it|the) (over|through|on|case|chat|call|to|now|request|matter|issue|with|conversation)?
        put you (through|in touch|in contact|on to)
        pass (you|this|it) (over|on)
        (being|been|be|get|are|is) (transferred|handed over|connected|escalated|passed on|forwarded|put through|routed|passed over|referred)
        (take|takes|taking) (over|it from here|this on|it on|this over|care of this from)
        (will|to) (take (this|it|over)|continue with you|contact you|join|be with you|get back to you|talk to you|help you further|assist you further|look into this)
        <human> .. (will|is going to|can|should) (take|be with you|contact you|continue|join|get back|assist|help|reach out|call|look|handle|ping|review|be in touch|follow|respond)
        (looked at|handled|dealt with|reviewed|decided|processed|taken over|assessed|approved) by (a|an|the|our|one|my|mr|mrs|ms) .. <human>
        (a|one of our|our|another|my|the) .. <human> (will|is going to|takes|can) .. (take|be|contact|continue|join|get|assist|help|reach|call|look|handle|ping|review|follow|respond|you|this)
        (get|bring|ask|have|call|fetch|involve|find) (a|my|the|our|you|in)? .. (supervisor|manager|colleague|specialist|human|someone|agent) .. (to|in|on|for|who)
        (escalate|escalating|escalated) (this|it|your|the)
        (someone|somebody) (will|from) .. (be with you|with|take|contact|will|help|reach)
        (speak|talk|connect|chat|connected) (to|with) (a|an|our|one) .. (human|colleague|agent|representative|specialist|person|supervisor)
        (complaints|billing|specialist|second level|another|separate|dedicated|retention) (team|department|desk)
    """,
    # Something is asked for, or wanted.
    "request": """
        (please|kindly) <adv>? (me|also)? <give>
        (please|kindly) (let|double check|check|confirm|verify|take|look|read|try|have|make)
        (can|could|would|will|may|might) you (please|kindly|also|just|maybe|perhaps|possibly|quickly|be so kind|both|then|now|first)* (as to)? (please|kindly|also)? (<give>|let|double check|check|confirm|verify|take|look|read|remind|help)
        (to|and|then|just|or|first|, please|, kindly|also|now|next) (please|kindly)? (<give>|let) (me|us|your|the|which|what|how|when|where|both|whether|if|it|in)
        <give> (me|us) (your|the|a|an|which|what|how|when|where|both|whether|if|it|about|with|again|more|by|on|in|once|also|all|some|and|or|for|at|,|please)
        <give> (your|the|which|what|how|both|in|whether|a|all)
        let (me|us) know
        (i|we) (will|would|do|did|also|just|still|only|first|now|then|simply|really|therefore|only|additionally|might|may|should)* (need|require|have to know|must know|need to know|have to have|must have|have to ask|must ask|like to know|love to know|like to ask|like to have|need from)
        (i|we) (am|are) (still|only|just|now)* (missing|lacking|waiting for|asking for|in need of|short of)
        (need|require|needs|requires) (a|an|the|your|some|two|three|one|to know|to have|from you|also|following|only|more|further|few|these|it|both|you to)
        (may|can|could|might) (i|we) (please|kindly|also|just|quickly|now|have)* (have|get|ask|know|see|take|note|request|trouble|verify|confirm|check)
        (is|are) (still|also|only|now)* (needed|required|missing|necessary|mandatory|lacking|outstanding)
        (must|has to|have to|should|needs to|need to) be <adv>? (named|given|stated|provided|specified|entered|mentioned|supplied|attached|indicated|included|known|filled in)
        (will|would|should) (do|be enough|suffice|be sufficient|be fine|help|be helpful|be useful|also help)
        (is|are) (enough|sufficient|all i need|all we need)
        (it|that) (would|will) (also|really)? (help|be (very|really|also|most)? (helpful|useful|good|great|nice|important)) (to know|to have|if|when)
        (what|all) (i|we) (still|also|do|really|only|just)? need
        (what|all that) is (still|also)? missing
        (which|what) (i|we) need
        (the following|these) (details|information|questions|points|items|data|things|are|fields|pieces)
        (details|information) (needed|required|missing|is missing|are missing)
        (the only|one|last|another|two|three|a few|a couple|some|next|first|further|only one|one more|two more|couple|few) (more|last|quick|final|further|short|other)? (question|questions|thing|things|point|points|detail|details|piece|pieces|items)
        (looking for|waiting for|asking for) (your|the|a|which|what)
        (you|please) (can|may|could|should|must|need to|have to|would have to|will need to)? (choose|select|pick|decide|specify) (between|from|which|a|one|your|the|what|whether|among|an)
        (have|options|choice|possible|available|choose|slots|openings) (is|are|of|between|on|:)
    """,
    "denied_need": """
        (do|does|did|would|will) not (even|really|actually)? (need|require|have to|want|ask)
        no need
        need not
        not (necessary|needed|required)
        no longer need
    """,
    # The agent could not find what it was told, or doubts it.
    "doubt": """
        (cannot|could not|can not|unable to|not able to|did not|do not|does not|not|was not able to|were not able to|failed to) (be)? (seem to)? (find|found|locate|located|see|match|recognized|recognised|exist|recognize|recognise|pull|bring|load|identify|verify|valid|correspond|have|return|show|give|appear|turn)
        (no|not any|nothing) .. (result|results|match|matches|record|records|entry|order|account|booking|hit|hits|customer|ticket|prescription|vehicle|reservation) (found|with|for|under|by|matching|in|that|comes|came|shows)
        gives (me|us) (no|nothing|an)
        (invalid|unknown|incorrect|wrong|typo|mistyped|misspelled|misread|mistake|mixed up|swapped)
        (belongs|belong|registered) to (a|an|another|someone|somebody) (different|other|else|another)?
        (are|were) you (sure|certain|positive)
        (double check|double checked|check again|re check|recheck|look again|check the|check your|check that|verify the|repeat the|try again|once more|once again|again please)
        (does|do|did) not (exist|match|seem|appear|correspond|fit|agree)
        (not|nothing) (in|on) (our|the|my) (system|records|database)
        (doubt|seems off|seems wrong|looks wrong|looks off|looks strange|might be|may be|could there be|might there be|is it possible)
        not found
        not (a valid|valid|registered|known|listed|recognized|recognised)
    """,
    # The user is to do something.
    "urge": """
        (please|kindly|could you|can you|would you|you can|you could|you should|you need to|you have to|you will need to|try to|try|i would like you to|i need you to|i want you to|i will ask you to|i would ask you to|to start ,|make sure|be sure|first|then|next|now|also|step|go ahead and|just|let us|once more|again ,|after that|afterwards|and|or|finally)
        (have|take) (a|another|one more) (quick|close|closer|short|good)? look
    """,
    "verify": """
        (is|are|was) (that|this|it|these|everything) .. (right|correct|so|accurate|true|the one|what|how|ok)
        (do|did|have|am) i .. (right|correct|correctly|understand|understood)
        right
        correct
        (just)? to (be sure|confirm|make sure|clarify|double check|summarize|summarise|recap|sum|verify|check)
        just so (we|i)
        (you|so you) (want|would like|wish|said|mentioned|told|mean|are|were|have|arrived|travelled|ordered|bought)
        so
        (i|we) (have)? (noted|understand|understood|have|see|gather|heard|wrote)
        (please)? confirm
        (shall|should|may|can) (i|we)
        (would|do) you
    """,
}

WORDINGS = Wordings(NAMED, CLASSES)

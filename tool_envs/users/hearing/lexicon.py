"""What service agents say, as wordings by what they do; see :mod:`verl_agentic.tool_envs.users.hearing.wording`."""

from __future__ import annotations

CLASSES = {
    "adv": "now just already also successfully still only first finally kindly then gladly hereby simply really"
    " currently actually please both therefore automatically recently immediately manually officially formally"
    " duly fully properly quickly right_away unfortunately sadly regrettably however again once_more instead even"
    " always usually generally normally subsequently promptly hence so thus accordingly safely correctly too",
    "it": "it this that everything all these those them one both",
    "the": "the a an your this that these those our any my its their his her another one two both all each no",
    # What carries out a request.
    "carried": "cancelled canceled refunded booked rebooked scheduled rescheduled updated changed processed submitted"
    " filed registered issued sent emailed mailed shipped dispatched ordered placed applied added removed waived"
    " cleared credited extended renewed activated deactivated reactivated unlocked unblocked blocked frozen locked"
    " reset restored fixed resolved solved completed finalized finalised approved transferred moved switched upgraded"
    " downgraded created arranged requested logged lowered reduced raised increased exchanged swapped"
    " replaced enrolled enroled installed pushed synced synchronized marked paid reversed deleted set_up signed_up"
    " put_in put_through put_down booked_in checked_in sorted handled settled executed implemented published corrected"
    " adjusted amended modified terminated ended suspended paused stopped initiated started triggered generated"
    " disabled enabled linked unlinked merged converted redeemed assigned allocated forwarded_your_request"
    " subscribed unsubscribed charged debited deducted posted saved lodged launched accepted restarted rebooted"
    " taken_care_of taken_off put_you_down put_back sent_back sent_off sent_out turned_on turned_off switched_on"
    " switched_off carried_out secured confirmed provisioned reinstated written_off reissued resent redirected rerouted"
    " topped_up refilled opened_a opened_the opened_your reserved_your reserved_a reserved_the recorded_your renewed_it"
    " opened reserved recorded entered reported scheduled_you noted_your_new flagged raised_a filed_away returned_your"
    " upgraded_you refunded_you got_you given_you booked_you put_you put_your moved_your made_the made_your"
    " put made_an_exception made_a done_it done_that done_this done set reconnected cleaned_up patched granted ported",
    "carry": "cancel refund book rebook schedule reschedule update change process submit file register issue send email"
    " mail ship order place apply add remove waive clear credit extend renew activate deactivate unlock unblock block"
    " freeze lock reset restore fix resolve complete finalize finalise approve transfer move switch upgrade downgrade"
    " create open arrange request record log lower reduce raise exchange swap replace enrol enroll install push sync"
    " mark pay reverse delete set_up sign put end stop start initiate proceed go make do enter adjust amend modify"
    " terminate reserve hold grant offer give get return redirect confirm carry take deliver use charge close"
    " continue execute assign finish run connect try forward pass have force settle release note provide write"
    " restart accept cover honor honour honour split backdate correct post debit",
    "check": "check look verify see review find search investigate pull retrieve access examine consult look_up"
    " take_a_look have_a_look double_check make_sure go_over go_through analyze analyse calculate work figure load"
    " fetch read query gather get ask determine locate dig test inspect run scan compare validate start begin try"
    " take note attach enter process prepare register update keep contact confirm_whether confirm_if think discuss"
    " speak bring do_a do_some sort go see_whether open create submit cancel book send_the proceed",
    "checking": "checking looking verifying reviewing searching investigating pulling retrieving accessing"
    " examining consulting loading fetching reading querying gathering getting asking calculating working locating"
    " testing inspecting running scanning comparing validating processing preparing waiting connecting entering"
    " opening trying writing updating logging digging resetting cancelling canceling refunding booking submitting"
    " creating registering contacting having taking arranging setting putting sending filing making going_to"
    " going_through going_over pinging double_checking doing filling placing typing collecting figuring seeing"
    " applying adding changing",
    "moment": "moment second minute sec min moments seconds minutes couple while bit tick mins secs jiffy",
    "fine": "ok fine correct right good acceptable accurate agreeable convenient suitable all_right true alright okay"
    " what_you_want what_you_wish the_one_you_mean satisfactory in_order cool possible what_you_meant an_option"
    " of_interest as_you_want_it how_you_want_it as_you_wish what_you_would_like complete a_good_solution",
    "yes": "yes y ok confirm i_agree agree agreed proceed 1 accept go approve confirmed i_confirm okay",
    "human": "human colleague supervisor manager specialist agent representative team department advisor"
    " adviser technician adjuster desk support line level colleagues specialists expert office officer partner"
    " head staff leader leaders pharmacist nurse librarian caseworker principal boss superior technicians teammate coworker doctor",
    "give": "provide share give tell send enter specify state type write supply submit indicate include mention describe"
    " explain clarify repeat spell choose pick select complete name list show fill_in fill_out reply_with"
    " respond_with answer quote pass_on let_me_have drop email message text state_again say remind",
    "day": "monday tuesday wednesday thursday friday saturday sunday tomorrow today tonight",
    "who": "i we",
    "deal": "refund refunds compensation exception exceptions extension reimbursement discount returns exchange"
    " exchanges cancellation delivery deliveries appointments appointment engineers slots seats places rooms vacancies"
    " replacement credit waiver upgrade changes change availability room space option options possibility chance way"
    " permit permits insurance cover coverage entitlement claim right",
}

NAMED = {
    # The yes is a condition of what the agent is about to do.
    "agreed": """
        if (you are|you|that is|this is|it is|everything is|all is|all of this is|all of that is|these|that|this|it|the|everything) .. (happy|agree|ok|fine|approve|all right|correct|good|sounds|looks|suits|works|acceptable|comfortable|accept|confirm|right|consent|fit|fits|permit|allow|give)
        if (so|not) , (please|just|simply)? (confirm|say|reply|let|type)
        (if|unless) you (have no|do not have any|have any|do not) (objection|objections|object|mind)
        (once|when|after|as soon as|until|upon|before|on) (i|we)? (have|receive|get|receiving|getting)? .. (you (have)? (confirm|confirmed|agree|agreed|approve|approved|consent|accept|accepted|say yes|say so|give)|your (confirmation|approval|consent|ok|go ahead|permission|green light|yes))
        with your (ok|permission|consent|approval|agreement|confirmation|go ahead|authorization|blessing|green light)
        subject to your (ok|permission|consent|approval|agreement|confirmation)
        (if|as soon as|once|when) you (give|grant|send) (me|us)? .. (ok|permission|go ahead|green light|approval|consent|word|nod)
        (on|upon) your (word|ok|confirmation|approval)
        (i|we) (would|will) (like|love) to (go|proceed|waive|submit|book|cancel|refund)
        (i|we) (am|are) (about|ready) to (submit|send|book|cancel|refund|file|place|process|make|change|finalize|complete|issue|proceed|go)
        (unless|if) you (tell|say|let|want|would like|have) .. (otherwise|changes|no|anything changed)
    """,
    # The user is told to say yes or no.
    "consent": """
        ^ (confirm|verify|approve|authorize|authorise|acknowledge|accept) (the|this|that|your|if|whether|so|with|by|these|to|and|below|yes|it|or|i|we|you|below|before|,|:|first|once)
        (please|kindly) (just|also|now)? (confirm|verify|approve|acknowledge|review and confirm|check and confirm|agree)
        (i|we) (would|will|must|just|also|kindly|have to|need to)* ask you to (confirm|approve|agree|accept)
        (i|we) (will|would|just|also|only|still|now|do)* (need|require|await|want|have to have|wait for) (to have|to get|to receive|for)? (an|your|a|the|explicit|final|clear|one|from you|quick|last|written|short)* (explicit|final)? (confirmation|approval|go ahead|consent|permission|ok|yes|agreement|authorization|authorisation|green light)
        (your|explicit) (confirmation|approval|consent|ok|go ahead) (is|before|first|to|for|so|,)
        ^ (type|say|reply|answer|respond|write|press|hit) (with|back|us|me|to me|just|simply|a|an)* "? <yes> (or|to|and|if|"|,|so|for|in|below)?
        (saying|typing|replying|answering|responding|clicking) (with|back)* "? <yes> "?
        (by|with|a) (saying|typing|replying|reply of)? "? <yes> "
        ^ (type|reply|respond|answer|say) .. (yes|no|y|n)
        (yes|y) (or|,)? (no|n)
        yes/no
        y/n
        (just|simply|only)? say (the|a) word
        let (me|us) know (if|whether) (this|that|it|these|i|we|you|everything|they|the|all|there|both) ... (want me|want us|would like me|would like us|like to|agree|work|works|suit|suits|ok|should|may|can|shall|convenient|fine|acceptable|good|happy|approve|accept|wish to|prefer|correct|right|sounds|sound|want to|would like this|fit|fits|in order|to proceed|interested|want that|want this|want it)
        (tell|inform|advise) (me|us) (if|whether) (this|that|it|i|we|you|everything) ... (want me|want us|like me|want to|like to|agree|works|suits|ok|should|may|can|shall|fine|good|happy|acceptable)
        (let|tell) (me|us) (know)? (to|and|,) (i|we|proceed|confirm|go)
        let (me|us) know .. (i|we) (can|may|should) (go|proceed|continue|book|submit|start)
        (waiting|wait) for your (ok|confirmation|approval|go ahead|yes|answer)
        (give|send) (me|us) (the|your|a) (go ahead|ok|green light|permission|approval|confirmation|yes|thumbs|nod|word)
        (agree|accept|confirm|proceed) (or|,) (decline|no|cancel|reject)
        reply 1
        thumbs up
    """,
    # Something that the agent could do, if it is wanted.
    "offered": """
        if you (would|do|should)? (like|want|wish|prefer|need|choose|so wish|please|say so) , (i|we)
        if you (would|do|should)? (like|want|wish|prefer|need|choose|so wish|please|say so) .. (i|we) (can|could|will|would|am|are)
        (i|we) (can|could|will|would) ... if (you (would|do)? (like|want|wish|prefer)|that helps|desired|needed)
        if (you are|you would be|that is|this is) (interested|of interest|something)
        (should|in case) you (want|like|wish|prefer) .. (i|we) (can|could|will|would)
        whenever you are ready
    """,
    "offer": """
        (i|we) (can|could|would be able to|would|am able to|are able to|may) <adv>? (offer|propose|suggest|recommend|provide you|give you|book|arrange|put|set|schedule|send|add|waive|apply|switch|move|change|issue|extend|process|submit|refund|cancel|start|create|order|do)
        (what|all) (i|we) can (do|offer)
        (i|we) (would|will) be (glad|happy|pleased|delighted) to
        (i|we) (am|are) (happy|glad|able|ready|prepared) to
        you (can|could|may|are free to|are welcome to) (also|instead|always|either|still)
        (alternatively|instead)
        (as an|one|another|the only|an) alternative
        (my|our) (suggestion|proposal|recommendation|advice)
    """,
    "done": """
        <who> <adv>? have <adv>? <adv>? (gone ahead and <adv>?)? <carried>
        <who> <adv>? have ... (and|, and|but|or) <adv>? (have|also)? <adv>? <carried>
        <who> <adv>? (cancelled|canceled|refunded|booked|rebooked|scheduled|rescheduled|updated|changed|processed|submitted|filed|registered|issued|sent|emailed|shipped|ordered|placed|applied|added|removed|waived|cleared|credited|extended|renewed|unlocked|blocked|reset|restored|fixed|resolved|solved|completed|approved|transferred|moved|switched|upgraded|downgraded|created|opened|arranged|lowered|reduced|exchanged|swapped|replaced|set up|set|put|restarted|made|did|corrected|adjusted|activated|froze|logged|entered|lodged) (it|that|this|the|your|a|an|them|both|two|you|all|one|and|everything|our|his|her|in|through|out|half|everyone|him)
        <who> (went ahead|have gone ahead|gone ahead) (and|with)
        <who> (was|were) able to <adv>? <carry>
        <who> (have)? (managed|succeeded) (to|in) <adv>? <carry>
        (has|have) <adv>? <adv>? been <adv>? <adv>? (<carried>|taken care of|sorted out|completed|successful|made|done)
        (is|are) (now|all|already|hereby|officially|successfully|fully) <adv>? (<carried>|active|complete|confirmed|set|in place|live|valid|open|closed|running|back|ready|on|off|up|in the|effective|working|sorted|in our|in effect|good|available to you|under|done|yours|free of|again|green|unlocked)
        (was|were|went|has gone) <adv>? (successful|successfully|through|fine|well|smoothly)
        (is|are) (complete|completed|done|booked|in|through|submitted|placed|cancelled|canceled|confirmed|scheduled|live|all set|in the system|on its way|on their way|on the way|on your way|finished|registered|successful|resolved|fixed !(in|to|at)|sorted|reset|extended|renewed|refunded|filed|updated|booked in|active|exchanged|swapped|approved|ordered|set for|set up|activated|unlocked|sent|processed|back on|back in|back up|back online|arranged|issued|up and running|good to go|reserved for you|yours|enrolled|lodged|logged) !(by|after|within|only|if|when|until|because|as|for another|to other|in order)
        you are (all|now|officially|already|also)? (set|done|good to go|good|booked|confirmed|registered|enrolled|enroled|sorted|covered|booked in|signed|on the list|in for|subscribed|checked in|going to|down for|insured) !(about|what|why|as|for the|enough|by|in|that|to hear|right)
        you are (all|now|officially|already|also)? (good to go|sorted|booked in|booked|all set|in business)
        you (now|already)? have (now|already)? (an|a|the|your) .. (appointment|booking|reservation|seat|slot|place|permit|ticket|subscription|table) .. (now|on|for|at)
        that is you (sorted|done|all|booked)
        that is (taken|sorted|done|it done|booked|all done|all set|been)
        (she|he|they) (is|are) (on|in|now) the (list|system|class)
        (consider|all) (it|that|set|done|sorted|booked|good|fixed|cancelled|finished|changed|taken)
        (it|that|this|everything|all|both|job) (is|has|are|have)? (now|all|been|already|both)? (done|taken care of|sorted|settled|arranged|in order|in place|completed|fixed|finished|set|set up|ready|cleared)
        ^ done !(so|if|when|by|before|until)
        taken care of
        (went|gone|goes|come|came|gets|got) (through|ahead|live) (with|without|successfully|fine|to|now|today|this|on)?
        (went|gone|goes) out
        ^ (cancelled|canceled|refunded|booked|rebooked|scheduled|rescheduled|updated|changed|processed|submitted|filed|registered|issued|sent|shipped|ordered|placed|applied|added|removed|waived|cleared|credited|extended|renewed|activated|unlocked|blocked|reset|restored|fixed|resolved|solved|completed|approved|transferred|switched|upgraded|downgraded|created|opened|exchanged|swapped|requested|confirmed|sorted|closed|frozen|logged|paid|found it|corrected|enrolled|replaced) (successfully|for you|as requested|as you|without|with|for|on|now|!|and|you|in|to|at|by|today|with immediate|number|under)
        successfully <carried>
        (success|voila|boom|ta da|hooray|tada)
        good to go
        your .. now (shows|reflects|includes|reads|runs|starts|ends|has|lists)
        (is|are) <adv>? (back|up) (on|in|and|online|to normal)
        (is|are) (on|in) (the|our) (system|list|books|post|mail)
        (on|is on|are on) (its|their|your) way
        (you should|should) (now|soon|shortly|then|also)? (receive|get|see|find|have|be with you|be in|arrive|land|reach|show) ... (confirmation|email|mail|text|sms|letter|label|notification|receipt|money|refund|credit|inbox|statement|account|post|copy|update|ticket|soon|shortly|days|friday|tomorrow|minutes)
        (is|are|be) (waiting|ready) for (you|pickup|collection)
        should be (waiting|back|fixed|working|with you|gone|fine|able|visible|there|up)
        (should|will) .. (connect|work|be fine|be back|be working|be able|reconnect) (now|again|fine)
        (nothing|no further|no more|nothing more) (more|else|further|action|steps)? (is|are)? (for you to do|needed|you need to|you have to|required|to do|left to do|from your side|on your side|needed from)
        (see|meet) you (then|on|in|at|there|soon|tomorrow|<day>)
        (your|the)? (confirmation|reference|booking|case|ticket|claim|job|request|order|tracking|reservation|permit|application|dispute|registration|rma|incident) (number|no|id|reference|code) (is|:|=)
        (here is|this is|here are|attached is) your (confirmation|receipt|new|label|ticket|booking)
        status (is|:|of|now|=|changed to|,|to)* "? (submitted|approved|completed|done|success|confirmed|cancelled|booked|active|closed|pending|sent)
        (refund|exchange|cancellation|booking|order|return|change|transfer|dispute|claim|request|application|reservation|redelivery|appointment|permit|refill|extension|payment) (completed|confirmed|submitted|filed|done|created|processed|approved|placed|made|booked|opened|issued|successful|sent|registered|ordered|accepted|activated)
        (mission accomplished|job done|all yours|case closed|happy days)
        (has|have) (now|already|also)? (gone|left|started|begun|taken effect|come through|gone out|gone through|shipped) !(by|on from)
        as (requested|you wished|you asked|promised|agreed) ,
        no longer (owe|have to pay|charged|need to pay)
        (takes|take) effect
    """,
    # What will come of it.
    "result": """
        (you will|will) (now|soon|shortly|then|also)? (receive|get|see|find|have|be with you|be in|arrive|land|reach|show) ... (confirmation|email|mail|text|sms|letter|label|notification|receipt|money|refund|credit|inbox|statement|account|post|copy|update|ticket|soon|shortly|days|friday|tomorrow|minutes)
        (will be|is being) (paid|credited|refunded|shipped|delivered|sent|returned|picked up|collected|mailed|debited|charged|active|valid) (out|to|back|with|on|within|in|by|today|tomorrow|from|at|until|under)
        (will|is going to|are going to) (change|move|start|end|begin|reach|arrive|switch|stop|renew|come|go) (to|on|at|from|with|in|your|by|into|back|out) !(we|check)
    """,
    # Something was done, at some time and by somebody.
    "past": """
        (was|were) <adv>? <adv>? <carried>
        (is|are) <carried>
        ^ <carried>
        (your|the) (new|old) .. (is|will|shows|arrives|runs)
        (valid|effective) (from|until|till|as of|for|in|on)
    """,
    # A denial.
    "refusal": """
        <who> (am|are|was|were|really|therefore|simply|unfortunately|still|also|just|sadly|regrettably|currently|honestly|truly|hence|thus|then|even)* (cannot|can not|could not|can no longer|could no longer|will not|would not|do not|may not|must not|did not|should not) !(see|find|locate|need|want|have any|know|think|believe|wait|require|thank|agree more|tell you how|mean|mind|recognize|recognise|doubt|match|expect|foresee|charge|stress|forget|read|open|imagine|load|verify|identify|access|complete|see|pull|have the|have a record)
        <who> (am|are) (not|no longer|never) (able|allowed|permitted|authorized|authorised|in a position|in the position|supposed|going to|the right|empowered|at liberty|prepared|willing) !(to (find|locate|see|verify|identify|access|match|pull|load))
        <who> (am|are|was|were) <adv>? unable (to|,) !(find|locate|see|verify|identify|access|match|pull|load)
        <who> do not <adv>? (have the|have any|have a|offer|allow|permit|do|cover|accept|provide|give|hand|grant|keep|take|make|refund|support|pay|issue|run|deliver|ship|see a way)
        <who> (have|had) to (decline|refuse|reject|deny|say no|disappoint|turn|leave it|leave your|leave the|keep it)
        <who> (must|will have to|need to|am going to have to|are going to have to|would have to|regret that i have to|am afraid i have to) (decline|refuse|reject|deny|say no|disappoint|turn|leave)
        <who> (refuse|decline|reject|deny|declined|rejected|denied|refused) (your|the|this|it|to)
        <who> have no (authority|permission|permissions|access to|way|possibility|influence|option|power|means|choice|say|room|right|discretion|rights|leeway)
        (cannot|can not|could not|may not|can no longer|will no longer|will not) <adv>? be !(found|located|verified|loaded|charged|long|seen|affected|a problem|needed|necessary|disappointed|identified|matched|opened|opened without|processed without|the problem|any|an issue|shown|displayed)
        (cannot|can not|can no longer) <adv>? (cancel|refund|book|change|accept|allow|offer|provide|accommodate|honor|honour|guarantee|override|bypass|fulfil|fulfill|extend|waive|grant|approve|issue|exchange|return|do|go|act|process|make|give|help|assist|stop|remove|comment|pay|take|get|send|move|split|combine|transfer|reset|let|promise)
        (is|are|was|were|be|been|being|,|it|that|this|and|but|therefore|thus) <adv>? (not|neither|no longer) <adv>? (be)? (refundable|exchangeable|transferable|negotiable|returnable|cancellable|cancelable|changeable|possible|permitted|allowed|eligible|entitled|covered|provided for|accepted|available|valid|met|sufficient|due|insured|applicable|offered|admitted|issued|granted|made|carried out|in a position|an option|included in|feasible|enough|part of|within|an exception|authorized|open|free|something|among|one of|meant|intended|payable|owed|fulfilled|qualified|supported|approved|paid|reimbursed|compensated|doable|permissible|foreseen|justified|refunded|extendable|eligible for|up to me|in my|our responsibility|subject to)
        not (refundable|exchangeable|transferable|negotiable|returnable|eligible|entitled|possible|permitted|allowed|covered|available) !(yet)
        non (refundable|exchangeable|transferable|returnable|changeable|cancellable|cancelable|negotiable)
        (nonrefundable|nontransferable|nonreturnable|nonchangeable)
        (ineligible|impossible|inadmissible|prohibited|forbidden|unfeasible|disqualified|disqualifies|precludes|rules out|prevents)
        (is|are|was|were|been|be|gets|got|status|result|:|=|remains) <adv>? "? (declined|refused|rejected|denied|turned down|disallowed|barred|ruled out|blocked for|not approved)
        (request|claim|refund|exchange|application|return|extension|change|appeal) (is|was|has been)? (declined|refused|rejected|denied)
        (it|that|this|policy|rules|terms|system|fare|contract|agreement|conditions|tariff|plan|warranty|insurance|and|but|which|they) (also|simply|really|unfortunately|only)? (does|do|would|will|can|could|did|has|is) not <adv>? (allow|permit|offer|cover|accept|provide|include|support|apply|qualify|grant|give|refund|exchange|entitle|count|let|extend|foresee|leave|meet|fall|belong|reach|lie|exist|work out|make|contain|come)
        (does|do) not <adv>? (qualify|apply|allow|permit|cover|include|count|entitle|meet|extend to|provide for|fall under|fall within|belong)
        (repair|it|that|this|delivery|change) (will|would) not (happen|be|take place|work|arrive)
        (out of the question|hands are tied|no exception|no exceptions|no way|no option|no possibility|no go|off the table|out of reach|no can do|no chance|beyond my|beyond our|nothing i can|nothing we can|not much i can|no room for)
        (against|contrary to|in breach of|would violate|violates|violate) (our|the|company|my|your|this) .. (policy|policies|rules|regulations|terms|guidelines|conditions|law)
        (outside|beyond|past|over|above|exceeds|exceed|exceeded|exceeding|after) (of)? (the|our|your|my|all|what) .. (policy|window|period|deadline|scope|limit|authority|authorization|control|term|competence|powers|remit|allowance|cap|maximum|return)
        (i am|we are) (afraid|sorry|very sorry|so sorry) ,? (but)? (not|no|this|that|we|it|there|the|your|you|our|they|because|only) !(sorry|hear|trouble|for)
        (window|period|deadline|time|term|offer|limit|warranty|policy|grace period|right|guarantee|date) .. (has|have|had|is|was) (already|now|long|since|unfortunately)? (expired|passed|lapsed|closed|ended|elapsed|run out|over|exceeded|up|missed)
        (expired|lapsed|closed|ended|ran out|run out) (on|in|at|yesterday|last|since|before|after|ago|two|three|a|by) !(your)
        (has|have) (already|now|long|since|unfortunately)? (expired|lapsed|elapsed|run out|reached its limit|reached the|reached your|used up)
        (as|i am) an ai
        (and|but|so|:|is|sorry|is a|that is a) (,)? no (,|:|.|,)?
        no , (i|we|that|this|it|there|the|your|you|not|unfortunately|sorry)
        (the|my|our) (answer|decision) (is|has|remains|stays|stands)
        (decision|fine|fee|charge|charges|price|rule|refusal|it) (still)? (stands|remains|stays|is final)
        (no|zero|without) .. <deal> (is|are|can|will|for|on|in|at|free|available|granted|left|possible|before|could|under|with|to|has|have|from|due|after|within|unless)
        there (is|are|was|were|will be) (simply|unfortunately|currently|really|just|sadly)? (no|none|not|never) (a|any|more)? !(charge|charges|fee|fees|cost|problem|problems|need|rush|hurry|worries|issue|issues|outage|outages|unpaid|penalty|change fee|doubt|extra|additional|further|limit|hidden|error|errors|known)
        none (of|left|is|are|available|free)
        (did|does|will|would|has|have) not (work out|worked out|pan out)
        (reserved|booked|taken|allocated|held) (for|by) (another|other|others|somebody|someone|a different|members)
        (non|no longer) (offer|offered|available|possible|sold|valid|eligible|sell|accept|accepted|do|provide|honor|honour|support|supported|participate)
        (never|nobody|no one) (can|could|is|are|may|will) .. (allowed|able|permitted|grant|change|override|waive)
        (fall|falls|fell|lie|lies) (outside|under the exclusion|short of)
        (unavailable|unable to (help|refund|cancel|change|offer|process|accept|do|make|approve|extend|issue|waive|provide|book|accommodate|grant))
        (not|never) (what|the answer|the news|good news) (you|i|we)? (were|had|hoped|wanted|are)
        wish i (had|could)
        (would|will) have to (go back|be made|pay|buy|wait|come|apply|order|contact|stay|remain|ask|speak|turn|visit)
        (fully|completely|all|already) (booked|full|taken|sold out)
        (sold out|out of stock)
        (is|are|was|were|been) <adv>? (excluded|exempt|ineligible|void|voided)
        (denied|declined|rejected)
    """,
    # A limit of what is possible, from which a denial follows.
    "limit": """
        (only|solely|exclusively|merely) .. (available|possible|permitted|allowed|offered|granted|paid|valid|accepted|if|when|until|within|after|with|once|apply|applies|refundable|admit|by the|by a|customers|members|changed|cancelled|mornings)
        (granted|paid|possible|available|permitted|allowed|offered|accepted|changed|apply|applies|admit|covered) (only|solely|exclusively)
        (is|are|was|were|has been|have been) (limited|restricted|reserved|fully booked|full|too|mandatory|final|kept|required to be|capped|suspended|fixed|tied|bound|non|overdue|not)
        (must|have to|has to|had to|need to|needs to|should have) (be|been)? (handed in|reported|approved|requested|made|submitted|filed|raised|returned|cancelled|claimed|given|announced|booked|received|bought|ordered|activated) ... (within|before|by|from|until|at least|no later|in order)
        (need|needs|must|have|has) to (be|go|come|run) ... (through|via|by|within|from|there|portal|seller|bank|airline|doctor|shop)
        (within|up to|at least|no later than|not later than|more than|less than|fewer than|under|minimum of|maximum of) .. (days|hours|weeks|months|day|hour|week|month|years|miles) (of|before|after|from|prior|notice)
        (too) (late|early|long|old|far|many|little|soon|short|close|high|low)
        (minimum|maximum|deadline|cutoff|cut off|waiting list|grace period|notice period|quota|blackout)
        (the|our|your|next) (earliest|next|first) .. (is|would be|remains|available|free|possible|appointment|slot|date)
        (remains|remain|stays|stay) (in place|unchanged|as it is|the same|due|payable|where)
        (was|were|been|is|are) ... (correctly|legitimate|justified|legitimately|rightly)
        (please|you will have to|you would have to|you need to|you have to|you must|you should|you may want to|kindly|you could|you can|you may) .. (contact|speak|talk|turn|reach|visit|consult|apply to|take it up|ask) (to|with|out|the|your|our|a|directly|him|her|them|in|there)
        (unfortunately|regrettably|sadly|regret)
        (i am|we are) (really|very|so|truly|terribly)? (sorry|afraid)
        (my|our|sincere) apologies
        (starts|start|begins|begin|applies|apply) (from|at|only|after|above)
        (excluded|excludes|exclude|exclusion|restriction|restrictions|reserved for|suspended|limited to|once per|one per|exempt)
        (once|twice) (a|per|every|in) (year|month|day|week|lifetime|contract)
        (our|the|company) (policy|rules|terms|regulations|guidelines|conditions) (reads|says|states|require|requires|is that|are that)
        (unless|except|provided that|as long as|on condition)
        (bad news|not good news|disappointing|frustrating|hoped for|hoping for|not the answer)
        (advise|recommend) against
        (used|sold|bought|purchased|paid) (up|by|with|through|from|as|in|via) .. (a|an|third|another|other|points|voucher|portal)
        instead of
        (is|are) treated as
        (exclusively|solely)
        (close|closes|end|ends|expire|expires|stop|stops) .. (before|prior to|after) (the|your|departure|arrival|it)
        (days|hours|weeks|months) (before|prior to) (the|your|departure|arrival)
        (reached|hit) (its|the|your|a|our) (limit|maximum|end)
        (a fee|the fee|a charge|a penalty) .. (applies|is due|has to|must)
        (member|members|customers|people|patients|tenants|residents|children) (who|with|of|that) .. (only|only if|have|had|live)
    """,
    "negation": """
        (not|never|nobody|neither|nor|cannot|without|lacks|lack|nowhere)
        (no|none|nothing)
        (however|nevertheless|nonetheless|even so|still ,|but)
        (sorry|apologies|apologize|apologise)
        (other|different|separate|special) (rules|conditions|terms)
        less than
    """,
    # What reads like a denial and is none.
    "harmless": """
        (can not|cannot|not|nothing|no|never|without|do not) (see|find|foresee|think of|imagine|have|be)? (any|a|the|much|further|additional|extra|own)* (problem|problems|issue|issues|trouble|obstacle|worries|worry|objection|objections|charge|fee|fees|cost|costs|rush|hurry|hassle|doubt|penalty|difficulties|difficulty|change fee|cancellation fee|debits|extra charge|limit|hidden)
        (cannot|could not) (wait|agree more|thank|be happier)
        (do|does|did|would|will|could|might|should|need) not (hesitate|worry|forget|hang|close|have to|need|be charged|affect|cost|lose|mind|use|refresh|leave|share|be needed|be necessary|bring|be long|take long|take more|put|send|pay|hurt|matter|have any|require|be affected|be any|expire|change)
        (you|needn't) (need|do|will|must|should) not (put|worry|do|send|bring|pay|return|need|be|have|share|use|forget)
        needn't
        no (problem|problems|worries|need|rush|hurry|trouble|further|longer work|cost|charge|charges|extra|fee|fees|one else|action|matter|return of|return is|doubt|change fee|unpaid|issue|issues|outage|luck|additional|penalty|later than|paper|stress|questions asked|vulnerable|hidden|more than)
        not (a problem|at all|only|to worry|just|too bad|yet|sure|that|because|on our side|far|long|so|older|least|locked|hesitate|the cause)
        (no|nothing|not) (more|else|further|anything) (is|for|you|needed|required|to|from|left|i|we)
        (if|in case|when|should|unless|whether|because|so that|until) ... (cannot|can not|could not|not|no|nobody|never|nothing|no one|none)
        <who> (do not|did not|cannot|could not) (see|find|have your|have a|know|locate|need|recognise|recognize|want|quite|fully|understand|yet)
        why (cannot|can not|is|are|was|not|do|does)
        (would|do|could|did|does) not mind
        (cannot|can not|do not|may not|will not|did not|could not) (see|notice|feel|find) (it|them|this|that|yet|any)
        (old|previous|former) .. (no longer|not)
        sorry (to hear|for the|about the|about your|about that|about this|again|for any|for your|that your|that you|it|the|you had|to read|for keeping|for that|for this|for what|you|my|we|i missed|, i|i|for making)
        (apologize|apologise|apologies|apology) (again|once more|sincerely)? (for|that)
        so that .. (not|never|nobody)
        (not|no) (more|later|longer) than
        only (need|missing|thing|takes|a moment|one|two|be a|have to|want|needed|a minute|required)
        (i am|we are) (really|very|so|truly|terribly|deeply)? sorry (to|for|about|that you|that your|you|again|to hear)
        afraid so
        (for|of) no (extra|additional)? (charge|cost)
        at no (extra|additional)? (charge|cost|fee)
        not (included in|part of) the
        without (problems|any problems|problem|delay|issues|interruption|a fee|a penalty|extra|additional|penalty|charge|any extra|obligation)
    """,
    "closing": """
        (anything|something|is there anything|nothing) (else|more|further) (i|we|you|that|is|on|to|for|can|before|today|,|about|at|in)?
        (any|other|further|more|additional|another) (other|further|more|additional)? (questions|question|requests|concerns|wish|wishes|assistance|help|matters|topics|queries|inquiries|support)
        (be|of) (of)? (any|some)? (further|additional|more|other) (assistance|help|service)
        (have|enjoy|wish you|wishing you) (a|an|your|the|you) (very|really|so)? (nice|great|good|wonderful|lovely|pleasant|safe|fantastic|beautiful|happy|relaxing|super|rest|day|evening|weekend|stay|trip|flight|meeting|time|holiday|holidays|ride|show|new|smooth|speedy|best|one|peaceful|fine|night|morning|afternoon|productive)
        (enjoy|goodbye|bye|farewell|cheers|ciao|cheerio)
        (take|good) (care|luck)
        you are (very|most|always|more than)? welcome
        (my|our) pleasure
        (happy|glad|pleased|delighted|nice|great|wonderful|good) (to have|i could|we could|to be able to have|that i could|that we could|that it works|it works|it is working|that it is|i was able|to hear|to help|we got|we sorted|talking|chatting|that everything)
        (drive|travel|fly|ride|stay|sleep) (safe|safely|well|healthy)
        ^ happy *ing
        (thank you|thanks) (so much|very much|a lot|again|once again)? for *ing (with|by|at|through|us|our|from)
        (thank you|thanks) (so much|very much|a lot|again|once again)? for (contacting|reaching|choosing|calling|using|chatting|getting in touch|shopping|being|your (loyalty|business|time|trust|call|visit|message|feedback)|getting|writing|flying|travelling|banking|staying|coming|stopping)
        (feel free|do not hesitate|please do not hesitate) to (ask|contact|reach|write|message|get|let|come|call)
        <who> (am|are|will be|remain|will always be) (always|still)? (here|available|around|there|at your) (if|for|to help|whenever|should|disposal)
        (reach|get|write|come) (out|back|in)? (to)? (us|me) (any|again|at any|if|whenever)
        (that|this) (is|was|will be|would be) (all|everything|it) (for|today|you|i|from|then|,)?
        (have|hope|we hope|i hope) (this|that|it|everything|you|to) (helps|helped|see|was|works|have|had|enjoy|goes|serve|hear)
        (we|i) (look|are looking|am looking) forward to
        looking forward
        (we are|we would be|then we are|i would say we are|i think we are) (finished|done|through|all done|set|good)
        (what else|how else)
        (safe|happy|rock|all the|best|kind|warm|get well|see you|until|speak|talk) (travels|on|best|wishes|regards|soon|travel|holidays|journey|next time|later)
        (anything|something) (that)? (needs|you need|you would like|i can|we can|we could|i could|you want|to add)
        until next time
        if (there is|that is|you have) (nothing|no more|no further|no other|anything|any) (else|more|further|other)?
        wish (you|him|her|them) (all|a|the|good|well|every|luck|success)
    """,
    "work": """
        (let|allow) (me|us) (please|just|now|quickly|first|briefly|then|also|next|quickly)* (have|take|see|try|go|start|begin|do|<check>)
        <who> (will|am going to|are going to|would now|need to|have to|must|shall|am about to|are about to|want to|would like to) (now|just|also|first|next|then|quickly|try to|go ahead and|start by|begin by|proceed to|have to|need to|immediately|therefore|further|again|briefly|have a|take a|quickly|only|please)* <check>
        <who> will (now|next|first|then|just|get|be right|be back|be with|attach|start|continue|come back|keep|wait|return to you|report|see to|move on|handle)
        <who> (am|are) (now|just|currently|still|already|also|busy|in the middle of|about to|quickly)* <checking>
        <who> (am|are) (on|at) (it|this|that|the case)
        (looking into|working on) (it|this|that)
        ^ on it
        (just a|just one|just another|give me a|give me one|need a|need another|one more|bear) (few|short|brief|little|more|quick|couple of)* <moment> !(ago|later|early|after|before)
        (one|another|a|two|few) (few|short|brief|little|more|quick|couple of)* <moment> (please|while|, please|to check|as|for me|until i)
        one (moment|second|sec|minute|min) !(ago|later|early|after|before)
        moment please
        (hold|hang|bear|sit|stand) (on|with|tight|by|there|please)
        stay (with me|on the line|tuned|there|put)
        please (hold|wait|stand|bear|give|allow|stay|be patient|do not close|do not hang|remain|be so kind as to wait)
        (give|allow|grant|gimme) (me|us) (just|please)? (a|one|another|some|two|few|the|until) !(call|ring|hint|tip|better|copy|list|shout|name)
        ^ (wait|hang tight|brb)
        while <who> (am|are)? (<check>|<checking>|do|am|are)
        (is|are) <adv>? being
        (this|it|that) (can|may|could|will|should|might|only)? (only|usually|just|normally)? (take|takes) (just|only|up to|about|a|one|few|some|less|around|no longer|me|no)
        <who> .. (back|right back) (with you|to you|shortly|soon|in a)
        (will|shall) (be|come|get) (right)? back
        ^ (checking|looking|verifying|searching|retrieving|pulling|loading|running|processing|reviewing|calculating|working|opening|resetting|fetching|accessing|querying|contacting|trying|asking|investigating) (the|your|this|that|it|into|at|on|for|now|a|up|if|whether|with|availability|to|our|in|all|both|about|what|how|when|out)
        ^ (now|next) ,? (i|we|to)? (will|am|are)? (<checking>|<check>)
        <who> will <carry> ... (now|right away|immediately|straight away|at once)
        <who> will (let you know|inform you|update you|notify you|get back|come back|keep you|report back|be back)
        <who> (am|are) (now|just|currently|also)* !(being|looking forward|seeing that|going to need|missing|asking|waiting for your|waiting for you|lacking|having trouble|having difficulty|wondering|hoping|offering|assuming|writing to|glad|calling|sorry) *ing
        (your|the) request ... (being|in progress|underway)
        (thanks|thank you) for (waiting|bearing|holding|being patient|your patience while)
        (mind|minding) (waiting|holding|if i put|holding on)
        (next|then|after that|first) ,? <who> (will|am|need|have|check|look|would)
        (in progress|underway|in the works|shortly|in process)
        (you will|we will|i will) (hear|have|get) (from me|back from me|an answer|a result|back to you|it in)
        (system|it|this) is (a bit|quite|rather|very|currently)? (slow|loading|busy)
        (give|leave) it with me
        leave it with (me|us)
    """,
    # The next thing that the agent does itself.
    "step": """
        <who> will (now|then|next|go ahead and|just|also|first|therefore|gladly|immediately)* <carry>
        <who> (am|are) (going to|about to) (now|then|also)* <carry>
        (now|next) , <who> will
    """,
    "finding": """
        <who> (can|could|also|already|now)* (see|found|located|find|pulled up|got) (that|your|the|a|an|in|two|three|one|several|it|you|here)
        <who> have <adv>? (found|located|noted|received|got|checked|verified|retrieved|reviewed|pulled|identified|looked|seen|saved|taken|prepared|your|now|everything|all)
        (according to|based on|looking at) (our|the|your|my)
        (match|matches|verified|found|located)
        (your|the) .. (shows|is listed|is registered|was delivered|was booked|matches|is active|was placed|runs until|renews)
    """,
    "handover": """
        (transfer|transferring|transferred|hand|handing|handed|pass|passing|passed|connect|connecting|connected|route|routing|routed|forward|forwarding|forwarded|escalate|escalating|escalated|refer|referring|referred|put|putting|redirect|redirecting|redirected|bring|patch|patching|move|moving|turn|turning|direct|directing|send|sending|hook|take|get|getting) (you|this|your|it|the|things|that|him|both) (over|through|to|on|in touch|with|case|chat|request|call|conversation|up|matter|ticket|issue|concern|file|complaint|now)* (to|with) (the|a|an|our|one of|my|his|her|ms|mr|mrs|someone|somebody|another|your)? ... <human>
        (transfer|transferring|handing|passing|connecting|escalating|patching|routing|redirecting) (you|your|this) (over|through|on|now|call|chat|case|conversation|to|matter|issue|with)
        <who> (will|am|are|have to|need to|must|would|going to|now|am now|shall)* (transfer|hand|pass|connect|escalate|patch|route|transferring|escalating|connecting|handing|passing|forwarding) (you|this|your case|it|your request|your call|the case|the matter|this chat|over)
        (let|allow) me (transfer|hand|pass|connect|escalate|patch|route|put|get|bring) (you|this|my|a|it|your|in)
        put you (through|in touch|in contact|on to)
        (pass|hand|passing|handing) (you|this|it) (over|on)
        (you|case|call|chat|request|conversation|ticket|inquiry|issue|matter|file|complaint|concern) (are|is|has been|have been|will be|was|gets) (now|being)* (transferred|handed over|handed|connected|escalated|passed on|passed|put through|routed|passed over|referred|forwarded)
        <human> (needs to|has to|must|will have to|would have to|is needed to) (answer|look|decide|approve|handle|review|check|take|sign|assess|deal)
        <who> (will|am|are|shall)* (get|getting|fetch|fetching|call|calling|bring|bringing) (a|an|our|my|the|one of our|in|you)* .. <human> (for you|on the|to|in|into|over|now)
        (getting|get|bring|fetch) (one|someone|somebody|him|her|them) (on|for|to|in|into) (the|you|this|help|take)
        (take|takes|taking) (over|it from here|this on|it on|this over|care of this from|over from here)
        will (take (this|it|over)|continue with you|join) .. (from here|over|chat|you|shortly|in|here|call|soon)?
        <human> (will|is going to|can|should|is|,) .. (take over|be with you|contact you|continue|join|get back|get in touch|assist|help you|reach out|call you|look|handle|ping|review|be in touch|follow|respond|decide|take|pick)
        (be|being|is|are) (looked at|handled|dealt with|reviewed|decided|processed|taken over|assessed|answered) (by|with) (a|an|the|our|one of|my|mr|mrs|ms|someone) .. (<human>|in|from)
        (a|one of our|another|my|the|one of the) .. (<human>|agents) .. (will|is going to|takes|there|can) .. (take|be with|contact|continue|join|get|assist|help|reach|call|look|handle|ping|review|follow|respond|you|this)
        (get|bring|have|call|fetch|involve|find|loop in) (a|my|the|our|you|in|someone|one)* .. (supervisor|manager|colleague|specialist|human|someone|agent|leader|lead|boss|expert|senior) .. (to|in|on|for|who|into) (talk|you|help|take|look|this|speak|assist|the)
        (escalate|escalating|escalated) (this|it|your|the|to)
        (someone|somebody) (will|from|there|in) .. (be with you|take|contact|will|help|reach|get)
        (connect|connecting|connected) (you)? (to|with) (a|an|our|one|the)
        (need|needs|require|requires|is a case for|is for|something for|a matter for|a job for|belongs to|is one for|handled by) (a|an|the|our|one) .. (claims|adjuster|specialist|supervisor|human|team|department|complaints|desk)
        (stay|remain) (on the line|in the chat|in this chat|connected)
    """,
    # Something is asked for, or wanted.
    "request": """
        (please|kindly) (also|just|now|first|kindly|then|only|do|once more|simply|again)* (<give>|let|double check|check|verify|confirm|repeat|read|have a look|look at|note down|get|advise|inform)
        (you)? (can|could|would|will|may|might) you (please|kindly|also|just|maybe|perhaps|possibly|quickly|both|then|now|first|be so kind as to|be so kind and|be so good as to|be able to)* (<give>|let|double check|check|verify|confirm|read|remind|look)
        would you mind (telling|giving|sharing|sending|providing|stating|repeating|confirming|checking|spelling|letting|reading)
        (and|then|just|or|first|also|now|next|simply|,) (please|kindly|just)? (<give>|let|confirm|verify|double check) (me|us|your|the|which|what|how|when|where|both|whether|in|it)
        <give> (me|us) (your|the|a|an|which|what|how|when|where|both|whether|if|it|about|with|again|more|by|on|in|once|also|all|some|and|or|for|at|,|please|who|why|everything|that|these|those)
        ^ <give> (your|the|which|what|how|both|whether|all|these)
        let (me|us) (know|have)
        <who> (will|would|do|did|also|just|still|only|first|now|then|simply|really|therefore|additionally|might|may|should|currently)* (need|require|have to know|must know|need to know|have to have|must have|have to ask|must ask|like to know|love to know|like to ask|like to have|need from|like to get)
        <who> (am|are) (still|only|just|now|also)* (missing|lacking|waiting for|asking for|in need of|short of|looking for)
        (need|needs|require|requires) (a|an|the|your|some|two|three|one|to know|to have|from you|also|following|only|more|further|few|these|it|both|you to|to verify|to confirm|is|:)
        (may|can|could|might) <who> (please|kindly|also|just|quickly|now|have)* (have|get|ask|know|see|take|note|request|trouble|grab)
        (is|are) (still|also|only|now|all)* (needed|required|missing|necessary|mandatory|lacking|outstanding|requested|open)
        (must|has to|have to|should|needs to|need to) be <adv>? (named|given|stated|provided|specified|entered|mentioned|supplied|attached|indicated|included|known|filled in|in the)
        (will|would|should) (do|be enough|suffice|be sufficient|be fine|help|be helpful|be useful|also help|do it)
        (is|are) (enough|all i need|all we need|what i need|all it takes|also useful|fine)
        (it|that) (would|will|might) (also|really)? (help|be (very|really|also|most|even)? (helpful|useful|good|great|nice|important)) (me|us)? (to know|to have|if|when|a lot|,)?
        (what|all|which) <who> (still|also|do|really|only|just|now)* (need|want to know|have to know|require)
        (what|all that|only thing) is (still|also)? missing
        (the following|these) (details|information|questions|points|items|data|things|are|fields|pieces)
        (details|information|data|info) (needed|required|missing|is missing|are missing|i need|we need)
        (the only|one|last|another|two|three|a few|a couple|some|next|first|further|only one|one more|two more|couple|few|couple of|couple of more|final) (more|last|quick|final|further|short|other|of)* (question|questions|thing|things|point|points|detail|details|piece|pieces|info)
        need to (verify|confirm|check) (two|three|a few|some|the following|a couple|your)
        (looking for|waiting for|asking for) (your|the|a|which|what)
        you (can|may|could|should|must|need to|have to|would have to|will need to) (choose|select|pick|decide|specify) (between|from|which|a|one|your|the|what|whether|among|an)
        (choose|options|choices|choice|slots|openings|times|dates) (is|are|of|between|on|:|for|available|at|would be|available are)
        (possible|available|free|offered|open) (is|are)? (on|at|slots|times|dates|for|from) .. (<day>|morning|afternoon|mornings)
        (we|i) (have|could offer|can offer|could do|can do) .. (<day>|morning|afternoon|slots|openings) .. (,|and|or)
        (your|the) (pick|choice|decision) (is yours)?
        (up to you|you choose|you decide)
        without (knowing|having|your|first knowing|verifying|seeing)
        (until|unless|before|as long as|once|when|after) (you|i|we|your) (have|has|had|can|could|will|type|also)* (provide|provided|give|given|tell|told|know|have|has|receive|received|send|sent|verify|verified|type|pass|passed|share|shared|specify|supplied|enter|entered|got|get|see|confirm your)
        (to identify|to verify|to locate|to find|to look up|to access|to open) (you|your|the) .. (i|we)? (use|need|by|with|via|:)
    """,
    "denied_need": """
        (do|does|did|would|will|needn't) not (even|really|actually|necessarily)? (need|require|have to|want|ask) !(to check|to do|a|any)
        no need
        need not
        needn't
        not (necessary|needed|required)
        no longer need
        nothing (is|seems) missing
    """,
    # The agent could not find what it was told, or doubts it.
    "doubt": """
        (cannot|could not|can not|unable to|not able to|did not|do not|does not|was not able to|were not able to|failed to|having trouble|struggling to|trouble) (be|seem to|actually|quite)* (find|found|finding|locate|locating|located|see|match|recognized|recognised|exist|recognize|recognise|pull|bring|load|identify|correspond|return|appear|turn|show up|come up|matching|read)
        (no|not any|nothing|not a) .. (result|results|match|matches|record|records|entry|hit|hits) (found|with|for|under|by|matching|in|that|comes|came|shows|on)?
        (no|not any|not a) .. (order|account|booking|customer|ticket|prescription|vehicle|reservation|policy|member|membership|profile) (found|with|for|under|by|matching|in|that|comes|came|shows|on|exists)
        (gives|gave|returns|returned|brings|brought|shows|showed|yields) (me|us|up)? (no|nothing|an error|zero)
        (invalid|unknown|incorrect|typo|mistyped|misspelled|misread|mixed up|swapped|transposed)
        (is|was|seems|looks|be) (a|to be)? (wrong|mistake|incorrect|off|mistaken)
        (belongs|belong|registered|linked|assigned|leads|points) to (a|an|another|someone|somebody) (different|other|else|another)?
        are you (sure|certain|positive) (that|about|this|it|the|of|your)
        (double check|check again|re check|recheck|look again|try again|once more|once again|again please)
        ^ (check|verify|repeat) (the|your|that|it|whether|this|if)
        (can|could|would) you (please)? (check|verify|repeat|look at) (the|your|that|it|whether|this|if)
        (does|do|did) not (exist|match|seem|appear|correspond|fit|agree|ring)
        (not|nothing) (in|on|under) (our|the|my|this|that) (system|records|database|number|name)
        (not|never) (be)? found
        not (a valid|valid|registered|known|listed|recognized|recognised) .. (number|code|order|booking|account|in)
        (comes|came|coming) (up|back) (empty|blank|with nothing|with no|as)
    """,
}

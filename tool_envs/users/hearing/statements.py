"""What service agents state, as wordings by what they do; see
:mod:`verl_agentic.tool_envs.users.hearing.wording`."""

from __future__ import annotations

STATEMENTS = {
    "done": """
        <who> <adv>? have <adv>? <adv>? (gone ahead and <adv>?)? <carried>
        <who> <adv>? have ... (and|, and|but|or) <adv>? (have|also)? <adv>? <carried>
        <who> <adv>? (cancelled|canceled|refunded|booked|rebooked|scheduled|rescheduled|updated|changed|processed|submitted|filed|registered|issued|sent|emailed|shipped|ordered|placed|applied|added|removed|waived|cleared|credited|extended|renewed|unlocked|blocked|reset|restored|fixed|resolved|solved|completed|approved|transferred|moved|switched|upgraded|downgraded|created|opened|arranged|lowered|reduced|exchanged|swapped|replaced|set up|set|put|restarted|made|did|corrected|adjusted|activated|froze|logged|entered|lodged) (it|that|this|the|your|a|an|them|both|two|you|all|one|and|everything|our|his|her|in|through|out|half|everyone|him)
        <who> <adv>? have <adv>? <adv>? !(<noted>) *ed !(to (find|reach|get|locate|see|access)|by|if|whether|into|at your|through your|over your)
        <who> <adv>? !(<noted>) *ed (it|that|this|your|you|them|both|everything|him|her) !(to (check|see|find)|and found|but)
        <who> just <adv>? !(<noted>) *ed (it|that|this|the|your|a|an|you|them|both|everything|all|another|two|one)
        <who> (have)? (found|got|gave|given|put|sent|made|set|cut|taken|undone|redone|rewritten|written|split|let) you (a|an|the|on|in|down|through|another|one|two|up|back|both|onto)
        you now have
        <who> (took|take|have taken) care of
        that did it
        (name|you) (is|are) down for
        your .. (now)? (reads|shows|says) (now)?
        have taken the liberty
        ^ *ed (your|the|it|you|both|that) .. (to|for|from|with|now|already|!|back|off|on|in)
        (has|have) (now|kindly|already|just)? (agreed|accepted|approved|confirmed) (to|the|your|it|that)
        <who> (got|had|have) (the|your|it|them|that|this|both|a|an) .. *ed !(by|with|in|on the|for another)
        <who> (was|were|could)? (able to)? (get|bring|negotiate|talk) the .. (down|up|back|off|to)
        (is|are) (now|also)? effective
        your .. (is|are) (now)? with (our|the|your) .. (team|department|bank|doctor|courier|plumber|technician)
        so you can (stay|keep|use|travel|come|collect|fly|log|go)
        you (now)? have (been|now been) <adv>? !(<noted>) *ed
        (has|have) <adv>? <adv>? been <adv>? <adv>? !(<noted>) *ed !(by|for another|to another|as|from|on account)
        (has|have) (now|just|already|successfully) !(<noted>) *ed
        (is|are) (now|successfully|hereby) !(<noted>) *ed
        your .. (is|are) (under|booked|reserved|set|confirmed|scheduled|all set) (the|for|on|at|in|under|to)?
        (is|are) gone
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
        (is|are) (on|in) (the|our) (system|books|post|mail)
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
        (has|have) (now|already|also)? (gone|started|begun|taken effect|come through|gone out|gone through|shipped) !(by|on from)
        as (requested|you wished|you asked|promised|agreed) ,
        no longer (owe|have to pay|charged|need to pay)
        (takes|take) effect
    """,
    # What will come of it.
    "result": """
        you can (now|already)? (collect|pick|use|log|find|download|see|go|start|fly|come|track|view|access|enjoy|keep) (it|up|in|the|your|on|them|ahead|this|a)
        (active|valid|effective|live) (from|as of|starting|since|until) (today|now|tomorrow|on|the)?
        you (will|are) (not|no longer) be? (billed|charged|debited|invoiced)
        (ends|starts|begins|runs|stops|applies|continues) (on|from|until|at|as of|with|today|tomorrow|immediately)
        (has|have) (changed|switched|moved|dropped|gone) (to|over|from|on|up|down|back)
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
        (prevent|prevents|keep|keeps|stop|stops|bar|bars|forbid|forbids|prohibit|prohibits|preclude|restrict|restricts) (me|us|you|customers|guests|members|that|it|this|changes|refunds) (from)?
        <who> (must|have to|need to|can only) (stick|adhere|comply|follow|keep|abide|go by|hold) (to|with|by|the)
        (bound by|obliged to|blacked out|off limits|not up to me)
        (are|is) (all)? (booked|full|taken|busy|reserved) (until|till|through|up to|for the next|at that|on that|that)
        (outside|beyond) (of)? (the|our|your|my|what|working|office)
        (price|offer|deal|sale|promotion|discount|voucher|campaign|code) .. (is|was|has|are) (now|already|been)? (gone|over|expired|withdrawn|ended|closed)
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
        beyond (what|my|our)
        too late (to|for|now)
        (outside|beyond|past|over|above|exceeds|exceed|exceeded|exceeding|after) (of)? (the|our|your|my|all|what) .. (policy|window|period|deadline|scope|limit|authority|authorization|control|term|competence|powers|remit|allowance|cap|maximum|return)
        (i am|we are) (afraid|sorry|very sorry|so sorry) ,? (but)? (not|no|this|that|we|it|there|the|your|you|our|they|because|only) !(sorry|hear|trouble|for)
        (window|period|deadline|time|term|offer|limit|warranty|policy|grace period|right|guarantee|date) .. (has|have|had|is|was) (already|now|long|since|unfortunately)? (expired|passed|lapsed|closed|ended|elapsed|run out|over|exceeded|up|missed)
        (expired|lapsed|closed|ended|ran out|run out) (on|in|at|yesterday|last|since|before|after|ago|two|three|a|by) !(your)
        (has|have) (already|now|long|since|unfortunately)? (expired|lapsed|elapsed|run out|reached its limit|reached the|reached your|used up)
        as an (ai|artificial)
        <who> (do not|cannot|am not) .. (ability|able|capable|capability)
        (and|but|so|is|sorry|still) ,? no (,|:|but)
        (is|remains|still|stays) (a|still)? no
        ^ no , (i|we|that|this|it|there|the|your|you|not|unfortunately|sorry)
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
        (please|you will have to|you would have to|you need to|you have to|you must|you should|you may want to|kindly|you could|you can|you may) .. (contact|speak|talk|turn|reach|visit|consult|apply|take|ask|go|get in touch) (to|with|out|the|your|our|a|directly|him|her|them|in|there|it up|through|back to|via)
        (you|one) would (need|have) to (speak|contact|talk|go|turn|ask|call|see|write|apply|wait|pay|buy|come|bring|book)
        (unfortunately|regrettably|sadly|regret)
        (i am|we are) (really|very|so|truly|terribly)? (sorry|afraid)
        (my|our|sincere) apologies
        (starts|start|begins|begin|applies|apply) (from|at|only|after|above)
        (excluded|excludes|exclude|exclusion|restriction|restrictions|reserved for|suspended|limited to|once per|one per|exempt)
        (once|twice) (a|per|every|in) (year|month|day|week|lifetime|contract)
        (our|the|company) (policy|rules|terms|regulations|guidelines|conditions) (reads|says|states|require|requires|is that|are that)
        (unless|except|provided that|as long as|on condition)
        (bad news|not good news|hoped for|hoping for|not the answer)
        (has to|must|will|have to|needs to) (stay|remain)
        (in line with|in accordance with|as per|pursuant to|under) (our|the|your) .. (terms|policy|contract|rules|conditions|fare|agreement|regulations|tariff)
        would (need|have) to .. (ahead|before|in advance|earlier|at least|by|within)
        would have had to
        (charge|charges|fee|bill|amount|invoice|fine|price|calculation|deduction) (is|are|was|were) (correct|right|valid|justified|legitimate|in order|as agreed)
        ^ only (the|a|an|those|members|customers|guests|people|passengers|students|employees|account|one|two|tickets|items|orders)
        (applies|apply|valid|available|possible|granted|open|may|can|sold|paid) ... only !(need|take|takes|have to)
        (falls|fall|comes|come) under
        (advise|recommend) against
        (used|sold|bought|purchased|paid) (up|by|with|through|from|as|in|via) .. (a|an|third|another|other|points|voucher|portal)
        instead of
        (is|are) treated as
        (exclusively|solely)
        (close|closes|end|ends|expire|expires|stop|stops) .. (before|prior to|after) (the|your|departure|arrival|it)
        (days|hours|weeks|months) (before|prior to) (the|your|departure|arrival)
        (strict|fixed|hard) (limit|rule|rules|policy)
        (block|blocks|bar|bars|reject|rejects|exclude|excludes) (any|all|changes|refunds|such|further|the|this|these)
        (must|has to|have to|need to|needs to) be (at least|under|over|between|older|younger|a minimum|no more|less)
        (require|requires) .. (notice|in advance|beforehand|prior|days)
        (was|were|has been) (withdrawn|discontinued|abolished|stopped|suspended)
        (reached|hit) (its|the|your|a|our) (limit|maximum|end)
        (a fee|the fee|a charge|a penalty) .. (applies|is due|has to|must)
        (member|members|customers|people|patients|tenants|residents|children) (who|with|of|that) .. (only|only if|have|had|live)
    """,
    "negation": """
        (do|does|did|can|could|may|might|will|would|is|are|was|were|am|has|have|had|must|should|shall|cannot) (also|simply|really|just|unfortunately|therefore|however|still|yet|only)* not
        cannot
        (never|nobody|neither|nor|without|lacks|lack|nowhere)
        not
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
        ^ do not (hesitate|worry|forget|hang|close|refresh|leave|share|send|use|reply|panic|be|bring|put|pay|throw|open|turn|restart|switch|delete|return|disconnect)
        you (do|will|would|should|must|may) not (need|have to|be (charged|billed|affected|asked|disappointed|without)|lose|notice|miss|find|pay (anything|extra|more|for this)|have any|regret|even|worry)
        (do|does|did|would|will|could|might|should) not (hesitate|affect|cost you|mind|be needed|be necessary|be long|take long|take more|take much|hurt|matter|be affected|be any|expire|be lost|be charged|be billed)
        (must|should|please|and) not (put|worry|do|send|bring|pay|return|share|use|forget|close)
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
        (my|our|a) pleasure
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
        (have|having) fun
        <who> will (now|then|just)? close (the|this|your) (chat|ticket|case|conversation|session|request)
        you will be (glad|happy|pleased) to (hear|know) !(that)
        if (there is|that is|you have) (nothing|no more|no further|no other|anything|any) (else|more|further|other)?
        wish (you|him|her|them) (all|a|the|good|well|every|luck|success)
    """,
    "work": """
        (let|allow) (me|us) (please|just|now|quickly|first|briefly|then|also|next|quickly)* !(know|put it|be|tell|explain|say|clarify|remind|assure|repeat|help|walk|summarise|summarize|recap|out|introduce|confirm :|ask you|guide|go over|rephrase|start by saying) 
        <who> (will|am going to|are going to|would now|need to|have to|must|shall|am about to|are about to|want to|would like to) (now|just|also|first|next|then|quickly|try to|go ahead and|start by|begin by|proceed to|have to|need to|immediately|therefore|further|again|briefly|have a|take a|quickly|only|please)* <check>
        <who> will (now|next|first|then|just|get|be right|be back|be with|attach|start|continue|come back|keep|wait|return to you|report|see to|move on|handle)
        <who> (am|are) (now|just|currently|still|already|also|busy|in the middle of|about to|quickly)* <checking>
        <who> (am|are) (on|at) (it|this|that|the case)
        (looking into|working on) (it|this|that)
        ^ on it
        ^ will (check|look|do|get|be right|see|find|update|verify)
        (just a|just one|just another|give me a|give me one|need a|need another|one more|bear) (few|short|brief|little|more|quick|couple of)* <moment> !(ago|later|early|after|before)
        (one|another|a|two|few) (few|short|brief|little|more|quick|couple of)* <moment> (please|while|, please|to check|as|for me|until i)
        one (moment|second|sec|minute|min) !(ago|later|early|after|before)
        moment please
        (hold|hang|bear|sit|stand) (on|with|tight|by|there|please)
        stay (with me|on the line|tuned|there|put)
        please (hold|wait|stand|bear|give|allow|stay|be patient|do not close|do not hang|remain|be so kind as to wait)
        (give|allow|grant|gimme) (me|us) (just|please)? (a|1|2|3|5|10|one|another|some|two|few|until) !(call|ring|hint|tip|better|copy|list|shout|name)
        ^ (wait|hang tight|brb)
        while <who> (am|are)? (<check>|<checking>|do|am|are)
        (is|are) <adv>? being !(held|kept|shipped|delivered|sent|dispatched|refunded|stored|prepared for)
        (is|are) (now|still|just|currently) (loading|running|processing|updating|starting|restarting|syncing|checking|searching|working|connecting|opening)
        (is|are) (loading|running|syncing|opening|starting up|being loaded)
        ^ (trying|searching|loading|checking|looking|calculating|processing|running|verifying|thinking|testing)
        (this|it|that) (can|may|could|will|should|might|only)? (only|usually|just|normally)? (take|takes) (just|only|up to|about|a|one|few|some|less|around|no longer|me|no)
        <who> .. (back|right back) (with you|to you|shortly|soon|in a)
        (will|shall) (be|come|get) (right)? back
        ^ !(concerning|regarding|during|including|following|according|depending|considering|bring|thing|spring|something|nothing|everything|anything|morning|evening|missing) *ing (the|your|with|whether|if|up|into) !(... (is|means|are|leads|costs|takes|requires|would|will|can|may|has|was|does|makes|helps|ends))
        ^ (checking|looking|verifying|searching|retrieving|pulling|loading|running|processing|reviewing|calculating|working|opening|resetting|fetching|accessing|querying|contacting|trying|asking|investigating) (the|your|this|that|it|into|at|on|for|now|a|up|if|whether|with|availability|to|our|in|all|both|about|what|how|when|out)
        ^ (now|next) ,? (i|we|to)? (will|am|are)? (<checking>|<check>)
        <who> will <carry> ... (now|right away|immediately|straight away|at once)
        <who> will (let you know|inform you|update you|notify you|get back|come back|keep you|report back|be back)
        <who> (am|are) (now|just|currently|also)* !(being|looking forward|seeing that|going to need|missing|asking|waiting for your|waiting for you|lacking|having trouble|having difficulty|wondering|hoping|offering|assuming|writing to|glad|calling|sorry) *ing
        (your|the) request ... (being|in progress|underway)
        (thank you|thanks) for your patience while
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
        (you|case|call|chat|request|conversation|ticket|inquiry|issue|matter|file|complaint|concern) (are|is|has been|have been|will be|was|gets) (now|being)* (transferred|handed over|handed|connected|escalated|passed on|passed|put through|routed|passed over|referred|forwarded|redirected)
        <human> (needs to|has to|must|will have to|would have to|is needed to) (answer|look|decide|approve|handle|review|check|take|sign|assess|deal)
        <who> (will|am|are|shall)* (get|getting|fetch|fetching|call|calling|bring|bringing) (a|an|our|my|the|one of our|in|you)* .. <human> (for you|on the|to|in|into|over|now)
        <who> (would|will|am going to|want to|have to)* (rather|better|prefer to)* (have|let|ask|get) (a|an|my|our|the|one of our) .. <human> .. (look|check|review|handle|answer|decide|take|see|help)
        (get|find|fetch|bring) (someone|somebody) (who|to|that|from|for)
        (put|putting|patching|patch) you (through|in touch|on to|over)
        (talk|speak) to (a human|a real|somebody|someone|a colleague|an agent)
        (raise|raising|raised|discuss|discussing|take|taking) (this|it|that|your case) (up)? with (my|our|a|the) .. (<human>|lead)
        (get|bring|pull|loop|have) (a|an|my|our|the|in|someone)* .. <human> .. (involved|in on this|on board|into this|in)
        (opened|raised|created|logged|opening|raising) .. (ticket|case) (with|for|to) (the|our) .. (line|team|department|colleagues|specialists|desk)
        ^ (transferring|escalating|forwarding|connecting)
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
}

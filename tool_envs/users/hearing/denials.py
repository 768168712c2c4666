"""How service agents say no, and what only sounds like it, as wordings by what they do; see
:mod:`verl_agentic.tool_envs.users.hearing.words.wording`."""

from __future__ import annotations

DENIALS = {
    # A denial.
    "refusal": """
        <who> (am|are|was|were|really|therefore|simply|unfortunately|still|also|just|sadly|regrettably|currently
            |honestly|truly|hence|thus|then|even)* (cannot|can not|could not|can no longer|could no longer|will not
            |would not|do not|may not|must not|did not|should not) !(see|find|locate|need|want|have any|know|think
            |believe|wait|require|thank|agree more|tell you how|mean|mind|recognize|recognise|doubt|match|expect
            |foresee|charge|stress|forget|read|open|imagine|load|verify|identify|access|complete|see|pull|have the
            |have a record)
        <who> (am|are) (not|no longer|never) (able|allowed|permitted|authorized|authorised|in a position
            |in the position|supposed|going to|the right|empowered|at liberty|prepared|willing) !(to (find|locate
            |see|verify|identify|access|match|pull|load))
        <who> (am|are|was|were) <adv>? unable (to|,) !(find|locate|see|verify|identify|access|match|pull|load)
        <who> do not <adv>? (have the|have any|have a|offer|allow|permit|do|cover|accept|provide|give|hand|grant
            |keep|take|make|refund|support|pay|issue|run|deliver|ship|see a way)
        <who> (have|had) to (decline|refuse|reject|deny|say no|disappoint|turn|leave it|leave your|leave the
            |keep it)
        <who> (must|will have to|need to|am going to have to|are going to have to|would have to
            |regret that i have to|am afraid i have to) (decline|refuse|reject|deny|say no|disappoint|turn|leave)
        <who> (refuse|decline|reject|deny|declined|rejected|denied|refused) (your|the|this|it|to)
        (prevent|prevents|bar|bars|forbid|forbids|prohibit|prohibits|preclude|restrict
            |restricts) (me|us|you|customers|guests|members|that|it|this|changes|refunds) (from)?
        (keep|keeps|stop|stops) (me|us|you|customers|guests|members|that|it|this|changes|refunds) from
        <who> (must|have to|need to|can only) (stick|adhere|comply|follow|keep|abide|go by|hold) (to|with|by|the)
        (bound by|obliged to !(ask|check|verify)|blacked out|off limits|not up to me)
        (are|is) (all)? (booked|full|taken|busy|reserved) (until|till|through|up to|at that|on that|that)
        (outside|beyond) (of)? (the|our|your|my|what|working|office)
        (that|this|which) one is (already|unfortunately|sadly)? (gone|sold|taken)
        (price|offer|deal|sale|promotion|discount|voucher|campaign|code) .. (is|was|has|are) (now|already
            |been)? (gone|over|expired|withdrawn|ended|closed)
        <who> have no (authority|permission|permissions|access to|way|possibility|influence|option|power|means
            |choice|say|room|right|discretion|rights|leeway)
        (cannot|can not|could not|may not|can no longer|will no longer|will not) <adv>? be !(found|located|verified
            |loaded|charged|long|seen|affected|a problem|needed|necessary|disappointed|identified|matched|opened
            |opened without|processed without|the problem|any|an issue|shown|displayed)
        (cannot|can not|can no longer) <adv>? (cancel|refund|book|change|accept|allow|offer|provide|accommodate
            |honor|honour|guarantee|override|bypass|fulfil|fulfill|extend|waive|grant|approve|issue|exchange|return
            |do|go|act|process|make|give|help|assist|stop|remove|comment|pay|take|get|send|move|split|combine
            |transfer|reset|let|promise)
        (is|are|was|were|be|been|being|,|it|that|this|and|but|therefore|thus) <adv>? (not|neither
            |no longer) <adv>? (be)? (refundable|exchangeable|transferable|negotiable|returnable|cancellable
            |cancelable|changeable|possible|permitted|allowed|eligible|entitled|covered|provided for|accepted
            |available|valid|met|sufficient|due|insured|applicable|offered|admitted|issued|granted|made|carried out
            |in a position|an option|included in|feasible|enough|part of|within|an exception|authorized|open|free
            |something|among|one of|meant|intended|payable|owed|fulfilled|qualified|supported|approved|paid
            |reimbursed|compensated|doable|permissible|foreseen|justified|refunded|extendable|eligible for|up to me
            |in my|our responsibility|subject to)
        not (refundable|exchangeable|transferable|negotiable|returnable|eligible|entitled|possible|permitted
            |allowed|covered|available) !(yet)
        non (refundable|exchangeable|transferable|returnable|changeable|cancellable|cancelable|negotiable)
        (nonrefundable|nontransferable|nonreturnable|nonchangeable)
        (ineligible|impossible|inadmissible|prohibited|forbidden|unfeasible|disqualified|disqualifies|precludes
            |rules out|prevents)
        (is|are|was|were|been|be|gets|got|status|result|:|=|remains) <adv>? "? (declined|refused|rejected|denied
            |turned down|disallowed|barred|ruled out|blocked for|not approved)
        (request|claim|refund|exchange|application|return|extension|change|appeal) (is|was|has been)? (declined
            |refused|rejected|denied)
        (it|that|this|policy|rules|terms|system|fare|contract|agreement|conditions|tariff|plan|warranty|insurance
            |and|but|which|they) (also|simply|really|unfortunately|only)? (does|do|would|will|can|could|did|has
            |is) not <adv>? (allow|permit|offer|cover|accept|provide|include|support|apply|qualify|grant|give
            |refund|exchange|entitle|count|let|extend|foresee|leave|meet|fall|belong|reach|lie|exist|work out|make
            |contain|come)
        (does|do) not <adv>? (qualify|apply|allow|permit|cover|include|count|entitle|meet|extend to|provide for
            |fall under|fall within|belong)
        (repair|it|that|this|delivery|change) (will|would) not (happen|be|take place|work|arrive)
        (out of the question|hands are tied|no exception|no exceptions|no way|no option|no possibility|no go
            |off the table|out of reach|no can do|no chance|beyond my|beyond our|nothing i can|nothing we can
            |not much i can|no room for)
        (against|contrary to|in breach of|would violate|violates|violate) (our|the|company|my|your|this) .. (policy
            |policies|rules|regulations|terms|guidelines|conditions|law)
        beyond (what|my|our)
        too late (to|for|now)
        (outside|beyond|past|over|above|exceeds|exceed|exceeded|exceeding|after) (of)? (the|our|your|my|all
            |what) .. (policy|window|period|deadline|scope|limit|authority|authorization|control|term|competence
            |powers|remit|allowance|cap|maximum|return)
        (i am|we are) (afraid|sorry|very sorry|so sorry) ,? (but)? (not|no|this|that|we|it|there|the|your|you|our
            |they|because|only) !(sorry|hear|trouble|for)
        (window|period|deadline|time|term|offer|limit|warranty|policy|grace period|right|guarantee|date) .. (has
            |have|had|is|was) (already|now|long|since|unfortunately)? (expired|passed|lapsed|closed|ended|elapsed
            |run out|over|exceeded|up|missed)
        (expired|lapsed|closed|ended|ran out|run out) (on|in|at|yesterday|last|since|before|after|ago|two|three|a
            |by) !(your)
        (has|have) (already|now|long|since|unfortunately)? (expired|lapsed|elapsed|run out|reached its limit
            |reached the|reached your|used up)
        as an (ai|artificial)
        <who> (do not|cannot|am not) .. (ability|able|capable|capability)
        (and|but|so|is|sorry|still) ,? no (,|:|but)
        (is|remains|still|stays) (a|still)? no
        (it|that|this|one|one's|is) a no (from|for|,|;|,)?
        (must|have to|has to|need to|needs to|only) .. (in person|at the counter|at a branch|in writing|in store)
        <deal> (is|are) (currently|generally|now)? (blocked|suspended|closed|disabled|off)
        ^ no , (i|we|that|this|it|there|the|your|you|not|unfortunately|sorry)
        (the|my|our) (answer|decision) (is|has|remains|stays|stands)
        (decision|fine|fee|charge|charges|price|rule|refusal|it) (still)? (stands|remains|stays|is final)
        (no|zero|without) .. <deal> (is|are|can|will|for|on|in|at|free|available|granted|left|possible|before|could
            |under|with|to|has|have|from|due|after|within|unless)
        there (is|are|was|were|will be) (simply|unfortunately|currently|really|just|sadly)? (no|none|not|never) (a
            |any|more)? !(charge|charges|fee|fees|cost|problem|problems|need|rush|hurry|worries|issue|issues|outage
            |outages|unpaid|penalty|change fee|doubt|extra|additional|further|limit|hidden|error|errors|known)
        none (of|left|is|are|available|free)
        (did|does|will|would|has|have) not (work out|worked out|pan out)
        (reserved|booked|taken|allocated|held) (for|by) (another|other|others|somebody|someone|a different|members)
        (non|no longer) (offer|offered|available|possible|sold|valid|eligible|sell|accept|accepted|do|provide|honor
            |honour|support|supported|participate)
        (never|nobody|no one) (can|could|is|are|may|will) .. (allowed|able|permitted|grant|change|override|waive)
        (fall|falls|fell|lie|lies) (outside|under the exclusion|short of)
        (unavailable|unable to (help|refund|cancel|change|offer|process|accept|do|make|approve|extend|issue|waive
            |provide|book|accommodate|grant))
        (not|never) (what|the answer|the news|good news) (you|i|we)? (were|had|hoped|wanted|are)
        wish i (had|could)
        (would|will) have to (go back|be made|pay|buy|wait|come|apply|order|contact|stay|remain|ask|speak|turn
            |visit)
        (fully|completely|all|already) (booked|full|taken|sold out)
        (sold out|out of stock)
        (is|are|was|were|been) <adv>? (excluded|exempt|ineligible|void|voided)
        (denied|declined|rejected)
    """,
    # A limit of what is possible, from which a denial follows.
    "limit": """
        (only|solely|exclusively|merely) .. (available|possible|permitted|allowed|offered|granted|paid|valid
            |accepted|if|when|until|within|after|with|once|apply|applies|refundable|admit|by the|by a|customers
            |members|changed|cancelled|mornings)
        (granted|paid|possible|available|permitted|allowed|offered|accepted|changed|apply|applies|admit
            |covered) (only|solely|exclusively)
        (is|are|was|were|has been|have been) (limited|restricted|reserved|fully booked|full|too|mandatory|final
            |kept|required to be|capped|suspended|fixed|tied|bound|non|overdue|not)
        (must|have to|has to|had to|need to|needs to|should have) (be|been)? (handed in|reported|approved|requested
            |made|submitted|filed|raised|returned|cancelled|claimed|given|announced|booked|received|bought|ordered
            |activated) ... (within|before|by|from|until|at least|no later|in order)
        (need|needs|must|have|has) to (be|go|come|run) ... (through|via|by|within|from|there|portal|seller|bank
            |airline|doctor|shop)
        (within|up to|at least|no later than|not later than|more than|less than|fewer than|under|minimum of
            |maximum of) .. (days|hours|weeks|months|day|hour|week|month|years|miles) (of|before|after|from|prior
            |notice)
        (too) (late|early|long|old|far|many|little|soon|short|close|high|low)
        (minimum|maximum|deadline|cutoff|cut off|waiting list|grace period|notice period|quota|blackout)
        (the|our|your|next) (earliest|next|first) .. (is|would be|remains|available|free|possible|appointment|slot
            |date)
        (remains|remain|stays|stay) (in place|unchanged|as it is|the same|due|payable|where)
        (was|were|been|is|are) ... (correctly|legitimate|justified|legitimately|rightly)
        (please|you will have to|you would have to|you need to|you have to|you must|you should|you may want to
            |kindly|you could|you can|you may) .. (contact|speak|talk|turn|reach|visit|consult|apply|take|ask|go
            |get in touch) (to|with|out|the|your|our|a|directly|him|her|them|in|there|it up|through|back to|via)
        (you|one) would (need|have) to (speak|contact|talk|go|turn|ask|call|see|write|apply|wait|pay|buy|come|bring
            |book)
        (unfortunately|regrettably|sadly|regret)
        (i am|we are) (really|very|so|truly|terribly)? (sorry|afraid)
        (my|our|sincere) apologies
        (starts|start|begins|begin|applies|apply) (from|at|only|after|above)
        (excluded|excludes|exclude|exclusion|restriction|restrictions|reserved for|suspended|limited to|once per
            |one per|exempt)
        (once|twice) (a|per|every|in) (year|month|day|week|lifetime|contract)
        (our|the|company) (policy|rules|terms|regulations|guidelines|conditions) (reads|says|states|require
            |requires|is that|are that)
        (unless|except|provided that|as long as|on condition)
        (bad news|not good news|hoped for|hoping for|not the answer)
        (has to|must|will|have to|needs to) (stay|remain)
        (in line with|in accordance with|as per|pursuant to|under) (our|the|your) .. (terms|policy|contract|rules
            |conditions|fare|agreement|regulations|tariff)
        would (need|have) to .. (ahead|before|in advance|earlier|at least|by|within)
        would have had to
        (charge|charges|fee|bill|amount|invoice|fine|price|calculation|deduction) (is|are|was|were) (correct|right
            |valid|justified|legitimate|in order|as agreed)
        only (the|a|an) .. (may|can|is allowed|are allowed|has|is able)
        (is|are|remain|remains) (confidential|non negotiable|off limits|suspended|restricted)
        ^ only (the|a|an|those|members|customers|guests|people|passengers|students|employees|account|one|two
            |tickets|items|orders)
        (applies|apply|valid|available|possible|granted|open|may|can|sold|paid) ... only !(need|take|takes|have to)
        (falls|fall|comes|come) under
        (advise|recommend) against
        (used|sold|bought|purchased|paid) (up|by|with|through|from|as|in|via) .. (a|an|third|another|other|points
            |voucher|portal)
        instead of
        (is|are) treated as
        (exclusively|solely)
        (close|closes|end|ends|expire|expires|stop|stops) .. (before|prior to|after) (the|your|departure|arrival|it)
        (days|hours|weeks|months) (before|prior to) (the|your|departure|arrival)
        (waiting|notice|minimum|probation|blocking|grace|lock in|commitment) (period|term|time|stay)
        (your|the) .. (has to|must|needs to|would have to|will have to) (approve|agree|sign|request|apply|prescribe
            |authorise|authorize|decide|release|confirm)
        you are (on|at|over|past|beyond) (day|number|your|the limit)
        (is|are) the (rule|rules)
        (have|has|are|is) all (been)? (given|taken|sold|booked|gone|used|assigned|allocated|filled)
        the rule (is|says|applies|states)
        already (away|taken|booked|gone|used|reserved|occupied|in use|left|shipped|closed|expired|been used)
        (is|are) taken (in|on|for|at|by|until|already|,)
        (another|other|next|different) (driver|customer|guest|member|reader|tenant|patient|person|passenger|student
            |party|booking)
        you will (need|have) to (bring|return|pay|wait|come|keep|buy|go|apply|contact|ask|fetch|collect)
        (both|all|they|charges|fees|figures|amounts) .. (is|are) (right|correct|valid|in order|justified)
        nothing (to|for me to|that i can|we can|i can) (refund|return|pay|correct|change|claim|do|reimburse|add
            |be done)
        (counts|count|qualifies|classed|regarded|treated|considered) as
        (belong|belongs|belonged) to (two|different|separate|another|other|someone)
        (sorry|afraid) to (say|tell|inform|disappoint)
        (can|could|would) not (go|be) (any)? (lower|higher|below|above|earlier|sooner|further)
        the (lowest|highest|most|best|earliest|latest|maximum|least) <who> (can|could|may)
        has to be (fetched|collected|returned|paid|done|made|requested|handed)
        (strict|fixed|hard) (limit|rule|rules|policy)
        (block|blocks|bar|bars|reject|rejects|exclude|excludes) (any|all|changes|refunds|such|further|the|this
            |these)
        (must|has to|have to|need to|needs to) be (at least|under|over|between|older|younger|a minimum|no more|less)
        (require|requires) .. (notice|in advance|beforehand|prior|days)
        (was|were|has been) (withdrawn|discontinued|abolished|stopped|suspended)
        (reached|hit) (its|the|your|a|our) (limit|maximum|end)
        (a fee|the fee|a charge|a penalty) .. (applies|is due|has to|must)
        (member|members|customers|people|patients|tenants|residents|children) (who|with|of|that) .. (only|only if
            |have|had|live)
    """,
    # Words of reasons and rules, where nothing else tells what a message is about.
    "reasoning": """
        (rule|rules|limit|limits|deadline|terms|condition|conditions|regulation|maximum|minimum|exception
            |quota) !(next|now|of the)
        (therefore|hence|however|unless|granted|applies)
        (because|since) (the|your|you|we|this|it|i|of|these|our)
        (which means|at least|per (person|household|order|year|day|month|account|customer|week)|so that means)
        (but|only|already|until|under|over|too) (the|a|an|your|you|we|it|it is|that|those|for|when|if|with|from
            |after|before)
        (is|are|was|were) (full|over|closed|gone|away|past|out|final|other|another|different|two)
    """,
    "negation": """
        (do|does|did|can|could|may|might|will|would|is|are|was|were|am|has|have|had|must|should|shall|cannot) (also
            |simply|really|just|unfortunately|therefore|however|still|yet|only)* not
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
        (can not|cannot|not|nothing|no|never|without|do not) (see|find|foresee|think of|imagine|have|be)? (any|a
            |the|much|further|additional|extra|own)* (problem|problems|issue|issues|trouble|obstacle|worries|worry
            |objection|objections|charge|fee|fees|cost|costs|rush|hurry|hassle|doubt|penalty|difficulties
            |difficulty|change fee|cancellation fee|debits|extra charge|limit|hidden)
        (will|would) not (be|take) (a|long|very long|much longer|more than a) (tick|moment|minute|second|sec|while
            |jiffy)?
        (cannot|could not) (wait|agree more|thank|be happier)
        ^ do not (hesitate|worry|forget|hang|close|refresh|leave|share|send|use|reply|panic|be|bring|put|pay|throw
            |open|turn|restart|switch|delete|return|disconnect)
        you (do|will|would|should|must|may) not (need|have to|be (charged|billed|affected|asked|disappointed
            |without)|lose|notice|miss|find|pay (anything|extra|more|for this)|have any|regret|even|worry)
        (do|does|did|would|will|could|might|should) not (hesitate|affect|cost you|mind|be needed|be necessary
            |be long|take long|take more|take much|hurt|matter|be affected|be any|expire|be lost|be charged
            |be billed)
        (must|should|please|and) not (put|worry|do|send|bring|pay|return|share|use|forget|close)
        needn't
        no (problem|problems|worries|need|rush|hurry|trouble|further|longer work|cost|charge|charges|extra|fee|fees
            |one else|action|matter|return of|return is|doubt|change fee|unpaid|issue|issues|outage|luck|additional
            |penalty|later than|paper|stress|questions asked|vulnerable|hidden|more than)
        not (a problem|at all|only|to worry|just|too bad|yet|sure|that|because|on our side|far|long|so|older|least
            |locked|hesitate|the cause)
        (no|nothing|not) (more|else|further|anything) (is|for|you|needed|required|to|from|left|i|we)
        (if|in case|when|should|unless|whether|because|so that|until) ... (cannot|can not|could not|not|no|nobody
            |never|nothing|no one|none)
        <who> (do not|did not|cannot|could not) (see|find|have your|have a|know|locate|need|recognise|recognize
            |want|quite|fully|understand|yet)
        why (cannot|can not|is|are|was|not|do|does)
        (would|do|could|did|does) not mind
        (cannot|can not|do not|may not|will not|did not|could not) (see|notice|feel|find) (it|them|this|that|yet
            |any)
        (old|previous|former) .. (no longer|not|void|invalid|expired|gone)
        sorry (to hear|to read|for the|about the|about your|about that|about this|again|for any|for your|that your
            |that you|it|the|you had|to read|for keeping|for that|for this|for what|you|my|we|i missed|, i|i
            |for making)
        (apologize|apologise|apologies|apology) (again|once more|sincerely)? (for|that)
        so that .. (not|never|nobody)
        (not|no) (more|later|longer) than
        only (need|missing|thing|takes|a moment|one|two|be a|have to|want|needed|a minute|required)
        (i am|we are) (really|very|so|truly|terribly|deeply)? sorry (to hear|to read|to keep|to see|for|about
            |that you|that your|you|again|to hear)
        afraid so
        (for|of) no (extra|additional)? (charge|cost)
        at no (extra|additional)? (charge|cost|fee)
        not (included in|part of) the
        without (problems|any problems|problem|delay|issues|interruption|a fee|a penalty|extra|additional|penalty
            |charge|any extra|obligation)
    """,
}

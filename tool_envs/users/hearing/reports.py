"""What service agents report, as wordings by what they do; see
:mod:`verl_agentic.tool_envs.users.hearing.words.wording`."""

from __future__ import annotations

REPORTS = {
    "done": """
        <who> <adv>? have <adv>? <adv>? (gone ahead and <adv>?)? <carried>
        <who> <adv>? have ... (and|, and|but|or) <adv>? (have|also)? <adv>? <carried>
        <who> <adv>? (cancelled|canceled|refunded|booked|rebooked|scheduled|rescheduled|updated|changed|processed
            |submitted|filed|registered|issued|sent|emailed|shipped|ordered|placed|applied|added|removed|waived
            |cleared|credited|extended|renewed|unlocked|blocked|reset|restored|fixed|resolved|solved|completed
            |approved|transferred|moved|switched|upgraded|downgraded|created|opened|arranged|lowered|reduced
            |exchanged|swapped|replaced|set up|set|put|restarted|made|did|corrected|adjusted|activated|froze|logged
            |entered|lodged) (it|that|this|the|your|a|an|them|both|two|you|all|one|and|everything|our|his|her|in
            |through|out|half|everyone|him)
        <who> <adv>? have <adv>? <adv>? !(<noted>) *ed !(to (find|reach|get|locate|see|access)|by|if|whether|into
            |at your|through your|over your)
        <who> <adv>? !(<noted>) *ed (it|that|this|your|you|them|both|everything|him|her) !(to (check|see|find)
            |and found|but)
        <who> just <adv>? !(<noted>) *ed (it|that|this|the|your|a|an|you|them|both|everything|all|another|two|one)
        <who> (have)? (found|got|gave|given|put|sent|made|set|cut|taken|undone|redone|rewritten|written|split
            |let) you (a|an|the|on|in|down|through|another|one|two|up|back|both|onto)
        (has|have) <adv>? been <adv>? (bought|sold|sent|put|taken|given|cut|drawn|withdrawn|written|rewritten|chosen
            |brought|lent|undone|redone|split|struck|hidden|laid|rung) !(by|as|into account)
        you now have
        (booking|contract|policy|order|account|profile|registration|reservation) .. now (has|is|includes|covers|belongs)
        you are (now *ing|*ing ... now)
        ^ ready (on|tomorrow|today|at|from|for|by|in)
        works again
        (is|are) (stable|fine|back|working|ok|green|up|online|normal|available|active) again
        <who> <adv>? have <adv>? (taken|put|given|cut|split|drawn|thrown|brought|written|let|struck|swept|built
            |found|left) !(a look|note|notes|into|some|over your|that|out that) (the|your|it|them|that|you|both|a
            |all) ... (off|out|in|on|back|through|up|down|away|to|over|into|onto|with)
        (is|are) (off|back on|on) (your|the) (card|account|bill|file|statement|record|invoice|credit)
        (is|are) (going|coming|headed|heading|on the way) back (to|into|on) (your|the|you)
        (is|are) (open|active|live|closed|valid|booked|unlocked|set|free|registered|confirmed) now
        (is|are|now) on file
        that is your .. (on file|in|done|booked|sorted|through|submitted|secured)
        (is|are) (reserved|set aside|held|kept|secured|yours|waiting) (for you|at|in|from|until|under)
        (is|are) (all|now)? (arranged|secured|safe|squared away|wrapped up|good)
        (is|are) (on|off) (for|the) !(phone|line|case|way to the|other hand)
        now (goes|runs|starts|begins|comes|belongs|includes|covers|leaves|ends)
        (kicks|comes|goes) (in|into effect|into force|live) (today|tomorrow|on|from|with|at|now|next)?
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
        (has|have) <adv>? <adv>? been <adv>? <adv>? (<carried>|taken care of|sorted out|completed|successful|made
            |done)
        (is|are) (now|all|already|hereby|officially|successfully|fully) <adv>? (<carried>|active|complete|confirmed
            |set|in place|live|valid|open|closed|running|back|ready|on|off|up|in the|effective|working|sorted
            |in our|in effect|good|available to you|under|done|yours|free of|again|green|unlocked)
        (was|were|went|has gone) <adv>? (successful|successfully|through|fine|well|smoothly)
        (is|are) in your (inbox|email|mail|account|calendar|app|post|basket|folder|mailbox)
        (is|are) in !(the|a|an|our|your|my|this|that|good|line|charge|front|touch|contact|danger|stock|use|force
            |case|need|another|one)
        (is|are) (complete|completed|done|booked|through|submitted|placed|cancelled|canceled|confirmed|scheduled
            |live|all set|in the system|on its way|on their way|on the way|on your way|finished|registered
            |successful|resolved|fixed !(in|to|at)|sorted|reset|extended|renewed|refunded|filed|updated|booked in
            |active|exchanged|swapped|approved|ordered|set for|set up|activated|unlocked|sent|processed|back on
            |back in|back up|back online|arranged|issued|up and running|good to go|reserved for you|yours|enrolled
            |lodged|logged) !(by|after|within|only|if|when|until|because|as|for another|to other|in order)
        you are (all|now|officially|already|also)? (set|done|good to go|good|booked|confirmed|registered|enrolled
            |enroled|sorted|covered|booked in|signed|on the list|in for|subscribed|checked in|going to|down for
            |insured) !(about|what|why|as|for the|enough|by|in|that|to hear|right)
        you are (all|now|officially|already|also)? (good to go|sorted|booked in|booked|all set|in business)
        you (now|already)? have (now|already)? (an|a|the|your) .. (appointment|booking|reservation|seat|slot|place
            |permit|ticket|subscription|table) .. (now|on|for|at)
        that is you (sorted|done|all|booked|in)
        (is|are) in the (diary|calendar|book|books|schedule|system|queue for)
        (has|have) <adv>? !(<noted>) *ed (it|this|your) !(by|with|to be)
        that is (taken|sorted|done|it done|booked|all done|all set|been)
        (she|he|they) (is|are) (on|in|now) the (list|system|class)
        (consider|all) (it|that|set|done|sorted|booked|good|fixed|cancelled|finished|changed|taken)
        (it|that|this|everything|all|both|job) (is|has|are|have)? (now|all|been|already|both)? (done|taken care of
            |sorted|settled|arranged|in order|in place|completed|fixed|finished|set|set up|ready|cleared)
        ^ done !(so|if|when|by|before|until)
        taken care of
        (went|gone|goes|come|came|gets|got) (through|ahead|live) (with|without|successfully|fine|to|now|today|this
            |on)?
        ^ (cancelled|canceled|refunded|booked|rebooked|scheduled|rescheduled|updated|changed|processed|submitted
            |filed|registered|issued|sent|shipped|ordered|placed|applied|added|removed|waived|cleared|credited
            |extended|renewed|activated|unlocked|blocked|reset|restored|fixed|resolved|solved|completed|approved
            |transferred|switched|upgraded|downgraded|created|opened|exchanged|swapped|requested|confirmed|sorted
            |closed|frozen|logged|paid|found it|corrected|enrolled|replaced) (successfully|for you|as requested
            |as you|without|with|for|on|now|!|and|you|in|to|at|by|today|with immediate|number|under)
        successfully <carried>
        <carried> successfully
        (success|voila|boom|ta da|hooray|tada)
        good to go
        your .. now (shows|reflects|includes|reads|runs|starts|ends|has|lists)
        (is|are) <adv>? (back|up) (on|in|and|online|to normal)
        (is|are) (on|in) (the|our) (system|books|post|mail)
        (on|is on|are on) (its|their|your) way
        (you should|should) (now|soon|shortly|then|also)? (receive|get|see|find|have|be with you|be in|arrive|land
            |reach|show) ... (confirmation|email|mail|text|sms|letter|label|notification|receipt|money|refund
            |credit|inbox|statement|account|post|copy|update|ticket|soon|shortly|days|friday|tomorrow|minutes)
        (is|are|be) (waiting|ready) for (you|pickup|collection)
        should be (waiting|back|fixed|working|with you|gone|fine|able|visible|there|up)
        (should|will) .. (connect|work|be fine|be back|be working|be able|reconnect) (now|again|fine)
        (nothing|no further|no more|nothing more) (more|else|further|action|steps)? (is|are|that)? (for you to do|needed
            |you need to|you have to|required|to do|left to do|from your side|on your side|needed from)
        (your|the)? (confirmation|reference|booking|case|ticket|claim|job|request|order|tracking|reservation|permit
            |application|dispute|registration|rma|incident) (number|no|id|reference|code) (is|:|=)
        (here is|this is|here are|attached is) your (confirmation|receipt|new|label|ticket|booking)
        status (is|:|of|now|=|changed to|,|to)* "? (submitted|approved|completed|done|success|confirmed|cancelled
            |booked|active|closed|pending|sent)
        (refund|exchange|cancellation|booking|order|return|change|transfer|dispute|claim|request|application
            |reservation|redelivery|appointment|permit|refill|extension|payment) (completed|confirmed|submitted
            |filed|done|created|processed|approved|placed|made|booked|opened|issued|successful|sent|registered
            |ordered|accepted|activated)
        (mission accomplished|job done|all yours|case closed|happy days)
        (has|have) (now|already|also)? (gone|started|begun|taken effect|come through|gone out|gone through
            |shipped) !(by|on from)
        as (requested|you wished|you asked|promised|agreed) ,
        no longer (owe|have to pay|charged|need to pay)
        (takes|take) effect
    """,
    # What will come of it.
    "result": """
        (is|are) now !(being|loading|running|processing|closed|with|not|no|checking|on hold|too|a|an|only|necessary
            |needed|required|open)
        (went|gone|goes) out
        (has|have|just|already)* (leaves|left|leave) (our|the|my) (account|warehouse|depot|house|building|office|shop
            |store|kitchen|pharmacy)
        (is|are) (now)? with (mr|ms|mrs|dr|our|the|your) .. (now|for)?
        <who> will (bring|deliver|collect|pick up|send|drop|come) (it|you|them|by|the) (on|to|tomorrow|up|back
            |between|off|label|new|confirmation)
        you (can|may|get to)? keep (the|your|it|all|both)
        you can (now|already)? (collect|pick|use|log|find|download|see|go|start|fly|come|track|view|access|enjoy
            |keep) (it|up|in|the|your|on|them|ahead|this|a)
        (active|valid|effective|live) (from|as of|starting|since|until) (today|now|tomorrow|on|the)?
        you (will|are) (not|no longer) be? (billed|charged|debited|invoiced)
        (ends|starts|begins|runs|stops|applies|continues) (on|from|until|at|as of|with|today|tomorrow|immediately)
        (has|have) (changed|switched|moved|dropped|gone) (to|over|from|on|up|down|back)
        (you will|will) (now|soon|shortly|then|also)? (receive|get|see|find|have|be with you|be in|arrive|land
            |reach|show) ... (confirmation|email|mail|text|sms|letter|label|notification|receipt|money|refund
            |credit|inbox|statement|account|post|copy|update|ticket|soon|shortly|days|friday|tomorrow|minutes)
        (will be|is being) (paid|credited|refunded|shipped|delivered|sent|returned|picked up|collected|mailed
            |debited|charged|active|valid) (out|to|back|with|on|within|in|by|today|tomorrow|from|at|until|under)
        (will|is going to|are going to) (change|move|start|end|begin|reach|arrive|switch|stop|renew|come|go) (to|on
            |at|from|with|in|your|by|into|back|out) !(we|check)
    """,
    # Something was done, at some time and by somebody.
    "past": """
        (was|were) <adv>? <adv>? <carried>
        (is|are) <carried>
        ^ <carried>
        (your|the) (new|old) .. (is|will|shows|arrives|runs)
        (valid|effective) (from|until|till|as of|for|in|on)
    """,
    "closing": """
        (see|meet) you (then|on|in|at|there|soon|tomorrow|<day>)
        (anything|something|is there anything|nothing) (else|more|further) (i|we|you|that|is|on|to|for|can|before
            |today|,|about|at|in)?
        (any|other|further|more|additional|another) (other|further|more|additional)? (questions|question|requests
            |concerns|wish|wishes|assistance|help|matters|topics|queries|inquiries|support)
        (be|of) (of)? (any|some)? (further|additional|more|other) (assistance|help|service)
        (have (a|an)|(enjoy|wish you|wishing you) (a|an|your|the|you)) (very|really|so)? (nice|great|good|wonderful
            |lovely
            |pleasant|safe|fantastic|beautiful|happy|relaxing|super|rest|day|evening|weekend|stay|trip|flight
            |meeting|time|holiday|holidays|ride|show|new|smooth|speedy|best|one|peaceful|fine|night|morning
            |afternoon|productive)
        (enjoy|goodbye|bye|farewell|cheers|ciao|cheerio)
        (take|good) (care|luck)
        you are (very|most|always|more than)? welcome
        (my|our|a) pleasure
        (happy|glad|pleased|delighted|nice|great|wonderful|good) (to have|i could|we could|to be able to have
            |that i could|that we could|that it works|it works|it is working|that it is|i was able|to hear
            |to have been|we got|we sorted|talking|chatting|that everything)
        (drive|travel|fly|ride|stay|sleep) (safe|safely|well|healthy|carefully)
        (shout|call|write|holler|yell|ring|ping) (us|me)? (if|when|whenever|should)
        ^ happy *ing
        (thank you|thanks) (so much|very much|a lot|again|once again)? for *ing (with|by|at|through|us|our|from)
        (thank you|thanks) (so much|very much|a lot|again|once again)? for (choosing
            |using|chatting|shopping|being|your (loyalty|business|time|trust|visit
            |feedback)|flying|travelling|banking|staying|stopping)
        (feel free|do not hesitate|please do not hesitate) to (ask|contact|reach|write|message|get|let|come|call)
        <who> (am|are|will be|remain|will always be) (always|still)? (here|available|around|there|at your) (if|for
            |whenever|should|disposal)
        (reach|get|write|come) (out|back|in)? (to)? (us|me) (any|again|at any|if|whenever)
        (that|this) (is|was|will be|would be) (all|everything) (for|today|you|i|from|then|,)?
        (that|this) (is|was|will be|would be) it (for|today|from|then)
        (have|hope|we hope|i hope) (this|that|it|everything|you|to) (helps|helped|see|was|works|have|had|enjoy|goes
            |serve|hear)
        (we|i) (look|are looking|am looking) forward to
        looking forward
        (we are|we would be|then we are|i would say we are|i think we are) (finished|done|through|all done|set|good)
        (what else|how else)
        (safe|happy|rock|all the|best|kind|warm|get well|see you|until|speak|talk) (travels|on|best|wishes|regards
            |soon|travel|holidays|journey|next time|later)
        (anything|something) (that)? (needs|you need|you would like|i can|we can|we could|i could|you want|to add)
        (until next time|bon voyage|safe travels)
        so long
        let (me|us) know how (it|this|things|everything)
        if you (change|should change) your mind
        (have|having) fun
        <who> will (now|then|just)? close (the|this|your) (chat|ticket|case|conversation|session|request)
        you will be (glad|happy|pleased) to (hear|know) !(that)
        if (there is|that is|you have) (nothing|no more|no further|no other|anything|any) (else|more|further|other)?
        wish (you|him|her|them) (all|a|the|good|well|every|luck|success)
    """,
    # What may stand at the beginning as well.
    "thanks": """
        (thank you|thanks) (so much|very much|a lot|again|once again)? for (contacting|reaching|calling|getting in touch
            |getting|writing|coming|your (call|message|email|request|enquiry|inquiry|interest))
    """,
    # Who the agent is, and that it is willing.
    "welcome": """
        welcome (to|back)
        (how|what) (can|may|could|should|shall) <who> (be of|help|assist|do for|do to|make your)
        <who> (am|are|would be|will be) (very|so|more than|always|really|also|only too)* (happy|glad|here|ready
            |delighted|pleased|available) to (help|assist|support|be of|serve|get this|sort)
        <who> (can|could|will|would) (certainly|definitely|gladly|surely|absolutely|of course|also)* (help|assist) (you
            |with)
        my name is
        <who> (am|are) (your|the) .. (assistant|agent|representative)
    """,
    "work": """
        (let|allow) (me|us) (please|just|now|quickly|first|briefly|then|also|next|quickly)* !(know|put it|be|tell
            |explain|say|clarify|remind|assure|repeat|help|walk|summarise|summarize|recap|out|introduce|confirm :
            |ask you|guide|go over|rephrase|start by saying)
        <who> (will|am going to|are going to|would now|need to|have to|must|shall|am about to|are about to|want to
            |would like to) (now|just|also|first|next|then|quickly|try to|go ahead and|start by|begin by|proceed to
            |have to|need to|immediately|therefore|further|again|briefly|have a|take a|quickly|only
            |please)* !(see you|contact you|get (back|in)|keep (you|to|it at|with)
            |go (by|with|along)|start from|ask (you|for|about|which|what|when|how)) <check>
        <who> will (now|next|first|then|just|be right|be back|be with|attach|start|continue|wait
            |see to|move on|handle)
        <who> (am|are) (now|just|currently|still|already|also|busy|in the middle of|about to
            |quickly)* !(looking forward) <checking>
        <who> (am|are) (on|at) (it|this|that|the case)
        <who> (am|are) .. (looking into|working on) (it|this|that)
        ^ (looking into|working on) (it|this|that)
        ^ (still)? on it
        with you in (a|two|one) (sec|second|minute|moment|minutes|tick|jiffy)
        (takes|take) (only|just|me|us|up to|about|around|a|one|few|some|less|no longer than|no longer|maybe|two
            |three|little|than)* (minute|minutes|second|seconds|moment|moments|while|bit|longer|sec|secs|mins|tick
            |instant)
        ^ (going|gonna|about) to <check>
        off to (check|see|look|find|ask)
        ^ (onwards|onward|on|now|next|over) to (the|your|our)
        ^ will (check|look|do|get|be right|see|find|update|verify)
        (just a|just one|just another|give me a|give me one|need a|need another|one more|bear) (few|short|brief
            |little|more|quick|couple of)* <moment> !(ago|later|early|after|before)
        (one|another|a|two|few) (few|short|brief|little|more|quick|couple of)* <moment> (please|while|, please
            |to check|as|for me|until i)
        one (moment|second|sec|minute|min) !(ago|later|early|after|before)
        moment please
        (hold|hang|bear|sit|stand) (on|with|tight|by|there|please)
        stay (with me|on the line|tuned|there|put)
        please (hold|wait|stand|bear|give|allow|stay|be patient|do not close|do not hang|remain
            |be so kind as to wait) !(.. (day|days|weeks|hours|business|working))
        (give|allow|grant|gimme) (me|us) (just|please)? (a|half|1|2|3|5|10|one|another|some|two|few|until) !(call|ring
            |hint|tip|better|copy|list|shout|name)
        ^ (wait|hang tight|brb)
        while <who> (am|are)? (<check>|<checking>|do|am|are)
        (is|are) <adv>? being (checked|processed|reviewed|looked|loaded|handled|investigated|verified|calculated
            |examined|analysed|analyzed|validated|worked|updated|created|prepared|set|searched|tested
            |transferred to the system) !(for you)
        (is|are) (now|still|just|currently) (loading|running|processing|updating|starting|restarting|syncing
            |checking|searching|working|connecting|opening)
        (is|are) (loading|running|syncing|opening|starting up|being loaded)
        ^ (trying|searching|loading|checking|looking|calculating|processing|running|verifying|thinking|testing)
        <who> .. (back|right back) (with you|to you|shortly|soon|in a)
        (will|shall) (be|come|get) (right)? back
        ^ !(concerning|regarding|during|including|following|according|depending|considering|bring|thing|spring
            |something|nothing|everything|anything|morning|evening|missing) *ing (the|your|with|whether|if|up
            |into) !(... (is|means|are|leads|costs|takes|requires|would|will|can|may|has|was|does|makes|helps|ends))
        ^ (checking|looking|verifying|searching|retrieving|pulling|loading|running|processing|reviewing|calculating
            |working|opening|resetting|fetching|accessing|querying|contacting|trying|asking|investigating) (the
            |your|this|that|it|into|at|on|for|now|a|up|if|whether|with|availability|to|our|in|all|both|about|what
            |how|when|out)
        ^ (now|next) ,? (i|we|to)? (will|am|are)? (<checking>|<check>)
        <who> will <carry> ... (now|right away|immediately|straight away|at once)
        <who> (am|are) (now|just|currently|also)* !(being|looking forward|seeing that|going to need|missing|asking
            |waiting for your|waiting for you|lacking|having trouble|having difficulty|wondering|hoping|offering
            |assuming|writing to|glad|calling|sorry|expecting|counting on|keeping our fingers|reaching out|confirming
            |afraid|required|obliged) *ing
        (your|the) request ... (being|in progress|underway)
        (thank you|thanks) for your patience while
        (mind|minding) (waiting|holding|if i put|holding on)
        (next|then|after that|first) ,? <who> (will|am|need|have|check|look|would) !(afraid|sorry|not|see you)
        (in progress|underway|in the works|in process)
        (system|it|this) is (a bit|quite|rather|very|currently)? (slow|loading|busy)
        (give|leave) it with me
        leave it with (me|us)
    """,
    # What it will tell the user some time, after what it has done as well as before.
    "promise": """
        (<who>|our team|the team|it|they|he|she|someone) (will|shall) (also|then)? (let you know|inform you|update you
            |notify you|get back|come back|keep you|report back|be back|contact you|reach out|be in touch|call you
            |send you|email you|write to you|review it|review your|process it|process your)
        (you will|we will|i will) (hear|have|get) (from me|from us|back from me|an answer|a result|back to you|it in)
        shortly
    """,
    # The next thing that the agent does itself.
    "step": """
        <who> (now|then|first)? (check|compare|look|search|verify|calculate|investigate) (now|the|your|if|whether)
        <who> will (now|then|next|go ahead and|just|also|first|therefore|gladly|immediately)* <carry>
        <who> (am|are) (going to|about to) (now|then|also)* <carry>
        (now|next) , <who> will
    """,
    "finding": """
        <who> (can|could|also|already|now)* (see|found|located|find|pulled up|got) (that|your|the|a|an|in|two|three
            |one|several|it|you|here)
        <who> have <adv>? (found|located|noted|received|got|checked|verified|retrieved|reviewed|pulled|identified
            |looked|seen|saved|taken|prepared|your|now|everything|all)
        (according to|based on|looking at) (our|the|your|my)
        (match|matches|verified|found|located)
        (your|the) .. (shows|is listed|is registered|was delivered|was booked|matches|is active|was placed
            |runs until|renews)
    """,
}

"""Classes that wordings are made of (:mod:`verl_agentic.tool_envs.users.hearing.words.wording`), and synonyms."""

from __future__ import annotations


def word_set(text: str) -> frozenset[str]:
    """Words that are written with blanks between them."""
    return frozenset(text.split())


# One thing by several names; the first is the one that stands for it.
ALIKE = {
    "birthdate": "date of birth|birth date|dob|d.o.b|birthday",
    "postcode": "zip code|postal code|post code|zip|zipcode|postcodes",
    "surname": "last name|family name",
    "name": "full name|first name",
    "phone": "telephone|mobile phone|mobile|cell phone|cellphone",
    "email": "mail address|email address|emails",
    "username": "user name",
    "number": "no|nr|#|id|identifier|identification number|id number",
    "plate": "number plate|licence plate|license plate",
    "color": "colour",
    "neighbor": "neighbour",
    "authorized": "authorised",
    "license": "licence",
    "check": "cheque",
    "there": "with them|at that bank|with that bank|over there",
}

CLASSES = {
    "adv": (
        "now just already also successfully still only first finally kindly then gladly hereby simply really"
        " currently actually please both therefore automatically recently immediately manually officially formally"
        " duly fully properly quickly right_away unfortunately sadly regrettably however again once_more instead"
        " even always usually generally normally subsequently promptly hence so thus accordingly safely correctly"
        " too"
    ),
    "it": "it this that everything all these those them one both",
    "the": "the a an your this that these those our any my its their his her another one two both all each no",
    # What carries out a request.
    "carried": (
        "cancelled canceled refunded booked rebooked scheduled rescheduled updated changed processed submitted"
        " filed registered issued sent emailed mailed shipped dispatched ordered placed applied added removed"
        " waived cleared credited extended renewed activated deactivated reactivated unlocked unblocked blocked"
        " frozen locked reset signed restored fixed resolved solved completed finalized finalised approved transferred"
        " moved switched upgraded downgraded created arranged requested logged lowered reduced raised increased"
        " exchanged swapped replaced enrolled enroled installed pushed synced synchronized marked paid reversed"
        " deleted set_up signed_up put_in put_through put_down booked_in checked_in sorted handled settled executed"
        " implemented published corrected adjusted amended modified terminated ended suspended paused stopped"
        " initiated started triggered generated disabled enabled linked unlinked merged converted redeemed assigned"
        " allocated forwarded_your_request subscribed unsubscribed charged debited deducted posted saved lodged"
        " launched accepted restarted rebooted taken_care_of taken_off put_you_down put_back sent_back sent_off"
        " sent_out turned_on turned_off switched_on switched_off carried_out secured confirmed provisioned"
        " reinstated written_off reissued resent redirected rerouted topped_up refilled opened_a opened_the"
        " opened_your reserved_your reserved_a reserved_the recorded_your renewed_it opened reserved recorded"
        " entered reported scheduled_you noted_your_new flagged raised_a filed_away returned_your upgraded_you"
        " refunded_you got_you given_you booked_you put_you put_your moved_your made_the made_your put"
        " made_an_exception made_a done_it done_that done_this done set reconnected cleaned_up patched granted"
        " ported"
    ),
    "carry": (
        "cancel refund book rebook schedule reschedule update change process submit file register issue send email"
        " mail ship order place apply add remove waive clear credit extend renew activate deactivate unlock unblock"
        " block freeze lock reset restore fix resolve complete finalize finalise approve transfer move switch"
        " upgrade downgrade create open arrange request record log lower reduce raise exchange swap replace enrol"
        " enroll install push sync mark pay reverse delete set_up sign put end stop start initiate proceed go make"
        " do enter adjust amend modify terminate reserve hold grant offer give get return redirect confirm carry"
        " take deliver use charge close continue execute assign finish run connect try forward pass have force"
        " settle release note provide write restart accept cover honor honour split backdate correct post debit"
    ),
    "check": (
        "check look verify see review find search investigate pull retrieve access examine consult look_up"
        " take_a_look have_a_look double_check make_sure go_over go_through analyze analyse calculate work figure"
        " load fetch read query gather get ask determine locate dig test inspect run scan compare validate start"
        " begin try take note attach enter process prepare register update keep contact confirm_whether confirm_if"
        " think discuss do_a do_some sort go see_whether open create submit cancel book send_the"
        " proceed"
    ),
    "checking": (
        "checking looking verifying reviewing searching investigating pulling retrieving accessing examining"
        " consulting loading fetching reading querying gathering getting asking calculating working locating"
        " testing inspecting running scanning comparing validating processing preparing waiting connecting entering"
        " opening trying writing updating logging digging resetting cancelling canceling refunding booking"
        " submitting creating registering contacting having taking arranging setting putting sending filing making"
        " going_to going_through going_over pinging double_checking doing filling placing typing collecting"
        " figuring seeing applying adding changing"
    ),
    "moment": "moment second minute sec min moments seconds minutes couple while bit tick mins secs jiffy",
    "fine": (
        "ok fine correct right good acceptable accurate agreeable convenient suitable all_right true alright okay"
        " what_you_want what_you_wish the_one_you_mean satisfactory in_order cool what_you_meant an_option"
        " of_interest as_you_want_it how_you_want_it as_you_wish what_you_would_like complete a_good_solution"
    ),
    "yes": "yes y ok confirm i_agree agree agreed proceed 1 accept go approve confirmed i_confirm okay",
    "human": (
        "human colleague supervisor manager specialist agent representative team department advisor adviser"
        " adjuster desk support line level colleagues specialists expert office officer partner head staff leader"
        " leaders pharmacist nurse librarian caseworker principal boss superior teammate coworker"
    ),
    "give": (
        "provide share give tell send enter specify state type write supply submit indicate include mention"
        " describe explain clarify repeat spell choose pick select complete name list show fill_in fill_out"
        " reply_with respond_with answer quote pass_on let_me_have drop email message text state_again say remind"
    ),
    "day": "monday tuesday wednesday thursday friday saturday sunday tomorrow today tonight",
    # What only prepares, or happens in the agent's head.
    "noted": (
        "checked reviewed looked noted received verified located tried asked contacted searched identified"
        " retrieved considered prepared drafted calculated compared consulted discussed noticed pulled loaded"
        " accessed gathered tested inspected examined investigated determined concluded decided explained mentioned"
        " listed called needed wanted wished hoped apologized apologised appreciated experienced reached exceeded"
        " declined denied rejected refused expired delayed used cross-checked double_checked analyzed analysed"
        " scanned queried matched confirmed_with learned learnt realized realised guessed expected assumed failed"
        " attempted worked figured wondered requested_a signed delivered left tracked traced required informed_me"
        " told started processed_already offered limited closed_for excluded reserved_for designed based supposed"
        " related attached_to allowed permitted entitled interested pleased delighted excited concerned happened"
        " lived moved_here missed stated described agreed charged_by need feed speed indeed bed red shed wed embed"
        " exceed proceed succeed read"
    ),
    "who": "i we",
    "deal": (
        "refund refunds compensation exception exceptions extension reimbursement discount returns exchange"
        " exchanges cancellation delivery deliveries appointments appointment engineers slots seats places rooms"
        " vacancies replacement credit waiver upgrade changes change availability room space option options"
        " possibility chance way permit permits insurance cover coverage entitlement claim right"
    ),
}

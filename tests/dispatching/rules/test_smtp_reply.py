"""What a refusal means: only what says that the address does not work may suspend it."""

import pytest

from dispatching.rules.smtp_reply import GONE, LATER, OURS, verdict

SAID = {
    # The address.
    "550 5.1.1 <the address>: Recipient address rejected: User unknown in virtual mailbox table": GONE,
    "550-5.1.1 The email account that you tried to reach does not exist. Please try": GONE,
    "550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup": GONE,
    "550 5.4.1 Recipient address rejected: Access denied. [VE1EUR02FT059.example]": GONE,
    "556 5.1.10 the domain takes no mail": GONE,
    "550 5.1.2 the address: Recipient address rejected: Domain not found": GONE,
    "550 5.1.6 recipient no longer on server": GONE,
    "550 No such user here": GONE,
    "550 the address is unknown here: user unknown": GONE,
    "550 Requested action not taken: mailbox not found": GONE,
    "550 This account does not exist": GONE,
    "5.0.0 smtp; 550 5.1.1 unknown user": GONE,
    "5.1.1 (bad destination mailbox address)": GONE,
    # Their trouble, for now.
    "452 4.2.2 mailbox full": LATER,
    "552 5.2.2 mailbox full": LATER,
    "550 5.2.1 The user you are trying to contact is receiving mail too quickly": LATER,
    "5.4.7 smtp; 450 delivery time expired": LATER,
    "4.4.7 delivery time expired": LATER,
    "4.0.0": LATER,
    "451 try again": LATER,
    # Us, or nothing that can be told.
    "554 5.7.1 Message rejected as spam by content filtering": OURS,
    "550 5.7.1 Client host [192.0.2.1] blocked using blocklist.example": OURS,
    "550 5.7.26 this mail has been blocked because the sender is unauthenticated: DMARC": OURS,
    "550 5.1.1 the address: blocked by our policy": OURS,
    "550 5.1.8 sender address rejected: domain not found": OURS,
    "550 5.1.7 invalid sender address": OURS,
    "552 5.3.4 message too big": OURS,
    "552 5.2.3 message exceeds the limit": OURS,
    "530 5.7.0 authentication required": OURS,
    "550 requested action not taken: mailbox unavailable": OURS,
    "550 5.0.0 rejected": OURS,
    "554 delivery error: dd see http://192.5.1.1/": OURS,
    "": OURS,
}


@pytest.mark.parametrize(("words", "meaning"), SAID.items())
def test_the_words_of_a_refusal(words, meaning):
    """P10"""
    assert verdict(words) == meaning

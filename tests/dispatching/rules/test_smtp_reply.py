"""What a refusal means: only what says that the address does not work may suspend it."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dispatching.rules.smtp_reply import GONE, MAILBOX, OURS, SERVER, verdict

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
    "452 4.2.2 mailbox full": MAILBOX,
    "552 5.2.2 mailbox full": MAILBOX,
    "550 5.2.1 The user you are trying to contact is receiving mail too quickly": MAILBOX,
    "5.4.7 smtp; 450 delivery time expired": MAILBOX,
    "4.4.7 delivery time expired": MAILBOX,
    "4.0.0": MAILBOX,
    "451 try again": SERVER,
    # A bare 550 of this wording is what Outlook says of an unknown address and others of a mailbox that is shut for a while.
    "550 requested action not taken: mailbox unavailable": MAILBOX,
    "550 5.5.0 Requested action not taken: mailbox unavailable (S2017062302)": MAILBOX,
    "5.4.4 DNS; Host not found": MAILBOX,
    "4.0.0 reported by the provider": MAILBOX,
    "450 mailbox busy": MAILBOX,
    "450 4.1.1 unverified address": MAILBOX,
    # The server, for now.
    "421 4.3.2 system not accepting network messages": SERVER,
    "452 insufficient system storage": SERVER,
    "421 closing": SERVER,
    "5.3.0 smtp; 550 system trouble": SERVER,
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
    "550 5.0.0 rejected": OURS,
    "554 delivery error: dd see http://192.5.1.1/": OURS,
    "": OURS,
}


# Case 51: several codes, of which the last is what the receiving server said.
SEVERAL = {
    "5.0.0 (permanent failure) smtp; 5.1.0 - Unknown address error 550-'5.7.1 <x@y>... Access denied' (attempts: 0)": OURS,
    "5.0.0 smtp; 5.1.0 - Unknown address error 550-'5.2.2 <x@y>... Mailbox Full' (attempts: 0)": MAILBOX,
    "5.1.1 smtp; 552 5.2.2 Over quota": MAILBOX,
    "5.1.1 smtp; 550 5.1.1 mailbox over quota": MAILBOX,
    "5.1.1 smtp; 550 5.1.1 <x@y> - 203.0.113.222 has sent to too many recipients this hour.": OURS,
    "5.7.1 smtp; 550 5.1.1 user unknown": GONE,
    "4.4.7 smtp; 450 4.1.1 user unknown": MAILBOX,
    "5.0.0 smtp; 450 4.0.0 user unknown": MAILBOX,
    # Case 52: words of servers that give no code.
    '5.0.0 <192.0.2.32 #5.0.0 smtp; 550 "Unknown User">': GONE,
    "5.0.0 smtp;554 delivery error: dd This user doesn't have a y.example account (x@y.example) [0] - mta.y.example": GONE,
    "550 5.7.1 No such user!": GONE,
    "5.0.0 smtp; 550 User not exist": GONE,
    "5.0.0 smtp; 550 Host does not accept mail": GONE,
    "550 host does not accept mail from 192.0.2.1": OURS,
    "550 5.1.1. Unknown": GONE,
    # For now, and about us.
    "421 4.7.0 [TSS04] Messages from 192.0.2.1 temporarily deferred": OURS,
    "451 4.7.1 greylisted": OURS,
    "450 4.1.8 sender address rejected: domain not found": OURS,
    "550 the address: DNS look-up not found for your host": OURS,
    "it took too long": OURS,
}


@pytest.mark.parametrize(("words", "meaning"), (SAID | SEVERAL).items())
def test_the_words_of_a_refusal(words, meaning):
    """P10; cases 51 and 52"""
    assert verdict(words) == meaning


OF_AN_ADDRESS = [
    ("550 5.1.1 <{0}>: Recipient address rejected: User unknown", GONE),
    ("550 {0}: no such user", GONE),
    ("550 {0} is unknown here", GONE),
    ("450 4.2.2 <{0}> mailbox full", MAILBOX),
    ("550 5.7.1 <{0}>: message refused", OURS),
    ("550 {0} refused, see http://{1}/{0}", OURS),
    ("550 <{2}> refused by mx.{1}", OURS),
]
SPEAKING = ["spam", "blocked", "mailbox.full", "over-quota", "user.unknown", "no such user", "5.1.1", "550", "a.sender"]


@settings(max_examples=80, deadline=None)
@given(st.sampled_from(OF_AN_ADDRESS), st.sampled_from(SPEAKING), st.sampled_from(SPEAKING), st.booleans())
def test_words_in_the_address_of_a_recipient_mean_nothing(said, name, domain, upper):
    """Cases 51 to 53: whatever somebody is called."""
    (words, meaning), name, domain = said, name.replace(" ", "_"), f"{domain.replace(' ', '-').lower()}.example"
    text = words.format(f"{name}@{domain}", domain, name)
    assert verdict(text.upper() if upper else text, f"{name}@{domain}") == meaning

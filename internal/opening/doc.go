// Package opening is the machine of BOLT 2's Channel Establishment v1, from open_channel to
// funding_signed, for either side. It does no I/O: an event goes in, an ordered list of actions
// comes out. What it agrees on becomes a Channel; package channel takes over from there.
//
// The opener:   Start -> open_channel; accept_channel -> AskFunding; FundingChosen -> AskSigner;
// Signed -> funding_created; funding_signed -> Opened.
// The accepter: open_channel -> accept_channel; funding_created -> AskSigner; Signed -> Opened,
// funding_signed.
package opening

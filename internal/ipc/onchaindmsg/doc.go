// Package onchaindmsg has the messages between lightningd and the onchaind of one channel whose
// funding output is spent.
//
// lightningd's first message is Init, once. onchaind answers Started; if the commitment is revoked it
// asks for the channel's old HTLCs first:
//
//	onchaind: NeedHTLCs   lightningd: HTLCs, and again until one is marked as the last
//	onchaind: Started, then any of the reports below
//
// From then on, in the order of the chain:
//
//	lightningd                                   onchaind
//	OutputSpent   a watched output was spent     Watch, Unwatch   outputs to look for in blocks
//	NewHeight     after all of a block's spends  Claim, Unclaim   outputs to spend, or no longer
//	                                             Processed   ends what follows from a NewHeight
//	Preimages     learned elsewhere              Learned, FailedUpstream   of HTLCs that we offered
//	GiveUp        claims that cost too much      Movement, Status, Resolved
//	SignClaims    request, any time              SignClaimsReply
//
// onchaind holds nothing durable. What lightningd told it is durable at lightningd, and is told again,
// in the order of the chain, to the next onchaind: Init, each OutputSpent, the Preimages and GiveUps,
// and one NewHeight. It then says the same again: every report must be idempotent at lightningd, and
// of two outcomes of an HTLC the first that was stored stands. After a reorganisation lightningd ends
// onchaind and starts another with the new history. What goes down is what lightningd has stored; what comes up carries nothing to wait for.
//
// A Claim tells what it takes to spend one output. lightningd decides when and with what fee, builds
// the transaction, and has onchaind complete it by SignClaims.
package onchaindmsg

import "fulmen/internal/ipc"

// A request has an even number and its reply the next one; a number is never used again.
const (
	TypeInit            ipc.Type = 700
	TypeHTLCs           ipc.Type = 702
	TypeOutputSpent     ipc.Type = 704
	TypeNewHeight       ipc.Type = 706
	TypePreimages       ipc.Type = 708
	TypeGiveUp          ipc.Type = 710
	TypeSignClaims      ipc.Type = 712
	TypeSignClaimsReply ipc.Type = 713

	TypeNeedHTLCs      ipc.Type = 740
	TypeStarted        ipc.Type = 742
	TypeWatch          ipc.Type = 744
	TypeUnwatch        ipc.Type = 746
	TypeClaim          ipc.Type = 748
	TypeUnclaim        ipc.Type = 750
	TypeLearned        ipc.Type = 752
	TypeFailedUpstream ipc.Type = 754
	TypeMovement       ipc.Type = 756
	TypeStatus         ipc.Type = 758
	TypeResolved       ipc.Type = 760
	TypeProcessed      ipc.Type = 762
)

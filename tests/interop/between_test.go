package interop

import (
	"os"
	"path/filepath"

	"fulmen/internal/amount"
)

// The states between two commitments, each cut off where one message is sent and nothing after it, as a
// connection that has died without being closed: option dev-disconnect of ours does that. Then one side closes.
var betweenStates = []struct {
	name     string
	cut      string // a line for dev-disconnect
	incoming bool   // the HTLC is the peer's
	settled  bool   // it is taken before the close
	paid     bool   // and so its recipient has it
}{
	{"offered", "0WIRE_COMMITMENT_SIGNED", false, false, false},             // in no commitment
	{"in-theirs", "xWIRE_COMMITMENT_SIGNED", false, false, false},           // in the peer's, which has not revoked for all that we know
	{"in-both", "xWIRE_REVOKE_AND_ACK", false, true, true},                  // and the peer's fulfilment does not arrive
	{"theirs-in-both", "0WIRE_UPDATE_FULFILL_HTLC", true, true, true},       // we have the preimage, and the peer not
	{"theirs-fulfilled", "xWIRE_UPDATE_FULFILL_HTLC", true, true, true},     // the peer has it, and all commitments the HTLC
	{"theirs-gone-from-one", "xWIRE_COMMITMENT_SIGNED*2", true, true, true}, // the peer's commitment has no HTLC any more
}

// betweenCases are those states, with each side closing.
func betweenCases() (list []Case) {
	for _, state := range betweenStates {
		for _, weClose := range []bool{true, false} {
			list = append(list, Case{
				Name: "force/" + map[bool]string{true: "ours", false: "theirs"}[weClose] + "-htlc-" + state.name, Us: shortDelay, Peer: Setup{ShortDelay: true}, Hold: true,
				Run: func(s *Scene) { s.between(state.cut, state.incoming, state.settled, state.paid, weClose) },
			})
		}
	}
	return list
}

const betweenSats amount.Sat = 70_000

func (s *Scene) between(cut string, incoming, settled, paid, weClose bool) {
	able[Closer](s, s.Peer)
	s.Connect()
	point := s.OpenOurs(1_000_000, map[string]any{"push_msat": 500_000_000})
	before := s.purse()
	file := filepath.Join(s.TempDir(), "disconnect")
	if err := os.WriteFile(file, []byte(cut+"\n"), 0o600); err != nil {
		s.Fatalf("%v", err)
	}
	s.Us.Stop()
	s.Us.Start("--developer", "--dev-disconnect="+file)
	s.Usable()
	ours, theirs := amount.Sat(500_000), amount.Sat(500_000)
	var fromUs hold
	var toUs *ourHold
	if incoming {
		toUs = s.HeldByUs(s.scidWith(s.Us, s.Peer.ID()), betweenSats.Msat())
		toUs.settle()
		ours, theirs = ours+betweenSats, theirs-betweenSats
	} else {
		fromUs = s.newHold(betweenSats.Msat())
		if err := s.send(fromUs.invoice); err != nil {
			s.Fatalf("sendpay: %v", err)
		}
		if settled {
			s.arrives(fromUs)
			s.Peer.Settle(fromUs.preimage)
			ours, theirs = ours-betweenSats, theirs+betweenSats
		}
	}
	s.Us.WaitLog("dev-disconnect: nothing more is sent")
	if weClose {
		s.closedByUs()
	} else {
		s.closedByPeer(point)
	}
	s.ends(point)
	s.shared(before, ours, theirs)
	if incoming {
		return
	}
	if o := s.outcome(fromUs.invoice); (o == "paid") != paid {
		s.Fatalf("the payment ended with %s", o)
	}
}

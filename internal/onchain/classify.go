package onchain

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/btcsuite/btcd/wire/v2"

	"fulmen/internal/block"
	"fulmen/internal/keys"
	"fulmen/internal/tx"
)

// Kind is what spent the funding output.
type Kind uint8

// The kinds.
const (
	MutualClose     Kind = 1 + iota // a closing transaction
	OurUnilateral                   // our newest commitment
	TheirUnilateral                 // the peer's current commitment, or its next
	TheirRevoked                    // an older one of the peer's
	TheirUnknown                    // one of the peer's that we do not know
	OurUnknown                      // one of ours that is newer than our state
	Unknown                         // none of these
)

var kindNames = [...]string{
	MutualClose:     "mutual_close",
	OurUnilateral:   "our_unilateral",
	TheirUnilateral: "their_unilateral",
	TheirRevoked:    "their_revoked",
	TheirUnknown:    "their_unknown",
	OurUnknown:      "our_unknown",
	Unknown:         "unknown",
}

// String is for logs and scripts.
func (k Kind) String() string { return kindNames[k] }

// ErrNoSpend is returned for a transaction that leaves the funding output alone.
var ErrNoSpend = errors.New("transaction does not spend the funding output")

// Closing is a transaction that spends the funding output, and what it is.
type Closing struct {
	Kind             Kind
	CommitmentNumber keys.CommitmentNumber // of a commitment

	tx         *wire.MsgTx
	commitment *tx.Commitment       // OurUnilateral, TheirUnilateral: the same, as we built it
	content    *Commitment          // and its content
	params     *tx.CommitmentParams // of a commitment whose point is known; else nil
	point      keys.PubKey
	secret     keys.Secret // TheirRevoked
	oursOld    bool        // Unknown: a commitment of ours that we revoked
	needsPoint bool
}

// NeedsStubs says that the commitment's HTLCs are found among State.Stubs.
func (c *Closing) NeedsStubs() bool { return c.Kind == TheirRevoked }

// NeedsPoint says that New needs State.PublishedPoint. Until it is there the Kind is only a guess.
func (c *Closing) NeedsPoint() bool { return c.needsPoint }

// local says that the commitment is ours.
func (c *Closing) local() bool { return c.Kind == OurUnilateral || c.Kind == OurUnknown }

// stranger says that the commitment has a content that we do not know.
func (c *Closing) stranger() bool { return c.Kind == TheirUnknown || c.Kind == OurUnknown }

// Classify tells what the transaction is. An error is a state of ours that does not fit together, or
// ErrNoSpend.
func Classify(s *State, spend *wire.MsgTx) (*Closing, error) {
	c := &Closing{tx: spend}
	if !spends(spend, s.FundingOutpoint) {
		return nil, fmt.Errorf("transaction %s: %w", spend.TxHash(), ErrNoSpend)
	}
	number, err := tx.CommitmentNumberOf(spend, s.obscuringFactor())
	if err != nil { // a closing transaction never looks like a commitment
		c.Kind = Unknown
		if isMutualClose(s, spend) {
			c.Kind = MutualClose
		}
		return c, nil
	}
	c.CommitmentNumber = number
	known := []struct {
		content *Commitment
		kind    Kind
	}{{&s.LocalCommitment, OurUnilateral}, {&s.RemoteCurrent, TheirUnilateral}, {s.RemoteNext, TheirUnilateral}}
	for _, k := range known {
		if k.content == nil || k.content.Number != number {
			continue
		}
		built, err := s.build(k.content, k.kind == OurUnilateral)
		if err != nil {
			return nil, err
		}
		if built.Txid() == spend.TxHash() {
			c.Kind, c.commitment, c.content, c.point = k.kind, built, k.content, k.content.Point
			return c, c.derive(s)
		}
	}
	return c, c.classifyOld(s)
}

// classifyOld tells what a commitment is that is none of the valid ones.
func (c *Closing) classifyOld(s *State) error {
	// What a commitment pays the side that does not own it, goes to a key that never changes
	// (option_static_remotekey). A peer that accepts our channel can call our key its own: its revoked
	// commitment must not pass for ours then.
	theirs := pays(c.tx, tx.ToRemotePkScript(s.Anchors, s.Local.Basepoints.Payment))
	ours := !theirs && pays(c.tx, tx.ToRemotePkScript(s.Anchors, s.Remote.Basepoints.Payment))
	if !theirs && c.CommitmentNumber >= s.LocalCommitment.Number {
		if s.PublishedPoint == nil {
			c.Kind, c.needsPoint = OurUnknown, true
			return nil
		}
		newer, err := c.isOurs(s, *s.PublishedPoint, ours)
		if newer || err != nil {
			return err
		}
	}
	if ours {
		c.Kind, c.oursOld = Unknown, true
		return nil
	}
	if secret, err := s.Secrets.Lookup(c.CommitmentNumber); err == nil {
		c.Kind, c.secret = TheirRevoked, secret
		if c.point, err = keys.PerCommitmentPoint(secret); err != nil {
			return fmt.Errorf("revoked commitment %d: %w", c.CommitmentNumber, err)
		}
		return c.derive(s)
	}
	c.Kind = TheirUnknown
	if s.FuturePoint == nil {
		return nil
	}
	// The peer may have sent anything for a point. What is ours without one stays ours.
	c.point = *s.FuturePoint
	if c.derive(s) != nil {
		c.point = keys.PubKey{}
	}
	return nil
}

// isOurs reports whether the transaction is our commitment with that point: it pays the peer what is
// the peer's, or us with a delay.
func (c *Closing) isOurs(s *State, point keys.PubKey, paysPeer bool) (bool, error) {
	guess := Closing{Kind: OurUnknown, CommitmentNumber: c.CommitmentNumber, tx: c.tx, point: point}
	if err := guess.derive(s); err != nil {
		return false, err
	}
	if !paysPeer && !pays(c.tx, guess.ownerDelayedScript()) {
		return false, nil
	}
	*c = guess
	return true, nil
}

// ownerDelayedScript is the output script that pays the commitment's owner after its delay.
func (c *Closing) ownerDelayedScript() []byte {
	p := c.params
	return tx.P2WSH(tx.ToLocalScript(p.Keys.Revocation, p.Keys.OwnerDelayed, p.ToSelfDelay))
}

// derive makes the keys of the commitment.
func (c *Closing) derive(s *State) error {
	params, err := s.commitmentParams(c.local(), c.point)
	if err != nil {
		return fmt.Errorf("commitment %d: %w", c.CommitmentNumber, err)
	}
	c.params = params
	return nil
}

func spends(t *wire.MsgTx, o wire.OutPoint) bool {
	for _, in := range t.TxIn {
		if in.PreviousOutPoint == o {
			return true
		}
	}
	return false
}

func pays(t *wire.MsgTx, pkScript []byte) bool {
	for _, out := range t.TxOut {
		if bytes.Equal(out.PkScript, pkScript) {
			return true
		}
	}
	return false
}

// isMutualClose recognizes a closing transaction by where it pays: one of its at most two outputs
// may go to a script that we have not heard of, as the peer may choose another with each attempt.
func isMutualClose(s *State, t *wire.MsgTx) bool {
	if len(t.TxIn) != 1 || len(t.TxOut) > 2 {
		return false
	}
	for _, list := range [][][]byte{s.LocalScripts, s.RemoteScripts} {
		for _, script := range list {
			if pays(t, script) {
				return true
			}
		}
	}
	return false
}

// text says in plain words what happened.
func (c *Closing) text(height block.Height) string {
	switch c.Kind {
	case MutualClose:
		return fmt.Sprintf("Closed by agreement in block %d", height)
	case OurUnilateral:
		return fmt.Sprintf("Our commitment %d was mined in block %d", c.CommitmentNumber, height)
	case TheirUnilateral:
		return fmt.Sprintf("The peer's commitment %d was mined in block %d", c.CommitmentNumber, height)
	case TheirRevoked:
		return fmt.Sprintf("The peer cheated: its revoked commitment %d was mined in block %d", c.CommitmentNumber, height)
	case TheirUnknown:
		return fmt.Sprintf("The peer's commitment %d, which we do not know, was mined in block %d: "+
			"our state is lost, and HTLCs may be", c.CommitmentNumber, height)
	case OurUnknown:
		return fmt.Sprintf("Our own commitment %d, which is newer than our state, was mined in block %d: "+
			"our state is lost, and HTLCs may be", c.CommitmentNumber, height)
	}
	if c.oursOld {
		return fmt.Sprintf("Our own commitment %d, which is not our newest, was mined in block %d: "+
			"another copy of this node runs, and funds may be lost", c.CommitmentNumber, height)
	}
	return fmt.Sprintf("A transaction that we do not know spent the channel in block %d: funds may be lost, "+
		"and a key may have leaked", height)
}

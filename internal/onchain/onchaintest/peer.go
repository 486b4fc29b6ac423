package onchaintest

import (
	"bytes"

	"github.com/btcsuite/btcd/wire/v2"

	"fulmen/internal/block"
	"fulmen/internal/keys"
	"fulmen/internal/tx"
)

// Peer makes every transaction that the other side could make of a commitment that was mined.
type Peer struct {
	*Side
	chain   *Chain
	channel *Channel
	p       *Published
	owner   bool // of the commitment
	// Knows are the payment hashes of which the peer has the preimage.
	Knows map[[32]byte]bool

	txid   [32]byte
	second []wire.OutPoint // outputs of its own HTLC transactions
}

// NewPeer is the peer after the commitment was mined.
func NewPeer(c *Channel, chain *Chain, s *Side, p *Published, owner bool) *Peer {
	return &Peer{Side: s, chain: chain, channel: c, p: p, owner: owner, Knows: make(map[[32]byte]bool), txid: p.Tx.Txid()}
}

func (p *Peer) at(i int) wire.OutPoint { return wire.OutPoint{Hash: p.txid, Index: uint32(i)} }

func (p *Peer) anchors() bool { return p.params.Anchors }

// Moves are what it could have mined in the next block, of which pick chooses; some of them exclude each
// other, and some may be too early.
func (p *Peer) Moves(pick func() bool) []*wire.MsgTx {
	var moves []*wire.MsgTx
	add := func(can bool, move func() *wire.MsgTx) {
		if can && pick() {
			moves = append(moves, move())
		}
	}
	var timeouts, successes []int
	for i := range p.p.Tx.HTLCs {
		h := &p.p.Tx.HTLCs[i]
		can := p.chain.Unspent(p.at(int(h.OutputIndex))) && p.can(h)
		if !p.owner {
			add(can, func() *wire.MsgTx { return p.claimHTLC(h) })
			continue
		}
		add(can, func() *wire.MsgTx { return p.htlcTx([]int{i}) })
		if can && h.Offered {
			timeouts = append(timeouts, i)
		} else if can {
			successes = append(successes, i)
		}
	}
	for _, batch := range [][]int{p.sameExpiry(timeouts), successes} {
		add(p.anchors() && len(batch) > 1, func() *wire.MsgTx { return p.htlcTx(batch) })
	}
	sweeps := p.second
	if p.owner && p.p.Tx.ToOwner >= 0 {
		sweeps = append(sweeps[:len(sweeps):len(sweeps)], p.at(p.p.Tx.ToOwner))
	}
	for _, o := range sweeps {
		add(p.chain.Unspent(o), func() *wire.MsgTx { return p.sweepDelayed(o) })
	}
	if i := p.peersAnchor(); i >= 0 {
		add(p.chain.Unspent(p.at(i)), func() *wire.MsgTx { return p.takeAnchor(i) })
	}
	return moves
}

// can says that it has what it takes: the preimage, or that the HTLC has expired.
func (p *Peer) can(h *tx.HTLCOutput) bool {
	if h.Offered == p.owner { // offered by the peer
		return p.chain.Height >= h.CLTVExpiry
	}
	return p.Knows[h.PaymentHash]
}

// sameExpiry is a batch of HTLC-timeouts, which one locktime has to serve.
func (p *Peer) sameExpiry(list []int) (batch []int) {
	for _, i := range list {
		if p.p.Tx.HTLCs[i].CLTVExpiry == p.p.Tx.HTLCs[list[0]].CLTVExpiry {
			batch = append(batch, i)
		}
	}
	return batch
}

// htlcTx is the HTLC transaction of its own commitment, or several in one with anchors.
func (p *Peer) htlcTx(list []int) *wire.MsgTx {
	k := p.htlc.tweak(p.Point(p.p.Content.Number))
	if !p.anchors() {
		i := list[0]
		h := &p.p.Tx.HTLCs[i]
		return p.p.Tx.SignedHTLCTx(i, k.sign(p.p.Tx.OwnerHTLCSigHash(i)), p.p.HTLCSignatures[i], p.channel.Preimages[h.PaymentHash])
	}
	t := wire.NewMsgTx(2)
	for _, i := range list {
		one := p.p.Tx.HTLCTx(i)
		t.LockTime = one.LockTime
		t.AddTxIn(one.TxIn[0])
		t.AddTxOut(one.TxOut[0])
	}
	t.AddTxIn(&wire.TxIn{PreviousOutPoint: p.chain.Mint(walletCoin, p.WalletScript()), Sequence: 0xfffffffd})
	t.AddTxOut(&wire.TxOut{Value: int64(walletCoin) - feePerInput, PkScript: p.WalletScript()})
	for n, i := range list {
		h := &p.p.Tx.HTLCs[i]
		sig, err := signInput(t, n, h.WitnessScript, int64(h.Amount.Sat()), p.chain, k)
		if err != nil {
			panic(err)
		}
		// The same as a single one's, but for our signature, which covers all of the transaction.
		t.TxIn[n].Witness = p.p.Tx.SignedHTLCTx(i, sig, p.p.HTLCSignatures[i], p.channel.Preimages[h.PaymentHash]).TxIn[0].Witness
	}
	if err := p.completeWallet(p.chain, t); err != nil {
		panic(err)
	}
	return t
}

// IsHTLCTx says that the transaction spends the commitment's HTLC outputs as its owner does.
func (p *Peer) IsHTLCTx(t *wire.MsgTx) bool {
	return p.owner && t.TxIn[0].PreviousOutPoint.Hash == p.txid && len(t.TxIn[0].Witness) == 5
}

// Took notes the outputs of a move that was mined.
func (p *Peer) Took(t *wire.MsgTx) {
	script := p.delayedScript()
	for i, out := range t.TxOut {
		if bytes.Equal(out.PkScript, tx.P2WSH(script)) {
			p.second = append(p.second, wire.OutPoint{Hash: t.TxHash(), Index: uint32(i)})
		}
	}
}

// delayedScript pays it after the delay, in its own commitment.
func (p *Peer) delayedScript() []byte {
	ours, theirs := p.Basepoints(), p.Side.Peer.Basepoints()
	k, err := keys.DeriveCommitmentKeys(&ours, &theirs, p.Point(p.p.Content.Number))
	if err != nil {
		panic(err)
	}
	return tx.ToLocalScript(k.Revocation, k.OwnerDelayed, p.toSelfDelay())
}

// toSelfDelay binds the peer: we asked for it.
func (p *Peer) toSelfDelay() block.Delta { return p.params.Remote.ToSelfDelay }

// claimHTLC takes an HTLC of our commitment: with the preimage, or after it has expired.
func (p *Peer) claimHTLC(h *tx.HTLCOutput) *wire.MsgTx {
	t, item := p.sweep(p.at(int(h.OutputIndex)), 0), []byte(nil)
	if p.anchors() {
		t.TxIn[0].Sequence = 1
	}
	if h.Offered {
		preimage := p.channel.Preimages[h.PaymentHash]
		item = preimage[:]
	} else {
		t.LockTime = uint32(h.CLTVExpiry)
	}
	k := p.htlc.tweak(p.Side.Peer.Point(p.p.Content.Number))
	return p.finish(t, h.WitnessScript, k, item)
}

// sweepDelayed takes its own output once the delay has passed.
func (p *Peer) sweepDelayed(o wire.OutPoint) *wire.MsgTx {
	t := p.sweep(o, uint32(p.toSelfDelay()))
	return p.finish(t, p.delayedScript(), p.delayed.tweak(p.Point(p.p.Content.Number)), nil)
}

// peersAnchor is the output with our anchor, or -1.
func (p *Peer) peersAnchor() int {
	if p.owner {
		return p.p.Tx.OtherAnchor
	}
	return p.p.Tx.OwnerAnchor
}

// takeAnchor takes ours, as anybody may after a while.
func (p *Peer) takeAnchor(i int) *wire.MsgTx {
	t := p.sweep(p.at(i), 16)
	t.TxIn[0].Witness = wire.TxWitness{nil, tx.AnchorScript(p.Side.Peer.funding.pub)}
	return t
}

// sweep pays one output to the peer's wallet.
func (p *Peer) sweep(o wire.OutPoint, sequence uint32) *wire.MsgTx {
	t := wire.NewMsgTx(2)
	t.AddTxIn(&wire.TxIn{PreviousOutPoint: o, Sequence: sequence})
	t.AddTxOut(&wire.TxOut{Value: max(0, p.chain.FetchPrevOutput(o).Value-feePerInput), PkScript: p.WalletScript()})
	return t
}

// finish signs it; item is what the script asks for beside the signature.
func (p *Peer) finish(t *wire.MsgTx, script []byte, k key, item []byte) *wire.MsgTx {
	value := p.chain.FetchPrevOutput(t.TxIn[0].PreviousOutPoint).Value
	sig, err := signInput(t, 0, script, value, p.chain, k)
	if err != nil {
		panic(err)
	}
	t.TxIn[0].Witness = wire.TxWitness{append(sig.AppendDER(nil), 1), item, script}
	return t
}

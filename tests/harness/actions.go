package harness

import (
	"fmt"
	"sync/atomic"

	"fulmen/internal/amount"
)

// labels makes the labels of invoices unique.
var labels atomic.Int64

// Funds is what a node has, as listfunds says.
type Funds struct {
	Outputs []struct {
		TxID       string      `json:"txid"`
		Output     uint32      `json:"output"`
		AmountMsat amount.Msat `json:"amount_msat"`
		Status     string      `json:"status"`
		Reserved   bool        `json:"reserved"`
	} `json:"outputs"`
	Channels []struct {
		PeerID        string      `json:"peer_id"`
		OurAmountMsat amount.Msat `json:"our_amount_msat"`
		AmountMsat    amount.Msat `json:"amount_msat"`
		State         string      `json:"state"`
	} `json:"channels"`
}

// Funds asks listfunds.
func (n *Node) Funds() Funds {
	n.t.Helper()
	var f Funds
	n.Call("listfunds", nil, &f)
	return f
}

// OnChain is the sum of the confirmed coins.
func (f Funds) OnChain() (sum amount.Msat) {
	for _, o := range f.Outputs {
		if o.Status == "confirmed" {
			sum += o.AmountMsat
		}
	}
	return sum
}

// InChannels is the sum of our side of the channels that are open.
func (f Funds) InChannels() (sum amount.Msat) {
	for _, c := range f.Channels {
		if c.State == "CHANNELD_AWAITING_LOCKIN" || c.State == "CHANNELD_NORMAL" {
			sum += c.OurAmountMsat
		}
	}
	return sum
}

// PeerChannel is a channel, as listpeerchannels says.
type PeerChannel struct {
	PeerID        string      `json:"peer_id"`
	PeerConnected bool        `json:"peer_connected"`
	Reestablished *bool       `json:"reestablished"`
	State         string      `json:"state"`
	ChannelID     string      `json:"channel_id"`
	SCID          string      `json:"short_channel_id"`
	ToUsMsat      amount.Msat `json:"to_us_msat"`
	TotalMsat     amount.Msat `json:"total_msat"`
	HTLCs         []struct {
		State string `json:"state"`
	} `json:"htlcs"`
}

// Channels is the node's channels.
func (n *Node) Channels() []PeerChannel {
	n.t.Helper()
	var list struct {
		Channels []PeerChannel `json:"channels"`
	}
	n.Call("listpeerchannels", nil, &list)
	return list.Channels
}

// FundWallet gives the node coins that are confirmed.
func (n *Node) FundWallet(sats amount.Sat) {
	n.t.Helper()
	var addr struct {
		Bech32 string `json:"bech32"`
	}
	n.Call("newaddr", []string{"bech32"}, &addr)
	n.btcd.Fund(addr.Bech32, sats)
	n.btcd.Mine(1)
	n.Sync()
}

// Connect connects to a peer, so that either can open a channel: both have seen all blocks.
func (n *Node) Connect(peer *Node) {
	n.t.Helper()
	n.Call("connect", []string{peer.ID() + "@" + peer.Address()}, nil)
	n.Sync()
	peer.Sync()
}

// OpenChannel opens a channel to a connected peer, and returns when both can use it.
func (n *Node) OpenChannel(peer *Node, sats amount.Sat) {
	n.t.Helper()
	var opened struct {
		ChannelID string `json:"channel_id"`
	}
	peer.Sync() // it refuses channels while it is behind
	n.Call("fundchannel", map[string]any{"id": peer.ID(), "amount": uint64(sats)}, &opened)
	n.btcd.WaitMempool(1)
	n.btcd.Mine(6)
	for _, node := range []*Node{n, peer} {
		node.Sync()
		node.WaitChannel(opened.ChannelID, "CHANNELD_NORMAL")
	}
}

// WaitChannel waits until a channel is in a state, with its peer connected, and is of use if that is
// CHANNELD_NORMAL; no id is all channels.
func (n *Node) WaitChannel(id, state string) {
	n.t.Helper()
	Eventually(n.t, n.Name+" has its channel in "+state, func() error {
		found := false
		for _, c := range n.Channels() {
			if id != "" && c.ChannelID != id {
				continue
			}
			found = true
			if c.State != state || !c.PeerConnected {
				return fmt.Errorf("channel %s is in %s, peer connected: %v", c.ChannelID, c.State, c.PeerConnected)
			}
			if state == "CHANNELD_NORMAL" && !*c.Reestablished {
				return fmt.Errorf("channel %s is not reestablished", c.ChannelID)
			}
		}
		if !found {
			return fmt.Errorf("there is no such channel")
		}
		return nil
	})
}

// Settled waits until no HTLC is under way in the node's channels, and returns its side of them: a
// payment is complete for who paid before the last commitments are exchanged.
func (n *Node) Settled() amount.Msat {
	n.t.Helper()
	var sum amount.Msat
	Eventually(n.t, n.Name+" has no HTLC under way", func() error {
		sum = 0
		for _, c := range n.Channels() {
			if len(c.HTLCs) > 0 {
				return fmt.Errorf("channel %s has %d", c.SCID, len(c.HTLCs))
			}
			sum += c.ToUsMsat
		}
		return nil
	})
	return sum
}

// Invoice makes an invoice with a label of its own.
func (n *Node) Invoice(msat amount.Msat, description string) string {
	n.t.Helper()
	var inv struct {
		Bolt11 string `json:"bolt11"`
	}
	label := fmt.Sprintf("%s-%d", n.Name, labels.Add(1))
	n.Call("invoice", []any{uint64(msat), label, description}, &inv)
	return inv.Bolt11
}

// Payment is what pay answers.
type Payment struct {
	Preimage       string      `json:"payment_preimage"`
	Status         string      `json:"status"`
	AmountMsat     amount.Msat `json:"amount_msat"`
	AmountSentMsat amount.Msat `json:"amount_sent_msat"`
}

// Pay pays an invoice.
func (n *Node) Pay(bolt11 string) Payment {
	n.t.Helper()
	var p Payment
	n.Call("pay", []string{bolt11}, &p)
	if p.Status != "complete" {
		n.t.Fatalf("%s: pay ended with status %q", n.Name, p.Status)
	}
	return p
}

// CloseChannel closes the channel with a peer together, and has the close mined.
func (n *Node) CloseChannel(peer *Node) string {
	n.t.Helper()
	var closed struct {
		Type string `json:"type"`
	}
	n.Call("close", []any{peer.ID(), int(Patience.Seconds())}, &closed)
	n.btcd.WaitMempool(1)
	n.btcd.Mine(1)
	n.Sync()
	peer.Sync()
	return closed.Type
}

// Coins is the confirmed coins that nothing reserves, as txid:output.
func (n *Node) Coins() []string {
	n.t.Helper()
	var coins []string
	for _, o := range n.Funds().Outputs {
		if o.Status == "confirmed" && !o.Reserved {
			coins = append(coins, fmt.Sprintf("%s:%d", o.TxID, o.Output))
		}
	}
	return coins
}

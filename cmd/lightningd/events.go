package main

import (
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"

	"fulmen/internal/amount"
	"fulmen/internal/block"
	"fulmen/internal/command"
	"fulmen/internal/htlcswitch"
	"fulmen/internal/invoices"
	"fulmen/internal/keys"
	"fulmen/internal/logs"
	"fulmen/internal/payments"
	"fulmen/internal/store"
	"fulmen/internal/wire"
)

// The payloads of the notifications, each to its published schema, and where they are made.

// isoTime is how notifications write a moment in words, in UTC.
const isoTime = "2006-01-02T15:04:05.000Z"

func direction(incoming bool) string {
	if incoming {
		return "in"
	}
	return "out"
}

type connectEvent struct {
	ID        string       `json:"id"`
	Direction string       `json:"direction"`
	Address   addressEntry `json:"address"`
}

func (n *node) tellConnect(conn *peerConn) {
	n.notify("connect", func() any {
		e := connectEvent{conn.id.String(), direction(conn.incoming), showAddress(conn.addr)}
		if e.Address.Type == "dns" { // through the proxy; the schema has no name for it
			e.Address.Type = "ipv4"
		}
		return e
	})
}

func (n *node) tellDisconnect(id keys.PubKey) {
	n.notify("disconnect", func() any { return map[string]string{"id": id.String()} })
}

type customMessage struct {
	PeerID  string      `json:"peer_id"`
	Payload command.Hex `json:"payload"`
}

type channelOpenedEvent struct {
	ID           string      `json:"id"`
	FundingMsat  amount.Msat `json:"funding_msat"`
	FundingTxid  string      `json:"funding_txid"`
	ChannelReady bool        `json:"channel_ready"`
}

// tellChannelOpened is for channels that a peer has funded.
func (n *node) tellChannelOpened(row *store.Channel) {
	n.notify("channel_opened", func() any {
		return channelOpenedEvent{row.PeerID.String(), row.FundingSats.Msat(), chainhash.Hash(row.FundingTxid).String(), false}
	})
}

func (n *node) tellOpenFailed(id wire.ChannelID) {
	n.notify("channel_open_failed", func() any { return map[string]string{"channel_id": hex.EncodeToString(id[:])} })
}

type stateEvent struct {
	PeerID         string `json:"peer_id"`
	ChannelID      string `json:"channel_id"`
	ShortChannelID string `json:"short_channel_id,omitempty"`
	Timestamp      string `json:"timestamp"`
	OldState       string `json:"old_state,omitempty"`
	NewState       string `json:"new_state"`
	Cause          string `json:"cause"`
	Message        string `json:"message,omitempty"`
}

// tellState is called once a change is on disk; an empty old state is that of a new channel.
func (n *node) tellState(row *store.Channel, change store.StateChange) {
	n.notify("channel_state_changed", func() any { return stateEventOf(row, change) })
}

func stateEventOf(row *store.Channel, change store.StateChange) stateEvent {
	e := stateEvent{
		PeerID: row.PeerID.String(), ChannelID: hex.EncodeToString(row.ChannelID[:]), Timestamp: change.At.UTC().Format(isoTime),
		OldState: string(change.Old), NewState: string(change.New), Cause: change.Cause, Message: change.Message,
	}
	if row.ShortChannelID != 0 {
		e.ShortChannelID = row.ShortChannelID.String()
	}
	return e
}

type invoiceEvent struct {
	Msat     *amount.Msat `json:"msat,omitempty"`
	Preimage command.Hex  `json:"preimage"`
	Label    string       `json:"label"`
}

func (n *node) tellInvoiceCreated(inv *invoices.Invoice) {
	n.notify("invoice_creation", func() any { return invoiceCreated(inv) })
}

func invoiceCreated(inv *invoices.Invoice) invoiceEvent {
	e := invoiceEvent{Preimage: inv.Preimage[:], Label: inv.Label}
	if inv.Amount != 0 {
		e.Msat = &inv.Amount
	}
	return e
}

func invoicePaid(inv *invoices.Invoice, received amount.Msat) invoiceEvent {
	return invoiceEvent{&received, inv.Preimage[:], inv.Label}
}

// tellPaid tells all who wait for an invoice that it is paid on disk.
func (n *node) tellPaid(inv *invoices.Invoice, received amount.Msat) {
	n.invoiceWaiters.tell(inv.Label, inv)
	n.anyInvoiceWaiters.tell(struct{}{}, struct{}{})
	n.notify("invoice_payment", func() any { return invoicePaid(inv, received) })
}

type sendPayFailureEvent struct {
	Code    int            `json:"code"`
	Message string         `json:"message"`
	Data    *failureResult `json:"data"`
}

// tellPart is called once the outcome of a part is on disk.
func (n *node) tellPart(p *payments.Part) {
	if p.Status == payments.Complete {
		n.notify("sendpay_success", func() any { return showPart(p) })
		return
	}
	n.notify("sendpay_failure", func() any {
		return sendPayFailureEvent{p.Failure.Code, p.Failure.Message, showFailure(p, p.Failure)}
	})
}

type forwardEvent struct {
	PaymentHash  command.Hex  `json:"payment_hash"`
	InChannel    string       `json:"in_channel"`
	OutChannel   string       `json:"out_channel,omitempty"`
	InMsat       amount.Msat  `json:"in_msat"`
	OutMsat      *amount.Msat `json:"out_msat,omitempty"`
	FeeMsat      *amount.Msat `json:"fee_msat,omitempty"`
	Status       string       `json:"status"`
	FailCode     uint16       `json:"failcode,omitempty"`
	FailReason   string       `json:"failreason,omitempty"`
	Style        string       `json:"style"`
	ReceivedTime float64      `json:"received_time"`
	ResolvedTime *float64     `json:"resolved_time,omitempty"`
}

// tellForward is called when a forward is on its way, and when it has ended.
func (n *node) tellForward(f *htlcswitch.Forward) {
	n.notify("forward_event", func() any { return forwardEventOf(f) })
}

func forwardEventOf(f *htlcswitch.Forward) forwardEvent {
	e := forwardEvent{
		PaymentHash: f.PaymentHash[:], InChannel: f.Name.String(), InMsat: f.Amount, Status: string(f.Status), Style: "tlv",
		ReceivedTime: unixSeconds(f.ReceivedAt),
	}
	if f.OutName != 0 {
		e.OutChannel = f.OutName.String()
	}
	if f.AmtToForward <= f.Amount { // else the sender's onion does not add up
		fee := f.Fee()
		e.OutMsat, e.FeeMsat = &f.AmtToForward, &fee
	}
	if f.FailCode != 0 {
		e.FailCode, e.FailReason = uint16(f.FailCode), f.FailCode.String()
	}
	if !f.ResolvedAt.IsZero() {
		at := unixSeconds(f.ResolvedAt)
		e.ResolvedTime = &at
	}
	return e
}

func unixSeconds(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }

type blockEvent struct {
	Hash   string       `json:"hash"`
	Height block.Height `json:"height"`
}

func (n *node) tellBlock(id block.Height, hash chainhash.Hash) {
	n.notify("block_added", func() any { return blockEvent{hash.String(), id} })
}

type accountBalance struct {
	AccountID   string      `json:"account_id"`
	BalanceMsat amount.Msat `json:"balance_msat"`
	CoinType    string      `json:"coin_type"`
}

type balanceEvent struct {
	NodeID      string           `json:"node_id"`
	BlockHeight block.Height     `json:"blockheight"`
	Timestamp   uint32           `json:"timestamp"`
	Accounts    []accountBalance `json:"accounts"`
}

// coinType is the network's coins as notifications name them: BIP 173's prefix for addresses.
func (n *node) coinType() string { return n.network.Params.Bech32HRPSegwit }

// tellBalances is called when the chain has been followed to its end after the start.
func (n *node) tellBalances() {
	n.notify("balance_snapshot", func() any {
		var onchain amount.Sat
		for _, coin := range n.wallet.Coins() {
			onchain += coin.Amount
		}
		e := balanceEvent{NodeID: n.id.String(), BlockHeight: n.blockHeight, Timestamp: uint32(n.now().Unix())}
		e.Accounts = []accountBalance{{"wallet", onchain.Msat(), n.coinType()}}
		for _, c := range n.channels {
			if c.row.State != store.OnChain {
				e.Accounts = append(e.Accounts, accountBalance{hex.EncodeToString(c.row.ChannelID[:]), c.tally.ToUs, n.coinType()})
			}
		}
		return e
	})
}

type logEvent struct {
	Level     string `json:"level"`
	Time      string `json:"time"`
	Timestamp string `json:"timestamp"`
	Source    string `json:"source"`
	Log       string `json:"log"`
}

// tellLog gives records of the log to the plugins that follow it; none gets its own, lest it never end.
func (n *node) tellLog(r logs.Record) {
	own, _ := strings.CutPrefix(r.Source, "plugin-")
	event := func(level string) any {
		return logEvent{level, fmt.Sprintf("%d.%09d", r.Time.Unix(), r.Time.Nanosecond()), r.Time.UTC().Format(isoTime), r.Source, r.Text}
	}
	if n.plugins.Subscribed("log") {
		n.plugins.NotifyBut(own, "log", event(logs.LevelName(r.Level)))
	}
	if r.Level >= logs.LevelUnusual && n.plugins.Subscribed("warning") {
		level := "warn"
		if r.Level >= logs.LevelBroken {
			level = "error"
		}
		n.plugins.NotifyBut(own, "warning", event(level))
	}
}

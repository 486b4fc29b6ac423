package books

import (
	"encoding/hex"
	"fmt"
	"strings"

	"fulmen/internal/amount"
)

// The accounts that are no channel's.
const (
	Wallet   = "wallet"
	External = "external"
)

// The tags of movements, as coin_movement has them, that decide something here.
const (
	tagDeposit      = "deposit"
	tagChannelOpen  = "channel_open"
	tagChannelClose = "channel_close"
	tagIgnored      = "ignored"
	tagPenalized    = "penalized"
	tagStolen       = "stolen"
	tagInvoice      = "invoice"
	tagRouted       = "routed"
	tagPushed       = "pushed"
	tagLease        = "lease_fee"
)

// ChainMove is an entry of listchainmoves.
type ChainMove struct {
	CreatedIndex uint64      `json:"created_index"`
	Account      string      `json:"account_id"`
	Credit       amount.Msat `json:"credit_msat"`
	Debit        amount.Msat `json:"debit_msat"`
	Timestamp    uint64      `json:"timestamp"` // unix seconds
	Tag          string      `json:"primary_tag"`
	ExtraTags    []string    `json:"extra_tags"`
	PeerID       string      `json:"peer_id"`
	Origin       string      `json:"originating_account"`
	SpendingTxid string      `json:"spending_txid"` // empty: it is about the output itself
	Outpoint     string      `json:"utxo"`
	PaymentHash  string      `json:"payment_hash"`
	Output       amount.Msat `json:"output_msat"` // of the outpoint
	OutputCount  uint32      `json:"output_count"`
	Height       uint32      `json:"blockheight"`
}

// Hash is a payment_hash.
type Hash [32]byte

// UnmarshalText reads hex digits.
func (h *Hash) UnmarshalText(text []byte) error {
	if hex.DecodedLen(len(text)) != len(h) {
		return fmt.Errorf("payment_hash %.80q should have %d hex digits", text, hex.EncodedLen(len(h)))
	}
	_, err := hex.Decode(h[:], text)
	return err
}

// String is hex digits, or nothing where there is no hash.
func (h Hash) String() string {
	if h == (Hash{}) {
		return ""
	}
	return hex.EncodeToString(h[:])
}

// ChannelMove is an entry of listchannelmoves.
type ChannelMove struct {
	CreatedIndex uint64      `json:"created_index"`
	Account      string      `json:"account_id"`
	Credit       amount.Msat `json:"credit_msat"`
	Debit        amount.Msat `json:"debit_msat"`
	Timestamp    uint64      `json:"timestamp"`
	Tag          string      `json:"primary_tag"`
	PaymentHash  Hash        `json:"payment_hash"` // zero: none
	PartID       *uint64     `json:"part_id"`
	Fees         amount.Msat `json:"fees_msat"`
}

// owner is the account that a movement is about: of what goes to others, the one that it came from.
func (m *ChainMove) owner() string {
	if m.Account == External && m.Origin != "" {
		return m.Origin
	}
	return m.Account
}

// about is the transaction that a movement is by.
func (m *ChainMove) about() string {
	if m.SpendingTxid != "" {
		return m.SpendingTxid
	}
	return txidOf(m.Outpoint)
}

// isLoss reports whether an account of ours loses an output, without a transaction of ours that takes it.
func (m *ChainMove) isLoss() bool {
	return m.Account != External && (m.Tag == tagIgnored || m.Tag == tagPenalized) && m.Debit > 0
}

func txidOf(outpoint string) string {
	txid, _, _ := strings.Cut(outpoint, ":")
	return txid
}

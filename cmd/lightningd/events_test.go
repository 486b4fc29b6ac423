package main

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"

	"fulmen/internal/htlcswitch"
	"fulmen/internal/invoices"
	"fulmen/internal/payments"
	"fulmen/internal/schema"
	"fulmen/internal/store"
	"fulmen/internal/wire"
)

// checkEvent holds a payload to the published schema of its notification.
func checkEvent(t *testing.T, topic string, payload any) {
	t.Helper()
	s, err := schema.LoadNotification(topic)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := json.Marshal(payload)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.ValidateResponse(raw); err != nil {
		t.Errorf("%s\n%s", err, raw)
	}
}

func TestEventsAreAsPublished(t *testing.T) {
	id := newPayee(1).id()
	row := &store.Channel{ID: 1, PeerID: id, ChannelID: wire.ChannelID{1}, ShortChannelID: wire.NewShortChannelID(7, 1, 0), FundingSats: 100_000}
	change := store.StateChange{At: time.Unix(1_700_000_000, 0), Old: store.Normal, New: store.ShuttingDown, Cause: string(causeUser), Message: "m"}
	opened := change
	opened.Old, opened.Message = "", ""
	preimage := [32]byte{2}
	part := &payments.Part{
		ID: payments.ID{Part: 1, Group: 1}, CreatedIndex: 1, UpdatedIndex: 2, Status: payments.Complete, Destination: id, Amount: 1000, Sent: 1001,
		CreatedAt: change.At, CompletedAt: change.At, Preimage: &preimage, Label: "l", Bolt11: "lnbcrt1", Description: "d",
	}
	failure := &payments.Failure{Code: payments.CodeUnparseable, Message: "m", Onion: []byte{1}}
	for topic, payloads := range map[string][]any{
		"connect": {
			connectEvent{id.String(), direction(true), showAddress("127.0.0.1:9735")},
			connectEvent{id.String(), direction(false), showAddress("[::1]:9735")},
		},
		"channel_state_changed": {stateEventOf(row, change), stateEventOf(&store.Channel{PeerID: id}, opened)},
		"invoice_creation":      {invoiceCreated(&invoices.Invoice{Label: "a", Amount: 7}), invoiceCreated(&invoices.Invoice{Label: "any"})},
		"invoice_payment":       {invoicePaid(&invoices.Invoice{Label: "a"}, 7)},
		"sendpay_success":       {showPart(part)},
		"sendpay_failure":       {sendPayFailureEvent{failure.Code, failure.Message, showFailure(part, failure)}},
		"channel_opened":        {channelOpenedEvent{ID: id.String(), FundingMsat: 1, FundingTxid: chainhash.Hash(row.FundingTxid).String()}},
		"forward_event": {
			forwardEventOf(&htlcswitch.Forward{HTLC: htlcswitch.HTLC{Name: 1, Amount: 8, AmtToForward: 7}, OutName: 2, Status: htlcswitch.Settled, ReceivedAt: change.At, ResolvedAt: change.At}),
			forwardEventOf(&htlcswitch.Forward{HTLC: htlcswitch.HTLC{Name: 1, Amount: 7, AmtToForward: 8}, Status: htlcswitch.LocalFailed, FailCode: 0x1007, ReceivedAt: change.At}),
		},
		"custommsg":        {customMessage{id.String(), []byte{0x80, 1}}},
		"balance_snapshot": {balanceEvent{NodeID: id.String(), Accounts: []accountBalance{{"wallet", 1, "bcrt"}}}},
		"log":              {logEvent{"unusual", "1.000000001", change.At.UTC().Format(isoTime), "s", "l"}},
		"warning":          {logEvent{"warn", "1.000000001", change.At.UTC().Format(isoTime), "s", "l"}},
	} {
		for _, payload := range payloads {
			checkEvent(t, topic, payload)
		}
	}
}

// TestTopicsAreThePublished finds notifications that nobody claims. Two are of a plugin.
func TestTopicsAreThePublished(t *testing.T) {
	published, err := schema.Notifications()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range published {
		if name != "pay_part_start" && name != "pay_part_end" && !slices.Contains(topics, name) {
			t.Errorf("%s: a plugin could emit it in our name", name)
		}
	}
}

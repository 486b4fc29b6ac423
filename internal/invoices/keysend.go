package invoices

import (
	"crypto/sha256"
	"encoding/hex"
	"time"

	"fulmen/internal/block"
)

// keysendCLTV is how many blocks an HTLC that nobody asked for has to leave: BOLT 11's default for
// min_final_cltv_expiry_delta, as there is no invoice to say.
const keysendCLTV block.Delta = 18

// keysend takes a payment that nobody asked for: its sender made the preimage (bLIP 3). It comes in one
// part, as there is no payment_secret to keep parts together. An invoice is made for it, whose
// CreatedIndex is 0 until it is stored.
func (m *Machine) keysend(p Part, now time.Time, height block.Height) []Action {
	switch {
	case sha256.Sum256(p.Keysend[:]) != p.PaymentHash, p.HasSecret && p.TotalMsat != p.AmtToForward:
		return fail(UnknownDetails, p)
	case p.CLTVExpiry < height.Add(keysendCLTV):
		return fail(UnknownDetails, p)
	}
	s := &set{
		invoice: &Invoice{
			Label: "keysend-" + hex.EncodeToString(p.PaymentHash[:]), Description: "keysend",
			PaymentHash: p.PaymentHash, Preimage: *p.Keysend, Amount: p.Amount, MinFinalCLTV: keysendCLTV,
			ExpiresAt: now, Status: Unpaid,
		},
		parts: []Part{p}, received: p.Amount, taken: true,
	}
	m.sets[p.PaymentHash] = s // a second one is refused until this is stored, and then because it is paid
	return []Action{Take{Invoice: s.invoice, Parts: s.parts, Received: s.received}}
}

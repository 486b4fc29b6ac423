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

// keysend begins the set of a payment that nobody asked for: its sender made the preimage (bLIP 3) and, if it comes
// in parts, the payment_secret that keeps those together. An invoice is made for it, whose CreatedIndex is 0
// until it is stored. Nil if it is none that can be taken.
func (m *Machine) keysend(p *Part, now time.Time, height block.Height) *set {
	if sha256.Sum256(p.Keysend[:]) != p.PaymentHash || p.CLTVExpiry < height.Add(keysendCLTV) {
		return nil
	}
	total := p.TotalMsat
	if !p.HasSecret {
		total = p.AmtToForward // it is whole
	}
	return &set{
		invoice: &Invoice{
			Label: "keysend-" + hex.EncodeToString(p.PaymentHash[:]), Description: "keysend",
			PaymentHash: p.PaymentHash, Preimage: *p.Keysend, PaymentSecret: p.PaymentSecret, MinFinalCLTV: keysendCLTV,
			ExpiresAt: now, Status: Unpaid,
		},
		total: total, deadline: now.Add(m.SetTimeout), unasked: true,
	}
}

// whole makes a part without payment_data what one is that says the same: of a payment that nobody asked for.
func (p *Part) whole() {
	if p.Keysend != nil && !p.HasSecret {
		p.HasSecret, p.TotalMsat = true, p.AmtToForward
	}
}

package interop

import (
	"context"
	"encoding/hex"
	"fmt"
	"strings"

	"fulmen/internal/amount"
	"fulmen/tests/interop/lndrpc"
)

// Invoice implements Peer.
func (l *lnd) Invoice(want Invoice) string {
	l.t.Helper()
	if want.Hash != nil {
		return lndMust(l, l.invoices.AddHoldInvoice, &lndrpc.AddHoldInvoiceRequest{
			ValueMsat: int64(want.Amount), Expiry: int64(want.Expiry), Private: want.Hints, Hash: want.Hash[:],
		}).PaymentRequest
	}
	return lndMust(l, l.lightning.AddInvoice, &lndrpc.Invoice{
		ValueMsat: int64(want.Amount), Expiry: int64(want.Expiry), Private: want.Hints,
	}).PaymentRequest
}

// Settle implements Peer.
func (l *lnd) Settle(preimages ...[32]byte) {
	l.t.Helper()
	for _, preimage := range preimages {
		lndMust(l, l.invoices.SettleInvoice, &lndrpc.SettleInvoiceMsg{Preimage: preimage[:]})
	}
}

// Cancel implements Peer.
func (l *lnd) Cancel(hashes ...[32]byte) {
	l.t.Helper()
	for _, hash := range hashes {
		lndMust(l, l.invoices.CancelInvoice, &lndrpc.CancelInvoiceMsg{PaymentHash: hash[:]})
	}
}

// Held implements Peer.
func (l *lnd) Held(hash [32]byte) bool {
	l.t.Helper()
	return l.invoiceState(hash[:]) == lndrpc.Invoice_ACCEPTED
}

// Expired implements Peer.
func (l *lnd) Expired(hash string) bool {
	l.t.Helper()
	return l.invoiceState(hexBytes(hash)) == lndrpc.Invoice_CANCELED
}

func (l *lnd) invoiceState(hash []byte) lndrpc.Invoice_InvoiceState {
	l.t.Helper()
	return lndMust(l, l.lightning.LookupInvoice, &lndrpc.PaymentHash{RHash: hash}).State
}

// Received implements Peer.
func (l *lnd) Received() (paid int) {
	l.t.Helper()
	for _, i := range lndMust(l, l.lightning.ListInvoices, &lndrpc.ListInvoiceRequest{NumMaxInvoices: 10_000}).Invoices {
		if i.State == lndrpc.Invoice_SETTLED {
			paid++
		}
	}
	return paid
}

// paymentOf says how the last of the attempts ended that failed.
func paymentOf(attempts ...*lndrpc.HTLCAttempt) (p Payment) {
	for _, a := range attempts {
		if f := a.GetFailure(); f != nil {
			p.Failure, p.FailedAt = strings.ToLower(f.Code.String()), int(f.FailureSourceIndex)
		}
	}
	return p
}

// Pay implements Peer.
func (l *lnd) Pay(bolt11 string, msat amount.Msat) (Payment, error) {
	return l.sendPayment(&lndrpc.SendPaymentRequest{PaymentRequest: bolt11, AmtMsat: int64(msat)})
}

// sendPayment has lnd find routes for a payment, and waits for its end.
func (l *lnd) sendPayment(request *lndrpc.SendPaymentRequest) (Payment, error) {
	request.TimeoutSeconds, request.FeeLimitSat, request.NoInflightUpdates = 60, 1000, true
	ctx, cancel := context.WithTimeout(l.t.Context(), lndPatience)
	defer cancel() // ends the stream
	stream, err := l.router.SendPaymentV2(ctx, request)
	if err != nil {
		return Payment{}, lndError(err)
	}
	for {
		end, err := stream.Recv()
		switch {
		case err != nil:
			return Payment{}, lndError(err)
		case end.Status == lndrpc.Payment_SUCCEEDED:
			return Payment{Preimage: end.PaymentPreimage, Parts: succeeded(end.Htlcs)}, nil
		case end.Status == lndrpc.Payment_FAILED:
			return paymentOf(end.Htlcs...), fmt.Errorf("lnd: payment failed: %s", end.FailureReason)
		}
	}
}

// succeeded counts the parts that were paid.
func succeeded(attempts []*lndrpc.HTLCAttempt) (parts int) {
	for _, a := range attempts {
		if a.Status == lndrpc.HTLCAttempt_SUCCEEDED {
			parts++
		}
	}
	return parts
}

// decode is an invoice as lnd reads it.
func (l *lnd) decode(bolt11 string) *lndrpc.PayReq {
	l.t.Helper()
	return lndMust(l, l.lightning.DecodePayReq, &lndrpc.PayReqString{PayReq: bolt11})
}

// PayWrong implements Peer.
func (l *lnd) PayWrong(bolt11 string, wrong Wrong) Payment {
	l.t.Helper()
	inv := l.decode(bolt11)
	hash, msat, expiry := hexBytes(inv.PaymentHash), inv.NumMsat, l.info().BlockHeight+uint32(inv.CltvExpiry)+3
	switch wrong {
	case WrongSecret:
		inv.PaymentAddr[0] ^= 1
	case WrongHash:
		hash[0] ^= 1
	case TooLittle:
		msat /= 4
	case TooSoon:
		expiry -= 5
	}
	ctx, cancel := context.WithTimeout(l.t.Context(), lndPatience)
	defer cancel()
	p, err := l.sendRoute(ctx, hash, &lndrpc.Route{TotalTimeLock: expiry, TotalAmtMsat: msat, Hops: []*lndrpc.Hop{{
		ChanId: l.listChannels()[0].ChanId, PubKey: inv.Destination, AmtToForwardMsat: msat, Expiry: expiry,
		MppRecord: &lndrpc.MPPRecord{PaymentAddr: inv.PaymentAddr, TotalAmtMsat: msat},
	}}})
	if err != nil {
		l.t.Fatalf("lnd: send to route: %v", err)
	}
	return p
}

// sendRoute makes one attempt over a route.
func (l *lnd) sendRoute(ctx context.Context, hash []byte, route *lndrpc.Route) (Payment, error) {
	attempt, err := l.router.SendToRouteV2(ctx, &lndrpc.SendToRouteRequest{PaymentHash: hash, Route: route})
	if err != nil || attempt.Status != lndrpc.HTLCAttempt_SUCCEEDED {
		return paymentOf(attempt), lndError(err)
	}
	return Payment{Preimage: hex.EncodeToString(attempt.Preimage), Parts: 1}, nil
}

package main

import (
	"crypto/sha256"
	"errors"
	"time"

	"fulmen/internal/channel"
	"fulmen/internal/ipc/channeldmsg"
	"fulmen/internal/ipc/hsmdmsg"
	"fulmen/internal/keys"
	"fulmen/internal/onion"
	"fulmen/internal/wire"
)

// held is an HTLC of the peer that waits for its outcome.
type held struct {
	secret keys.Secret // shared with its origin
	since  time.Time   // when it was irrevocably committed; of one that waited over a restart, the restart
}

// attribute makes attribution_data for what is sent back: reason, or nil with a preimage.
func (h held) attribute(reason []byte, downstream []byte) *[channel.AttributionSize]byte {
	var from *onion.Attribution
	if len(downstream) == onion.AttributionSize {
		from = (*onion.Attribution)(downstream)
	}
	hold := onion.HoldTime(time.Since(h.since) / holdUnit)
	return (*[channel.AttributionSize]byte)(onion.Attribute(h.secret, reason, hold, from))
}

// failed is the result of an HTLC whose failure goes back as reason.
func (h held) failed(reason, downstream []byte) channel.Result {
	return channel.Result{Kind: channel.Fail, Reason: reason, Attribution: h.attribute(reason, downstream)}
}

// holdUnit is the unit of htlc_hold_times (BOLT 4, Initialization of attribution_data).
const holdUnit = 100 * time.Millisecond

// received peels the onions of HTLCs that are irrevocably committed, all shared secrets in one
// request, and reports them; what cannot be read or must not be taken is failed here.
func (sh *shell) received(list []channel.ReceivedHTLC) error {
	secrets, err := sh.sharedSecrets(list)
	if err != nil {
		return err
	}
	incoming := &channeldmsg.Incoming{}
	for i := range list {
		h := &list[i]
		told, err := sh.read(h, secrets[i])
		if err != nil {
			return err
		}
		if told != nil {
			incoming.HTLCs = append(incoming.HTLCs, *told)
		}
	}
	if len(incoming.HTLCs) == 0 {
		return nil
	}
	return sh.lightningd.Send(incoming)
}

// sharedSecrets asks for the secrets of all onions; those that cannot have one get the zero value.
func (sh *shell) sharedSecrets(list []channel.ReceivedHTLC) ([]hsmdmsg.ECDHResult, error) {
	results := make([]hsmdmsg.ECDHResult, len(list))
	var points []keys.PubKey
	var of []int
	for i := range list {
		if point, err := packetOf(&list[i]).EphemeralKey(); err == nil {
			points, of = append(points, point), append(of, i)
		}
	}
	secrets, err := sh.hsmd.ecdh(points)
	for i := range secrets {
		results[of[i]] = secrets[i]
	}
	return results, err
}

func packetOf(h *channel.ReceivedHTLC) *onion.Packet { return (*onion.Packet)(&h.Onion) }

// read peels one onion. Nil means that the HTLC is failed already.
func (sh *shell) read(h *channel.ReceivedHTLC, secret hsmdmsg.ECDHResult) (*channeldmsg.IncomingHTLC, error) {
	told, err := peel(h, secret)
	var bad *onion.BadOnionError
	if errors.As(err, &bad) {
		return nil, sh.settleOne(h.ID, channel.Result{
			Kind: channel.Malformed, SHA256OfOnion: bad.SHA256OfOnion, FailureCode: wire.FailureCode(bad.Code),
		})
	}
	sh.held[h.ID] = held{secret.SharedSecret, time.Now()}
	var unreadable *onion.PayloadError
	switch {
	case errors.As(err, &unreadable):
		return nil, sh.failOne(h.ID, unreadable.Failure())
	case err != nil:
		return nil, err
	case h.Refuse != channel.RefuseNot:
		sh.log.Debug("htlc refused", "htlc_id", h.ID, "reason", h.Refuse.String())
		return nil, sh.failOne(h.ID, sh.refusal(h, told.Final != nil))
	}
	return told, nil
}

// refusalCodes says what the origin of an HTLC is told that we do not take.
var refusalCodes = map[channel.Refusal]onion.FailureCode{
	channel.RefuseDustExposure: onion.TemporaryChannelFailure,
	channel.RefuseTooSoon:      onion.ExpiryTooSoon,
	channel.RefuseTooFar:       onion.ExpiryTooFar,
}

// refusal is the message with which an HTLC is failed that we do not take.
func (sh *shell) refusal(h *channel.ReceivedHTLC, final bool) *onion.Failure {
	if final && h.Refuse == channel.RefuseTooSoon {
		// BOLT 4, Failure Messages: no code of its own, lest one probes which hash we know.
		return &onion.Failure{Code: onion.IncorrectOrUnknownPaymentDetails, HTLCMsat: h.Amount, Height: sh.height}
	}
	return &onion.Failure{Code: refusalCodes[h.Refuse]}
}

// peel reads what the onion tells us.
func peel(h *channel.ReceivedHTLC, secret hsmdmsg.ECDHResult) (*channeldmsg.IncomingHTLC, error) {
	p := packetOf(h)
	if h.BlindedPath != nil {
		// BOLT 4, Route Blinding: we did not offer it, and say no more than this.
		return nil, &onion.BadOnionError{Code: onion.InvalidOnionBlinding, SHA256OfOnion: sha256.Sum256(p[:])}
	}
	if _, err := p.EphemeralKey(); err != nil {
		return nil, err
	}
	if secret.BadPoint {
		return nil, &onion.BadOnionError{Code: onion.InvalidOnionKey, SHA256OfOnion: sha256.Sum256(p[:])}
	}
	raw, next, err := onion.Peel(p, secret.SharedSecret, h.PaymentHash[:])
	if err != nil {
		return nil, err
	}
	payload, err := onion.DecodePayload(raw, next == nil)
	if err != nil {
		return nil, err
	}
	told := &channeldmsg.IncomingHTLC{
		ID: h.ID, AmountMsat: h.Amount, PaymentHash: h.PaymentHash, CLTVExpiry: h.CLTVExpiry, RawPayload: raw,
		SharedSecret: secret.SharedSecret, ExtraTLVs: h.ExtraTLVs,
	}
	if next == nil {
		told.Final = finalOf(payload)
		return told, nil
	}
	packet, err := next.Packet()
	if err != nil {
		return nil, err
	}
	told.Forward = &channeldmsg.Forward{
		ShortChannelID: *payload.ShortChannelID, AmtToForward: payload.AmtToForward,
		OutgoingCLTV: payload.OutgoingCLTVValue, NextOnion: packet[:],
	}
	return told, nil
}

func finalOf(p *onion.Payload) *channeldmsg.Final {
	f := &channeldmsg.Final{
		AmtToForward: p.AmtToForward, OutgoingCLTV: p.OutgoingCLTVValue, PaymentMetadata: p.PaymentMetadata, Keysend: p.Keysend,
	}
	if p.PaymentData != nil {
		f.PaymentSecret, f.TotalMsat = &p.PaymentData.PaymentSecret, p.PaymentData.TotalMsat
	}
	return f
}

// settle carries out lightningd's decisions.
func (sh *shell) settle(m *channeldmsg.Settle) error {
	for i := range m.HTLCs {
		s := &m.HTLCs[i]
		h, ok := sh.held[s.ID]
		if !ok {
			continue // it is settled already
		}
		var r channel.Result
		switch {
		case s.Preimage != nil:
			r = channel.Result{Kind: channel.Fulfill, Preimage: *s.Preimage, Attribution: h.attribute(nil, s.Attribution)}
		case !sh.channel.HasRoomFor(max(len(s.Relay), len(s.Failure))):
			f := onion.Failure{Code: onion.TemporaryChannelFailure}
			r = h.failed(onion.CreateFailure(h.secret, f.Encode()), nil)
		case s.Relay != nil:
			onion.WrapFailure(h.secret, s.Relay)
			r = h.failed(s.Relay, s.Attribution)
		default:
			r = h.failed(onion.CreateFailure(h.secret, s.Failure), nil)
		}
		if err := sh.stepChannel(channel.Settle{HTLCID: s.ID, Result: r}); err != nil {
			return err
		}
		delete(sh.held, s.ID)
	}
	return nil
}

// failOne fails an HTLC with a message of ours.
func (sh *shell) failOne(id uint64, f *onion.Failure) error {
	h := sh.held[id]
	delete(sh.held, id)
	return sh.settleOne(id, h.failed(onion.CreateFailure(h.secret, f.Encode()), nil))
}

// settleOne ends an HTLC without asking lightningd; there is something to commit then.
func (sh *shell) settleOne(id uint64, r channel.Result) error {
	sh.settled = true
	return sh.stepChannel(channel.Settle{HTLCID: id, Result: r})
}

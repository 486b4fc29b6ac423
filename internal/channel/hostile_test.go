package channel_test

import (
	"encoding/hex"

	"fulmen/internal/amount"
	"fulmen/internal/block"
	"fulmen/internal/channel/channeltest"
	"fulmen/internal/keys"
	"fulmen/internal/scripttest"
	"fulmen/internal/wire"
)

// hostile makes a message that the peer never sent.
func (s *side) hostile(c *scripttest.Command) wire.Message {
	id := s.Channel.Params().ChannelID
	switch c.Word(2) {
	case "update_add_htlc":
		return &wire.UpdateAddHTLC{
			ChannelID: id, ID: c.Uint("id", 0), AmountMsat: amount.Msat(c.Uint("amount", 5_000_000)),
			CLTVExpiry: block.Height(c.Uint("expiry", 500)),
		}
	case "update_fulfill_htlc":
		return &wire.UpdateFulfillHTLC{ChannelID: id, ID: c.Uint("id", 0), PaymentPreimage: preimageOf(c.Uint("preimage", 1))}
	case "update_fail_htlc":
		return &wire.UpdateFailHTLC{ChannelID: id, ID: c.Uint("id", 0)}
	case "update_fail_malformed_htlc":
		return &wire.UpdateFailMalformedHTLC{ChannelID: id, ID: c.Uint("id", 0), FailureCode: wire.FailureCode(c.Uint("code", 0xc005))}
	case "update_fee":
		return &wire.UpdateFee{ChannelID: id, FeeratePerKw: amount.FeeratePerKw(c.Uint("feerate", 1000))}
	case "commitment_signed":
		if c.Bool("empty", false) {
			return s.emptyCommitment(c)
		}
		return &wire.CommitmentSigned{ChannelID: id, HTLCSignature: make([]keys.Signature, c.Uint("num_htlcs", 0))}
	case "revoke_and_ack":
		m := &wire.RevokeAndAck{ChannelID: id, PerCommitmentSecret: wrongSecret, NextPerCommitmentPoint: notOnCurve}
		if c.Bool("secret", false) {
			revoked, err := s.peer.Signer.Revoke(s.peer.Channel.Summary().LocalNumber)
			if err != nil {
				c.T.Fatal(err)
			}
			m.PerCommitmentSecret = revoked.Secret
		}
		return m
	case "channel_ready":
		m := &wire.ChannelReady{ChannelID: id, SecondPerCommitmentPoint: s.peer.Signer.Point(1)}
		if c.Bool("bad_point", false) {
			m.SecondPerCommitmentPoint = notOnCurve
		}
		return m
	case "channel_reestablish":
		return s.reestablish(c)
	case "shutdown":
		m := &wire.Shutdown{ChannelID: id, ScriptPubkey: channeltest.Script(c.String("script", "bob"))}
		if c.Has("hex") {
			m.ScriptPubkey, _ = hex.DecodeString(c.String("hex", ""))
		}
		return m
	case "announcement_signatures":
		return &wire.AnnouncementSignatures{ChannelID: id, ShortChannelID: wire.NewShortChannelID(uint32(c.Uint("block", 100)), 1, 0)}
	case "error":
		return &wire.Error{ChannelID: id, Data: []byte("go away")}
	case "warning":
		return &wire.Warning{ChannelID: id, Data: []byte("take care")}
	case "stfu":
		return &wire.Stfu{ChannelID: id}
	}
	c.T.Fatalf("%s: unknown message", c.Line)
	return nil
}

// emptyCommitment is a good commitment_signed of our commitment as it is.
func (s *side) emptyCommitment(c *scripttest.Command) wire.Message {
	content := s.Channel.LocalContent()
	content.Number++
	content.ToLocal, content.ToRemote = content.ToRemote, content.ToLocal
	signed, err := s.peer.Signer.SignRemote(&content, s.Signer.Point(content.Number))
	if err != nil {
		c.T.Fatal(err)
	}
	return &wire.CommitmentSigned{ChannelID: s.Channel.Params().ChannelID, Signature: signed.Signature}
}

// notOnCurve looks like a compressed point.
var notOnCurve = keys.PubKey{2, 32: 5}

// reestablish is what the peer would send, with other numbers; secret=n shows ours of commitment n.
func (s *side) reestablish(c *scripttest.Command) wire.Message {
	theirs := s.peer.Channel.Summary()
	m := &wire.ChannelReestablish{
		ChannelID:                   s.Channel.Params().ChannelID,
		NextCommitmentNumber:        c.Uint("next_commitment_number", uint64(theirs.LocalNumber)+1),
		NextRevocationNumber:        c.Uint("next_revocation_number", 0),
		MyCurrentPerCommitmentPoint: s.peer.Signer.Point(theirs.LocalNumber),
	}
	switch secret := c.String("secret", "none"); secret {
	case "none":
	case "wrong":
		m.YourLastPerCommitmentSecret = wrongSecret
	case "right":
		r, err := s.futureSecret(keys.CommitmentNumber(m.NextRevocationNumber - 1))
		if err != nil {
			c.T.Fatal(err)
		}
		m.YourLastPerCommitmentSecret = r
	}
	return m
}

// futureSecret is our secret of any commitment: what a peer knows that has seen our future.
func (s *side) futureSecret(n keys.CommitmentNumber) (keys.Secret, error) {
	peer, err := channeltest.NodeOf(s.peer.Name)
	if err != nil {
		return keys.Secret{}, err
	}
	again, err := channeltest.NewReal(s.Name, peer.ID())
	if err != nil {
		return keys.Secret{}, err
	}
	var last keys.Secret
	for i := keys.CommitmentNumber(0); i <= n; i++ {
		r, err := again.Revoke(i)
		if err != nil {
			return keys.Secret{}, err
		}
		last = r.Secret
	}
	return last, nil
}

// tamper changes the last message on its way.
func (s *side) tamper(c *scripttest.Command) {
	switch m := s.out[len(s.out)-1].(type) {
	case *wire.CommitmentSigned:
		switch c.Word(2) {
		case "signature":
			m.Signature[40] ^= 1
		case "htlc_signature":
			m.HTLCSignature[len(m.HTLCSignature)-1][40] ^= 1
		case "num_htlcs":
			m.HTLCSignature = m.HTLCSignature[1:]
		case "high_s":
			m.Signature[32] |= 0x80
		case "funding_txid":
			m.FundingTxid = &[32]byte{1}
		default:
			c.T.Fatalf("%s: unknown field", c.Line)
		}
	case *wire.RevokeAndAck:
		switch c.Word(2) {
		case "per_commitment_secret":
			m.PerCommitmentSecret = wrongSecret
		case "next_per_commitment_point":
			m.NextPerCommitmentPoint = notOnCurve
		default:
			c.T.Fatalf("%s: unknown field", c.Line)
		}
	case *wire.AnnouncementSignatures:
		switch c.Word(2) {
		case "node_signature":
			m.NodeSignature[40] ^= 1
		case "bitcoin_signature":
			m.BitcoinSignature[40] ^= 1
		}
	default:
		c.T.Fatalf("%s: nothing to change in %s", c.Line, m.Type())
	}
}

package channel_test

import (
	"fmt"
	"strings"

	"fulmen/internal/channel"
	"fulmen/internal/wire"
)

// describe prints a message by its BOLT's names, without what is random.
func describe(m wire.Message) string {
	name := m.Type().String()
	switch m := m.(type) {
	case *wire.ChannelReady:
		if m.ShortChannelID != nil {
			return fields("%s short_channel_id=%d", name, uint64(*m.ShortChannelID))
		}
	case *wire.UpdateAddHTLC:
		return fields("%s id=%d amount_msat=%d cltv_expiry=%d", name, m.ID, m.AmountMsat, m.CLTVExpiry)
	case *wire.UpdateFulfillHTLC:
		return fields("%s id=%d", name, m.ID)
	case *wire.UpdateFailHTLC:
		return fields("%s id=%d reason=%s", name, m.ID, m.Reason)
	case *wire.UpdateFailMalformedHTLC:
		return fields("%s id=%d failure_code=%#x", name, m.ID, uint16(m.FailureCode))
	case *wire.UpdateFee:
		return fields("%s feerate_per_kw=%d", name, m.FeeratePerKw)
	case *wire.CommitmentSigned:
		return fields("%s num_htlcs=%d", name, len(m.HTLCSignature))
	case *wire.ChannelReestablish:
		return fields("%s next_commitment_number=%d next_revocation_number=%d", name, m.NextCommitmentNumber, m.NextRevocationNumber)
	case *wire.Warning:
		return fields("%s %q", name, m.Data)
	}
	return name
}

func describeAction(a channel.Action) string {
	switch a := a.(type) {
	case channel.AskPoint:
		return fields("ask point local_commitment=%d", a.Number)
	case channel.AskSigner:
		c := &a.Commitment
		return fields("ask signer remote_commitment=%d feerate_per_kw=%d to_local=%d to_remote=%d htlcs=%d",
			c.Number, c.Feerate, c.ToLocal, c.ToRemote, len(c.HTLCs))
	case channel.AskRevocation:
		return fields("ask revocation local_commitment=%d", a.Number)
	case channel.CheckSecret:
		return fields("check secret local_commitment=%d", a.Number)
	case channel.Verify:
		return fields("verify local_commitment=%d signatures=%d", a.Commitment, len(a.Checks))
	case channel.AskAnnouncement:
		return "ask announcement"
	case channel.SendPeer:
		return "send " + describe(a.Msg)
	case channel.Store:
		return describeStore(&a)
	case channel.OfferFailed:
		return fields("offer failed ref=%d: %v", a.Ref, a.Err)
	case channel.Received:
		var list []string
		for _, h := range a.HTLCs {
			s := fmt.Sprintf("id=%d amount_msat=%d", h.ID, h.Amount)
			if h.Refuse != channel.RefuseNot {
				s += fmt.Sprintf(" refuse=%q", h.Refuse)
			}
			list = append(list, s)
		}
		return "received " + strings.Join(list, ", ")
	case channel.Reestablished:
		return "reestablished"
	case channel.Announced:
		if a.Again {
			return "announced again"
		}
		return "announced"
	case channel.ReadyToClose:
		return fields("ready to close to_local=%d to_remote=%d commitment_fee=%d", a.ToLocal, a.ToRemote, a.CommitmentFee)
	case channel.PeerWarned:
		return fields("peer warned: %s", a.Text)
	case channel.PeerErred:
		return fields("peer erred: %s", a.Text)
	}
	return fmt.Sprintf("%T", a)
}

func describeStore(s *channel.Store) string {
	out := "store"
	if len(s.Data) == 0 {
		out += " nothing"
	}
	if s.Snapshot {
		out += " snapshot"
	}
	for _, o := range s.Offered {
		out += fmt.Sprintf(" offered=%d:%d", o.Ref, o.HTLCID)
	}
	for _, h := range s.NewHTLCs {
		side := "theirs"
		if h.Offered {
			side = "ours"
		}
		out += fmt.Sprintf(" new=%s:%d", side, h.ID)
	}
	for _, l := range s.Learned {
		out += fmt.Sprintf(" learned=%d", l.HTLCID)
	}
	for _, f := range s.Failed {
		out += fmt.Sprintf(" failed=%d", f.HTLCID)
	}
	for _, id := range s.Resolved {
		out += fmt.Sprintf(" resolved=%d", id)
	}
	return out
}

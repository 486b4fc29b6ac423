package htlcswitch_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"fulmen/internal/amount"
	"fulmen/internal/block"
	"fulmen/internal/htlcswitch"
	"fulmen/internal/keys"
	"fulmen/internal/onion"
	"fulmen/internal/scripttest"
	"fulmen/internal/wire"
)

// TestScripts runs a switch by hand:
//
//	channel ID [peer= scid= alias= alias_only= spendable= min= max= base= ppm= delta= state= update=]
//	former ID [base= ...]     the terms before, which still pass
//	chain ID                  the channel goes to the chain
//	in ID [scid= in= out= cltv= out_cltv=]   an HTLC of channel 1 arrives
//	commit ID [as=]           the channel to which it was offered has committed to its twin
//	refuse ID [code=]         it has refused it
//	fulfill ID, return ID, fail ID           the twin ends
//	stored ID                 that is on disk
//	height N                  a block
//	gone ID                   the HTLC is irrevocably gone
func TestScripts(t *testing.T) {
	scripttest.Run(t, "testdata/*.txtar", func(t *testing.T) scripttest.Env {
		e := &env{t: t, channels: channels{}, offers: map[uint64]htlcswitch.Offer{}, height: 100}
		e.s = htlcswitch.New(e.channels)
		return e
	})
}

type channels map[uint64]*entry

type entry struct {
	htlcswitch.Channel
	onChain bool
}

func (cs channels) Named(id wire.ShortChannelID) *htlcswitch.Channel {
	for _, c := range cs {
		if c.ShortChannelID == id || c.Alias == id {
			return &c.Channel
		}
	}
	return nil
}

func (cs channels) With(peer keys.PubKey) (list []*htlcswitch.Channel) {
	for _, c := range cs {
		if c.Peer == peer {
			list = append(list, &c.Channel)
		}
	}
	return list
}

func (cs channels) OnChain(id uint64) bool { return cs[id] == nil || cs[id].onChain }

type env struct {
	t        *testing.T
	s        *htlcswitch.Switch
	channels channels
	offers   map[uint64]htlcswitch.Offer // by the id of the incoming HTLC
	height   block.Height
}

var now = time.Unix(1_800_000_000, 0)

func (e *env) Do(c *scripttest.Command) []string {
	defer c.Done()
	var id uint64
	if _, err := fmt.Sscan(c.Word(1), &id); err != nil {
		e.t.Fatalf("%s: which?", c.Line)
	}
	f := e.offers[id].Forward
	switch c.Word(0) {
	case "channel":
		e.channels[id] = e.channel(id, c)
	case "former":
		terms := termsOf(c)
		e.channels[id].Former = &terms
	case "chain":
		e.channels[id].onChain = true
	case "in":
		return e.show(e.s.Arrive(htlcOf(id, c), now, e.height)...)
	case "commit":
		row := e.s.Commit(f, htlcswitch.Key{Channel: e.offers[id].Channel, HTLC: c.Uint("as", 0)})
		return []string{"link " + showRow(&row)}
	case "refuse":
		return e.show(e.s.Refuse(f, e.offers[id].Channel, onion.FailureCode(c.Uint("code", 0x1007)), now, e.height))
	case "fulfill":
		return e.end(e.s.Fulfill(f, [32]byte{7}, nil, now))
	case "return":
		return e.end(e.s.Return(f, []byte{1, 2, 3}, nil, now))
	case "fail":
		return e.end(e.s.Fail(f, &onion.Failure{Code: onion.PermanentChannelFailure}, now))
	case "height":
		e.height = block.Height(id)
		var out []string
		for _, end := range e.s.Tick(now, e.height) {
			out = append(out, e.show(end)...)
		}
		return out
	case "stored":
		e.s.Stored(htlcswitch.Key{Channel: 1, HTLC: id})
	case "gone":
		if e.s.Gone(htlcswitch.Key{Channel: 1, HTLC: id}) {
			return []string{"forget its reason"}
		}
	case "forget":
		e.s.Forget(id)
	default:
		e.t.Fatalf("unknown command %q", c.Line)
	}
	return nil
}

func (e *env) channel(id uint64, c *scripttest.Command) *entry {
	states := []string{"ready", "away", "opening", "closing"}
	state := slices.Index(states, c.String("state", "ready"))
	if state < 0 {
		e.t.Fatalf("%s: state should be one of %v", c.Line, states)
	}
	ch := htlcswitch.Channel{
		ID: id, Peer: keys.PubKey{byte(c.Uint("peer", id))}, ShortChannelID: wire.ShortChannelID(c.Uint("scid", id*100)),
		Alias: wire.ShortChannelID(c.Uint("alias", id*100+1)), AliasOnly: c.Bool("alias_only", false), State: htlcswitch.State(state),
		Spendable: amount.Msat(c.Uint("spendable", 1_000_000)), Terms: termsOf(c), Disabled: c.Bool("disabled", false),
	}
	if c.Has("update") {
		ch.UpdateFor, ch.Update = wire.ShortChannelID(c.Uint("update", 0)), []byte{1, 2}
	}
	return &entry{Channel: ch}
}

func termsOf(c *scripttest.Command) htlcswitch.Terms {
	return htlcswitch.Terms{
		FeeBase: amount.Msat(c.Uint("base", 1000)), FeePPM: uint32(c.Uint("ppm", 10_000)), HTLCMin: amount.Msat(c.Uint("min", 1)),
		HTLCMax: amount.Msat(c.Uint("max", 1_000_000)), CLTVDelta: block.Delta(c.Uint("delta", 20)),
	}
}

func htlcOf(id uint64, c *scripttest.Command) htlcswitch.HTLC {
	return htlcswitch.HTLC{
		Key: htlcswitch.Key{Channel: 1, HTLC: id}, Name: 100, ShortChannelID: wire.ShortChannelID(c.Uint("scid", 200)),
		Amount: amount.Msat(c.Uint("in", 102_000)), AmtToForward: amount.Msat(c.Uint("out", 100_000)),
		CLTVExpiry: block.Height(c.Uint("cltv", 150)), OutgoingCLTV: block.Height(c.Uint("out_cltv", 130)), Onion: []byte{9},
	}
}

func (e *env) end(end htlcswitch.End, ok bool) []string {
	if !ok {
		return []string{"it was given up before"}
	}
	return e.show(end)
}

func (e *env) show(actions ...htlcswitch.Action) (out []string) {
	for _, a := range actions {
		switch a := a.(type) {
		case htlcswitch.Offer:
			e.offers[a.Forward.HTLC.HTLC] = a
			out = append(out, fmt.Sprintf("offer channel=%d amount_msat=%d cltv_expiry=%d", a.Channel, uint64(a.Forward.AmtToForward), a.Forward.OutgoingCLTV))
		case htlcswitch.End:
			out = append(out, "store "+showRow(&a.Row), showSettle(a.Settle))
		case htlcswitch.Settle:
			out = append(out, showSettle(a))
		}
	}
	return out
}

func showRow(f *htlcswitch.Forward) string {
	s := fmt.Sprintf("htlc=%d status=%s", f.HTLC.HTLC, f.Status)
	if f.Out.Channel != 0 {
		s += fmt.Sprintf(" twin=%d/%d fee=%d", f.Out.Channel, f.Out.HTLC, uint64(f.Fee()))
	}
	if f.FailCode != 0 {
		s += fmt.Sprintf(" failcode=%s", f.FailCode)
	}
	return s
}

func showSettle(s htlcswitch.Settle) string {
	switch {
	case s.Preimage != nil:
		return fmt.Sprintf("fulfill htlc=%d", s.HTLC)
	case s.Reason != nil:
		return fmt.Sprintf("relay htlc=%d reason=%x", s.HTLC, s.Reason)
	}
	return fmt.Sprintf("fail htlc=%d message=%x", s.HTLC, s.Failure)
}

package network

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"fulmen/internal/amount"
	"fulmen/tests/harness"
)

// TestForward: alice pays carol through bob; bob is restarted in between, and forwards again.
func TestForward(t *testing.T) {
	l := newLine(t)
	var paid, earned amount.Msat
	pay := func(amt amount.Msat) {
		t.Helper()
		if err := l.pay(l.invoiced(amt)); err != nil {
			t.Fatal(err)
		}
		paid, earned = paid+amt, earned+feeOf(amt)
	}
	pay(100_000_000)
	pay(1)
	l.balanced(paid, earned)
	l.bob.Restart()
	l.joined()
	pay(123_456_789)
	l.balanced(paid, earned)

	list := forwards(l.bob, nil)
	if len(list) != 3 {
		t.Fatalf("%d forwards, want 3: %+v", len(list), list)
	}
	last := list[2]
	want := forward{
		CreatedIndex: 3, UpdatedIndex: 3, InChannel: l.first, InID: 2, InMsat: 123_456_789 + feeOf(123_456_789), OutChannel: l.second,
		OutMsat: 123_456_789, FeeMsat: feeOf(123_456_789), Status: "settled",
	}
	if last != want {
		t.Errorf("the last forward is %+v, want %+v", last, want)
	}
	if got := forwards(l.bob, object{"index": "updated", "start": 2, "limit": 1}); len(got) != 1 || got[0].UpdatedIndex != 2 {
		t.Errorf("the second update: %+v", got)
	}
	if got := forwards(l.bob, object{"in_channel": l.second}); len(got) != 0 {
		t.Errorf("forwards from carol's channel: %+v", got)
	}
	if got := forwards(l.bob, object{"out_channel": l.second, "status": "settled"}); len(got) != 3 {
		t.Errorf("%d forwards to carol's channel, want 3", len(got))
	}
	l.htlcsOfBob()
	l.earnedBySQL(3, earned)
	l.bob.Call("delforward", object{"in_channel": l.first, "in_htlc_id": 1, "status": "settled"}, nil)
	l.earnedBySQL(2, earned-feeOf(1))
	if err := l.bob.Try("delforward", object{"in_channel": l.first, "in_htlc_id": 1, "status": "settled"}, nil); err == nil {
		t.Error("a forward was deleted twice")
	}
	if got := forwards(l.bob, nil); len(got) != 2 {
		t.Errorf("%d forwards after a deletion, want 2", len(got))
	}
	l.balanced(paid, earned)
}

// earnedBySQL asks the plugin sql for bob's forwards, joined with the channels that they came through.
func (l *line) earnedBySQL(count int, earned amount.Msat) {
	l.t.Helper()
	var r struct{ Rows [][]any }
	l.bob.Call("sql", []string{`SELECT count(*), sum(f.fee_msat), c.peer_id FROM forwards f
		JOIN peerchannels c ON c.short_channel_id = f.in_channel WHERE f.status = 'settled' GROUP BY c.peer_id`}, &r)
	want := [][]any{{float64(count), float64(earned), l.alice.ID()}}
	if fmt.Sprint(r.Rows) != fmt.Sprint(want) {
		l.t.Errorf("forwards by SQL: %v, want %v", r.Rows, want)
	}
}

// htlcsOfBob checks listhtlcs after three payments, which bob forwarded one after the other.
func (l *line) htlcsOfBob() {
	l.t.Helper()
	list := func(params object) (ids []string) {
		var reply struct {
			HTLCs []struct {
				Created   uint64 `json:"created_index"`
				Updated   uint64 `json:"updated_index"`
				SCID      string `json:"short_channel_id"`
				ID        uint64 `json:"id"`
				Direction string `json:"direction"`
				State     string `json:"state"`
			} `json:"htlcs"`
		}
		l.bob.Call("listhtlcs", params, &reply)
		for _, h := range reply.HTLCs {
			ids = append(ids, fmt.Sprintf("%s %s %d %s", h.SCID, h.Direction, h.ID, h.State))
			if h.Updated == 0 {
				l.t.Errorf("HTLC %d of %s has no outcome", h.ID, h.SCID)
			}
		}
		return ids
	}
	var want []string
	for id := range 3 {
		want = append(want, fmt.Sprintf("%s in %d SENT_REMOVE_ACK_REVOCATION", l.first, id), fmt.Sprintf("%s out %d RCVD_REMOVE_ACK_REVOCATION", l.second, id))
	}
	for _, c := range []struct {
		params object
		want   []string
	}{
		{nil, want},
		{object{"id": l.second}, []string{want[1], want[3], want[5]}},
		{object{"index": "created", "start": 2, "limit": 3}, want[1:4]},
	} {
		if got := list(c.params); !slices.Equal(got, c.want) {
			l.t.Errorf("listhtlcs %v: %q, want %q", c.params, got, c.want)
		}
	}
	// bob learns the preimage before alice's HTLC is gone.
	if got := list(object{"index": "updated", "limit": 1}); !slices.Equal(got, want[1:2]) {
		l.t.Errorf("the first outcome is %q, want %q", got, want[1])
	}
	if err := l.bob.Try("listhtlcs", object{"id": "1x2x3"}, nil); err == nil {
		l.t.Error("HTLCs of a channel that is not there")
	}
}

// TestBOLT4ForwardFailures sends what bob must not forward, in each way, and reads what alice learns.
func TestBOLT4ForwardFailures(t *testing.T) {
	l := newLine(t)
	for _, tt := range []struct {
		name   string
		change func(*payment)
		code   int // BOLT 4
		index  int
		data   string // what the message begins with, after its code
	}{
		{"unknown channel", func(p *payment) { p.second = "1x2x3" }, 0x400a, 1, ""},
		{"no fee", func(p *payment) { p.fee = 0 }, 0x100c, 1, fmt.Sprintf("%016x", 1_000_000)},
		{"a millisatoshi short", func(p *payment) { p.fee-- }, 0x100c, 1, fmt.Sprintf("%016x", 1_000_000+uint64(feeOf(1_000_000))-1)},
		{"cltv delta too small", func(p *payment) { p.delta-- }, 0x100d, 1, fmt.Sprintf("%08x", l.btcd.Height()+finalDelta)},
		{"unknown payment", func(p *payment) { p.hash = strings.Repeat("00", 32) }, 0x400f, 2, fmt.Sprintf("%016x", 1_000_000)},
		{"wrong secret", func(p *payment) { p.secret = strings.Repeat("00", 32) }, 0x400f, 2, ""},
	} {
		p := l.invoiced(1_000_000)
		tt.change(p)
		err := l.pay(p)
		if err == nil {
			t.Errorf("%s: it was paid", tt.name)
			continue
		}
		f := failureOf(t, err)
		if f.Code != tt.code || f.Index != tt.index || !strings.HasPrefix(f.Raw, fmt.Sprintf("%04x%s", tt.code, tt.data)) {
			t.Errorf("%s: %+v, want code %x at %d", tt.name, f, tt.code, tt.index)
		}
	}
	l.balanced(0, 0)
	var codes []int
	for _, f := range forwards(l.bob, nil) {
		codes = append(codes, f.FailCode)
	}
	if want := []int{0x400a, 0x100c, 0x100c, 0x100d, 0, 0}; !slices.Equal(codes, want) {
		t.Errorf("failcodes of bob's forwards %x, want %x", codes, want)
	}
}

// TestForwardWhileCarolIsAway: the channel is there, its peer is not; later it is again.
func TestForwardWhileCarolIsAway(t *testing.T) {
	l := newLine(t)
	p := l.invoiced(1_000_000)
	l.carol.Stop()
	harness.Eventually(t, "bob notices", func() error {
		for _, c := range l.bob.Channels() {
			if c.SCID == l.second && c.PeerConnected {
				return fmt.Errorf("carol is connected")
			}
		}
		return nil
	})
	if f := failureOf(t, l.pay(p)); f.Code != 0x1007 || f.Index != 1 || f.Channel != l.second {
		t.Errorf("%+v, want temporary_channel_failure", f)
	}
	l.carol.Start()
	l.carol.WaitChannel("", "CHANNELD_NORMAL")
	l.bob.WaitChannel("", "CHANNELD_NORMAL")
	if err := l.pay(p); err != nil {
		t.Fatal(err)
	}
	l.balanced(p.amt, p.fee)
}

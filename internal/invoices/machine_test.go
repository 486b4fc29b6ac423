package invoices

import (
	"errors"
	"testing"
	"time"

	"fulmen/internal/amount"
	"fulmen/internal/block"
)

type shelf map[Hash]*Invoice

func (s shelf) InvoiceByHash(h Hash) (*Invoice, error) {
	if h == (Hash{0xee}) {
		return nil, errors.New("disk on fire")
	}
	return s[h], nil
}

var (
	start  = time.Unix(1_000_000, 0)
	secret = [32]byte{7}
)

const height block.Height = 500

func newMachine(amt amount.Msat) *Machine {
	inv := &Invoice{PaymentHash: Hash{1}, PaymentSecret: secret, Amount: amt, MinFinalCLTV: 18,
		ExpiresAt: start.Add(time.Hour), Status: Unpaid}
	return New(shelf{inv.PaymentHash: inv})
}

func part(id uint64, amt, total amount.Msat) Part {
	return Part{Key: Key{Channel: 1, HTLC: id}, PaymentHash: Hash{1}, Amount: amt, CLTVExpiry: height + 18,
		AmtToForward: amt, OutgoingCLTV: height + 18, PaymentSecret: secret, TotalMsat: total, HasSecret: true}
}

func TestArriveOnePart(t *testing.T) {
	for _, c := range []struct {
		name   string
		amount amount.Msat
		change func(*Part)
		now    time.Time
		want   Reason // of a Fail; -1 for a Take
	}{
		{name: "exact", amount: 1000, want: -1},
		{name: "twice as much", amount: 500, want: -1},
		{name: "any amount", amount: 0, want: -1},
		{name: "more than twice", amount: 499, want: UnknownDetails},
		{name: "too little", amount: 1001, want: UnknownDetails},
		{name: "wrong secret", amount: 1000, change: func(p *Part) { p.PaymentSecret[0]++ }, want: UnknownDetails},
		{name: "no secret", amount: 1000, change: func(p *Part) { p.HasSecret = false }, want: UnknownDetails},
		{name: "unknown hash", amount: 1000, change: func(p *Part) { p.PaymentHash[0]++ }, want: UnknownDetails},
		{name: "expired", amount: 1000, now: start.Add(2 * time.Hour), want: UnknownDetails},
		{name: "cltv too soon", amount: 1000, change: func(p *Part) { p.CLTVExpiry--; p.OutgoingCLTV-- }, want: UnknownDetails},
		{name: "cltv below onion", amount: 1000, change: func(p *Part) { p.OutgoingCLTV++ }, want: FinalIncorrectCLTV},
		{name: "amount below onion", amount: 1000, change: func(p *Part) { p.AmtToForward++ }, want: FinalIncorrectAmount},
		{name: "total beyond all money", amount: 0, change: func(p *Part) { p.TotalMsat = ^amount.Msat(0) }, want: UnknownDetails},
	} {
		t.Run(c.name, func(t *testing.T) {
			m, p := newMachine(c.amount), part(0, 1000, 1000)
			if c.change != nil {
				c.change(&p)
			}
			if c.now.IsZero() {
				c.now = start
			}
			actions, err := m.Arrive(p, c.now, height)
			if err != nil || len(actions) != 1 {
				t.Fatalf("Arrive: %v, %v; want one action", actions, err)
			}
			switch a := actions[0].(type) {
			case Take:
				if c.want != -1 || a.Received != 1000 || len(a.Parts) != 1 {
					t.Fatalf("took %+v, want reason %d", a, c.want)
				}
			case Fail:
				if c.want != a.Reason || a.Key != p.Key {
					t.Fatalf("failed with %+v, want reason %d", a, c.want)
				}
			}
		})
	}
}

func TestPartsWaitForEachOther(t *testing.T) {
	m := newMachine(1000)
	if a, err := m.Arrive(part(0, 400, 1000), start, height); len(a) != 0 || err != nil {
		t.Fatalf("first part: %v, %v; want to wait", a, err)
	}
	if a, _ := m.Arrive(part(1, 400, 900), start, height); len(a) != 1 {
		t.Fatalf("part with another total: %v, want it failed", a)
	}
	a, _ := m.Arrive(part(2, 600, 1000), start, height)
	take, ok := a[0].(Take)
	if !ok || len(take.Parts) != 2 || take.Received != 1000 {
		t.Fatalf("last part: %v, want both taken", a)
	}
	if a, _ := m.Arrive(part(3, 600, 1000), start, height); len(a) != 1 || a[0].(Fail).Reason != UnknownDetails {
		t.Fatalf("part after the take: %v, want it failed", a)
	}
	m.Stored(Hash{1})
	if _, waiting := m.Deadline(); waiting {
		t.Fatal("a stored set still has a deadline")
	}
}

func TestSetTimesOut(t *testing.T) {
	m := newMachine(1000)
	m.SetTimeout = 5 * time.Second
	m.Arrive(part(0, 400, 1000), start, height)
	deadline, ok := m.Deadline()
	if !ok || deadline != start.Add(5*time.Second) {
		t.Fatalf("deadline %v, %v", deadline, ok)
	}
	if a := m.Expire(deadline.Add(-1)); len(a) != 0 {
		t.Fatalf("expired early: %v", a)
	}
	a := m.Expire(deadline)
	if len(a) != 1 || a[0] != (Fail{part(0, 400, 1000), MPPTimeout}) {
		t.Fatalf("at the deadline: %v", a)
	}
}

func TestForgetChannel(t *testing.T) {
	m := newMachine(1000)
	m.Arrive(part(0, 400, 1000), start, height)
	m.Forget(1)
	if _, ok := m.Deadline(); ok {
		t.Fatal("forgotten part still waits")
	}
	if a, _ := m.Arrive(part(0, 400, 1000), start, height); len(a) != 0 {
		t.Fatalf("part that came again: %v, want to wait", a)
	}
}

func TestStorageErrorIsReturned(t *testing.T) {
	p := part(0, 1000, 1000)
	p.PaymentHash = Hash{0xee}
	if _, err := newMachine(1000).Arrive(p, start, height); err == nil {
		t.Fatal("want the storage's error")
	}
}

// TestTakenPartsThatComeAgain: while a payment is being taken, a part that its channel tells again waits for
// the outcome; if it failed, the payment could be taken and its HTLC lost.
func TestTakenPartsThatComeAgain(t *testing.T) {
	m := newMachine(1000)
	take, err := m.Arrive(part(1, 1000, 1000), start, height)
	if err != nil || len(take) != 1 {
		t.Fatalf("%v, %v", take, err)
	}
	if again, err := m.Arrive(part(1, 1000, 1000), start, height); err != nil || len(again) != 0 {
		t.Errorf("told again: %v, %v", again, err)
	}
	if other, err := m.Arrive(part(2, 1000, 1000), start, height); err != nil || len(other) != 1 {
		t.Errorf("another part: %v, %v", other, err)
	}
	m.Reject(Hash{1})
	if again, err := m.Arrive(part(1, 1000, 1000), start, height); err != nil || len(again) != 1 {
		t.Errorf("after it was rejected: %v, %v", again, err)
	}
}

// TestPartsCountOnce: a part that waits for the others, and that its channel tells again, counts once. A plugin may have
// decided about it while its channel had no process, and the next process tells of it as if it were new.
func TestPartsCountOnce(t *testing.T) {
	m := newMachine(1000)
	for range 3 {
		if a, err := m.Arrive(part(0, 500, 1000), start, height); len(a) != 0 || err != nil {
			t.Fatalf("half of it: %v, %v; want to wait", a, err)
		}
	}
	a, err := m.Arrive(part(1, 500, 1000), start, height)
	if err != nil || len(a) != 1 {
		t.Fatalf("the other half: %v, %v", a, err)
	}
	if take, ok := a[0].(Take); !ok || len(take.Parts) != 2 || take.Received != 1000 {
		t.Errorf("%+v, want both parts taken, each once", a[0])
	}
}

func TestAskedStandsForTheInvoice(t *testing.T) {
	m := newMachine(1000)
	p := part(1, 500, 500)
	p.Asked = 500
	if actions, err := m.Arrive(p, start, height); err != nil || len(actions) != 1 {
		t.Errorf("%v, %v", actions, err)
	} else if _, ok := actions[0].(Take); !ok {
		t.Errorf("%v is no Take", actions[0])
	}
}

package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"fulmen/internal/amount"
	"fulmen/internal/rpc"
	"fulmen/tests/harness"
)

// decoded is what a payer needs of an invoice.
type decoded struct {
	Hash   string `json:"payment_hash"`
	Secret string `json:"payment_secret"`
}

func decode(n *harness.Node, bolt11 string) (d decoded) {
	n.Call("decode", []string{bolt11}, &d)
	return d
}

// enoughBlocks is more than any invoice of a test asks its last HTLC to leave.
const enoughBlocks = 30

// direct is the route through one channel with a peer.
func direct(peer *harness.Node, scid string, amt amount.Msat, delay int) []object {
	return []object{{"id": peer.ID(), "channel": scid, "amount_msat": uint64(amt), "delay": delay}}
}

// wait returns how a part ended.
func wait(n *harness.Node, hash string, part int) error {
	var paid harness.Payment
	return n.Try("waitsendpay", object{"payment_hash": hash, "partid": part, "timeout": 60}, &paid)
}

// TestBOLT4FinalNodeFailures pays an invoice in each wrong way, and reads what the payee answers.
func TestBOLT4FinalNodeFailures(t *testing.T) {
	_, alice, bob := pair(t)
	scid := alice.Channels()[0].SCID
	const incorrectDetails = 0x400f // PERM|15
	zero := strings.Repeat("00", 32)
	for name, tt := range map[string]struct {
		hash, secret string
		amount       amount.Msat
		delay        int
	}{
		"unknown hash": {hash: zero}, "wrong secret": {secret: zero},
		"too little": {amount: 999_999}, "more than twice": {amount: 2_000_001}, "too soon": {delay: 1},
	} {
		inv := decode(bob, bob.Invoice(1_000_000, name))
		hash, secret, amt, delay := inv.Hash, inv.Secret, amount.Msat(1_000_000), enoughBlocks
		if tt.hash != "" {
			hash = tt.hash
		}
		if tt.secret != "" {
			secret = tt.secret
		}
		if tt.amount != 0 {
			amt = tt.amount
		}
		if tt.delay != 0 {
			delay = tt.delay
		}
		alice.Call("sendpay", object{"route": direct(bob, scid, amt, delay), "payment_hash": hash, "payment_secret": secret}, nil)
		err := wait(alice, hash, 0)
		var answered *rpc.Error
		if !errors.As(err, &answered) || answered.Code != 203 {
			t.Errorf("%s: %v", name, err)
			continue
		}
		data := failureOf(t, answered)
		if data.Code != incorrectDetails || data.Index != 1 || data.Node != bob.ID() ||
			!strings.HasPrefix(data.Raw, fmt.Sprintf("%04x%016x", incorrectDetails, uint64(amt))) {
			t.Errorf("%s: %+v", name, data)
		}
	}
	agree(t, alice, bob, 0)
}

// failure is the data of an error of waitsendpay.
type failure struct {
	Code  int    `json:"failcode"`
	Index int    `json:"erring_index"`
	Node  string `json:"erring_node"`
	Raw   string `json:"raw_message"`
}

func failureOf(t *testing.T, e *rpc.Error) (f failure) {
	t.Helper()
	raw, err := json.Marshal(e.Data)
	if err == nil {
		err = json.Unmarshal(raw, &f)
	}
	if err != nil {
		t.Fatalf("%v: %v", e, err)
	}
	return f
}

// flow is many parts of one payment, which wait at the payee until the last one comes.
type flow struct {
	from, to *harness.Node
	invoice  decoded
	total    amount.Msat
}

func (f *flow) part(id int, scid string, amt amount.Msat) error {
	return f.from.Try("sendpay", object{
		"route": direct(f.to, scid, amt, enoughBlocks), "payment_hash": f.invoice.Hash, "payment_secret": f.invoice.Secret,
		"amount_msat": uint64(f.total), "partid": id,
	}, nil)
}

// fill sends as many parts as a channel takes.
func (f *flow) fill(t *testing.T, scid string, parts int, each amount.Msat) {
	var all sync.WaitGroup
	next := make(chan int)
	for range 8 {
		all.Go(func() {
			for id := range next {
				if err := f.part(id, scid, each); err != nil {
					t.Errorf("%s: part %d: %v", f.from.Name, id, err)
				}
			}
		})
	}
	for id := 1; id <= parts; id++ {
		next <- id
	}
	close(next)
	all.Wait()
}

// TestBOLT2MaxAcceptedHTLCsBothWays has 483 HTLCs each way in one channel at once. They are parts of two
// payments, whose last parts find no room there and come through another channel.
func TestBOLT2MaxAcceptedHTLCsBothWays(t *testing.T) {
	btcd := harness.StartBtcd(t)
	alice, bob := harness.StartNode(t, btcd, "alice", harness.HoldParts...), harness.StartNode(t, btcd, "bob", harness.HoldParts...)
	alice.FundWallet(50_000_000)
	alice.Connect(bob)
	full := openChannel(btcd, alice, bob, object{"amount": 4_000_000, "push_msat": 2_000_000_000}).SCID
	other := openChannel(btcd, alice, bob, object{"amount": 1_000_000, "push_msat": 500_000_000}).SCID
	const most, each = 483, 1_000_000
	flows := []*flow{{from: alice, to: bob}, {from: bob, to: alice}}
	var both sync.WaitGroup
	for _, f := range flows {
		f.total = (most + 1) * each
		f.invoice = decode(f.from, f.to.Invoice(f.total, "in many parts"))
		both.Go(func() { f.fill(t, full, most, each) })
	}
	both.Wait()
	for _, f := range flows {
		for have := 0; have < 2*most; {
			harness.Eventually(t, f.from.Name+" has more HTLCs in the channel", func() error {
				for _, c := range f.from.Channels() {
					if c.SCID == full && len(c.HTLCs) > have {
						have = len(c.HTLCs)
						return nil
					}
				}
				return fmt.Errorf("there are %d", have)
			})
		}
		if err := f.part(most+1, full, each); err != nil {
			t.Fatal(err)
		}
		var answered *rpc.Error
		if err := wait(f.from, f.invoice.Hash, most+1); !errors.As(err, &answered) || failureOf(t, answered).Index != 0 {
			t.Errorf("one HTLC more than the channel takes: %v", err)
		}
	}
	for _, f := range flows {
		if err := f.part(most+2, other, each); err != nil {
			t.Fatal(err)
		}
		for _, part := range []int{1, most, most + 2} {
			if err := wait(f.from, f.invoice.Hash, part); err != nil {
				t.Errorf("%s: part %d: %v", f.from.Name, part, err)
			}
		}
	}
	agree(t, alice, bob, 2_500_000_000)
}

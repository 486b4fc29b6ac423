package wallet

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/btcsuite/btcd/psbt/v2"
	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"fulmen/internal/amount"
	"fulmen/internal/signer"
)

// sign has the node sign a PSBT, as lightningd has hsmd do it.
func (w *testWallet) sign(p *psbt.Packet, only []int) error {
	s, err := w.Signing(p, only)
	if err != nil {
		return err
	}
	inputs := make([]signer.WalletInput, len(s.Inputs))
	for i, in := range s.Inputs {
		inputs[i] = signer.WalletInput{Index: in.Index, Taproot: in.Kind == P2TR, Change: in.Change, KeyIndex: in.KeyPath.Index}
	}
	list, err := w.node.SignWallet(s.Tx, s.Prevouts, inputs)
	if err != nil {
		return err
	}
	signatures := make([]Signature, len(list))
	for i, sig := range list {
		signatures[i] = Signature{PubKey: sig.PubKey, Signature: sig.Signature}
	}
	return s.Apply(p, signatures)
}

// finish signs, completes and verifies a transaction, and returns its fee.
func (w *testWallet) finish(f *Funding) (*wire.MsgTx, amount.Sat) {
	w.t.Helper()
	prevouts := map[wire.OutPoint]*wire.TxOut{}
	var fee int64
	for i, o := range Inputs(f.PSBT) {
		prevouts[o] = f.PSBT.Inputs[i].WitnessUtxo
		fee += prevouts[o].Value
	}
	if err := w.sign(f.PSBT, nil); err != nil {
		w.t.Fatal(err)
	}
	t, err := Finalize(f.PSBT)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, out := range t.TxOut {
		fee -= out.Value
	}
	fetcher := txscript.NewMultiPrevOutFetcher(prevouts)
	hashes := txscript.NewTxSigHashes(t, fetcher)
	for i, in := range t.TxIn {
		prev := prevouts[in.PreviousOutPoint]
		vm, err := txscript.NewEngine(prev.PkScript, t, i, txscript.StandardVerifyFlags, nil, hashes, prev.Value, fetcher)
		if err != nil {
			w.t.Fatal(err)
		}
		if err := vm.Execute(); err != nil {
			w.t.Errorf("input %d: %v", i, err)
		}
	}
	return t, amount.Sat(fee)
}

func weightOf(t *wire.MsgTx) int { return 3*t.SerializeSizeStripped() + t.SerializeSize() }

// Whatever coins there are: a funded transaction is valid, pays what was asked, and its fee is what
// the rate says, no less and at most a little more.
func TestSpendProperties(t *testing.T) {
	for seed := range uint64(40) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 11))
			w := newTestWallet(t)
			var total amount.Sat
			for range 1 + r.IntN(12) {
				v := amount.Sat(600 + r.IntN(200_000))
				w.fund([]Kind{P2WPKH, P2TR}[r.IntN(2)], v)
				total += v
			}
			rate := amount.FeeratePerKw(253 + r.IntN(5000))
			pays := amount.Sat(600 + r.Int64N(int64(total)))
			request := &SpendRequest{Outputs: []*wire.TxOut{wire.NewTxOut(int64(pays), w.address(P2TR).Script)}, AllTo: -1, Feerate: rate}
			if r.IntN(4) == 0 {
				request.AllTo, request.Outputs[0].Value = 0, 0
			}
			f, changes, err := w.Spend(request)
			if errors.Is(err, ErrInsufficient) || errors.Is(err, ErrDust) && request.AllTo == 0 {
				// Every coin costs at most so much to spend: with that to spare, it must not fail.
				if spare := rate.Fee(TxWeight(request.Outputs)+changeWeight+12*(inputWeight+p2wpkhWitness)) + 12 + changeDust; request.AllTo < 0 && total >= pays+spare {
					t.Fatalf("%s of %s at %s: %v", pays, total, rate, err)
				}
				return
			}
			w.keep(changes, err)
			weight := f.Weight
			done, fee := w.finish(f)
			if actual := weightOf(done); actual > weight || weight > actual+4*len(done.TxIn) {
				t.Errorf("weight %d, estimated %d", actual, weight)
			}
			least, most := rate.Fee(weight), rate.Fee(weight+changeWeight+inputWeight+p2trWitness)+changeDust+amount.Sat(len(done.TxIn)+2)
			if fee < least || fee > most {
				t.Errorf("fee %s, want %s to %s", fee, least, most)
			}
			if out := done.TxOut[f.OutputIndex(0)]; string(out.PkScript) != string(request.Outputs[0].PkScript) {
				t.Errorf("output 0 is not at %d", f.OutputIndex(0))
			}
			paid := amount.Sat(0)
			for i, out := range done.TxOut {
				if _, ours := w.Owns(out.PkScript); !ours {
					t.Errorf("output %d is a stranger's", i)
				}
				if i != f.ChangeIndex {
					paid += amount.Sat(out.Value)
				} else if out.Value < changeDust {
					t.Errorf("change of %d sat", out.Value)
				}
			}
			if request.AllTo < 0 && paid != pays {
				t.Errorf("paid %s, want %s", paid, pays)
			}
			for _, res := range f.Reservations {
				if res.WasReserved || res.ReservedTo != w.Tip()+DefaultReserve {
					t.Errorf("reservation %+v", res)
				}
			}
			w.keep(w.Sent(done), nil)
			w.mine(done)
			w.checkInvariants()
		})
	}
}

func TestFundPSBT(t *testing.T) {
	w := newTestWallet(t)
	w.fund(P2TR, 100_000, 50_000)
	f, changes, err := w.Fund(&FundRequest{Amount: 40_000, Feerate: 1000, StartWeight: 400, MinConf: 1, Reserve: 10})
	w.keep(changes, err)
	// Its smallest coin alone suffices; without change the rest is excess.
	if len(f.PSBT.Inputs) != 1 || f.Excess != 50_000-40_000-amount.FeeratePerKw(1000).Fee(400+inputWeight+p2trWitness) || f.ChangeIndex != -1 {
		t.Errorf("%d inputs, excess %s, change %d", len(f.PSBT.Inputs), f.Excess, f.ChangeIndex)
	}
	if len(f.PSBT.UnsignedTx.TxOut) != 0 || f.Weight != 400+inputWeight+p2trWitness {
		t.Errorf("%d outputs, weight %d", len(f.PSBT.UnsignedTx.TxOut), f.Weight)
	}
	text, err := f.PSBT.B64Encode()
	if err != nil {
		t.Fatal(err)
	}
	if again, err := ParsePSBT(text); err != nil || Inputs(again)[0] != Inputs(f.PSBT)[0] {
		t.Errorf("parsed again: %v", err)
	}
	_, changes, err = w.Fund(&FundRequest{Amount: 40_000, Feerate: 1000, ExcessAsChange: true, MinConf: 1})
	w.keep(changes, err)
	f, changes, err = w.Fund(&FundRequest{All: true, Feerate: 1000, MinConf: 1})
	w.keep(changes, err)
	if f.Excess != 100_000-amount.FeeratePerKw(1000).Fee(inputWeight+p2trWitness) {
		t.Errorf("all that is not reserved leaves %s", f.Excess)
	}
	lock := uint32(77)
	f, changes, err = w.Fund(&FundRequest{All: true, Feerate: 1000, LockTime: &lock, MinWitnessWeight: 500})
	w.keep(changes, err)
	if f.PSBT.UnsignedTx.LockTime != 77 || f.Weight != inputWeight+500 {
		t.Errorf("locktime %d, weight %d", f.PSBT.UnsignedTx.LockTime, f.Weight)
	}
}

func TestUtxos(t *testing.T) {
	w := newTestWallet(t)
	w.fund(P2TR, 10_000, 20_000, 30_000)
	coins := w.Coins()
	named := []wire.OutPoint{coins[0].Outpoint, coins[1].Outpoint}
	f, changes, err := w.Fund(&FundRequest{Amount: 1000, Feerate: 253, Utxos: named, Reserve: 5})
	w.keep(changes, err)
	if len(f.PSBT.Inputs) != 2 {
		t.Errorf("%d inputs", len(f.PSBT.Inputs))
	}
	for name, c := range map[string]struct {
		request FundRequest
		want    error
	}{
		"reserved":  {FundRequest{Utxos: named}, ErrReserved},
		"unknown":   {FundRequest{Utxos: []wire.OutPoint{{Index: 4}}}, ErrUnknown},
		"none":      {FundRequest{Utxos: []wire.OutPoint{}}, ErrInsufficient},
		"too small": {FundRequest{Utxos: named, ReservedOK: true, Amount: 40_000}, ErrInsufficient},
		"no rate":   {FundRequest{Utxos: named, ReservedOK: true, Feerate: 1 << 30}, ErrFeerate},
	} {
		if c.request.Feerate == 0 {
			c.request.Feerate = 253
		}
		if _, _, err := w.Fund(&c.request); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, changes, err = w.Fund(&FundRequest{Amount: 1000, Feerate: 253, Utxos: named, ReservedOK: true})
	w.keep(changes, err)
	w.mine(w.spend(1, []byte{0x51}, named[0]))
	if _, _, err := w.Fund(&FundRequest{Feerate: 253, Utxos: named, ReservedOK: true}); !errors.Is(err, ErrSpent) {
		t.Errorf("spent: %v", err)
	}
}

// Unconfirmed change can be spent by who asks for it, and by nobody else.
func TestMinConf(t *testing.T) {
	w := newTestWallet(t)
	w.fund(P2TR, 100_000)
	f, changes, err := w.Spend(&SpendRequest{Outputs: []*wire.TxOut{wire.NewTxOut(1000, w.address(P2TR).Script)}, AllTo: -1, Feerate: 253, MinConf: 1})
	w.keep(changes, err)
	sent, _ := w.finish(f)
	w.keep(w.Sent(sent), nil)
	if _, _, err := w.Fund(&FundRequest{Amount: 50_000, Feerate: 253, MinConf: 1}); !errors.Is(err, ErrInsufficient) {
		t.Errorf("minconf 1: %v", err)
	}
	if _, _, err := w.Fund(&FundRequest{Amount: 50_000, Feerate: 253}); err != nil {
		t.Errorf("minconf 0: %v", err)
	}
}

// Who has coins and may not spend them yet is told where they are.
func TestInsufficientSaysWhatIsHeld(t *testing.T) {
	w := newTestWallet(t)
	w.fund(P2TR, 100_000)
	w.keep(w.Sent(w.pay(30_000, w.address(P2TR).Script)), nil)
	w.mineBlock([]*wire.MsgTx{w.coinbaseTo(5_000, w.address(P2TR).Script)})
	_, changes, err := w.Fund(&FundRequest{Amount: 50_000, Feerate: 253, MinConf: 1, Reserve: 10})
	w.keep(changes, err)
	for _, r := range []FundRequest{{Amount: 50_000, Feerate: 253, MinConf: 1}, {All: true, Feerate: 253, MinConf: 1}} {
		_, _, err = w.Fund(&r)
		want := "; besides 30000sat with less than 1 confirmations, 5000sat in coinbases that are not mature, 100000sat reserved"
		if !errors.Is(err, ErrInsufficient) || !strings.HasSuffix(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

func TestEmergencyReserve(t *testing.T) {
	for _, c := range []struct {
		name   string
		coins  []amount.Sat
		pays   amount.Sat // 0: all
		want   error
		change bool
	}{
		{"another coin remains", []amount.Sat{40_000, 30_000}, 29_000, nil, true},
		{"change remains", []amount.Sat{100_000}, 50_000, nil, true},
		{"too little remains", []amount.Sat{100_000}, 80_000, ErrEmergency, false},
		{"all but the reserve", []amount.Sat{100_000, 50_000}, 0, nil, true},
		{"all is less than the reserve", []amount.Sat{20_000}, 0, ErrEmergency, false},
		{"all is the reserve and dust", []amount.Sat{25_500}, 0, ErrDust, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newTestWallet(t)
			w.fund(P2TR, c.coins...)
			r := &SpendRequest{Outputs: []*wire.TxOut{wire.NewTxOut(int64(c.pays), []byte{0x51})}, AllTo: -1, Feerate: 253, MinConf: 1, Emergency: true}
			if c.pays == 0 {
				r.AllTo = 0
			}
			f, changes, err := w.Spend(r)
			if !errors.Is(err, c.want) {
				t.Fatalf("%v, want %v", err, c.want)
			}
			if err != nil {
				for _, coin := range w.Coins() {
					if w.Reserved(&coin) {
						t.Errorf("%s stays reserved", coin.Outpoint)
					}
				}
				return
			}
			w.keep(changes, nil)
			sent, _ := w.finish(f)
			w.keep(w.Sent(sent), nil)
			var left amount.Sat
			for _, coin := range w.Coins() {
				left += coin.Amount
			}
			if left < 25_000 || c.change != (f.ChangeIndex >= 0) || c.pays == 0 && left != 25_000 {
				t.Errorf("%s left, change %d", left, f.ChangeIndex)
			}
		})
	}
}

// Who funds a transaction of his own gets the reserve back as change where nothing else is left, whether he asked for
// change or not, and may do as he likes with what is beyond it.
func TestFundKeepsEmergencyReserve(t *testing.T) {
	const coin = amount.Sat(100_000)
	for _, c := range []struct {
		name   string
		more   []amount.Sat
		r      FundRequest
		want   error
		change amount.Sat // 0: whatever the excess is
	}{
		{"a part", nil, FundRequest{Amount: 50_000}, nil, 25_000},
		{"all", nil, FundRequest{All: true}, nil, 25_000},
		{"with change", nil, FundRequest{Amount: 50_000, ExcessAsChange: true}, nil, 0},
		{"some is left already", []amount.Sat{20_000}, FundRequest{Amount: 50_000}, nil, 5_000},
		{"less than dust is missing", []amount.Sat{24_990}, FundRequest{Amount: 50_000}, nil, changeDust},
		{"too little for it", nil, FundRequest{Amount: 80_000}, ErrEmergency, 0},
		{"too little for it and its fee", nil, FundRequest{Amount: 75_000}, ErrEmergency, 0},
		{"too little for change", []amount.Sat{24_990}, FundRequest{Amount: 99_700, ExcessAsChange: true}, ErrEmergency, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newTestWallet(t)
			w.fund(P2TR, append(c.more, coin)...)
			for _, o := range w.Coins() {
				if o.Amount == coin && !c.r.All {
					c.r.Utxos = []wire.OutPoint{o.Outpoint}
				}
			}
			c.r.Feerate, c.r.StartWeight, c.r.Emergency = 253, 100, true
			f, _, err := w.Fund(&c.r)
			if !errors.Is(err, c.want) {
				t.Fatalf("%v, want %v", err, c.want)
			}
			if err != nil {
				return
			}
			if f.ChangeIndex != 0 || len(f.PSBT.UnsignedTx.TxOut) != 1 {
				t.Fatalf("change %d of %d outputs", f.ChangeIndex, len(f.PSBT.UnsignedTx.TxOut))
			}
			change := amount.Sat(f.PSBT.UnsignedTx.TxOut[0].Value)
			if c.change > 0 && change != c.change || c.change == 0 && f.Excess != 0 {
				t.Errorf("change of %s, want %s; excess %s", change, c.change, f.Excess)
			}
			if all := c.r.Amount + f.Feerate.Fee(f.Weight) + change + f.Excess; all != coin {
				t.Errorf("amount, fee, change and excess are %s of %s", all, coin)
			}
		})
	}
}

func TestSpendRefuses(t *testing.T) {
	w := newTestWallet(t)
	w.fund(P2TR, 100_000)
	out := func(v int64) *wire.TxOut { return wire.NewTxOut(v, w.Coins()[0].Script) }
	for name, c := range map[string]struct {
		outputs []*wire.TxOut
		allTo   int
		want    error
	}{
		"dust":            {[]*wire.TxOut{out(353)}, -1, ErrDust},
		"negative":        {[]*wire.TxOut{out(-1)}, -1, nil},
		"more than is":    {[]*wire.TxOut{out(100_000)}, -1, ErrInsufficient},
		"overflow":        {[]*wire.TxOut{out(1 << 62)}, -1, nil},
		"all of nothing":  {[]*wire.TxOut{out(0), out(99_500)}, 0, ErrDust},
		"too much beside": {[]*wire.TxOut{out(0), out(100_000)}, 0, ErrInsufficient},
		"all to nothing":  {[]*wire.TxOut{out(0)}, 1, nil},
	} {
		_, _, err := w.Spend(&SpendRequest{Outputs: c.outputs, AllTo: c.allTo, Feerate: 253, MinConf: 1})
		if err == nil || c.want != nil && !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if c := w.Coins()[0]; w.Reserved(&c) {
		t.Error("a refused spend has reserved its input")
	}
}

// Everything, but no more than a channel may hold: the rest comes back as change, not as fee.
// A transaction that is refused after it took a change address stores nothing; the addresses beyond it
// must be watched all the same after a restart.
func TestRefusedSpendLosesNoAddress(t *testing.T) {
	w := newTestWallet(t)
	script := w.address(P2TR).Script
	w.mine(w.pay(1_000_000, script))
	request := func(value int64) *SpendRequest {
		return &SpendRequest{Outputs: []*wire.TxOut{wire.NewTxOut(value, script)}, AllTo: -1, Feerate: 253}
	}
	if _, _, err := w.Spend(request(1)); !errors.Is(err, ErrDust) {
		t.Fatalf("a dust output: %v", err)
	}
	for range 2 * gap {
		f, changes, err := w.Spend(request(10_000))
		w.keep(changes, err)
		_, changes, err = w.Unreserve(Inputs(f.PSBT), DefaultReserve)
		w.keep(changes, err)
		w.reopen()
		if want := len(w.storage.addresses); len(w.scripts) != want {
			t.Fatalf("%d addresses are watched, %d stored", len(w.scripts), want)
		}
	}
	change := w.chains[chainID{P2TR, true}]
	for i := uint32(firstIndex); i < change.ahead; i++ {
		s, err := change.script(P2TR, i)
		if err != nil || w.scripts[string(s)] == nil {
			t.Errorf("change address %d is not watched: %v", i, err)
		}
	}
}

// TestAllBesideOthers: one output gets what the others leave, but no more than it may.
func TestAllBesideOthers(t *testing.T) {
	for limit, want := range map[amount.Sat]amount.Sat{0: 118_500, 70_000: 70_000} {
		w := newTestWallet(t)
		w.fund(P2TR, 100_000, 50_000)
		f, changes, err := w.Spend(&SpendRequest{
			Outputs: []*wire.TxOut{wire.NewTxOut(30_000, []byte{0x51}), wire.NewTxOut(0, []byte{0x52})}, AllTo: 1, AllAtMost: limit, Feerate: 253, MinConf: 1,
		})
		w.keep(changes, err)
		sent, fee := w.finish(f)
		paid, all := amount.Sat(sent.TxOut[f.OutputIndex(0)].Value), amount.Sat(sent.TxOut[f.OutputIndex(1)].Value)
		if paid != 30_000 || all < want || all > want+1500 || limit != 0 && all != limit || fee > 500 {
			t.Errorf("at most %s: %s and %s with a fee of %s, want 30000 and %s", limit, paid, all, fee, want)
		}
	}
}

// TestFleetingReservation: it keeps a coin from being taken, until the next start.
func TestFleetingReservation(t *testing.T) {
	w := newTestWallet(t)
	w.fund(P2TR, 100_000)
	r := &SpendRequest{Outputs: []*wire.TxOut{wire.NewTxOut(1000, []byte{0x51})}, AllTo: -1, Feerate: 253, MinConf: 1, Fleeting: true}
	f, changes, err := w.Spend(r)
	w.keep(changes, err)
	if _, _, err := w.Spend(r); !errors.Is(err, ErrInsufficient) {
		t.Errorf("the coin is taken twice: %v", err)
	}
	w.finish(f) // signs, for which it has to be reserved
	w.reopen()
	if _, _, err := w.Spend(r); err != nil {
		t.Errorf("after a restart: %v", err)
	}
}

func TestAllAtMost(t *testing.T) {
	for limit, want := range map[amount.Sat]amount.Sat{0: 149_000, 70_000: 70_000, 1_000_000: 149_000} {
		w := newTestWallet(t)
		w.fund(P2TR, 100_000, 50_000)
		f, changes, err := w.Spend(&SpendRequest{
			Outputs: []*wire.TxOut{wire.NewTxOut(0, []byte{0x51})}, AllAtMost: limit, Feerate: 253, MinConf: 1,
		})
		w.keep(changes, err)
		sent, fee := w.finish(f)
		got := amount.Sat(sent.TxOut[f.OutputIndex(0)].Value)
		if got != want && (want != 149_000 || got < want) || fee > 500 {
			t.Errorf("at most %s: %s with a fee of %s, want %s", limit, got, fee, want)
		}
		for _, r := range f.Reservations {
			if r.ReservedTo != w.Tip()+DefaultReserve {
				t.Errorf("reserved to %d", r.ReservedTo)
			}
		}
	}
}

func TestPrepared(t *testing.T) {
	w := newTestWallet(t)
	w.fund(P2WPKH, 100_000)
	f, changes, err := w.Spend(&SpendRequest{Outputs: []*wire.TxOut{wire.NewTxOut(1000, []byte{0x51})}, AllTo: -1, Feerate: 253, MinConf: 1})
	w.keep(changes, err)
	txid := w.Keep(f)
	if taken, err := w.Take(txid); err != nil || taken != f {
		t.Errorf("take: %v", err)
	}
	if _, err := w.Take(txid); !errors.Is(err, ErrNotPrepared) {
		t.Errorf("take again: %v", err)
	}
}

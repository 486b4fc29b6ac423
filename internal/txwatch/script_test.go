package txwatch

import (
	"crypto/sha256"
	"fmt"
	"strings"
	"testing"

	"github.com/btcsuite/btcd/wire/v2"

	"fulmen/internal/amount"
	"fulmen/internal/block"
	"fulmen/internal/scripttest"
)

// go test ./internal/txwatch -run Scripts/deadline
func TestScripts(t *testing.T) {
	scripttest.Run(t, "testdata/*.txtar", func(*testing.T) scripttest.Env { return newBench() })
}

// bench is a machine, and a backend that does what the script says.
type bench struct {
	m       *Machine
	names   map[wire.OutPoint]string
	byName  map[string]wire.OutPoint
	sent    map[string]*wire.MsgTx // by name: tx1, tx2
	ids     map[string]ID
	txNames map[string]string // by txid
	decide  Decide
	count   int
}

func newBench() *bench {
	return &bench{
		m: New(), names: map[wire.OutPoint]string{}, byName: map[string]wire.OutPoint{}, sent: map[string]*wire.MsgTx{},
		ids: map[string]ID{}, txNames: map[string]string{},
		decide: Decide{Fees: Fees{Floor: 253, Slow: 300, Normal: 1000, Soon: 1500, Urgent: 2000}},
	}
}

func (b *bench) outpoint(name string) wire.OutPoint {
	o := wire.OutPoint{Hash: sha256.Sum256([]byte(name))}
	b.names[o], b.byName[name] = name, o
	return o
}

// walletScript is what the lightningd of the script gives the wallet's outputs.
var walletScript = append([]byte{0x51, 32}, make([]byte, 32)...)

// Do implements scripttest.Env.
func (b *bench) Do(c *scripttest.Command) []string {
	defer c.Done()
	switch c.Word(0) {
	case "claim":
		return b.show(b.m.Step(Claimed{[]Claim{b.claim(c)}}))
	case "unclaim":
		return b.show(b.m.Step(Unclaimed{[]wire.OutPoint{b.outpoint(c.Word(1))}}))
	case "fees":
		f := &b.decide.Fees
		for name, rate := range map[string]*amount.FeeratePerKw{"floor": &f.Floor, "slow": &f.Slow, "normal": &f.Normal, "soon": &f.Soon, "urgent": &f.Urgent} {
			*rate = amount.FeeratePerKw(c.Uint(name, uint64(*rate)))
		}
	case "coin":
		b.decide.Coins = append(b.decide.Coins, Coin{
			Outpoint: b.outpoint(c.Word(1)), Amount: amount.Sat(c.Uint("amount", 0)), PkScript: walletScript, WitnessWeight: 66,
		})
	case "height":
		b.decide.Height = block.Height(number(c, 1))
		return b.show(b.m.Step(b.decide))
	case "taken":
		name := c.Word(1)
		if name == "" { // the newest
			name = fmt.Sprintf("tx%d", b.count)
		}
		if b.sent[name] == nil {
			c.T.Fatalf("%s: no such transaction", c.Line)
		}
		b.useCoins(b.sent[name])
		return b.show(b.m.Step(Taken{b.ids[name], b.sent[name]}))
	case "refused":
		reason := strings.ReplaceAll(c.String("reason", ""), "_", " ")
		if b.sent[c.Word(1)] == nil {
			c.T.Fatalf("%s: no such transaction", c.Line)
		}
		return b.show(b.m.Step(Refused{b.ids[c.Word(1)], b.sent[c.Word(1)], reason}))
	case "failed":
		return b.show(b.m.Step(Failed{ID: b.ids[c.Word(1)], Reason: "the backend is away"}))
	case "mined":
		return b.show(b.m.Step(Spent{1, b.sent[c.Word(1)]}))
	case "peer":
		tx := wire.NewMsgTx(2)
		for _, name := range c.Words[2:] {
			o := b.outpoint(name)
			tx.AddTxIn(wire.NewTxIn(&o, nil, nil))
		}
		return b.show(b.m.Step(Spent{1, tx}))
	case "restart":
		return b.restart(c.Word(1))
	case "commitment":
		return b.commitment(c)
	default:
		c.T.Fatalf("unknown command: %s", c.Line)
	}
	return nil
}

func number(c *scripttest.Command, word int) (n uint64) {
	if _, err := fmt.Sscan(c.Word(word), &n); err != nil {
		c.T.Fatalf("%s: %v", c.Line, err)
	}
	return n
}

func (b *bench) claim(c *scripttest.Command) Claim {
	claim := Claim{
		Channel: 1, Outpoint: b.outpoint(c.Word(1)), Amount: amount.Sat(c.Uint("amount", 100_000)), Name: c.Word(1),
		PkScript: []byte{0}, Sequence: uint32(c.Uint("sequence", 1)), LockTime: uint32(c.Uint("locktime", 0)),
		NotBefore: block.Height(c.Uint("not_before", 0)), WitnessWeight: int(c.Uint("witness", 160)),
		Deadline: block.Height(c.Uint("deadline", 0)), ContestedFrom: block.Height(c.Uint("contested", 0)),
		Penalty: c.Bool("penalty", false), Whole: c.Bool("whole", false),
	}
	if fixed := c.Uint("fixed", 0); fixed != 0 {
		claim.Fixed = wire.NewTxOut(int64(fixed), append([]byte{0, 32}, make([]byte, 32)...))
	}
	return claim
}

// commitment gives the machine our commitment, whose anchor is output 0.
func (b *bench) commitment(c *scripttest.Command) []string {
	tx := wire.NewMsgTx(2)
	funding := b.outpoint("funding")
	tx.AddTxIn(wire.NewTxIn(&funding, nil, [][]byte{make([]byte, 220)}))
	tx.AddTxOut(wire.NewTxOut(330, append([]byte{0, 32}, make([]byte, 32)...)))
	tx.AddTxOut(wire.NewTxOut(500_000, append([]byte{0, 32}, make([]byte, 32)...)))
	b.names[wire.OutPoint{Hash: tx.TxHash()}] = "anchor"
	b.sent["commitment"], b.txNames[tx.TxHash().String()] = tx, "commitment"
	return b.show(b.m.Step(Push{Commitment{
		Channel: 1, Tx: tx, Fee: amount.Sat(c.Uint("fee", 200)), Anchor: int(c.Uint("anchor", 0)), AnchorWitness: 116,
		Stake: amount.Sat(c.Uint("stake", 500_000)), Deadline: block.Height(c.Uint("deadline", 0)),
	}}))
}

// restart begins with a new machine, which is told of one transaction that was sent.
func (b *bench) restart(name string) []string {
	b.m = New()
	tx := b.sent[name]
	if tx == nil {
		return nil
	}
	fee := amount.Sat(0)
	for range tx.TxIn { // the scripts restart with sweeps of one claim
		fee += 100_000
	}
	for _, out := range tx.TxOut {
		fee -= amount.Sat(out.Value)
	}
	return b.show(b.m.Step(Known{Channel: 1, Tx: tx, Fee: fee, Rate: 300, Script: walletScript}))
}

func (b *bench) useCoins(tx *wire.MsgTx) {
	var left []Coin
	for _, c := range b.decide.Coins {
		if !(&version{tx: tx}).spends(c.Outpoint) {
			left = append(left, c)
		}
	}
	b.decide.Coins = left
}

// show prints actions, and does for a Publish what lightningd does.
func (b *bench) show(actions []Action) []string {
	var lines []string
	for _, a := range actions {
		switch a := a.(type) {
		case Say:
			text := a.Text
			for txid, name := range b.txNames {
				text = strings.ReplaceAll(text, txid, name)
			}
			for o, name := range b.names {
				text = strings.ReplaceAll(text, o.String(), name)
			}
			lines = append(lines, "say: "+text)
		case Publish:
			lines = append(lines, b.publish(&a))
		case Send:
			line := "send"
			for _, tx := range []*wire.MsgTx{a.Parent, a.Tx} {
				if tx != nil {
					name := b.txNames[tx.TxHash().String()]
					b.ids[name] = a.ID
					line += " " + name
				}
			}
			lines = append(lines, line)
		case Void:
			lines = append(lines, "void "+b.txNames[a.Txid.String()])
		case GiveUp:
			lines = append(lines, fmt.Sprintf("give up %s: %s", b.names[a.Outpoints[0]], a.Reason))
		}
	}
	return lines
}

func (b *bench) publish(p *Publish) string {
	tx := p.Tx.Copy()
	for i, out := range tx.TxOut {
		if len(out.PkScript) == 0 {
			tx.TxOut[i].PkScript = walletScript
		}
	}
	b.count++
	name := fmt.Sprintf("tx%d", b.count)
	b.sent[name], b.ids[name], b.txNames[tx.TxHash().String()] = tx, p.ID, name
	line := "publish " + name
	if p.Parent != nil {
		line += " after " + b.txNames[p.Parent.TxHash().String()]
		b.ids["commitment"] = p.ID
	}
	line += " fee=" + fmt.Sprint(uint64(p.Fee)) + " spends"
	for _, in := range tx.TxIn {
		line += " " + b.names[in.PreviousOutPoint]
	}
	line += " pays"
	for _, out := range tx.TxOut {
		line += fmt.Sprint(" ", out.Value)
	}
	if tx.LockTime != 0 {
		line += fmt.Sprintf(" locktime=%d", tx.LockTime)
	}
	return line
}

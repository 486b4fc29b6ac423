package chain

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/btcsuite/btcd/wire/v2"
)

// answers is a Caller with one answer for each method.
type answers map[string]string

func (a answers) Call(_ context.Context, method string, params, result any) error {
	raw, err := json.Marshal(params)
	if err != nil {
		return err
	}
	answer, ok := a[method+string(raw)]
	if !ok {
		return fmt.Errorf("unexpected %s%s", method, raw)
	}
	if strings.HasPrefix(answer, "!") {
		return errors.New(answer)
	}
	return json.Unmarshal([]byte(answer), result)
}

func serialized(b *wire.MsgBlock) string {
	var buf bytes.Buffer
	if err := b.Serialize(&buf); err != nil {
		panic(err)
	}
	return hex.EncodeToString(buf.Bytes())
}

func TestPluginBackend(t *testing.T) {
	ctx := t.Context()
	b := newFakeBackend(1).blocks[1]
	hash := b.BlockHash().String()
	txid := strings.Repeat("ab", 32)
	p := &Plugin{Caller: answers{
		`getchaininfo{"height":5,"last_height":5}`:  `{"chain":"main","headercount":9,"blockcount":8,"ibd":true}`,
		`getrawblockbyheight{"height":1}`:           `{"blockhash":"` + hash + `","block":"` + serialized(b) + `"}`,
		`getrawblockbyheight{"height":2}`:           `{"blockhash":null,"block":null}`,
		`getrawblockbyheight{"height":3}`:           `{"blockhash":"` + strings.Repeat("00", 32) + `","block":"` + serialized(b) + `"}`,
		`getrawblockbyheight{"height":4}`:           `{"blockhash":"` + hash + `","block":"` + serialized(b) + `00"}`,
		`estimatefees{}`:                            `{"feerate_floor":1001,"feerates":[{"blocks":2,"feerate":4000},{"blocks":6,"feerate":1000}]}`,
		`getutxout{"txid":"` + txid + `","vout":1}`: `{"amount":7,"script":"0014"}`,
		`getutxout{"txid":"` + txid + `","vout":2}`: `{"amount":null,"script":null}`,
	}}
	if info, err := p.ChainInfo(ctx, 5); err != nil || info != (Info{"main", 9, 8, true}) {
		t.Errorf("info %+v, %v", info, err)
	}
	if got, err := p.BlockAt(ctx, 1); err != nil || got.BlockHash() != b.BlockHash() {
		t.Errorf("block %v, %v", got, err)
	}
	if got, err := p.BlockAt(ctx, 2); err != nil || got != nil {
		t.Errorf("no block: %v, %v", got, err)
	}
	if _, err := p.BlockAt(ctx, 3); err == nil || !strings.Contains(err.Error(), "block has the hash") {
		t.Errorf("block of another hash: %v", err)
	}
	if _, err := p.BlockAt(ctx, 4); err == nil || !strings.Contains(err.Error(), "1 bytes after its end") {
		t.Errorf("block and a byte: %v", err)
	}
	fees, err := p.EstimateFees(ctx)
	if err != nil || fmt.Sprint(fees) != "{251perkw [{2 1000perkw} {6 250perkw}]}" {
		t.Errorf("fees %v, %v", fees, err)
	}
	var outpoint wire.OutPoint
	copy(outpoint.Hash[:], bytes.Repeat([]byte{0xab}, 32))
	outpoint.Index = 1
	if out, err := p.Output(ctx, outpoint); err != nil || out.Amount != 7 || len(out.Script) != 2 {
		t.Errorf("output %v, %v", out, err)
	}
	outpoint.Index = 2
	if out, err := p.Output(ctx, outpoint); err != nil || out != nil {
		t.Errorf("spent output %v, %v", out, err)
	}
}

func TestPluginSendTx(t *testing.T) {
	tx := spend([]wire.OutPoint{{Index: 1}}, "a")
	var raw bytes.Buffer
	if err := tx.Serialize(&raw); err != nil {
		t.Fatal(err)
	}
	params := `sendrawtransaction{"tx":"` + hex.EncodeToString(raw.Bytes()) + `","allowhighfees":true}`
	for answer, want := range map[string]string{
		`{"success":true,"errmsg":""}`:      "<nil>",
		`{"success":false,"errmsg":"dust"}`: "transaction rejected: dust",
		`!gone`:                             "!gone",
	} {
		p := &Plugin{Caller: answers{params: answer}, Permanent: func(err error) bool { return err.Error() == "!gone" }}
		err := p.SendTx(t.Context(), tx, true)
		if fmt.Sprint(err) != want {
			t.Errorf("%s: %v", answer, err)
		}
		if errors.As(err, new(*PermanentError)) != (answer == "!gone") {
			t.Errorf("%s: permanent is wrong", answer)
		}
	}
}

func TestEstimatesThatMakeNoSense(t *testing.T) {
	for _, answer := range []string{
		`{"feerate_floor":-1}`, `{"feerate_floor":1e30}`, `{}`,
		`{"feerate_floor":1000,"feerates":[{"blocks":6,"feerate":1},{"blocks":2,"feerate":1}]}`,
		`{"feerate_floor":1000,"feerates":[{"blocks":6,"feerate":1.5}]}`,
	} {
		p := &Plugin{Caller: answers{`estimatefees{}`: answer}}
		if fees, err := p.EstimateFees(t.Context()); err == nil {
			t.Errorf("%s taken as %v", answer, fees)
		}
	}
}

func FuzzDecodeBlock(f *testing.F) {
	b := newFakeBackend(1).blocks[1]
	f.Add(b.BlockHash().String(), serialized(b))
	f.Add("00", serialized(b)[:100])
	f.Add("", "zz")
	f.Fuzz(func(t *testing.T, hash, text string) {
		got, err := decodeBlock(hash, text)
		if err == nil && !strings.EqualFold(serialized(got), text) {
			t.Fatal("block changes when serialized again")
		}
	})
}

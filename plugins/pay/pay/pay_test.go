package pay

import (
	"crypto/sha256"
	"encoding/hex"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"fulmen/internal/amount"
	"fulmen/internal/block"
	"fulmen/internal/invoice"
	"fulmen/internal/onion"
	"fulmen/internal/rpc"
	"fulmen/internal/schema"
	"fulmen/internal/wire"
	"fulmen/plugins/plugin"
)

var (
	preimage = [32]byte{7}
	hash     = sha256.Sum256(preimage[:])
	us       = key(1)
	middle   = key(2)
	payee    = key(3)
)

func TestPayOverTwoChannels(t *testing.T) {
	n := newNode(t)
	p := n.payer()
	paid, err := call(t, p, "pay", object{"bolt11": invoiceOf(t, nil), "label": "lunch"})
	if err != nil || paid["payment_preimage"] != hex.EncodeToString(preimage[:]) || paid["amount_sent_msat"] != 1_000_010.0 {
		t.Fatalf("%v, %v", paid, err)
	}
	sent := n.called("sendpay")
	if len(sent) != 1 || !strings.Contains(sent[0], `"label":"lunch"`) || !strings.Contains(sent[0], `"payment_secret":"0800`) {
		t.Errorf("sent %v", sent)
	}
	if got := n.called("askrene-inform-channel"); len(got) != 1 || !strings.Contains(got[0], `"inform":"succeeded"`) ||
		!strings.Contains(got[0], "2x2x2/1") {
		t.Errorf("learned %v", got)
	}
	if len(n.called("askrene-reserve")) != 1 || len(n.called("askrene-create-layer")) != 1 {
		t.Errorf("calls %v", n.calls)
	}
	var trying []string
	for _, s := range n.news {
		if strings.HasPrefix(s, TopicTrying) {
			trying = append(trying, s[len(TopicTrying):])
		}
	}
	if len(trying) != 2 || !strings.Contains(trying[0], "true") || !strings.Contains(trying[1], "false") {
		t.Errorf("told %v", trying)
	}
	status, err := call(t, p, "paystatus", object{})
	if err != nil || len(status["pay"].([]any)) != 1 {
		t.Errorf("status %v, %v", status, err)
	}
}

func TestPayTakesAnotherRoute(t *testing.T) {
	n := newNode(t)
	p := n.payer()
	n.answers["waitsendpay"] = func(w object) (any, error) {
		if w["partid"] == 1.0 {
			return nil, &plugin.Error{Code: 204, Message: "failed: WIRE_TEMPORARY_CHANNEL_FAILURE", Data: object{
				"erring_index": 1, "erring_node": idOf(middle).String(), "erring_channel": "2x2x2", "failcode": 0x1007,
				"failcodename": "WIRE_TEMPORARY_CHANNEL_FAILURE", "raw_message": hex.EncodeToString((&onion.Failure{Code: onion.TemporaryChannelFailure}).Encode()),
			}}
		}
		return object{"payment_preimage": hex.EncodeToString(preimage[:])}, nil
	}
	paid, err := call(t, p, "xpay", object{"invstring": invoiceOf(t, nil), "layers": []string{"mine"}})
	if err != nil || paid["failed_parts"] != 1.0 || paid["successful_parts"] != 1.0 {
		t.Fatalf("%v, %v", paid, err)
	}
	asked := n.called("getroutes")
	if len(asked) != 2 || !strings.Contains(asked[0], `"layers":["auto.localchans","auto.sourcefree","xpay","mine"]`) {
		t.Errorf("asked %v", asked)
	}
	if got := n.called("askrene-inform-channel"); len(got) != 2 || !strings.Contains(got[0], "constrained") {
		t.Errorf("learned %v", got)
	}
}

// TestPayLeavesOut checks what goes into the payment's own layer: hints, exclusions, nodes in trouble.
func TestPayLeavesOut(t *testing.T) {
	n := newNode(t)
	p := n.payer()
	hints := [][]invoice.HopHint{{{NodeID: idOf(middle), ShortChannelID: 5, FeeBaseMsat: 3, CLTVExpiryDelta: 6}}, {{NodeID: idOf(us), ShortChannelID: 6}}}
	n.answers["waitsendpay"] = func(w object) (any, error) {
		if w["partid"] == 1.0 {
			return nil, &plugin.Error{Code: 204, Message: "failed", Data: object{"erring_index": 1, "failcode": 0x2002}}
		}
		return object{"payment_preimage": hex.EncodeToString(preimage[:])}, nil
	}
	bolt11 := invoiceOf(t, func(i *invoice.Invoice) { i.Routes = hints })
	if _, err := call(t, p, "pay", object{"bolt11": bolt11, "exclude": []string{"9x9x9/1", idOf(key(9)).String()}}); err != nil {
		t.Fatal(err)
	}
	if got := n.called("askrene-create-channel"); len(got) != 1 || !strings.Contains(got[0], "0x0x5") {
		t.Errorf("hints %v", got)
	}
	if got := n.called("askrene-disable-node"); len(got) != 2 || !strings.Contains(got[0], idOf(key(9)).String()) || !strings.Contains(got[1], idOf(middle).String()) {
		t.Errorf("nodes left out %v", got)
	}
	if got := n.called("askrene-update-channel"); len(got) != 2 || !strings.Contains(got[0], `"enabled":false`) {
		t.Errorf("channels %v", got)
	}
	made, removed := n.called("askrene-create-layer"), n.called("askrene-remove-layer")
	if len(made) != 2 || len(removed) != 1 {
		t.Errorf("layers made %v, removed %v", made, removed)
	}
}

// TestPayBoundsHints: who writes an invoice does not choose for how long its payer is busy with hints.
func TestPayBoundsHints(t *testing.T) {
	n := newNode(t)
	bolt11 := invoiceOf(t, func(i *invoice.Invoice) {
		for scid := range 5 * mostHints {
			i.Routes = append(i.Routes, []invoice.HopHint{{NodeID: idOf(middle), ShortChannelID: wire.ShortChannelID(scid + 1)}})
		}
	})
	if _, err := call(t, n.payer(), "pay", object{"bolt11": bolt11}); err != nil {
		t.Fatal(err)
	}
	if made := n.called("askrene-create-channel"); len(made) != mostHints || !strings.Contains(made[0], "0x0x1") {
		t.Errorf("%d channels of hints, want the first %d", len(made), mostHints)
	}
}

// TestPayAsksForTheWholeDelay: a payee that wants its HTLC to be locked up for ever does not get one that expires at once.
func TestPayAsksForTheWholeDelay(t *testing.T) {
	for _, wanted := range []block.Delta{mostDelay, math.MaxUint16 - 2, math.MaxUint16} {
		n := newNode(t)
		n.answers["getroutes"] = func(p object) (any, error) {
			if asked := p["final_cltv"].(float64); asked <= mostDelay {
				t.Errorf("%d blocks wanted, %v asked for", wanted, asked)
			}
			return fails(206)(p)
		}
		_, err := call(t, n.payer(), "pay", object{"bolt11": invoiceOf(t, func(i *invoice.Invoice) { i.MinFinalCLTVExpiryDelta = wanted })})
		wantCode(t, err, rpc.CodePayRouteTooExpensive)
	}
}

func TestPayFails(t *testing.T) {
	half := amount.Msat(500_000)
	refused := func(object) (any, error) {
		return nil, &plugin.Error{Code: 203, Message: "failed", Data: object{"erring_index": 2, "failcode": 0x400f}}
	}
	for name, tt := range map[string]struct {
		change func(*node)
		bolt11 func(*invoice.Invoice)
		params object
		want   rpc.Code
	}{
		"refused":     {change: func(n *node) { n.answers["waitsendpay"] = refused }, want: rpc.CodePayDestinationFail},
		"no route":    {change: func(n *node) { n.answers["getroutes"] = fails(205) }, want: rpc.CodePayRouteNotFound},
		"no capacity": {change: func(n *node) { n.answers["getroutes"] = fails(220) }, want: rpc.CodePayRouteNotFound},
		"too dear":    {change: func(n *node) { n.answers["getroutes"] = fails(206) }, want: rpc.CodePayRouteTooExpensive},
		"expired":     {bolt11: func(i *invoice.Invoice) { i.Timestamp = start.Add(-2 * time.Hour) }, want: rpc.CodePayInvoiceExpired},
		"other chain": {bolt11: func(i *invoice.Invoice) { i.Network = invoice.Bitcoin }, want: rpc.CodeInvalidParams},
		"an amount":   {params: object{"amount_msat": 5}, want: rpc.CodeInvalidParams},
		"no amount":   {bolt11: func(i *invoice.Invoice) { i.Amount = 0 }, want: rpc.CodeInvalidParams},
		"too much":    {params: object{"partial_msat": 2_000_000}, want: rpc.CodeInvalidParams},
		"paid to another": {change: func(n *node) {
			n.answers["listsendpays"] = listed(part{Status: complete, Amount: 1e6, Destination: idOf(middle).String()})
		}, want: rpc.CodePayRHashAlreadyUsed},
		"paid another amount": {change: func(n *node) {
			n.answers["listsendpays"] = listed(part{Status: complete, Amount: half, Destination: idOf(payee).String()})
		}, want: rpc.CodePayRHashAlreadyUsed},
	} {
		t.Run(name, func(t *testing.T) {
			n := newNode(t)
			if tt.change != nil {
				tt.change(n)
			}
			params := object{"bolt11": invoiceOf(t, tt.bolt11)}
			for name, v := range tt.params {
				params[name] = v
			}
			_, err := call(t, n.payer(), "pay", params)
			wantCode(t, err, tt.want)
		})
	}
}

// TestPayOnce: what is paid is not paid again, and who comes meanwhile waits for the same payment.
func TestPayOnce(t *testing.T) {
	n := newNode(t)
	n.answers["listsendpays"] = listed(part{Status: complete, Amount: 1e6, Sent: 1_000_010, Destination: idOf(payee).String(), Preimage: preimage[:]})
	p := n.payer()
	paid, err := call(t, p, "pay", object{"bolt11": invoiceOf(t, nil)})
	if err != nil || paid["payment_preimage"] != hex.EncodeToString(preimage[:]) {
		t.Errorf("%v, %v", paid, err)
	}
	_, err = call(t, p, "xpay", object{"invstring": invoiceOf(t, nil)})
	wantCode(t, err, rpc.CodePayAlreadyPaid)
	if sent := n.called("sendpay"); len(sent) != 0 {
		t.Errorf("sent %v", sent)
	}

	n = newNode(t)
	p = n.payer()
	let := make(chan struct{})
	begun := make(chan struct{}, 1)
	n.answers["waitsendpay"] = func(object) (any, error) {
		begun <- struct{}{}
		<-let
		return object{"payment_preimage": hex.EncodeToString(preimage[:])}, nil
	}
	done := make(chan error, 1)
	go func() {
		_, err := call(t, p, "pay", object{"bolt11": invoiceOf(t, nil)})
		done <- err
	}()
	<-begun
	_, err = call(t, p, "pay", object{"bolt11": invoiceOf(t, func(i *invoice.Invoice) { i.Amount = 5e6 })})
	wantCode(t, err, rpc.CodePayInProgress)
	close(let)
	if err := <-done; err != nil {
		t.Error(err)
	}
	if sent := n.called("sendpay"); len(sent) != 1 {
		t.Errorf("sent %v", sent)
	}
}

func TestKeysend(t *testing.T) {
	n := newNode(t)
	payloads := finalPayloads(t, n)
	n.answers["sendonion"] = func(object) (any, error) { return object{"amount_sent_msat": 5010, "status": pending}, nil }
	paid, err := call(t, n.payer(), "keysend", object{
		"destination": idOf(payee).String(), "amount_msat": 5000, "extratlvs": object{"7629169": "68656c6c6f"},
	})
	if err != nil || paid["amount_msat"] != 5000.0 || paid["destination"] != idOf(payee).String() {
		t.Fatalf("%v, %v", paid, err)
	}
	if got := payloads(); len(got) != 1 || got[0].Keysend == nil || got[0].PaymentData != nil || got[0].AmtToForward != 5000 || len(got[0].Custom) != 1 {
		t.Errorf("payloads %+v", got)
	}
	if waited := n.called("waitsendpay"); len(waited) != 1 || !strings.Contains(waited[0], `"groupid":1,"partid":1`) {
		t.Errorf("waited for %v", waited)
	}
	if asked := n.called("getroutes"); len(asked) != 1 || !strings.Contains(asked[0], `"maxparts":1`) {
		t.Errorf("asked %v", asked)
	}
	for _, bad := range []object{{"1": "00"}, {"x": "00"}, {"5482373484": "00"}, {"7629169": "0"}} {
		_, err := call(t, n.payer(), "keysend", object{"destination": idOf(payee).String(), "amount_msat": 1, "extratlvs": bad})
		wantCode(t, err, rpc.CodeInvalidParams)
	}
}

// TestParametersAreAsPublished holds names, positions and requiredness of parameters to the schemas.
func TestParametersAreAsPublished(t *testing.T) {
	type param struct {
		Name     string
		Required bool
	}
	for _, c := range New(Config{}).Commands() {
		s, err := schema.Load(c.Name)
		if err != nil {
			t.Error(err)
			continue
		}
		var got, want []param
		for _, p := range c.Params {
			got = append(got, param{p.Name, p.Required})
			if p.Doc == "" {
				t.Errorf("%s: %s: not explained", c.Name, p.Name)
			}
		}
		for _, p := range s.Params() {
			if !strings.HasPrefix(p.Name, "dev_") {
				want = append(want, param{p.Name, p.Required})
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: parameters %v, published are %v", c.Name, got, want)
		}
	}
}

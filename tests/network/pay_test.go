package network

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"fulmen/internal/amount"
	"fulmen/internal/rpc"
	"fulmen/tests/harness"
)

// far is a line, and dave behind carol, with a channel that is not announced.
type far struct {
	*line
	dave *harness.Node
}

func newFar(t *testing.T) *far {
	l := newLine(t)
	f := &far{l, harness.StartNode(t, l.btcd, "dave")}
	l.carol.FundWallet(20_000_000)
	l.open(l.carol, f.dave, object{"announce": false})
	harness.Eventually(t, "alice and dave know the public network", func() error {
		for _, n := range []*harness.Node{l.alice, f.dave} {
			if channels, _, err := graph(n); err != nil || len(channels) != 4 {
				return fmt.Errorf("%s knows %d directions of channels, %w", n.Name, len(channels), err)
			}
		}
		return nil
	})
	harness.Eventually(t, "dave knows carol's terms", func() error {
		if channelNamed(t, f.dave, f.dave.Channels()[0].SCID).Updates.Remote == nil {
			return errors.New("no channel_update came")
		}
		return nil
	})
	return f
}

// listPay is what listpays says of the one payment of an invoice.
type listPay struct {
	Status string      `json:"status"`
	Amount amount.Msat `json:"amount_msat"`
	Parts  int         `json:"number_of_parts"`
}

func payOf(n *harness.Node, bolt11 string) listPay {
	var list struct {
		Pays []listPay `json:"pays"`
	}
	n.Call("listpays", object{"bolt11": bolt11}, &list)
	if len(list.Pays) != 1 {
		return listPay{Status: fmt.Sprintf("%d payments", len(list.Pays))}
	}
	return list.Pays[0]
}

// TestPayFarAway: alice pays dave, of whom the public network knows nothing, by his invoice's hint. The caller
// sees what is tried, and nothing is paid twice.
func TestPayFarAway(t *testing.T) {
	f := newFar(t)
	bolt11 := f.dave.Invoice(5_000_000, "far away")
	bin, err := harness.Bin()
	if err != nil {
		t.Fatal(err)
	}
	cli := exec.Command(filepath.Join(bin, "lightning-cli"), "--network=regtest", "--lightning-dir="+f.alice.Dir, "-N", "info", "pay", bolt11)
	var progress bytes.Buffer
	cli.Stderr = &progress
	if out, err := cli.Output(); err != nil {
		t.Fatalf("pay: %v: %s%s", err, out, progress.Bytes())
	}
	if !strings.Contains(progress.String(), "# sending 5000000msat by channel "+f.first+", 3 hops") {
		t.Errorf("the caller saw %q", progress.String())
	}
	first := f.alice.Pay(bolt11)
	if again := f.alice.Pay(bolt11); again != first || first.AmountMsat != 5_000_000 {
		t.Errorf("paid %+v, again %+v", first, again)
	}
	var refused *rpc.Error
	if err := f.alice.Try("xpay", []string{bolt11}, nil); !errors.As(err, &refused) || refused.Code != rpc.CodePayAlreadyPaid {
		t.Errorf("xpay of what is paid: %v", err)
	}
	if got := payOf(f.alice, bolt11); got.Status != "complete" || got.Parts > 1 {
		t.Errorf("listpays: %+v", got)
	}

	// Limits of the caller's.
	for _, c := range []struct {
		params object
		want   rpc.Code
	}{
		{object{"maxfee": 1999}, rpc.CodePayRouteTooExpensive}, // bob and carol ask for 1000 msat each, and more
		{object{"maxfeepercent": 0.0001, "exemptfee": 0}, rpc.CodePayRouteTooExpensive},
		{object{"maxdelay": 20}, rpc.CodePayRouteTooExpensive}, // less than dave and the two ask for
	} {
		c.params["bolt11"] = f.dave.Invoice(2_000_000, "too dear")
		err := f.alice.Try("pay", c.params, nil)
		if !errors.As(err, &refused) || refused.Code != c.want {
			t.Errorf("%v: %v, want code %d", c.params, err, c.want)
		}
	}
	f.alice.Call("pay", object{"bolt11": f.dave.Invoice(2_000_000, "just right"), "maxfeepercent": 0.0001, "exemptfee": 3000}, nil)

	// What was learned is there after a restart.
	before := learned(f.alice)
	if before == 0 {
		t.Error("nothing was learned")
	}
	f.alice.Restart()
	if after := learned(f.alice); after != before {
		t.Errorf("%d things are known after a restart, %d before", after, before)
	}
}

// learned counts what payments showed.
func learned(n *harness.Node) int {
	var list struct {
		Layers []struct {
			Constraints []object `json:"constraints"`
			Impressions []object `json:"impressions"`
		} `json:"layers"`
	}
	n.Call("askrene-listlayers", object{"layer": "xpay"}, &list)
	count := 0
	for _, l := range list.Layers {
		count += len(l.Constraints) + len(l.Impressions)
	}
	return count
}

// childOf finds a child of a node by the name of its program.
func childOf(t *testing.T, n *harness.Node, name string) int {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			continue // it ended meanwhile
		}
		pid, rest, _ := strings.Cut(string(raw), " (")
		comm, rest, _ := strings.Cut(rest, ") ")
		if fields := strings.Fields(rest); comm == name && fields[1] == strconv.Itoa(n.Pid()) {
			id, err := strconv.Atoi(pid)
			if err != nil {
				t.Fatal(err)
			}
			return id
		}
	}
	t.Fatalf("%s has no child %s", n.Name, name)
	return 0
}

// TestPayPluginDies: the plugin is killed while a part of a payment waits for its others. It comes back, and who
// asks for the payment again gets the part that was sent.
func TestPayPluginDies(t *testing.T) {
	f := newFar(t)
	const total, ours = 6_000_000, 2_000_000
	bolt11 := f.dave.Invoice(total, "by two")
	lost := make(chan error, 1)
	go func() { lost <- f.alice.Try("pay", object{"bolt11": bolt11, "partial_msat": ours}, nil) }()
	harness.Eventually(t, "dave holds alice's part", func() error {
		if c := f.dave.Channels()[0]; len(c.HTLCs) != 1 {
			return fmt.Errorf("he has %d HTLCs", len(c.HTLCs))
		}
		return nil
	})
	if got := payOf(f.alice, bolt11); got.Status != "pending" {
		t.Errorf("meanwhile listpays says %+v", got)
	}
	if err := syscall.Kill(childOf(t, f.alice, "pay"), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if err := <-lost; err == nil {
		t.Error("the plugin is dead, and the payment done")
	}
	harness.Eventually(t, "the plugin is back", func() error { return f.alice.Try("paystatus", nil, nil) })
	asked := make(chan error, 1)
	var paid harness.Payment
	go func() { asked <- f.alice.Try("pay", object{"bolt11": bolt11, "partial_msat": ours}, &paid) }()
	f.bob.Call("pay", object{"bolt11": bolt11, "partial_msat": total - ours}, nil)
	if err := <-asked; err != nil || paid.AmountMsat != ours {
		t.Errorf("asked again: %+v, %v", paid, err)
	}
	var parts struct {
		Payments []struct {
			Status string `json:"status"`
		} `json:"payments"`
	}
	if f.alice.Call("listsendpays", object{"bolt11": bolt11}, &parts); len(parts.Payments) != 1 || parts.Payments[0].Status != "complete" {
		t.Errorf("alice's parts: %+v", parts.Payments)
	}
	if got := f.dave.Settled(); got != total {
		t.Errorf("dave has %s, want %d msat", got, total)
	}
}

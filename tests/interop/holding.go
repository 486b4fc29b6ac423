package interop

import (
	"encoding/json"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"fulmen/internal/amount"
	"fulmen/tests/harness"
)

// buildHolder builds the plugin holder once.
var buildHolder = sync.OnceValues(func() (string, error) {
	root, err := harness.Root()
	if err != nil {
		return "", err
	}
	path := filepath.Join(root, ".build", "interop-holder")
	cmd := exec.Command("go", "build", "-trimpath", "-o", path, "./holder")
	cmd.Dir = filepath.Join(root, "tests", "interop")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the plugin holder: %w\n%s", err, out)
	}
	return path, nil
})

func holderPath(t harness.TB) string {
	t.Helper()
	path, err := buildHolder()
	if err != nil {
		t.Fatalf("%v", err)
	}
	return path
}

// ourHold is a payment of the peer's that our node keeps: its plugin holder does.
type ourHold struct {
	s       *Scene
	decoded decoded
	ended   chan Payment // how it ended for the peer
}

// tell gives the plugin the same order for some hashes.
func (s *Scene) tell(order string, hashes ...string) {
	s.Helper()
	var requests strings.Builder
	for i, hash := range hashes {
		fmt.Fprintf(&requests, `{"jsonrpc":"2.0","id":%d,"method":%q,"params":[%q]}`, i, order, hash)
	}
	for _, reply := range s.Us.Raw(requests.String(), len(hashes)) {
		if !strings.Contains(reply, `"result"`) {
			s.Fatalf("%s: %s", order, reply)
		}
	}
}

// HeldByUs has the peer offer us an HTLC directly, and returns once we keep it. Each one expires a block later than
// the one before: of two with the same expiry that time out on chain, LDK 0.1.2 gets none if we have taken one.
func (s *Scene) HeldByUs(scid string, msat amount.Msat) *ourHold {
	s.Helper()
	s.kept++
	list := s.offerToHold(scid, msat, 1)
	s.weHold(list...)
	return list[0]
}

// offerToHold is HeldByUs for several, without waiting.
func (s *Scene) offerToHold(scid string, msat amount.Msat, count int) (list []*ourHold) {
	s.Helper()
	router := able[Router](s, s.Peer)
	var invoices, hashes []string
	for range count {
		invoices = append(invoices, s.Us.Invoice(msat, "to be held"))
		h := &ourHold{s: s, decoded: s.decode(invoices[len(invoices)-1]), ended: make(chan Payment, 1)}
		list, hashes = append(list, h), append(hashes, h.decoded.PaymentHash)
	}
	s.tell("hold", hashes...)
	delay := list[0].decoded.MinFinalCLTV + 10 + s.kept
	go func() {
		for i, p := range router.PayRoute(invoices, []Hop{{SCID: scid, To: s.Us.ID(), Amount: msat, Delay: delay}}) {
			list[i].ended <- p
		}
	}()
	return list
}

// weHold waits until our node keeps a payment.
func (s *Scene) weHold(list ...*ourHold) {
	s.Helper()
	harness.Eventually(s, "we hold the peer's payments", func() error {
		var reply struct {
			Result struct{ Holding []string }
		}
		raw := s.Us.Raw(`{"jsonrpc":"2.0","id":1,"method":"holding","params":[]}`, 1)[0]
		if err := json.Unmarshal([]byte(raw), &reply); err != nil {
			return err
		}
		for i, h := range list {
			if !slices.Contains(reply.Result.Holding, h.decoded.PaymentHash) {
				return fmt.Errorf("the payment %d of %d has not arrived", i+1, len(list))
			}
		}
		return nil
	})
}

func (h *ourHold) settle() { h.s.Helper(); h.s.tell("release", h.decoded.PaymentHash) }
func (h *ourHold) refuse() { h.s.Helper(); h.s.tell("refuse", h.decoded.PaymentHash) }

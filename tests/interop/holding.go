package interop

import (
	"encoding/json"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
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

// tell gives the plugin an order.
func (s *Scene) tell(order, hash string) {
	s.Helper()
	if _, err := s.Us.CLI(order, hash); err != nil {
		s.Fatalf("%v", err)
	}
}

// HeldByUs has the peer offer us an HTLC directly, and returns once we keep it.
func (s *Scene) HeldByUs(scid string, msat amount.Msat) *ourHold {
	s.Helper()
	h := s.offerToHold(scid, msat)
	s.weHold(h)
	return h
}

// offerToHold is HeldByUs without waiting.
func (s *Scene) offerToHold(scid string, msat amount.Msat) *ourHold {
	s.Helper()
	bolt11 := s.Us.Invoice(msat, "to be held")
	h := &ourHold{s: s, decoded: s.decode(bolt11), ended: make(chan Payment, 1)}
	s.tell("hold", h.decoded.PaymentHash)
	router := able[Router](s, s.Peer)
	go func() {
		h.ended <- router.PayRoute(bolt11, []Hop{{SCID: scid, To: s.Us.ID(), Amount: msat, Delay: h.decoded.MinFinalCLTV + 10}})
	}()
	return h
}

// weHold waits until our node keeps a payment.
func (s *Scene) weHold(list ...*ourHold) {
	s.Helper()
	harness.Eventually(s, "we hold the peer's payments", func() error {
		out, err := s.Us.CLI("holding")
		if err != nil {
			return err
		}
		var kept struct{ Holding []string }
		if err := json.Unmarshal([]byte(out), &kept); err != nil {
			return err
		}
		for i, h := range list {
			if !slices.Contains(kept.Holding, h.decoded.PaymentHash) {
				return fmt.Errorf("the payment %d of %d has not arrived", i+1, len(list))
			}
		}
		return nil
	})
}

func (h *ourHold) settle() { h.s.Helper(); h.s.tell("release", h.decoded.PaymentHash) }
func (h *ourHold) refuse() { h.s.Helper(); h.s.tell("refuse", h.decoded.PaymentHash) }

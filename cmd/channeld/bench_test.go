package main

import (
	"crypto/sha256"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"fulmen/internal/amount"
	"fulmen/internal/ipc/channeldmsg"
	"fulmen/internal/keys"
	"fulmen/internal/onion"
)

// BenchmarkPayments sends payments with many in flight through two real channelds and hsmds, with
// nothing stored on disk; also what memory a channeld then has.
func BenchmarkPayments(b *testing.B) {
	for _, size := range []amount.Msat{1_000, 1_000_000} {
		b.Run(fmt.Sprintf("%dsat", size.Sat()), func(b *testing.B) { benchmarkPayments(b, size, 200) })
	}
	b.Run("1000sat_alone", func(b *testing.B) { benchmarkPayments(b, 1_000_000, 1) })
}

func benchmarkPayments(b *testing.B, size amount.Msat, inFlight int) {
	alice, bob, _ := open(b)
	preimage := [32]byte{1}
	hash := sha256.Sum256(preimage[:])
	payload := onion.Payload{AmtToForward: size, OutgoingCLTVValue: 200}
	packet, _, err := onion.Build(keys.Secret{31: 1}, []onion.Hop{{NodeID: bob.id, Payload: payload.Encode()}}, hash[:])
	if err != nil {
		b.Fatal(err)
	}
	offer := func(n int) {
		m := &channeldmsg.Offer{}
		for range n {
			m.HTLCs = append(m.HTLCs, channeldmsg.OfferHTLC{AmountMsat: size, PaymentHash: hash, CLTVExpiry: 200, Onion: packet[:]})
		}
		alice.order(m)
	}
	b.ResetTimer()
	sent := min(inFlight, b.N)
	offer(sent)
	for done := 0; done < b.N; {
		select {
		case m := <-bob.reports:
			in, ok := m.(*channeldmsg.Incoming)
			if !ok {
				continue
			}
			settle := &channeldmsg.Settle{}
			for _, h := range in.HTLCs {
				settle.HTLCs = append(settle.HTLCs, channeldmsg.SettleHTLC{ID: h.ID, Preimage: &preimage})
			}
			bob.order(settle)
		case m := <-alice.reports:
			if s, ok := m.(*channeldmsg.Store); ok && len(s.Learned) > 0 {
				done += len(s.Learned)
				more := min(len(s.Learned), b.N-sent)
				sent += more
				offer(more)
			}
		}
	}
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "payments/s")
	b.ReportMetric(float64(alice.stores)/float64(b.N), "stores/payment")
	<-time.After(2 * quiet)
	b.ReportMetric(memoryOf(b, alice.channeld.Pid, "Pss"), "pss_MB")
	b.ReportMetric(memoryOf(b, alice.channeld.Pid, "Anonymous"), "anonymous_MB")
}

// memoryOf is one figure of a process's memory. With many channelds the program itself, which two
// share here, weighs little in Pss; Anonymous is what each has for itself.
func memoryOf(b *testing.B, pid int, what string) float64 {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	if err != nil {
		b.Fatal(err)
	}
	for line := range strings.Lines(string(raw)) {
		var kb float64
		if n, _ := fmt.Sscanf(line, what+": %f kB", &kb); n == 1 {
			return kb / 1024
		}
	}
	b.Fatalf("no %s", what)
	return 0
}

package onchain_test

import (
	"fmt"
	"testing"

	btcwire "github.com/btcsuite/btcd/wire/v2"

	"fulmen/internal/amount"
	"fulmen/internal/block"
	"fulmen/internal/channel/channeltest"
	"fulmen/internal/onchain"
	"fulmen/internal/onchain/onchaintest"
)

// TestBOLT5RevokedOfAnyAge publishes commitments of the peer that were revoked 1, 10 and 1,000 states
// ago, each with an HTLC of ours and one of the peer's, and takes all of them in one transaction.
func TestBOLT5RevokedOfAnyAge(t *testing.T) {
	c, err := onchaintest.Open(channeltest.DefaultTerms())
	if err != nil {
		t.Fatal(err)
	}
	us, them := c.Opener, c.Accepter
	do := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	ages := []int{1, 10, 1000}
	if underRace {
		ages = []int{1, 10}
	}
	for id := uint64(0); len(them.Published) < ages[len(ages)-1]+20; id++ {
		hash := c.Preimage(id)
		preimage := c.Preimages[hash]
		do(us.Offer(2_000_000, hash, block.Height(300+id%50)))
		do(c.Settle())
		do(them.Offer(3_000_000, hash, block.Height(300+id%50)))
		do(c.Settle())
		do(them.Decide(id, &preimage))
		do(us.Decide(id, &preimage))
		do(c.Settle())
	}
	newest := len(them.Published) - 1
	for _, ago := range ages {
		t.Run(fmt.Sprint(ago), func(t *testing.T) {
			n := newest - ago
			for len(them.Published[n].Content.HTLCs) < 2 {
				n--
			}
			state, err := us.State()
			do(err)
			f := c.Funding()
			chain := onchaintest.NewChain(200, f.Outpoint, &btcwire.TxOut{Value: int64(f.Amount), PkScript: f.PkScript()})
			r, err := onchaintest.NewRun(us, state, chain, them.Sign(n), nil)
			do(err)
			if r.Started.Kind != onchain.TheirRevoked || int(r.Started.CommitmentNumber) != n {
				t.Fatalf("%s %d, want %d", r.Started.Kind, r.Started.CommitmentNumber, n)
			}
			spend, err := us.Spend(chain, r.Ready())
			do(err)
			do(r.Block(spend))
			var all amount.Sat
			p := &them.Published[n]
			for i, out := range r.Spend.TxOut {
				if i != p.Tx.OwnerAnchor {
					all += amount.Sat(out.Value)
				}
			}
			have := chain.Balance(us.WalletScript()) - chain.Minted[string(us.WalletScript())] + chain.Fee(spend)
			if have != all || len(r.Claims) != 0 {
				t.Errorf("have %s of %s, %d claims are left", have, all, len(r.Claims))
			}
		})
	}
}

// Command demo shows two nodes at work on a chain of their own: they open a channel, pay each other,
// one of them loses its power, comes back, pays again, and they close together. It tells what
// happens and shows the balances at each step.
//
//	demo [-keep]
//
// It starts what bin/ has, in a folder of its own, and stops all of it at the end; -keep leaves it
// running, with another channel open, and says what to try.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"fulmen/internal/amount"
	"fulmen/tests/harness"
)

func main() {
	keep := flag.Bool("keep", false, "leave everything running at the end")
	flag.Parse()
	if err := useBin(); err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
	s, err := newStage(*keep)
	if err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
	s.play(func() { show(s) })
}

// useBin has the harness take the programs that `make demo` has built just now.
func useBin() error {
	if os.Getenv("FULMEN_BIN") != "" {
		return nil
	}
	root, err := harness.Root()
	if err != nil {
		return err
	}
	bin := filepath.Join(root, "bin")
	if _, err := os.Stat(filepath.Join(bin, "lightningd")); err != nil {
		return fmt.Errorf("%w: run make build first", err)
	}
	return os.Setenv("FULMEN_BIN", bin)
}

const (
	coins   amount.Sat  = 2_000_000
	channel amount.Sat  = 1_000_000
	first   amount.Msat = 250_000_000
	second  amount.Msat = 40_000_000
	third   amount.Msat = 1_000
)

func show(s *stage) {
	s.step("Starting btcd, a block chain of our own (regtest), and two Lightning nodes")
	btcd := harness.StartBtcd(s)
	alice, bob := harness.StartNode(s, btcd, "alice"), harness.StartNode(s, btcd, "bob")
	s.nodes = []*harness.Node{alice, bob}
	s.say("alice is %s", alice.ID())
	s.say("bob   is %s", bob.ID())

	s.step("Giving alice %s sat on the chain", grouped(coins))
	alice.FundWallet(coins)
	s.balances()

	s.step("Alice connects to bob and puts %s sat into a channel with him", grouped(channel))
	alice.Connect(bob)
	alice.OpenChannel(bob, channel)
	s.say("The funding transaction has 6 confirmations: both can use the channel.")
	s.balances()

	s.step("Bob makes an invoice for %s sat, alice pays it through the channel", grouped(first.Sat()))
	s.pay(alice, bob, first, "coffee for a year")
	s.balances()

	s.step("Alice makes one for %s sat, bob pays it from what he got", grouped(second.Sat()))
	s.pay(bob, alice, second, "a bag of beans")
	s.balances()

	s.step("Bob's lightningd is killed with SIGKILL, as if he lost his power, and started again")
	bob.Restart()
	alice.WaitChannel("", "CHANNELD_NORMAL")
	bob.WaitChannel("", "CHANNELD_NORMAL")
	s.say("They are connected again, and agree on every balance.")
	s.balances()

	s.step("Alice pays bob %s sat: the channel works as before", grouped(third.Sat()))
	s.pay(alice, bob, third, "to be sure")
	s.balances()

	s.step("They close the channel together; each has its own coins on the chain")
	kind := alice.CloseChannel(bob)
	s.say("It was a %s close: one transaction, paying out both.", kind)
	s.balances()

	if s.keep {
		s.step("Opening another channel, for you")
		alice.OpenChannel(bob, channel/2)
		s.balances()
		s.invite(btcd, alice, bob)
	}
}

func (s *stage) pay(from, to *harness.Node, msat amount.Msat, what string) {
	bolt11 := to.Invoice(msat, what)
	s.say("%s's invoice: %s", to.Name, bolt11)
	p := from.Pay(bolt11)
	s.say("%s paid, and has the proof of it: %s", from.Name, p.Preimage)
	from.Settled()
	to.Settled()
}

// invite says what to try with what is left running.
func (s *stage) invite(btcd *harness.Btcd, alice, bob *harness.Node) {
	bin := os.Getenv("FULMEN_BIN")
	cli := func(n *harness.Node) string {
		return fmt.Sprintf("%s/lightning-cli --network=regtest --lightning-dir=%s", bin, n.Dir)
	}
	s.say("Everything is left running. To try:\n")
	fmt.Printf("  alias alice='%s'\n", cli(alice))
	fmt.Printf("  alias bob='%s'\n\n", cli(bob))
	fmt.Println("  alice help")
	fmt.Println("  alice getinfo")
	fmt.Println("  bob invoice 5000sat lunch 'a sandwich'")
	fmt.Println("  alice pay BOLT11")
	fmt.Println("  alice listfunds")
	fmt.Printf("  alice close %s\n\n", bob.ID())
	fmt.Println("A block, when something waits for one:")
	fmt.Printf("  curl -s -u %s:%s -d '{\"id\":1,\"method\":\"generate\",\"params\":[1]}' http://%s\n\n",
		harness.BtcdUser, harness.BtcdPassword, btcd.Address())
	fmt.Println("To end it:")
	fmt.Printf("  alice stop; bob stop; kill -INT %d; rm -r %s\n", btcd.Pid(), s.dir)
}

// Command pay is the plugin that pays: pay, xpay, keysend, xkeysend, sendamount, paystatus.
//
// Started by lightningd. It asks the plugin topology for routes (getroutes), sends parts by sendpay and
// sendonion, and learns from what waitsendpay says. What it learns of channels is in topology's layer
// "xpay"; what was sent is in lightningd's database. So it has no state of its own to lose: parts
// that are under way when it ends go on, and a payment that is asked for again finds them.
//
// Trust: invoices come from strangers; what they say of channels (route hints) is used for the one payment.
package main

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"os"
	"time"

	"fulmen/plugins/builtin"
	"fulmen/plugins/pay/pay"
	"fulmen/plugins/plugin"
)

func main() {
	p := plugin.New()
	payer := pay.New(pay.Config{Node: p, Now: time.Now, Random: random})
	p.AddTopic(pay.TopicTrying)
	p.AddTopic(pay.TopicPartStart)
	p.AddTopic(pay.TopicPartEnd)
	p.OnInit(func(i plugin.Init) error { return payer.Open(i.Configuration.Network) })
	builtin.Add(p, payer.Commands()...)
	if err := p.Run(); err != nil {
		fmt.Fprintf(os.Stderr, "pay: %v\n", err)
		os.Exit(1)
	}
}

// random is 64 bits that nobody can foresee.
func random() uint64 {
	var b [8]byte
	rand.Read(b[:])
	return binary.BigEndian.Uint64(b[:])
}

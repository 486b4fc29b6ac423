package e2e

import (
	"strings"
	"testing"

	"fulmen/tests/harness"
)

// Every line of a channel's process says whose it is, and so listpeers finds it.
func TestLogLinesNameTheDaemonAndTheChannel(t *testing.T) {
	_, alice, bob := pair(t)
	source := bob.ID() + "-channeld-chan#1"
	alice.WaitLog(source + ": .*funding_signed")
	var list struct {
		Peers []struct {
			Log []struct {
				Source string `json:"source"`
				Log    string `json:"log"`
			} `json:"log"`
		} `json:"peers"`
	}
	alice.Call("listpeers", []any{bob.ID(), "debug"}, &list)
	for _, e := range list.Peers[0].Log {
		if e.Source == source && strings.Contains(e.Log, "funding_signed") {
			return
		}
	}
	t.Errorf("listpeers has none of it: %+v", list.Peers[0].Log)
}

// A filter holds for the lines of one daemon or one channel.
func TestLogLevelOfOneChannel(t *testing.T) {
	btcd := harness.StartBtcd(t)
	alice := harness.StartNode(t, btcd, "alice", "--log-level=info", "--log-level=debug:channeld-chan#2")
	bob := harness.StartNode(t, btcd, "bob")
	alice.FundWallet(10_000_000)
	alice.Connect(bob)
	alice.OpenChannel(bob, 1_000_000)
	alice.OpenChannel(bob, 1_000_000)
	alice.WaitLog("channeld-chan#2: peer sent message=channel_ready")
	if strings.Contains(alice.Log(), "channeld-chan#1: peer sent") {
		t.Error("channel 1 logs more than info")
	}
}

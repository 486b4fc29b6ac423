package plugins

import (
	"encoding/hex"
	"os"
	"path/filepath"
	"testing"

	"fulmen/internal/codex32"
	"fulmen/tests/harness"
)

// TestRecover makes nodes from a secret that was written down, which a plugin is told.
func TestRecover(t *testing.T) {
	const (
		words   = "abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon about"
		wordsID = "03653e90c1ce4660fd8505dd6d643356e93cfe202af109d382787639dd5890e87d"
		letters = "cl10leetsllhdmn9m42vcsamx24zrxgs3qrl7ahwvhw4fnzrhve25gvezzyqqjdsjnzedu43ns"
		digits  = "ffeeddccbbaa99887766554433221100ffeeddccbbaa99887766554433221100"
	)
	btcd := harness.StartBtcd(t)
	id := ""
	for _, secret := range []string{words, letters, digits} {
		n := harness.NewNode(t, btcd, "node", "--plugin="+script(t, "every.py"))
		n.Start("--recover=" + secret)
		told := waitSeen(t, n, "hook", "recover", 1)["codex32"].(string)
		_, _, raw, err := codex32.Decode(told)
		if err != nil {
			t.Fatal(err)
		}
		file, err := os.ReadFile(filepath.Join(n.Dir, "regtest", "hsm_secret"))
		if err != nil {
			t.Fatal(err)
		}
		switch {
		case secret == words && (n.ID() != wordsID || len(raw) != 64):
			t.Errorf("of the words: id %s, a secret of %d bytes", n.ID(), len(raw))
		case secret != words && (hex.EncodeToString(file) != digits || hex.EncodeToString(raw) != digits):
			t.Errorf("of %s the file has %x, the plugin is told %x", secret, file, raw)
		case secret == digits && n.ID() != id:
			t.Errorf("the same secret makes %s and %s", id, n.ID())
		}
		id = n.ID()
		checkSchemas(t, n)
		n.Stop()
		n.Start()
		n.Stop()
		waitSeen(t, n, "notification", "shutdown", 2)
		seen := 0
		for _, r := range records(n) {
			if r.Kind == "hook" && r.Name == "recover" {
				seen++
			}
		}
		if seen != 1 {
			t.Errorf("the secret is told %d times", seen)
		}
	}
	n := harness.NewNode(t, btcd, "node")
	n.Launch("--recover=" + letters[:len(letters)-1] + "q")
	if n.WaitExit() == nil {
		t.Error("a node was made from a secret with a wrong letter")
	}
	n.WaitLog("checksum does not match")
}

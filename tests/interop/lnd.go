package interop

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"fulmen/tests/harness"
	"fulmen/tests/interop/lndrpc"
)

// lnd is an lnd on btcd, over its gRPC interface.
type lnd struct {
	lndRPC
	t       harness.TB
	btcd    *harness.Btcd
	dir     string
	address string
	args    []string
	path    string
	proc    *harness.Process
	id      string
}

// lndTags are those of lnd's releases that its interface and its wallet need; integration has its
// dev options.
const lndTags = "autopilotrpc chainrpc invoicesrpc peersrpc routerrpc signrpc walletrpc dev integration"

// lndKind is lnd, as module peers has it.
var lndKind = Kind{Name: "lnd", Build: buildLND, New: newLND, Cannot: map[string]string{
	"pay/route-hints-all-private": "it gives hints only of private channels with peers that have a public one too",
	"fee/theirs-anchors":          lndFeeTimer,
	"fee/theirs-static-remotekey": lndFeeTimer,
}}

const lndFeeTimer = "it looks at its fee rate after 10 to 60 minutes, which no option shortens"

// lndOptions are the defaults, and what a case asks for.
func lndOptions(how Setup) []string {
	// Built with its dev options, lnd has anchors only where they are asked for.
	options := []string{"--protocol.anchors", "--dev.unsafedisconnect", "--maxpendingchannels=10", "--trickledelay=50", "--accept-keysend", "--htlcswitch.mailboxdeliverytimeout=2m"}
	for _, o := range []struct {
		on     bool
		option string
	}{
		{how.SimpleClose, "--protocol.rbf-coop-close"}, {how.SCIDAlias, "--protocol.option-scid-alias"},
		{how.Large, "--protocol.wumbo-channels"}, {how.NoPush, "--rejectpush"},
		{how.Confirms != 0, fmt.Sprintf("--bitcoin.defaultchanconfs=%d", how.Confirms)},
		{how.ShortDelay, fmt.Sprintf("--bitcoin.defaultremotedelay=%d", shortBlocks)},
		{how.LeastChannel != 0, fmt.Sprintf("--minchansize=%d", uint64(how.LeastChannel))},
	} {
		if o.on {
			options = append(options, o.option)
		}
	}
	for _, bit := range how.Features {
		options = append(options, fmt.Sprintf("--protocol.custom-init=%d", bit))
	}
	return options
}

// lndPath is where buildLND puts it.
func lndPath() (string, error) {
	root, err := harness.Root()
	return filepath.Join(root, ".build", "lnd"), err
}

// buildLND builds lnd into the checkout's .build, from the module beside us.
func buildLND() error {
	path, err := lndPath()
	if err != nil {
		return err
	}
	// A machine with empty caches fetches hundreds of modules for it: what has come is not fetched again.
	const tries = 3
	for range tries {
		if err = compileLND(path); err == nil {
			break
		}
	}
	return err
}

func compileLND(path string) error {
	// Half of the time would go into optimizing what is not slow in a test: all but the cryptography is not.
	cmd := exec.Command("go", "build", "-trimpath", "-mod=readonly", "-gcflags=github.com/lightningnetwork/...=-N -l", "-gcflags=modernc.org/...=-N -l",
		"-tags", lndTags, "-o", path, "github.com/lightningnetwork/lnd/cmd/lnd")
	cmd.Dir = filepath.Join(filepath.Dir(path), "..", "tests", "interop", "peers")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build lnd: %w\n%s", err, out)
	}
	return nil
}

func newLND(t harness.TB, btcd *harness.Btcd, how Setup) Peer {
	t.Helper()
	path, err := lndPath()
	if err != nil {
		t.Fatalf("%v", err)
	}
	front, cert := startTLSFront(t, btcd.Address())
	rpc := fmt.Sprintf("127.0.0.1:%d", harness.FreePort(t))
	l := &lnd{t: t, btcd: btcd, dir: t.TempDir(), address: fmt.Sprintf("127.0.0.1:%d", harness.FreePort(t)), path: path}
	l.lndRPC = dialLND(t, l.dir, rpc)
	l.args = append([]string{
		"--lnddir=" + l.dir, "--alias=lnd", "--debuglevel=debug,RPCS=info,CHIO=info,LNWL=info,BTCN=info,SWPR=info", "--noseedbackup", "--nobootstrap",
		"--no-macaroons", "--norest", "--listen=" + l.address, "--rpclisten=" + rpc,
		"--bitcoin.regtest", "--bitcoin.node=btcd", "--btcd.rpchost=" + front, "--btcd.rpccert=" + cert,
		"--btcd.rpcuser=" + harness.BtcdUser, "--btcd.rpcpass=" + harness.BtcdPassword,
	}, lndOptions(how)...)
	t.Cleanup(l.end)
	return l
}

// end is the last of a case.
func (l *lnd) end() {
	if l.proc != nil {
		l.proc.Kill()
	}
	l.conn.Close()
}

// Log implements Peer.
func (l *lnd) Log() []byte {
	l.t.Helper()
	raw, err := os.ReadFile(filepath.Join(l.dir, "log"))
	if err != nil {
		l.t.Fatalf("%v", err)
	}
	return raw
}

// Start implements Peer.
func (l *lnd) Start(options ...string) {
	l.t.Helper()
	var err error
	l.proc, err = harness.StartProcess("lnd", l.dir, l.path, append(append([]string(nil), l.args...), options...), false)
	if err != nil {
		l.t.Fatalf("%v", err)
	}
	harness.Eventually(l.t, "lnd answers", func() error {
		if !l.proc.Alive() {
			l.t.Fatalf("lnd ended: %v", l.proc.Wait())
		}
		reply, err := lndTry(l, l.state.GetState, &lndrpc.GetStateRequest{})
		if err != nil {
			return err
		}
		if reply.State != lndrpc.WalletState_SERVER_ACTIVE {
			return fmt.Errorf("it is in state %s", reply.State)
		}
		return nil
	})
	l.id = l.info().IdentityPubkey
	l.Sync()
}

// Stop implements Peer.
func (l *lnd) Stop() {
	l.t.Helper()
	if err := l.proc.Terminate(); err != nil {
		l.t.Fatalf("stop lnd: %v", err)
	}
}

// Kill implements Peer.
func (l *lnd) Kill() { l.proc.Kill() }

// Alive implements Peer.
func (l *lnd) Alive() bool { return l.proc.Alive() }

// ID implements Peer.
func (l *lnd) ID() string { return l.id }

// Address implements Peer.
func (l *lnd) Address() string { return l.address }

func (l *lnd) info() *lndrpc.GetInfoResponse {
	l.t.Helper()
	return lndMust(l, l.lightning.GetInfo, &lndrpc.GetInfoRequest{})
}

// Version implements Peer.
func (l *lnd) Version() string {
	version, _, _ := strings.Cut(l.info().Version, " ")
	return version
}

// Sync implements Peer.
func (l *lnd) Sync() {
	l.t.Helper()
	harness.Eventually(l.t, "lnd has seen all blocks", func() error {
		if info, height := l.info(), l.btcd.Height(); int(info.BlockHeight) != height || !info.SyncedToChain {
			return fmt.Errorf("it is at %d of %d", info.BlockHeight, height)
		}
		return nil
	})
}

// NewAddress implements Peer.
func (l *lnd) NewAddress() string {
	l.t.Helper()
	request := &lndrpc.NewAddressRequest{Type: lndrpc.AddressType_WITNESS_PUBKEY_HASH}
	return lndMust(l, l.lightning.NewAddress, request).Address
}

// Connect implements Peer.
func (l *lnd) Connect(id, address string) error {
	_, err := lndTry(l, l.lightning.ConnectPeer, &lndrpc.ConnectPeerRequest{Addr: &lndrpc.LightningAddress{Pubkey: id, Host: address}})
	return err
}

// Disconnect implements Peer.
func (l *lnd) Disconnect(id string) error {
	_, err := lndTry(l, l.lightning.DisconnectPeer, &lndrpc.DisconnectPeerRequest{PubKey: id})
	return err
}

// Connected implements Peer.
func (l *lnd) Connected(id string) bool {
	l.t.Helper()
	list := lndMust(l, l.lightning.ListPeers, &lndrpc.ListPeersRequest{})
	return slices.ContainsFunc(list.Peers, func(p *lndrpc.Peer) bool { return p.PubKey == id })
}

// SendCustom implements Peer.
func (l *lnd) SendCustom(id string, messageType uint32, data []byte) error {
	request := &lndrpc.SendCustomMessageRequest{Peer: hexBytes(id), Type: messageType, Data: data}
	_, err := lndTry(l, l.lightning.SendCustomMessage, request)
	return err
}

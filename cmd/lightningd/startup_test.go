package main

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestPidFileIsHeldByOneProcess(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lightningd-regtest.pid")
	first, err := lockPidFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := lockPidFile(path); err == nil || !strings.Contains(err.Error(), "already running") {
		t.Fatalf("locked twice: %v", err)
	}
	first.Close()
	again, err := lockPidFile(path)
	if err != nil {
		t.Fatalf("after the first is gone: %v", err)
	}
	again.Close()
}

func TestSdNotify(t *testing.T) {
	path := filepath.Join(t.TempDir(), "notify")
	manager, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer manager.Close()
	t.Setenv("NOTIFY_SOCKET", path)
	sdNotify("READY=1")
	buf := make([]byte, 100)
	n, err := manager.Read(buf)
	if err != nil || string(buf[:n]) != "READY=1" {
		t.Fatalf("told %q, %v", buf[:n], err)
	}
}

func TestVersionAndFeaturesArePrinted(t *testing.T) {
	for option, want := range map[string]string{"--version": "v26.06-fulmen", "--list-features-only": "option_anchors"} {
		out, err := os.Create(filepath.Join(t.TempDir(), "out"))
		if err != nil {
			t.Fatal(err)
		}
		defer out.Close()
		if err := run([]string{option}, out); err != nil {
			t.Fatalf("%s: %v", option, err)
		}
		printed, err := os.ReadFile(out.Name())
		if err != nil || !strings.Contains(string(printed), want) {
			t.Errorf("%s printed %q, %v", option, printed, err)
		}
	}
}

func TestSubdaemonOption(t *testing.T) {
	name, path, err := splitSubdaemon("channeld:/opt/channeld")
	if name != "channeld" || path != "/opt/channeld" || err != nil {
		t.Errorf("%q, %q, %v", name, path, err)
	}
	for _, bad := range []string{"channeld", "channeld:", "nobody:/x", ""} {
		if _, _, err := splitSubdaemon(bad); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}

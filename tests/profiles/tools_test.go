//go:build profiles

package profiles

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// maxExposure is the highest figure of systemd-analyze security that we accept.
const maxExposure = 1.5

// refpolicy builds SELinux modules with checkmodule and semodule_package.
const refpolicy = "/usr/share/selinux/devel/Makefile"

// tools are what has to be installed, and which package of Debian has it.
var tools = []struct{ program, pkg string }{
	{"apparmor_parser", "apparmor"},
	{"checkmodule", "checkpolicy"},
	{"semodule_package", "semodule-utils"},
	{refpolicy, "selinux-policy-dev"},
	{"systemd-analyze", "systemd"},
}

func TestMain(m *testing.M) {
	var missing []string
	os.Setenv("PATH", os.Getenv("PATH")+":/usr/sbin:/sbin")
	for _, tool := range tools {
		_, err := exec.LookPath(tool.program)
		if strings.HasPrefix(tool.program, "/") {
			_, err = os.Stat(tool.program)
		}
		if err != nil {
			missing = append(missing, tool.pkg)
		}
	}
	if missing != nil {
		os.Stderr.WriteString("check-profiles: not installed: " + strings.Join(missing, " ") + "\n")
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// run fails the test with what the tool printed.
func run(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// copyFiles puts a folder's files into a new one, changed by edit if that is not nil.
func copyFiles(t *testing.T, from string, edit func([]byte) []byte) string {
	t.Helper()
	dir := t.TempDir()
	files, err := os.ReadDir(from)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		text, err := os.ReadFile(filepath.Join(from, f.Name()))
		if err != nil {
			t.Fatal(err)
		}
		if edit != nil {
			text = edit(text)
		}
		if err := os.WriteFile(filepath.Join(dir, f.Name()), text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestAppArmorParses(t *testing.T) {
	dir := contrib(t, "apparmor")
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if f.IsDir() {
			continue
		}
		t.Run(f.Name(), func(t *testing.T) {
			profile := filepath.Join(dir, f.Name())
			run(t, "apparmor_parser", "--skip-kernel-load", "--skip-cache", "-I", dir, profile)
			names := run(t, "apparmor_parser", "--names", "-I", dir, profile)
			if want := "fulmen-" + f.Name(); !strings.Contains(names, want) {
				t.Errorf("has %q, want %s", names, want)
			}
		})
	}
}

func TestSELinuxModuleBuilds(t *testing.T) {
	dir := copyFiles(t, contrib(t, "selinux"), nil)
	t.Log(run(t, "make", "-C", dir, "-f", refpolicy, "fulmen.pp"))
	if st, err := os.Stat(filepath.Join(dir, "fulmen.pp")); err != nil || st.Size() == 0 {
		t.Errorf("no fulmen.pp: %v", err)
	}
}

// unit is the service with programs that exist, so that nothing needs to be installed.
func unit(t *testing.T) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "lightningd")
	if err := os.WriteFile(program, []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	dir := copyFiles(t, contrib(t, "systemd"), func(text []byte) []byte {
		return bytes.ReplaceAll(text, []byte("/usr/local/bin/lightningd"), []byte(program))
	})
	return filepath.Join(dir, "lightningd.service")
}

func TestSystemdVerifies(t *testing.T) {
	if out := run(t, "systemd-analyze", "verify", "--man=no", unit(t)); strings.Contains(out, "lightningd") {
		t.Errorf("systemd-analyze verify:\n%s", out)
	}
}

func TestSystemdExposure(t *testing.T) {
	out := run(t, "systemd-analyze", "security", "--offline=true", "--no-pager", unit(t))
	figure := regexp.MustCompile(`Overall exposure level for lightningd.service: ([0-9.]+)`).FindStringSubmatch(out)
	if figure == nil {
		t.Fatalf("no figure:\n%s", out)
	}
	t.Log(figure[0])
	exposure, err := strconv.ParseFloat(figure[1], 64)
	if err != nil || exposure > maxExposure {
		t.Errorf("exposure %s, at most %v\n%s", figure[1], maxExposure, out)
	}
}

func TestSystemdFoldersAndUser(t *testing.T) {
	dir := contrib(t, "systemd")
	root := t.TempDir()
	if err := os.Mkdir(filepath.Join(root, "etc"), 0o755); err != nil {
		t.Fatal(err)
	}
	run(t, "systemd-sysusers", "--root="+root, filepath.Join(dir, "lightningd.sysusers"))
	if passwd := read(t, filepath.Join(root, "etc", "passwd")); !strings.Contains(passwd, "lightning:") {
		t.Errorf("no user lightning:\n%s", passwd)
	}
	// Only root can give the folders away; anyone can have the file parsed, with nothing to do.
	run(t, "systemd-tmpfiles", "--root="+root, "--clean", filepath.Join(dir, "lightningd.tmpfiles"))
}

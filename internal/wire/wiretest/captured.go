// Package wiretest has messages for tests that this project did not make: what nodes of others have sent to ours.
package wiretest

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"fulmen/internal/wire"
)

// corpus is wire's own seeds of FuzzDecode, written by `go test -args -capture` in tests/interop.
const corpus = "internal/wire/testdata/fuzz/FuzzDecode"

// Captured is those of the messages that a decoder wants: nil wants all.
func Captured(t testing.TB, wants func(wire.MessageType) bool) (list [][]byte) {
	t.Helper()
	dir := "."
	for range 4 { // tests run in the folder of their package
		dir = filepath.Join(dir, "..")
		entries, err := os.ReadDir(filepath.Join(dir, corpus))
		if err != nil {
			continue
		}
		for _, e := range entries {
			raw := read(t, filepath.Join(dir, corpus, e.Name()))
			if typ, err := wire.TypeOf(raw); err == nil && (wants == nil || wants(typ)) {
				list = append(list, raw)
			}
		}
		return list
	}
	t.Fatalf("%s is in no folder above", corpus)
	return nil
}

// read takes the bytes out of a file as go test writes it for a []byte.
func read(t testing.TB, path string) []byte {
	t.Helper()
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	_, text, _ := strings.Cut(string(file), "[]byte(")
	raw, err := strconv.Unquote(strings.TrimSuffix(strings.TrimSpace(text), ")"))
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return []byte(raw)
}

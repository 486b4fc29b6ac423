// Package hostile turns a fuzzer's bytes into what a process that was taken over would say: well-formed
// messages of internal/ipc with absurd contents, in any order, and values that the real conversation
// uses, so that they get past the first check. The fuzz targets are beside the code that they attack,
// in cmd/*/hostile_fuzz_test.go. Everything lists the messages of all links, once for all tests.
package hostile

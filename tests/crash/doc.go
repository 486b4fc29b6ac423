// Package crash pays both ways between two real nodes while every process of both is killed, again
// and again, at random. Nothing may be lost, paid twice, or closed.
//
//	go test -v -run TestCrash ./tests/crash -args -payments 300 -seed 1
package crash

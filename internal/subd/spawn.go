package subd

import (
	"fmt"
	"os"
	"runtime"
	"sync"
	"syscall"
)

// forker starts all children from one thread that lives as long as lightningd: the kernel sends
// PDEATHSIG when the thread that forked ends, and Go ends threads as it likes otherwise.
var forker = sync.OnceValue(func() chan<- func() {
	todo := make(chan func())
	go func() {
		runtime.LockOSThread()
		for do := range todo {
			do()
		}
	}()
	return todo
})

// fork runs the program with title as its argv[0], which is what ps shows, nothing in its
// environment and files as its descriptors.
func fork(path, title string, files []*os.File) (*os.Process, error) {
	attr := &os.ProcAttr{
		Dir:   "/",
		Env:   []string{},
		Files: files,
		Sys: &syscall.SysProcAttr{
			Pdeathsig: syscall.SIGKILL,
			Setpgid:   true, // the terminal's signals are for lightningd alone
		},
	}
	var p *os.Process
	var err error
	done := make(chan struct{})
	forker() <- func() {
		defer close(done)
		p, err = os.StartProcess(path, []string{title}, attr)
	}
	<-done
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", title, err)
	}
	return p, nil
}

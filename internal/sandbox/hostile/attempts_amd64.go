package hostile

import "golang.org/x/sys/unix"

// thisArch is what only amd64 has.
var thisArch = []Attempt{
	{Name: "open, the old call", Want: eacces, Do: func(s *Scene) error { return call(unix.SYS_OPEN, s.in("hsm_secret"), 0, 0) }},
	{Name: "creat", Want: Killed, Do: func(s *Scene) error { return call(unix.SYS_CREAT, s.in("new"), 0o600) }},
	{Name: "fork, the old call", Want: Killed, Do: forkOld},
	{Name: "a call of the x32 ABI", Want: Killed, Do: raw(0x40000000 | unix.SYS_GETPID)},
	{Name: "I/O ports", Want: Killed, Do: raw(unix.SYS_IOPL, 0)},
	{Name: "change segments", Want: Killed, Do: raw(unix.SYS_MODIFY_LDT, 0, room(16), 16)},
}

func forkOld(*Scene) error {
	pid, err := result(unix.SYS_FORK)
	if err == nil && pid == 0 {
		return call(unix.SYS_EXIT_GROUP, 0)
	}
	return err
}

//go:build hostile

package daemon

import (
	"os"

	"fulmen/internal/sandbox/hostile"
)

// attack does what an attacker would, if the process's title says so. It is for tests alone.
func (p *Process) attack() { hostile.Run(os.Args[0], p.Link) }

package chain

import (
	"fmt"
	"time"

	"fulmen/internal/block"
)

// Status is how things stand with the backend and with us.
type Status struct {
	Tip BlockID // the last block that the receiver took
	// Info is the backend's last answer; its zero value before the first.
	Info Info
	// Away is the error of the backend's last answer, nil while it works; AwaySince is when that began.
	Away      error
	AwaySince time.Time
	// CaughtUp means that we had all the blocks of the backend when we last asked.
	CaughtUp bool
}

// BitcoindWarning says why the backend cannot be relied on, and is empty when it can.
func (s Status) BitcoindWarning() string {
	switch {
	case s.Away != nil:
		return fmt.Sprintf("Bitcoind is not usable since %s: %v", s.AwaySince.UTC().Format(time.RFC3339), s.Away)
	case s.Info.IBD:
		return fmt.Sprintf("Bitcoind is not up-to-date with network: it has %d of %d blocks.", s.Info.Blocks, s.Info.Headers)
	case s.Info.Blocks < s.Tip.Height:
		return fmt.Sprintf("Bitcoind is not up-to-date with network: it has %d blocks, we have seen %d.", s.Info.Blocks, s.Tip.Height)
	}
	return ""
}

// LightningdWarning says that we are behind the backend, and is empty when we are not.
func (s Status) LightningdWarning() string {
	if s.Info.Blocks <= s.Tip.Height {
		return ""
	}
	return fmt.Sprintf("Still loading latest blocks from bitcoind: at %d of %d.", s.Tip.Height, s.Info.Blocks)
}

// PollInterval is how often to look for blocks unless told otherwise.
func PollInterval(chain string) time.Duration {
	if chain == "regtest" {
		return time.Second / 4 // blocks are made by somebody who waits
	}
	return 30 * time.Second
}

// DefaultStart begins a new node a few blocks back: a payment to us may have come meanwhile.
func DefaultStart(tip block.Height) block.Height {
	const rescan = 15
	if tip < rescan {
		return 0
	}
	return tip - rescan
}

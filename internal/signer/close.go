package signer

import (
	"bytes"
	"fmt"

	"fulmen/internal/keys"
	"fulmen/internal/tx"
)

// MutualClose is the content of a closing transaction. An output without script is left out.
type MutualClose struct {
	Local, Remote tx.ClosingOutput
	Simple        bool   // option_simple_close; otherwise the legacy kind
	LockTime      uint32 // of the simple kind
}

// SignMutualClose signs a closing transaction that pays us to an allowed script or not at all, and
// the remote to its upfront_shutdown_script if it gave one.
func (c *Channel) SignMutualClose(m *MutualClose) (keys.Signature, error) {
	if c.setup == nil {
		return keys.Signature{}, ErrNoSetup
	}
	var outputs []tx.ClosingOutput
	if len(m.Local.PkScript) > 0 {
		if !c.mayPay(m.Local.PkScript) {
			return keys.Signature{}, fmt.Errorf("mutual close: our output to %x: %w", m.Local.PkScript, ErrScript)
		}
		outputs = append(outputs, m.Local)
	}
	if len(m.Remote.PkScript) > 0 {
		upfront := c.setup.RemoteShutdownScript
		if len(upfront) > 0 && !bytes.Equal(upfront, m.Remote.PkScript) {
			return keys.Signature{}, fmt.Errorf("mutual close: remote's output to %x: %w", m.Remote.PkScript, ErrScript)
		}
		outputs = append(outputs, m.Remote)
	}
	closing, err := c.buildClosing(m, outputs)
	if err != nil {
		return keys.Signature{}, fmt.Errorf("mutual close: %w", err)
	}
	return c.funding.sign(closing.SigHash()), nil
}

func (c *Channel) buildClosing(m *MutualClose, outputs []tx.ClosingOutput) (*tx.Closing, error) {
	if m.Simple {
		return tx.BuildSimpleClosing(c.out, m.LockTime, outputs...)
	}
	return tx.BuildLegacyClosing(c.out, outputs...)
}

package tx

import (
	"errors"
	"fmt"

	"fulmen/internal/amount"
)

// ErrShutdownScript is returned for a script that a mutual close may not pay to.
var ErrShutdownScript = errors.New("not a form that BOLT 2 allows")

// ScriptRules say which output scripts the two peers have agreed on for a mutual close.
type ScriptRules struct {
	AnySegwit bool // option_shutdown_anysegwit
	OpReturn  bool // option_simple_close
}

// CheckShutdownScript checks a scriptpubkey against BOLT 2, Closing Initiation: `shutdown`.
func (r ScriptRules) CheckShutdownScript(s []byte) error {
	switch {
	case isP2WPKH(s), isP2WSH(s):
		return nil
	case r.AnySegwit && isFutureSegwit(s):
		return nil
	case r.OpReturn && isStandardOpReturn(s):
		return nil
	}
	return fmt.Errorf("scriptpubkey %x: %w", s, ErrShutdownScript)
}

func isP2WPKH(s []byte) bool {
	return len(s) == p2wpkhLen && s[0] == op0 && s[1] == opData20
}

func isP2WSH(s []byte) bool {
	return len(s) == p2wshLen && s[0] == op0 && s[1] == opData32
}

// isFutureSegwit tells a witness program of version 1 to 16.
func isFutureSegwit(s []byte) bool {
	return len(s) >= 4 && len(s) <= 42 && s[0] >= op1 && s[0] <= op16 && int(s[1]) == len(s)-2
}

// isStandardOpReturn allows a single push of 6 to 80 bytes in its shortest form.
func isStandardOpReturn(s []byte) bool {
	const opPushData1 = 76
	if len(s) < 2 || s[0] != opReturn {
		return false
	}
	if s[1] >= 6 && s[1] < opPushData1 {
		return len(s) == 2+int(s[1])
	}
	return s[1] == opPushData1 && len(s) >= 3 && s[2] >= 76 && s[2] <= 80 && len(s) == 3+int(s[2])
}

// IsOpReturn reports whether an output with this script can never be spent.
func IsOpReturn(s []byte) bool { return len(s) > 0 && s[0] == opReturn }

// DustThreshold is the least amount that relays in an output with this script (BOLT 3, Dust
// Limits); scripts of no known form get the highest threshold.
func DustThreshold(s []byte) amount.Sat {
	const (
		p2pkh, p2sh, p2wpkh, p2wsh, p2a, unknownSegwit = 546, 540, 294, 330, 240, 354
	)
	switch {
	case IsOpReturn(s):
		return 0
	case isP2WPKH(s):
		return p2wpkh
	case isP2WSH(s):
		return p2wsh
	case len(s) == 4 && s[0] == op1 && s[1] == 2 && s[2] == 0x4e && s[3] == 0x73:
		return p2a
	case isFutureSegwit(s):
		return unknownSegwit
	case len(s) == 23 && s[0] == opHash160 && s[1] == opData20 && s[22] == opEqual:
		return p2sh
	}
	return p2pkh
}

// IsDust reports whether an output would not relay.
func (o *ClosingOutput) IsDust() bool { return o.Amount < DustThreshold(o.PkScript) }

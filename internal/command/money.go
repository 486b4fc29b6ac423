package command

import (
	"errors"
	"fmt"
	"math/bits"
	"strings"

	"fulmen/internal/amount"
)

var (
	errMsat = errors.New(`should be a millisatoshi amount: a whole number, or a string such as "1000msat", "1sat", "0.00000001btc"`)
	errSat  = errors.New(`should be a satoshi amount: a whole number, or a string such as "1sat", "1000msat", "0.00000001btc"`)
	errMax  = errors.New("should be at most 21 million bitcoin")
	errPart = errors.New("should be whole satoshis")
)

// MsatOrAny is an amount, or any.
type MsatOrAny struct {
	Any  bool
	Msat amount.Msat
}

func (MsatOrAny) ParamKind() string { return "msat or any" }

func (m *MsatOrAny) ParseParam(t Token) (err error) {
	if s, _ := t.Text(); s == "any" {
		m.Any = true
		return nil
	}
	if m.Msat, err = parseMsat(t); errors.Is(err, errMsat) {
		return fmt.Errorf(`%w, or "any"`, err)
	}
	return err
}

// SatOrAll is an amount, or all there is.
type SatOrAll struct {
	All bool
	Sat amount.Sat
}

func (SatOrAll) ParamKind() string { return "sat or all" }

func (s *SatOrAll) ParseParam(t Token) (err error) {
	if text, _ := t.Text(); text == "all" {
		s.All = true
		return nil
	}
	if s.Sat, err = parseSat(t); errors.Is(err, errSat) {
		return fmt.Errorf(`%w, or "all"`, err)
	}
	return err
}

func parseMsat(t Token) (amount.Msat, error) {
	s, err := t.Text()
	if err != nil {
		return 0, errMsat
	}
	return ParseMsat(s)
}

// ParseMsat reads an amount as people write it: N, Nmsat, Nsat, N.NNNsat or N.NNNbtc.
func ParseMsat(text string) (amount.Msat, error) { return msatFrom(text, 0, errMsat) }

func parseSat(t Token) (amount.Sat, error) {
	s, err := t.Text()
	if err != nil {
		return 0, errSat
	}
	m, err := msatFrom(s, 3, errSat)
	if err != nil {
		return 0, err
	}
	if m%1000 != 0 {
		return 0, errPart
	}
	return m.Sat(), nil
}

// msatFrom reads an amount whose bare number is in units of 10^bare msat.
func msatFrom(s string, bare int, malformed error) (amount.Msat, error) {
	number, power, allowed := s, bare, 0
	for _, unit := range []struct {
		suffix         string
		power, allowed int // 10^power msat; decimal places
	}{{"msat", 0, 0}, {"sat", 3, 3}, {"btc", 11, 11}} {
		if rest, ok := strings.CutSuffix(s, unit.suffix); ok {
			number, power, allowed = rest, unit.power, unit.allowed
			break
		}
	}
	whole, fraction, point := strings.Cut(number, ".")
	if whole == "" || point && fraction == "" || len(fraction) > allowed {
		return 0, malformed
	}
	n, err := digits(whole+fraction+strings.Repeat("0", power-len(fraction)), malformed)
	if err != nil {
		return 0, err
	}
	if amount.Msat(n) > amount.MaxMsat {
		return 0, errMax
	}
	return amount.Msat(n), nil
}

// digits reads a whole number without sign, or errMax.
func digits(s string, malformed error) (uint64, error) {
	var n uint64
	var overflow bool
	for i := range len(s) {
		d := s[i] - '0'
		if d > 9 {
			return 0, malformed
		}
		hi, lo := bits.Mul64(n, 10)
		sum, carry := bits.Add64(lo, uint64(d), 0)
		overflow = overflow || hi != 0 || carry != 0
		n = sum
	}
	switch {
	case s == "":
		return 0, malformed
	case overflow:
		return 0, errMax
	}
	return n, nil
}

// Millionths is a decimal number with at most six places, such as maxfeepercent, in millionths.
type Millionths uint64

func (Millionths) ParamKind() string { return "number" }

func (m *Millionths) ParseParam(t Token) error {
	malformed := errors.New("should be a number with at most six decimal places")
	s, err := t.Text()
	if err != nil {
		return malformed
	}
	whole, fraction, point := strings.Cut(s, ".")
	if whole == "" || point && fraction == "" || len(fraction) > 6 {
		return malformed
	}
	n, err := digits(whole+fraction+strings.Repeat("0", 6-len(fraction)), malformed)
	if errors.Is(err, errMax) {
		return errors.New("is too large")
	}
	*m = Millionths(n)
	return err
}

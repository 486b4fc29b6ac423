package command

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"fulmen/internal/amount"
)

// FeerateNames are the names that a Feerate may have; what each means is the chain's business.
var FeerateNames = []string{"opening", "mutual_close", "unilateral_close", "delayed_to_us", "htlc_resolution",
	"penalty", "min_acceptable", "max_acceptable", "urgent", "normal", "slow", "minimum"}

// Feerate is a fee rate as a caller gives it: exactly one of its fields is set.
type Feerate struct {
	Name   string              // one of FeerateNames
	Blocks uint32              // what confirms within so many blocks
	PerKw  amount.FeeratePerKw // a rate
}

var errFeerate = errors.New("should be a fee rate: slow, normal, urgent, minimum, Nperkw, Nperkb, Nblocks, or a number, which is perkb")

func (Feerate) ParamKind() string { return "feerate" }

func (f *Feerate) ParseParam(t Token) error {
	s, err := t.Text()
	if err != nil {
		return errFeerate
	}
	for _, name := range FeerateNames {
		if s == name {
			f.Name = name
			return nil
		}
	}
	perKB := strings.TrimSuffix(s, "perkb")
	if number, ok := strings.CutSuffix(s, "perkw"); ok {
		rate, err := feerateNumber(number, math.MaxUint32)
		f.PerKw = amount.FeeratePerKw(rate)
		return err
	}
	if number, ok := strings.CutSuffix(s, "blocks"); ok {
		blocks, err := feerateNumber(number, math.MaxUint32)
		f.Blocks = uint32(blocks)
		return err
	}
	// A virtual byte is four weight units; rounding up keeps the rate that was asked for.
	rate, err := feerateNumber(perKB, math.MaxUint32*4)
	f.PerKw = amount.FeeratePerKw((rate + 3) / 4)
	return err
}

func feerateNumber(s string, most uint64) (uint64, error) {
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil {
		return 0, errFeerate
	}
	if n == 0 || n > most {
		return 0, fmt.Errorf("should be from 1 to %d", most)
	}
	return n, nil
}

// String is the form that ParseParam reads.
func (f Feerate) String() string {
	switch {
	case f.Name != "":
		return f.Name
	case f.Blocks != 0:
		return fmt.Sprintf("%dblocks", f.Blocks)
	}
	return f.PerKw.String()
}

package invoice

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"fulmen/internal/amount"
)

// Network is the chain of an invoice, as its BIP 173 prefix: what follows `ln`.
type Network string

// The networks that we know. Both public test chains share a prefix.
const (
	Bitcoin Network = "bc"
	Testnet Network = "tb"
	Signet  Network = "tbs"
	Regtest Network = "bcrt"
)

var networkNames = map[Network]string{Bitcoin: "bitcoin", Testnet: "testnet", Signet: "signet", Regtest: "regtest"}

// String is the network's name for people.
func (n Network) String() string {
	if name, known := networkNames[n]; known {
		return name
	}
	return string(n)
}

// ErrNetwork means that an invoice is for another chain than wanted, or for one that we do not know.
var ErrNetwork = errors.New("wrong network")

// CheckNetwork fails unless the invoice is for the wanted network.
func (inv *Invoice) CheckNetwork(want Network) error {
	if inv.Network != want {
		return fmt.Errorf("%w: invoice is for %s, not for %s", ErrNetwork, inv.Network, want)
	}
	return nil
}

// multipliers are what one unit of the amount is worth in millisatoshi, most valuable first. The unit
// without a letter is the bitcoin. A tenth of a millisatoshi, `p`, is apart from these.
var multipliers = []struct {
	letter string
	msat   uint64
}{
	{"", 1e11}, {"m", 1e8}, {"u", 1e5}, {"n", 100},
}

// parseHRP reads prefix and amount.
func parseHRP(hrp string) (Network, amount.Msat, error) {
	rest, found := strings.CutPrefix(hrp, "ln")
	if !found {
		return "", 0, fmt.Errorf("prefix %q does not begin with \"ln\"", hrp)
	}
	name := rest
	if i := strings.IndexAny(rest, "0123456789"); i >= 0 {
		name = rest[:i]
	}
	network := Network(name)
	if _, known := networkNames[network]; !known {
		return "", 0, fmt.Errorf("%w: unknown prefix %q", ErrNetwork, "ln"+name)
	}
	msat, err := parseAmount(rest[len(name):])
	if err != nil {
		return "", 0, fmt.Errorf("amount %q: %w", rest[len(name):], err)
	}
	return network, msat, nil
}

func parseAmount(text string) (amount.Msat, error) {
	if text == "" {
		return 0, nil
	}
	digits := strings.TrimRight(text, "munp")
	letter := text[len(digits):]
	if len(letter) > 1 {
		return 0, fmt.Errorf("multiplier %q is not one of m, u, n, p", letter)
	}
	if strings.Trim(digits, "0123456789") != "" {
		return 0, errors.New("want digits and one of m, u, n, p")
	}
	n, err := strconv.ParseUint(digits, 10, 64)
	switch {
	case err != nil:
		return 0, amount.ErrOverflow
	case digits[0] == '0':
		return 0, errors.New("begins with 0")
	}
	if letter == "p" {
		if n%10 != 0 {
			return 0, errors.New("is not in whole millisatoshi")
		}
		return inUnits(n/10, 1)
	}
	for _, m := range multipliers {
		if m.letter == letter {
			return inUnits(n, m.msat)
		}
	}
	panic("invoice: a multiplier was trimmed that is not in the table")
}

func inUnits(n, msat uint64) (amount.Msat, error) {
	if n > uint64(amount.MaxMsat)/msat {
		return 0, amount.ErrOverflow
	}
	return amount.Msat(n * msat), nil
}

// formatHRP writes the amount as shortly as it can be.
func formatHRP(network Network, msat amount.Msat) (string, error) {
	if _, known := networkNames[network]; !known {
		return "", fmt.Errorf("%w: unknown prefix %q", ErrNetwork, string(network))
	}
	if msat == 0 {
		return "ln" + string(network), nil
	}
	if msat > amount.MaxMsat {
		return "", fmt.Errorf("amount %s: at most %s", msat, amount.MaxMsat)
	}
	hrp := "ln" + string(network)
	for _, m := range multipliers {
		if uint64(msat)%m.msat == 0 {
			return hrp + strconv.FormatUint(uint64(msat)/m.msat, 10) + m.letter, nil
		}
	}
	return hrp + strconv.FormatUint(uint64(msat), 10) + "0p", nil
}

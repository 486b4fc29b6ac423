package command

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/btcsuite/btcd/chainhash/v2"
	btcwire "github.com/btcsuite/btcd/wire/v2"

	"fulmen/internal/keys"
	"fulmen/internal/wire"
)

// Label is an invoice's name: a string, or a number that is taken as the string of its characters.
type Label string

func (Label) ParamKind() string { return "string or number" }

func (l *Label) ParseParam(t Token) error {
	s, err := t.Text()
	if err != nil || t.raw[0] == 't' || t.raw[0] == 'f' {
		return errors.New("should be a string or a number")
	}
	*l = Label(s)
	return nil
}

// Hex is bytes that are hex digits in JSON; empty means "".
type Hex []byte

func (Hex) ParamKind() string { return "hex" }

func (h *Hex) ParseParam(t Token) (err error) {
	*h, err = parseHex(t)
	return err
}

// MarshalText is for results.
func (h Hex) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, h), nil }

// UnmarshalText is for those who read results.
func (h *Hex) UnmarshalText(text []byte) (err error) {
	*h, err = hex.AppendDecode(nil, text)
	return err
}

func parseFixed(t Token, into []byte) error {
	b, err := parseHex(t)
	if err != nil || len(b) != len(into) {
		return fmt.Errorf("should be %d hex digits", 2*len(into))
	}
	copy(into, b)
	return nil
}

func parseHash(t Token) (h [32]byte, err error) { return h, parseFixed(t, h[:]) }

func parseSecret(t Token) (keys.Secret, error) {
	var s keys.Secret
	err := parseFixed(t, s[:])
	return s, err
}

func parseChannelID(t Token) (wire.ChannelID, error) {
	var id wire.ChannelID
	err := parseFixed(t, id[:])
	return id, err
}

func parsePubKey(t Token) (keys.PubKey, error) {
	s, _ := t.Text()
	p, err := keys.ParsePubKey(s)
	if err != nil || p[0] != 2 && p[0] != 3 {
		return p, errors.New("should be a public key: 66 hex digits, the first two 02 or 03")
	}
	return p, nil
}

func parseShortChannelID(t Token) (wire.ShortChannelID, error) {
	s, _ := t.Text()
	id, err := wire.ParseShortChannelID(s)
	if err != nil {
		return 0, errors.New("should be a short_channel_id such as 539268x845x1")
	}
	return id, nil
}

// ShortChannelIDDir is one direction of a channel, such as 539268x845x1/0.
type ShortChannelIDDir struct {
	ID        wire.ShortChannelID
	Direction uint8 // 0 from the node with the lesser id, else 1
}

func (ShortChannelIDDir) ParamKind() string { return "short_channel_id_dir" }

func (d *ShortChannelIDDir) ParseParam(t Token) error {
	s, _ := t.Text()
	channel, direction, _ := strings.Cut(s, "/")
	id, err := wire.ParseShortChannelID(channel)
	if err != nil || direction != "0" && direction != "1" {
		return errors.New("should be a short_channel_id and direction such as 539268x845x1/0")
	}
	*d = ShortChannelIDDir{ID: id, Direction: direction[0] - '0'}
	return nil
}

// String is the form that ParseParam reads.
func (d ShortChannelIDDir) String() string { return fmt.Sprintf("%s/%d", d.ID, d.Direction) }

// MarshalText is for results.
func (d ShortChannelIDDir) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

func parseTxid(t Token) (chainhash.Hash, error) {
	s, _ := t.Text()
	return txidFrom(s)
}

// txidFrom wants all digits: chainhash takes fewer and pads them.
func txidFrom(s string) (chainhash.Hash, error) {
	if len(s) == chainhash.MaxHashStringSize {
		if h, err := chainhash.NewHashFromStr(s); err == nil {
			return *h, nil
		}
	}
	return chainhash.Hash{}, errors.New("should be a txid: 64 hex digits")
}

func parseOutpoint(t Token) (btcwire.OutPoint, error) {
	s, _ := t.Text()
	id, index, _ := strings.Cut(s, ":")
	txid, err := txidFrom(id)
	n, numErr := strconv.ParseUint(index, 10, 32)
	if err != nil || numErr != nil {
		return btcwire.OutPoint{}, errors.New("should be an outpoint: a txid, a colon and the output's index")
	}
	return btcwire.OutPoint{Hash: txid, Index: uint32(n)}, nil
}

// Output is where coins go: in JSON an object of one member, {"address": amount}.
type Output struct {
	Address string
	Amount  SatOrAll
}

func (Output) ParamKind() string { return `{"address": sat or all}` }

func (o *Output) ParseParam(t Token) error {
	var object map[string]json.RawMessage
	if json.Unmarshal(t.raw, &object) != nil || len(object) != 1 {
		return errors.New(`should be an object of one member, {"address": amount}`)
	}
	for address, value := range object {
		if err := o.Amount.ParseParam(Token{value}); err != nil {
			return atParam(address, Token{value}, err)
		}
		o.Address = address
	}
	return nil
}

// OneOrMany takes an array of T, or one T without the brackets.
type OneOrMany[T any] []T

func (OneOrMany[T]) ParamKind() string { return kindOfType[T]().name + ", or an array of them" }

func (m *OneOrMany[T]) ParseParam(t Token) error {
	if t.raw[0] == '[' {
		return kindOfType[[]T]().parseInto(t, (*[]T)(m))
	}
	*m = make([]T, 1)
	return kindOfType[T]().parseInto(t, &(*m)[0])
}

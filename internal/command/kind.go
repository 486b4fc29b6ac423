package command

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strconv"

	"github.com/btcsuite/btcd/chainhash/v2"
	btcwire "github.com/btcsuite/btcd/wire/v2"

	"fulmen/internal/amount"
	"fulmen/internal/block"
	"fulmen/internal/keys"
	"fulmen/internal/wire"
)

// Value is implemented, on its pointer, by a type that parses itself from a parameter.
type Value interface {
	// ParseParam returns an error that completes "amount_msat: ", such as "should be ...".
	ParseParam(Token) error
	// ParamKind names the kind for people, e.g. "msat or any".
	ParamKind() string
}

// kind is how one Go type is parsed.
type kind struct {
	name  string
	parse func(Token, reflect.Value) error
}

// kinds are the types that do not implement Value.
var kinds = map[reflect.Type]kind{
	reflect.TypeFor[string]():              {"string", setter(Token.Text)},
	reflect.TypeFor[bool]():                {"boolean", setter(parseBool)},
	reflect.TypeFor[uint8]():               {"u8", parseUint},
	reflect.TypeFor[uint16]():              {"u16", parseUint},
	reflect.TypeFor[uint32]():              {"u32", parseUint},
	reflect.TypeFor[uint64]():              {"u64", parseUint},
	reflect.TypeFor[int64]():               {"integer", setter(parseInt)},
	reflect.TypeFor[block.Height]():        {"u32", parseUint},
	reflect.TypeFor[block.Delta]():         {"u16", parseUint},
	reflect.TypeFor[amount.Msat]():         {"msat", setter(parseMsat)},
	reflect.TypeFor[amount.Sat]():          {"sat", setter(parseSat)},
	reflect.TypeFor[[]byte]():              {"hex", setter(parseHex)},
	reflect.TypeFor[[32]byte]():            {"hash", setter(parseHash)},
	reflect.TypeFor[keys.Secret]():         {"secret", setter(parseSecret)},
	reflect.TypeFor[keys.PubKey]():         {"pubkey", setter(parsePubKey)},
	reflect.TypeFor[wire.ShortChannelID](): {"short_channel_id", setter(parseShortChannelID)},
	reflect.TypeFor[wire.ChannelID]():      {"channel_id", setter(parseChannelID)},
	reflect.TypeFor[chainhash.Hash]():      {"txid", setter(parseTxid)},
	reflect.TypeFor[btcwire.OutPoint]():    {"outpoint", setter(parseOutpoint)},
	reflect.TypeFor[json.RawMessage]():     {"JSON", setter(parseRaw)},
}

func setter[T any](parse func(Token) (T, error)) func(Token, reflect.Value) error {
	return func(t Token, v reflect.Value) error {
		x, err := parse(t)
		if err == nil {
			v.Set(reflect.ValueOf(x))
		}
		return err
	}
}

// kindOf finds how t is parsed; owner is for the panic's message.
func kindOf(owner string, t reflect.Type) kind {
	if k, ok := kinds[t]; ok {
		return k
	}
	if v, ok := reflect.New(t).Interface().(Value); ok {
		return kind{v.ParamKind(), func(t Token, v reflect.Value) error {
			return v.Addr().Interface().(Value).ParseParam(t)
		}}
	}
	switch t.Kind() {
	case reflect.Pointer:
		return pointerTo(kindOf(owner, t.Elem()), t.Elem())
	case reflect.Slice:
		return arrayOf(kindOf(owner, t.Elem()))
	case reflect.Struct:
		return objectOf(structFields(owner, t))
	}
	panic(fmt.Sprintf("command %s: a parameter cannot be a %s", owner, t))
}

func pointerTo(elem kind, t reflect.Type) kind {
	return kind{elem.name, func(tok Token, v reflect.Value) error {
		p := reflect.New(t)
		if err := elem.parse(tok, p.Elem()); err != nil {
			return err
		}
		v.Set(p)
		return nil
	}}
}

func arrayOf(elem kind) kind {
	return kind{"array of " + elem.name, func(t Token, v reflect.Value) error {
		elements, err := t.Array()
		if err != nil {
			return err
		}
		slice := reflect.MakeSlice(v.Type(), len(elements), len(elements))
		for i, e := range elements {
			if err := elem.parse(e, slice.Index(i)); err != nil {
				return atParam(fmt.Sprintf("[%d]", i), e, err)
			}
		}
		v.Set(slice)
		return nil
	}}
}

func objectOf(fields []field) kind {
	return kind{"object", func(t Token, v reflect.Value) error {
		var given map[string]json.RawMessage
		if json.Unmarshal(t.raw, &given) != nil || given == nil {
			return errors.New("should be an object")
		}
		for _, f := range fields {
			value := given[f.Name]
			if len(value) == 0 && f.Required {
				return fmt.Errorf("should have %s", f.Name)
			}
			if err := f.set(value, v.Field(f.index)); err != nil {
				return err
			}
		}
		return nil
	}}
}

func parseBool(t Token) (bool, error) {
	switch s, _ := t.Text(); s {
	case "true":
		return true, nil
	case "false":
		return false, nil
	}
	return false, errors.New("should be true or false")
}

func parseUint(t Token, v reflect.Value) error {
	bits := v.Type().Bits()
	s, _ := t.Text()
	n, err := strconv.ParseUint(s, 10, bits)
	if err != nil {
		return fmt.Errorf("should be a whole number from 0 to %d", ^uint64(0)>>(64-bits))
	}
	v.SetUint(n)
	return nil
}

func parseInt(t Token) (int64, error) {
	s, _ := t.Text()
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return 0, errors.New("should be a whole number of 64 bits")
	}
	return n, nil
}

func parseHex(t Token) ([]byte, error) {
	s, err := t.Text()
	if err != nil {
		return nil, errors.New("should be hex digits")
	}
	b, err := hex.DecodeString(s)
	if err != nil {
		return nil, errors.New("should be an even number of hex digits")
	}
	return b, nil
}

func parseRaw(t Token) (json.RawMessage, error) { return t.raw, nil }

func kindOfType[T any]() kind { return kindOf("", reflect.TypeFor[T]()) }

// parseInto parses into what p points to.
func (k kind) parseInto(t Token, p any) error { return k.parse(t, reflect.ValueOf(p).Elem()) }

package noise

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"

	"fulmen/internal/ecdh"
	"fulmen/internal/keys"
)

// vectors is testdata/bolt08.json: the values of BOLT 8, Appendix A.
type vectors struct {
	Initiator, Responder []handshakeVector
	Message              struct {
		CK, SK, RK string
		Outputs    map[int]string
	}
}

type handshakeVector struct {
	Name   string
	RSPub  string `json:"rs_pub"`
	LSPriv string `json:"ls_priv"`
	LSPub  string `json:"ls_pub"`
	EPriv  string `json:"e_priv"`
	Steps  []struct{ Input, Output string }
}

// vectorErrors maps the error names of the vectors to ours: which act, and what is wrong with it.
var vectorErrors = map[string]struct {
	act string
	err error
}{
	"ACT1_READ_FAILED":    {"act one", ErrLength},
	"ACT1_BAD_VERSION":    {"act one", ErrVersion},
	"ACT1_BAD_PUBKEY":     {"act one", ErrPubKey},
	"ACT1_BAD_TAG":        {"act one", ErrTag},
	"ACT2_READ_FAILED":    {"act two", ErrLength},
	"ACT2_BAD_VERSION 1":  {"act two", ErrVersion},
	"ACT2_BAD_PUBKEY":     {"act two", ErrPubKey},
	"ACT2_BAD_TAG":        {"act two", ErrTag},
	"ACT3_READ_FAILED":    {"act three", ErrLength},
	"ACT3_BAD_VERSION 1":  {"act three", ErrVersion},
	"ACT3_BAD_CIPHERTEXT": {"act three: encrypted static key", ErrTag},
	"ACT3_BAD_PUBKEY":     {"act three", ErrPubKey},
	"ACT3_BAD_TAG":        {"act three", ErrTag},
}

func loadVectors(t testing.TB) vectors {
	t.Helper()
	text, err := os.ReadFile("testdata/bolt08.json")
	if err != nil {
		t.Fatal(err)
	}
	var v vectors
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func staticECDH(t testing.TB, privHex string) StaticECDH {
	secret := keys.Secret(unhex(t, privHex))
	priv, err := ecdh.ParseScalar(&secret)
	if err != nil {
		t.Fatal(err)
	}
	return func(p keys.PubKey) (keys.Secret, error) {
		point, err := ecdh.ParsePoint(p)
		if err != nil {
			return keys.Secret{}, err
		}
		return ecdh.Shared(&priv, &point), nil
	}
}

// side is one party of a vector: a function that takes each input and returns each output.
type side func(input []byte) (output []byte, send *Sealer, recv *Opener, err error)

func initiatorSide(t testing.TB, v handshakeVector) side {
	i, err := NewInitiator(keys.PubKey(unhex(t, v.LSPub)), keys.PubKey(unhex(t, v.RSPub)),
		keys.Secret(unhex(t, v.EPriv)), staticECDH(t, v.LSPriv))
	if err != nil {
		t.Fatal(err)
	}
	return func(input []byte) ([]byte, *Sealer, *Opener, error) {
		if input == nil {
			act, err := i.ActOne()
			return act, nil, nil, err
		}
		return i.ActThree(input)
	}
}

func responderSide(t testing.TB, v handshakeVector) side {
	r, err := NewResponder(keys.PubKey(unhex(t, v.LSPub)), keys.Secret(unhex(t, v.EPriv)), staticECDH(t, v.LSPriv))
	if err != nil {
		t.Fatal(err)
	}
	started := false
	return func(input []byte) ([]byte, *Sealer, *Opener, error) {
		if !started {
			started = true
			act, err := r.ActTwo(input)
			return act, nil, nil, err
		}
		remote, send, recv, err := r.Finish(input)
		const wantRemote = "034f355bdcb7cc0af728ef3cceb9615d90684bb5b2ca5f859ab0f0b704075871aa"
		if err == nil && remote.String() != wantRemote {
			t.Errorf("remote static key %s, want %s", remote, wantRemote)
		}
		return nil, send, recv, err
	}
}

// checkVector feeds every input and compares every output, error and session key.
func checkVector(t *testing.T, v handshakeVector, act side) {
	var output []byte
	var send *Sealer
	var recv *Opener
	var err error
	if v.Steps[0].Input == "" {
		output, _, _, err = act(nil)
	}
	for _, step := range v.Steps {
		switch {
		case step.Input != "":
			if err != nil {
				t.Fatalf("before the last input: %v", err)
			}
			output, send, recv, err = act(unhex(t, step.Input))
		case strings.HasPrefix(step.Output, "ERROR ("):
			want, known := vectorErrors[strings.TrimSuffix(strings.TrimPrefix(step.Output, "ERROR ("), ")")]
			if !known || !errors.Is(err, want.err) || !strings.HasPrefix(err.Error(), want.act) {
				t.Errorf("error %v, want %s", err, step.Output)
			}
		case strings.HasPrefix(step.Output, "sk,rk="):
			checkKeys(t, strings.TrimPrefix(step.Output, "sk,rk="), send.key, recv.key, err)
		case strings.HasPrefix(step.Output, "rk,sk="):
			checkKeys(t, strings.TrimPrefix(step.Output, "rk,sk="), recv.key, send.key, err)
		default:
			if err != nil || !bytes.Equal(output, unhex(t, step.Output)) {
				t.Fatalf("output %x, %v; want %s", output, err, step.Output)
			}
		}
	}
}

func checkKeys(t *testing.T, want string, first, second [32]byte, err error) {
	t.Helper()
	if got := hex.EncodeToString(first[:]) + "," + hex.EncodeToString(second[:]); err != nil || got != want {
		t.Errorf("session keys %s, %v; want %s", got, err, want)
	}
}

func TestBOLT8AppendixAInitiator(t *testing.T) {
	for _, v := range loadVectors(t).Initiator {
		t.Run(v.Name, func(t *testing.T) { checkVector(t, v, initiatorSide(t, v)) })
	}
}

func TestBOLT8AppendixAResponder(t *testing.T) {
	for _, v := range loadVectors(t).Responder {
		t.Run(v.Name, func(t *testing.T) { checkVector(t, v, responderSide(t, v)) })
	}
}

func TestBadOwnKeys(t *testing.T) {
	if _, err := NewResponder(keys.PubKey{}, keys.Secret{}, nil); !errors.Is(err, ecdh.ErrBadScalar) {
		t.Errorf("zero ephemeral key: %v", err)
	}
	i, err := NewInitiator(keys.PubKey{}, keys.PubKey{5}, keys.Secret{1}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := i.ActOne(); !errors.Is(err, ErrPubKey) {
		t.Errorf("bad remote static key: %v", err)
	}
}

func TestStaticECDHFails(t *testing.T) {
	v := loadVectors(t).Responder[0]
	boom := errors.New("signer is away")
	r, err := NewResponder(keys.PubKey(unhex(t, v.LSPub)), keys.Secret(unhex(t, v.EPriv)),
		func(keys.PubKey) (keys.Secret, error) { return keys.Secret{}, boom })
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.ActTwo(unhex(t, v.Steps[0].Input)); !errors.Is(err, boom) {
		t.Errorf("error %v, want %v", err, boom)
	}
}

// FuzzResponder feeds hostile first and third acts; no such act may pass.
func FuzzResponder(f *testing.F) {
	v := loadVectors(f).Responder[0]
	one, three := unhex(f, v.Steps[0].Input), unhex(f, v.Steps[2].Input)
	f.Add(one, three[:60])
	f.Add(one[:49], []byte{})
	f.Add(one, bytes.Repeat([]byte{0}, ActThreeSize))
	f.Fuzz(func(t *testing.T, actOne, actThree []byte) {
		r, err := NewResponder(keys.PubKey(unhex(t, v.LSPub)), keys.Secret(unhex(t, v.EPriv)), staticECDH(t, v.LSPriv))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := r.ActTwo(actOne); err != nil {
			return
		}
		if _, _, _, err := r.Finish(actThree); err == nil && !bytes.Equal(actThree, three) {
			t.Errorf("act three %x passed", actThree)
		}
	})
}

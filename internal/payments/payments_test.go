package payments

import (
	"errors"
	"slices"
	"testing"

	"github.com/btcsuite/btcd/btcec/v2"

	"fulmen/internal/amount"
	"fulmen/internal/keys"
	"fulmen/internal/onion"
)

func part(status Status, group, id uint64, total amount.Msat, destination byte) *Part {
	return &Part{ID: ID{Group: group, Part: id}, Status: status, Amount: 10, Total: total, Destination: keys.PubKey{destination}}
}

func TestCheck(t *testing.T) {
	for _, c := range []struct {
		name     string
		existing []*Part
		part     *Part
		same     int // index of the existing part that stands for it; -1: none
		err      error
	}{
		{"first", nil, part(Pending, 1, 0, 10, 2), -1, nil},
		{"after a failure", []*Part{part(Failed, 1, 0, 10, 2)}, part(Pending, 1, 0, 10, 2), -1, nil},
		{"same again", []*Part{part(Pending, 1, 0, 10, 2)}, part(Pending, 1, 0, 10, 2), 0, nil},
		{"paid before", []*Part{part(Failed, 1, 1, 10, 2), part(Complete, 1, 2, 10, 2)}, part(Pending, 7, 9, 10, 2), 1, nil},
		{"paid another amount", []*Part{part(Complete, 1, 0, 10, 2)}, part(Pending, 1, 0, 11, 2), -1, ErrAlreadyPaid},
		{"paid somebody else", []*Part{part(Complete, 1, 0, 10, 2)}, part(Pending, 1, 0, 10, 3), -1, ErrAlreadyPaid},
		{"another part", []*Part{part(Pending, 1, 1, 20, 2)}, part(Pending, 1, 2, 20, 2), -1, nil},
		{"another group", []*Part{part(Pending, 1, 1, 20, 2)}, part(Pending, 2, 1, 20, 2), -1, ErrInProgress},
		{"another total", []*Part{part(Pending, 1, 1, 20, 2)}, part(Pending, 1, 2, 21, 2), -1, ErrInProgress},
		{"another destination", []*Part{part(Pending, 1, 1, 20, 2)}, part(Pending, 1, 2, 20, 3), -1, ErrInProgress},
	} {
		t.Run(c.name, func(t *testing.T) {
			same, err := Check(c.existing, c.part)
			if !errors.Is(err, c.err) || (err == nil) != (c.err == nil) {
				t.Fatalf("error %v, want %v", err, c.err)
			}
			if c.same < 0 && same != nil || c.same >= 0 && same != c.existing[c.same] {
				t.Fatalf("stands for %+v, want index %d", same, c.same)
			}
		})
	}
}

// twoHops is a part over two channels whose onion was really built.
func twoHops(t *testing.T) *Part {
	t.Helper()
	var hops []onion.Hop
	p := &Part{}
	for i := range 2 {
		_, pub := btcec.PrivKeyFromBytes([]byte{byte(i + 1)})
		id := keys.PubKey(pub.SerializeCompressed())
		hops = append(hops, onion.Hop{NodeID: id, Payload: []byte{1, 0}})
		p.Route = append(p.Route, Hop{NodeID: id, ShortChannelID: 100})
	}
	_, secrets, err := onion.Build(keys.Secret{9}, hops, make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	for i := range secrets {
		p.Route[i].SharedSecret = secrets[i]
	}
	return p
}

func TestReturned(t *testing.T) {
	p := twoHops(t)
	fromDestination := onion.CreateFailure(p.Route[1].SharedSecret, (&onion.Failure{Code: onion.IncorrectOrUnknownPaymentDetails, HTLCMsat: 5}).Encode())
	onion.WrapFailure(p.Route[0].SharedSecret, fromDestination)
	f := p.Returned(fromDestination, nil)
	if f.Code != CodeDestinationFailed || f.Index != 2 || f.Node != p.Route[1].NodeID || f.Channel != 0 {
		t.Fatalf("from the destination: %+v", f)
	}
	if f.CodeName != "WIRE_INCORRECT_OR_UNKNOWN_PAYMENT_DETAILS" {
		t.Fatalf("code name %q", f.CodeName)
	}
	f = p.Returned(onion.CreateFailure(p.Route[0].SharedSecret, (&onion.Failure{Code: onion.UnknownNextPeer}).Encode()), nil)
	if f.Code != CodeTryOtherRoute || f.Index != 1 || f.Node != p.Route[0].NodeID || f.Channel != p.Route[1].ShortChannelID {
		t.Fatalf("from the first hop: %+v", f)
	}
	if f = p.Returned([]byte("garbage"), nil); f.Code != CodeUnparseable {
		t.Fatalf("garbage: %+v", f)
	}
	// The second hop garbles its failure; both hops attribute it as they pass it on.
	garbage := make([]byte, 300)
	attribution := onion.Attribute(p.Route[1].SharedSecret, garbage, 2, nil)
	onion.WrapFailure(p.Route[0].SharedSecret, garbage)
	attribution = onion.Attribute(p.Route[0].SharedSecret, garbage, 3, attribution)
	if f = p.Returned(garbage, attribution[:]); f.Code != CodeUnparseable || f.Index != 2 || f.Node != p.Route[1].NodeID {
		t.Fatalf("attributed garbage: %+v", f)
	}
	if holds := p.HoldTimes(garbage, attribution[:]); !slices.Equal(holds, []onion.HoldTime{3, 2}) {
		t.Fatalf("hold times %v", holds)
	}
	attribution[4] ^= 1 // the second hop's hold time, which the first one's HMAC covers
	if f = p.Returned(garbage, attribution[:]); f.Code != CodeUnparseable || f.Index != 0 {
		t.Fatalf("garbage that the first hop changed: %+v", f)
	}
	if f = p.Malformed(onion.InvalidOnionHMAC, [32]byte{1}); f.Code != CodeTryOtherRoute || f.Index != 1 {
		t.Fatalf("malformed: %+v", f)
	}
	for direction, us := range []keys.PubKey{{1}, {4}} {
		f = p.Local(us, &onion.Failure{Code: onion.TemporaryChannelFailure}, "peer is away")
		if f.Index != 0 || f.Channel != p.Route[0].ShortChannelID || f.Direction != direction || f.Message != "peer is away" {
			t.Fatalf("local: %+v", f)
		}
	}
}

func TestCheckInjected(t *testing.T) {
	for _, c := range []struct {
		name     string
		existing []*Part
		part     *Part
		paid     int // index of the part by which it was paid; -1: none
		err      error
	}{
		{"first", nil, part(Pending, 1, 1, 10, 2), -1, nil},
		{"after a failure", []*Part{part(Failed, 1, 1, 10, 2)}, part(Pending, 1, 1, 10, 2), -1, nil},
		{"under way", []*Part{part(Pending, 1, 1, 10, 2)}, part(Pending, 1, 1, 10, 2), -1, ErrInProgress},
		{"another group", []*Part{part(Pending, 1, 1, 10, 2)}, part(Pending, 2, 1, 10, 2), -1, ErrInProgress},
		{"another part, of which nothing is known", []*Part{part(Pending, 1, 1, 10, 2)}, part(Pending, 1, 2, 30, 3), -1, nil},
		{"paid before", []*Part{part(Failed, 1, 1, 10, 2), part(Complete, 1, 2, 10, 2)}, part(Pending, 7, 9, 11, 3), 1, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			paid, err := CheckInjected(c.existing, c.part)
			if !errors.Is(err, c.err) || (err == nil) != (c.err == nil) {
				t.Fatalf("error %v, want %v", err, c.err)
			}
			if c.paid < 0 && paid != nil || c.paid >= 0 && paid != c.existing[c.paid] {
				t.Fatalf("paid by %+v, want index %d", paid, c.paid)
			}
		})
	}
}

// TestInjectedFailuresAreForTheInjector: this node's layer comes before the others, and only who made the onion reads
// what is in it.
func TestInjectedFailuresAreForTheInjector(t *testing.T) {
	p := twoHops(t)
	secrets := p.secrets()
	own := keys.Secret{7}
	p.Injected, p.Route = &own, p.Route[:1]
	all := append([]keys.Secret{own}, secrets...)
	details := (&onion.Failure{Code: onion.IncorrectOrUnknownPaymentDetails, HTLCMsat: 5}).Encode()
	fromDestination := onion.CreateFailure(secrets[1], details)
	onion.WrapFailure(secrets[0], fromDestination)
	unchanged := slices.Clone(fromDestination)
	for name, c := range map[string]struct {
		f    *Failure
		hop  int
		code onion.FailureCode
	}{
		"from the destination": {p.Returned(fromDestination, nil), 2, onion.IncorrectOrUnknownPaymentDetails},
		"of ours":              {p.Local(keys.PubKey{}, &onion.Failure{Code: onion.UnknownNextPeer}, "no such channel"), 0, onion.UnknownNextPeer},
		"malformed":            {p.Malformed(onion.InvalidOnionHMAC, [32]byte{1}), 0, onion.InvalidOnionHMAC},
		"refused here":         {p.Refused(details, "no"), 0, onion.IncorrectOrUnknownPaymentDetails},
	} {
		hop, raw, err := onion.DecryptFailure(all, c.f.Onion)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		decoded, err := onion.DecodeFailure(raw)
		if err != nil || hop != c.hop || decoded.Code != c.code || c.f.Code != CodeUnparseable || c.f.Message == "" {
			t.Errorf("%s: hop %d, %+v, %v in %+v", name, hop, decoded, err, c.f)
		}
	}
	if !slices.Equal(fromDestination, unchanged) {
		t.Error("the peer's packet was changed")
	}
}

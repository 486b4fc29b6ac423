package onion

import (
	"bytes"
	"slices"
	"testing"

	"fulmen/internal/keys"
)

// attributionVector is the part of testdata/bolt04-returning-errors.json about attribution_data.
type attributionVector struct {
	SharedSecrets       []hexBytes `json:"shared_secrets"` // from the erring node back
	ErrorPackets        []hexBytes `json:"error_packets"`
	FailureAttributions []hexBytes `json:"failure_attributions"`
	FulfillAttributions []hexBytes `json:"fulfill_attributions"`
	HoldTimesBack       []HoldTime `json:"hold_times_back"`
}

// secrets are those of Build, from the first hop.
func (v *attributionVector) secrets() (s []keys.Secret) {
	for _, secret := range slices.Backward(v.SharedSecrets) {
		s = append(s, keys.Secret(secret))
	}
	return s
}

func TestBOLT4AttributionData(t *testing.T) {
	var v attributionVector
	loadJSON(t, "bolt04-returning-errors.json", &v)
	for _, tc := range []struct {
		name    string
		packets []hexBytes
		want    []hexBytes
	}{
		{"failure", v.ErrorPackets, v.FailureAttributions},
		{"fulfilment", make([]hexBytes, len(v.SharedSecrets)), v.FulfillAttributions},
	} {
		var a *Attribution
		for i, secret := range v.SharedSecrets {
			a = Attribute(keys.Secret(secret), tc.packets[i], v.HoldTimesBack[i], a)
			if !bytes.Equal(a[:], tc.want[i]) {
				t.Fatalf("%s: attribution data of step %d: %x\nwant %x", tc.name, i, a[:], []byte(tc.want[i]))
			}
		}
		if holds := a.Holds(v.secrets(), tc.packets[len(tc.packets)-1]); !slices.Equal(holds, []HoldTime{5, 4, 3, 2, 1}) {
			t.Errorf("%s: hold times %v", tc.name, holds)
		}
	}
}

func TestAttributionNamesWhoChangedWhatPassed(t *testing.T) {
	hops, _ := route(t, maxAttributed)
	_, secrets, err := Build(keys.Secret{1}, hops, nil)
	if err != nil {
		t.Fatal(err)
	}
	message := (&Failure{Code: TemporaryChannelFailure}).Encode()
	for erring := range secrets {
		for liar := -1; liar < erring; liar++ {
			packet := CreateFailure(secrets[erring], message)
			a := Attribute(secrets[erring], packet, 7, nil)
			for i := erring - 1; i >= 0; i-- {
				if i == liar {
					packet[10] ^= 1
				}
				WrapFailure(secrets[i], packet)
				a = Attribute(secrets[i], packet, 7, a)
			}
			// Behind a liar nothing verifies; what is attributed ends with the liar, or with who erred.
			want := erring + 1
			if liar >= 0 {
				want = liar + 1
			}
			holds := a.Holds(secrets, packet)
			if len(holds) < want || liar >= 0 && len(holds) > want {
				t.Errorf("hop %d erred and %d lied: %d hops are attributed", erring, liar, len(holds))
			}
		}
	}
}

func TestAttributionEndsWhereANodeHasNone(t *testing.T) {
	hops, _ := route(t, 4)
	_, secrets, err := Build(keys.Secret{1}, hops, nil)
	if err != nil {
		t.Fatal(err)
	}
	packet := CreateFailure(secrets[3], []byte{0x20, 2})
	WrapFailure(secrets[2], packet) // and no attribution data
	WrapFailure(secrets[1], packet)
	a := Attribute(secrets[1], packet, 3, nil)
	WrapFailure(secrets[0], packet)
	a = Attribute(secrets[0], packet, 4, a)
	if holds := a.Holds(secrets, packet); !slices.Equal(holds, []HoldTime{4, 3}) {
		t.Errorf("hold times %v", holds)
	}
}

func FuzzAttributionHolds(f *testing.F) {
	f.Add(bytes.Repeat([]byte{1}, AttributionSize), []byte{1, 2, 3}, uint8(3))
	f.Add([]byte{}, []byte(nil), uint8(27))
	f.Fuzz(func(t *testing.T, data, packet []byte, n uint8) {
		var a Attribution
		copy(a[:], data)
		secrets := make([]keys.Secret, n%40)
		if holds := a.Holds(secrets, packet); len(holds) > maxAttributed {
			t.Errorf("%d hold times", len(holds))
		}
	})
}
